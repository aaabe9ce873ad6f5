#!/bin/bash
# users: ids
# Every command has --help with an example; a wrong one is refused.
. "$(dirname "$0")/../support/lib.sh"
ok lichen --version; has out '[0-9]+\.[0-9]+'
ok lichen --help; has out build; has out doctor
for command in build run images inspect tag rmi history login logout doctor; do
    ok lichen $command --help; has out '[Ee]xample'
done
