#!/bin/bash
# users: ids userns bare
# Outputs to standard output, devices, FIFOs and symlinks; what cannot be written is said before any work.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN echo worked >&2; echo out > /o\n' "$TINY" > ctx/Dockerfile
build -t placed --iidfile iid -o type=tar,dest=want.tar -o type=image ctx
files() { tar -tf "$1" | sort; }

# Pipes, by each of their names.
lichen_build --iidfile /dev/stdout ctx 2> err | cat > out; same "$(<out)" "$(<iid)"
lichen_build --iidfile /dev/fd/9 ctx 9> nine 2> err; same "$(<nine)" "$(<iid)"
{ echo before; lichen_build --iidfile /dev/stdout ctx 2> err; } > both; same "$(<both)" "before$(echo; cat iid)"
{ lichen_build -q --metadata-file /dev/stderr ctx > out; } 2> meta; jq -e '."containerimage.digest"' meta > /dev/null || fail "meta: $(<meta)"
lichen_build -o type=tar,dest=/dev/stdout ctx 2> err | cat > stream.tar; same "$(files stream.tar)" "$(files want.tar)"
lichen_build --report - ctx 2> err > page.html; grep -q '<!doctype html>' page.html; [ ! -e - ] || fail "there is a file called -"
lichen save placed -o /dev/stdout 2> err | cat > saved.tar; tar -xOf saved.tar index.json > /dev/null
fails 1 lichen_build --iidfile /dev/fd/77 ctx; has err '/dev/fd/77 is not open'
# A FIFO stays one.
mkfifo fifo; timeout 60 cat fifo > through.tar & reader=$!
ok lichen save placed -o fifo; wait $reader; tar -xOf through.tar index.json > /dev/null; [ -p fifo ] || fail "the FIFO is gone"
timeout 60 cat fifo > through & reader=$!
build --iidfile fifo ctx; wait $reader; same "$(<through)" "$(<iid)"; [ -p fifo ] || fail "the FIFO is gone"
# Symlinks stay, and what they name is written, whether it was there or not.
mkdir elsewhere; echo old > elsewhere/there; ln -s elsewhere/there link; ln -s elsewhere/new.tar dangling; ln -s link again
build --iidfile again --metadata-file meta ctx; [ -L link ] && [ -L again ] || fail "a link was replaced"; same "$(<elsewhere/there)" "$(<iid)"
ok lichen save placed -o dangling; [ -L dangling ] || fail "a link was replaced"; tar -xOf elsewhere/new.tar index.json > /dev/null
ok lichen builds report -o link; [ -L link ]; grep -q '<!doctype html>' elsewhere/there
ln -s /dev/stdout to-stdout; lichen_build --iidfile to-stdout ctx 2> err | cat > out; same "$(<out)" "$(<iid)"
same "$(find . -name '*.lichen-tmp')" "" "temporary files"
# A device that is full.
fails any lichen save placed -o /dev/full; has err 'No space left'; [ -c /dev/full ]
fails any lichen_build --iidfile /dev/full ctx; has err 'No space left'

# Before any work: no step runs.
mkdir dir
before() { fails 1 lichen_build --no-cache "$@" ctx; hasnt err 'worked'; }
for place in . dir dir/; do
    before --iidfile "$place"; has err 'is a directory'; before --metadata-file "$place"; before --report "$place"
    before -o "type=tar,dest=$place"; before -o "type=oci,dest=$place"
    fails 1 lichen save placed -o "$place"; has err 'is a directory'
done
for place in none/x want.tar/x none/; do
    before --iidfile "$place"; before --metadata-file "$place"; before -q --report "$place"; before -o "type=oci,dest=$place"
    fails 1 lichen save placed -o "$place"
done
before --report - -o -; has err 'standard output cannot be both'
fails any lichen_build -q --report - ctx; has err 'standard output cannot be both'
printf 'FROM %s\nRUN --mount=type=cache,target=/kept echo kept > /kept/file\n' "$TINY" > ctx/Dockerfile; build ctx
for place in . none/x; do fails 1 lichen cache-mount export /kept --tier="$TIER" -o "$place"; done
fails any lichen cache-mount export /kept --tier="$TIER" -o /dev/full; has err 'No space left'; [ -c /dev/full ]
lichen cache-mount export /kept --tier="$TIER" -o /dev/stdout 2> err | cat > kept.tar; same "$(tar -xOf kept.tar --wildcards '*file')" kept
