# lib.sh - sourced first by every integration test.
#
# Gives: T (a directory of its own, the working directory), TIER, LICHEN_ROOT (a store in T), the
# registries REG, REG_AUTH, REG_TLS, REG_MTLS (wants a client's certificate), REG_TOKEN, the base images DEBIAN, TINY and TINY_ARM64, and the words below.
# A test fails at its first failing command; at its end the store must be sound (lichen debug fsck).
# Progress of the last `build`, `ok` or `fails` is in $T/err, its standard output in $T/out.
set -euo pipefail
T=$LICHEN_TEST_DIR TIER=$LICHEN_TEST_TIER
REG=$LICHEN_TEST_REG REG_AUTH=$LICHEN_TEST_REG_AUTH REG_TLS=$LICHEN_TEST_REG_TLS
REG_MTLS=$LICHEN_TEST_REG_MTLS REG_TOKEN=$LICHEN_TEST_REG_TOKEN
TINY_ARM64=$LICHEN_TEST_TINY_ARM64 DEBIAN=$LICHEN_TEST_DEBIAN TINY=$LICHEN_TEST_TINY TINY_LAYOUT=$LICHEN_TEST_TINY_LAYOUT
STATE=$LICHEN_TEST_STATE EXAMPLES=$LICHEN_TEST_STATE/work/examples SUPPORT=$LICHEN_TEST_STATE/work/support
export PATH="$STATE/bin:$PATH" LICHEN_ROOT="$T/root" TMPDIR="$T/tmp" BUILDKIT_PROGRESS=plain
export XDG_RUNTIME_DIR="$T/run"
mkdir -p "$T/tmp" "$T/ctx"; mkdir -p -m 700 "$XDG_RUNTIME_DIR"
cd "$T"

# A build behind a proxy hands the proxy to its steps, as `docker build --build-arg http_proxy` does.
proxy=()
for name in http_proxy https_proxy no_proxy; do [ -z "${!name:-}" ] || proxy+=(--build-arg "$name"); done

fail() { printf 'FAILED (%s line %s): %s\n' "${0##*/}" "${BASH_LINENO[${#BASH_LINENO[@]}-2]}" "$*"; show; exit 1; }
skip() { echo "SKIP: $*"; trap - EXIT; exit 77; }
show() {
    local file
    for file in "$T/out" "$T/err"; do
        [ ! -s "$file" ] || { echo "--- ${file##*/}"; tail -n 40 "$file"; }
    done
}
need() { command -v "$1" >/dev/null || skip "$1 is not installed"; }

# ok COMMAND...: runs it, keeps its output in out and err, fails the test when it fails.
ok() {
    local status=0
    "$@" >"$T/out" 2>"$T/err" || status=$?
    [ $status = 0 ] || fail "exit status $status: $*"
}
# fails STATUS COMMAND...: it must fail with that status ("any": with any but 0 and signals).
fails() {
    local want=$1 status=0; shift
    "$@" >"$T/out" 2>"$T/err" || status=$?
    [ $status != 0 ] || fail "did not fail: $*"
    [ "$want" = any ] && [ $status -lt 126 ] || [ "$want" = $status ] || fail "exit status $status, not $want: $*"
}
# in_background COMMAND...: like a terminal would start it: a process group of its own, SIGINT and SIGQUIT not ignored (which
# is what bash gives its background jobs). Its pid is in $background.
in_background() { env --default-signal=INT,QUIT setsid "$@" >"$T/out" 2>"$T/err" & background=$!; }
# at_terminal [SHOWN TYPED]... -- COMMAND...: runs it at a terminal of 33 rows and 77 columns; at_terminal.py says how.
at_terminal() { python3 "$SUPPORT/at_terminal.py" "$@"; }
lichen_build() { lichen build --tier="$TIER" --progress=plain "${proxy[@]}" "$@"; }
build() { ok lichen_build "$@"; [ -z "${LICHEN_TEST_EQUALITY:-}" ] || export_for_comparison "$@"; }
# The image of each build once more, out of the cache, for tests/support/equality.
builds=0
export_for_comparison() {
    local again=()
    builds=$((builds + 1))
    while [ $# != 0 ]; do
        case $1 in
        -t | --tag | -o | --output | --iidfile | --metadata-file) shift ;;
        -) return 0 ;;  # the Dockerfile came by standard input, and is gone
        *linux/*,*) return 0 ;;  # several platforms: no image, but an index
        -q | --push | --no-cache | --pull | --tag=* | --output=* | --iidfile=* | --metadata-file=*) ;;
        *) again+=("$1") ;;
        esac
        shift
    done
    lichen_build "${again[@]}" -o "type=oci,dest=$LICHEN_TEST_EQUALITY/$builds.$TIER.tar" >"$T/comparison.log" 2>&1 || { cat "$T/comparison.log"; fail "export for comparison"; }
}
run() { lichen run --tier="$TIER" "$@"; }

same() { [ "$1" = "$2" ] || fail "${3:-values} differ: '$1' is not '$2'"; }
has() { grep -qE -e "$2" "$T/$1" || fail "no /$2/ in $1"; }       # has err PATTERN
hasnt() { ! grep -qE -e "$2" "$T/$1" || fail "there is /$2/ in $1"; }
# How many instructions of the last build were CACHED (the base image and the context do not count).
cached() { awk '$2 ~ /^\[/ && $0 !~ /\] FROM |\[internal\]/ { step[$1] = 1 } $2 == "CACHED" && $1 in step { n++ } END { print n + 0 }' "$T/err"; }

# dockerfile < text: writes ctx/Dockerfile with @TINY@, @DEBIAN@ and @REG@ filled in.
dockerfile() { sed -e "s|@TINY@|$TINY|g; s|@DEBIAN@|$DEBIAN|g; s|@REG@|$REG|g" > "$T/ctx/Dockerfile"; }
# example NAME: copies an example to NAME/ with the test's own base image.
example() { cp -r "$EXAMPLES/$1" "$T/$1"; }

# as_root COMMAND...: as root of a namespace that has the ids of the tier's files.
as_root() {
    case $TIER in
    ids) unshare --user --map-root-user --map-auto "$@" ;;
    userns) unshare --user --map-root-user "$@" ;;
    bare) "$@" ;;
    esac
}
# What lichen says that the store takes.
store_bytes() { lichen du --tier="$TIER" --format json | python3 -c "import json,sys; print(json.load(sys.stdin)['bytes'])"; }

store_is_clean() {
    [ ! -d "$LICHEN_ROOT" ] || lichen debug fsck >"$T/fsck" 2>&1 ||
        { cat "$T/fsck"; fail "lichen debug fsck finds the store unsound"; }
}
finish() {
    local status=$?
    trap - EXIT
    [ $status = 0 ] || { [ $status = 77 ] || echo "FAILED: exit status $status"; exit $status; }
    store_is_clean
}
trap finish EXIT
trap 'echo "FAILED: ${0##*/} line $LINENO: $BASH_COMMAND"; show' ERR
set -E
