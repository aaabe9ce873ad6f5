#!/bin/bash
# users: ids userns bare
# RUN --mount of every type: what a step sees there, what of it stays in the layer (nothing), what counts for the cache.
. "$(dirname "$0")/../support/lib.sh"
mkdir -p ctx/sub ctx/named; echo one > ctx/sub/file; echo two > ctx/other; ln -s /sub/file ctx/link; ln -s ../../../../../etc/hostname ctx/out
echo skipped > ctx/sub/x.o; echo '**/*.o' > Dockerfile.dockerignore; echo "a secret of many bytes" > token; echo named > ctx/named/n

# bind: the context, read-only; a stage, a named context; nothing of it is left, stubs neither
dockerfile <<'D'
FROM @TINY@ AS files
RUN mkdir /d && echo stage > /d/f && chown 7:8 /d/f && chmod 4750 /d/f && ln -s /d/f /l
FROM @TINY@
WORKDIR /w
RUN --mount=type=bind,target=/src cat /src/sub/file > /w/got && ! touch /src/x 2>/dev/null && [ "$(stat -c %u:%g /src/other)" = 0:0 ]
RUN --mount=source=link,target=f --mount=source=sub,target=/deep/er/sub cat f /deep/er/sub/file >> got
RUN --mount=from=files,target=/a,source=d --mount=from=files,target=/b,rw --mount=from=files,source=/l,target=/c \
    [ "$(stat -c %u:%g:%a /a/f)" = 7:8:4750 ] && cat /c >> got && echo changed > /b/d/f && mkdir /b/new && mv /b/d/f /b/g && cat /b/g >> got && ! touch /a/x 2>/dev/null && cat /a/f >> got
RUN --mount=from=ctx2,target=/n cat /n/n >> got
RUN --mount=type=tmpfs,target=/t,size=1m --mount=type=secret,id=tier,env=TIER echo x > /t/x && cp /t/x /w/from-t && if [ "$TIER" != bare ]; then ! dd if=/dev/zero of=/t/big bs=1M count=2 2>/dev/null; fi
D
build --secret id=tier,env=LICHEN_TEST_TIER --build-context ctx2=ctx/named -o type=tar,dest=1.tar ctx
tar xOf 1.tar w/got > got
same "$(<got)" $'one\none\none\nstage\nchanged\nstage\nnamed'
! tar tf 1.tar | grep -E '^(\./)?(src|deep|a|b|c|n|t|w/f)(/|$)' || fail "a mount left a trace"
build --secret id=tier,env=LICHEN_TEST_TIER --build-context ctx2=ctx/named -o type=tar,dest=2.tar ctx; same "$(cached)" 8 "cached steps"
echo three >> ctx/other; build --secret id=tier,env=LICHEN_TEST_TIER --build-context ctx2=ctx/named -o type=tar,dest=2.tar ctx
same "$(cached)" 2 "cached steps after a change"  # the others come after the whole context
printf 'FROM %s\nRUN --mount=source=out,target=/o cat /o\n' "$TINY" > ctx/Dockerfile; fails any lichen_build ctx

# what a mount lands on leaves no trace in times, and hides none that the step makes: for a step and in layers
dockerfile <<'D'
FROM @TINY@
RUN mkdir /p /q && touch -d @1000000000 /etc /p /q
RUN --mount=type=tmpfs,target=/p/stub --mount=type=tmpfs,target=/q/stub [ "$(stat -c %Y /etc /p /q | sort -u)" = 1000000000 ] && touch -d @1100000000 /etc /q
RUN --mount=type=tmpfs,target=/p/stub [ "$(stat -c %Y /p)" = 1000000000 ] && [ "$(stat -c %Y /etc /q | sort -u)" = 1100000000 ]
D
build -o type=oci,dest=times.tar ctx
python3 - <<'P'
import sys; sys.path.insert(0, __import__("os").environ["LICHEN_TEST_STATE"] + "/work/support")
from compare_images import Image
layers = list(Image("times.tar").layers())[1:]
assert [sorted(layer) for layer in layers] == [["etc", "p", "q"], ["etc", "q"], []], [sorted(layer) for layer in layers]
P

# with an ignore file what is mounted is a copy without it; rw changes never reach the context
dockerfile <<'D'
FROM @TINY@
RUN --mount=target=/src [ ! -e /src/sub/x.o ] && [ -e /src/sub/file ]
RUN --mount=target=/src,rw rm -r /src/sub && echo y > /src/other
D
cp Dockerfile.dockerignore ctx/.dockerignore; build ctx; rm ctx/.dockerignore
fails any lichen_build ctx  # x.o is seen
[ -e ctx/sub/file ] && grep -q three ctx/other || fail "the context was changed"

# an image's symlink at a mount's target stays inside
dockerfile <<'D'
FROM @TINY@
RUN --mount=type=secret,id=place,env=T mkdir victim && ln -s $T/ctx /to && ln -s ../../../../../../../..$T/ctx/gone /dangling
RUN --mount=type=secret,id=token,target=/to/secret --mount=type=tmpfs,target=/dangling/x --mount=type=cache,target=/to/c echo z > /to/c/z && cat /to/secret
D
before=$(ls -A ctx); T=$T build --secret-guard=off --secret id=token,src=token --secret id=place,env=T ctx; same "$(ls -A ctx)" "$before" "files of the host"

# secrets: a file with its mode and owner, a variable, both, none; in no layer, history, log or store
dockerfile <<'D'
FROM @TINY@
RUN --mount=type=secret,id=token [ "$(wc -c < /run/secrets/token)" = 23 ] && [ "$(stat -c %a:%u /run/secrets/token)" = 400:0 ] && ! echo x 2>/dev/null > /run/secrets/token
RUN --mount=type=secret,id=token,target=/etc/t,mode=0440,uid=3,gid=4 [ "$(stat -c %a:%u:%g /etc/t)" = 440:3:4 ]
RUN --mount=type=secret,id=v,env=V --mount=type=secret,id=token,target=/x/t,env=TOKEN [ "$V" = "of the environment" ] && printf %s "$TOKEN" | cmp - /x/t && [ ! -e /run/secrets/v ]
RUN --mount=type=secret,id=absent [ ! -e /run/secrets/absent ]
D
WHERE="of the environment" build --secret id=token,src=token --secret id=v,env=WHERE -o type=tar,dest=3.tar ctx
! tar tf 3.tar | grep -E '^(\./)?(run/secrets|etc/t$|x(/|$))' || fail "a secret left a trace"
! grep -rqsF "a secret of many bytes" "$LICHEN_ROOT" err || fail "a secret is in the store or the log"
echo another secret, and no step runs > token; WHERE=x build --secret id=token,src=token --secret id=v,env=WHERE ctx; same "$(cached)" 4
printf 'FROM %s\nRUN --mount=type=secret,id=no,required true\n' "$TINY" > ctx/Dockerfile; fails any lichen_build ctx; has err 'secret no: not found'
printf 'FROM %s\nRUN --mount=type=secret,id=token base64 /run/secrets/token > /leak\n' "$TINY" > ctx/Dockerfile
fails any lichen_build --secret id=token,src=token -t x ctx; has err 'bytes of the secret token'
build --secret id=token,src=token --secret-guard=warn -t x ctx; has err 'bytes of the secret token'

# caches: kept from step to step with owners and modes; private to their name; reset with --no-cache if they have a mode
cat > cachefile <<'D'
FROM @TINY@ AS first
RUN echo start > /seed && chown 5:6 /seed
FROM @TINY@
ARG n
RUN --mount=type=cache,target=/c mkdir -p /c/d && echo $n >> /c/d/f && chown 1:2 /c/d/f && chmod 2755 /c/d && cat /c/d/f > /got
RUN --mount=type=cache,id=/c,target=/e,sharing=locked [ "$(stat -c %u:%g /e/d/f)" = 1:2 ] && [ "$(stat -c %a /e/d)" = 2755 ] && cat /e/d/f > /again
RUN --mount=type=cache,target=/m,mode=0711,uid=9,gid=10 [ "$(stat -c %a:%u:%g /m)" = 711:9:10 ] && echo $n >> /m/f && cat /m/f > /with-mode
RUN --mount=type=cache,from=first,target=/s,sharing=private [ "$(stat -c %u:%g /s/seed)" = 5:6 ] && cat /s/seed > /seeded
RUN --mount=type=cache,id=/c,source=d,target=/sub cat /sub/f > /selected
D
dockerfile < cachefile
build --build-arg n=1 -o type=local,dest=c1 ctx; build --build-arg n=2 -o type=local,dest=c2 ctx
same "$(cat c2/got c2/again c2/selected)" $'1\n2\n1\n2\n1\n2'; same "$(<c2/with-mode)" $'1\n2'; same "$(<c2/seeded)" start
[ ! -e c2/c ] && [ ! -e c2/m ] || fail "a cache is in the layer"
build --no-cache --build-arg n=3 -o type=local,dest=c3 ctx; same "$(<c3/got)" $'1\n2\n3'; same "$(<c3/with-mode)" 3
build --build-arg BUILDKIT_CACHE_MOUNT_NS=ns --build-arg n=4 -o type=local,dest=c4 ctx; same "$(<c4/got)" 4
printf 'FROM %s\nRUN --mount=type=cache,target=/c ln -s / /c/escape\nRUN --mount=type=cache,target=/x,id=/c,source=escape ls /x\n' "$TINY" > ctx/Dockerfile
fails any lichen_build ctx; has err 'leads through a symbolic link'

# ssh: an agent behind a socket of ours
python3 - "$T/agent" <<'P' & agent=$!
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
while True:
    c, _ = s.accept(); c.sendall(b"key " + c.recv(9)); c.close()
P
dockerfile <<'D'
FROM @DEBIAN@
USER 1000
RUN --mount=type=ssh,mode=0666 [ -n "$SSH_AUTH_SOCK" ] && perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die $!; syswrite($s, "of me"); sysread($s, $b, 99); die $b unless $b eq "key of me"'
RUN --mount=type=ssh,id=other [ -z "$SSH_AUTH_SOCK" ]
D
for i in $(seq 50); do [ -S agent ] || sleep 0.1; done
build --ssh default="$T/agent" ctx; kill $agent; wait $agent 2>/dev/null || true
# Key files: an agent of lichen's own, which ends with the build. (ssh-keygen wants to know who its user is.)
if id -un >/dev/null 2>&1; then
ssh-keygen -q -t ed25519 -N "" -C the-comment -f key; ssh-keygen -q -t ed25519 -N secret -f locked
dockerfile <<'D'
FROM @DEBIAN@
RUN --mount=type=ssh,id=k perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die $!; syswrite($s, pack("NC", 1, 11)); sysread($s, $b, 4096); $b =~ /the-comment/ or die "no key"'
D
build --ssh k="$T/key" ctx
fails any lichen_build --ssh k="$T/locked" ctx; has err 'ssh k: .*locked'
fails any lichen_build --ssh k="$T/key,$T/Dockerfile.none" ctx; has err 'Dockerfile.none'
fi
! ls -d "$XDG_RUNTIME_DIR"/lichen-ssh-* 2>/dev/null || fail "an agent's directory was left behind"
printf 'FROM %s\nRUN --mount=type=ssh,required true\n' "$TINY" > ctx/Dockerfile; fails any lichen_build ctx; has err 'no SSH key "default" forwarded'
! ls -d /dev/shm/lichen-secrets-* 2>/dev/null || fail "secrets were left in memory"
