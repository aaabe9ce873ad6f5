#!/bin/bash
# users: ids userns bare
# cost: 10
# equality: none, its stores are new each time
# Caches that are damaged, lie, or are not there: a warning, and the build is right without them. What is asked for and cannot be done is an error.
. "$(dirname "$0")/../support/lib.sh"
stores=0
fresh() { stores=$((stores + 1)); export LICHEN_ROOT=$T/store$stores; }
ran() { sed -n 's/^#[0-9]* [0-9.]* *ran-\([a-z]*\)$/\1/p' "$T/err" | sort | tr '\n' ' '; }
is_right() { same "$(<"$1/b")" "$(printf 'a\nb\n')"; }

dockerfile <<'D'
FROM @TINY@
RUN echo ran-a; echo a > /a
RUN echo ran-b; cat /a > /b; echo b >> /b
D
fresh; build -o o --cache-to type=local,dest=good,mode=max ctx; is_right o; same "$(ran)" "a b "
manifest=$(jq -r '.manifests[0].digest[7:]' good/index.json)
config=$(jq -r '.config.digest[7:]' "good/blobs/sha256/$manifest")
layers=$(jq -r '.layers[].digest[7:]' "good/blobs/sha256/$manifest")

# Layers with other bytes, of the right length or not, and none at all.
for how in flip cut remove; do
    rm -rf bad; cp -r good bad
    for layer in $layers; do
        case $how in
        flip) printf 'x' | dd of="bad/blobs/sha256/$layer" bs=1 seek=20 conv=notrunc 2>/dev/null ;;
        cut) truncate -s 30 "bad/blobs/sha256/$layer" ;;
        remove) rm "bad/blobs/sha256/$layer" ;;
        esac
    done
    fresh; build -o "$how" --cache-from type=local,src=bad ctx; is_right "$how"; same "$(ran)" "a b " "steps after $how"
    has err 'warning: .*cache'; same "$(grep -c 'ERROR' err)" 1 "errors"; grep -B1 'ERROR' err | grep -q 'fetching cached layers' || fail "another step failed"
    store_is_clean
done
# A layer that is another tree than the cache says: its own digest is right.
python3 - "$config" "$manifest" <<'PY'
import hashlib, json, os, shutil, sys
shutil.rmtree("bad"); shutil.copytree("good", "bad")
path = lambda digest: "bad/blobs/sha256/" + digest
config, manifest = json.load(open(path(sys.argv[1]))), json.load(open(path(sys.argv[2])))
def put(value):
    data = json.dumps(value).encode(); digest = hashlib.sha256(data).hexdigest()
    open(path(digest), "wb").write(data)
    return "sha256:" + digest, len(data)
for layer in config["layers"]:
    layer["annotations"]["diffID"] = "sha256:" + "1" * 64
manifest["config"]["digest"], manifest["config"]["size"] = put(config)
digest, size = put(manifest)
index = json.load(open("bad/index.json")); index["manifests"][0].update(digest=digest, size=size)
json.dump(index, open("bad/index.json", "w"))
PY
fresh; build -o lied --cache-from type=local,src=bad ctx; is_right lied; has err 'warning: .*cache'; store_is_clean

# Documents that are none.
for how in "" "{" '{"layers":[{"blob":"sha256:'"$(printf %064d 1)"'"}]}' '[]'; do
    rm -rf bad; cp -r good bad; printf '%s' "$how" > "bad/blobs/sha256/$config"
    fresh; build -o o --cache-from type=local,src=bad ctx; is_right o; same "$(ran)" "a b "; has err 'warning: .*importing cache'
done
echo '{' > bad/index.json; build -o o --cache-from type=local,src=bad ctx; has err 'warning: .*importing cache'; is_right o
# What is not there, no cache, or does not answer.
for from in type=local,src=nowhere "$REG/nowhere" "$TINY" 127.0.0.1:1/x; do
    fresh; build -o o --cache-from "$from" --cache-from type=local,src=good ctx
    has err 'warning: .*importing cache'; has err '^#[0-9]+ ERROR: '; is_right o; same "$(ran)" ""
done
# An export that cannot be done.
touch file
fails any lichen_build --cache-to type=local,dest=file/x ctx; has err 'exporting cache to file/x'
fails any lichen_build --cache-to 127.0.0.1:1/x ctx; has err 'exporting cache to 127.0.0.1:1/x'
build -t kept --cache-to type=local,dest=file/x,ignore-error=true ctx; has err 'warning: .*exporting cache'; ok lichen inspect kept
mkdir other; touch other/thing
fails any lichen_build --cache-to type=local,dest=other ctx; has err 'has other things in it'
for type in gha s3 azblob; do fails 4 lichen_build --cache-to type=$type ctx; has err "$type is not supported"; done
fails 4 lichen_build --cache-from type=gha ctx
fails 4 lichen_build --cache-to type=inline,mode=max ctx; has err "mode=min alone"
# The same, for two platforms: one cache has both.
for arch in amd64 arm64; do echo "I am $arch" > "ctx/$arch"; done
printf 'FROM scratch AS a\nARG TARGETARCH\nCOPY $TARGETARCH /arch\nFROM scratch\nCOPY --from=a /arch /of\n' > ctx/Dockerfile
both=linux/arm64,linux/amd64
fresh; build --platform $both -o type=oci,dest=1.tar --cache-to type=local,dest=two,mode=max ctx; same "$(cached)" 0
fresh; build --platform $both -o type=oci,dest=2.tar --cache-from type=local,src=two ctx; same "$(cached)" 4
build --platform linux/arm64 -o tree --cache-from type=local,src=two ctx; same "$(<tree/of)" "I am arm64"; same "$(cached)" 2
name=$REG/two-inline-$LICHEN_TEST_USER
fresh; build --platform $both -t "$name" --push --cache-to type=inline ctx
fresh; build --platform $both -o tree2 --cache-from "$name" ctx; same "$(<tree2/linux_arm64/of)" "I am arm64"
