# Prints an ELF of 32 bits made by hand: chown(argv[1], 12, 34), then exit with chown's result.
my $code = pack("H*", "8b5c2408" . "b90c000000" . "ba22000000" . "b8d4000000" . "cd80" . "89c3" . "f7db" . "b801000000" . "cd80");
my $size = 84 + length $code;
print pack("C16 v v V V V V V v6", 0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, (0) x 9, 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0),
    pack("V8", 1, 0, 0x8048000, 0x8048000, $size, $size, 5, 0x1000), $code;
