#!/bin/bash
# users: ids userns random
# What an install script does as root works and is recorded: owners, modes, devices, capabilities,
# users. Read from the layer itself with Python's tarfile.
. "$(dirname "$0")/../support/lib.sh"
dockerfile <<'D'
FROM @TINY@
RUN test "$(id -u)" = 0 && mkdir /d && echo x > /d/f && chown 33:50 /d/f && chmod 4755 /d/f && test "$(stat -c %u:%g:%a /d/f)" = 33:50:4755
RUN mkfifo /d/fifo && ln /d/f /d/hard && ln -s f /d/soft && mknod /d/null c 1 3 && chown -h 1000:1000 /d/soft && chmod 2775 /d
RUN echo joe:x:4242:4242::/home/joe:/bin/sh >> /etc/passwd && mkdir -p /home/joe && chown joe /home/joe && su joe -c 'echo mine > /home/joe/file' && test "$(stat -c %U /home/joe/file)" = joe
USER joe
RUN test "$(id -u)" = 4242 && ! touch /root/forbidden && echo mine > ~/second
D
build -o type=tar,dest=all.tar ctx
python3 - <<'P'
import tarfile
t = {m.name.removeprefix("./"): m for m in tarfile.open("all.tar")}
f = t["d/f"] if t["d/f"].isreg() else t["d/hard"]
assert (f.uid, f.gid, f.mode) == (33, 50, 0o4755), (f.uid, f.gid, oct(f.mode))
assert t["d/hard"].islnk() or t["d/f"].islnk(), "hard link lost"
assert t["d/fifo"].isfifo(), t["d/fifo"].type
n = t["d/null"]
assert n.ischr() and (n.devmajor, n.devminor) == (1, 3), n.type
assert t["d/soft"].issym() and t["d/soft"].linkname == "f" and t["d/soft"].uid == 1000
assert t["d"].mode == 0o2775, oct(t["d"].mode)
for name in ("home/joe/file", "home/joe/second"):
    assert t[name].uid == 4242, (name, t[name].uid)
assert "root/forbidden" not in t
P
