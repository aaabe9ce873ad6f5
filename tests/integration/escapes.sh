#!/bin/bash
# users: ids userns bare
# cost: 90
# A hostile step reaches nothing of the host, of its builder or of another step, leaves nothing behind, and
# does not make the builder large. tests/support/escapes/ has the attempts; they run as the host's user does,
# and run without lichen they succeed. What tier bare leaves to the pod is in bare.known and docs/security.md.
. "$(dirname "$0")/../support/lib.sh"
need gcc
declare -r max_builder_kib=$((256 << 10))
gcc -O1 -static -pthread -o ctx/escapes "$SUPPORT"/escapes/*.c -lrt
word=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n') tag=e$(head -c 3 /dev/urandom | od -An -tx1 | tr -d ' \n')
landlock=$(ctx/escapes landlock)
mkdir bin; cp "$STATE/bin/lichen" bin/  # the user's own, so that it could be overwritten
PATH=$T/bin:$PATH

# --- the host: everything in it is this user's ----------------------------------------------------
host_is_up() {
    rm -rf host seen facts; mkdir host
    printf 'host-witness:%s\n' "$word" > host/secret
    echo raced > host/raced; echo text > host/victim; echo text > host/removable; echo text > host/movable
    cp ctx/escapes host/program; ln -s secret host/link
    cp ctx/escapes host/witness; echo >> host/witness  # another size, by which it is known
    WITNESS_SECRET=host-witness:$word setsid host/witness witness "$T/host" &
    for _ in $(seq 100); do [ ! -e facts ] || break; sleep 0.05; done
    printf 'store=%s\ntag=%s\nrace_ms=%s\n' "$LICHEN_ROOT" "$tag" "${LICHEN_TEST_RACE_MS:-200}" >> facts
    find host -printf '%P %y %m %U %s %T@ %l\n' | sort > host.before
}
host_is_down() { kill -KILL "$(sed -n 's/^pid=//p' facts)"; wait; }
host_is_unchanged() {
    find host -printf '%P %y %m %U %s %T@ %l\n' | sort > host.now
    diff host.before host.now || fail "the step has changed files of the host"
    cmp bin/lichen "$STATE/bin/lichen" || fail "the step has overwritten lichen"
    ! grep -qF "$word" err || fail "a secret of the host is in the log"
}
# attack DOCKERFILE: builds it in the background, the builder's pid in facts; $builder is its pid.
attack() {
    dockerfile
    ctx/escapes keyring "host-witness:$word" bash -c '{ cat facts; echo builder=$$; } > ctx/facts; exec "$@"' attack \
        lichen build --tier="$TIER" --progress=plain -o got ctx </dev/null >out 2>err &
    builder=$!
}

# --- what came of it ------------------------------------------------------------------------------
# results GROUP... < log: "NAME RESULT" of every attempt, with what the victim and the process list say.
results() {
    local name result rest
    sed -n 's/^.*escape: //p' | while read -r name result rest; do
        case $result in
        sent) grep -qx "signal $rest" seen && result=ESCAPED || result=stopped ;;
        left) is_left "$rest" && result=ESCAPED || result=stopped ;;
        esac
        echo "$name $result $rest"
    done > results
    ctx/escapes list "$@" | cut -d' ' -f1 | sort > expected
    cut -d' ' -f1 results | sort | diff expected - || fail "not every attempt was made"
}
look_for=0.1  # seconds, which each that is not left costs
is_left() { ctx/escapes left "$1" $look_for; }
any_is_left() { grep -qxsE "$tag[a-n]" /proc/[0-9]*/comm; }
known() { sed -n "s/^$1 \([a-z]*\) .*/\1/p" "$SUPPORT/escapes/$TIER.known"; }  # always, race, scopes, or nothing
judge() {
    local name result rest bad=''
    while read -r name result rest; do
        case $result in
        stopped) [ "$(known "$name")" != always ] || bad+="$name no longer escapes: take it out of $TIER.known"$'\n' ;;
        not) echo "$name: $result $rest" ;;
        ESCAPED)
            case $(known "$name") in
            always | race) ;;
            scopes) [ "$landlock" -lt 6 ] || bad+="$name ESCAPED, and Landlock has scopes here"$'\n' ;;
            *) bad+="$name ESCAPED"$'\n' ;;
            esac ;;
        *) bad+="$name $result $rest"$'\n' ;;
        esac
    done < results
    # What came to the victim without an attempt saying so. A socket with a path: text_connect, race_connect.
    [ "$landlock" -lt 6 ] || ! grep -svx 'named socket' seen || bad+="the victim was reached"$'\n'
    [ "$TIER" = bare ] || [ ! -s seen ] || bad+="the victim was reached"$'\n'
    [ -z "$bad" ] || { printf '%s' "$bad"; fail "escapes"; }
}

host_is_up
printf 'host-witness:%s\n' "$word" > ctx/word; echo layer > ctx/layer
groups=(read mount process signal other race text)
attack <<D
FROM @TINY@ AS other
COPY escapes word /
RUN ["/escapes", "hold", "/word"]
RUN : > /done
FROM @TINY@
COPY escapes layer /
COPY facts /
RUN ["/escapes", "/facts", "$(sed 's/ /", "/g' <<<"${groups[*]}")"]
COPY --from=other /done /
D
wait $builder || fail "exit status $?"
results "${groups[@]}" < err
judge
host_is_unchanged
! grep -rqsF "$word" got || fail "a secret of the host is in the image"
[ ! -e out ] || [ ! -s out ] || cat out

# --- left behind: looked for while the build goes on with its next step ----------------------------
attack <<'D'
FROM @TINY@
COPY escapes /
COPY facts /
RUN ["/escapes", "/facts", "outlive"]
RUN echo outlive-$((1 + 1))-over; sleep 2
D
await() { for _ in $(seq 600); do ! grep -q "$1" err || return 0; sleep 0.05; done; fail "no $1"; }
await 'escape: outlive_namespace'
began=$SECONDS
await outlive-2-over
[ $((SECONDS - began)) -lt 15 ] || fail "the step went on for $((SECONDS - began)) s after its command"
results outlive < err
judge
wait $builder || fail "exit status $?"
! any_is_left || fail "left after the build"

# --- exhaustion -----------------------------------------------------------------------------------
attack <<'D'
FROM @TINY@
COPY escapes layer /
COPY facts /
RUN ["/escapes", "/facts", "exhaust"]
RUN echo goes on > /after
D
"$SUPPORT/escapes/builder_peak.py" $builder > peak &
wait $builder || fail "exit status $?"
wait $!
results exhaust < err
judge
same "$(<got/after)" "goes on"
echo "the builder's largest process: $(<peak) KiB"
[ "$(<peak)" -lt $max_builder_kib ] || fail "the builder has grown to $(<peak) KiB"
host_is_unchanged
host_is_down

# --- without lichen all of this works, or says why not even then ----------------------------------
[ -z "${LICHEN_TEST_IN_POD:-}" ] || exit 0
host_is_up
{ cat facts; echo on_host=1; echo work="$T/work"; echo builder=0; } > facts.direct
groups+=(outlive)
exec 9<host
ctx/escapes keeper direct.status "$T/ctx/escapes" keyring "host-witness:$word" "$T/ctx/escapes" facts.direct "${groups[@]}" > direct 2>&1 9<host &
keeper=$!
exec 9<&-
until [ -s direct.status ]; do
    kill -0 $keeper || fail "the keeper has ended"
    sleep 0.05
done
look_for=5
results "${groups[@]}" < direct
kill -TERM $keeper; wait $keeper
same "$(<direct.status)" 0
! any_is_left || fail "the keeper has left some"
host_is_down
ctx/escapes list "${groups[@]}" | sort > expected
while read -r name result rest; do
    reason=$(sed -n "s/^$name //p" expected)
    [ "$result" = ESCAPED ] || [ "$reason" != - ] || echo "$name does not escape on the host either: $result $rest"
done < results > weak
[ ! -s weak ] || { cat weak; fail "attempts that prove nothing"; }
