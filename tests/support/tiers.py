#!/usr/bin/python3
"""tiers.py < DOCTOR_JSON - the names of the tiers that `lichen doctor --json` says work, in a line."""
import json
import sys

report = json.load(sys.stdin)
print(*[tier["name"] for tier in report["tiers"] if tier["ok"]])
