#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sums the TAP subtests of meson test runs: one line "N passed, N failed". A program without a subtest, or one that
died, counts as a failure."""
import json
import re
import sys


def count(test):
    points = re.findall(r"^(not ok|ok)\b(?:[^#\n]|#(?! *(?:SKIP|TODO)))*(# *SKIP)?", test.get("stdout") or "", re.M | re.I)
    passed = sum(1 for verdict, skip in points if verdict == "ok" and not skip)
    failed = sum(1 for verdict, _ in points if verdict == "not ok")
    if test["result"] not in ("OK", "SKIP") and failed == 0:
        failed = 1
    if passed == 0 and failed == 0 and test["result"] != "SKIP":
        print(f"{test['name']}: no test case in its output", file=sys.stderr)
        failed = 1
    return passed, failed


def main():
    passed = failed = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as log:
            for line in log:
                p, f = count(json.loads(line))
                passed += p
                failed += f
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


sys.exit(main())
