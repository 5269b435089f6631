#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Two devices that go by one name: the one that is known is the one that is used."""
import contextlib
import json
import os
import signal
import subprocess
import time

from network import Lines, cable, enter_namespace, machine, tell
from support import KEY, PATIENCE_S, given_time, hear, home, main, run, start, write

enter_namespace()

SELDOM = "Virtual Battery"  # of which so little is heard that a pipe holds it while nobody reads
KNOWN, OTHER = "10.77.0.2", "10.78.0.3"  # the other one is in another network, behind a router


@contextlib.contextmanager
def house():
    """A machine with room for both devices."""
    with machine() as there, cable(there, "v0", "10.77.0.1/24", f"{KNOWN}/24"):
        there.shell(f"ip addr add {OTHER}/24 dev lo && ip addr add fd77::3/64 dev eth0")
        subprocess.run(["sh", "-c", f"ip route add 10.78.0.0/24 via {KNOWN} && ip addr add fd77::1/64 dev v0"], check=True)
        yield there


def device(there, address, name):
    """A virtual proxy whose own name, and MAC address therefore, is this."""
    return there.sim(f"{address}:6053", "--name", name, "--psk-file", write("key", KEY))


def end(process):
    process.kill()
    process.wait()


def configuration():
    return write("impostor.yaml", f"proxies: [{{name: kitchen, address: kitchen.local, noise_psk: {KEY}}}]\n")


def remembered(name):
    """A state directory, and the file in it that says which device the proxy is."""
    path = os.path.join(home.name, name)
    return {"XDG_STATE_HOME": path}, os.path.join(path, "bleproxy", "proxies")


def content(path):
    """It is written a moment after the device is known."""
    deadline = time.monotonic() + PATIENCE_S
    while not os.path.exists(path):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with open(path, "rb") as file:
        return file.read()


@contextlib.contextmanager
def scanning(**more):
    """What a scan of the kitchen says, and hears."""
    process = start("scan", "--json", "-v", "-c", configuration(), "--name", SELDOM, **more)
    try:
        yield Lines(process.stderr), Lines(process.stdout)
    finally:
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=PATIENCE_S)[1].decode()
        assert "Sanitizer" not in error, error


def source(heard):
    return json.loads(heard.wait_for('"address"')[0])["source"]


def learn(**directory):
    """Which device the kitchen is, from one that is alone."""
    with scanning(**directory) as (_, heard):
        return source(heard)


def test_an_answer_that_leads_elsewhere_is_refused_until_the_honest_one_comes():
    directory, known = remembered("redirected")
    with house() as there:
        honest, sim = there.responder("kitchen", KNOWN), device(there, KNOWN, "one")
        device(there, OTHER, "two")
        with scanning(**directory) as (log, heard):
            first = source(heard)
            before = content(known)
            tell(honest, "silent")
            impostor = there.responder("kitchen", OTHER)
            tell(impostor, "announce")
            end(sim)
            log.wait_for("has the MAC address")
            assert "bleproxy forget" in log.seen[-1], log.seen
            heard.drain()
            end(impostor)
            device(there, KNOWN, "one")
            tell(honest, f"address {KNOWN}")
            log.wait_for("kitchen: connected")
            assert source(heard) == first
        assert content(known) == before


def test_at_the_start_the_honest_answer_is_waited_for():
    directory, known = remembered("late")
    with house() as there:
        honest = there.responder("kitchen", KNOWN)
        device(there, KNOWN, "one")
        device(there, OTHER, "two")
        first, before = learn(**directory), content(known)
        tell(honest, "silent")
        there.responder("kitchen", OTHER)
        with scanning(**directory) as (log, heard):
            log.wait_for("has the MAC address")
            tell(honest, f"address {KNOWN}")
            assert source(heard) == first
        assert content(known) == before


def test_without_an_honest_answer_it_ends_and_forgets_nothing():
    directory, known = remembered("never")
    with house() as there:
        honest = there.responder("kitchen", KNOWN)
        device(there, KNOWN, "one")
        device(there, OTHER, "two")
        learn(**directory)
        before = content(known)
        end(honest)
        there.responder("kitchen", OTHER)
        result = run("scan", "--json", "-c", configuration(), **directory).expect(5, "has the MAC address", "bleproxy forget")
        assert not result.out
        assert content(known) == before


def test_of_two_that_answer_the_known_one_is_used():
    for name, address in (("one", KNOWN), ("two", "[fd77::3]")):
        directory, known = remembered(f"two-{name}")
        with house() as there:
            device(there, KNOWN, "one")
            device(there, "[fd77::3]", "two")
            alone = there.responder("kitchen", address.strip("[]"))
            first, before = learn(**directory), content(known)
            end(alone)
            there.responder("kitchen", KNOWN)
            there.responder("kitchen", "fd77::3")
            with scanning(**directory) as (_, heard):
                assert source(heard) == first
            assert content(known) == before


def test_of_two_devices_of_one_name_it_is_told():
    with house() as there:
        there.responder("kitchen", KNOWN)
        there.responder("kitchen", "fd77::3", mac="a4c138000009")
        result = hear(lambda result: "two devices" in result.error, "discover", "--json").expect(
            0, "two devices", "'kitchen'", "A4:C1:38:00:00:01", "A4:C1:38:00:00:09")
        device, = result.objects()
        assert device["mac_address"] is None, device  # nobody knows which of them it would be
        watch = given_time(lambda seconds: run("discover", "--watch", "--json", "-t", str(3 + seconds)),
                           lambda result: "two devices" in result.error)
        assert watch.error.count("two devices") == 1, watch.error
        assert len(watch.objects()) <= 3, watch.out


main(globals())
