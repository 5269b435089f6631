#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy why: how a device can be reached, and what stands in the way."""
import contextlib
import re
import signal
import tempfile
import time

from fake_proxy import ACTIVE_CONNECTIONS, DEVICE_REQUEST, FIRST_DEVICE, PASSIVE_SCAN, RAW_ADVERTISEMENTS, REMOTE_CACHING, FakeProxy
from support import (PATIENCE_S, SEQUENCE, Terminal, closed_port, elsewhere, given_time, hear, home, main, run, sim, start,
                     width, write)

KEYS = ["address", "name", "configured_name", "owner", "age", "interval", "heard", "explanation", "paths"]
PATH_KEYS = ["proxy", "source", "state", "error", "used", "obstacle", "preferred", "rssi", "smoothed", "score", "age",
             "remembered", "holds", "free", "limit", "allocated", "attempts", "failures", "devices"]
BATTERY = "A4:C1:38:80:00:00"
LAMP, LAMP_ADDRESS = b"\x05\x09Lamp", "C0:00:00:00:00:01"
CONNECTS = PASSIVE_SCAN | ACTIVE_CONNECTIONS | REMOTE_CACHING | RAW_ADVERTISEMENTS
FULL = {"features": CONNECTS, "slots": (2, (FIRST_DEVICE + 1, 0xA4C1380000FF))}
OTHER = b"\x05\x09Door"
WEAKER = r"  (\d+ dB less than|no better than) sim-proxy-\d$"


def options(proxies):
    return [argument for proxy in proxies for argument in ("-p", proxy)]


@contextlib.contextmanager
def fresh_state():
    with tempfile.TemporaryDirectory(dir=home.name) as folder:
        yield {"XDG_STATE_HOME": folder}


def tells(*words):
    """Whether the explanation, whose lines may be broken anywhere, has them all."""
    return lambda result: all(word in " ".join(result.out.split()) for word in words)


def rows(text):
    """The verdict on each proxy, by its name."""
    lines = text.splitlines()
    head = next(line for line in lines if line.startswith("PROXY"))
    table = lines[lines.index(head) + 1:]
    return {line.split()[0]: line for line in table[:table.index("")]}


def test_the_best_of_several_and_the_others():
    with sim(count=3) as proxies:
        began = time.monotonic()
        for device in ("Virtual Battery", BATTERY, BATTERY.lower().replace(":", "-")):
            result = run("why", *options(proxies), device).expect(0)
            lines = result.out.splitlines()
            assert re.fullmatch(BATTERY + r"  Virtual Battery   interval \d\.\d s, last heard \d\.\d s ago by sim-proxy-\d", lines[0])
            assert re.fullmatch("PROXY +RSSI +AGE +SLOTS", lines[2])
            verdicts = rows(result.out)
            assert len(verdicts) == 3
            assert all(re.match(r"sim-proxy-\d +-\d+ [▂▄▆█]+ +\d\.\d +0/3  ", row) for row in verdicts.values()), verdicts
            assert sum(row.endswith("  would be used") for row in verdicts.values()) == 1
            assert sum(bool(re.search(WEAKER, row)) for row in verdicts.values()) == 2
            assert lines[3].endswith("would be used")
            proxy, dbm = lines[3].split()[:2]
            assert lines[-1] == f"it can be connected: through {proxy} ({dbm} dBm)"
        assert time.monotonic() - began < PATIENCE_S / 2, "it does not end when all have heard it"


def test_json_is_one_object_in_the_documented_shape():
    with sim(count=2) as proxies, closed_port() as closed:
        object_, = run("why", *options([*proxies, closed]), BATTERY, "--json").expect(0).objects()
    assert list(object_) == KEYS
    assert object_["address"] == BATTERY and object_["name"] == "Virtual Battery" and object_["heard"] is True
    assert object_["owner"] in ("sim-proxy-1", "sim-proxy-2")
    assert 0 <= object_["age"] < 60 and 0 < object_["interval"] < 60
    assert "it can be connected: through " in object_["explanation"]
    best, other, dead = object_["paths"]
    for path in object_["paths"]:
        assert list(path) == PATH_KEYS
    for path in (best, other):
        assert path["obstacle"] is None and path["state"] == "connected" and path["error"] is None
        assert -127 < path["rssi"] < 0 and path["score"] < 0 and path["free"] == path["limit"] == 3
        assert path["allocated"] == [] and path["preferred"] is False and path["devices"] > 5
    assert (best["used"], other["used"], dead["used"]) == (True, False, False)
    assert best["score"] >= other["score"]
    assert dead["obstacle"] == "no_session" and "cannot connect" in dead["error"] and dead["rssi"] is None


def test_what_nobody_hears():
    with sim(count=2) as proxies, closed_port() as closed:
        def all_hear_others(result):
            return len(re.findall(r"  has not heard it, but \d+ others$", result.out, re.M)) == 2 and "down: cannot" in result.out
        result = hear(all_hear_others, "why", *options([*proxies, closed]), "AA:BB:CC:DD:EE:FF").expect(6)
        assert result.out.startswith("AA:BB:CC:DD:EE:FF   not heard\n")
        for other in ("aabbccddeeff", "aa-bb-cc-dd-ee-ff"):
            assert hear(lambda result: result.code == 6, "why", *options(proxies), other).out.startswith(
                "AA:BB:CC:DD:EE:FF   not heard\n")
        verdicts = rows(result.out)
        for name in ("sim-proxy-1", "sim-proxy-2"):
            assert re.search(r"  has not heard it, but \d+ others$", verdicts[name]), verdicts
        assert "down: cannot connect" in verdicts[closed]
        assert "check that it is on" in result.out.replace("\n", " ")
        result = hear(tells("of that name"), "why", *options(proxies), "Nobody").expect(6)
        assert "of that name" in result.out and len(rows(result.out)) == 2
        object_, = hear(lambda result: result.out.count('"not_heard"') == 2, "why", *options(proxies), "Nobody",
                        "--json").expect(6).objects()
    assert object_["address"] is None and object_["heard"] is False and len(object_["paths"]) == 2
    assert all(path["obstacle"] == "not_heard" for path in object_["paths"])


def test_a_full_proxy_and_who_holds_its_slots():
    with FakeProxy(payloads=[LAMP], **FULL) as proxy, sim() as proxies:
        result = hear(tells("full: held by", "has not heard it"), "why", *options([proxy.address, proxies[0]]), "Lamp").expect(5)
        verdicts = rows(result.out)
        assert re.search(r" 2/2  full: held by C0:00:00:00:00:02, A4:C1:38:00:00:FF$", verdicts["fake"]), verdicts
        assert "has not heard it" in verdicts["sim-proxy-1"]
        assert "slots" in result.out.splitlines()[-1] or "slots" in result.out
        object_, = hear(tells('"full"'), "why", "-p", proxy.address, LAMP_ADDRESS, "--json").expect(5).objects()
    path, = object_["paths"]
    assert path["obstacle"] == "full" and path["score"] is None and path["free"] == 0 and path["limit"] == 2 and not path["used"]
    assert path["allocated"] == ["C0:00:00:00:00:02", "A4:C1:38:00:00:FF"]


def test_a_proxy_that_makes_no_connections():
    with FakeProxy(payloads=[LAMP]) as proxy:
        result = hear(tells("makes no connections"), "why", "-p", proxy.address, "Lamp").expect(5)
    assert rows(result.out)["fake"].endswith("  makes no connections")
    assert "active: true" in result.out.replace("\n", " ")


def test_a_silent_proxy():
    with FakeProxy() as proxy, fresh_state() as state:
        result = hear(tells("has heard nothing at all for "), "why", "-p", proxy.address, "Lamp", **state).expect(6)
    assert "has heard nothing at all for " in rows(result.out)["fake"]
    assert result.out.splitlines()[-1].startswith("fake has heard nothing at all for ")


def on_terminal(code, *arguments, **more):
    """The terminal, given time to come to that exit code."""
    def attempt(seconds):
        terminal = Terminal("why", *arguments, "-t", str(seconds), **more)
        return terminal.close(), terminal
    came_to, terminal = given_time(attempt, lambda outcome: outcome[0] == code)
    assert came_to == code, terminal.seen
    return terminal


def test_lines_fit_the_terminal():
    with FakeProxy(payloads=[LAMP], **FULL) as proxy, sim() as proxies:
        for columns in (200, 80, 40, 20):
            for kind in ("xterm", "dumb"):
                terminal = on_terminal(5, *options([proxy.address, proxies[0]]), "Lamp", columns=columns, TERM=kind, NO_COLOR="1")
                text = terminal.seen.decode()
                shown = text[text.rindex("C0:00"):].split("\r\n")
                assert all(width(line) <= columns for line in shown), shown
                assert "fake" in text and "\033[3" not in text
        terminal = Terminal("why", "-p", proxies[0], BATTERY)
        terminal.wait_for("\033[32mwould be used")
        assert terminal.close() == 0


def test_hostile_names():
    evil = "\033]0;owned\a\u009b2J\u202eevil".encode()
    with FakeProxy(name=b"bad\033[2J", payloads=[bytes([len(evil) + 1, 9]) + evil], **FULL) as proxy:
        text = hear(tells("evil"), "why", "-p", proxy.address, LAMP_ADDRESS).expect(5)
        objects = hear(tells("evil"), "why", "-p", proxy.address, LAMP_ADDRESS, "--json").expect(5)
    for output in (text.out, text.error, objects.out, objects.error):
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", output), repr(output)
    assert "evil" in text.out


def test_it_does_not_end_what_others_have_connected():
    with sim("--slots", "1") as proxies:
        other = start("notify", "-p", proxies[0], "Virtual Heart", "2a37", XDG_RUNTIME_DIR=elsewhere("other"))
        assert other.stdout.readline()
        result = run("why", "-p", proxies[0], "Virtual Battery").expect(5)
        other.send_signal(signal.SIGINT)
        other.communicate(timeout=PATIENCE_S)
    assert re.search(r" 1/1  full: held by ([0-9A-F]{2}:){5}[0-9A-F]{2}$", rows(result.out)["sim-proxy-1"]), result.out


def test_misuse():
    run("why").expect(2, "usage")
    run("why", "").expect(2)
    run("why", "a", "b").expect(2, "usage")


def test_without_any_proxy_they_are_told_all_the_same():
    with closed_port() as closed:
        for device, address in (("Lamp", None), (LAMP_ADDRESS, LAMP_ADDRESS)):
            result = run("why", "-p", closed, device).expect(4, "cannot connect")
            assert "down: cannot connect" in rows(result.out)[closed]
            assert result.out.splitlines()[-1].startswith("no proxy is connected")
            object_, = run("why", "-p", closed, device, "--json").expect(4).objects()
            assert list(object_) == KEYS and object_["address"] == address and len(object_["paths"]) == 1


def hearing(payload, **more):
    """A proxy that has heard one device when it was connected, and nothing since."""
    return FakeProxy(payloads=[payload], **{"name": b"bedroom", "features": CONNECTS, "slots": (3, ()), **more})


def test_what_was_heard_in_an_earlier_run_is_said_to_be_so():
    with fresh_state() as state:
        with hearing(LAMP) as bedroom:
            result = hear(tells("it can be connected"), "why", "-p", bedroom.address, "Lamp", **state).expect(0)
            assert result.out.splitlines()[-1] == "it can be connected: through bedroom (-60 dBm)"
        with hearing(OTHER, first=0xC0000000000A) as bedroom:
            for device in ("Lamp", LAMP_ADDRESS):
                result = hear(tells("but not since the proxy was connected"), "why", "-p", bedroom.address, device,
                              **state).expect(0)
                lines = result.out.splitlines()
                assert re.fullmatch(LAMP_ADDRESS + r"  Lamp   not heard; in an earlier run \d+ s ago by bedroom", lines[0]), lines
                assert rows(result.out)["bedroom"].endswith("  would be tried: heard it in an earlier run")
                assert re.fullmatch(r"it would be tried through bedroom, which heard it \d+ s ago \(-60 dBm\), but not since the "
                                    "proxy was connected", lines[-1]), lines
            object_, = hear(tells('"used":true'), "why", "-p", bedroom.address, "Lamp", "--json", **state).expect(0).objects()
            assert object_["name"] == "Lamp" and object_["address"] == LAMP_ADDRESS and object_["heard"] is False
            assert object_["paths"][0]["remembered"] is True and object_["paths"][0]["used"] is True
            # and it is tried
            def is_tried(_):
                return DEVICE_REQUEST in [kind for kind, _ in bedroom.received]
            result = hear(is_tried, "read", "-p", bedroom.address, "Lamp", "2a19", **state).expect(5)
            assert is_tried(result)
        with FakeProxy(mac=b"02:00:00:00:00:02") as other:
            assert "not heard\n" in hear(lambda result: result.code == 6, "why", "-p", other.address, "Lamp", **state).expect(6).out


def test_a_device_that_another_program_has_connected():
    with fresh_state() as state:
        with hearing(LAMP) as bedroom:
            hear(tells("it can be connected"), "why", "-p", bedroom.address, "Lamp", **state).expect(0)
        with hearing(OTHER, first=0xC0000000000A) as bedroom, \
                hearing(OTHER, first=0xC0000000000B, name=b"kitchen", mac=b"02:00:00:00:00:02", slots=(1, (FIRST_DEVICE,))) as kitchen:
            both = options([bedroom.address, kitchen.address])
            began = time.monotonic()
            for device in ("Lamp", LAMP_ADDRESS):
                result = run("why", *both, device, "-t", str(PATIENCE_S), **state).expect(5)
                assert result.out.splitlines()[-1] == ("it is connected through kitchen, by another program: connected devices do "
                                                       "not advertise")
                verdicts = rows(result.out)
                assert verdicts["kitchen"].endswith("  1/1  has it connected, for another program")
                assert verdicts["bedroom"].endswith("  hears it no more: it is connected through kitchen")
            assert time.monotonic() - began < PATIENCE_S, "it waits for what will not come"
            object_, = run("why", *both, "Lamp", "--json", **state).expect(5).objects()
    assert {path["proxy"]: (path["obstacle"], path["holds"], path["used"]) for path in object_["paths"]} == {
        "kitchen": ("connected", True, False), "bedroom": ("connected", False, False)}


def test_who_does_not_hear_it_is_not_waited_for_to_the_end():
    with hearing(OTHER, first=0xC0000000000A, mac=b"02:00:00:00:00:02") as deaf, sim() as proxies:
        began = time.monotonic()
        result = run("why", *options([deaf.address, *proxies]), "Virtual Battery", "-t", "120").expect(0)
        assert time.monotonic() - began < PATIENCE_S
    assert re.search("has (not heard it, but 1 other|heard nothing at all for)", rows(result.out)["bedroom"])


def test_the_last_slot_and_what_the_configuration_says():
    with hearing(LAMP, slots=(1, ())) as bedroom, hearing(LAMP, name=b"attic", mac=b"02:00:00:00:00:02", rssi=-80) as attic:
        both = options([bedroom.address, attic.address])
        verdicts = rows(hear(tells("would be used", " dB less than"), "why", *both, "Lamp").expect(0).out)
        assert verdicts["bedroom"].endswith("  would be used (3 dB off for its last slot)"), verdicts
        assert verdicts["attic"].endswith("  17 dB less than bedroom"), verdicts
        entries = "".join(f"  - name: {name}\n    address: 127.0.0.1\n    port: {proxy.address.split(':')[1]}\n"
                          for name, proxy in (("bedroom", bedroom), ("attic", attic)))
        for pin, bedroom_is, attic_is in (
                ("deny: bedroom", "the configuration denies it", "would be used"),
                ("only: attic", "the configuration allows only others", "would be used"),
                ("prefer: attic", "the configuration prefers attic", "would be used; the configuration prefers it")):
            config = write("why.yaml", f"proxies:\n{entries}devices:\n  - address: {LAMP_ADDRESS}\n    {pin}\n")
            verdicts = rows(hear(tells(bedroom_is, attic_is), "why", "-c", config, LAMP_ADDRESS).expect(0).out)
            assert verdicts["bedroom"].endswith("  " + bedroom_is) and verdicts["attic"].endswith("  " + attic_is), verdicts


def test_what_a_bond_is_up_against():
    with sim("--latency", "0", count=2) as proxies, fresh_state() as state:
        kitchen, attic = (f"  - name: {name}\n    address: 127.0.0.1\n    port: {proxy.split(':')[1]}\n"
                          for name, proxy in zip(("kitchen", "attic"), proxies))
        both = write("both.yaml", f"proxies:\n{kitchen}{attic}")
        lock, = run("pair", "-c", both, "-p", "attic", "Virtual Lock", "--json", **state).expect(0).objects()
        denied = write("denied.yaml", f"proxies:\n{kitchen}{attic}devices:\n  - address: {lock['address']}\n    deny: attic\n")
        for arguments, words in ((["-c", write("kitchen.yaml", f"proxies:\n{kitchen}")],
                                  "its bond is on attic, which is not in the configuration: add it, or "),
                                 (["-c", both, "-p", "kitchen"],
                                  "its bond is on attic, which is not among the proxies that -p names: add it, or "),
                                 (["-c", denied], "its bond is on attic, but attic may not be used for it ('deny'): allow it, or ")):
            result = run("why", *arguments, lock["address"], **state).expect(5)
            assert result.out.splitlines()[-1].startswith(words), result.out
            assert rows(result.out)["kitchen"].endswith("  its bond is on attic")


def test_nothing_that_matters_is_cut():
    with closed_port() as closed, hearing(LAMP) as bedroom, fresh_state() as state:
        terminal = on_terminal(0, *options([bedroom.address, closed]), "Lamp", columns=80, NO_COLOR="1", **state)
        text = SEQUENCE.sub("", terminal.seen.decode())
    assert "down: cannot connect to " + closed + ": Connection refused" in " ".join(text.split()), text


def test_an_interrupt_tells_what_is_known():
    with sim() as proxies:
        def attempt(seconds):
            terminal, at = Terminal("why", "-p", proxies[0], "AA:BB:CC:DD:EE:FF", "-t", str(PATIENCE_S)), 0
            for _ in range(1 + int(seconds)):
                at = terminal.wait_for("listening for AA:BB:CC:DD:EE:FF, ", after=at)
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.close() == 130
            return terminal.seen.decode()

        def is_known(text):
            return "has not heard it" in text
        assert is_known(given_time(attempt, is_known))


main(globals())
