#!/bin/bash
# users: ids userns random
# An unchanged build runs nothing; a touched file runs only what is after its COPY; content decides.
. "$(dirname "$0")/../support/lib.sh"
echo 1 > ctx/early; echo 1 > ctx/late
dockerfile <<'D'
FROM @TINY@
RUN echo first-ran
COPY early /early
RUN echo second-ran
COPY late /late
RUN echo third-ran
D
build -t c:1 --iidfile iid1 ctx
has err 'third-ran'; same "$(cached)" 0 "steps cached in the first build"
sleep 1.1  # the image's times are those of the first run, not of now
build -t c:1 --iidfile iid2 ctx
same "$(cached)" 5 "steps cached in the second"; hasnt err '[0-9] (first|second|third)-ran$'
same "$(<iid1)" "$(<iid2)"
touch -d 2001-01-01 ctx/late  # the time is no content
build ctx; same "$(cached)" 5 "steps cached after a touch"
echo 2 > ctx/late
build --iidfile iid3 ctx
same "$(cached)" 3; has err '[0-9] third-ran$'; hasnt err '[0-9] second-ran$'
[ "$(<iid3)" != "$(<iid1)" ] || fail "the image did not change"
build --no-cache ctx; has err '[0-9] first-ran$'; same "$(cached)" 0
# offline: nothing of the registry is needed any more
fails any env https_proxy= curl -s http://127.0.0.1:1/
