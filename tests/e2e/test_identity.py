#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A proxy is the device that it was."""
import contextlib
import os
import signal
import subprocess
import tempfile
import time

import support
from support import BLEPROXY, KEY, OTHER_KEY, environment, hear, home, main, own, own_address, sim, write

STATE = {"XDG_STATE_HOME": tempfile.mkdtemp(dir=home.name)}


def run(*arguments, **more):
    """A command that knows what the ones before have learnt."""
    return support.run(*arguments, **{**STATE, **more})


@contextlib.contextmanager
def device(address, name, **more):
    """A virtual proxy of that name, and MAC address therefore, at the address."""
    process = own(subprocess.Popen([BLEPROXY, "sim", "--listen", address, "--name", name], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, env=environment(**more)))
    try:
        assert process.stdout.readline()
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=support.PATIENCE_S)


def configuration(address, key=None, more=""):
    host, port = address.split(":")
    psk = f", noise_psk: {key}" if key else ""
    return write("identity.yaml", f"proxies: [{{name: kitchen, address: {host}, port: {port}{psk}{more}}}]\n")


def learn(path, address):
    """Scans until it is remembered which device answers there."""
    known = os.path.join(STATE["XDG_STATE_HOME"], "bleproxy", "proxies")
    deadline = time.monotonic() + support.PATIENCE_S
    while not (os.path.exists(known) and address.encode() in open(known, "rb").read()):
        assert time.monotonic() < deadline
        run("scan", "-c", path, "--json", "-t", "1")


def test_another_device_at_its_address_is_refused_until_the_first_is_forgotten():
    for address, key in ((own_address(6053), None), (own_address(6054), KEY)):
        secret = {"BLEPROXY_NOISE_PSK": key} if key else {}
        path = configuration(address, key)
        with device(address, "one", **secret):
            learn(path, address)
        with device(address, "two", **secret):
            result = run("scan", "-c", path, "--json", "-t", "20").expect(5, "MAC address", "bleproxy forget")
            assert not result.out
            run("services", "-c", path, "Virtual Battery", "-t", "20").expect(5, "bleproxy forget")
            found = hear(lambda result: result.out, "scan", "-p", address, "--json", **STATE, **secret).expect(0)
            assert found.objects()  # it was not named
            assert "kitchen" in run("forget", "-c", path, "kitchen").expect(0).out
            learn(path, address)
        with device(address, "one", **secret):
            run("scan", "-c", path, "--json", "-t", "20").expect(5, "bleproxy forget")
        run("forget", "-c", path, "kitchen").expect(0)


def test_a_program_that_runs_learns_that_it_is_forgotten():
    address = own_address(6055)
    path = configuration(address)
    with device(address, "one"):
        learn(path, address)
    with device(address, "two"), sim() as others:
        kitchen, attic = address.rsplit(":", 1), others[0].rsplit(":", 1)
        path = write("identity.yaml", "proxies:\n"
                     f"  - {{name: kitchen, address: {kitchen[0]}, port: {kitchen[1]}}}\n"
                     f"  - {{name: attic, address: {attic[0]}, port: {attic[1]}}}\n")
        scan = own(subprocess.Popen([BLEPROXY, "scan", "-vv", "-c", path, "--json", "-t", str(support.PATIENCE_S)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(**STATE)))
        try:
            assert any(b"bleproxy forget" in line for line in scan.stderr)
            run("forget", "-c", path, "kitchen").expect(0)
            assert any(b"two: ESPHome" in line for line in scan.stderr)
        finally:
            scan.send_signal(signal.SIGINT)
            scan.communicate(timeout=support.PATIENCE_S)


def test_another_device_is_told_before_its_key_is_tried():
    address = own_address(6056)
    path = configuration(address, KEY)
    with device(address, "one", BLEPROXY_NOISE_PSK=KEY):
        learn(path, address)
    with device(address, "two", BLEPROXY_NOISE_PSK=OTHER_KEY):
        run("scan", "-c", path, "--json", "-t", "20").expect(5, "MAC address")


def test_forgetting_what_is_not_known():
    path = configuration("192.0.2.1:6053")
    run("forget", "-c", path, "kitchen").expect(6, "not known")
    run("forget", "-c", path, "attic").expect(2, "no proxy 'attic'")
    run("forget").expect(2)


def test_another_name_than_expected_is_refused():
    with sim("--name", "one") as proxies:
        path = configuration(proxies[0], more=", expected_name: two")
        run("scan", "-c", path, "--json", "-t", "20").expect(5, "'one'", "'two'")
        path = configuration(proxies[0], more=", expected_name: one")
        hear(lambda result: result.code == 0, "scan", "-c", path, "--json", **STATE).expect(0)


main(globals())
