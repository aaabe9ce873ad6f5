#!/usr/bin/python3
"""at_terminal.py [SHOWN TYPED]... -- COMMAND... - run a command at a terminal of 33 rows and 77 columns.

Each time SHOWN, a regular expression, has come after what was shown before, TYPED is typed, in which
\\n and \\x03 mean what they say. Prints all that was shown; exits with the command's status. The
terminal's mode must be afterwards what it was before.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios

PATIENCE_S = 60


def main(words):
    split = words.index("--")
    steps = list(zip(words[0:split:2], words[1:split:2]))
    pid, terminal = pty.fork()
    if pid == 0:
        os.read(0, 1)  # until the terminal is as we want it
        os.execvp(words[split + 1], words[split + 1:])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    before = termios.tcgetattr(terminal)
    os.write(terminal, b"\n")
    shown, seen = b"", 0
    while True:
        if steps and (found := re.compile(steps[0][0].encode()).search(shown, seen)):
            seen = found.end()
            os.write(terminal, codecs.decode(steps.pop(0)[1], "unicode_escape").encode())
        if not select.select([terminal], [], [], PATIENCE_S)[0]:
            sys.exit(f"nothing comes; shown: {shown!r}, waiting for: {steps[:1]}")
        try:
            more = os.read(terminal, 4096)
        except OSError:  # the command has ended
            break
        if not more:
            break
        shown += more
    sys.stdout.write(shown.decode(errors="replace").replace("\r\n", "\n"))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if steps:
        sys.exit(f"not shown: {steps[0][0]}; exit status {status}")
    if termios.tcgetattr(terminal) != before:
        sys.exit("the terminal is not as it was")
    sys.exit(status)


main(sys.argv[1:])
