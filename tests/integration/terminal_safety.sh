#!/bin/bash
# users: ids
# Control characters of a step's output are shown escaped, so that a build cannot drive the terminal.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM %s\nRUN printf "bad\\033]0;title\\007 \\033[31mred\\033[0m\\n"\n' "$TINY" > ctx/Dockerfile
need script
script -qec "lichen build --tier=$TIER --progress=plain ctx" typescript >/dev/null 2>&1 </dev/null || fail "$(cat typescript)"
! LC_ALL=C grep -q $'\033]0;title' typescript || fail "a title sequence reached the terminal"
grep -q 'bad' typescript || fail "the output is missing"
