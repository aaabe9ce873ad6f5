#!/usr/bin/env python3
"""no_devices.py FROM.tar TO.tar - the same archive without its device nodes."""
import sys
import tarfile

with tarfile.open(sys.argv[1]) as source, tarfile.open(sys.argv[2], "w", format=tarfile.PAX_FORMAT) as target:
    for member in source:
        if not member.isdev() or member.isfifo():
            target.addfile(member, source.extractfile(member) if member.isreg() else None)
