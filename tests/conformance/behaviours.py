#!/usr/bin/python3
"""behaviours.py run DIR [NAME...] | table [--write] - our own cases for what BuildKit's integration tests pin.

`run` builds every case below DIR with the `lichen` in PATH, two at a time in one store, and compares. It is called
by tests/integration/behaviours.sh, which sets LICHEN_TEST_*. `table` checks docs/conformance.md against the cases:
each row of the table names a case or says why there is none, and each case's rows name it; --write puts names in.

A case is one text file, NAME.case: a head, then sections that are done from first to last.

    Why there is this case, in words.
    rows: testFirst, testSecond            what of BuildKit's tests it stands for
    not at bare: REASON                    a tier that cannot have it
    -- Dockerfile --                       a file: context/Dockerfile; any other name is taken as written below the
    -- context/dir/file --                 case's own directory
    -- sh --                               a script for bash, there
    -- serve DIR --                        tests/support/web_server.py for DIR at @URL@; `requests` has what was asked
    -- build FLAG... [in CONTEXT] --       lichen build; its body says what is expected. -<FILE: from standard input
    -- check FLAG... [in CONTEXT] --       lichen build --check, read as JSON; `error` is what would fail a build

Everywhere @TINY@ is the base image (@TINY_LAYOUT@: as an OCI layout), @REG@ a registry with a place of its own (@HOST@:
HOST:PORT alone), @TIER@ the tier, @PATH@ the default PATH, @HERE@ the case's directory, @STATEMENT@ statement.py. A build without -o leaves an
image as an OCI layout in `out`, and its configuration in config.json. Lines of a body:

    error: TEXT                it fails, and says TEXT                    output: TEXT, no output: TEXT   what it says
    warning: LINE RULE: TEXT   all such lines are all warnings            no warnings
    cached: TEXT, ran: TEXT    each instruction that has TEXT in its name was CACHED, was run
    config: KEY JSON           Env, Labels.x of the image's `config` (null: absent)     image: KEY JSON   os, author …
    history: TEXT              all such lines are the history above the base's; "-- " before those without a layer
    layers: N                  how many there are above the base's
    /path TYPE WORD...         an entry of the final tree: file, dir, symlink, char, block, fifo, absent; words as
                               0644  1:2  "JSON text" (content)  -> target  =/other (hard link)
                               mtime=N  size=N  dev=1,3
    in N: /path TYPE WORD...   an entry of the Nth layer above the base's
    names: /path NAME...       all names in that directory; `in N: names: ` as well
    keep NAME THING            remember THING: digest, /path (its content), config KEY …
    same NAME THING            THING is what was kept                     differs NAME THING
Paths and texts with blanks or escapes may be JSON strings. Lines that begin with # are comments.
"""
import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import compare_images

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIMEOUT_S = 300


class Wrong(Exception):
    """An expectation that does not hold, or a case that cannot be read."""


# --- a case's text ---------------------------------------------------------------------------------
class Case:
    def __init__(self, path):
        self.name = path.stem
        self.rows, self.not_at, self.sections = [], {}, []
        body = None
        for number, line in enumerate(path.read_text().splitlines(keepends=True), 1):
            header = re.fullmatch(r"-- (.+) --\n?", line)
            if header:
                body = []
                self.sections.append((number, header.group(1), body))
            elif body is not None:
                body.append(line)
            elif line.startswith("rows: "):
                self.rows += re.findall(r"\w+", line[6:])
            elif match := re.match(r"not at (\w+): (.+)", line):
                self.not_at[match.group(1)] = match.group(2)
        self.sections = [(number, title, "".join(body)) for number, title, body in self.sections]
        if not self.rows:
            raise Wrong(f"{path.name}: no line `rows: …`")


def text_of(word):
    """A word as it is, or a JSON string."""
    return json.loads(word) if re.fullmatch(r'"(?:[^"\\]|\\.)*"', word) else word


WORD = re.compile(r'"(?:[^"\\]|\\.)*"|->\s*(?:"(?:[^"\\]|\\.)*"|\S+)|\S+')


# --- what a build left behind ----------------------------------------------------------------------
class Built:
    """One run of lichen build: what it said, and the image, read when it is first asked for."""

    def __init__(self, status, said, layout):
        self.status, self.said, self.layout = status, said, layout
        self._image = self._layers = self._tree = None

    @property
    def image(self):
        if self._image is None:
            if not self.layout or not self.layout.exists():
                raise Wrong("the build left no image to look at")
            self._image = compare_images.Image(self.layout)
        return self._image

    @property
    def layers(self):
        if self._layers is None:
            self._layers = list(self.image.layers(contents=True))
        return self._layers

    @property
    def tree(self):
        if self._tree is None:
            self._tree = self.image.tree(self.layers)
        return self._tree

    def base_layers(self, bases):
        """How many layers are the base image's: those whose diff id is one of the base images'."""
        count = 0
        for diff_id in self.image.config["rootfs"]["diff_ids"]:
            if diff_id not in bases:
                break
            count += 1
        return count

    def steps(self):
        """name of an instruction -> was it cached. The base image and the context do not count."""
        names, cached = {}, set()
        for number, text in re.findall(r"^#(\d+) (.*)$", self.said, re.M):
            if re.match(r"\[[^]]*\] ", text) and "[internal]" not in text and "] FROM " not in text:
                names.setdefault(number, text)
            elif text == "CACHED":
                cached.add(number)
        return [(name, number in cached) for number, name in names.items()]


def look_up(value, key):
    """What "a.b" means in JSON; a key of its own may have a dot ("os.version")."""
    if key in (value or {}) or "." not in key:
        return (value or {}).get(key)
    first, rest = key.split(".", 1)
    return look_up(value.get(first), rest)


def check_entry(entries, line, where):
    """/path TYPE WORD... against entries by name."""
    words = WORD.findall(line)
    path, words = text_of(words[0]), words[1:]
    entry = entries.get(path.strip("/"))
    if not words:
        raise Wrong(f"{line}: no type")
    if words[0] == "absent":
        if entry is not None:
            raise Wrong(f"{path} is there{where}: {shown(entry)}")
        return
    if entry is None:
        raise Wrong(f"{path} is missing{where}")
    kind = "file" if entry["type"] == "hardlink" else entry["type"]
    if kind != words[0]:
        raise Wrong(f"{path} is no {words[0]}{where}: {shown(entry)}")
    for word in words[1:]:
        if re.fullmatch(r"[0-7]{4}", word):
            good = entry["mode"] == word
        elif re.fullmatch(r"\d+:\d+", word):
            good = f"{entry['uid']}:{entry['gid']}" == word
        elif word.startswith("dev="):
            good = entry["device"] == tuple(map(int, word[4:].split(",")))
        elif word.startswith("->"):
            good = entry["link"] == text_of(word[2:].strip())
        elif word.startswith("=/"):
            other = entries.get(word[2:], {})
            good = entry.get("hardlink_of") is not None and entry.get("hardlink_of") == other.get("hardlink_of")
        elif word.startswith("mtime="):
            good = int(entry["mtime"]) == int(word[6:])
        elif word.startswith("size="):
            good = entry.get("size") == int(word[5:])
        elif word.startswith('"'):
            good = entry.get("bytes") == json.loads(word).encode()
        else:
            raise Wrong(f"{line}: what is {word}?")
        if not good:
            raise Wrong(f"{path}: not {word}{where}: {shown(entry)}")


def shown(entry):
    text = f"{entry['type']} {entry['mode']} {entry['uid']}:{entry['gid']} mtime={int(entry['mtime'])}"
    if entry["link"]:
        text += f" -> {entry['link']}"
    if "bytes" in entry:
        text += f" size={entry['size']} " + json.dumps(entry["bytes"][:200].decode(errors="replace"))
    return text


def check_names(entries, line, where):
    words = [text_of(word) for word in WORD.findall(line)]
    folder = words[0].strip("/")
    prefix = folder + "/" if folder else ""
    found = {name[len(prefix):].split("/")[0] for name in entries if name.startswith(prefix)}
    if found != set(words[1:]):
        raise Wrong(f"names in {words[0]}{where}: {' '.join(sorted(found))}")


class Expectations:
    """The body of one build, held against what it did. `kept` lives as long as the case."""

    def __init__(self, body, kept, bases):
        self.lines = [line for line in body.splitlines() if line.strip() and not line.startswith("#")]
        self.kept, self.bases = kept, bases

    def starting(self, word):
        return [line[len(word):].strip() for line in self.lines if line.startswith(word)]

    def check(self, built):
        errors = self.starting("error:")
        if errors and built.status == 0:
            raise Wrong("it did not fail")
        if not errors and built.status != 0:
            raise Wrong(f"exit status {built.status}")
        if built.status > 128:
            raise Wrong(f"it died: {built.status}")
        for whole, word in ((self.warnings, "warning:"), (self.history, "history:")):
            if found := self.starting(word):
                whole(built, found)
        for line in self.lines:
            self.line(built, line)

    def line(self, built, line):
        word, _, rest = line.partition(":")
        rest = rest.strip()
        if line.startswith(("/", '"/')):
            check_entry(built.tree, line, "")
        elif word in ("error", "output"):
            if text_of(rest) not in built.said:
                raise Wrong(f"it does not say: {rest}")
        elif word == "no output":
            if text_of(rest) in built.said:
                raise Wrong(f"it says: {rest}")
        elif line == "no warnings":
            self.warnings(built, [])
        elif word in ("cached", "ran"):
            steps = [step for step in built.steps() if text_of(rest) in step[0]]
            if not steps:
                raise Wrong(f"no step: {rest}")
            for name, cached in steps:
                if cached != (word == "cached"):
                    raise Wrong(f"it was {'' if cached else 'not '}cached: {name}")
        elif word in ("config", "image"):
            key, _, want = rest.partition(" ")
            whole = built.image.config
            found = look_up(whole["config"] if word == "config" else whole, key)
            if found != json.loads(want):
                raise Wrong(f"{word}: {key} is {json.dumps(found)}")
        elif word == "layers":
            count = len(built.image.config["rootfs"]["diff_ids"]) - built.base_layers(self.bases)
            if count != int(rest):
                raise Wrong(f"{count} layers")
        elif match := re.match(r"in (\d+): (.*)", line):
            number = int(match.group(1))
            layers = built.layers[built.base_layers(self.bases):]
            if number > len(layers):
                raise Wrong(f"there are only {len(layers)} layers")
            rest, where = match.group(2), f" in layer {number}"
            if rest.startswith("names:"):
                check_names(layers[number - 1], rest[6:], where)
            else:
                check_entry(layers[number - 1], rest, where)
        elif word == "names":
            check_names(built.tree, rest, "")
        elif match := re.match(r"(keep|same|differs) (\w+) (.*)", line):
            self.remember(built, *match.groups())
        elif word not in ("warning", "history"):
            raise Wrong(f"what does this line mean? {line}")

    def warnings(self, built, want):
        found = re.findall(r"^lichen: \S+?:(\d+): warning: (.*)$", built.said, re.M)
        found = sorted(f"{line} {text}" for line, text in found)
        if found != sorted(want):
            raise Wrong("warnings:\n    " + "\n    ".join(found))

    def history(self, built, want):
        steps = built.image.history()
        base = next((n for n, step in enumerate(steps) if step.get("comment") == "buildkit.dockerfile.v0"), len(steps))
        found = [("-- " if step.get("empty_layer") else "") + step.get("created_by", "") for step in steps[base:]]
        if found != want:
            raise Wrong("history:\n    " + "\n    ".join(found))

    def remember(self, built, verb, name, thing):
        if thing == "digest":
            value = built.image.digest
        elif thing.startswith("/"):
            entry = built.tree.get(thing.strip("/"))
            if entry is None:
                raise Wrong(f"{thing} is missing")
            value = entry.get("bytes")
        elif thing.startswith(("config ", "image ")):
            word, key = thing.split()
            value = look_up(built.image.config["config"] if word == "config" else built.image.config, key)
        else:
            raise Wrong(f"what is {thing}?")
        if verb == "keep":
            self.kept[name] = value
        elif (value == self.kept[name]) != (verb == "same"):
            raise Wrong(f"{thing}: {'not ' if verb == 'same' else ''}what was kept as {name}: {value!r}")


@contextlib.contextmanager
def serve(folder):
    folder.mkdir(exist_ok=True)
    port = folder.parent / "port"
    program = [sys.executable, str(HERE.parent / "support" / "web_server.py"), str(folder), str(port)]
    with subprocess.Popen([*program, str(folder.parent / "requests")], stdin=subprocess.DEVNULL) as server:
        try:
            while not (port.exists() and port.read_text()):
                if server.poll() is not None:
                    raise Wrong("the web server has ended")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port.read_text()}"
        finally:
            server.kill()


# --- running ---------------------------------------------------------------------------------------
class Runner:
    def __init__(self, directory):
        self.directory = directory
        self.tier = os.environ["LICHEN_TEST_TIER"]
        unique = f"{os.environ['LICHEN_TEST_USER']}-{os.getpid()}"
        self.words = {"TINY": os.environ["LICHEN_TEST_TINY"], "TINY_LAYOUT": os.environ["LICHEN_TEST_TINY_LAYOUT"],
                      "STATEMENT": f"python3 {HERE}/statement.py", "PATH": DEFAULT_PATH, "HOST": os.environ["LICHEN_TEST_REG"],
                      "REG": f"{os.environ['LICHEN_TEST_REG']}/behaviours-{unique}", "TIER": self.tier}
        self.bases = set(compare_images.Image(pathlib.Path(self.words["TINY_LAYOUT"])).config["rootfs"]["diff_ids"])
        # A proxy of this machine's would be an argument of each build.
        self.environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}

    def fill(self, text, here, url):
        words = dict(self.words, HERE=str(here), URL=url)
        return re.sub(r"@([A-Z_]+)@", lambda match: words.get(match.group(1), match.group(0)), text)

    def case(self, case):
        """None, or what is wrong."""
        here = self.directory / case.name
        (here / "context").mkdir(parents=True)
        with contextlib.ExitStack() as servers:
            problem = self.sections(case, here, servers)
        if not problem:
            shutil.rmtree(here, ignore_errors=True)
        return problem

    def sections(self, case, here, servers):
        kept, url = {}, ""
        for number, title, body in case.sections:
            title, body = self.fill(title, here, url), self.fill(body, here, url)
            said = ""
            try:
                verb = title.split()[0]
                if verb == "sh":
                    done = self.run(["bash", "-euo", "pipefail", "-c", body], here)
                    said = done.stdout
                    if done.returncode:
                        raise Wrong(f"exit status {done.returncode}")
                elif verb == "serve":
                    url = servers.enter_context(serve(here / title.split()[1]))
                elif verb in ("build", "check"):
                    built = self.build(verb, shlex.split(title)[1:], here)
                    said = built.said
                    Expectations(body, kept, self.bases).check(built)
                else:
                    file = here / ("context/Dockerfile" if title == "Dockerfile" else title)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(body)
            except (Wrong, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as problem:
                problem = problem if isinstance(problem, Wrong) else f"{type(problem).__name__}: {problem}"
                tail = "".join(f"    | {line}\n" for line in said.splitlines()[-30:])
                return f"{case.name}.case:{number}: {title}: {problem}\n{tail}"
        return None

    def build(self, verb, words, here):
        context, stdin = "context", None
        if "in" in words:
            at = words.index("in")
            context, words = words[at + 1], words[:at]
        if context.startswith("-<"):
            context, stdin = "-", here / context[2:]
        layout = None
        command = ["lichen", "build", f"--tier={self.tier}", "--progress=plain"]
        if verb == "check":
            return self.check([*words, context], here)
        if not any(word.startswith(("-o", "--output")) for word in words):
            layout = here / "out"
            shutil.rmtree(layout, ignore_errors=True)
            command += ["-o", f"type=oci,dest={layout},tar=false"]
        done = self.run([*command, *words, context], here, stdin=stdin)
        built = Built(done.returncode, done.stdout, layout)
        if layout and done.returncode == 0:
            (here / "config.json").write_text(json.dumps(built.image.config))
        return built

    def check(self, words, here):
        """lichen build --check, as if a build had told the same; its exit status must fit what it found."""
        done = self.run(["lichen", "build", "--call=check,format=json", *words], here, stderr=subprocess.DEVNULL)
        found = json.loads(done.stdout)
        said = ""
        for warning in found["warnings"]:
            line = warning["location"]["ranges"][0]["start"]["line"]
            said += f"lichen: Dockerfile:{line}: warning: {warning['ruleName']}: {warning['detail']}\n"
        error = found.get("buildError")
        if error:
            said += error["message"] + "\n"
        if (done.returncode != 0) != bool(error or found["warnings"]):
            raise Wrong(f"exit status {done.returncode}\n{said}")
        return Built(1 if error else 0, said, None)

    def run(self, command, here, stderr=subprocess.STDOUT, stdin=None):
        with open(stdin or os.devnull, "rb") as given:
            return subprocess.run(command, cwd=here, env=self.environment, stdin=given, text=True, errors="replace",
                                  stdout=subprocess.PIPE, stderr=stderr, timeout=TIMEOUT_S)


def run(folder, names):
    cases = [Case(path) for path in sorted(pathlib.Path(folder).glob("*.case"))]
    if unknown := set(names) - {case.name for case in cases}:
        sys.exit(f"no case: {' '.join(sorted(unknown))}")
    runner = Runner(pathlib.Path(os.environ["LICHEN_TEST_DIR"]) / "cases")
    wanted = [case for case in cases if not names or case.name in names]
    left_out = [case for case in wanted if runner.tier in case.not_at]

    def timed(case):
        began = time.monotonic()
        return case, runner.case(case), time.monotonic() - began

    failed, times = 0, []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for case, problem, seconds in pool.map(timed, [case for case in wanted if case not in left_out]):
            times.append((seconds, case.name))
            if problem:
                failed += 1
                print(f"FAILED: {problem}", flush=True)
    slow = ", ".join(f"{name} {seconds:.1f} s" for seconds, name in sorted(times, reverse=True)[:5])
    print(f"{len(times) - failed} of {len(times)} cases are as they must be at {runner.tier}; the slowest: {slow}")
    for case in left_out:
        print(f"not at {runner.tier}: {case.name}: {case.not_at[runner.tier]}")
    return 1 if failed else 0


# --- the table -------------------------------------------------------------------------------------
def table(write):
    document = HERE.parents[1] / "docs" / "conformance.md"
    cases = {}
    for path in sorted((HERE / "behaviours").glob("*.case")):
        for row in Case(path).rows:
            cases.setdefault(row, []).append(f"`{path.stem}`")
    text, problems, seen = [], [], set()
    for line in document.read_text().splitlines():
        match = re.fullmatch(r"\| (test\w+) \| (.*) \|", line)
        if match:
            row, says = match.groups()
            seen.add(row)
            kept = re.sub(r"^(?:`\w+`(?:, )?)+(?:; )?", "", says)  # what stands beside the names
            want = ", ".join(cases.get(row, []))
            want = "; ".join(part for part in (want, kept) if part)
            if not want:
                problems.append(f"{row}: neither a case nor a reason")
            if want != says:
                problems.append(f"{row}: `{says}` should be `{want}`")
                line = f"| {row} | {want} |"
        text.append(line)
    problems += [f"{row}: a case names it, but the table has no such row" for row in cases.keys() - seen]
    if write:
        document.write_text("\n".join(text) + "\n")
    for problem in problems:
        print(problem)
    return 1 if problems and not write else 0


def main():
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("run")
    one.add_argument("folder")
    one.add_argument("names", nargs="*")
    verbs.add_parser("table").add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    return run(arguments.folder, arguments.names) if arguments.verb == "run" else table(arguments.write)


if __name__ == "__main__":
    sys.exit(main())
