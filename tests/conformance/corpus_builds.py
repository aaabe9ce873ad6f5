#!/usr/bin/python3
"""corpus_builds.py run DATA [--all] [NAME...] | table [--write] - do real Dockerfiles build?

`run` builds each Dockerfile of DATA/corpus that DATA/corpus-index.json says can be built from Debian packages, and those
that corpus_builds.cases makes buildable, with the `lichen` in PATH, two at a time in one store. It is called by
tests/integration/corpus_builds.sh, which sets LICHEN_TEST_*. Without --all those are left out that need apt or npm. NAME
is a part of a Dockerfile's name.

* Base images are named contexts: debian and ubuntu are the tests' Debian image; alpine, busybox, node and others are
  SUBSTITUTES, which lichen builds first.
* A context is made by rule: the Dockerfile, by its own name, and what it copies: files that hold their name, archives, trees.
* What the rule cannot know is in corpus_builds.cases, where a Dockerfile has an entry like this:

    == NAME OF THE DOCKERFILE, a target behind a blank ==
    why: in words, for the table of docs/conformance.md
    flags: --build-arg A=b               further flags of lichen build
    base: IMAGE FAMILY                   what stands for IMAGE, which no rule knows; FAMILY may be a file of the corpus
    fails: TEXT                          docker cannot build it either: it must fail, and say TEXT
    stop: TEXT                           interrupt it when TEXT is being run
    excepted: REASON                     it cannot be built here; that it builds is then a failure
    says: TEXT                           its output has TEXT
    -- dir/file --                       a file of the context, besides those made by rule
    -- sh --                             a script that runs in the context, at last

`table` checks that docs/conformance.md names the entries with `fails`, `stop` and `excepted`; --write puts them in.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 1800  # for a substitute with npm, on a machine that is busy
STOP_S = 15

# What stands for an image, by the last part of its repository's name.
FAMILIES = {"alpine": "alpine", "busybox": "alpine", "debian": "debian", "ubuntu": "debian", "node": "node",
            "nginx": "nginx", "golang": "golang", "python": "python"}
SUBSTITUTES = {
    "alpine": r"""
FROM tiny
COPY --chmod=755 <<'A' /usr/sbin/addgroup
#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
[ $# = 2 ] || exec sh -c 'echo "$1:x:$((1000 + $(wc -l < /etc/group))):" >> /etc/group' - "$1"
sed -i "/^$2:/{s/\([^:]\)\$/\1,/;s/\$/$1/}" /etc/group
A
COPY --chmod=755 <<'A' /usr/sbin/adduser
#!/bin/sh
make=yes id=$((1000 + $(wc -l < /etc/passwd))) comment= home=
while getopts DHSs:G:g:h:u: option; do
  case $option in H) make= ;; g) comment=$OPTARG ;; h) home=$OPTARG ;; u) id=$OPTARG ;; esac
done
shift $((OPTIND - 1))
home=${home:-/home/$1}
echo "$1:x:$id:" >> /etc/group
echo "$1:x:$id:$id:$comment:$home:/bin/sh" >> /etc/passwd
[ -z "$make" ] || { mkdir -p "$home" && chown "$id:$id" "$home"; }
A
RUN mkdir -p /etc/apk /var/tmp /var/lib /home /mnt /media /opt /run /srv /usr/local/bin /lib \
 && uname -m > /etc/apk/arch && printf 'NAME="Alpine Linux"\nID=alpine\n' > /etc/os-release \
 && echo 'guest:x:405:100:guest:/dev/null:/sbin/nologin' >> /etc/passwd && echo 'users:x:100:' >> /etc/group
CMD ["/bin/sh"]
""",
    "apk": r"""
FROM debian
COPY --chmod=755 <<'A' /usr/local/sbin/apk
#!/bin/sh
# apk add PACKAGE...: of Debian, when it is not there
for word; do case $word in add | update | -*) ;; *) dpkg -s "$word" >/dev/null || exit 1 ;; esac; done
A
""",
    "node": r"""
FROM debian
RUN apt-get update -q && apt-get install -q -y --no-install-recommends nodejs npm && rm -rf /var/lib/apt/lists/*
CMD ["node"]
""",
    "nginx": r"""
FROM debian
RUN apt-get update -q && apt-get install -q -y --no-install-recommends nginx && rm -rf /var/lib/apt/lists/* /etc/nginx/sites-enabled/* \
 && echo 'server { root /usr/share/nginx/html; }' > /etc/nginx/conf.d/default.conf
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
""",
    "golang": r"""
FROM debian
RUN apt-get update -q && apt-get install -q -y --no-install-recommends golang-go && rm -rf /var/lib/apt/lists/*
""",
    "python": r"""
FROM debian
RUN apt-get update -q && apt-get install -q -y --no-install-recommends python3-pip \
 && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED
""",
}


class Wrong(Exception):
    """What is not as it must be, in words."""


# --- corpus_builds.cases ---------------------------------------------------------------------------
class Entry:
    """What is known of one Dockerfile besides its text."""

    def __init__(self):
        self.why = self.fails = self.stop = self.excepted = self.script = ""
        self.flags, self.says, self.files, self.bases = [], [], [], {}

    def line(self, line, where):
        word, _, rest = line.strip().partition(": ")
        if word == "flags":
            self.flags += shlex.split(rest)
        elif word == "base":
            image, family = rest.split()
            self.bases[image] = family
        elif word == "says":
            self.says.append(rest)
        elif word in ("why", "fails", "stop", "excepted") and rest:
            setattr(self, word, rest)
        else:
            raise Wrong(f"{where}: what is this? {line}")


def read_entries():
    text = (HERE / "corpus_builds.cases").read_text()
    entries = {}
    for name, rest in two_by_two(re.split(r"^== (.+) ==$", text, flags=re.M)[1:]):
        if name in entries:
            raise Wrong(f"corpus_builds.cases: twice: {name}")
        entry = entries[name] = Entry()
        head, *files = re.split(r"^-- (.+) --\n", rest, flags=re.M)
        for line in head.strip().splitlines():
            if not line.startswith("#"):
                entry.line(line, name)
        for path, body in two_by_two(files):
            body = body.rstrip("\n") + "\n" if body.strip() else ""
            if path == "sh":
                entry.script = body
            else:
                entry.files.append((path, body))
    return entries


def two_by_two(items):
    return zip(items[::2], items[1::2])


# --- what there is to build ------------------------------------------------------------------------
class Build:
    """One Dockerfile and target."""

    def __init__(self, data, row, target, entries):
        self.file, self.target = row["file"], target
        self.name = f"{self.file} {target}" if target else self.file
        self.entry = entries.get(self.name) or entries.get(self.file) or Entry()
        self.text = (data / "corpus" / self.file).read_bytes()
        self.own_name = pathlib.PurePosixPath(row["path"]).name
        self.sources = [source for stage in row["stage_info"] for source in stage["context_sources"]]
        self.images = {image for stage in row["stage_info"] for image in stage["images"]}

    def substitutes(self):
        """image -> the family that stands for it. Where an ARG makes up the name, all that it may name."""
        named = {image for image in self.images if image not in ("", "scratch") and "$" not in image}
        if any("$" in image or not image for image in self.images):
            named |= {"alpine", "busybox", "alpine:3.9"}
        found = {}
        for image in named:
            repository = re.split(r"[:@]", image.rpartition("/")[2])[0]
            if repository in FAMILIES:
                found[image] = FAMILIES[repository]
        return found | self.entry.bases

    def is_slow(self):
        bases = "".join(SUBSTITUTES.get(family, "") for family in self.substitutes().values())
        return re.search(r"\b(apt|apt-get|npm|yarn) ", bases + self.text.decode(errors="replace")) is not None


def builds_of(data):
    entries, builds = read_entries(), []
    for row in json.loads((data / "corpus-index.json").read_text()):
        targets = row.get("offline_debian_targets") or []
        if row.get("offline_debian_build") in ("yes", "with-substitute-base") or row["file"] in entries and not targets:
            targets = [None]
        targets += [name.split()[1] for name in entries if name.startswith(row["file"] + " ") and name.split()[1] not in targets]
        builds += [Build(data, row, target, entries) for target in targets]
    unknown = entries.keys() - {build.name for build in builds} - {build.file for build in builds}
    if unknown:
        raise Wrong(f"corpus_builds.cases: no such build: {' '.join(sorted(unknown))}")
    return builds


# --- contexts --------------------------------------------------------------------------------------
def make_tree(folder):
    """Something of each kind that is often in a context."""
    (folder / "dir" / "deeper").mkdir(parents=True, exist_ok=True)
    for name in ("file.txt", "dir/b.txt", "dir/deeper/c.txt"):
        (folder / name).write_text(name + "\n")
    (folder / "run.sh").write_text("#!/bin/sh\necho run\n")
    (folder / "run.sh").chmod(0o755)
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to("dir/b.txt")


def make_archive(path):
    tree = path.parent / (path.name + ".tree")
    tree.mkdir()
    make_tree(tree)
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        archive.add(tree, arcname=".")
    subprocess.run(["rm", "-r", str(tree)], check=True)


def make_source(context, source):
    """What COPY or ADD names by `source`, so that it can be copied."""
    path = context / os.path.normpath("/" + source).lstrip("/")
    if source.startswith("../"):
        return  # there is nothing outside of a context
    if source.strip("./") == "":
        make_tree(context)
    elif path.name == "*":
        path.parent.mkdir(parents=True, exist_ok=True)
        make_tree(path.parent)
    elif not path.exists() and not re.search(r"[*?\[]", source):
        path.parent.mkdir(parents=True, exist_ok=True)
        if re.search(r"\.(tar|tgz|tar\.gz)$", path.name):
            make_archive(path)
        elif "." not in path.name and path.name in ("src", "app", "dir"):
            path.mkdir()
            make_tree(path)
        else:
            path.write_text(path.name + "\n")


def make_context(build, context, run):
    context.mkdir(parents=True)
    (context / build.own_name).write_bytes(build.text)
    for name, text in build.entry.files:
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text(text)
    for source in build.sources:
        make_source(context, source)
    if build.entry.script:
        done = run(["sh", "-euc", build.entry.script], context)
        if done.returncode:
            raise Wrong(f"its script ended with {done.returncode}\n{done.stdout}")


# --- building --------------------------------------------------------------------------------------
class Runner:
    def __init__(self, directory):
        self.directory = directory
        directory.mkdir()
        self.tier = os.environ["LICHEN_TEST_TIER"]
        self.equality = os.environ.get("LICHEN_TEST_EQUALITY")
        self.sources = {"debian": f"docker-image://{os.environ['LICHEN_TEST_DEBIAN']}",
                        "tiny": f"oci-layout://{os.environ['LICHEN_TEST_TINY_LAYOUT']}"}
        names = {name for name in os.environ if name.lower() in ("http_proxy", "https_proxy", "no_proxy")}
        self.proxy = [word for name in sorted(names) for word in ("--build-arg", name)]

    def command(self, contexts, slow):
        words = ["lichen", "build", f"--tier={self.tier}", "--progress=plain", *(self.proxy if slow else [])]
        for name, family in sorted(contexts.items()):
            words.append(f"--build-context={name}={self.sources[family]}")
        return words

    def run(self, command, here):
        return subprocess.run(command, cwd=here, stdin=subprocess.DEVNULL, text=True, errors="replace", timeout=TIMEOUT_S,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def make_substitutes(self, families, data):
        known = ["alpine", *sorted(SUBSTITUTES.keys() - {"alpine"})]
        for family in [*[family for family in known if family in families], *sorted(families - {"debian", *known})]:
            here = self.directory / f"substitute-{family}"
            here.mkdir()
            text = SUBSTITUTES.get(family) or (data / "corpus" / family).read_text()
            (here / "Dockerfile").write_text(text)
            layout = here / "layout"
            contexts = {"debian": "debian", "ubuntu:18.04": "debian", "tiny": "tiny", "alpine": "alpine"}
            command = self.command({name: base for name, base in contexts.items() if base in self.sources}, "apt-get" in text)
            done = self.run([*command, "-o", f"type=oci,dest={layout},tar=false", str(here)], here)
            if done.returncode:
                raise Wrong(f"the substitute {family} cannot be made:\n{done.stdout}")
            self.sources[family] = f"oci-layout://{layout}"

    def one(self, build):
        """None, or what is wrong."""
        said = ""
        try:
            here = self.directory / re.sub(r"[^\w.-]", "_", build.name)
            make_context(build, here, self.run)
            words = self.command(build.substitutes(), build.is_slow())
            words += ["-f", build.own_name, *build.entry.flags]
            words += ["--target", build.target] if build.target else []
            if self.equality and not build.entry.fails:
                words += ["-o", f"type=oci,dest={self.equality}/{here.name}.{self.tier}.tar"]
            words.append(".")
            if build.entry.stop:
                said = self.stopped(words, here, build.entry.stop)
            else:
                done = self.run(words, here)
                said = done.stdout
                self.judge(build.entry, done)
        except (Wrong, OSError, subprocess.TimeoutExpired) as problem:
            tail = "".join(f"    | {line}\n" for line in said.splitlines()[-25:])
            return f"{build.name}: {problem}\n{tail}"
        return None

    def judge(self, entry, done):
        if done.returncode > 128 or done.returncode == 100 or done.returncode < 0:
            raise Wrong(f"it died: {done.returncode}")
        if entry.excepted:
            if done.returncode == 0:
                raise Wrong(f"it builds, and is no longer an exception ({entry.excepted})")
            return
        if entry.fails:
            if done.returncode == 0:
                raise Wrong("it did not fail")
            if entry.fails not in done.stdout:
                raise Wrong(f"it fails without saying: {entry.fails}")
        elif done.returncode != 0:
            raise Wrong(f"exit status {done.returncode}")
        for text in entry.says:
            if text not in done.stdout:
                raise Wrong(f"it does not say: {text}")

    def stopped(self, words, here, text):
        """Runs a build until it says `text`; then SIGINT must end it at once."""
        log = here.parent / f"{here.name}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(words, cwd=here, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + TIMEOUT_S
            while text not in log.read_text(errors="replace"):
                if process.poll() is not None or time.monotonic() > end:
                    raise Wrong(f"it never says: {text}\n{log.read_text(errors='replace')}")
                time.sleep(0.05)
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            status = process.wait(STOP_S)
        finally:
            process.kill()
            process.wait()
        if status != 130:
            raise Wrong(f"stopped, it ended with {status}\n{log.read_text(errors='replace')}")
        return log.read_text(errors="replace")


def run(data, everything, names):
    builds = builds_of(data)
    left_out = [] if everything or names else [build for build in builds if build.is_slow()]
    wanted = [build for build in builds if build not in left_out and (not names or any(name in build.name for name in names))]
    if not wanted:
        raise Wrong("no such build")
    runner = Runner(pathlib.Path(os.environ["LICHEN_TEST_DIR"]) / "corpus")
    runner.make_substitutes({family for build in wanted for family in build.substitutes().values()} | {"alpine"}, data)

    def timed(build):
        began = time.monotonic()
        return build, runner.one(build), time.monotonic() - began

    failed, times = 0, []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for build, problem, seconds in pool.map(timed, wanted):
            times.append((seconds, build.name))
            if problem:
                failed += 1
                print(f"FAILED: {problem}", flush=True)
    excepted = sum(bool(build.entry.excepted) for build in wanted)
    slow = ", ".join(f"{name} {seconds:.1f} s" for seconds, name in sorted(times, reverse=True)[:5])
    print(f"corpus builds at {runner.tier}: {len(wanted) - failed - excepted}/{len(wanted)}, excepted {excepted}, "
          f"left out {len(left_out)} (apt, npm); the slowest: {slow}")
    return 1 if failed else 0


# --- the table -------------------------------------------------------------------------------------
def table(write):
    document = HERE.parents[1] / "docs" / "conformance.md"
    want = []
    for name, entry in sorted(read_entries().items()):
        outcome = (f"fails: `{entry.fails}`" if entry.fails else "is stopped" if entry.stop else
                   f"excepted: {entry.excepted}" if entry.excepted else None)
        if outcome:
            want.append(f"| `{name}` | {outcome} | {entry.why} |")
    lines = document.read_text().splitlines()
    head = lines.index("| Dockerfile | what comes of it | why |")
    end = head + 2
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    if lines[head + 2:end] == want:
        return 0
    if write:
        document.write_text("\n".join(lines[:head + 2] + want + lines[end:]) + "\n")
        return 0
    print(f"{document.name}: its table of Dockerfiles is not what corpus_builds.cases says; `corpus_builds.py table --write` mends it")
    return 1


def main():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("run")
    one.add_argument("data", type=pathlib.Path)
    one.add_argument("--all", action="store_true")
    one.add_argument("names", nargs="*")
    verbs.add_parser("table").add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "run":
            return run(arguments.data, arguments.all, arguments.names)
        return table(arguments.write)
    except (Wrong, subprocess.TimeoutExpired) as problem:
        print(f"FAILED: {problem}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
