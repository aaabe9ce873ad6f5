# common.sh - what the fixture, the demo and the benchmarks share; sourced by bash scripts.
# Gives: here, top, state (a readable directory that outlives this process), say, die, and functions to
# make the two test users, stage the program, make base images and run registries.
# Root makes users and drops to them; an ordinary user uses itself for whatever tiers work.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
top=$(dirname "$(dirname "$here")")
export LC_ALL=C.UTF-8
# The machine's own interpreter, not one that a developer put first in PATH.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }
am_root() { [ "$(id -u)" = 0 ]; }

cache_dir() {
    local dir=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/lichen-test
    mkdir -p "$dir" 2>/dev/null || { dir=${TMPDIR:-/var/tmp}/lichen-test-cache-$(id -u); mkdir -p "$dir"; }
    printf '%s\n' "$dir"
}

# Two users: one with a range of sub-ids, one that has none.
make_users() {
    local name
    am_root || return 0
    exec 8>/run/lichen-test-users.lock; flock 8
    for name in lichen-ids lichen-userns; do
        getent passwd "$name" >/dev/null && continue
        useradd --create-home --user-group --shell /bin/bash \
            -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 "$name"
    done
    touch /etc/subuid /etc/subgid
    sed -i '/^lichen-userns:/d' /etc/subuid /etc/subgid
    for name in /etc/subuid /etc/subgid; do
        grep -q '^lichen-ids:' "$name" || add_range "$name"
    done
    exec 8>&-
}
add_range() { # FILE: a range of 65536 above every range there is
    awk -F: 'BEGIN { top = 524288 } $2 + $3 > top { top = $2 + $3 } END { printf "lichen-ids:%d:65536\n", top }' \
        "$1" > "$1.lichen" && cat "$1.lichen" >> "$1" && rm "$1.lichen"
}

# stage PROGRAM: copies the program and what tests need where every user can read it.
stage() {
    state=$(mktemp -d "${TMPDIR:-/var/tmp}/lichen-test.XXXXXX")
    chmod 755 "$state"
    mkdir -p "$state/bin" "$state/tmp" "$state/work"
    chmod 1777 "$state/tmp"
    install -m 755 "$1" "$state/bin/lichen"
    cp -r "$top/tests/support" "$top/tests/integration" "$top/tests/scenarios" "$top/tests/conformance" "$top/examples" \
        "$state/work/"
    [ ! -d "$top/bench" ] || cp -r "$top/bench" "$state/work/"
    local data=${LICHEN_CONFORMANCE:-$top/../shared/conformance}
    mkdir "$state/work/corpus"
    [ ! -d "$data/corpus" ] || cp -r "$data/corpus" "$data/corpus-index.json" "$state/work/corpus/"
    chmod -R u+w,a+rX "$state/bin" "$state/work"
    : > "$state/env"
}
remember() { printf '%s=%q\n' "$1" "$2" >> "$state/env"; }

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_registry NAME [EXTRA_HTTP [EXTRA_TOP]]: serves from $state/registry-NAME; prints host:port.
start_registry() {
    local name=$1 tls=${2:-} extra=${3:-} port try url who=()
    [ ! -e "$state/client.cert" ] || who=(--cert "$state/client.cert" --key "$state/client.key")
    for try in 1 2 3 4 5; do
        port=$(free_port)
        cat > "$state/registry-$name.yml" <<YML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: $state/registry-$name}
  delete: {enabled: true}
http: {addr: "127.0.0.1:$port"$tls}
$extra
YML
        setsid docker-registry serve "$state/registry-$name.yml" \
            </dev/null >"$state/registry-$name.log" 2>&1 8>&- 9>&- &
        echo $! >> "$state/pids"
        url=http; [ -z "$tls" ] || url=https
        for _ in $(seq 100); do
            # Any HTTP answer will do: 401 is what the one with passwords says.
            curl -sk --noproxy '*' "${who[@]}" -o /dev/null "$url://127.0.0.1:$port/v2/" && { echo "127.0.0.1:$port"; return; }
            kill -0 $! 2>/dev/null || break  # another took the port: try again
            sleep 0.05
        done
    done
    die "docker-registry does not start; see $state/registry-$name.log"
}

start_registries() {
    REG=$(start_registry plain)
    remember REG "$REG"
    # The same three letters for name and password everywhere: it guards nothing but a test.
    perl -e 'print "tom:", crypt("secret", "\$2y\$05\$abcdefghijklmnopqrstuu"), "\n"' > "$state/htpasswd"
    remember REG_AUTH "$(start_registry auth '' "auth: {htpasswd: {realm: test, path: $state/htpasswd}}")"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
        -keyout "$state/key.pem" -out "$state/cert.pem" 2>/dev/null
    remember REG_TLS "$(start_registry tls ", tls: {certificate: $state/cert.pem, key: $state/key.pem}")"
    # One that asks who its clients are, and one whose users get tokens.
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tom \
        -keyout "$state/client.key" -out "$state/client.cert" 2>/dev/null
    chmod a+r "$state/client.key"
    remember REG_MTLS "$(start_registry mtls ", tls: {certificate: $state/cert.pem, key: $state/key.pem, clientcas: [$state/client.cert]}")"
    setsid python3 "$here/token_server.py" "$state/key.pem" "$state/cert.pem" "$state/token-port" \
        </dev/null >"$state/token-server.log" 2>&1 8>&- 9>&- &
    echo $! >> "$state/pids"
    for _ in $(seq 100); do [ ! -s "$state/token-port" ] || break; sleep 0.05; done
    remember REG_TOKEN "$(start_registry token '' "auth: {token: {realm: 'http://127.0.0.1:$(<"$state/token-port")/token', service: test, issuer: test, rootcertbundle: $state/cert.pem}}")"
}

push_base() { # LAYOUT NAME: prints the reference
    skopeo copy -q --dest-tls-verify=false "oci:$1:base" "docker://$REG/$2"
    printf '%s\n' "$REG/$2"
}

stop_all() {
    local pid
    [ -e "$state/pids" ] || return 0
    while read -r pid; do kill "$pid" 2>/dev/null || true; done < "$state/pids"
}
remove_state() {
    if am_root; then
        rm -rf --one-file-system "$state"
    else
        unshare --user --map-root-user --map-auto rm -rf "$state" 2>/dev/null ||
            { chmod -R u+rwX "$state" 2>/dev/null; rm -rf "$state"; }
    fi
}

# The seccomp profile of restricted pods, copied to where all can read it; nothing when there is none.
pod_profile() {
    local path
    path=$(python3 "$here/pod_profile.py") || return 0
    install -m 644 "$path" "$state/pod-profile.json"
    printf '%s\n' "$state/pod-profile.json"
}

# Which test users there are: "ids userns random" for root; else the tiers that work for this user.
test_users() {
    if am_root; then echo "ids userns random bare"; return; fi
    "$state/bin/lichen" doctor --json | python3 "$here/tiers.py"
}
