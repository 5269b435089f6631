#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy why: how a device can be reached, and what stands in the way."""
import re
import signal
import time

from fake_proxy import ACTIVE_CONNECTIONS, FIRST_DEVICE, PASSIVE_SCAN, RAW_ADVERTISEMENTS, FakeProxy
from support import PATIENCE_S, Terminal, closed_port, elsewhere, main, run, sim, start, width

KEYS = ["address", "name", "owner", "age", "interval", "heard", "explanation", "paths"]
PATH_KEYS = ["proxy", "source", "state", "error", "used", "obstacle", "preferred", "rssi", "smoothed", "score", "age", "free",
             "limit", "allocated", "attempts", "failures", "devices"]
BATTERY = "A4:C1:38:80:00:00"
LAMP, LAMP_ADDRESS = b"\x05\x09Lamp", "C0:00:00:00:00:01"
FULL = {"features": PASSIVE_SCAN | ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS, "slots": (2, (FIRST_DEVICE, 0xA4C1380000FF))}


def options(proxies):
    return [argument for proxy in proxies for argument in ("-p", proxy)]


def rows(text):
    """The verdict on each proxy, by its name."""
    lines = text.splitlines()
    head = next(line for line in lines if line.startswith("PROXY"))
    table = lines[lines.index(head) + 1:]
    return {line.split()[0]: line for line in table[:table.index("")]}


def test_the_best_of_several_and_the_others():
    with sim(count=3) as proxies:
        began = time.monotonic()
        for device in ("Virtual Battery", BATTERY, BATTERY.lower().replace(":", "")):
            result = run("why", *options(proxies), device).expect(0)
            lines = result.out.splitlines()
            assert re.fullmatch(BATTERY + r"  Virtual Battery   interval \d\.\d s, last heard \d\.\d s ago by sim-proxy-\d", lines[0])
            assert re.fullmatch("PROXY +RSSI +AGE +FREE +SCORE", lines[2])
            verdicts = rows(result.out)
            assert len(verdicts) == 3
            assert all(re.match(r"sim-proxy-\d +-\d+ [▂▄▆█]+ +\d\.\d +3/3 +-\d+  ", row) for row in verdicts.values()), verdicts
            assert sum(row.endswith("  would be used") for row in verdicts.values()) == 1
            assert sum(bool(re.search(r"  \d+ dB less than sim-proxy-\d$", row)) for row in verdicts.values()) == 2
            assert lines[3].endswith("would be used")
            assert "it can be connected: through " in lines[-1] and lines[3].split()[0] in lines[-1]
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
        result = run("why", *options([*proxies, closed]), "AA:BB:CC:DD:EE:FF", "-t", "3").expect(6)
        assert result.out.startswith("AA:BB:CC:DD:EE:FF   not heard\n")
        verdicts = rows(result.out)
        for name in ("sim-proxy-1", "sim-proxy-2"):
            assert re.search(r" -  has not heard it, but \d\d others$", verdicts[name]), verdicts
        assert "down: cannot connect" in verdicts[closed]
        assert "check that it is on" in result.out.replace("\n", " ")
        result = run("why", *options(proxies), "Nobody", "-t", "3").expect(6)
        assert "of that name" in result.out and len(rows(result.out)) == 2
        object_, = run("why", *options(proxies), "Nobody", "-t", "2", "--json").expect(6).objects()
    assert object_["address"] is None and object_["heard"] is False and len(object_["paths"]) == 2
    assert all(path["obstacle"] == "not_heard" for path in object_["paths"])


def test_a_full_proxy_and_who_holds_its_slots():
    with FakeProxy(payloads=[LAMP], **FULL) as proxy, sim() as proxies:
        result = run("why", *options([proxy.address, proxies[0]]), "Lamp", "-t", "3").expect(0)
        verdicts = rows(result.out)
        assert re.search(r" 0/2 +-\d+  full: Lamp, A4:C1:38:00:00:FF$", verdicts["fake"]), verdicts
        assert "has not heard it" in verdicts["sim-proxy-1"]
        assert "slots" in result.out.splitlines()[-1] or "slots" in result.out
        object_, = run("why", "-p", proxy.address, LAMP_ADDRESS, "-t", "3", "--json").expect(0).objects()
    path, = object_["paths"]
    assert path["obstacle"] == "full" and path["free"] == 0 and path["limit"] == 2 and not path["used"]
    assert path["allocated"] == [LAMP_ADDRESS, "A4:C1:38:00:00:FF"]


def test_a_proxy_that_makes_no_connections():
    with FakeProxy(payloads=[LAMP]) as proxy:
        result = run("why", "-p", proxy.address, "Lamp", "-t", "2").expect(0)
    assert rows(result.out)["fake"].endswith("  makes no connections")
    assert "active: true" in result.out.replace("\n", " ")


def test_a_silent_proxy():
    with FakeProxy() as proxy:
        result = run("why", "-p", proxy.address, "Lamp", "-t", "12").expect(6)
    assert "has heard nothing at all for 1" in rows(result.out)["fake"]


def test_lines_fit_the_terminal():
    with FakeProxy(payloads=[LAMP], **FULL) as proxy, sim() as proxies:
        for columns in (200, 80, 40, 20):
            for kind in ("xterm", "dumb"):
                terminal = Terminal("why", *options([proxy.address, proxies[0]]), "Lamp", "-t", "2", columns=columns,
                                    TERM=kind, NO_COLOR="1")
                assert terminal.close() == 0
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
        text = run("why", "-p", proxy.address, LAMP_ADDRESS, "-t", "2").expect(0)
        objects = run("why", "-p", proxy.address, LAMP_ADDRESS, "-t", "2", "--json").expect(0)
    for output in (text.out, text.error, objects.out, objects.error):
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", output), repr(output)
    assert "evil" in text.out


def test_it_does_not_end_what_others_have_connected():
    with sim("--slots", "1") as proxies:
        other = start("notify", "-p", proxies[0], "Virtual Heart", "2a37", XDG_RUNTIME_DIR=elsewhere("other"))
        assert other.stdout.readline()
        result = run("why", "-p", proxies[0], "Virtual Battery").expect(0)
        other.send_signal(signal.SIGINT)
        other.communicate(timeout=PATIENCE_S)
    assert re.search(r" 0/1 +-\d+  full: ([0-9A-F]{2}:){5}[0-9A-F]{2}$", rows(result.out)["sim-proxy-1"]), result.out


def test_misuse():
    run("why").expect(2, "usage")
    run("why", "").expect(2)
    run("why", "a", "b").expect(2, "usage")
    run("why", "-p", "127.0.0.1:1", "Lamp", "-t", "1").expect(4, "cannot connect")


def test_an_interrupt_tells_what_is_known():
    with sim() as proxies:
        terminal = Terminal("why", "-p", proxies[0], "AA:BB:CC:DD:EE:FF")
        terminal.wait_for("listening for AA:BB:CC:DD:EE:FF, ")
        terminal.wait_for("listening for AA:BB:CC:DD:EE:FF, ", after=len(terminal.seen))
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.close() == 130
    assert "has not heard it" in terminal.seen.decode()


main(globals())
