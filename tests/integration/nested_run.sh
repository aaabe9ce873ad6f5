#!/bin/bash
# users: ids userns
# equality: none, the image holds the store of a lichen inside, and what it says of its tier
# lichen inside of a RUN of lichen: there can be one answerer of system calls only, so the inner one takes a tier that needs
# none, or says that there is none.
. "$(dirname "$0")/../support/lib.sh"
mkdir -p ctx/root/usr/bin ctx/root/inner
cp "$STATE/bin/lichen" ctx/root/usr/bin/; cp -r "$TINY_LAYOUT" ctx/root/layout
for library in $(ldd "$STATE/bin/lichen" | grep -oE '/[^ ]+'); do
    mkdir -p "ctx/root$(dirname "$library")"; cp -L "$library" "ctx/root$library"
done
printf 'FROM base\nRUN echo inner > /x && chown 5:6 /x && stat -c %%u:%%g /x\n' > ctx/root/inner/Dockerfile
dockerfile <<'D'
FROM @TINY@
COPY root /
RUN lichen doctor || true
RUN cd /inner && mkdir /tmp /var/tmp 2>/dev/null; status=0; lichen build --progress=plain --root /store --build-context base=oci-layout:///layout:base -o type=tar,dest=/x.tar . > /said 2>&1 || status=$?; cat /said; echo $status > /status
D
build -o got ctx
case $(<got/status) in
0) [ "$TIER" = ids ] && tar -tvf got/x.tar --numeric-owner | grep -E ' 5/6 .* (\./)?x$' || fail "the inner image: $(tar -tvf got/x.tar)" ;;
4) grep -q 'no tier works here' got/said || fail "not a clear error: $(<got/said)" ;;
*) fail "the inner build failed: $(<got/said)" ;;
esac
