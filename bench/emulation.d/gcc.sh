# image: tools
# Every file of bzip2 by a compiler of its own, then the linker.
rm -rf /work; mkdir /work; cd /work
export TMPDIR=/work
for file in blocksort huffman crctable randtable compress decompress bzlib bzip2; do gcc -O2 -c /src/bzip2/$file.c; done
gcc -o bzip2 ./*.o
./bzip2 --help
