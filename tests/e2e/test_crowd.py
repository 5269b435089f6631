#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Ten thousand devices that are announced and do not exist."""
import contextlib
import json
import os
import signal
import sys
import time

from network import Lines, cable, enter_namespace, machine, stop, tell, wait_until
from support import PATIENCE_S, main, sanitizers, start

enter_namespace()

CROWD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crowd.py")
MDNS = 5353
STRANGERS, PORTION = 10000, 100
GROWTH_MAX_KB = 8 * 1024  # a third of what they all would take
ANSWER_S = 10  # for what happens in the crowd to be shown, and to end
FRUGAL = {"ASAN_OPTIONS": sanitizers.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}  # freed memory counts, too


@contextlib.contextmanager
def house():
    """Machines with a cable each: of the crowd, and of the true proxies."""
    with machine() as crowd, machine() as there, cable(crowd, "v0", "10.77.0.1/24", "10.77.0.2/24"), \
            cable(there, "v1", "10.78.0.1/24", "10.78.0.2/24"):
        process = crowd.start(sys.executable, CROWD, str(STRANGERS), "kitchen")
        assert process.stdout.readline() == b"ready\n"
        yield process, there


def unheard():
    """Bytes that wait in this namespace for who listens to multicast DNS."""
    sockets = []
    for name in ("udp", "udp6"):
        with open(f"/proc/net/{name}", encoding="ascii") as file:
            sockets += [line.split() for line in file.readlines()[1:]]
    return sum(int(fields[4].split(":")[1], 16) for fields in sockets if fields[1].endswith(f":{MDNS:04X}"))


def announce_all(crowd, shown):
    """Each is heard, and meanwhile what is shown is read, as somebody would."""
    def is_heard():
        shown.drain()
        return unheard() == 0
    for _ in range(STRANGERS // PORTION):
        tell(crowd, "announce")
        wait_until(is_heard)


def resident_kb(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def end(process):
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=PATIENCE_S)[1].decode()
    assert process.returncode == 130 and "Sanitizer" not in error, error
    assert time.monotonic() - begun < ANSWER_S
    return error


def event(shown, kind, name):
    line, took = shown.wait_for(f'"event":"{kind}","name":"{name}"')
    assert took < ANSWER_S, f"it took {took} s"
    return json.loads(line)


def test_true_ones_are_found_in_the_crowd():
    with house() as (crowd, there):
        early = there.responder("early", "10.78.0.2")
        watch = start("discover", "--watch", "--json", **FRUGAL)
        shown = Lines(watch.stdout)
        event(shown, "found", "early")
        before = resident_kb(watch)
        announce_all(crowd, shown)
        late = there.responder("late", "10.78.0.2", port=6054)
        tell(late, "announce")
        event(shown, "found", "late")
        stop(early)
        event(shown, "gone", "early")
        grown = resident_kb(watch) - before
        assert grown < GROWTH_MAX_KB, f"{grown} KB more"
        assert "some are left out" in end(watch)
        names = {json.loads(line)["name"] for line in shown.seen}
        assert len(names) > 1024, len(names)  # it has been a crowd


def test_a_scan_goes_on_in_the_crowd():
    with house() as (crowd, there):
        there.responder("kitchen", "10.78.0.2")
        there.sim("10.78.0.2:6053", "--name", "kitchen")
        scan = start("scan", "--json", "-v", "-p", "kitchen.local", **FRUGAL)
        log, heard = Lines(scan.stderr), Lines(scan.stdout)
        heard.wait_for('"address"')
        before = resident_kb(scan)
        announce_all(crowd, heard)
        heard.wait_for('"address"', ANSWER_S)
        grown = resident_kb(scan) - before
        assert grown < GROWTH_MAX_KB, f"{grown} KB more"
        error = end(scan)
        assert "connecting again" not in "\n".join([*log.seen, error]), error


main(globals())
