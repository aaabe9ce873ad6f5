#!/bin/bash
# users: ids userns bare
# cost: 10
# With SOURCE_DATE_EPOCH an image has the same bytes on 1 processor and on 16, in another time zone, language, directory and store,
# and with another umask of lichen's.
. "$(dirname "$0")/../support/lib.sh"
need gcc
gcc -shared -fPIC -O1 -o cpus.so "$SUPPORT/cpus.c"
dockerfile <<'D'
FROM @TINY@ AS other
RUN mkdir -p /made/by && echo step > /made/by/step && touch /made/empty && head -c 3000000 /dev/zero > /made/zeros
FROM @TINY@
ARG SOURCE_DATE_EPOCH
WORKDIR /work/dir
COPY . /context/
COPY --chmod=640 --chown=5:6 large large2
ADD files.tar /unpacked/
COPY --from=other /made /made
RUN mkdir sub && cp /context/large sub/copy && chmod 4755 sub/copy && ln sub/copy link && echo "$SOURCE_DATE_EPOCH" > epoch
RUN date +%Z%z > zone; umask > umask; pwd > pwd
LABEL made=here
D
python3 - <<'P'
import random, tarfile, io
r = random.Random(5)
open("ctx/large", "wb").write(b"".join(b"%d words " % r.randrange(5000) for _ in range(900000)))
with tarfile.open("ctx/files.tar", "w") as tar:
    for name in "bca":
        m = tarfile.TarInfo(name); m.size = 3; m.mtime = 1900000000; tar.addfile(m, io.BytesIO(b"abc"))
P
mkdir -p "$T/elsewhere/deeper/home"
cp -a ctx "$T/elsewhere/deeper/context"
outputs() { # DIR: one build for each compression
    local compression
    for compression in gzip zstd uncompressed; do
        build --build-arg SOURCE_DATE_EPOCH=1700000000 -o "type=oci,compression=$compression,dest=$1/$compression.oci" \
            -o "type=docker,compression=$compression,dest=$1/$compression.docker" -o "type=tar,dest=$1/$compression.tar" .
        [ $compression != gzip ] || same "$(cached)" 0 "cached steps"
    done
}
mkdir one two
(cd ctx; umask 022; export TZ=UTC0 LANG=C LD_PRELOAD=$T/cpus.so LICHEN_TEST_CPUS=1; outputs "$T/one")
sleep 1.1  # another second
(
    cd elsewhere/deeper/context; umask 077
    export TZ=XXX-9:30 LANG=tr_TR.UTF-8 LC_ALL=C HOME=$T/elsewhere/deeper/home TMPDIR=$T/elsewhere/deeper LICHEN_ROOT=$T/elsewhere/store
    export LD_PRELOAD=$T/cpus.so LICHEN_TEST_CPUS=16
    outputs "$T/two"
)
for file in one/* two/*; do echo "$(sha256sum < "$file" | cut -c1-16) ${file#*/}"; done | sort -u > sums
same "$(wc -l < sums)" 9 "$(paste -sd, sums); files that are different"
same "$(tar -xOf one/gzip.tar work/dir/epoch work/dir/umask work/dir/pwd | paste -sd' ')" "1700000000 /work/dir 0022"
