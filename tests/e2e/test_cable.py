#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Cables that lose and delay what goes through them, and cables that are cut without a word."""
import contextlib
import os
import signal
import subprocess
import sys

from network import Lines, bad_cable, enter_namespace, machine, tell, wait_until
from support import PATIENCE_S, environment, home, main, own, start
from virtual import Control

enter_namespace()

LISTENER = sys.argv[2]
REPORTS = 30  # so many heard through a bad cable are enough
FRAMES = 12  # so many of a connection on which nothing but pings goes
SLACK_S = 1  # of a slow machine


@contextlib.contextmanager
def listener(port, ping_ms, dead_ms):
    """A program that keeps the proxy connected, and what it says."""
    process = own(subprocess.Popen([LISTENER, "10.77.0.2", str(port), str(ping_ms), str(dead_ms)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, env=environment()))
    try:
        yield Lines(process.stdout)
    finally:
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0


@contextlib.contextmanager
def kitchen(*options, **cable):
    """Virtual proxies behind such a cable: its relay."""
    with machine() as there, bad_cable(there, "v0", "10.77.0.1/24", "10.77.0.2/24", **cable) as relay:
        there.sim("10.77.0.2:6053", "--name", "kitchen", *options)
        yield relay


def test_reports_and_pings_come_through_a_bad_cable():
    path = os.path.join(home.name, "control")
    with kitchen("-n", "2", "--control", path, loss=20, delay_ms=300, seed=3) as relay, Control(path) as control, \
            listener(6054, ping_ms=250, dead_ms=20000) as pinging:
        process = start("scan", "--json", "-v", "-p", "10.77.0.2:6053")
        log, heard = Lines(process.stderr), Lines(process.stdout)
        log.wait_for("connected")
        for _ in range(REPORTS):
            heard.wait_for('"address"')
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE_S)[1].decode()
        assert process.returncode == 130
        assert "connecting again" not in "\n".join([*log.seen, rest]), log.seen
        pinging.wait_for("ready")
        control.do("@kitchen-2 deaf never")
        before = int(tell(relay, "count")[0])
        wait_until(lambda: int(tell(relay, "count")[0]) >= before + FRAMES)
        pinging.drain()
        assert not [line for line in pinging.seen if "down" in line], pinging.seen
        carried, lost = (int(number) for number in tell(relay, "count"))
        assert 0.1 < lost / (carried + lost) < 0.3, (carried, lost)


def test_a_cable_that_is_cut_and_mended():
    ping_ms, dead_ms = 300, 600
    bound_s = (2 * ping_ms + dead_ms) / 1000  # heard just after one look, asked at the next but one
    took = []
    with kitchen() as relay, listener(6053, ping_ms, dead_ms) as said:
        said.wait_for("ready")
        for _ in range(3):
            said.wait_for("report")
            tell(relay, "cut")
            took.append(said.wait_for("stopped answering")[1])
            tell(relay, "mend")
            said.wait_for("ready")
    # A machine with other things to do may be late once, but not each time.
    assert min(took) < bound_s + SLACK_S, f"it took {took} s"


main(globals())
