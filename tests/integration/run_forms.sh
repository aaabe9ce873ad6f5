#!/bin/bash
# users: ids userns bare
# RUN in shell, exec and heredoc form; SHELL; the environment and the directory a step sees.
. "$(dirname "$0")/../support/lib.sh"
dockerfile <<'D'
FROM @TINY@
ENV GREETING="hello there"
WORKDIR /w/sub
RUN echo "$GREETING" > shell && pwd >> shell
RUN ["/bin/sh", "-c", "printf '%s' \"$0\" > exec", "a  b"]
RUN <<EOF
set -e
one=first
echo $one > heredoc
EOF
RUN <<EOF cat > piped
two ${GREETING}
EOF
COPY <<one.txt <<"two.txt" /files/
made of $GREETING
one.txt
kept as $GREETING
two.txt
SHELL ["/bin/sh", "-e", "-c"]
RUN false | true; echo shell >> shell
D
build -o type=local,dest=out1 ctx
same "$(<out1/w/sub/shell)" $'hello there\n/w/sub\nshell'
same "$(<out1/w/sub/exec)" "a  b"
same "$(<out1/w/sub/heredoc)" first
same "$(<out1/w/sub/piped)" "two hello there"
same "$(<out1/files/one.txt)" "made of hello there"
same "$(<out1/files/two.txt)" 'kept as $GREETING'
