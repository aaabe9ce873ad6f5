#!/usr/bin/python3
"""compare_images.py [--flat | --digest] [--exempt FILE] A.tar B.tar - are two OCI archives (or layouts) the same image?

Layer by layer (with --flat: the final trees), entry by entry: type, mode, owner, link target, device
numbers, extended attributes (security.capability with them), size and content. Read with Python's
tarfile alone, so that no builder judges itself. FILE lists what may differ, one `pattern what` a
line: `what` is content (bytes and size differ), owner, or entry (may be on one side alone; folders
that differ in nothing but being listed too). The config is compared too, and the history without its
times. Modification times are not compared, because two builds run at two times; but with --digest they
are, and the manifests' digests: then everything must be the same. Prints each difference; exit status 1 if there is one.
"""
import argparse
import fnmatch
import gzip
import hashlib
import io
import itertools
import json
import pathlib
import sys
import tarfile

TYPES = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink",
         tarfile.LNKTYPE: "hardlink", tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo"}
XATTR = "SCHILY.xattr."


class Image:
    def __init__(self, path):
        self.folder = pathlib.Path(path) if pathlib.Path(path).is_dir() else None
        if not self.folder:
            self.archive = tarfile.open(path)
            self.members = {m.name.removeprefix("./"): m for m in self.archive.getmembers()}
        index = json.loads(self.bytes_of("index.json"))
        self.digest = index["manifests"][0]["digest"]
        self.manifest = json.loads(self.blob(self.digest))
        while "manifests" in self.manifest:  # an index inside the index
            self.digest = self.manifest["manifests"][0]["digest"]
            self.manifest = json.loads(self.blob(self.digest))
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))

    def bytes_of(self, name):
        if self.folder:
            return (self.folder / name).read_bytes()
        return self.archive.extractfile(self.members[name]).read()

    def blob(self, digest):
        data = self.bytes_of("blobs/" + digest.replace(":", "/"))
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            sys.exit(f"blob {digest} has other bytes than its name says")
        return data

    def layers(self, contents=False):
        for descriptor, diff_id in zip(self.manifest["layers"], self.config["rootfs"]["diff_ids"], strict=True):
            data = self.blob(descriptor["digest"])
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            if "sha256:" + hashlib.sha256(data).hexdigest() != diff_id:
                sys.exit(f"layer {descriptor['digest']} does not unpack to {diff_id}")
            yield entries(data, contents)

    def history(self):
        return [{k: v for k, v in step.items() if k != "created"} for step in self.config.get("history") or ()]

    def tree(self, layers=None):
        """The final tree: every layer upon the one before, whiteouts taken out."""
        tree = {}
        for layer in layers or self.layers():
            for name in layer:
                folder, _, base = name.rpartition("/")
                if base == ".wh..wh..opq":
                    drop(tree, folder, itself=False)
                elif base.startswith(".wh."):
                    drop(tree, f"{folder}/{base[4:]}".lstrip("/"), itself=True)
            for name, entry in layer.items():
                if name.rpartition("/")[2].startswith(".wh."):
                    continue
                if name in tree and tree[name]["type"] == "dir" and entry["type"] != "dir":
                    drop(tree, name, itself=True)
                tree[name] = entry
        return tree


def drop(tree, name, itself):
    for key in [k for k in tree if k.startswith(name + "/") or (itself and k == name)]:
        del tree[key]


def entries(data, contents=False):
    """name -> what it is; with `contents`, the bytes of files, too."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            name = member.name.removeprefix("./").strip("/")
            if name in ("", "."):
                continue
            entry = {
                "mtime": member.mtime,
                "type": TYPES.get(member.type, repr(member.type)), "mode": f"{member.mode & 0o7777:04o}",
                "uid": member.uid, "gid": member.gid, "link": member.linkname.removeprefix("./").lstrip("/")
                if member.islnk() else member.linkname,
                "device": (member.devmajor, member.devminor) if member.ischr() or member.isblk() else None,
                "xattrs": {k[len(XATTR):]: v for k, v in member.pax_headers.items() if k.startswith(XATTR)},
            }
            if member.isreg():
                content = tar.extractfile(member).read()
                entry["size"] = len(content)
                entry["content"] = hashlib.sha256(content).hexdigest()
                if contents:
                    entry["bytes"] = content
            found[name] = entry
    # Which of a file's names carries its bytes is the writer's choice: name the first in order.
    groups = {}
    for name, entry in found.items():
        if entry["type"] == "hardlink":
            groups.setdefault(entry["link"], {entry["link"]}).add(name)
    for target, names in groups.items():
        if target in found:
            full, first = found[target], min(names)
            for name in names:
                found[name] = dict(full, hardlink_of=first)
    return found


class Exempt:
    def __init__(self, paths):
        self.rules = []
        for line in (line for path in paths for line in open(path)):
            words = line.split("#")[0].split()
            if words:
                self.rules.append((words[0], set(words[1].split(","))))
        self.used = set()

    def allows(self, name, what):
        for rule in self.rules:
            if fnmatch.fnmatchcase(name, rule[0]) and what in rule[1]:
                self.used.add(rule[0])
                return True
        return False


def compare(a, b, where, exempt, ignored=()):
    problems = []
    for name in sorted(a.keys() | b.keys()):
        if name not in a or name not in b:
            if not exempt.allows(name, "entry"):
                only = "first" if name in a else "second"
                problems.append(f"{where}: /{name}: only in the {only} ({(a.get(name) or b.get(name))['type']})")
            continue
        for key in sorted(a[name].keys() | b[name].keys()):
            left, right = a[name].get(key), b[name].get(key)
            if left == right or key in ignored:
                continue
            kind = {"size": "content", "content": "content", "uid": "owner", "gid": "owner"}.get(key, key)
            if not exempt.allows(name, kind):
                problems.append(f"{where}: /{name}: {key}: {left} is not {right}")
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flat", action="store_true")
    parser.add_argument("--digest", action="store_true")
    parser.add_argument("--exempt", action="append", default=[])
    parser.add_argument("first")
    parser.add_argument("second")
    arguments = parser.parse_args()
    first, second = Image(arguments.first), Image(arguments.second)
    exempt = Exempt(arguments.exempt)
    problems, count = [], 0
    if arguments.flat:
        a, b = first.tree(), second.tree()
        count = len(a)
        # a link's group is cut where layers meet
        problems = compare(a, b, "tree", exempt, ignored=("hardlink_of", "mtime"))
    else:
        ignored = () if arguments.digest else ("mtime",)
        for key in ("config", "architecture", "os"):
            if first.config.get(key) != second.config.get(key):
                problems.append(f"config: {key}: {first.config.get(key)} is not {second.config.get(key)}")
        history_a, history_b = first.history(), second.history()
        for number, (a, b) in enumerate(itertools.zip_longest(history_a, history_b)):
            if a != b:
                problems.append(f"history {number}: {a} is not {b}")
        layers_a, layers_b = list(first.layers()), list(second.layers())
        if len(layers_a) != len(layers_b):
            problems.append(f"{len(layers_a)} layers are not {len(layers_b)}")
        for number, (a, b) in enumerate(zip(layers_a, layers_b)):
            count += len(a)
            problems += compare(a, b, f"layer {number}", exempt, ignored)
        if arguments.digest and first.digest != second.digest:
            problems.append(f"manifest {first.digest} is not {second.digest}")
    for problem in problems[:60]:
        print(problem)
    if len(problems) > 60:
        print(f"... and {len(problems) - 60} more")
    print(f"compared {count} entries: {len(problems)} differences{'; one digest' if arguments.digest and not problems else ''}; "
          f"exemptions used: {sorted(exempt.used)}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
