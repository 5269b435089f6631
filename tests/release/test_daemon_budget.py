#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What an advertisement may cost bleproxyd, on any machine: instructions by difference of two runs under valgrind, while
nobody discovers, while somebody does, and while somebody is told of each.

usage: test_daemon_budget.py BLEPROXY BLEPROXYD
"""
# pylint: disable=wrong-import-position
import os
import re
import stat
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "daemon"))
import support
from e2e import home
from fake_proxy import PING, PING_REPLY, RAW_REPORTS, report
from scripted import Scripted, ad
from support import house, path_of, variant

FIRST, N_DEVICES, LAST = 0xD00000000000, 100, 0xE00000000000
FEW, MANY = 20, 100  # times that each of the devices is heard
FLAGS = ad(0x01, b"\x06")


def frames(times, changing):
    """Each device once in each of them."""
    for number in range(times):
        payload = FLAGS + ad(0xFF, b"\x01\x00" + (number if changing else 0).to_bytes(4, "little"))
        yield b"".join(report(FIRST + i, -60, payload) for i in range(N_DEVICES))


def instructions(times, changing, discovers, options):
    """Of a whole run, in which the last thing that is heard is told."""
    with Scripted() as proxy, house(proxy) as it:
        client = it.client()
        if discovers:
            client.discover(**options)
        proxy.wait_until(lambda: proxy.subscribers, "a subscriber")
        for body in frames(times, changing):
            proxy.say(RAW_REPORTS, body)
        proxy.say(PING, b"")
        proxy.wait_for(PING_REPLY)  # it has taken all of them in
        if not discovers:
            client.discover()
        proxy.advertise(LAST, FLAGS)
        client.wait_for_added(path_of(LAST))
        log = it.log.name
        it.stop_daemon()
        with open(log, encoding="utf-8", errors="replace") as file:
            return int(re.search(r"Collected : (\d+)", file.read())[1])


def wrap():
    """The daemon under valgrind, by a name of its own."""
    path = os.path.join(home.name, "bleproxyd")
    with open(path, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexec valgrind --tool=callgrind --callgrind-out-file=/dev/null "{support.BLEPROXYD}" "$@"\n')
    os.chmod(path, stat.S_IRWXU)
    support.BLEPROXYD = path


def per_report(*arguments):
    counts = [instructions(times, *arguments) for times in (FEW, MANY)]
    return (counts[1] - counts[0]) / ((MANY - FEW) * N_DEVICES)


BUDGETS = [  # what is measured, most instructions for each
    ("unchanged, nobody discovers", (False, False, {}), 550),  # 456
    ("changed, nobody discovers", (True, False, {}), 950),  # 806
    ("unchanged, somebody discovers", (False, True, {}), 1600),  # 1329
    ("changed, told by a signal each", (True, True, {"DuplicateData": variant("b", True)}), 26000),  # 22722, nearly all of it sd-bus's
]

wrap()
failed = 0
print(f"1..{len(BUDGETS)}")
for at, (name, arguments, limit) in enumerate(BUDGETS, 1):
    measured = per_report(*arguments)
    if measured > limit:  # the machine's network may have changed meanwhile, which the daemon looks at
        measured = min(measured, per_report(*arguments))
    failed += measured > limit
    print(f"{'ok' if measured <= limit else 'not ok'} {at} - instructions per advertisement, {name}: {measured:.0f}, at most {limit}",
          flush=True)
home.cleanup()
sys.exit(failed > 0)
