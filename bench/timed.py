#!/usr/bin/env python3
"""timed.py FILE TIMES COMMAND... - runs COMMAND TIMES times and adds "WALL CPU" of one, in milliseconds, to FILE.

CPU is user and system time of the whole tree, as far as it was waited for. The exit status is the first bad one.
"""
import os
import resource
import sys
import time


def cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    out, times, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    before, start = cpu(), time.monotonic()
    for _ in range(times):
        # Spawned, not forked: what this program takes does not count.
        pid = os.posix_spawnp(command[0], command, os.environ)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status != 0:
            sys.exit(status if status > 0 else 128 - status)
    wall, used = time.monotonic() - start, cpu() - before
    with open(out, "a") as file:
        print("%.3f %.3f" % (wall * 1000 / times, used * 1000 / times), file=file)


main()
