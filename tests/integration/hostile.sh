#!/bin/bash
# users: ids userns bare
# What an image or an archive says never leads out of the image: symlinks, "..", absolute names.
. "$(dirname "$0")/../support/lib.sh"
echo outside > secret; mkdir victim
python3 - "$T" <<'P'
import io, sys, tarfile
def put(tar, name, data=None, link=None, kind=None):
    m = tarfile.TarInfo(name); m.type = kind or (tarfile.SYMTYPE if link else tarfile.REGTYPE)
    m.linkname = link or ""; m.size = len(data or b""); tar.addfile(m, io.BytesIO(data or b""))
with tarfile.open("ctx/up.tar", "w") as tar: put(tar, "../../../../../../" + sys.argv[1][1:] + "/victim/up", b"x")
with tarfile.open("ctx/link.tar", "w") as tar:
    put(tar, "out", link=sys.argv[1] + "/victim"); put(tar, "out/through", b"x")
# A sparse file of an EiB in a few bytes, and a header that promises one.
sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "hole", "GNU.sparse.realsize": str(1 << 60)}
with tarfile.open("ctx/sparse.tar", "w", format=tarfile.PAX_FORMAT) as tar:
    m = tarfile.TarInfo("GNUSparseFile.0/hole"); m.pax_headers = sparse
    data = b"1\n%d\n0\n" % (1 << 60); data += b"\0" * (512 - len(data)); m.size = len(data); tar.addfile(m, io.BytesIO(data))
m = tarfile.TarInfo("promise"); m.size = 1 << 60
open("ctx/promise.tar", "wb").write(m.tobuf() + b"x" * 5120)
with tarfile.open("ctx/hard.tar", "w") as tar:
    put(tar, "hard", link=sys.argv[1] + "/secret", kind=tarfile.LNKTYPE)
P
for archive in up link hard; do
    printf 'FROM %s\nADD %s.tar /x/\n' "$TINY" $archive > ctx/Dockerfile
    lichen_build -o out-$archive ctx >out 2>err || has err 'Dockerfile:2'
    same "$(ls victim)" "" "files outside the image after $archive.tar"
    [ ! -e out-$archive/x/hard ] || fail "a hard link to a file outside"
done
for archive in sparse promise; do
    printf 'FROM %s\nADD %s.tar /x/\n' "$TINY" $archive > ctx/Dockerfile
    ! lichen_build ctx >out 2>err || fail "$archive.tar: more than the disk has was unpacked"
    has err 'are left on the disk'
done
dockerfile <<D
FROM @TINY@ AS evil
RUN ln -s $T /escape && ln -s $T/secret /leak && ln -s ../../../../../../../../..$T/secret /leak2
FROM @TINY@
RUN ln -s $T/victim /in && ln -s / /root2
COPY --from=evil /escape/ /got/
COPY Dockerfile /in/
D
lichen_build -o out1 ctx >out 2>err || has err 'Dockerfile:'
[ ! -e out1/got/secret ] && same "$(ls victim)" "" "files outside after COPY"
dockerfile <<D
FROM @TINY@ AS evil
RUN ln -s $T/secret /leak && ln -s ../../../../../../../../..$T/secret /leak2
FROM scratch
COPY --from=evil /leak /leak2 /
D
lichen_build -o out2 ctx >out 2>err || has err 'Dockerfile:'
! grep -rqs outside out2 || fail "a file of the host reached the image"
