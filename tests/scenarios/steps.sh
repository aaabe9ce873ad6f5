# steps.sh - sourced by the steps of a scenario; the runner puts it into each context.
# What programs see is part of the image: note writes it to /evidence, so it is compared, too.
set -eu
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

# note COMMAND...: the command, what it says, and its status.
note() {
    local status=0
    { echo "\$ $*"; "$@" 2>&1 || status=$?; [ $status = 0 ] || echo "status $status"; } >> /evidence
}
# list DIR...: every path below, as stat has it; no times and no inode numbers.
list() {
    find "$@" \( -type d -printf '%y %m %U:%G %u:%g %p\n' -o -printf '%y %m %U:%G %u:%g %n %s %p %l\n' \) | sort -k 4 >> /evidence
}
same() { [ "$1" = "$2" ] || { echo "scenario: '$1' is not '$2'" >&2; exit 1; }; }
refused() { if "$@"; then echo "scenario: was not refused: $*" >&2; exit 1; fi; }

# settle: gives all that is newer than the base image one time, so that the layer's digest can be compared.
settle() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /scenario -o -path /etc/hosts -o -path /etc/resolv.conf \
        -o -path /etc/hostname \) -prune -o -newermt 2024-01-01 -exec touch -h -d @1700000000 {} +
}
packages() { apt-get update -q; apt-get install -q -y --no-install-recommends "$@"; rm -rf /var/lib/apt/lists/*; }
