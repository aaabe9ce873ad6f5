#!/bin/bash
# users: ids userns bare
# COPY and ADD: globs, folders, --chown by name and number, --chmod, tar extraction, --from a stage.
. "$(dirname "$0")/../support/lib.sh"
mkdir -p ctx/dir/deep; echo a > ctx/a.txt; echo b > ctx/b.txt; echo c > ctx/dir/deep/c
chmod 600 ctx/a.txt; ln -s a.txt ctx/dir/link
mkdir in; echo packed > in/packed; ln -s packed in/soft; tar --owner=1001 --group=1002 --mtime=@1700000000 -C in -cf - . | gzip -n > ctx/p.tar.gz
dockerfile <<'D'
FROM @TINY@ AS one
RUN mkdir -p /o && echo built > /o/built && chown 1000:50 /o/built
FROM @TINY@
COPY *.txt /txt/
COPY dir /dir
COPY --chown=www:staff --chmod=640 a.txt /owned/a
COPY --chown=12:34 dir /num/
ADD p.tar.gz /un/
COPY p.tar.gz /kept/
COPY --from=one /o/ /from/
COPY --from=@TINY@ /etc/passwd /image-passwd
COPY a.txt b.txt relative/
D
build -o type=tar,dest=all.tar ctx
python3 - <<'P'
import tarfile
tar = tarfile.open("all.tar")
t = {m.name.removeprefix("./"): m for m in tar}
def who(name): m = t[name]; return (m.uid, m.gid, oct(m.mode & 0o7777))
assert who("txt/a.txt") == (0, 0, "0o600"), who("txt/a.txt")
assert "txt/b.txt" in t and "dir/deep/c" in t and t["dir/link"].linkname == "a.txt"
assert who("owned/a") == (33, 50, "0o640"), who("owned/a")
assert who("num/deep/c")[:2] == (12, 34) and who("num/deep")[:2] == (12, 34)
assert t["un/soft"].issym() and tar.extractfile("./un/packed" if "./un/packed" in tar.getnames() else "un/packed").read() == b"packed\n"
assert t["kept/p.tar.gz"].isreg()
assert who("from/built")[:2] == (1000, 50), who("from/built")
assert "image-passwd" in t and "relative/a.txt" in t
P
