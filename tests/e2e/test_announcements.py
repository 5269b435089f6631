#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Virtual proxies on the local network: announced, asked, moved, gone, and beside Avahi."""
import contextlib
import json
import os
import shutil

from network import Lines, avahi, cable, enter_namespace, machine
from support import KEY, PATIENCE_S, hear, home, main, run, start
from virtual import Client, Control, HELLO, HELLO_RESPONSE, give_key

enter_namespace()

CONTROL = os.path.join(home.name, "control")


@contextlib.contextmanager
def kitchen(*options, listen="10.77.0.2:6053"):
    """A virtual proxy on another machine, at the end of a cable: (machine, its Control)."""
    with machine() as there, cable(there, "v0", "10.77.0.1/24", "10.77.0.2/24"):
        process = there.sim(listen, "--name", "kitchen", "--mdns", "--control", CONTROL, *options)
        with Control(CONTROL) as control:
            yield there, control
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def found(*names, that=lambda devices: True):
    """Those that are, given time to hear the ones of these names, and that they are so."""
    def devices(result):
        return {device["name"]: device for device in result.objects()}

    def is_enough(result):
        return devices(result).keys() >= set(names) and that(devices(result))
    return devices(hear(is_enough, "discover", "--json"))


@contextlib.contextmanager
def watching():
    """The events of `bleproxy discover --watch`."""
    process = start("discover", "--watch", "--json")
    try:
        yield Lines(process.stdout)
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def event(shown, kind):
    return json.loads(shown.wait_for(f'"event":"{kind}"')[0])


def test_it_is_found_and_its_name_resolves():
    with kitchen():
        device = found("kitchen")["kitchen"]
        assert (device["address"], device["port"]) == ("10.77.0.2", 6053)
        assert (device["esphome_version"], device["platform"]) == ("2026.8.0", "ESP32")
        assert run("info", "-p", "kitchen.local", "--json").expect(0).objects()[0]["mac_address"] == device["mac_address"]


def test_each_of_several_on_all_addresses():
    with machine() as there, cable(there, "v0", "10.77.0.1/24", "10.77.0.2/24"):
        there.sim("[::]:6053", "-n", "5", "--name", "room", "--mdns")
        names = [f"room-{n}" for n in range(1, 6)]
        devices = found(*names)
        assert sorted(devices) == names
        assert sorted(device["port"] for device in devices.values()) == list(range(6053, 6058))
        run("info", "-p", "room-1.local").expect(0)


def test_who_starts_announces_and_who_ends_says_goodbye():
    with watching() as shown:
        with kitchen():
            assert event(shown, "found")["name"] == "kitchen"
        assert event(shown, "gone")["name"] == "kitchen"


def test_goodbye_and_announcement_on_command():
    with watching() as shown, kitchen() as (_, control):
        event(shown, "found")
        control.do("goodbye")
        event(shown, "gone")
        assert found() == {}
        control.do("announce")
        event(shown, "found")


def test_a_reboot_says_goodbye_and_a_crash_does_not():
    with watching() as shown, kitchen() as (_, control):
        event(shown, "found")
        control.do("reboot 5")  # within a second it would not have been gone: RFC 6762, 10.1
        event(shown, "gone")
        event(shown, "found")
        seen = len(shown.seen)
        control.do("crash 0")
        control.wait_for("on")
        assert found("kitchen")["kitchen"]
        shown.drain()
        assert not [line for line in shown.seen[seen:] if '"gone"' in line]


def test_an_address_that_changes_is_announced():
    with watching() as shown, kitchen() as (there, control):
        assert event(shown, "found")["address"] == "10.77.0.2"
        there.shell("ip addr add 10.77.0.3/24 dev eth0")
        control.do("move 10.77.0.3")
        assert event(shown, "changed")["address"] == "10.77.0.3"
        run("info", "-p", "kitchen.local").expect(0)


def test_an_interface_that_comes_later():
    with machine() as there, watching() as shown:
        there.sim("0.0.0.0:6053", "--name", "kitchen", "--mdns")
        with cable(there, "v0", "10.77.0.1/24", "10.77.0.2/24"):
            assert event(shown, "found")["address"] == "10.77.0.2"


def test_a_key_changes_what_is_told():
    with kitchen("--provisionable"):
        assert not found("kitchen")["kitchen"]["encrypted"]
        assert give_key("10.77.0.2:6053", KEY)
        is_encrypted = lambda devices: devices["kitchen"]["encrypted"]
        assert is_encrypted(found("kitchen", that=is_encrypted))
        run("info", "-p", "kitchen.local", BLEPROXY_NOISE_PSK=KEY).expect(0)


def test_without_the_option_nothing_is_said():
    with machine() as there, cable(there, "v0", "10.77.0.1/24", "10.77.0.2/24"):
        there.sim("10.77.0.2:6053", "--name", "kitchen")
        with Client("10.77.0.2:6053", HELLO) as client:
            client.wait_for(HELLO_RESPONSE)
        assert found() == {}


def test_beside_avahi():
    if not shutil.which("avahi-daemon"):
        print("# avahi-daemon is not installed: not tried")
        return
    with machine() as there, cable(there, "v0", "10.77.0.1/24", "10.77.0.2/24"):
        daemon, log = avahi(there.shell, there.command, "attic", "attic")
        try:
            log.wait_for('Service "attic"')
            there.sim("10.77.0.2:6053", "--name", "kitchen", "--mdns")
            assert found("attic", "kitchen").keys() >= {"attic", "kitchen"}
            for name in ("kitchen.local", "attic.local"):
                run("info", "-p", name).expect(0)
            assert daemon.poll() is None
        finally:
            daemon.kill()
            daemon.wait()


main(globals())
