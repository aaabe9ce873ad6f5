#!/usr/bin/python3
"""archives.py - a tree with every trait that a layer can have, and whether others hold the same one.

    make DIR                          the tree on disk, with owners and devices (root)
    names [--without TRAIT,...]       its paths, each with a NUL behind it, for `tar --null -T -`
    write FORMAT FILE [--without ...] an archive by Python's tarfile: pax, gnu or ustar
    layer TAR DIR                     an OCI layout of one layer, tagged `base`
    compare WHERE [--in FOLDER] [--without ...] [--change]   WHERE: a directory, or a tar archive

A trait (below; also xattr, and early: times before 1970, which become 1970) is left out of what is written, and not expected when it
is compared. `--change`: the tree is as `changed` has it. Prints the differences; status 1 if there is one.
"""
import argparse
import gzip
import hashlib
import io
import os
import pathlib
import stat
import sys
import tarfile

import oci_layout

XATTR = "SCHILY.xattr."
# cap_net_raw=ep, revision 2
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
ISLANDS = b"".join(b"data%d" % i + b"\0" * (70000 - len(b"data%d" % i)) for i in range(40)) + b"\0" * 200000


class Node:
    """One path. `traits`: what an archive must be able to hold for it."""

    def __init__(self, kind, content=b"", mode=None, uid=0, gid=0, mtime=1000000000, link=None, device=None, xattrs=(), traits=()):
        self.kind, self.content, self.link, self.device = kind, content, link, device
        self.mode = {"dir": 0o755, "symlink": 0o777}.get(kind, 0o644) if mode is None else mode
        self.uid, self.gid, self.mtime = uid, gid, mtime
        self.xattrs, self.traits = dict(xattrs), set(traits)


def tree():
    """path (bytes) -> Node; a hard link is the very Node of the first of its names."""
    nodes = {
        b"d": Node("dir"),
        b"d/empty": Node("file"),
        b"d/file": Node("file", b"hello\n", uid=1000, gid=50, mtime=86400),
        b"d/sub": Node("dir", mode=0o700, uid=33, gid=33),
        b"d/sub/deep": Node("file", b"x" * 513, mode=0o600),
        b"o": Node("dir"),
        b"o/old": Node("file", b"old"),
        b"o/older": Node("dir"),
        b"o/older/file": Node("file", b"older"),
        b"modes": Node("dir", mode=0o1777),
        b"modes/setuid": Node("file", b"#!", mode=0o4755, uid=0, gid=42),
        b"modes/setgid": Node("dir", mode=0o2775, gid=42),
        b"modes/none": Node("file", b"none", mode=0),
        b"links": Node("dir"),
        b"links/relative": Node("symlink", link=b"../d/file"),
        b"links/absolute": Node("symlink", link=b"/d/file", uid=7, gid=8),
        b"links/dangling": Node("symlink", link=b"no such \xc3\xa9 file"),
        b"links/long": Node("symlink", link=b"t" * 300, traits={"long"}),
        b"dev": Node("dir"),
        b"dev/null": Node("char", mode=0o666, device=(1, 3), traits={"device"}),
        b"dev/loop": Node("block", mode=0o660, gid=6, device=(7, 0), traits={"device"}),
        b"dev/large": Node("char", mode=0o600, device=(259, 100000), traits={"device"}),
        b"dev/pipe": Node("fifo", mode=0o600, traits={"fifo"}),
        b"times": Node("dir"),
        b"times/epoch": Node("file", mtime=0),
        b"times/before": Node("file", mtime=-86401, traits={"time"}),
        b"times/late": Node("file", mtime=8589934592 + 5, traits={"time"}),
        b"times/fraction": Node("file", mtime=1500000000.25, traits={"fraction"}),
        b"ids": Node("dir"),
        b"ids/last": Node("file", uid=65534, gid=65534),
        b"ids/large": Node("file", uid=3000000, gid=4000000, traits={"id"}),
        b"sparse": Node("dir"),
        b"sparse/islands": Node("file", ISLANDS),
        b"sparse/hole": Node("file", b"\0" * 1048576),
        b"sparse/end": Node("file", b"\0" * 131072 + b"end"),
        b"attributes": Node("dir", xattrs={"user.directory": b"yes"}),
        b"attributes/text": Node("file", b"t", xattrs={"user.text": "\u00e9=1".encode(), "user.other": b"2"}),
        b"attributes/bytes": Node("file", b"b", xattrs={"user.bytes": bytes(range(256))}),
        b"attributes/ping": Node("file", b"elf", mode=0o755, xattrs={"security.capability": CAPABILITY}),
        b"names": Node("dir"),
    }
    for name in (b"new\nline", b"tab\tx", b"back\\slash", b" blanks ", b"quotes'\"`", b"-dash", b"*?[a]{b}", b"..dots", b"...", b"~", b"#",
                 b"a=b;c&d|e", b"$HOME", b"\\101", b"\xe6\x97\xa5\xe6\x9c\xac", b"\x01\x7f"):
        nodes[b"names/" + name] = Node("file", name)
    for name in (b"\xc3\xa9", b"e\xcc\x81"):  # two names that are one to who normalises
        nodes[b"names/" + name] = Node("file", name, traits={"normal"})
    nodes[b"names/latin-\xe9"] = Node("file", b"latin", traits={"bytes"})
    # Just what a ustar header holds, and just more than that.
    nodes[b"names/" + b"p" * 94] = Node("file", b"100")
    nodes[b"names/" + b"q" * 95] = Node("file", b"101")
    nodes[b"names/" + b"r" * 255] = Node("file", b"longest", traits={"long"})
    deep = b"deep"
    for level in range(12):
        nodes[deep] = Node("dir", traits={"long"} if len(deep) > 200 else ())
        deep += b"/" + b"%02d" % level + b"n" * 40
    nodes[deep] = Node("file", b"deep", traits={"long"})
    # Other names of files that are there.
    nodes[b"links/hard"] = nodes[b"d/file"]
    nodes[b"z-hard"] = nodes[b"d/file"]
    nodes[b"names/" + b"h" * 200] = nodes[b"attributes/text"]
    return nodes


LONG_LINK = b"names/" + b"h" * 200


def chosen(without):
    return {path: node for path, node in tree().items()
            if not node.traits & without and not ("long" in without and (path == LONG_LINK or len(path) > 200))
            and not ("prefix" in without and len(path) > 98)}  # what takes ustar's prefix field


def changed(nodes):
    """What `change` does to a tree: files removed and replaced, a directory made anew."""
    for path in [p for p in nodes if p in (b"d/sub", b"z-hard", b"d/empty") or p.startswith((b"d/sub/", b"o/"))]:
        del nodes[path]
    nodes[b"d/sub"] = Node("file", b"now a file\n")
    nodes[b"o/new"] = Node("file", b"new\n")
    return nodes


# --- what a directory, an archive and the tree above hold: path -> facts ----------------------------
def facts(kind, mode, uid, gid, mtime, link, device, xattrs, content):
    return {"kind": kind, "mode": "-" if kind == "symlink" else oct(mode), "owner": (uid, gid), "mtime": int(mtime // 1), "link": link, "device": device,
            "xattrs": dict(xattrs), "size": len(content), "content": hashlib.sha256(content).hexdigest()[:12]}


def with_links(found, groups):
    for names in groups:
        for name in names:
            found[name]["hard links"] = sorted(names)
    return found


def facts_of_tree(nodes, without):
    names = {}
    for path, node in nodes.items():
        names.setdefault(id(node), []).append(path)
    first = 0 if "early" in without else -10**9
    found = {path: facts(n.kind, n.mode, n.uid, n.gid, max(n.mtime, first), n.link, n.device, {} if "xattr" in without else n.xattrs, n.content)
             for path, n in nodes.items()}
    return with_links(found, [group for group in names.values() if len(group) > 1])


def facts_of_directory(top):
    found, names = {}, {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        for name in folders + files:
            path = os.path.join(folder, name)
            s = os.lstat(path)
            kind = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFCHR: "char", stat.S_IFBLK: "block",
                    stat.S_IFIFO: "fifo"}[stat.S_IFMT(s.st_mode)]
            xattrs = {} if kind not in ("file", "dir") else {x: os.getxattr(path, x) for x in os.listxattr(path) if not x.startswith("security.selinux")}
            relative = os.path.relpath(path, os.fsencode(top))
            found[relative] = facts(kind, stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid, s.st_mtime_ns // 10**9, os.readlink(path) if kind == "symlink" else None,
                                    (os.major(s.st_rdev), os.minor(s.st_rdev)) if kind in ("char", "block") else None, xattrs,
                                    open(path, "rb").read() if kind == "file" else b"")
            if kind != "dir" and s.st_nlink > 1:
                names.setdefault(s.st_ino, []).append(relative)
    return with_links(found, [group for group in names.values() if len(group) > 1])


def facts_of_archive(file):
    found, groups = {}, {}
    with tarfile.open(file, encoding="utf-8", errors="surrogateescape") as tar:
        for m in tar:
            name = os.fsencode(m.name.removeprefix("./").strip("/"))
            if name in (b"", b"."):
                continue
            kind = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.GNUTYPE_SPARSE: "file", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink",
                    tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo", tarfile.LNKTYPE: "hard"}[m.type]
            if kind == "hard":
                target = os.fsencode(m.linkname.removeprefix("./").lstrip("/"))
                found[name] = dict(found[target])
                groups.setdefault(target, [target]).append(name)
                continue
            xattrs = {k[len(XATTR):]: v.encode("utf-8", "surrogateescape") for k, v in m.pax_headers.items() if k.startswith(XATTR)}
            found[name] = facts(kind, m.mode, m.uid, m.gid, m.mtime, os.fsencode(m.linkname) if kind == "symlink" else None,
                                (m.devmajor, m.devminor) if kind in ("char", "block") else None, xattrs, tar.extractfile(m).read() if kind == "file" else b"")
    return with_links(found, groups.values())


# --- the commands --------------------------------------------------------------------------------------
def make(top):
    os.umask(0)
    first = {}
    top = os.fsencode(top)
    os.mkdir(top, 0o755)
    for path, n in tree().items():
        at = os.path.join(top, path)
        if id(n) in first:
            os.link(first[id(n)], at)
            continue
        first[id(n)] = at
        if n.kind == "dir":
            os.mkdir(at)
        elif n.kind == "symlink":
            os.symlink(n.link, at)
        elif n.kind == "fifo":
            os.mkfifo(at)
        elif n.kind in ("char", "block"):
            os.mknod(at, stat.S_IFCHR if n.kind == "char" else stat.S_IFBLK, os.makedev(*n.device))
        else:
            with open(at, "wb") as file:  # holes where there are zeros
                for offset in range(0, len(n.content), 4096):
                    if n.content[offset:offset + 4096].strip(b"\0"):
                        file.seek(offset)
                        file.write(n.content[offset:offset + 4096])
                file.truncate(len(n.content))
        os.lchown(at, n.uid, n.gid)
        if n.kind != "symlink":
            os.chmod(at, n.mode)
            for name, value in n.xattrs.items():
                os.setxattr(at, name, value)
    for path, n in reversed(tree().items()):
        at, ns = os.path.join(top, path), int(n.mtime * 10**9)
        os.utime(at, ns=(ns, ns), follow_symlinks=False)


def write(form, file, without):
    form = {"pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT}[form]
    kinds = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "char": tarfile.CHRTYPE, "block": tarfile.BLKTYPE, "fifo": tarfile.FIFOTYPE}
    first = {}
    with tarfile.open(file, "w", format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for path, n in chosen(without).items():
            m = tarfile.TarInfo(os.fsdecode(path))
            m.mode, m.uid, m.gid, m.mtime = n.mode, n.uid, n.gid, n.mtime
            if id(n) in first:
                m.type, m.linkname = tarfile.LNKTYPE, os.fsdecode(first[id(n)])
                tar.addfile(m)
                continue
            first[id(n)] = path
            m.type = kinds[n.kind]
            m.linkname = os.fsdecode(n.link or b"")
            m.devmajor, m.devminor = n.device or (0, 0)
            m.size = len(n.content)
            if "xattr" not in without:
                m.pax_headers = {XATTR + k: v.decode("utf-8", "surrogateescape") for k, v in n.xattrs.items()}
            tar.addfile(m, io.BytesIO(n.content))


def compare(where, folder, without, change):
    nodes = chosen(without)
    want = facts_of_tree(changed(nodes) if change else nodes, without)
    got = facts_of_directory(where) if os.path.isdir(where) else facts_of_archive(where)
    if folder:
        prefix = os.fsencode(folder) + b"/"
        got = {path[len(prefix):]: fact for path, fact in got.items() if path.startswith(prefix)}
        for fact in got.values():
            if "hard links" in fact:
                fact["hard links"] = [name[len(prefix):] for name in fact["hard links"]]
    problems = []
    for path in sorted(want.keys() | got.keys()):
        if path not in want or path not in got:
            problems.append(f"{path}: {'is missing' if path in want else 'should not be there'}")
            continue
        for key in sorted(want[path].keys() | got[path].keys()):
            a, b = want[path].get(key), got[path].get(key)
            # Whoever changed the tree did it now; directories of what was changed have its time.
            if a != b and not (key == "mtime" and change and path in (b"d/sub", b"o/new", b"d", b"o")):
                problems.append(f"{path}: {key}: {b} should be {a}")
    print("\n".join(problems[:40]) + f"\n{len(problems)} differences" if problems else f"{len(want)} entries are as they should be")
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["make", "names", "write", "layer", "compare"])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--without", default="")
    parser.add_argument("--in", dest="folder", default="")
    parser.add_argument("--change", action="store_true")
    a = parser.parse_args()
    without = set(filter(None, a.without.split(",")))
    if a.command == "make":
        make(*a.words)
    elif a.command == "names":
        sys.stdout.buffer.write(b"".join(path + b"\0" for path in chosen(without)))
    elif a.command == "write":
        write(*a.words, without)
    elif a.command == "layer":
        oci_layout.main(*a.words)
    else:
        return compare(a.words[0], a.folder, without, a.change)


if __name__ == "__main__":
    sys.exit(main())
