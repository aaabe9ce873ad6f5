#!/bin/bash
# users: userns bare
# cost: 90
# Edits to every kind of input: exactly the steps that must rerun do, and each says why.
. "$(dirname "$0")/../support/lib.sh"

# A build whose steps copy, mount and run what the rows below edit. Every row starts from here.
prepare() {
    rm -rf ctx other; mkdir -p ctx/src/deep ctx/mounted other
    echo a > ctx/src/a; echo b > ctx/src/b; echo c > ctx/src/deep/c; for name in mode gone old typed hidden same; do echo $name > ctx/src/$name; done; ln -s a ctx/src/link; echo m > ctx/mounted/m
    echo in > ctx/in; echo x > ctx/unused; echo secret-1 > secret; echo o > other/o; echo i > ctx/ignored
    chmod -R u=rwX,go=rX ctx other
    echo ignored > ctx/.dockerignore
    dockerfile <<'D'
FROM @TINY@ AS made
COPY in /in
RUN wc -c < /in > /out
FROM @TINY@
ARG USED=1
ARG UNUSED=1
ENV VERSION=1.2
ENV API_TOKEN=hunter1
LABEL a=b
COPY src /src
RUN --mount=type=secret,id=s --mount=type=bind,source=mounted,target=/m cat /m/m; echo first $USED
COPY --from=made /out /out
COPY --from=other o /o
RUN echo last
D
    args=(--build-context other=other --secret id=s,src=secret ctx)
}
# What of the last build ran, and why: "S file src/a changed".
missed() {
    awk '$1 ~ /^#/ { step = $1 }
         $2 ~ /^\[/ { sub(/^#[0-9]+ \[[^]]*\] /, ""); name[step] = $0 }
         $2 == "MISS:" { sub(/^#[0-9]+ MISS: /, ""); why[step] = $0; order[n++] = step }
         END { for (i = 0; i < n; i++) print name[order[i]] "|" why[order[i]] }' err |
        sed -E 's/^COPY in [^|]*/I/; s/^RUN wc[^|]*/W/; s/^COPY (--chown=1:1 )?src [^|]*/S/; s/^RUN --mount[^|]*/R1/; s/^load [^|]*/L/; s/^COPY --from=made[^|]*/M/
                s/^COPY --from=other[^|]*/O/; s/^RUN echo last[^|]*/R2/; s/^FROM[^|]*/B/
                s/sha256:[0-9a-f]{12}/DIGEST/g; s/\|.* gave another result$/|after/; s/\|/ /'
}
row=0
# edit NAME COMMAND: one row. Standard input: what may run and why; "after A B": because of the step before.
edit() {
    row=$((row + 1)); prepare; extra=()
    eval "$2"
    build "${extra[@]}" "${args[@]}"
    missed | sort > got
    while read -r step why; do
        if [ "$step" = after ]; then for step in $why; do echo "$step after"; done; else echo "$step $why"; fi
    done | sort > want
    diff -u want got || fail "edit $row: $1"
}
in_dockerfile() { sed -i "$1" ctx/Dockerfile; }

prepare; build "${args[@]}"
missed | sort > got
printf '%s never built here\n' I L M O R1 R2 S W > want; echo 'B not in the store' >> want
sort want | diff -u - got || fail "the first build"

# The newest 16 recipes of a place stay: what edits COPY src comes last, so that the first build is still the nearest.
edit "nothing" : </dev/null
edit "mtimes alone" 'find ctx -exec touch -h -d 2001-01-01 {} +' </dev/null
edit "a file by another of the same content" 'cp ctx/src/same t; mv t ctx/src/same; chmod 644 ctx/src/same' </dev/null
edit "an ignored file" 'echo I > ctx/ignored' </dev/null
edit "a file that nobody copies" 'echo X > ctx/unused' </dev/null
edit ".dockerignore, of none" 'echo "# more" >> ctx/.dockerignore; echo nothing >> ctx/.dockerignore' </dev/null
edit "an ARG that is used" 'extra=(--build-arg USED=2)' <<'W'
R1 env USED: 1 → 2
M after
O after
R2 env USED: 1 → 2, and 1 more
W
edit "an ARG that only is there" 'extra=(--build-arg UNUSED=2)' <<'W'
R1 env UNUSED: 1 → 2
M after
O after
R2 env UNUSED: 1 → 2, and 1 more
W
edit "an argument of no ARG" 'extra=(--build-arg NOBODY=2)' </dev/null
edit "proxies" 'extra=(--build-arg http_proxy=http://u:hunter2@proxy.invalid:1 --build-arg NO_PROXY=*)' </dev/null
edit "ENV" 'in_dockerfile s/VERSION=1.2/VERSION=1.3/' <<'W'
R1 env VERSION: 1.2 → 1.3
M after
O after
R2 env VERSION: 1.2 → 1.3, and 1 more
W
edit "ENV with a secret's name" 'in_dockerfile s/hunter1/hunter2/' <<'W'
R1 env API_TOKEN changed
M after
O after
R2 env API_TOKEN changed, and 1 more
W
edit "a command" 'in_dockerfile "s/echo last/echo last one/"' <<'W'
R2 command changed
W
edit "a comment, a label, CMD" 'in_dockerfile "s/^LABEL.*/# more\nLABEL a=c/; \$a CMD x"' </dev/null
edit "the secret's value" 'echo secret-2 > secret' </dev/null
edit "a file that is mounted" 'echo M > ctx/mounted/m' <<'W'
L file mounted/m changed
after R1 M O R2
W
edit "how a secret is mounted" 'in_dockerfile "s/type=secret,id=s/&,required/"' <<'W'
R1 mount /run/secrets/s: secret,id=s,mode=0400,uid=0,gid=0,ro → secret,id=s,mode=0400,uid=0,gid=0,ro,required
after M O R2
W
edit "a named context" 'echo O > other/o' <<'W'
O file o changed
R2 after
W
edit "a stage that is rebuilt to the same bytes" 'echo ni > ctx/in' <<'W'
I file in changed
W after
W
edit "a stage that is rebuilt to others" 'echo longer > ctx/in' <<'W'
I file in changed
W after
M file /out changed
after O R2
W
edit "USER" 'in_dockerfile "s/^RUN echo last/USER 1000\n&/"' <<'W'
R2 user: root → 1000
W
edit "a step in between" 'in_dockerfile "s/^RUN echo last/RUN true\n&/"' <<'W'
RUN true command changed
R2 it stands on another step: RUN true
W
edit "hosts" 'extra=(--add-host h:1.2.3.4)' <<'W'
W host h is new: 1.2.3.4
R1 host h is new: 1.2.3.4
after M O
R2 host h is new: 1.2.3.4, and 1 more
W
edit "--no-cache-filter" 'extra=(--no-cache-filter made)' <<'W'
I the cache is not asked (--no-cache)
W the cache is not asked (--no-cache)
W
edit "the context's place" 'mv ctx elsewhere; cp -r elsewhere ctx; mv elsewhere "ctx 2"; args[-1]="ctx 2"' </dev/null
edit "a byte of a file" 'echo B > ctx/src/b' <<'W'
S file src/b changed
after R1 M O R2
W
edit "two files" 'echo AA > ctx/src/a; echo CC > ctx/src/deep/c' <<'W'
S file src/a changed, and 1 more
after R1 M O R2
W
edit "a mode" 'chmod 755 ctx/src/mode' <<'W'
S file src/mode: mode 0644 → 0755
after R1 M O R2
W
edit "a directory's mode" 'chmod 700 ctx/src/deep' <<'W'
S file src/deep: mode 0755 → 0700
after R1 M O R2
W
edit "a rename" 'mv ctx/src/old ctx/src/renamed' <<'W'
S file src/old renamed to src/renamed
after R1 M O R2
W
edit "a new file" 'echo n > ctx/src/new' <<'W'
S file src/new is new
after R1 M O R2
W
edit "a file that is gone" 'rm ctx/src/gone' <<'W'
S file src/gone is gone
after R1 M O R2
W
edit "an empty directory" 'mkdir -m 755 ctx/src/empty' <<'W'
S file src/empty is new
after R1 M O R2
W
edit "a link's target" 'ln -sf b ctx/src/link' <<'W'
S file src/link changed
after R1 M O R2
W
edit "a directory for a file" 'rm ctx/src/typed; mkdir -m 755 ctx/src/typed' <<'W'
S file src/typed is of another type
after R1 M O R2
W
edit ".dockerignore, of a copied file" 'echo src/hidden >> ctx/.dockerignore' <<'W'
S file src/hidden is hidden by .dockerignore
after R1 M O R2
W
edit "how files are copied" 'in_dockerfile "s/COPY src/COPY --chown=1:1 src/"' <<'W'
S instruction changed
R1 it stands on another step: COPY --chown=1:1 src /src
after M O R2
W

# Nothing that is secret was kept.
if grep -rqE 'hunter[12]@|secret-[12]' "$LICHEN_ROOT"/history "$LICHEN_ROOT"/lichen.db*; then fail "a secret or a proxy is in a record"; fi
if grep -rq hunter "$LICHEN_ROOT"/lichen.db*; then fail "the value of API_TOKEN is in the recipes"; fi

# The results are gone, but not what is known of them.
ok lichen prune
edit "results that were pruned" : <<'W'
B its result is no longer in the store
I its result is no longer in the store
L its result is no longer in the store
S its result is no longer in the store
R1 it stands on another step: COPY src /src, and 1 more
after W M O R2
W

# A base image that moved.
for version in 1 2; do
    mkdir -p base; echo $version > base/v; printf 'FROM %s\nCOPY v /v\n' "$TINY" > base/Dockerfile
    build -t "$REG/explain-$TIER/base:1" --push base
    printf 'FROM %s/explain-%s/base:1\nRUN cat /v\n' "$REG" "$TIER" > base/user
    build --pull -f base/user base
done
has err 'MISS: base image .*explain-.*/base:1 moved from sha256:[0-9a-f]{12} to sha256:[0-9a-f]{12}$'
# An image that is there, but not as a tree.
LICHEN_ROOT=$T/pulled; ok lichen pull "$TINY"; printf 'FROM %s\nRUN true\n' "$TINY" > Dockerfile.pulled
build -f Dockerfile.pulled ctx; has err "MISS: not unpacked at tier $TIER\$"; store_is_clean
