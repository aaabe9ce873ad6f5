#!/bin/bash
# users: ids random
# login asks the registry, keeps what is good in config.json or with a helper; logout forgets it.
. "$(dirname "$0")/../support/lib.sh"
export HOME=$T/home DOCKER_CONFIG=$T/home/.docker
mkdir -p "$HOME"
config=$DOCKER_CONFIG/config.json
login() { lichen login --username tom --password-stdin "$@"; }
fails 2 lichen login "$REG_AUTH"; has err 'non TTY'
fails 2 lichen login --password-stdin "$REG_AUTH" </dev/null; has err 'username'
fails 2 login 'no registry'
printf wrong | fails 3 login "$REG_AUTH"; has err 'refused the credentials'; hasnt err wrong
[ ! -e "$config" ] || fail "wrong credentials were kept"
printf 'secret\n' | ok login "https://$REG_AUTH/v2/"; has out 'Login Succeeded'; has err unencrypted
same "$(stat -c %a "$config")" 600
same "$(jq -r ".auths[\"$REG_AUTH\"].auth" "$config" | base64 -d)" tom:secret
printf 'FROM scratch\nCOPY Dockerfile /d\n' > ctx/Dockerfile
build -t "$REG_AUTH/login-$LICHEN_TEST_USER:1" --push ctx
ok skopeo inspect --raw --authfile "$config" --tls-verify=false "docker://$REG_AUTH/login-$LICHEN_TEST_USER:1"
ok lichen logout "$REG_AUTH"; has out Removing
ok lichen logout "$REG_AUTH"; has out 'Not logged in'
fails 3 lichen_build -t "$REG_AUTH/login-$LICHEN_TEST_USER:2" --push ctx; has err 'lichen login'
# The password on the command line works, with a warning.
ok lichen login -u tom -p secret "$REG_AUTH"; has err 'password-stdin'; ok lichen logout "$REG_AUTH"
# At a terminal it asks, and the password is not shown.
python3 - "$REG_AUTH" >typed <<'PY' || fail "$(<typed)"
import os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("lichen", ["lichen", "login", sys.argv[1]])
shown = b""
def until(text):
    global shown
    while text not in shown:
        if not select.select([terminal], [], [], 30)[0]:
            sys.exit(f"no {text!r} in {shown!r}")
        shown += os.read(terminal, 4096)
until(b"User name")
os.write(terminal, b"tom\n")
until(b"Password: ")
os.write(terminal, b"secret\n")
until(b"Login Succeeded")
if b"secret" in shown:
    sys.exit(f"the password is shown: {shown!r}")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
ok lichen logout "$REG_AUTH"; has out Removing
# A credential helper keeps them, and the file names it alone.
mkdir bin; export PATH=$T/bin:$PATH KEPT=$T/kept
cat > bin/docker-credential-kept <<'HELPER'
#!/bin/sh
case $1 in
    store) cat > "$KEPT" ;;
    get) cat "$KEPT" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
    erase) rm "$KEPT" ;;
esac
HELPER
chmod +x bin/docker-credential-kept
printf '{"credsStore":"kept"}' > "$config"
printf secret | ok login "$REG_AUTH"; hasnt err unencrypted
same "$(<"$config")" '{"credsStore":"kept"}'
build -t "$REG_AUTH/login-$LICHEN_TEST_USER:3" --push ctx
ok lichen logout "$REG_AUTH"
[ ! -e "$KEPT" ] || fail "the helper still has them"
