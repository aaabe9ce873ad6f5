#!/bin/bash
# users: ids userns bare
# Bad input: a clear error that names file and line, the documented exit status, and a sound store each time.
. "$(dirname "$0")/../support/lib.sh"
try() { # PATTERN [STATUS] < Dockerfile
    dockerfile
    fails "${2:-1}" lichen_build ctx
    has err "$1"
    store_is_clean
}
printf 'FROM @TINY@\n\nFROBNICATE x\n' | try 'Dockerfile:3.*FROBNICATE|Dockerfile:3.*(unknown|Unknown)'; has err FROBNICATE
printf 'FROM @TINY@\nCOPY --frobnicate a b\n' | try 'Dockerfile:2'; has err frobnicate
printf 'FROM @TINY@\nRUN echo must-not-run\nCOPY nowhere.txt /\n' | try 'Dockerfile:3'; has err 'nowhere\.txt'
printf 'FROM %s/nowhere:1\n' "$REG" | try 'Dockerfile:1'; has err 'nowhere'
printf 'FROM 127.0.0.1:1/nowhere:1\n' | try 'Dockerfile:1' 5; has err '127\.0\.0\.1:1'
printf 'FROM @TINY@@sha256:%064d\n' 7 | try 'Dockerfile:1'
printf 'FROM @TINY@\nRUN echo tail-of-output; exit 3\n' | try 'Dockerfile:2'; has err 'tail-of-output'; has err 'exit (code|status):? 3'
printf 'FROM @TINY@\nRUN kill -SEGV $$\n' | try 'Dockerfile:2'; has err 'SIGSEGV|signal'
# What runs beside a step that failed is of no use any more; the failure is what is told.
SECONDS=0
printf 'FROM @TINY@ AS a\nRUN sleep 1; echo tail-of-a; exit 3\nFROM @TINY@ AS b\nRUN sleep 60\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n' | try 'Dockerfile:2'
has err 'tail-of-a'; [ $SECONDS -lt 30 ] || fail "the other stage was waited for: $SECONDS s"
printf 'RUN true\n' | try 'Dockerfile:1|FROM'
printf 'FROM @TINY@\nCOPY --from=nostage /a /b\n' | try 'Dockerfile:2' any
printf '' | try 'Dockerfile'
rm ctx/Dockerfile; fails 1 lichen_build ctx; has err 'Dockerfile'
fails 1 lichen_build nowhere-context; has err 'nowhere-context'
fails any lichen build --frobnicate ctx; has err 'frobnicate'
fails any lichen frobnicate
# Standard output that is full is no matter of the store.
status=0; lichen images > /dev/full 2> err || status=$?; same $status 7; has err 'No space left'; hasnt err 'hint'
fails any lichen build --tier=bogus ctx
