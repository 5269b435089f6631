#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sums the TAP subtests of meson test runs: one line "N passed, N failed". A program without a subtest, or one that
died, counts as a failure. Before it, a line "FAILED PROGRAM: SUBTEST" for each failure, and the end of what was said until
then."""
import json
import re
import sys

POINT = re.compile(r"^(not ok|ok)\b(?:[^#\n]|#(?! *(?:SKIP|TODO)))*(# *SKIP)?", re.M | re.I)
SHOWN_LINES = 20


def end_of(text):
    return "".join(f"    {line}\n" for line in text.strip().splitlines()[-SHOWN_LINES:])


def count(test):
    """How many passed, and what to say of each that failed."""
    said, passed, failures = test.get("stdout") or "", 0, []
    seen = 0  # what of it was before the last subtest
    for point in POINT.finditer(said):
        if point[1].lower() == "not ok":
            failures.append(f"FAILED {test['name']}: {point[0][len('not ok'):].strip()}\n{end_of(said[seen:point.start()])}")
        elif not point[2]:
            passed += 1
        seen = point.end()
    if test["result"] not in ("OK", "SKIP") and not failures:
        last = end_of(said[seen:] + "\n" + (test.get("stderr") or ""))
        failures.append(f"FAILED {test['name']}: ended as {test['result']} ({test['returncode']})\n{last}")
    if not passed and not failures and test["result"] != "SKIP":
        failures.append(f"FAILED {test['name']}: no test case in its output\n")
    return passed, failures


def main():
    passed, failures = 0, []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as log:
            for line in log:
                p, f = count(json.loads(line))
                passed += p
                failures += f
    print("".join(failures), end="")
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures or passed == 0 else 0


sys.exit(main())
