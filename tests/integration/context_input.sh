#!/bin/bash
# users: ids userns bare
# A context from standard input: an archive, compressed or not, or a Dockerfile alone.
. "$(dirname "$0")/../support/lib.sh"
# builds FILE FLAG...: the context is FILE.
builds() { local file=$1; shift; ok lichen_build "$@" - <"$file"; }

mkdir -p tree/sub; echo hello >tree/sub/greeting; echo ignored >tree/left-out; chmod 4755 tree/sub/greeting
touch -d @1000000000 tree/sub/greeting; echo left-out >tree/.dockerignore
printf 'FROM scratch\nCOPY . /\n' >tree/Dockerfile
printf 'FROM scratch\nCOPY sub /other\n' >tree/sub/Other
tar -C tree -cf tree.tar .
gzip -k tree.tar; bzip2 -k tree.tar; xz -k tree.tar; zstd -q tree.tar
for form in tar tar.gz tar.bz2 tar.xz tar.zst; do
    builds tree.$form -o "out.$form"
    same "$(stat -c %a:%Y "out.$form/sub/greeting")" 4755:1000000000
    [ -f "out.$form/left-out" ] || fail "what comes from elsewhere is taken whole"
done
same "$(cached)" 1 "steps that were cached"   # the content counts, not how it came
builds tree.tar.gz -f sub/Other -o other; [ -f other/other/greeting ] || fail "-f names a file of the archive"
fails 1 lichen_build -f "$T/tree/Dockerfile.none" - <tree.tar; has err 'Dockerfile.none: no such file'
[ -z "$(ls "$LICHEN_ROOT/tmp")" ] || fail "left behind: $(ls "$LICHEN_ROOT/tmp")"

# A Dockerfile alone has an empty context.
printf 'FROM %s\nRUN id -u > /id\n' "$TINY" >plain
builds plain -o plain.out; same "$(<plain.out/id)" 0
printf 'FROM scratch\nCOPY x /\n' >copies
fails any lichen_build - <copies; has err 'Dockerfile:2'; has err '"/x": not found'
gzip -c plain >plain.gz
fails any lichen_build - <plain.gz; has err 'standard input'

# Who waits for an input that does not come can be stopped.
mkfifo never; sleep 20 >never & writer=$!
env --default-signal=INT setsid lichen build --tier="$TIER" - <never >out 2>err & background=$!
await_line() { for _ in $(seq 100); do ! grep -q "$1" err || return 0; sleep 0.05; done; fail "no $1"; }
await_line 'from standard input'; began=$SECONDS; kill -INT $background
status=0; wait $background || status=$?; same $status 130 "exit status"
[ $((SECONDS - began)) -lt 5 ] || fail "it waited on"; kill $writer; wait $writer 2>/dev/null || true

# What cannot be.
fails 2 lichen_build -f - - <plain; has err 'cannot be both'
fails 1 lichen_build -f Other - <plain; has err 'ambiguous Dockerfile source'
fails 1 lichen_build - </dev/null; has err 'standard input is empty'
fails 1 lichen_build - < <(printf 'FROM scratch\n\0'); has err 'neither an archive nor a Dockerfile'
head -c 3000 tree.tar.gz | head -c 200 >cut.gz
fails any lichen_build - <cut.gz; has err 'standard input'
fails 1 lichen_build - < <(tar -C tree/sub -c greeting); has err 'Dockerfile: no such file'
# What an archive says cannot reach out of it: symlinks stay in the context, a Dockerfile behind one, too.
mkdir evil; ln -s /etc/passwd evil/passwd; ln -s ../../../../../../etc evil/up; ln -s /etc/hostname evil/Dockerfile
tar -C evil -cf evil.tar .
fails 1 lichen_build - <evil.tar; has err 'no such file'
rm evil/Dockerfile; printf 'FROM scratch\nCOPY up/passwd /\n' >evil/Dockerfile; tar -C evil -cf evil.tar .
fails any lichen_build - <evil.tar; has err 'not found'
mkdir first second; ln -s "$T/target" first/dir; mkdir second/dir target; echo x >second/dir/file
tar -cf swap.tar -C first dir -C "$T/tree" Dockerfile; tar -rf swap.tar -C "$T/second" dir/file
fails any lichen_build - <swap.tar; has err 'standard input: '; [ -z "$(ls target)" ] || fail "an archive wrote outside of the context"

# Questions need no build.
ok lichen build --call=targets - <plain; has out default
ok lichen build --check - <tree.tar.gz
