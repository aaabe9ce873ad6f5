#!/bin/bash
# users: ids
# The local store's commands: images, tag, inspect, history, rmi; untagged builds stay by digest.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nENV X=1\nRUN echo 1 > /f\n' "$TINY" > ctx/Dockerfile
build -t one:1 -t two:2 ctx
ok lichen images; has out 'one'; has out 'two'
ok lichen tag one:1 three:3; ok lichen images; has out 'three'
ok lichen inspect three:3; python3 -m json.tool out >/dev/null; has out 'X=1'
ok lichen history one:1; has out 'RUN'; has out 'ENV X=1'
ok lichen rmi two:2; ok lichen images; hasnt out 'two'; has out 'one'
ok run three:3 cat /f; has out '^1$'
fails any lichen rmi nowhere:9; has err 'nowhere'
fails any lichen inspect nowhere:9
fails any lichen tag nowhere:9 x
printf 'FROM %s\nRUN echo 2 > /f\n' "$TINY" > ctx/Dockerfile
build -q ctx; id=$(<out)
ok lichen inspect "$id"
ok run "$id" cat /f; has out '^2$'
# One image, with and without a name: shown by its name, the newest first, -q once a name.
build -t newer ctx; ok lichen images; hasnt out '<none>'; same "$(awk 'NR == 2 { print $1 }' out)" newer
ok lichen images -q; same "$(wc -l < out)" 3; ok lichen tag newer also; ok lichen images -q; same "$(head -n 2 out | uniq | wc -l)" 1
printf 'FROM %s\nRUN echo 3 > /f\n' "$TINY" > ctx/Dockerfile
SOURCE_DATE_EPOCH=1000000000 build -t dated ctx; ok lichen images; same "$(awk 'END { print $1 }' out)" dated
ok lichen images --json; jq -e '[.[].repository] | index("dated") == length - 1' out > /dev/null || fail "the order of --json"
ok lichen rmi one:1; ok lichen rmi three:3; store_is_clean
