#!/bin/bash
# users: ids userns bare
# cost: 30
# RUN for another processor: by the host's qemu, without an administrator, with root as real as it is otherwise.
. "$(dirname "$0")/../support/lib.sh"
need qemu-aarch64-static
[ -n "$TINY_ARM64" ] || skip "apt has no arm64 packages here"

# The same steps on both machines, and the same files, owners, modes and devices afterwards.
cat > ctx/steps.sh <<'S'
#!/bin/sh -eu
say() { echo "$*" >> /seen; }
say "I am $(id -u):$(id -g), $(whoami), called $0 with $*"
mkdir -m 2775 /shared; chown 0:50 /shared; touch /shared/of-the-group
echo x > /owned; chown 33:50 /owned; chmod 4755 /owned; say "$(stat -c '%u:%g %a %F' /owned /shared /shared/of-the-group)"
mknod /null c 1 3; mkfifo /pipe; ln /owned /hard; ln -s owned /soft; say "$(stat -c '%h %F %t:%T' /null /pipe /hard /soft)"
echo lost > /null
su user -c 'touch /tmp/mine; id -u; cat /etc/shadow-not 2>/dev/null || echo no' >> /seen
say "$(stat -c %u /tmp/mine)"
say "$(exec -a basename sh /a/name-that-counts)"  # busybox goes by argv[0]
printf '#!/bin/busybox sh\necho "script $0 of $1"\n' > /bin/script; chmod +x /bin/script; say "$(script here) $(cd /bin && ./script there)"
sh -c 'exit 7' || say "exit $?"
sh -c 'kill -TERM $$' || say "signal $?"
sleep 60 & kill $!; wait $! || say "killed $?"
seq 2000 | sort -r | head -n 3 | tr '\n' ' ' >> /seen
say "$(echo hello | sha256sum | cut -c 1-8) $(find /bin -type l | wc -l)"
mv /etc/group /etc/group.old; cp /etc/group.old /etc/group; rm /etc/group.old
S
chmod +x ctx/steps.sh
cat > ctx/Dockerfile <<D
ARG TARGETARCH
FROM $TINY AS base-amd64
FROM $TINY_ARM64 AS base-arm64
FROM base-$(printf '$TARGETARCH')
COPY steps.sh /
RUN /steps.sh one two && uname -m > /machine
RUN ["/bin/busybox", "touch", "/plain"]
USER user
RUN id -un > /tmp/user && touch /tmp/theirs
USER 0
RUN rm /machine.not 2>/dev/null || uname -m | tee /machine2
D
build --platform linux/amd64,linux/arm64 -o type=tar,dest=both.tar -o type=image -t both ctx
for arch in amd64 arm64; do
    mkdir $arch
    tar -xOf both.tar linux_$arch/seen > $arch/seen
    tar -tvf both.tar --numeric-owner linux_$arch | grep -v busybox$ |
        sed -E "s|linux_$arch||g; s/ [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}//" | grep -vE ' /(machine2?|bin/busybox|etc/ssl.*)$' > $arch/list
done
diff amd64/seen arm64/seen || fail "the steps have seen other things"
diff amd64/list arm64/list || fail "other files"
same "$(tar -xOf both.tar linux_arm64/machine linux_arm64/machine2 | sort -u)" aarch64
same "$(tar -xOf both.tar linux_amd64/machine)" "$(uname -m)"
same "$(tar -xOf both.tar linux_arm64/tmp/user)" user
grep -q ' 1000/1000 .*/tmp/theirs' arm64/list || fail "no owner: $(grep theirs arm64/list)"

# A step that fails says why, and with what; the next build goes on from the cache.
printf 'FROM %s\nRUN echo out; echo err >&2; exit 3\n' "$TINY_ARM64" > ctx/Dockerfile
fails any lichen_build --platform linux/arm64 ctx; has err 'exit code: 3'; has err '^#.* out$'; has err '^#.* err$'

# `run` of another machine's image, asked for or because there is no other.
ok run --platform linux/arm64 both uname -m; same "$(<out)" aarch64
ok run both uname -m; same "$(<out)" "$(uname -m)"
printf 'FROM %s\nRUN true\n' "$TINY_ARM64" > ctx/Dockerfile
build --platform linux/arm64 -t foreign ctx
ok run foreign sh -c 'uname -m; id -u; echo $0' ; same "$(tr '\n' ' ' < out)" "aarch64 0 sh "
fails 9 run foreign sh -c 'exit 9'

# No emulator: the package is named. There is none for what is no processor, and no other system's steps run.
fails any lichen_build --platform linux/wasm ctx; has err 'no emulator is known for programs of linux/wasm'
printf 'FROM scratch\nCOPY steps.sh /\nRUN x\n' > ctx/Dockerfile
fails any lichen_build --platform windows/amd64 ctx; has err 'windows/amd64 cannot be run'
[ "$TIER" = userns ] || exit 0
printf 'FROM %s\nRUN echo once more\n' "$TINY_ARM64" > ctx/Dockerfile
hide='mount --bind /dev/null "$(command -v qemu-aarch64-static)"'
fails any unshare --user --map-root-user --mount sh -ec "$hide; exec lichen build --tier=userns --platform linux/arm64 ctx"
has err 'qemu-aarch64-static is not installed'; has err 'apt-get install qemu-user-static'
# The host's own registration, as a machine has it that was set up for all: nothing else is needed then.
cat > host.sh <<'S'
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
magic='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
printf '%s' ":qemu-aarch64:M:0:$magic:$mask:$(command -v qemu-aarch64-static):$flags" > /proc/sys/fs/binfmt_misc/register
S
ok unshare --user --map-root-user --mount sh -ec "flags=FP; . ./host.sh; $hide; exec lichen build --tier=userns --platform linux/arm64 ctx"
has err 'once more'
# One that steps cannot use, because it names a file of the host's, is passed over.
printf 'FROM %s\nRUN echo and again\n' "$TINY_ARM64" > ctx/Dockerfile
ok unshare --user --map-root-user --mount sh -ec "flags=P; . ./host.sh; exec lichen build --tier=userns --platform linux/arm64 ctx"
has err 'and again'
