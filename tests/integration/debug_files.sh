#!/bin/bash
# users: ids
# `lichen debug ast|words|ignore` show how files are read; a source that cannot be had is named, with its line.
. "$(dirname "$0")/../support/lib.sh"
printf 'FROM debian\nRUN ["a", "b"]\n' > Dockerfile
ok lichen debug ast Dockerfile; has out '\(run "a" "b"\)'
ok lichen debug ast --json Dockerfile; has out '"original": "FROM debian"'
printf 'ENV A=x y\n$A${B:-z}\n' > words
ok lichen debug words words; has out '"words":\["x","yz"\]'
printf 'a/**\n!a/b\n' > ignore
ok lichen debug ignore ignore; has out '"match_type":"prefix"'
ok lichen debug ignore ignore a/c a/b; has out 'a/c","match":true'; has out 'a/b","match":false'
printf 'FROM a\nENV x\n' > Dockerfile; fails 1 lichen debug ast Dockerfile; has err 'line 2'
fails any lichen debug ast; fails any lichen debug nothing
printf 'FROM scratch\n\nADD https://example.invalid/a.tar /\n' | dockerfile
fails any lichen_build ctx; has err 'Dockerfile:3'; has err 'example\.invalid'
