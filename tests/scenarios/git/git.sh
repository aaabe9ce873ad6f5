. /scenario/steps.sh
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000' HOME=/root
git config --global user.name n; git config --global user.email n@example.org; git config --global init.defaultBranch main; git config --global gc.auto 0
git config --global pack.threads 1  # with more of them, what is a delta of what depends on their timing
mkdir /srv/r; cd /srv/r; git init -q
i=0; while [ $i -lt 200 ]; do mkdir -p d$((i % 9)); seq $i > d$((i % 9))/f$i; i=$((i + 1)); done
chmod 755 d1/f1; ln -s d1/f1 link
git add .; git commit -q -m one; git mv d2 moved; git rm -q d3/f3; git commit -q -m two; git tag t; git gc -q
git clone -q /srv/r /srv/c; git clone -q --bare --shared /srv/r /srv/b; cd /srv/c; git checkout -q -b other HEAD~1; git fsck --strict; git worktree add -q /srv/w main
note git log --format='%H %s %an'; note git status --short; note git count-objects
useradd -m ann; chage -d 19000 ann; chown -R ann /srv/c
note su ann -c 'git -C /srv/c log --oneline'; note su ann -c 'git -C /srv/r log --oneline'; note git -C /srv/c log --oneline
list /srv/c/d1 /srv/c/.git/HEAD /srv/b/HEAD
find /srv -name index -delete   # inode numbers and times
