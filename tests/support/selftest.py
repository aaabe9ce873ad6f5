#!/usr/bin/python3
"""selftest.py - what judges others is judged: compare_images must see each kind of difference, and behaviours.py
each expectation that does not hold."""
import contextlib
import io
import pathlib
import sys
import tarfile
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "conformance"))
import behaviours
import compare_images
import oci_layout

BASE = {
    "bin/": {"type": tarfile.DIRTYPE, "mode": 0o755}, "bin/a": {"data": b"text", "mode": 0o4755, "uid": 7},
    "bin/b": {"type": tarfile.LNKTYPE, "linkname": "bin/a"}, "bin/s": {"type": tarfile.SYMTYPE, "linkname": "a"},
    "bin/n": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    "bin/c": {"data": b"c", "pax_headers": {"SCHILY.xattr.security.capability": "x"}}, "log": {"data": b"12:00"},
}


def archive(directory, name, content, order=None):
    raw = directory / f"{name}.raw"
    with tarfile.open(raw, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in order or content:
            fields = dict(content[path])
            data = fields.pop("data", b"")
            member = tarfile.TarInfo(path.rstrip("/"))
            for key, value in fields.items():
                setattr(member, key, value)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    layout = directory / name
    oci_layout.main(raw, layout)
    with tarfile.open(directory / f"{name}.tar", "w") as tar:
        tar.add(layout, ".")
    return directory / f"{name}.tar"


def compare(*arguments):
    sys.argv = ["compare_images.py", *map(str, arguments)]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        try:
            compare_images.main()
        except SystemExit as end:
            return end.code, said.getvalue()
    raise AssertionError("compare_images.main returned")


SAID = """#2 [1/2] COPY a /
#2 CACHED
#3 [2/2] RUN b
lichen: Dockerfile:7: warning: Rule: text
"""
# What holds of BASE and SAID, and for each line one that does not.
LINES = [
    ("output: RUN b", "output: RUN c"), ("no output: RUN c", "no output: RUN b"), ("cached: COPY a", "cached: RUN b"),
    ("ran: RUN b", "ran: COPY a"), ("warning: 7 Rule: text", "warning: 8 Rule: text"), ("layers: 1", "layers: 2"),
    ("image: os \"linux\"", "image: os \"plan9\""), ("config: Env []", "config: Env null"),
    ("config: X null", "ran: COPY"),
    ("/bin/a file 4755 7:0 \"text\" size=4 mtime=0", "/bin/a file 0755"), ("/bin/a file", "/bin/a dir"),
    ("/bin/b file =/bin/a", "/bin/b file =/log"), ("/bin/b file \"text\"", "/bin/b file \"texT\""),
    ("/bin/s symlink -> a", "/bin/s symlink -> b"), ("/bin/n char dev=1,3", "/bin/n char dev=1,5"),
    ("/x absent", "/bin absent"),
    ("names: /bin a b c n s", "names: /bin a b c n"), ("in 1: names: / bin log", "in 2: names: / bin log"),
    ("in 1: /log file 0:0", "in 1: /log file 1:0"), ("same log /log", "differs log /log"),
    ("differs log /bin/a", "same log /bin/a"),
    ("keep x digest", "keep x /x"), ("# nothing", "something"), ("", "error: RUN b"), ("", "history: RUN b"),
    ("", "no warnings"),
]


def check_expectations(layout):
    def holds(line, status=0):
        try:
            behaviours.Expectations(line, {"log": b"12:00"}, set()).check(behaviours.Built(status, SAID, layout))
        except (behaviours.Wrong, KeyError):
            return False
        return True

    for right, wrong in LINES:
        assert holds(right), right
        assert not holds(wrong), wrong
    assert holds("error: RUN b", status=1) and not holds("output: RUN b", status=1)
    assert not holds("error: RUN b", status=139)


def main():
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        exempt = directory / "exempt"
        exempt.write_text("log content # a time\n")
        base = archive(directory, "base", BASE)
        assert compare(base, base)[0] == 0

        # Which of a file's two names comes first is no difference.
        swapped = dict(BASE, **{"bin/b": BASE["bin/a"], "bin/a": {"type": tarfile.LNKTYPE, "linkname": "bin/b"}})
        order = [*(n for n in BASE if n != "bin/a"), "bin/a"]
        assert compare(base, archive(directory, "swapped", swapped, order))[0] == 0

        changes = {
            "mode": {"bin/a": {"data": b"text", "mode": 0o755, "uid": 7}},
            "uid": {"bin/a": {"data": b"text", "mode": 0o4755, "uid": 0}},
            "content": {"bin/a": {"data": b"texT", "mode": 0o4755, "uid": 7}},
            "link": {"bin/s": {"type": tarfile.SYMTYPE, "linkname": "b"}},
            "device": {"bin/n": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}},
            "xattrs": {"bin/c": {"data": b"c"}},
            "type": {"bin/s": {"data": b"a"}},
            "hardlink_of": {"bin/b": {"data": b"text", "mode": 0o4755, "uid": 7}},
        }
        for what, change in changes.items():
            other = archive(directory, what, dict(BASE, **change))
            status, said = compare(base, other)
            assert status == 1 and f": {what}: " in said, (what, said)
            if what != "hardlink_of":
                assert compare("--flat", base, other)[0] == 1, what
        fewer = archive(directory, "fewer", {k: v for k, v in BASE.items() if k != "log"})
        assert "only in the first" in compare(base, fewer)[1]
        later = archive(directory, "later", dict(BASE, log={"data": b"13:00:00"}))
        assert compare(base, later)[0] == 1
        assert compare("--exempt", exempt, base, later)[0] == 0
        assert compare("--exempt", exempt, base, fewer)[0] == 1
        # Times are compared when all must be the same.
        touched = archive(directory, "touched", dict(BASE, log={"data": b"12:00", "mtime": 5}))
        assert compare(base, touched)[0] == 0
        status, said = compare("--digest", base, touched)
        assert status == 1 and ": mtime: " in said and "manifest sha256:" in said, said
        assert "one digest" in compare("--digest", base, base)[1]
        check_expectations(directory / "base")


main()
