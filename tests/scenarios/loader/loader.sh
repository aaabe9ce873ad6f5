. /scenario/steps.sh
mkdir -p /opt/old /srv/l; cd /srv/l
# An interpreter of twenty lines: it only jumps to the program, with the stack as the kernel left it.
gcc -O1 -ffreestanding -fno-stack-protector -fcf-protection=none -nostdlib -shared -fPIC -Wl,-e,_start -Wl,-Bsymbolic -o /opt/old/ld-tiny.so.1 /scenario/tiny.c
# Two programs for it: without libc; it knows what the kernel told them.
gcc -O1 -ffreestanding -fno-stack-protector -nostdlib -fno-pie -no-pie -Wl,--dynamic-linker=/opt/old/ld-tiny.so.1 -Wl,-E -Wl,--no-as-needed -o fixed /scenario/freestanding.c -Wl,-z,norelro -Wl,--export-dynamic /opt/old/ld-tiny.so.1
gcc -O1 -ffreestanding -fno-stack-protector -nostdlib -fPIE -pie -Wl,--dynamic-linker=/opt/old/ld-tiny.so.1 -o floating /scenario/freestanding.c
note readelf -l fixed; sed -i '/0x0/d' /evidence
note ./fixed one; note ./floating one two; note bash -c 'exec -a called-otherwise ./floating three'
refused /opt/old/ld-tiny.so.1 --argv0 x ./fixed
# A libc program with a loader of another name and place, as an old distribution's beside ours.
cp "$(readelf -l /bin/true | sed -n 's/.*interpreter: \(.*\)]/\1/p')" /opt/old/ld-2.so
gcc -O1 -Wl,--dynamic-linker=/opt/old/ld-2.so -o copied-loader /scenario/program.c
note ./copied-loader; note ./copied-loader again
note sh -c 'cd / && srv/l/copied-loader'; ln -s ../../opt/old/ld-2.so /srv/l/ld-link.so
gcc -O1 -Wl,--dynamic-linker=/srv/l/ld-link.so -o linked-loader /scenario/program.c; note ./linked-loader
gcc -O1 -Wl,--dynamic-linker=/opt/old/missing.so -o without /scenario/program.c; note sh -c ./without
list /srv/l /opt/old
