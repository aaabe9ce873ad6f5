#!/bin/bash
# users: ids userns bare
# `lichen run -it` and `lichen debug shell` at a real terminal: the command has it as its own, with its size, what is
# typed arrives, Ctrl-C is the command's, and the caller's terminal is afterwards what it was.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN echo made > /made\nRUN echo left > /left; exit 3\n' "$TINY" > ctx/Dockerfile
fails any lichen_build ctx

ok at_terminal -- lichen run --tier="$TIER" -it "$TINY" sh -c 'tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all three'
has out '^/dev/'; has out '^33 77$'; has out '^all three$'
fails 7 at_terminal '[#$] ' 'echo typed $((6 * 7)); exit 7\n' -- lichen run --tier="$TIER" -it "$TINY" sh
has out '^typed 42'
fails 9 at_terminal ready '\x03' -- lichen run --tier="$TIER" -it "$TINY" sh -c 'trap "exit 9" INT; echo ready; while :; do sleep 0.1; done'
ok at_terminal -- lichen run --tier="$TIER" -t "$TINY" tty; has out '^/dev/'
ok at_terminal -- lichen run --tier="$TIER" -it -u www "$TINY" sh -c 'id -u; echo written > /dev/tty'
has out '^33'; has out '^written'

ok at_terminal '[#$] ' 'tty; cat /left /made; exit\n' -- lichen debug shell --failed
has out '^/dev/'; has out '^left'; has out '^made'
fails 5 at_terminal '[#$] ' 'stty size; exit 5\n' -- lichen debug shell --after 'echo made'
has out '^33 77'

# A build's progress counts its steps right: each of them ends, found or not, and whatever the Dockerfile has.
echo f > ctx/f
cat > ctx/Dockerfile <<D
FROM $TINY AS unused
RUN false
FROM $TINY AS made
COPY f /f
RUN --mount=type=cache,target=/c --mount=type=bind,target=/src cat /src/f > /made
FROM scratch
COPY --link f /g
ADD --link --chmod=600 f /h
COPY --from=made /made /
D
for again in 1 2; do
    ok at_terminal -- lichen build --tier="$TIER" --progress=tty ctx
    tr -d '\r' < out | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' > shown
    grep -qE '^\[\+\] Building [0-9.]+s \(([0-9]+)/\1\) FINISHED$' shown || { cat shown; fail "the steps are not all counted"; }
    grep -qE '^ => => image sha256:' shown || fail "the image is not named"
done
