#!/bin/bash
# users: userns random
# A uid without a passwd entry and without a home can build: nothing asks who it is.
. "$(dirname "$0")/../support/lib.sh"
export HOME=/ ; unset USER LOGNAME XDG_RUNTIME_DIR
printf 'FROM %s\nRUN id -u > /u && chown 33 /u\n' "$TINY" > ctx/Dockerfile
build -o out1 ctx
same "$(<out1/u)" 0
