#!/bin/bash
# users: ids userns bare
# With --context-mode=git the umask of a checkout makes no difference: not to the image, and not to what is cached.
. "$(dirname "$0")/../support/lib.sh"
need git
export SOURCE_DATE_EPOCH=1700000000 GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q work
mkdir -p work/sub/deep
cat > work/Dockerfile <<D
FROM $TINY
COPY . /all/
COPY sub /sub
COPY run.sh sub/deep/file /some/
COPY --chmod=600 run.sh /private
RUN --mount=type=bind,target=/context cd /context && find . | sort | while read -r f; do stat -c '%n %a' "\$f"; done > /seen
D
printf '#!/bin/sh\n' > work/run.sh; chmod 755 work/run.sh
echo 1 > work/sub/deep/file; ln -s deep/file work/sub/link
git -C work add .; git -C work -c user.name=t -c user.email=t@t commit -qm one
for mask in 022 077 002; do
    (umask $mask; git clone -q work "$mask")
    rm -rf "$mask/.git"
    find "$mask" -depth -exec touch -h -d @1600000000 {} +
done
same "$(stat -c %a 022/run.sh 077/run.sh 002/run.sh | paste -sd' ')" "755 700 775"
for mask in 022 077 002; do
    LICHEN_ROOT=$T/root-$mask build --context-mode=git -o type=oci,dest=$mask.git.tar -o type=oci,compression=zstd,dest=$mask.zstd.tar $mask
    LICHEN_ROOT=$T/root-$mask build -o type=oci,dest=$mask.keep.tar $mask
done
for other in 077 002; do
    cmp 022.git.tar $other.git.tar || fail "the images of umask 022 and $other are different"
    cmp 022.zstd.tar $other.zstd.tar
    ! cmp -s 022.keep.tar $other.keep.tar || fail "modes are not kept"
done
build --context-mode=git -t x 077; build --context-mode=git -o got 002
same "$(cached)" 5 "cached steps"
same "$(stat -c %a got/all/run.sh got/all/sub/deep got/all/sub/deep/file got/sub/deep got/some/run.sh got/private | paste -sd' ')" "755 755 644 755 755 600"
same "$(readlink got/sub/link)" deep/file
same "$(grep -E '^\./(run.sh|sub|sub/deep/file) ' got/seen | sed 's|^\./||' | paste -sd,)" "run.sh 755,sub 755,sub/deep/file 644"
fails 2 lichen_build --context-mode=gti 022; has err 'did you mean git'
