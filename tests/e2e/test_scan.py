#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy scan, not on a terminal."""
import contextlib
import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios
import time

from fake_proxy import PASSIVE_SCAN, RAW_ADVERTISEMENTS, SET_MODE, STATE_AND_MODE, FakeProxy
from support import (BLEPROXY, KEY, PATIENCE_S, Result, closed_port, elsewhere, environment, given_time, hear, main, own, run,
                     sim, start, write)

KEYS = ["time", "address", "address_type", "name", "rssi", "tx_power", "source", "proxy", "connectable",
        "service_uuids", "service_data", "manufacturer_data", "raw"]
BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
ADDRESS = r"([0-9A-F]{2}:){5}[0-9A-F]{2}"


def anything(result):
    return result.code == 0 and result.out


def heard_in_variety(result):
    objects = result.objects()
    return (len(objects) > 20 and len({o["address"] for o in objects}) > 10 and
            any(o["manufacturer_data"].get("76") for o in objects))


def check_shape(object_):
    assert list(object_) == KEYS, object_
    assert isinstance(object_["time"], float) and abs(object_["time"] - time.time()) < PATIENCE_S
    assert re.fullmatch(ADDRESS, object_["address"]) and re.fullmatch(ADDRESS, object_["source"])
    assert object_["address_type"] in (0, 1)
    assert object_["name"] is None or object_["name"]
    assert object_["rssi"] is None or -127 < object_["rssi"] <= 20
    assert object_["tx_power"] is None or -128 <= object_["tx_power"] <= 127
    assert isinstance(object_["connectable"], bool)
    for uuid in object_["service_uuids"] + list(object_["service_data"]):
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid)
    for company, value in object_["manufacturer_data"].items():
        assert str(int(company)) == company and re.fullmatch(r"([0-9a-f]{2})*", value)
    for value in object_["service_data"].values():
        assert re.fullmatch(r"([0-9a-f]{2})*", value)
    assert object_["raw"] is None or re.fullmatch(r"([0-9a-f]{2})*", object_["raw"])


def test_json_is_one_object_per_advertisement_in_the_documented_shape():
    with sim() as proxies:
        result = hear(heard_in_variety, "scan", "-p", proxies[0], "--json").expect(0, "not encrypted")
    objects = result.objects()
    assert len(objects) > 20
    for object_ in objects:
        check_shape(object_)
        assert object_["proxy"] == "sim-proxy-1" and object_["raw"]
    assert [o["time"] for o in objects] == sorted(o["time"] for o in objects)
    assert any(o["manufacturer_data"].get("76") for o in objects)
    assert len({o["address"] for o in objects}) > 10


def test_many_without_encryption_are_one_warning():
    with sim(count=3) as proxies, closed_port() as closed:
        arguments = [argument for proxy in proxies for argument in ("-p", proxy)]
        for command in (["scan", "--json"], ["devices"], ["devices", "--json"], ["record"]):
            error = hear(lambda result: "3 of 3" in result.error, *command, *arguments,
                         *(["-"] if command == ["record"] else [])).expect(0).error
            assert error.count("not encrypted") == 1 and "warning: 3 of 3 proxies are not encrypted: " in error, error
        error = hear(lambda result: "3 of 4" in result.error, "devices", *arguments, "-p", closed).expect(
            0, "3 of 4 proxies are not encrypted").error
        assert error.count("not encrypted") == 1, error
        for command in ("scan", "top"):
            result = hear(lambda result: result.out.count("sim-proxy-") >= 3, command, *arguments).expect(0)
            assert "not encrypted" not in result.error, command


def test_microseconds_are_written():
    with sim() as proxies:
        result = hear(anything, "scan", "-p", proxies[0], "--json").expect(0)
    assert result.out and all(re.match(r'\{"time":\d{10}\.\d{6},', line) for line in result.out.splitlines()), result.out


def test_firmware_of_2022_has_no_raw_bytes():
    with sim("--firmware", "2022.12") as proxies:
        result = hear(anything, "scan", "-p", proxies[0], "--json").expect(0)
    objects = result.objects()
    assert objects
    for object_ in objects:
        check_shape(object_)
        assert object_["raw"] is None


def test_an_encrypted_proxy_of_the_configuration_is_called_by_its_name_there():
    with sim("--name", "esp32-17", BLEPROXY_NOISE_PSK=KEY) as proxies:
        host, port = proxies[0].split(":")
        path = write("named.yaml", f"proxies:\n  - {{name: kitchen, address: {host}, port: {port}, noise_psk: {KEY}}}\n")
        result = hear(anything, "scan", "-c", path, "--json").expect(0)
        assert result.objects() and all(o["proxy"] == "kitchen" for o in result.objects())
        assert "not encrypted" not in result.error
        assert hear(anything, "scan", "-c", path, "-p", "kitchen", "--json").expect(0).objects()
        assert hear(anything, "scan", "--json", BLEPROXY_CONFIG=path).expect(0).objects()


def test_the_owner_reports_and_with_all_every_proxy():
    with sim(count=2) as proxies:
        both = [argument for proxy in proxies for argument in ("-p", proxy)]

        def scan(seconds):
            return [run("scan", *both, "-t", str(seconds), "--json", *more).expect(0).objects() for more in (["--all"], [])]

        def of_both(everything):
            pairs = {(o["address"], o["source"]) for o in everything}
            return (len({source for _, source in pairs}) == 2 and
                    len(pairs) > len({address for address, _ in pairs}) + 5)

        everything, owned = given_time(scan, lambda heard: of_both(heard[0]) and len(heard[1]) < len(heard[0]))
    assert of_both(everything), "no device is heard by both"
    assert owned and len(owned) < len(everything)


def test_filters():
    with sim() as proxies:
        named, strong, service, full = (
            hear(anything, "scan", "-p", proxies[0], "--json", *filter_).expect(0).objects()
            for filter_ in (("--name", "ATC_"), ("--rssi", "-60"), ("--service", "FCD2"), ("--service", BTHOME)))
    assert named and all(o["name"].startswith("ATC_") for o in named)
    assert strong and all(o["rssi"] >= -60 for o in strong)
    for found in (service, full):
        assert found and all(BTHOME in o["service_data"] or BTHOME in o["service_uuids"] for o in found)


def test_text_is_a_line_per_change_and_a_table_at_the_end():
    with sim(count=2) as proxies:
        result = hear(lambda result: len(re.findall(f"^{ADDRESS}", result.out, re.M)) > 20 and "Apple, Inc." in result.out and
                      result.out.count("not encrypted") == 2, "scan", "-p", proxies[0], "-p", proxies[1]).expect(0)
    lines = result.out.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("ADDRESS"))
    changes = [line for line in lines[:head] if line]
    assert len(changes) > 20
    for line in changes:
        assert re.match(r"\d\d:\d\d:\d\d\.\d{3}  " + ADDRESS + r"  +-?\d+ dBm  sim-proxy-[12]\b", line), line
    rows = lines[head + 1:lines.index("", head)]
    assert len(rows) > 20 and all(re.match(ADDRESS, row) for row in rows)
    strengths = [int(re.search(r" (-\d+) ", row)[1]) for row in rows]
    assert strengths == sorted(strengths, reverse=True)
    assert any("Apple, Inc." in row for row in rows)
    assert f"{len(rows)} devices" in lines
    summary = lines[lines.index("", head):]
    assert all(any(line.startswith(name) and "not encrypted" in line for line in summary)
               for name in ("sim-proxy-1", "sim-proxy-2"))
    assert "\033" not in result.out


def asks_for(modes, *options, configured=None):
    def attempt(seconds):
        with FakeProxy(features=PASSIVE_SCAN | RAW_ADVERTISEMENTS | STATE_AND_MODE, payloads=[b"\x02\x01\x06"]) as proxy:
            which = ["-p", proxy.address]
            if configured:
                host, port = proxy.address.split(":")
                which = ["-c", write("mode.yaml", f"proxies:\n- {{address: {host}, port: {port}, scan: {configured}}}\n")]
            result = run("scan", *which, "-t", str(seconds), "--json", *options)
            return result, [body.replace(b"\x08\0", b"") for kind, body in proxy.received if kind == SET_MODE]

    result, asked = given_time(attempt, lambda outcome: anything(outcome[0]) and len(outcome[1]) >= len(modes))
    assert anything(result) and asked == modes, (asked, result.error)


def test_the_mode_is_set_on_request_only():
    asks_for([b"\x08\x01"], "--mode", "active")
    asks_for([b""], "--mode", "passive")
    asks_for([b""], "--mode", "auto")
    asks_for([])


def test_the_mode_of_the_configuration_gives_way_to_the_option():
    asks_for([b"\x08\x01"], configured="active")
    asks_for([b""], configured="passive")
    asks_for([b""], configured="auto")
    asks_for([b"", b"\x08\x01"], "--mode", "active", configured="passive")
    asks_for([], configured="null")


def test_mode_on_firmware_without_it_is_a_warning():
    with sim("--firmware", "2023.6") as proxies:
        result = hear(anything, "scan", "-p", proxies[0], "--json", "--mode", "active").expect(0, "warning")
    assert "mode" in result.error


def test_one_proxy_of_two_is_enough_and_the_other_a_warning():
    with closed_port() as closed, sim() as proxies:
        result = hear(anything, "scan", "-p", closed, "-p", proxies[0], "--json").expect(0, f"warning: {closed}: ")
    assert result.objects()


def interrupted(number):
    with sim() as proxies:
        process = start("scan", "-p", proxies[0])
        first = process.stdout.readline()
        assert first
        process.send_signal(number)
        result = Result(process).expect(130)
    assert "COMPANY AND SERVICES" in result.out and "device" in result.out


def test_ctrl_c_ends_with_what_was_found():
    interrupted(signal.SIGINT)


def test_sigterm_does_the_same():
    interrupted(signal.SIGTERM)


def test_a_reader_who_leaves_ends_it_quietly():
    with sim() as proxies:
        process = start("scan", "-p", proxies[0], "--json")
        json.loads(process.stdout.readline())
        process.stdout.close()
        process.wait(PATIENCE_S)
        error = process.stderr.read().decode()
    process.stderr.close()
    assert process.returncode == 0
    assert error.count("\n") == 1 and "not encrypted" in error, error


def test_a_reader_who_does_not_read_cannot_keep_it():
    with sim("--rate", "0", "--payload", "changing") as proxies:
        process = start("scan", "-p", proxies[0], "--json")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            held = fcntl.ioctl(process.stdout, termios.FIONREAD, struct.pack("i", 0))
            if struct.unpack("i", held)[0] > fcntl.fcntl(process.stdout, fcntl.F_GETPIPE_SZ) - 4096:
                break
            assert time.monotonic() < deadline, "the pipe does not fill up"
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 130
        process.stdout.close()
        process.stderr.close()


def test_a_full_disk_is_told():
    with sim() as proxies, open("/dev/full", "wb") as full:
        process = own(subprocess.Popen([BLEPROXY, "scan", "-p", proxies[0], "--json"], stdout=full, stderr=subprocess.PIPE,
                                       env=environment()))
        _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and b"No space left" in error


def test_a_second_subscriber_is_told_who_has_the_proxy():
    with sim(count=2) as proxies:
        first = start("scan", "-p", proxies[0], "--json")
        assert first.stdout.readline()
        holder = f"in use by process {first.pid} (bleproxy scan)"
        run("scan", "-p", proxies[0], "--json", "-t", "5").expect(5, holder)
        run("info", "-p", proxies[0], "--scanner").expect(5, holder)
        run("info", "-p", proxies[0]).expect(0)
        assert hear(anything, "scan", "-p", proxies[0], "-p", proxies[1], "--json").expect(0, holder).objects()
        first.send_signal(signal.SIGINT)
        Result(first).expect(130)
        hear(anything, "scan", "-p", proxies[0], "--json").expect(0)


def wait_until(condition, patience_s=PATIENCE_S):
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


def test_a_proxy_that_serves_somebody_else_is_told_to_be_silent():
    """Old firmware keeps its first subscriber, newer firmware takes the newest: neither tells the other one. What is
    found out without its help is told; where that takes nothing from anybody the loser asks again."""
    for firmware, loser, verdict in (("2025.8", 1, b"another program has its advertisements"),
                                     ("2026.8", 0, b"another program has taken over its advertisements")):
        with sim("--firmware", firmware) as proxies, contextlib.ExitStack() as stack:
            scans = []
            for place in ("a", "b"):
                heard = stack.enter_context(open(f"{elsewhere(place)}/heard", "w+b"))
                scans.append(own(subprocess.Popen([BLEPROXY, "scan", "-p", proxies[0], "--json"], stdout=heard,
                                                  stderr=subprocess.PIPE,
                                                  env=environment(XDG_RUNTIME_DIR=elsewhere(place)))))
                if place == "a":
                    wait_until(lambda: os.path.getsize(f"{elsewhere('a')}/heard") > 0)
            while b"silent for 10 s: another program may use it" not in (line := scans[loser].stderr.readline()):
                assert line, "it ended"
            while verdict not in (line := scans[loser].stderr.readline()):
                assert line, "it ended"
            if loser == 1:
                result = run("info", "-p", proxies[0], "--scanner", "--json", XDG_RUNTIME_DIR=elsewhere("c")).expect(0)
                assert result.objects()[0]["scanner"]["subscription"] == "refused"
            heard = [f"{elsewhere(place)}/heard" for place in ("a", "b")]
            before = [os.path.getsize(path) for path in heard]
            wait_until(lambda: os.path.getsize(heard[1 - loser]) > before[1 - loser])  # it was not disturbed
            scans[1 - loser].send_signal(signal.SIGINT)
            _, error = scans[1 - loser].communicate(timeout=PATIENCE_S)
            assert scans[1 - loser].returncode == 130 and b"silent" not in error
            if loser == 1:
                wait_until(lambda: os.path.getsize(heard[loser]) > before[loser], 2 * PATIENCE_S)  # it asks once a minute
            else:  # it takes nothing back by itself; a new command does
                assert hear(anything, "scan", "-p", proxies[0], "--json", XDG_RUNTIME_DIR=elsewhere("c")).expect(0).objects()
                assert os.path.getsize(heard[loser]) == before[loser]
            scans[loser].send_signal(signal.SIGINT)
            _, error = scans[loser].communicate(timeout=PATIENCE_S)
            assert scans[loser].returncode == 130 and b"silent" not in error


def test_what_others_have_connected_stays_so():
    with sim() as proxies:
        other = start("notify", "-p", proxies[0], "Virtual Heart", "2a37", XDG_RUNTIME_DIR=elsewhere("other"))
        assert other.stdout.readline()
        scan = start("scan", "-p", proxies[0], "--json")
        for _ in range(20):
            assert scan.stdout.readline()
        assert run("slots", "-p", proxies[0], "--json").expect(0).objects()[0]["allocated"]
        for process in (scan, other):
            process.send_signal(signal.SIGINT)
            Result(process)


def test_all_reports_are_for_json():
    run("scan", "-p", "127.0.0.1", "--all").expect(2, "--all goes with --json")


def test_without_a_place_for_locks_it_goes_on():
    with sim() as proxies:  # root may make nothing in /proc, and others, who have none then, nothing in /run
        result = hear(anything, "scan", "-p", proxies[0], "--json", XDG_RUNTIME_DIR="/proc")
    assert result.expect(0, "warning: ", ": nothing keeps ").objects()


def test_a_proxy_that_resets_the_connection_while_we_write_kills_nothing():
    with FakeProxy(reset=True) as rude, sim() as proxies:
        result = hear(lambda result: rude.connections > 1 and "sim-proxy-1" in result.out,
                      "scan", "-p", rude.address, "-p", proxies[0], "--json").expect(0)
        assert rude.connections > 1
    assert any(o["proxy"] == "sim-proxy-1" for o in result.objects())


def test_proxies_with_faults_kill_nothing():
    with sim("--faults", count=4) as proxies:
        arguments = [argument for proxy in proxies for argument in ("-p", proxy)]
        result = run("scan", *arguments, "--json", "-t", "4")
    assert result.code in (0, 4, 5)
    for object_ in result.objects():
        assert list(object_) == KEYS


def test_hostile_names_are_sanitised_and_in_json_escaped():
    evil = "\033]0;owned\a\u009b2J\u202eevil\n".encode()
    payload = bytes([len(evil) + 1, 9]) + evil
    with FakeProxy(name=b"bad\033[2J", payloads=[payload]) as proxy:
        text = hear(lambda result: "evil" in result.out, "scan", "-p", proxy.address).expect(0)
        objects = hear(anything, "scan", "-p", proxy.address, "--json").expect(0)
        info = run("info", "-p", proxy.address).expect(0)
    for output in (text.out, text.error, objects.out, objects.error, info.out, info.error):
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", output), repr(output)
    assert "evil" in text.out
    assert objects.objects()[0]["name"] == evil.decode()


main(globals())
