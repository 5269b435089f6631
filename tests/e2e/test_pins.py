#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Which proxy the command goes through: pins of the configuration, and bonds that outlive it."""
import contextlib
import os
import tempfile

from support import closed_port, home, main, run, sim, write

BATTERY = "A4:C1:38:80:00:00"


@contextlib.contextmanager
def house():
    """Two proxies that hear the same devices; the value is the text of their entries in a configuration, by name."""
    with sim("--latency", "0", count=2) as proxies:
        yield {name: f"  - name: {name}\n    address: {address.split(':')[0]}\n    port: {address.split(':')[1]}\n"
               for name, address in zip(("kitchen", "attic"), proxies)}


@contextlib.contextmanager
def fresh_state():
    with tempfile.TemporaryDirectory(dir=home.name) as folder:
        yield {"XDG_STATE_HOME": folder}


def configure(*entries, devices=""):
    return write("pins.yaml", "proxies:\n" + "".join(entries) + (f"devices:\n{devices}" if devices else ""))


def proxy_used(config, *arguments, **more):
    """Through which proxy a command goes that says so."""
    return run("clear-cache", "-c", config, BATTERY, "--json", *arguments, **more).expect(0).objects()[0]["proxy"]


def test_pins_of_devices_and_of_proxies():
    with house() as proxies, fresh_state() as state:
        kitchen, attic = proxies["kitchen"], proxies["attic"]
        for name in proxies:
            other = "attic" if name == "kitchen" else "kitchen"
            for pin in (f"prefer: {name}", f"only: [{name}]", f"deny: {other}"):
                config = configure(kitchen, attic, devices=f"  - address: {BATTERY}\n    name: battery\n    {pin}\n")
                assert proxy_used(config, **state) == name, pin
            for entry in (f"{proxies[name]}    prefer: {BATTERY}\n{proxies[other]}",
                          f"{proxies[name]}{proxies[other]}    deny: [{BATTERY}]\n",
                          f"{proxies[name]}{proxies[other]}    only: AA:AA:AA:AA:AA:AA\n"):
                assert proxy_used(configure(entry), **state) == name, entry


def test_pinned_to_a_proxy_that_is_not_there():
    with house() as proxies, closed_port() as nobody, fresh_state() as state:
        shed = f"  - name: shed\n    address: 127.0.0.1\n    port: {nobody.split(':')[1]}\n"
        config = configure(proxies["kitchen"], shed, devices=f"  - address: {BATTERY}\n    only: shed\n")
        run("services", "-c", config, BATTERY, "-t", "2", **state).expect(
            5, "it may only be connected through shed, which is not connected")


def test_contradictions_are_told_with_their_lines():
    entry = "  - name: kitchen\n    address: 127.0.0.1\n"
    for devices, words in ((f"  - address: {BATTERY}\n    prefer: kitchen\n    deny: kitchen\n",
                            f"pins.yaml:7: 'kitchen' is denied for {BATTERY} here, and preferred in line 6"),
                           (f"  - address: {BATTERY}\n    only: kichen\n",
                            "pins.yaml:6: there is no proxy 'kichen'; did you mean 'kitchen'?")):
        run("scan", "-c", configure(entry, devices=devices), "-t", "1").expect(2, words)


def test_a_bond_binds_to_its_proxy_until_it_is_forgotten():
    with house() as proxies, fresh_state() as state:
        both, kitchen_only = (configure_as(name, *entries) for name, entries in
                              (("both.yaml", proxies.values()), ("kitchen.yaml", [proxies["kitchen"]])))
        lock = run("pair", "-c", both, "-p", "attic", "Virtual Lock", "--json", **state).expect(0).objects()[0]
        assert lock["proxy"] == "attic" and lock["paired"] is True
        assert os.stat(os.path.join(state["XDG_STATE_HOME"], "bleproxy", "bonds")).st_mode & 0o777 == 0o600
        for _ in range(3):
            assert run("clear-cache", "-c", both, lock["address"], "--json", **state).expect(0).objects()[0]["proxy"] == "attic"
        run("services", "-c", kitchen_only, lock["address"], "-t", "2", **state).expect(
            5, "its bond is on attic, which is not connected")

        moved = run("pair", "-c", both, "-p", "kitchen", lock["address"], "--json", **state).expect(0).objects()[0]
        assert moved["proxy"] == "kitchen"
        run("services", "-c", kitchen_only, lock["address"], **state).expect(0)
        run("unpair", "-c", both, "-p", "attic", lock["address"], **state).expect(0, "its bond with kitchen stays")
        assert "attic" not in run("unpair", "-c", both, lock["address"], **state).expect(0).out
        run("unpair", "-c", both, lock["address"], "--forget", **state).expect(6, "no bond of it is known here")

        run("pair", "-c", both, "-p", "attic", lock["address"], **state).expect(0)
        run("unpair", "-c", both, "Virtual Lock", "--forget", **state).expect(2, "address")
        forgotten = run("unpair", "-c", kitchen_only, lock["address"], "--forget", "--json", **state).expect(0).objects()[0]
        assert forgotten == {"address": lock["address"], "unpaired": True, "proxy": None}
        run("services", "-c", kitchen_only, lock["address"], **state).expect(0)


def configure_as(name, *entries):
    return write(name, "proxies:\n" + "".join(entries))


def test_a_damaged_record_of_bonds_is_kept_and_said():
    with house() as proxies, fresh_state() as state:
        config = configure(*proxies.values())
        run("pair", "-c", config, "Virtual Lock", **state).expect(0)
        bonds = os.path.join(state["XDG_STATE_HOME"], "bleproxy", "bonds")
        with open(bonds, "r+b") as file:
            file.seek(20)
            file.write(b"\xff")
        run("services", "-c", config, "Virtual Battery", **state).expect(0, "the record of bonds is damaged")
        assert os.path.exists(bonds + ".damaged")


main(globals())
