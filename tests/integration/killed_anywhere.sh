#!/bin/bash
# users: ids userns bare
# cost: 60
# equality: none, most of its builds do not end
# kill -9 at random moments of pull, unpack, step, layer, push, prune, and of a cache's export and import: the store is sound
# each time, no process and no mount stays, what was exported can be read, and the next build is right and leaves no temporary file. LICHEN_TEST_KILLS: how often (make soak: 200); LICHEN_TEST_SEED says when.
. "$(dirname "$0")/../support/lib.sh"
kills=${LICHEN_TEST_KILLS:-10} seed=${LICHEN_TEST_SEED:-$$}
echo "LICHEN_TEST_SEED=$seed"
name=$REG/killed-$LICHEN_TEST_USER
printf 'FROM %s\nARG ROUND\nRUN echo "$ROUND" > /round; dd if=/dev/urandom of=/bytes bs=1M count=6 2>/dev/null\nCOPY file /file\n' "$TINY" > ctx/Dockerfile
head -c 3000000 /dev/urandom > ctx/file
python3 - "$kills" "$seed" "$TIER" "$name" <<'PY' || fail "see above"
import os
import random
import shutil
import signal
import subprocess
import sys
import time

kills, seed, tier, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
random.seed(seed)


def build(number, *more):
    return ["lichen", "build", "--tier=" + tier, "--progress=plain", "-t", name, "--push", "--load",
            "--build-arg", "ROUND=%d" % number, *more, "ctx"]


def prune(*flags):
    return ["lichen", "prune", "-f", "--tier=" + tier, *flags]


def run(command, delay=None):
    """The exit status, or None when it was killed before its end; and the seconds that it took."""
    start = time.monotonic()
    with open("killed.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            status = process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            status = None
    return status, time.monotonic() - start


def must(command, what):
    status, seconds = run(command)
    if status != 0:
        sys.exit("%s: exit status %s\n%s" % (what, status, open("killed.log").read()))
    return seconds


whole = must(build(0), "the first build")
def left():
    """What of the killed ones is still there: processes of this store, and mounts in it."""
    root, found = os.environ["LICHEN_ROOT"], []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open("/proc/%s/cmdline" % pid, "rb").read().split(b"\0")
            if os.path.basename(command[0]).startswith(b"lichen") and \
                    ("LICHEN_ROOT=" + root).encode() in open("/proc/%s/environ" % pid, "rb").read().split(b"\0"):
                found.append(" ".join(map(os.fsdecode, command)))
        except OSError:
            pass  # gone, or not ours
    return found + [line for line in open("/proc/self/mountinfo") if root in line]


def must_be_gone(what):
    end = time.monotonic() + 10  # the end of a process takes a moment
    while left():
        if time.monotonic() > end:
            sys.exit("after a killed %s: %s" % (what, left()))
        time.sleep(0.05)


exporting = ["--cache-to", "type=local,dest=exported,mode=max"]
importing = ["--cache-from", "type=local,src=exported"]
durations = {"cold": whole, "warm": whole, "limited": whole, "export": whole, "import": whole / 2, "prune": 0.1 + whole / 10, "all": 0.1 + whole / 10}
killed = 0
for number in range(1, 10 * kills):
    what = random.choice(list(durations))
    command = {"cold": build(number), "warm": build(number), "limited": build(number, "--store-max=8m"),
               "export": build(number, *exporting), "import": build(0, *importing),
               "prune": prune("--max-used-space", "6m"), "all": prune("--all")}[what]
    if what == "import" and not os.path.exists("exported/index.json"):
        must(build(0, *exporting), "an export")
    if what in ("cold", "import"):  # pull and unpack, too
        must(prune("--all"), "prune --all")
    elif what in ("prune", "all"):
        must(build(number), "a build to prune")
    status, seconds = run(command, random.uniform(0, durations[what]))
    if status is None:
        killed += 1
    elif status != 0:
        sys.exit("%s: exit status %s\n%s" % (what, status, open("killed.log").read()))
    else:
        durations[what] = seconds
    must_be_gone(what)
    must(["lichen", "debug", "fsck", "--tier=" + tier], "fsck after a killed " + what)
    if what == "export" and os.path.exists("exported/index.json"):
        must(build(number, *importing), "a build with an exported cache")
        if "importing cache" in open("killed.log").read().replace("importing cache from exported\n", ""):
            sys.exit("the exported cache cannot be read\n" + open("killed.log").read())
    if killed == kills:
        break
else:
    sys.exit("only %d of %d were killed before their end" % (killed, kills))
shutil.rmtree("result", ignore_errors=True)
must(["lichen", "build", "--tier=" + tier, "--progress=plain", "--build-arg", "ROUND=last", "-o", "result", "ctx"], "the last build")
assert open("result/round").read() == "last\n" and os.path.getsize("result/bytes") == 6 << 20
assert os.listdir(os.environ["LICHEN_ROOT"] + "/tmp") == [], os.listdir(os.environ["LICHEN_ROOT"] + "/tmp")
assert open("result/file", "rb").read() == open("ctx/file", "rb").read()
print("%d kills, %d rounds" % (killed, number))
PY
same "$(skopeo inspect --tls-verify=false --format '{{.Os}}' "docker://$name")" linux
ok lichen prune --all --tier="$TIER"
