#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Which proxy the command goes through: pins of the configuration, and bonds that outlive it."""
import contextlib
import os
import re
import tempfile

from support import closed_port, given_time, home, main, run, sim, write

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


def proxy_used(config, preferred=None, **more):
    """Through which proxy a command goes that says so. For one that is only preferred, and not connected soon enough, it does
    not wait: the next time it may be."""
    return given_time(lambda _: run("clear-cache", "-c", config, BATTERY, "--json", **more).expect(0).objects()[0]["proxy"],
                      lambda proxy: proxy == preferred or not preferred)


def test_pins_of_devices_and_of_proxies():
    with house() as proxies, fresh_state() as state:
        kitchen, attic = proxies["kitchen"], proxies["attic"]
        for name in proxies:
            other = "attic" if name == "kitchen" else "kitchen"
            for pin in (f"prefer: {name}", f"only: [{name}]", f"deny: {other}"):
                config = configure(kitchen, attic, devices=f"  - address: {BATTERY}\n    name: battery\n    {pin}\n")
                assert proxy_used(config, name if "prefer" in pin else None, **state) == name, pin
            for entry in (f"{proxies[name]}    prefer: {BATTERY}\n{proxies[other]}",
                          f"{proxies[name]}{proxies[other]}    deny: [{BATTERY}]\n",
                          f"{proxies[name]}{proxies[other]}    only: AA:AA:AA:AA:AA:AA\n"):
                assert proxy_used(configure(entry), name if "prefer" in entry else None, **state) == name, entry


def judge(config, code=0, **more):
    """What 'bleproxy why' says: the verdicts on the two proxies by their names, the JSON of each, the explanation."""
    text = run("why", "-c", config, BATTERY, **more).expect(code).out
    found, = run("why", "-c", config, BATTERY, "--json", **more).expect(code).objects()
    verdicts = {match[1]: match[2] for match in re.finditer(r"^(kitchen|attic) .*\d/\d  (.*)$", text, re.MULTILINE)}
    return verdicts, {path["proxy"]: path for path in found["paths"]}, found["explanation"]


def test_why_judges_as_a_connection_would():
    with house() as proxies, fresh_state() as state:
        kitchen, attic = proxies["kitchen"], proxies["attic"]
        for name in proxies:
            other = "attic" if name == "kitchen" else "kitchen"
            device = f"  - address: {BATTERY}\n    "
            pins = {configure_as(f"{number}.yaml", *entries): obstacle for number, (obstacle, *entries) in enumerate((
                ("preferred", kitchen, attic, f"devices:\n{device}prefer: {name}\n"),
                ("preferred", proxies[other], f"{proxies[name]}    prefer: {BATTERY}\n"),
                ("not_allowed", kitchen, attic, f"devices:\n{device}only: {name}\n"),
                ("denied", kitchen, attic, f"devices:\n{device}deny: {other}\n"),
                ("denied", proxies[name], f"{proxies[other]}    deny: {BATTERY}\n"),
                ("reserved", proxies[name], f"{proxies[other]}    only: AA:AA:AA:AA:AA:AA\n")))}
            for config, obstacle in pins.items():
                verdicts, paths, explanation = judge(config, **state)
                assert paths[name]["used"] and not paths[other]["used"], (config, paths)
                assert f"connected: through {name} " in explanation
                assert paths[name]["preferred"] == (obstacle == "preferred") and paths[name]["obstacle"] is None
                assert paths[other]["obstacle"] == (None if obstacle == "preferred" else obstacle)
                assert verdicts == {
                    "preferred": {name: "would be used; the configuration prefers it",
                                  other: f"the configuration prefers {name}"},
                    "not_allowed": {name: "would be used", other: "the configuration allows only others"},
                    "denied": {name: "would be used", other: "the configuration denies it"},
                    "reserved": {name: "would be used", other: "the configuration keeps it for other devices"}}[obstacle]


def test_no_proxy_is_left_by_pins():
    with house() as proxies, fresh_state() as state:
        config = configure(*proxies.values(), devices=f"  - address: {BATTERY}\n    deny: [kitchen, attic]\n")
        verdicts, paths, explanation = judge(config, 5, **state)
        assert verdicts == {name: "the configuration denies it" for name in proxies}
        assert not any(path["used"] for path in paths.values()) and "change 'only' and 'deny'" in explanation
        run("read", "-c", config, BATTERY, "battery_level", "-t", "2", **state).expect(5, "change 'only' and 'deny'")


def test_a_pin_names_a_proxy_by_what_it_calls_itself_or_is_called_here():
    with sim("--latency", "0", "--name", "attic") as proxies, fresh_state() as state:
        for name in ("attic", "upstairs"):
            config = write("names.yaml", f"proxies:\n  - {{name: {name}, address: 192.0.2.1}}\n"
                                         f"devices:\n  - {{address: '{BATTERY}', deny: {name}}}\n")
            found, = run("why", "-c", config, "-p", proxies[0], BATTERY, "--json", **state).expect(5 if name == "attic" else 0).objects()
            path, = found["paths"]
            assert path["proxy"] == "attic" and path["obstacle"] == ("denied" if name == "attic" else None)
            assert "attic" in found["explanation"] and proxies[0] not in found["explanation"]
        address = proxies[0].rsplit(":", 1)
        config = write("names.yaml", f"proxies:\n  - {{name: upstairs, address: {address[0]}, port: {address[1]}}}\n"
                                     f"devices:\n  - {{address: '{BATTERY}', deny: upstairs}}\n")
        for proxy, obstacle in ((proxies[0], None), ("upstairs", "denied")):
            found, = run("why", "-c", config, "-p", proxy, BATTERY, "--json", **state).expect(5 if obstacle else 0).objects()
            assert found["paths"][0]["obstacle"] == obstacle, proxy


def test_a_bond_is_with_the_proxy_as_it_calls_itself():
    with sim("--latency", "0", "--name", "cellar") as proxies, sim("--name", "loft") as others, fresh_state() as state:
        lock = run("pair", "-p", proxies[0], "Virtual Lock", "--json", **state).expect(0).objects()[0]["address"]
        run("services", "-p", others[0], lock, "-t", "2", **state).expect(5, "its bond is on cellar, which is not connected")


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
