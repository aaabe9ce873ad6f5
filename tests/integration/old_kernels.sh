#!/bin/bash
# users: userns bare
# Without the calls and flags of newer kernels builds give the same image; what is too old for a tier is said, and auto goes on.
# (newuidmap gains privileges, which a filter without any forbids: tier ids is not here.)
. "$(dirname "$0")/../support/lib.sh"
need gcc
gcc -O1 -static -o as_kernel "$SUPPORT/as_kernel.c"
dockerfile <<'D'
FROM @TINY@
RUN touch /a && chown 33:34 /a && chmod 4755 /a && mkdir -p /d && cp -a /a /d && mkfifo /p && chown 5 /d && umask 077 && echo x > /f
USER 33:34
RUN cat /a > /tmp/a && id > /tmp/id && touch /a && (sleep 0.2 & wait) && stat -c '%n %a %u:%g %h' /a /d /p /f > /tmp/list
D
export SOURCE_DATE_EPOCH=1700000000
build -o type=oci,dest=now.tar ctx
for version in 5.12 5.13 5.18 6.5; do
    ok ./as_kernel $version lichen build --tier="$TIER" --root "$T/old-$version" -o type=oci,dest=old.tar ctx
    python3 "$SUPPORT/compare_images.py" now.tar old.tar
done
if [ "$TIER" = bare ]; then
    ok ./as_kernel 5.11 lichen build --tier=bare --root "$T/old-5.11" -o type=oci,dest=old.tar ctx
    python3 "$SUPPORT/compare_images.py" now.tar old.tar
else
    fails any ./as_kernel 5.11 lichen build --tier=userns ctx
    has err 'tier userns does not work here: the kernel has no mount_setattr'; has err 'Linux 5.12'
    ok ./as_kernel 5.11 lichen build --tier=auto --root "$T/old-5.11" ctx
    has err 'lichen: tier bare'
fi
