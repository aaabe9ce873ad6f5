#!/usr/bin/python3
"""builder_peak.py PID - while that process runs: the largest that it or a lichen process below it becomes, in KiB."""
import pathlib
import sys
import time


def stat_of(pid):
    name, _, rest = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    return name.partition("(")[2], rest.split()[0], int(rest.split()[1])


def sizes(builder):
    known = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                known[int(entry.name)] = stat_of(entry.name)
            except OSError:
                pass  # gone meanwhile
    for pid, (name, _, parent) in known.items():
        while parent != builder and parent in known and pid != builder:
            parent = known[parent][2]
        if not name.startswith("lichen") or (pid != builder and parent != builder):
            continue
        try:
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    yield int(line.split()[1])
        except OSError:
            pass


def main(builder):
    peak = 0
    while True:
        try:
            if stat_of(builder)[1] == "Z":
                break
        except OSError:
            break
        peak = max([peak, *sizes(builder)])
        time.sleep(0.1)
    print(peak)


main(int(sys.argv[1]))
