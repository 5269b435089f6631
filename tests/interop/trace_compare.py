# SPDX-License-Identifier: MIT
"""A trace decided by habluetooth and by another side: the first difference, and the shortest trace that shows one.

`python trace_compare.py FILE` compares with bleproxy. Lists of service UUIDs are compared without their order, with
their duplicates; service and manufacturer data in their order, because to many programs the last one is the newest; the
notices of one sweep without their order.
"""

import itertools
import json
import subprocess
import sys
import tempfile
import time

from harness import bleproxy, environment
from trace_reference import load, reference

REPLAY_S = 60
SHRINK_S = 60
SHOWN = 8  # lines around a difference


def replayed(trace):
    """What bleproxy decides."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in trace)
        file.flush()
        done = subprocess.run(
            [bleproxy(), "replay", "--reference", file.name],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=REPLAY_S,
            check=False,
        )
    if done.returncode or done.stderr:
        return [{"t": 0, "event": f"ended with {done.returncode}", "stderr": done.stderr}]
    return [json.loads(line) for line in done.stdout.splitlines()]


def canonical(line):
    line = line | {"t": float(line["t"])}
    if "service_uuids" in line:
        line["service_uuids"] = sorted(line["service_uuids"])
        for maps in ("service_data", "manufacturer_data"):
            line[maps] = list(line[maps].items())
    return line


def comparable(lines):
    """The lines as they are when they mean the same."""

    def sweep(line):
        return line["event"] == "unavailable" and line["t"]

    for notices, group in itertools.groupby(map(canonical, lines), sweep):
        if notices is False:
            yield from group
        else:
            yield from sorted(group, key=lambda line: (not line["connectable"], line["address"]))


class Difference:
    """The first one of two lists of lines, if there is any: false if there is none."""

    def __init__(self, ours, theirs):
        self.sides = list(comparable(ours)), list(comparable(theirs))
        pairs = itertools.zip_longest(*self.sides)
        self.position = next((n for n, (one, other) in enumerate(pairs) if one != other), None)

    def __bool__(self):
        return self.position is not None

    def __str__(self):
        first = max(0, self.position - SHOWN // 2)
        text = []
        for name, lines in zip(("habluetooth", "the other side"), self.sides, strict=True):
            text.append(f"{name}, from line {first + 1} of {len(lines)}:")
            for n, line in enumerate(lines[first : first + SHOWN], first):
                text.append(f"{'>' if n == self.position else ' '} {json.dumps(line, ensure_ascii=False)}")
        return "\n".join(text)


def difference(trace, side=replayed):
    return Difference(reference(trace), side(trace))


def shrink(trace, differs, seconds=SHRINK_S):
    """The trace without whatever the difference does not need, as far as time allows."""
    end = time.monotonic() + seconds
    size = len(trace) // 2
    while size:
        shorter = False
        for start in reversed(range(0, len(trace), size)):
            rest = trace[:start] + trace[start + size :]
            if time.monotonic() > end:
                return trace
            if differs(rest):
                trace, shorter = rest, True
        size = size if size == 1 and shorter else size // 2
    return trace


def explain(trace, side=replayed):
    """Empty if both sides decide alike, or what to look at."""
    if not difference(trace, side):
        return ""
    least = shrink(trace, lambda shorter: bool(difference(shorter, side)))
    lines = "\n".join(json.dumps(line) for line in least)
    return f"{len(trace)} lines, of which these are enough:\n{lines}\n{difference(least, side)}"


if __name__ == "__main__":
    found = explain(load(sys.argv[1]))
    print(found or "no difference")
    sys.exit(bool(found))
