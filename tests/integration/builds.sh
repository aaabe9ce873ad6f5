#!/bin/bash
# users: ids userns bare
# cost: 40
# Every build has a record, also one that failed or was killed; its logs are whole, its page stands alone, and its steps can be entered.
. "$(dirname "$0")/../support/lib.sh"
echo data > ctx/data; echo more > ctx/more
dockerfile <<'D'
FROM @TINY@
ENV GREETING=hello
COPY data /data
WORKDIR /work
RUN --mount=type=bind,source=more,target=/more echo "$GREETING" > made; i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done
D
build -t app ctx --report page.html --metadata-file meta.json
ok lichen builds ls; has out '^20[0-9-]+-[0-9a-f]{6} +done .* localhost/app|^20[0-9-]+-[0-9a-f]{6} +done .* app'
ok lichen builds ls -q; same "$(wc -l <out)" 1; first=$(<out)
same "$(jq -r '."buildx.build.ref"' meta.json)" "$first"
ok lichen builds logs; same "$(grep -c 'line [0-9]*$' out)" 3000; has out 'MISS: never built here$'
grep -q '<!doctype html>' page.html; grep -q 'line 2999' page.html; ! grep -qiE '<script|src=|href="[^#]' page.html || fail "the page loads something"
ok lichen builds inspect --format json
same "$(jq -r .status out)" done
[ "$(jq '[.steps[].peakMemoryBytes] | max' out)" -gt 100000 ] || fail "no memory was counted"

# Nothing runs: one more record, and no other trace.
before=$(find "$LICHEN_ROOT/snapshots" "$LICHEN_ROOT/blobs" | sort | sha256sum)
build ctx; same "$(cached)" 3
same "$(find "$LICHEN_ROOT/snapshots" "$LICHEN_ROOT/blobs" | sort | sha256sum)" "$before" "files of the store"
ok lichen builds ls -q; same "$(wc -l <out)" 2; second=$(head -n1 out)
ok lichen explain; has out 'all came from the cache'
echo other > ctx/data
build ctx; has err 'MISS: file data changed$'
ok lichen explain; has out '^    file data changed$'
ok lichen explain "$second" latest --format json
same "$(jq -r '.steps[0].reasons[0]' out)" "file data changed"
ok lichen build --tier="$TIER" -f - ctx < ctx/Dockerfile; ok lichen builds inspect; has out '^Dockerfile: standard input$'
ok lichen builds rm "$(lichen builds ls -q | head -n1)"
fails any lichen explain nonsense; has err 'no build "nonsense"'

# A shell in any step.
ok lichen debug shell --before 'RUN --mount' -- sh -c 'cat /data; pwd; ls; echo $GREETING; cat /more' </dev/null
same "$(tr '\n' ' ' <out)" "other /work hello more "
ok lichen debug shell --after 'RUN --mount' -- sh -c 'cat made; echo changed > made' </dev/null
same "$(<out)" hello
ok lichen debug shell --after --build "$first" 'COPY data' cat /data </dev/null; same "$(<out)" data
fails 3 lichen debug shell --after 'RUN --mount' -- sh -c 'exit 3' </dev/null
fails 2 lichen debug shell --after; has err 'which step'
fails 2 lichen debug shell --after -- ls; has err 'which step'
fails 2 lichen debug shell 3; has err 'where'; fails 2 lichen debug shell; has err 'where'
fails any lichen debug shell --failed </dev/null; has err 'no step of build .* failed'

# A step that fails leaves what it did.
cat >> ctx/Dockerfile <<'D'
RUN echo left > /work/left; echo "<script>alert(1)</script>"; exit 7
D
fails any lichen_build --report failed.html ctx
ok lichen builds ls; has out 'failed'
ok lichen debug shell --failed -- sh -c 'cat left made' </dev/null; same "$(tr '\n' ' ' <out)" "left hello "
ok lichen debug shell --failed '' cat left made </dev/null; same "$(tr '\n' ' ' <out)" "left hello "
ok lichen debug shell --before 'echo left' ls </dev/null; same "$(<out)" made
grep -q '&lt;script&gt;alert(1)' failed.html; ! grep -q '<script' failed.html || fail "a log's markup is in the page"
fails any lichen_build ctx
ok lichen debug shell --failed '' cat left </dev/null
ok lichen du; has out 'Build records'

# Killed: its record says so.
cat > ctx/Dockerfile.slow <<D
FROM $TINY
RUN echo began; sleep 600
D
in_background lichen build --tier="$TIER" --progress=plain -f ctx/Dockerfile.slow ctx
timeout 60 sh -c 'until grep -q " began" err; do sleep 0.2; done' || fail "it did not begin"
ok lichen builds ls -q; slow=$(head -n1 out)
fails any lichen builds rm "$slow"; has err 'is going on'
kill -KILL -- "-$background"; wait "$background" || true
ok lichen builds inspect "$slow"; has out '^Status: +killed'
ok lichen builds logs "$slow"; has out ' began$'; has out 'KILLED'
fails any lichen debug shell --before --build "$slow" sleep </dev/null; has err 'does not say'

# A step that writes a lot: progress has all of it, its record the begin and the end, and the other records stay.
dockerfile <<'D'
FROM @TINY@
RUN echo the begin; seq 1 700000 | sed 's/$/ lines of noise/'; yes | head -c 2000000; echo the end
D
lichen builds ls -q > others
build --report page.html ctx; same "$(grep -c ' lines of noise$' err)" 700000 lines
ok lichen builds ls -q; same "$(tail -n +2 out)" "$(<others)" "records"; noisy=$(head -n 1 out)
[ "$(stat -c %s "$LICHEN_ROOT/history/$noisy.jsonl")" -lt 8000000 ] || fail "a record of $(stat -c %s "$LICHEN_ROOT/history/$noisy.jsonl") bytes"
[ "$(stat -c %s page.html)" -lt 200000 ] || fail "a page of $(stat -c %s page.html) bytes"
grep -q 'bytes are left out of this page: lichen builds logs' page.html
ok lichen builds logs; has out ' the begin$'; has out '^#[0-9]+ \[[0-9]+ bytes are left out of this record\]$'; has out ' the end$'
[ "$(stat -c %s out)" -gt 4000000 ] || fail "too little is kept"

# Forgotten, one by one and first of all.
ok lichen builds rm "$slow"; ok lichen builds ls -q; ! grep -q "$slow" out || fail "rm left it"
ok lichen prune; ok lichen builds ls -q; same "$(<out)" ""
fails any lichen debug shell --failed; has err 'no record of a build'
