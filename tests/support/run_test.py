#!/usr/bin/python3
"""run_test.py POINTER SCRIPT USER [ARGUMENT...] - run one integration test; exit 0 passed, 77 skipped, else failed.

USER is ids, userns, bare or random (the script runs as that user, with LICHEN_TEST_TIER naming the
tier that this user is for; bare is the random uid, too), or harness (the script runs as whoever we are and drops by itself).
The script gets a directory of its own, which is removed afterwards. We are the subreaper of all
that the script starts, so a process that outlives the test is found here, killed, and is a failure.
"""
import ctypes
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PR_SET_CHILD_SUBREAPER = 36
SKIP = 77
HERE = pathlib.Path(__file__).resolve().parent


def read_env(state):
    lines = (state / "env").read_text().splitlines()
    return dict(word.split("=", 1) for line in lines for word in shlex.split(line))


def children():
    """The pids of every process that is ours or came to us: direct children are enough, because
    an orphan's parent is its nearest subreaper."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == os.getpid() and fields[0] != "Z":
                found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:
            pass  # gone meanwhile
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def leftovers(grace_s=5.0):
    """What still runs when the test is over; a grace, because the end of a process takes a moment."""
    end = time.monotonic() + grace_s
    while True:
        reap()
        found = children()
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.02)


def remove(path):
    if os.getuid() == 0:
        subprocess.run(["umount", "-q", str(path / "mnt")], stderr=subprocess.DEVNULL)
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():  # files of other ids, or folders without x
        subprocess.run(["unshare", "--user", "--map-root-user", "--map-auto", "rm", "-rf", str(path)],
                       stderr=subprocess.DEVNULL)


def main(pointer, script, user, *arguments):
    if not pathlib.Path(pointer).exists():
        sys.exit("run_test: the fixture is not up")
    state = pathlib.Path(pathlib.Path(pointer).read_text().strip())
    env = read_env(state)
    if user != "harness" and user not in env["USERS"].split():
        print(f"SKIP: no user for {user} here: {env['USERS'] or 'no tier works'} (lichen doctor says why)")
        return SKIP

    # The staged copy, which every user can read.
    staged = state / "work" / pathlib.Path(script).resolve().parent.name / pathlib.Path(script).name
    text = staged.read_text()
    if not env["DEBIAN"] and re.search("DEBIAN|examples/|EXAMPLES", text):
        print("SKIP: no Debian base image: mmdebstrap needs root or a range of sub-ids")
        return SKIP

    name = "-".join([pathlib.Path(script).stem, *arguments[:1]])
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-{user}.", dir=state / "tmp"))
    os.chmod(directory, 0o755)
    for key, value in env.items():
        os.environ["LICHEN_TEST_" + key] = value
    os.environ.update({
        "LICHEN_TEST_STATE": str(state), "LICHEN_TEST_DIR": str(directory), "LICHEN_TEST_USER": user,
        "LICHEN_TEST_TIER": {"ids": "ids", "bare": "bare"}.get(user, "userns"),
    })
    command = ["bash", str(staged), *arguments]
    if user != "harness":
        if os.getuid() == 0:
            uid = int(env["RANDOM_UID"]) if user in ("random", "bare") else __import__("pwd").getpwnam("lichen-" + user).pw_uid
            os.chown(directory, uid, uid)
        command = [str(state / "work" / "support" / "as-user"), user, str(directory), *command]

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Who runs us in the background may have SIGINT ignored, and who is tested would go on ignoring it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL).wait()
    left = leftovers()
    for pid, line in left:
        print(f"FAILED: process {pid} outlived the test: {line}")
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    leftovers(2.0)
    if not os.environ.get("LICHEN_TEST_KEEP"):
        remove(directory)
    if left and status in (0, SKIP):
        return 1
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
