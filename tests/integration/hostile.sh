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
with tarfile.open("ctx/hard.tar", "w") as tar:
    put(tar, "hard", link=sys.argv[1] + "/secret", kind=tarfile.LNKTYPE)
P
for archive in up link hard; do
    printf 'FROM %s\nADD %s.tar /x/\n' "$TINY" $archive > ctx/Dockerfile
    lichen_build -o out-$archive ctx >out 2>err || has err 'Dockerfile:2'
    same "$(ls victim)" "" "files outside the image after $archive.tar"
    [ ! -e out-$archive/x/hard ] || fail "a hard link to a file outside"
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
