#!/usr/bin/python3
"""check_layers.py [--write] LAYERS_TXT - hold the arrows between modules.

LAYERS_TXT is what CMake wrote from every lichen_module(NAME DEPS ...): one line `name: dep dep`.
Three things must hold:
 1. an `#include "x/..."` in src/NAME names NAME itself, base, or one of NAME's DEPS;
 2. the arrows have no cycle;
 3. the table in docs/architecture.md, between its markers, is the one generated here
    (--write puts it there).
Tests (*_test.cc) may use any module: they are not part of the library.
"""
import pathlib
import re
import sys

BEGIN = "<!-- layers: begin -->"
END = "<!-- layers: end -->"
ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_]+)/[^"]+"', re.MULTILINE)


def read_table(path):
    table = {}
    for line in pathlib.Path(path).read_text().splitlines():
        name, _, deps = line.partition(":")
        table[name] = deps.split()
    return table


def closure(table, name, trail=()):
    """Every module that NAME links, directly or not; refuses cycles."""
    if name in trail:
        sys.exit("layers: a cycle: " + " -> ".join([*trail, name]))
    found = set()
    for dep in table[name]:
        if dep not in table:
            sys.exit(f"layers: {name} depends on {dep}, which is no module")
        found |= {dep} | closure(table, dep, (*trail, name))
    return found


def wrong_includes(table):
    for name, deps in table.items():
        allowed = {name, "base", *deps}
        for source in sorted((ROOT / "src" / name).rglob("*")):
            if source.suffix not in (".h", ".cc") or source.name.endswith("_test.cc"):
                continue
            for match in INCLUDE.finditer(source.read_text()):
                if match[1] in table and match[1] not in allowed:
                    yield f"{source.relative_to(ROOT)}: includes {match[1]}/, which is not in {name}'s DEPS"


def rank(table, name):
    return 1 + max((rank(table, dep) for dep in table[name]), default=-1 if name == "base" else 0)


def rendered(table):
    rows = ["| rank | module | may use |", "|---|---|---|"]
    for name in sorted(table, key=lambda n: (rank(table, n), n)):
        rows.append(f"| {rank(table, name)} | `{name}` | {' '.join(sorted(table[name])) or '-'} |")
    return "\n".join(rows)


def check_page(table, write):
    page = ROOT / "docs/architecture.md"
    if not page.exists():
        return ["docs/architecture.md is missing"]
    text = page.read_text()
    if BEGIN not in text or END not in text:
        return [f"docs/architecture.md has no markers {BEGIN} and {END}"]
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{rendered(table)}\n{END}{after}"
    if wanted == text:
        return []
    if not write:
        return ["docs/architecture.md: the table is stale; run tools/check_layers.py --write LAYERS_TXT"]
    page.write_text(wanted)
    return []


def main():
    write = "--write" in sys.argv
    table = read_table(next(a for a in sys.argv[1:] if a != "--write"))
    for name in table:
        closure(table, name)
    problems = [*wrong_includes(table), *check_page(table, write)]
    for problem in problems:
        print("layers:", problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
