#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy devices: who hears what."""
import contextlib
import re
import signal
import time

from fake_proxy import FakeProxy
from support import PATIENCE_S, Terminal, closed_port, given_time, hear, main, run, sim, start, width, write

KEYS = ["address", "address_type", "name", "configured_name", "owner", "connectable", "age", "interval", "reports", "heard_by"]
HEARD_KEYS = ["proxy", "source", "rssi", "smoothed", "age"]
ADDRESS = r"([0-9A-F]{2}:){5}[0-9A-F]{2}"


def both(proxies):
    return [argument for proxy in proxies for argument in ("-p", proxy)]


def anything(result):
    return result.code == 0 and result.out


def listed(is_enough, *arguments, **more):
    """The terminal on which it has listed them, given time to hear enough."""
    def attempt(seconds):
        terminal = Terminal("devices", *arguments, "-t", str(seconds), **more)
        return terminal.close(), terminal
    code, terminal = given_time(attempt, lambda outcome: outcome[0] == 0 and is_enough(outcome[1].seen.decode()))
    assert code == 0
    return terminal


def shared_by_two(objects):
    return [o for o in objects if len(o["heard_by"]) == 2]


def heard_in_variety(result):
    objects = result.objects()
    shared = shared_by_two(objects)
    return (len(objects) > 20 and len(shared) > 5 and any(o["interval"] for o in objects) and
            any(o["heard_by"][0]["smoothed"] for o in shared))


def test_json_is_one_object_per_device_in_the_documented_shape():
    with sim(count=2) as proxies:
        objects = hear(heard_in_variety, "devices", *both(proxies), "--json").expect(0, "not encrypted").objects()
    assert len(objects) > 20
    assert len({o["address"] for o in objects}) == len(objects)
    for o in objects:
        assert list(o) == KEYS, o
        assert re.fullmatch(ADDRESS, o["address"]) and o["address_type"] in (0, 1)
        assert o["name"] is None or o["name"]
        assert o["owner"] in ("sim-proxy-1", "sim-proxy-2") and o["connectable"] is True
        assert 0 <= o["age"] < 60 and o["reports"] >= 1
        assert o["interval"] is None or 0 < o["interval"] < 60
        assert 1 <= len(o["heard_by"]) <= 2
        for hearing in o["heard_by"]:
            assert list(hearing) == HEARD_KEYS and re.fullmatch(ADDRESS, hearing["source"])
            assert -127 < hearing["rssi"] < 0 and 0 <= hearing["age"] < 60
            assert hearing["smoothed"] is None or -127 < hearing["smoothed"] < 0
    shared = shared_by_two(objects)
    assert len(shared) > 5 and all(o["heard_by"][0]["proxy"] == o["owner"] for o in shared)
    assert any(o["interval"] for o in objects) and any(o["heard_by"][0]["smoothed"] for o in shared)


def test_text_names_the_owner_and_all_others():
    with sim(count=2) as proxies:
        result = hear(lambda result: re.search(r"sim-proxy-1  sim-proxy-2 -\d+  +\d", result.out) and
                      re.search(r"^[3-9]\d devices; 2 of 2", result.out, re.M) and
                      all(word in result.out for word in ("Apple, Inc.", "Virtual Battery")),
                      "devices", *both(proxies)).expect(0)
    lines = result.out.splitlines()
    assert re.fullmatch(r"ADDRESS +NAME +RSSI +OWNER +ALSO HEARD BY +AGE +INTERVAL +CONNECT  COMPANY AND SERVICES", lines[0])
    rows = lines[1:lines.index("")]
    assert len(rows) > 20 and all(re.match(ADDRESS, row) for row in rows)
    strengths = [int(re.search(r" (-\d+) ", row)[1]) for row in rows]
    assert strengths == sorted(strengths, reverse=True)
    assert any(re.search(r"sim-proxy-1  sim-proxy-2 -\d+  +\d", row) for row in rows)
    assert any("Apple, Inc." in row for row in rows) and any("Virtual Battery" in row for row in rows)
    assert lines[-1] == f"{len(rows)} devices; 2 of 2 proxies connected"
    assert "\033" not in result.out + result.error and "listening" not in result.error


def test_lines_are_cut_on_a_terminal_only():
    long = b"a very long name that no column has room for, not even a wide one"
    with FakeProxy(payloads=[bytes([len(long) + 1, 9]) + long]) as proxy:
        assert long.decode() in hear(anything, "devices", "-p", proxy.address).expect(0).out
        for columns in (200, 80, 40, 10):
            for kind in ("xterm", "dumb"):
                address = "C0:00:00:00:00:01"[:columns]
                terminal = listed(lambda text: address in text,  # pylint: disable=cell-var-from-loop
                                  "-p", proxy.address, columns=columns, NO_COLOR="1", TERM=kind)
                shown = terminal.seen.decode().split("\r\n")
                rows = [line for line in shown if line.startswith(address)]
                assert len(rows) == 1 and width(rows[0]) <= columns, shown


def test_no_number_is_cut_in_the_list_of_proxies():
    with contextlib.ExitStack() as stack:
        entries = []
        for i in range(8):
            fake = FakeProxy(payloads=[b"\x05\x09Lamp"], rssi=-60 - 4 * i, mac=b"02:00:00:00:00:%02x" % (i + 1))
            host, port = stack.enter_context(fake).address.split(":")
            entries.append("  - {name: room-%d, address: %s, port: %s}\n" % (i + 1, host, port))
        config = write("rooms.yaml", "proxies:\n" + "".join(entries))
        others = r"room-\d -\d\d,? "
        result = hear(lambda result: len(re.findall(others, result.out)) == 7, "devices", "-c", config).expect(0)
        whole = result.out.splitlines()[1]
        assert len(re.findall(others, whole)) == 7, whole
        shown = set()
        for columns in range(40, 160, 12):
            terminal = listed(lambda text: "; 8 of 8 proxies connected" in " ".join(text.split()),
                              "-c", config, columns=columns, NO_COLOR="1")
            row, = [line for line in terminal.seen.decode().split("\r\n") if line.startswith("C0:00")]
            assert width(row) <= columns
            shown |= set(re.findall(r", \+\d ", row))
            for proxy, strength in re.findall(r"(\d) (-\d+)", row.split("▂", 1)[1]):
                assert int(strength) == -56 - 4 * int(proxy), row
    assert shown, "it was never cut"


def test_progress_and_colour_on_a_terminal():
    with sim() as proxies:
        for word in ("listening: ", "s left ...", "\033[32m", "1 of 1 proxies connected"):
            assert word in listed(lambda text: "\033[32m" in text, "-p", proxies[0]).seen.decode(), word
        terminal = listed(lambda text: " dev" in text and "0 devices;" not in text, "-p", proxies[0], NO_COLOR="1")
    assert not re.search(rb"\033\[[1-9][0-9]*m", terminal.seen)


def test_filters():
    with sim() as proxies:
        named, served, strong = (hear(anything, "devices", "-p", proxies[0], "--json", *filter_).expect(0).objects()
                                 for filter_ in (("--name", "ATC_"), ("--service", "FCD2"), ("--rssi", "-60")))
    assert named and all(o["name"].startswith("ATC_") for o in named)
    assert served and strong and all(o["heard_by"][0]["rssi"] >= -60 for o in strong)
    run("devices", "--rssi", "5").expect(2, "--rssi")


def test_what_was_heard_until_an_interrupt_is_listed():
    with sim() as proxies:
        terminal = Terminal("devices", "-p", proxies[0])
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(rb"\d\d devices so far, ", terminal.seen):
            assert terminal.read(deadline)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.close() == 130
    assert "ALSO HEARD BY" in terminal.seen.decode()


def test_one_proxy_of_two_is_enough():
    with closed_port() as closed, sim() as proxies:
        result = hear(lambda result: "1 of 2" in result.out, "devices", "-p", closed, "-p", proxies[0]).expect(
            0, f"warning: {closed}: cannot connect")
        assert "1 of 2 proxies connected" in result.out
        run("devices", "-p", closed).expect(4, "cannot connect")


def test_nobody_there_is_an_empty_list():
    with FakeProxy() as proxy:
        def connected(result):
            return result.code == 0
        assert hear(connected, "devices", "-p", proxy.address, "--json").expect(0).out == ""
        assert "0 devices; 1 of 1 proxies connected" in hear(connected, "devices", "-p", proxy.address).expect(0).out


def test_hostile_names_do_no_harm():
    evil = "\033]0;owned\a\u009b2J\u202eevil\n".encode()
    wide = "温度計センサー".encode()
    payloads = [bytes([len(name) + 1, 9]) + name for name in (evil, wide)]
    with FakeProxy(name=b"bad\033[2J", payloads=payloads) as proxy:
        text = hear(lambda result: "evil" in result.out, "devices", "-p", proxy.address).expect(0)
        objects = hear(anything, "devices", "-p", proxy.address, "--json").expect(0)
    for output in (text.out, text.error, objects.out, objects.error):
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", output), repr(output)
    rows = text.out.splitlines()[1:3]
    assert len({width(row[:re.search(r" -6\d ", row).start()]) for row in rows}) == 1, "the columns are not in line"
    assert objects.objects()[0]["name"] == evil.decode()


def test_a_reader_who_leaves_ends_it_quietly():
    with sim() as proxies:
        process = start("devices", "-p", proxies[0], "-t", "5")
        process.stdout.close()
        error = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(PATIENCE_S) == 0, error


main(globals())
