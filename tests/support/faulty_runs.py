#!/usr/bin/python3
"""faulty_runs.py FIRST COUNT [JOBS] - pulls and pushes through a registry that goes wrong, COUNT seeds from FIRST on.

Each seed: a build FROM an image there, pushed back, in a store of its own. It must end right, or with a clear error; it must
end right when nothing that went wrong was past mending. Whatever happened, `lichen debug fsck` finds the store sound,
the registry has seen nothing that it must not see, and the same build in the same store ends right once all is well again.
"""
import concurrent.futures
import gzip
import io
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tarfile
import time

from faulty_registry import PASSWORD_HEADER, FaultyRegistry, digest_of

HERE = pathlib.Path.cwd()
TIER = os.environ["LICHEN_TEST_TIER"]


def layer(dice, number):
    """A gzipped layer with one file, and the digest of its tar."""
    content = dice.randbytes(dice.choice([10, 3000, 200_000, 2_500_000]))
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        entry = tarfile.TarInfo(f"layer{number}")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), 1, mtime=0), digest_of(plain.getvalue())


def plan(seed):
    dice = random.Random(seed)
    registry = FaultyRegistry(
        seed, probability=dice.choice([0.1, 0.3, 0.6]), limit=dice.choice([1, 2]),
        fatal=dice.choice([0, 0, 0.03, 0.1]), tokens=dice.random() < 0.5,
        largest=dice.choice([None, None, 1 << 20]))
    layers = [layer(dice, number) for number in range(dice.randint(1, 5))]
    registry.put_image("base", "1", [blob for blob, _ in layers], [diff for _, diff in layers])
    return registry, [blob for blob, _ in layers]


def lichen(directory, *arguments):
    environment = dict(os.environ, HOME=str(directory), LICHEN_ROOT=str(directory / "root"),
                       XDG_RUNTIME_DIR=str(directory), DOCKER_CONFIG=str(directory))
    return subprocess.run(["lichen", *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=300)


def check_pushed(registry, layers):
    """What is wrong with the image that was pushed, or None."""
    data = registry.manifests.get(("out", "1"))
    if data is None:
        return "the manifest is not there"
    manifest = json.loads(data)
    blobs = [manifest["config"], *manifest["layers"]]
    for one in blobs:
        found = registry.blobs.get(one["digest"])
        if found is None or len(found) != one["size"] or digest_of(found) != one["digest"]:
            return f"the blob {one['digest']} is missing or wrong"
    if [one["digest"] for one in manifest["layers"]][:len(layers)] != [digest_of(blob) for blob in layers]:
        return "the layers of the base are not those of the registry"
    return None


def run(seed):
    directory = HERE / f"seed{seed}"
    (directory / "ctx").mkdir(parents=True)
    registry, layers = plan(seed)
    complaints = []
    with registry:
        (directory / "ctx" / "Dockerfile").write_text(f"FROM {registry.domain}/base:1\nCOPY Dockerfile /copied\n")
        (directory / "config.json").write_text(json.dumps(
            {"auths": {registry.domain: {"auth": PASSWORD_HEADER.split()[1]}}}))
        build = ["build", f"--tier={TIER}", "--progress=plain", "-t", f"{registry.domain}/out:1", "--push",
                 str(directory / "ctx")]
        start = time.monotonic()
        first = lichen(directory, *build)
        seconds = time.monotonic() - start
        faults, fatal = list(registry.faults), registry.is_fatal()
        if first.returncode == 0:
            complaints += filter(None, [check_pushed(registry, layers)])
        elif not fatal:
            complaints.append(f"it failed, though all could be mended: status {first.returncode}")
        if first.returncode not in (0, 1, 3, 4, 5, 6) or (
                first.returncode and not re.search(r"^lichen: .{10}", first.stdout, re.M)):
            complaints.append(f"no clear error: status {first.returncode}")
        if "secret" in first.stdout or "Bearer" in first.stdout or "signed" in first.stdout:
            complaints.append("a secret is shown")
        complaints += registry.problems

        def fsck(when):
            checked = lichen(directory, "debug", "fsck")
            if checked.returncode:
                complaints.append(f"fsck {when}: {checked.stdout}")

        fsck("afterwards")
        registry.probability = registry.fatal = 0
        again = lichen(directory, *build)
        complaints += [] if again.returncode == 0 else [f"without faults it fails: {again.stdout[-2000:]}"]
        complaints += filter(None, [check_pushed(registry, layers)])
        fsck("at the end")
    if not os.environ.get("LICHEN_TEST_KEEP"):
        subprocess.run(["chmod", "-R", "u+rwX", directory], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(directory, ignore_errors=True)
    outcome = "right" if first.returncode == 0 else f"status {first.returncode}"
    return seed, outcome, len(faults), seconds, complaints, first.stdout, faults


def main(first, count, jobs="8"):
    bad, right, faults = 0, 0, 0
    with concurrent.futures.ThreadPoolExecutor(int(jobs)) as pool:
        for seed, outcome, number, seconds, complaints, output, list_of_faults in pool.map(
                run, range(int(first), int(first) + int(count))):
            right += outcome == "right"
            faults += number
            if not complaints:
                continue
            bad += 1
            print(f"seed {seed}: {outcome} after {seconds:.1f} s with {number} faults", *complaints, sep="\n  ")
            print("  faults:", *(f"{fault} of {method} {path}" for fault, method, path in list_of_faults), sep="\n    ")
            print("  output:", *output.splitlines()[-30:], sep="\n    ")
    print(f"{count} runs, {faults} faults: {right} ended right, {int(count) - right} with an error; {bad} went wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
