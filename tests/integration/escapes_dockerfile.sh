#!/bin/bash
# users: ids userns bare
# cost: 20
# What a Dockerfile or an image says does not make the builder itself go to the host: working directories that are
# descriptors, mount targets that are links, user files that are no files, its own program as an interpreter.
. "$(dirname "$0")/../support/lib.sh"
need gcc
word=host-witness:$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \n')
mkdir -p host/dir; echo "$word" > host/secret; echo text > host/victim
mkdir bin; cp "$STATE/bin/lichen" bin/  # the user's own, so that it could be overwritten
host() { find host -printf '%P %y %m %U %s %T@ %l\n' | sort; }
host > before
# attempt: may fail, but in time and with an error; and nothing of the host is in what it says and makes.
attempt() {
    local status=0
    rm -rf got
    timeout 60 bin/lichen build --tier="$TIER" --progress=plain --no-cache -o got ctx </dev/null >out 2>err || status=$?
    [ $status -lt 124 ] || fail "exit status $status"
    [ $status = 0 ] || has err '^(lichen|ERROR|Dockerfile)|lichen: '
    hasnt err "$word|ESCAPED"
    ! grep -rqsF "$word" got || fail "a secret of the host is in the image"
    host | diff before - || fail "the host has changed"
    cmp bin/lichen "$STATE/bin/lichen" || fail "lichen was overwritten"
}

# --- WORKDIR /proc/self/fd/N (CVE-2024-21626) -----------------------------------------------------
for links in /proc/self/fd /proc/1/fd /dev/fd; do
    { printf 'FROM %s\n' "$TINY"
      for fd in 3 4 5 6 7 8 9 10 12 15; do
          printf 'WORKDIR %s/%s\nRUN cat ../../../../../../../../../..%s/secret ./%s/secret 2>/dev/null && echo ESC""APED; true\n' \
              "$links" $fd "$T/host" "${T#/}/host"
      done; } > ctx/Dockerfile
    attempt
done

# --- targets of lichen's own mounts that lead out (CVE-2024-23651, 23652) --------------------------
printf 'FROM %s\n' "$TINY" > ctx/Dockerfile
build -o type=tar,dest=tiny.tar ctx
image_with() { # NAME TARGET: an image where that name is a link
    python3 - tiny.tar ctx/root.tar "$1" "$2" <<'P'
import sys, tarfile
source, dest, name, target = sys.argv[1:]
with tarfile.open(source) as old, tarfile.open(dest, "w") as new:
    for member in old:
        path = member.name.removeprefix("./").strip("/")
        if path != name and not path.startswith(name + "/"):
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
    link = tarfile.TarInfo(name); link.type = tarfile.SYMTYPE; link.linkname = target
    new.addfile(link)
P
}
printf 'FROM scratch\nADD root.tar /\nRUN for f in /etc/hosts /etc/resolv.conf /etc/hostname /dev/x /dev/shm/x /proc/x /sys/x; do cat $f; echo new > $f; rm -rf $f; mkdir $f; done 2>/dev/null; true\nWORKDIR /proc/w\nRUN true\n' > ctx/Dockerfile
for name in proc sys dev etc etc/hosts etc/resolv.conf etc/hostname; do
    image_with "$name" "$T/host/dir"; attempt
    image_with "$name" "../../../../../../../../../..$T/host/victim"; attempt
done

# --- who a USER or an owner is, is read by the builder ----------------------------------------------
# The step reads nothing: a program that asks for a user's name would read /dev/zero until its memory is full.
for make in "ln -s $T/host/secret" "ln -s /dev/zero" "ln -s /proc/self/fd/0" "ln -s passwd" mkfifo mkdir 'truncate -s 3G'; do
    dockerfile <<D
FROM @TINY@
RUN rm -f /etc/passwd /etc/group; $make /etc/passwd && $make /etc/group
USER somebody:some
RUN true
D
    attempt
    sed -i 's/^USER.*/COPY --chown=somebody:some Dockerfile \/c/' ctx/Dockerfile
    attempt
done

# --- the builder's own program as an interpreter (CVE-2019-5736) ------------------------------------
# With namespaces the kernel starts it, as a process of the step; it cannot be written to while it runs, and the builder
# runs until no process of the step does.
gcc -O1 -static -nostdlib -ffreestanding -fno-stack-protector -fcf-protection=none -o ctx/loader "$SUPPORT/escapes_loader.c"
loader=$(readelf -l "$STATE/bin/lichen" | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
for program in /proc/self/exe /proc/1/exe /proc/thread-self/exe; do
    printf '#!%s\n' $program > ctx/script; chmod 755 ctx/script
    printf 'FROM %s\nCOPY loader %s\nCOPY script /\nRUN ["/script"]\n' "$TINY" "$loader" > ctx/Dockerfile
    attempt
    hasnt err 'can be overwritten'
    [ "$TIER" != bare ] || hasnt err 'program of the builder'
done
