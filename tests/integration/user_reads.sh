#!/bin/bash
# users: ids userns bare
# What root keeps to itself, a step of another user cannot read.
. "$(dirname "$0")/../support/lib.sh"
cat > ctx/Dockerfile <<END
FROM $TINY
RUN mkdir -p /s/dir /s/open && echo secret > /s/file && chmod 600 /s/file && echo x > /s/dir/f && chmod 700 /s/dir \
    && echo mine > /s/mine && chown 1000:50 /s/mine && chmod 400 /s/mine && echo group > /s/group && chgrp 50 /s/group && chmod 640 /s/group \
    && echo '#!/bin/sh' > /s/run && chmod 700 /s/run && chmod 777 /s/open
USER 1000:50
RUN t() { if "\$@" >/dev/null 2>&1; then echo "yes \$*"; else echo "no \$*"; fi; }; cd /s; \
    for f in file dir/f mine group; do t cat \$f; done > open/seen; \
    (t ls dir; t ls open; t cp file open/copy; t cp mine open/copy; t /s/run; t cat /proc/self/status) >> open/seen
END
build -o out1 ctx
cat > want <<END
no cat file
no cat dir/f
yes cat mine
yes cat group
no ls dir
yes ls open
no cp file open/copy
yes cp mine open/copy
no /s/run
yes cat /proc/self/status
END
diff want out1/s/open/seen || fail "another user reads what it may not"
