#!/bin/bash
# users: ids
# cost: 100
# equality: none, its images are those of seeds, in stores of their own
# A registry that drops, delays, truncates, corrupts, redirects, rate-limits and expires tokens where a seed says: every pull and
# push ends right or with a clear error, and never leaves a wrong blob. LICHEN_TEST_FAULTY_RUNS: how many seeds.
. "$(dirname "$0")/../support/lib.sh"
python3 "$SUPPORT/faulty_runs.py" "${1:-1}" "${LICHEN_TEST_FAULTY_RUNS:-30}" || fail "see above"
