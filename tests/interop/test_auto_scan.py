# SPDX-License-Identifier: MIT
"""Scanning on purpose: habluetooth's scheduler with bleak-esphome's scanners, and ours with the rules of the reference, open
the same windows on random scripts: when, where and how long."""

import os
import random
import subprocess
import sys

import pytest

import auto_reference
from harness import BUILD

DRIVER = BUILD / "tests/interop/auto_driver"
SIZE = float(os.environ.get("BLEPROXY_TEST_SIZE", "1"))
SCRIPTS = {"plain": int(40 * SIZE), "cancels": int(40 * SIZE), "days": int(4 * SIZE)}
EVENTS_MAX = auto_reference.TICKS_PER_S - 1
SCANNERS, DEVICES = range(1, 6), range(1, 7)


class Script:
    """Random commands that make sense. Each has a fraction of a second of its own, intervals have any, and all else is in
    whole seconds: what different commands have led to hardly ever falls due at the same moment."""

    def __init__(self, seed, cancels, gaps):
        self.random = random.Random(seed)
        self.fractions = list(range(1, EVENTS_MAX + 1))
        self.random.shuffle(self.fractions)
        self.cancels, self.gaps = cancels, gaps
        self.second = 0
        self.lines = []
        self.modes, self.connecting, self.refusing = {}, set(), set()
        self.current, self.requests, self.sweeps, self.rescued = {}, {}, [], set()
        self.numbers = iter(range(1, 10000))

    def add(self, command, *arguments):
        self.second += self.random.choice((1, 1, 2, 3, 5, 8, 13, 30, 61))
        if self.gaps and self.random.random() < 0.01:
            self.second += 43200
        self.lines.append((self.second * auto_reference.TICKS_PER_S + self.fractions.pop(), command, *arguments))

    def one_of(self, choice):
        return self.random.choice(sorted(choice))

    def register(self):
        number = self.random.choice(SCANNERS)
        if number in self.modes:
            if self.random.random() < 0.9:
                return
            del self.modes[number]
            self.connecting.discard(number)
            self.refusing.discard(number)
            self.add("unregister", number)
            return
        self.modes[number] = self.random.choice(("auto", "auto", "auto", "active", "passive"))
        self.add("register", number, self.modes[number])

    def connect(self):
        ends = self.connecting and self.random.random() < 0.8
        number = self.one_of(self.connecting if ends else self.modes)
        self.connecting ^= {number}
        self.add("connecting", number, int(number in self.connecting))

    def refuse(self):
        number = self.one_of(self.modes)
        if number not in self.refusing and self.random.random() < 0.7:
            return
        self.refusing ^= {number}
        self.add("refuse", number, int(number in self.refusing))

    def hear(self):
        number, address = self.one_of(self.modes), self.random.choice(DEVICES)
        if self.random.random() < 0.15:
            self.add("deaf", number, address)
            return
        # No two alike: between those the order of a set decides there.
        self.add("hears", number, address, -30 - 5 * self.random.randrange(15) - number)

    def accept(self):
        address = self.random.choice(DEVICES)
        if address not in self.current or self.random.random() < 0.3:
            self.current[address] = self.one_of(self.modes)
        if self.current[address] in self.modes:
            self.add("accepted", address, self.current[address])

    def go(self):
        if self.current:
            address = self.one_of(self.current)
            del self.current[address]
            self.add("gone", address)

    def request(self):
        number, address = next(self.numbers), self.random.choice(DEVICES)
        self.requests[number] = address
        ticks = auto_reference.TICKS_PER_S
        self.add("request", number, address, self.random.randrange(60 * ticks, 200 * ticks), self.random.randrange(5, 50))

    def release(self):
        if self.requests:
            number = self.one_of(self.requests)
            del self.requests[number]
            self.add("release", number)

    def sweep(self):
        number = next(self.numbers)
        self.sweeps.append(number)
        self.add("sweep", number, self.random.randrange(1, 45))

    def cancel(self):
        if self.cancels and self.sweeps:
            self.add("cancel", self.sweeps.pop())

    def rescue(self):
        if self.rescued and self.random.random() < 0.4:
            address = self.one_of(self.rescued)
            self.rescued.remove(address)
            self.add("rescued", address)
        elif len(self.modes) > 1 and self.current:
            address = self.one_of(self.current)
            challenger = self.one_of(self.modes)
            if challenger != self.current[address]:
                self.rescued.add(address)
                self.add("rescue", address, challenger, self.current[address])

    def make(self):
        weights = {self.register: 4, self.connect: 5, self.refuse: 2, self.hear: 8, self.accept: 14, self.go: 1,
                   self.request: 4, self.release: 2, self.sweep: 3, self.cancel: 2, self.rescue: 3}
        for number in self.random.sample(SCANNERS, 2):
            self.modes[number] = "auto"
            self.add("register", number, "auto")
        while len(self.fractions) > 2:
            if self.modes:
                self.random.choices(list(weights), weights.values())[0]()
            else:
                self.register()
        self.second += 300
        self.add("end")
        return self.lines


def ours(script):
    text = "".join(" ".join(map(str, line)) + "\n" for line in script)
    run = subprocess.run([DRIVER, "reference"], input=text, capture_output=True, text=True, check=True, timeout=60)
    return [tuple(int(word) if word.isdigit() else word for word in line.split()) for line in run.stdout.splitlines()]


def comparable(lines, until, cancels):
    """Two scanners may begin in the same moment. Who joined a sweep that is cancelled may be told later there."""
    return sorted(line for line in lines if line[0] < until and not (cancels and line[1] == "done"))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncio.wait_for() wakes in another order: more is chance there")
@pytest.mark.parametrize("kind", SCRIPTS)
def test_the_same_windows_open(kind):
    n_windows = n_done = n_accepts = n_whole = 0
    for seed in range(SCRIPTS[kind]):
        script = Script(f"{kind} {seed}", kind == "cancels", kind == "days").make()
        theirs, until, done = auto_reference.run(script)
        expected = comparable(theirs, until, kind == "cancels")
        n_windows += sum(line[1] == "window" for line in expected)
        n_done += sum(line[1] == "done" for line in expected)
        n_accepts += sum(line[1] == "accept" and line[3] > 0 for line in expected)
        n_whole += until > done[-1][0]
        assert comparable(ours(done), until, kind == "cancels") == expected, f"{kind} {seed}"
    print(f"{kind}: {n_windows} windows, {n_done} sweeps, {n_accepts} times of acceptance, {n_whole} scripts to their end")
    assert n_windows > 40 * SCRIPTS[kind] and n_accepts > 3 * SCRIPTS[kind] and (kind == "days" or n_whole > 0)
