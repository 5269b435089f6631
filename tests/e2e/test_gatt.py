#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy services, read, write, notify, pair, unpair, clear-cache, params and slots, against virtual devices."""
import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile

from fake_proxy import ACTIVE_CONNECTIONS, RAW_ADVERTISEMENTS, FakeProxy
from support import BLEPROXY, KEY, PATIENCE_S, Result, closed_port, environment, given_time, home, main, run, sim, start, write

UART_ECHO = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
UART_INPUT = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
UART_STORE = "6e400004-b5a3-f393-e0a9-e50e24dcca9e"


@contextlib.contextmanager
def house(*options, **more):
    with sim("--latency", "0", "--name", "attic", *options, **more) as proxies:
        yield proxies[0]


@contextlib.contextmanager
def fresh_state():
    with tempfile.TemporaryDirectory(dir=home.name) as folder:
        yield {"XDG_STATE_HOME": folder}


def talk(proxy, command, *arguments, **more):
    return run(command, "-p", proxy, *arguments, **more)


def given(is_enough, proxy, *arguments):
    """Time to be as far as that."""
    return given_time(lambda seconds: talk(proxy, *arguments, "-t", str(seconds)), is_enough)


def test_services_as_text_and_json():
    with house() as proxy:
        text = talk(proxy, "services", "Virtual Battery").expect(0).out
        tree = talk(proxy, "services", "Virtual Battery", "--json").expect(0).objects()[0]
    assert re.search(r"^@\d+ +180f  Battery", text, re.M) and re.search(r"2a19  Battery Level  \[read, notify\]", text)
    assert re.search(r"^    @\d+ +2902  Client Characteristic Configuration", text, re.M)
    assert set(tree) == {"address", "mtu", "services"} and tree["mtu"] >= 23
    service = next(s for s in tree["services"] if s["uuid"].startswith("0000180f"))
    assert set(service) == {"uuid", "handle", "characteristics"}
    level = service["characteristics"][0]
    assert set(level) == {"uuid", "handle", "properties", "descriptors"}
    assert level["uuid"] == "00002a19-0000-1000-8000-00805f9b34fb" and level["properties"] == ["read", "notify"]
    assert [set(d) for d in level["descriptors"]] == [{"uuid", "handle"}]


def test_a_value_is_read_by_name_by_uuid_and_by_handle():
    with house() as proxy:
        by_name = talk(proxy, "read", "Virtual Battery", "battery_level", "--json").expect(0).objects()[0]
        handle = by_name["handle"]
        values = [talk(proxy, "read", by_name["address"], char, "--json").expect(0).objects()[0]
                  for char in ("2a19", "0x2A19", "Battery Level", "00002a19-0000-1000-8000-00805f9b34fb", f"@{handle}",
                               f"@{handle:#x}", str(handle))]
        text = talk(proxy, "read", "Virtual Battery", "battery_level").expect(0).out
        words = talk(proxy, "read", "Virtual Battery", "manufacturer_name_string").expect(0).out
        assert talk(proxy, "read", "Virtual Battery", "2a19", "--json").error == ""
    assert set(by_name) == {"address", "uuid", "handle", "value"}
    for value in values:  # the level may fall meanwhile
        assert {**value, "value": by_name["value"]} == by_name, values
    assert re.fullmatch(r"[0-9a-f]{2}  \d+ %\n", text), text
    assert re.fullmatch(r'[0-9a-f]+  "?[A-Za-z ]+"?\n', words), words


def test_a_written_value_is_echoed_in_every_form():
    with house() as proxy:
        run("notify", "-p", proxy, "Virtual UART", UART_ECHO, "-n", "1", "-t", "1", "--json").expect(5, "0 of 1 values came")
        talk(proxy, "write", "Virtual UART", UART_INPUT, "00 01:ff").expect(0)
        echoed = talk(proxy, "write", "Virtual UART", UART_INPUT, "--text", "hello", "--json").expect(0).objects()[0]
        path = write("value", "x" * 20)
        talk(proxy, "write", "Virtual UART", UART_INPUT, "--file", path, "--no-response").expect(0)
        talk(proxy, "write", "Virtual UART", UART_STORE, "--text", "--", "-hello").expect(0)
        stored = talk(proxy, "read", "Virtual UART", UART_STORE).expect(0).out
    assert echoed["value"] == b"hello".hex()
    assert stored == b"-hello".hex() + '  "-hello"\n'


def test_heart_beats_come_as_lines():
    with house() as proxy:
        text = talk(proxy, "notify", "Virtual Heart", "heart_rate_measurement", "-n", "2").expect(0).out
        objects = talk(proxy, "notify", "Virtual Heart", "2a37", "-n", "2", "-t", "30", "--json").expect(0).objects()
    assert len(text.splitlines()) == 2 and "bpm" in text
    assert len(objects) == 2 and all(set(o) == {"time", "address", "uuid", "handle", "value"} for o in objects)
    assert objects[0]["time"] < objects[1]["time"]


def test_notify_ends_after_its_time():
    with house() as proxy:
        talk(proxy, "notify", "Virtual Heart", "2a37", "-t", "0.5").expect(0)


def test_pairing_opens_the_lock_and_unpairing_closes_it():
    with house() as proxy:
        tree = talk(proxy, "services", "Virtual Lock", "--json").expect(0).objects()[0]
        locked = next(c for s in tree["services"] for c in s["characteristics"]
                      if "read" in c["properties"] and len(s["uuid"]) == 36 and not s["uuid"].startswith("000018"))
        handle = f"@{locked['handle']}"
        refused = talk(proxy, "read", "Virtual Lock", handle).expect(5)
        assert re.search("pair", refused.error), refused.error
        paired = talk(proxy, "pair", "Virtual Lock", "--json").expect(0).objects()[0]
        assert paired == {"address": tree["address"], "paired": True, "proxy": "attic"}
        talk(proxy, "read", "Virtual Lock", handle).expect(0)
        talk(proxy, "unpair", "Virtual Lock").expect(0)
        talk(proxy, "read", "Virtual Lock", handle).expect(5)


def test_features_that_firmware_lacks_are_said():
    with house("--firmware", "2022.12") as proxy:
        talk(proxy, "pair", "Virtual Lock").expect(5, "2023.3")
        talk(proxy, "params", "Virtual Battery", "80", "80", "0", "600").expect(5, "2026.3")
        here = talk(proxy, "clear-cache", "Virtual Battery").expect(0, "2023.4")
        told = talk(proxy, "clear-cache", "Virtual Battery", "--json").expect(0, "2023.4").objects()[0]
        assert told["cleared"] is True and told["proxy"] is None
    assert "here only" in here.out
    with house() as proxy:
        assert "attic" in talk(proxy, "clear-cache", "Virtual Battery").expect(0).out
        assert "100.00" in talk(proxy, "params", "Virtual Battery", "80", "80", "0", "600").expect(0).out


def test_known_services_are_not_asked_for_again():
    with house() as proxy, fresh_state() as state:
        talk(proxy, "services", "Virtual Tower", **state).expect(0)
        kept = os.path.join(state["XDG_STATE_HOME"], "bleproxy", "services")
        assert os.stat(kept).st_mode & 0o777 == 0o600
        again = talk(proxy, "services", "Virtual Tower", "-vv", **state).expect(0)
        asked = talk(proxy, "services", "Virtual Tower", "--no-cache", **state).expect(0)
        assert len(re.findall(r"^@\d+", asked.out, re.M)) >= 16
        assert again.out.split("\n", 1)[1] == asked.out.split("\n", 1)[1]
        with open(kept, "r+b") as file:
            file.seek(20)
            file.write(b"\xff\xff\xff\xff")
        talk(proxy, "services", "Virtual Tower", **state).expect(0, "damaged")
        assert os.path.exists(kept + ".damaged")


def test_slots_are_in_line_and_in_the_order_of_the_configuration():
    names = ["utility room", "b", "hall", "a", "café"]
    with contextlib.ExitStack() as stack:
        proxies = [stack.enter_context(FakeProxy(features=ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS, slots=(i, ())))
                   for i in range(1, 6)]
        nobody = stack.enter_context(closed_port())
        entries = [(name, proxy.address) for name, proxy in zip(names, proxies)]
        entries.insert(2, ("dead", nobody))
        config = write("slots.yaml", "proxies:\n" + "".join(
            "  - {name: %s, address: %s, port: %s}\n" % (name, *address.split(":")) for name, address in entries))
        for _ in range(3):
            lines = run("slots", "-c", config).expect(0, "dead").out.splitlines()
            assert lines == [f"{name:12}  {i} of {i} free" for i, name in enumerate(names, 1)], lines
            objects = run("slots", "-c", config, "--json").expect(0).objects()
            assert [o["proxy"] for o in objects] == names


def test_slots_are_shown_and_watched():
    with house("--slots", "2") as proxy:
        one = run("slots", "-p", proxy, "--json").expect(0).objects()
        assert len(one) == 1 and set(one[0]) == {"proxy", "source", "free", "limit", "allocated"}
        assert one[0]["free"] == one[0]["limit"] == 2 and one[0]["allocated"] == []
        watch = start("slots", "-p", proxy, "--watch", "--json")
        assert json.loads(watch.stdout.readline())["free"] == 2
        holder = start("notify", "-p", proxy, "Virtual Heart", "2a37", "-t", "60")
        busy = json.loads(watch.stdout.readline())
        assert busy["free"] == 1
        holder.send_signal(signal.SIGINT)
        Result(holder).expect(130)
        while busy["free"] != 2:
            busy = json.loads(watch.stdout.readline())
        watch.send_signal(signal.SIGTERM)
        Result(watch).expect(130)
    with house() as proxy:
        assert run("slots", "-p", proxy).expect(0).out == "attic  3 of 3 free\n"


def test_bad_input_is_a_sentence_and_a_code():
    with house() as proxy:
        talk(proxy, "read", "Virtual Battery", "2a38").expect(5, "there is no characteristic '2a38'", "bleproxy services")
        talk(proxy, "read", "Virtual Battery", "no such thing").expect(2, "names no characteristic")
        talk(proxy, "read", "Virtual Battery", "@9999").expect(5, "there is no characteristic '@9999'")
        talk(proxy, "write", "Virtual UART", UART_INPUT, "0").expect(2, "not hexadecimal")
        talk(proxy, "write", "Virtual UART", UART_INPUT, "ab" * 513).expect(5, "too long", "512")
        talk(proxy, "write", "Virtual Heart", "2a39", "--no-response", "ab" * 300).expect(5, "too long", "--no-response")
        talk(proxy, "write", "Virtual Battery", "2a19", "00").expect(5, "WRITE_NOT_PERMITTED")
        talk(proxy, "notify", "Virtual Battery", "2a29").expect(5, "'2a29' sends no values by itself")
        talk(proxy, "notify", "Virtual Battery", "2a19", "@15").expect(5, "'@15' sends no values by itself")
        talk(proxy, "params", "Virtual Battery", "5", "5", "0", "600").expect(5, "6")
        talk(proxy, "params", "Virtual Battery", "80", "80", "0").expect(2, "usage: bleproxy params")
        talk(proxy, "read", "Virtual Nobody", "2a19").expect(6, "not heard within 10 s")
        talk(proxy, "read", "").expect(2, "usage: bleproxy read")


def test_no_command_takes_any_device_for_the_one_that_was_asked_for():
    for nobody in ("00:00:00:00:00:00", "00-00-00-00-00-00", "000000000000"):
        for command, *more in (("why",), ("services",), ("read", "2a19"), ("write", "2a19", "01"), ("notify", "2a19"), ("pair",),
                               ("unpair",), ("unpair", "--forget"), ("params", "6", "9", "0", "100"), ("clear-cache",)):
            run(command, "-p", "127.0.0.1:1", nobody, *more).expect(2, "00:00:00:00:00:00 is no device's address")


def test_an_address_with_a_part_missing_is_not_taken_for_a_name():
    for address in ("AA:BB:CC:DD:EE", "AA:BB:CC:DD:EE:F", "AA:BB:CC:DD::FF", "aa:bb:cc:dd:ee:ff:00"):
        for command, *more in (("why",), ("services",), ("read", "2a19")):
            run(command, "-p", "127.0.0.1:1", address, *more).expect(2, f"'{address}' looks like an address, which has six parts")
    for name in ("AA:BB:CC", "Time 12:30:00:00", "AA:BB:CC:DDE:FF:00"):
        run("read", "-p", "127.0.0.1:1", name, "2a19").expect(4)


def test_a_proxy_that_hears_nothing_while_it_connects_is_not_said_to_be_silent():
    with house() as proxy:
        result = talk(proxy, "read", "-t", "16", "Virtual Ghost", "2a00")
    assert result.code != 0 and "silent" not in result.error, result.error


def test_several_of_one_uuid_need_a_handle():
    with house() as proxy:
        tree = talk(proxy, "services", "Virtual Tower", "--json").expect(0).objects()[0]
        uuids = [c["uuid"] for s in tree["services"] for c in s["characteristics"]]
        double = next(u for u in uuids if uuids.count(u) > 1)
        result = talk(proxy, "read", "Virtual Tower", double).expect(5, "several characteristics")
        handle = re.search(r"@\d+", result.error.split("give the handle")[1])[0]
        talk(proxy, "read", "Virtual Tower", handle).expect(0)


def test_without_a_free_slot():
    with house("--slots", "0") as proxy:
        result = given(lambda result: "slot" in result.error, proxy, "read", "Virtual Battery", "2a19")
    assert result.code == 5 and "slot" in result.error, (result.code, result.error)


def test_a_device_that_does_not_answer():
    with house() as proxy:
        given(lambda result: result.code == 5, proxy, "services", "Virtual Ghost").expect(5)
        given(lambda result: "no answer in time" in result.error, proxy, "read", "Virtual Mute", "@14").expect(
            5, "no answer in time")


def test_several_proxies_are_one_radio_and_one_may_be_gone():
    with sim("--latency", "0", count=2) as proxies, closed_port() as nobody:
        both = run("read", "-p", proxies[0], "-p", proxies[1], "Virtual Tower", "2a00").expect(0)
        one = run("read", "-p", nobody, "-p", proxies[1], "Virtual Tower", "2a00").expect(0, "refused")
    assert both.error == "" and both.out == one.out and "Virtual Tower" in one.out


def test_a_device_that_hangs_up():
    with house() as proxy:
        result = talk(proxy, "notify", "Virtual Quitter", "battery_level", "-t", "20")
    assert result.code in (0, 5)


def test_a_closed_standard_output_is_an_error():
    with house() as proxy:
        result = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&- <&-', BLEPROXY, "read", "-p", proxy, "Virtual Battery", "2a19"],
                                capture_output=True, env=environment(), check=False, timeout=PATIENCE_S)
    assert result.returncode == 1 and b"cannot write to standard output" in result.stderr, result


def test_over_an_encrypted_connection():
    with house(BLEPROXY_NOISE_PSK=KEY) as proxy:
        talk(proxy, "read", "Virtual Battery", "battery_level", BLEPROXY_NOISE_PSK=KEY).expect(0)


main(globals())
