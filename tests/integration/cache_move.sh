#!/bin/bash
# users: ids userns bare
# cost: 20
# equality: none, its stores are new each time
# --cache-to and --cache-from: a build in an empty store runs what changed, and fetches the layers that it needs.
. "$(dirname "$0")/../support/lib.sh"
stores=0
fresh() { stores=$((stores + 1)); export LICHEN_ROOT=$T/store$stores; }
# ran: the marks that steps of the last build wrote.
ran() { sed -n 's/^#[0-9]* [0-9.]* *ran-\([a-z]*\)$/\1/p' "$T/err" | sort | tr '\n' ' '; }
snapshots() { find "$LICHEN_ROOT/snapshots" -mindepth 1 -maxdepth 1 | wc -l; }
blobs() { find "$LICHEN_ROOT/blobs/sha256" -type f -size +0 | wc -l; }
# Every step of the last build begins with its name, and no blob is told of behind its end.
headed() {
    awk '/^#/ && !seen[$1]++ && $2 !~ /^(\[|importing|exporting|load)/ { print "no heading: " $0 }
         ended[$1] && $2 != "CACHED" { print "behind its end: " $0 }
         $2 ~ /^(DONE|CACHED|ERROR)$/ { ended[$1] = 1 }' "$T/err" > odd
    [ ! -s odd ] || fail "$(<odd)"
}
done_with() { store_is_clean; ok lichen prune --all -f --tier="$TIER"; }

# What the first stage gives does not depend on all that it reads.
cat > Dockerfile <<D
FROM $TINY AS compiled
COPY source /source
RUN echo ran-compile; wc -c < /source > /out
RUN echo ran-check; test -s /out
FROM $TINY
RUN echo ran-base; echo base > /base; chown 3:4 /base
COPY --from=compiled /out /out
WORKDIR /work
RUN echo ran-last; cat /base /out > result
D
cp Dockerfile ctx; echo one > ctx/source
reference=$REG/cache-$LICHEN_TEST_USER:max
fresh; first=$LICHEN_ROOT
build -t moved --iidfile iid --cache-to type=local,dest=max,mode=max --cache-to type=local,dest=min \
    --cache-to "type=registry,ref=$reference,mode=max,image-manifest=false" ctx
same "$(ran)" "base check compile last "
same "$(jq -r '.config.mediaType' "max/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' max/index.json)")" application/vnd.buildkit.cacheconfig.v0
same "$(skopeo inspect --tls-verify=false --raw "docker://$reference" | jq -r '.manifests[-1].mediaType')" application/vnd.buildkit.cacheconfig.v0
# Once more: nothing is written that is there, and the bytes are the same.
before=$(cd max && find blobs -printf '%p %i\n' | sort)
build --cache-to type=local,dest=max,mode=max ctx; same "$(cached)" 7
same "$(cd max && find blobs -size +3k -printf '%p %i\n' | sort)" "$(grep -Fxf <(cd max && find blobs -size +3k -printf '%p %i\n') <<< "$before")" "large blobs"
same "$(cd max && find blobs | sort)" "$(sed 's/ [0-9]*$//' <<< "$before" | sort)" "names of blobs"
store_is_clean

# All of it, from each of them: nothing runs, and the image is the same.
for from in type=local,src=max type=local,src=min "$reference" "type=registry,ref=$reference"; do
    fresh; build -t moved --iidfile iid2 --cache-from "$from" ctx; headed
    same "$(ran)" "" "steps that ran with $from"; same "$(<iid2)" "$(<iid)" "images with $from"
    ok run moved cat result; same "$(cat out)" "$(printf 'base\n4\n')"
    # It is this store's cache now.
    build ctx; same "$(ran)" ""
    done_with
done
# An image that goes on needs no tree, and no layers but its own.
fresh; build -o type=oci,dest=image.tar --cache-from type=local,src=max ctx
same "$(ran)" ""; same "$(snapshots)" 0 "trees"
skopeo inspect --config oci-archive:image.tar | jq -r '.rootfs.diff_ids[]' > diffs; same "$(wc -l < diffs)" "$(LICHEN_ROOT=$first lichen inspect moved | jq '.[0].RootFS.Layers | length')"
fresh; build -t "$REG/cache-$LICHEN_TEST_USER:image" --push --cache-from "$reference" ctx
same "$(ran)" ""; same "$(snapshots)" 0 "trees"; same "$(find "$LICHEN_ROOT/blobs" -type f -size +20k | wc -l)" 0 "layers that were fetched to be pushed where they are"
skopeo copy -q --src-tls-verify=false "docker://$REG/cache-$LICHEN_TEST_USER:image" oci:pushed:x

# Another source of the same length: the first stage runs, and nothing that stands on what it gives.
echo two > ctx/source
fresh; build -o two --cache-from type=local,src=max ctx; same "$(ran)" "check compile "
has err '^#[0-9]+ \[internal\] fetching cached layers$'; headed; same "$(<two/work/result)" "$(printf 'base\n4\n')"
done_with
fresh; build -o two --cache-from type=local,src=min ctx; same "$(ran)" "check compile "
done_with
# A longer one: what was copied, too. The base of the second stage is taken as it is.
echo three > ctx/source
fresh; build -o three --cache-from type=local,src=max ctx; same "$(ran)" "check compile last "; same "$(<three/work/result)" "$(printf 'base\n6\n')"
same "$(stat -c %a three/base)" 644
done_with
echo one > ctx/source
# Another last step: all below it is one hit, and the first stage's layers stay where they are.
sed 's/ran-last;/ran-last; echo;/' Dockerfile > ctx/Dockerfile
fresh; build --cache-from "$reference" ctx; same "$(ran)" "last "
lacks=$(LICHEN_ROOT=$first lichen inspect moved | jq -r '.[0].RootFS.Layers | length')
[ "$(snapshots)" -le $((lacks + 1)) ] || fail "$(snapshots) trees"
# mode=min has nothing of the first stage.
sed 's/ran-check;/ran-check; echo;/' Dockerfile > ctx/Dockerfile
fresh; build --cache-from type=local,src=max ctx; same "$(ran)" "check "
done_with
fresh; build --cache-from type=local,src=min ctx; same "$(ran)" "check compile "
# What came from a cache can be exported again, without having been fetched.
cp Dockerfile ctx
fresh; build -o type=oci,dest=image.tar --cache-from type=local,src=max --cache-to type=local,dest=again,mode=max ctx
same "$(snapshots)" 0
same "$(jq -r '.manifests[0].digest' again/index.json)" "$(jq -r '.manifests[0].digest' max/index.json)" "caches"
# In another compression.
fresh; build --cache-from type=local,src=max --cache-to type=local,dest=zstd,mode=max,compression=zstd,force-compression=true ctx
done_with
fresh; build -t moved --iidfile iid3 --cache-from type=local,src=zstd ctx; same "$(ran)" ""
ok run moved cat result; same "$(cat out)" "$(printf 'base\n4\n')"
done_with

# A cache of one tier is good at all.
others=$(lichen doctor --json | jq -r '.tiers[] | select(.ok).name')
for other in ids userns bare; do
    [ "$other" != "$TIER" ] && grep -qw "$other" <<< "$others" || continue
    fresh; TIER=$other build -o at-"$other" --cache-from type=local,src=max ctx; same "$(ran)" "" "steps that ran at $other"
    same "$(<at-"$other"/work/result)" "$(printf 'base\n4\n')"; echo "exported at $TIER, imported at $other"
    TIER=$other done_with
done

# In the image itself.
name=$REG/cache-$LICHEN_TEST_USER:inline
fresh; build -t "$name" --push --cache-from type=local,src=max --cache-to type=inline ctx; same "$(ran)" ""
fresh; build -t "$name" --push --iidfile iid4 --cache-from "$name" --build-arg BUILDKIT_INLINE_CACHE=1 ctx
same "$(ran)" ""; same "$(snapshots)" 0
skopeo inspect --tls-verify=false --config --raw "docker://$name" | jq -er '."moby.buildkit.cache.v0"' | base64 -d | jq -e 'length > 3' > /dev/null || fail "no inline cache"
echo two > ctx/source; fresh; build --cache-from "$name" ctx; same "$(ran)" "check compile "; echo one > ctx/source
# It is that image's alone: what is built on it has none.
printf 'FROM %s\nLABEL a=b\n' "$name" > ctx/Dockerfile; build -o type=oci,dest=on.tar ctx
same "$(skopeo inspect --config --raw oci-archive:on.tar | jq 'has("moby.buildkit.cache.v0")')" false
cp Dockerfile ctx
done_with
