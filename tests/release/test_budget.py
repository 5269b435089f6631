#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What an advertisement may cost, on any machine: instructions and allocations by difference of two runs of the load
client under valgrind, and resident memory.

usage: test_budget.py INGEST BLEPROXY
"""
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile

INGEST, BLEPROXY = sys.argv[1:3]
INSTRUCTIONS_UNCHANGED = 900
INSTRUCTIONS_CHANGED = 1500
RSS_ONE_PROXY_KIB = 4 * 1024
RSS_FIFTY_PROXIES_KIB = 8 * 1024

results = []


def check(name, measured, limit):
    results.append(measured <= limit)
    print(f"{'ok' if measured <= limit else 'not ok'} {len(results)} - {name}: {measured:g}, at most {limit}", flush=True)


class Sim:
    """Virtual proxies as fast as their client takes them in, on free ports."""

    def __init__(self, *options):
        self.process = subprocess.Popen([BLEPROXY, "sim", "--listen", "127.0.0.1:0", *options], stdout=subprocess.PIPE,
                                        text=True, env={"PATH": os.environ["PATH"]})
        count = int(options[options.index("--count") + 1]) if "--count" in options else 1
        self.hosts = [self.process.stdout.readline().split()[1] for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        self.process.wait()


def ingest(sim, sections, *wrapper):
    """The section lines of a run, and what the wrapper said on stderr."""
    run = subprocess.run([*wrapper, INGEST, "--sections", str(sections), *sim.hosts], capture_output=True, text=True,
                         check=True, timeout=600)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return [line for line in lines if "adverts" in line], run.stderr


def per_advert(payload, wrapper, pattern):
    """How much of what the wrapper counts each advertisement adds once the client is warm."""
    few, many = 2, 6
    counts, adverts = {}, {}
    with Sim("--rate", "0", "--payload", payload, "--sentinel", "20000") as sim:
        for sections in (few, many):
            lines, stderr = ingest(sim, sections, *wrapper)
            adverts[sections] = sum(line["adverts"] for line in lines)
            counts[sections] = int(re.search(pattern, stderr)[1].replace(",", ""))
    return (counts[many] - counts[few]) / (adverts[many] - adverts[few])


def instructions(payload):
    with tempfile.NamedTemporaryFile() as out:
        return per_advert(payload, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}"],
                          r"Collected : (\d+)")


def allocations(payload):
    return per_advert(payload, ["valgrind", "--tool=memcheck", "--undef-value-errors=no"],
                      r"total heap usage: ([\d,]+) allocs")


def resident(proxies, devices):
    """With each proxy hearing devices of its own."""
    with contextlib.ExitStack() as stack:
        sims = [stack.enter_context(Sim("--rate", "0", "--payload", "repeat", "--devices", str(devices // proxies),
                                        "--seed", str(seed), "--sentinel", "2000")) for seed in range(1, proxies + 1)]
        sims[0].hosts = [sim.hosts[0] for sim in sims]
        lines, _ = ingest(sims[0], 3)
        return lines[-1]["rss_kib"]


check("instructions per unchanged advertisement", instructions("repeat"), INSTRUCTIONS_UNCHANGED)
check("instructions per changed advertisement", instructions("changing"), INSTRUCTIONS_CHANGED)
check("allocations per unchanged advertisement", allocations("repeat"), 0)
check("allocations per changed advertisement", allocations("changing"), 0)
check("KiB resident with one proxy and 100 devices", resident(1, 100), RSS_ONE_PROXY_KIB)
check("KiB resident with 50 proxies and 5,000 devices", resident(50, 5000), RSS_FIFTY_PROXIES_KIB)
print(f"1..{len(results)}")
sys.exit(0 if all(results) else 1)
