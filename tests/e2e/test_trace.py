#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy record and bleproxy replay."""
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time

from fake_proxy import ACTIVE_CONNECTIONS, DEVICE_REQUEST, FIRST_DEVICE, RAW_ADVERTISEMENTS, STATE_AND_MODE, FakeProxy
from support import (BLEPROXY, PATIENCE_S, Result, Terminal, closed_port, environment, given_time, hear, home, main, own, run,
                     sim, start, write)

PAYLOADS = [bytes.fromhex(text) for text in (
    "020106" "0709" "4c616d702031" "020afc",                             # a name and a power
    "0503d2fc0f18" "0516d2fc0102" "06ff4c001005aa",                      # services, data of one, manufacturer data
    "1107" "00112233445566778899aabbccddeeff" "0409c3a9ff",              # a long UUID, a broken name
    "",
)]
SAME = ["address", "source", "rssi", "name", "service_uuids", "service_data", "manufacturer_data", "tx_power"]


def place(name):
    return os.path.join(home.name, name)


def lines_of(path):
    with open(path, encoding="ascii") as file:
        return [json.loads(line) for line in file]


def arguments(proxies):
    return [argument for proxy in proxies for argument in ("-p", proxy)]


def whole(result):
    """All that the fake proxy sends is recorded."""
    return f" {len(PAYLOADS)} reports" in result.error


def recorded(path, *arguments):
    """The recording of a fake proxy, given time to be whole."""
    return hear(whole, "record", "--force", *arguments, path)


def played(path, *options):
    return run("replay", *options, path).expect(0).objects()


def kind(objects, event):
    return [object_ for object_ in objects if object_["event"] == event]


def picked(objects):
    return [{key: object_[key] for key in SAME} for object_ in objects]


def check_recording(lines):
    """Times do not decrease, and whoever reports is registered."""
    times = [line["t"] for line in lines]
    assert times == sorted(times) and times[0] >= 0
    registered = set()
    for line in lines:
        if line["event"] == "register":
            assert line["source"] not in registered
            registered.add(line["source"])
        elif line["event"] == "unregister":
            registered.remove(line["source"])
        elif line["event"] == "adv":
            assert line["source"] in registered
    assert lines[-1]["event"] == "tick"


def test_what_is_replayed_is_what_scan_saw():
    path = place("fake.jsonl")
    with FakeProxy(payloads=PAYLOADS) as proxy:
        seen = hear(lambda result: result.out.count("\n") == len(PAYLOADS), "scan", "-p", proxy.address, "--json",
                    "--all").expect(0).objects()
        result = recorded(path, "-p", proxy.address).expect(0)
    assert re.search(r": 6 lines: 4 reports by 1 proxy in \d+ s$", result.error, re.M), result.error
    check_recording(lines_of(path))
    assert len(seen) == len(PAYLOADS)
    assert [line["raw"] for line in kind(lines_of(path), "adv")] == [payload.hex() for payload in PAYLOADS]
    decisions = played(path)
    assert picked(kind(decisions, "accepted")) == picked(seen)
    assert picked(kind(decisions, "callback")) == picked(seen)
    assert all(object_["connectable"] is False for object_ in kind(decisions, "callback"))


def known_by(objects):
    """What is known of each device at last, but for values, which change."""
    return {o["address"]: {("name", o["name"])} - {("name", None)} | {("company", key) for key in o["manufacturer_data"]} |
            {("service", key) for key in [*o["service_data"], *o["service_uuids"]]} for o in objects}


def compared_with_a_scan(path, proxies):
    def attempt(seconds):
        run("record", "--force", *arguments(proxies), "-t", str(seconds), path).expect(0)
        seen = run("scan", *arguments(proxies), "-t", str(seconds), "--json", "--all").expect(0).objects()
        return lines_of(path), kind(played(path), "accepted"), seen

    def is_enough(outcome):
        lines, accepted, seen = outcome
        replayed, scanned = known_by(accepted), known_by(seen)
        alike = sum(replayed[address] == scanned[address] != set() for address in set(replayed) & set(scanned))
        return len({line["source"] for line in kind(lines, "adv")}) == len(proxies) and alike > 20

    lines, accepted, seen = given_time(attempt, is_enough)
    check_recording(lines)
    assert len(kind(lines, "register")) == len(proxies)
    reported = {line["address"] for line in kind(lines, "adv")}
    assert {object_["address"] for object_ in accepted} == reported
    replayed, scanned = known_by(accepted), known_by(seen)
    both = set(replayed) & set(scanned)
    assert len(both) > 20
    for address in both:  # one of them may have heard more
        assert replayed[address] <= scanned[address] or scanned[address] <= replayed[address], address
    assert sum(replayed[address] == scanned[address] != set() for address in both) > 20
    return lines, accepted


def test_who_reports_and_when_is_told():
    path = place("told.jsonl")
    with FakeProxy(name="k\u00fcche".encode(), version=b"2024.6.0", payloads=PAYLOADS) as proxy:
        host, port = proxy.address.split(":")
        config = write("told.yaml", f"proxies: [{{name: 'the \"kitchen\"', address: {host}, port: {port}}}]\n")
        before = time.time()
        recorded(path, "-c", config).expect(0)
        after = time.time()
        recorded(place("own.jsonl"), "-p", proxy.address).expect(0)
    register, = kind(lines_of(path), "register")
    assert list(register) == ["t", "event", "source", "connectable", "mode", "time", "name", "firmware", "version"]
    when = datetime.datetime.fromisoformat(register["time"].replace("Z", "+00:00")).timestamp()
    assert before - 1 <= when <= after
    assert register["name"] == 'the "kitchen"' and register["firmware"] == "2024.6.0"
    assert run("--version").out == f"bleproxy {register['version']}\n"
    assert kind(lines_of(place("own.jsonl")), "register")[0]["name"] == "k\u00fcche"


def test_two_proxies():
    with sim(count=2) as proxies:
        lines, accepted = compared_with_a_scan(place("two.jsonl"), proxies)
    assert len({line["source"] for line in kind(lines, "adv")}) == 2
    assert len(accepted) < len(kind(lines, "adv"))
    assert all(line["connectable"] is True for line in kind(lines, "register"))


def test_firmware_that_decodes():
    with sim("--firmware", "2022.12") as proxies:
        lines, _ = compared_with_a_scan(place("decoded.jsonl"), proxies)
    assert all(line["raw"] for line in kind(lines, "adv"))


def test_a_proxy_that_comes_and_goes():
    path = place("rude.jsonl")

    def comings_of(lines):
        source = next((line["source"] for line in lines if line.get("address", "").startswith("C0:00:00:")), None)
        return [line["event"] for line in lines if line.get("source") == source and line["event"] != "adv"]

    with FakeProxy(payloads=[PAYLOADS[0]], reset=True) as rude, sim() as proxies:
        hear(lambda result: result.code == 0 and len(comings_of(lines_of(path))) >= 4,
             "record", "--force", "-p", rude.address, "-p", proxies[0], path).expect(0)
    lines = lines_of(path)
    check_recording(lines)
    comings = comings_of(lines)
    assert len(comings) >= 4 and comings[:4] == ["register", "unregister"] * 2, comings
    played(path)


def test_silence_is_recorded():
    path = place("silent.jsonl")
    with FakeProxy() as proxy:
        run("record", "-p", proxy.address, "-t", "17", path).expect(0, "silent for 10 s", "3 lines: 0 reports")
    lines = lines_of(path)
    assert [line["event"] for line in lines] == ["register", "tick", "tick"]
    assert 10 <= lines[1]["t"] - lines[0]["t"] < 17 <= lines[2]["t"]
    assert played(path) == []


def test_recording_does_not_end_what_others_have_connected():
    with FakeProxy(features=ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS | STATE_AND_MODE, slots=(1, (FIRST_DEVICE,))) as proxy:
        hear(lambda result: "register" in result.out, "record", "-p", proxy.address, "-").expect(0)
    assert DEVICE_REQUEST not in [kind for kind, _ in proxy.received]


def test_a_file_is_not_overwritten():
    path = write("precious.jsonl", '{"t":1,"event":"tick"}\n')
    with FakeProxy(payloads=PAYLOADS) as proxy:
        run("record", "-p", proxy.address, "-t", "1", path).expect(2, path, "exists already", "--force")
        assert not proxy.received
        assert len(lines_of(path)) == 1
        recorded(path, "-p", proxy.address).expect(0)
    assert len(lines_of(path)) == 6


def test_nothing_recorded_leaves_no_file():
    path = place("nothing.jsonl")
    with closed_port() as closed:
        run("record", "-p", closed, path).expect(4, "cannot connect")
    assert not os.path.exists(path)
    run("record", "-p", "127.0.0.1:1", place("no/such/directory")).expect(2, "cannot write", "No such file")
    run("record", "-p", "127.0.0.1:1", "").expect(2, "the name of the file is empty")


def test_nothing_recorded_leaves_the_old_file_as_it_was():
    old = '{"t":1,"event":"tick"}\n' * 1000
    path = write("kept.jsonl", old)
    with closed_port() as closed:
        run("record", "-p", closed, "--force", path).expect(4, "cannot connect")
    with open(path, encoding="ascii") as file:
        assert file.read() == old
    with FakeProxy(payloads=PAYLOADS) as proxy:
        recorded(path, "-p", proxy.address).expect(0)
    assert len(lines_of(path)) == 6, "the old one is gone, as a whole"


def test_a_pipe_with_a_name():
    path = place("pipe")
    os.mkfifo(path)
    with FakeProxy(payloads=PAYLOADS) as proxy:
        process = start("record", "-p", proxy.address, "--force", path)
        with open(path, encoding="ascii") as pipe:
            lines = [json.loads(pipe.readline()) for _ in range(5)]
            process.send_signal(signal.SIGINT)
            lines += [json.loads(line) for line in pipe]
        Result(process).expect(130, "6 lines")
    assert len(lines) == 6


def test_a_recording_can_be_interrupted_and_is_whole():
    path = place("interrupted.jsonl")
    with sim() as proxies:
        process = start("record", "-p", proxies[0], path)
        deadline = time.monotonic() + PATIENCE_S
        while not os.path.exists(path) or os.path.getsize(path) == 0:
            assert time.monotonic() < deadline, "nothing is written while it goes on"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        Result(process).expect(130, "reports by 1 proxy")
    check_recording(lines_of(path))


def test_a_full_disk_ends_a_recording():
    with sim() as proxies:
        run("record", "-p", proxies[0], "--force", "/dev/full").expect(1, "cannot write /dev/full", "No space left")


def test_progress_on_a_terminal():
    path = place("terminal.jsonl")
    with sim() as proxies:
        terminal = Terminal("record", "-p", proxies[0], path)
        terminal.wait_for(" s: ", "devices by 1 proxy ...")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.close() == 130
    assert re.search(rb"\d+ lines: \d+ reports by 1 proxy in \d+ s", terminal.seen)
    terminal = Terminal("replay", path)
    terminal.wait_for(" callbacks, 0 unavailable; ")
    assert terminal.close() == 0
    assert re.search(rb"\d+ events in \d+\.\d{3} s: \d+ reports accepted", terminal.seen)


def test_a_recording_is_replayed_while_it_goes_on():
    with sim() as proxies:
        record = start("record", "-p", proxies[0], "-")
        replay = own(subprocess.Popen([BLEPROXY, "replay"], stdin=record.stdout, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, env=environment()))
        record.stdout.close()
        first = json.loads(replay.stdout.readline())
        assert first["event"] == "accepted"
        record.send_signal(signal.SIGINT)
        assert record.wait(PATIENCE_S) == 130
        record.stderr.close()
        rest = replay.stdout.read().splitlines()
        assert replay.wait(PATIENCE_S) == 0
        replay.stderr.close()
    assert rest and all(json.loads(line)["t"] >= first["t"] for line in rest)


def test_errors_name_the_file_and_the_line():
    good = '{"t":1,"event":"tick"}\n'
    path = write("broken.jsonl", good + "\n" + good + good.replace("tick", "tock"))
    run("replay", path).expect(2, f"{path}:4: \"event\" is \"tock\": expected \"register\"")
    path = write("torn.jsonl", good + good[:10])
    run("replay", path).expect(2, f"{path}:2: not a JSON object: expected the end of the string at column 11")
    path = write("long.jsonl", good + " " * 200000 + good)
    run("replay", path).expect(2, f"{path}:2: longer than 8192 bytes")
    path = write("evil.jsonl", '{"t":1,"event":"\033]0;owned\a"}')
    assert "\033" not in run("replay", path).expect(2, f"{path}:1: ").error
    path = write("escaped.jsonl", '{"t":1,"event":"\\u001b]0;owned\\u0007\\u202e"}')
    assert not re.search("[\033\a\u202e]", run("replay", path).expect(2, "owned").error)
    run("replay", place("missing.jsonl")).expect(2, "cannot read", "missing.jsonl", "No such file")
    run("replay", home.name).expect(2, "cannot read", "Is a directory")


def test_what_comes_before_an_error_is_decided():
    path = place("fake.jsonl")
    if not os.path.exists(path):
        test_what_is_replayed_is_what_scan_saw()
    whole = run("replay", path).expect(0).out
    with open(path, encoding="ascii") as file:
        torn = write("cut.jsonl", file.read() + "{")
    assert run("replay", torn).expect(2, f"{torn}:7: ").out == whole


def feed(text, *options):
    process = own(subprocess.Popen([BLEPROXY, "replay", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment()))
    process.stdin.write(text.encode())
    process.stdin.flush()
    return process


def test_standard_input():
    for options in ((), ("-",)):
        process = feed('{"t":1}\n', *options)
        process.stdin.close()
        process.stdin = None
        Result(process).expect(2, "standard input:1: \"event\" is missing")


ONE = ('{"t":0,"event":"register","source":"02:00:00:00:00:01","connectable":true,"mode":null}\n'
       '{"t":1,"event":"adv","source":"02:00:00:00:00:01","address":"A4:C1:38:6E:F3:62","address_type":0,"rssi":-60,'
       '"raw":"05094c616d70"}\n')


def test_waiting_for_more_input_can_be_interrupted():
    process = feed(ONE)
    assert json.loads(process.stdout.readline())["name"] == "Lamp"
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 130
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


def long_recording():
    path = place("long_recording.jsonl")
    with open(path, "w", encoding="ascii") as file:
        file.write(ONE)
        for i in range(20000):
            file.write('{"t":%d.5,"event":"adv","source":"02:00:00:00:00:01","address":"A4:C1:38:6E:F3:62",'
                       '"address_type":0,"rssi":-60,"raw":"05094c616d70"}\n' % (i + 1))
    return path


def test_a_reader_who_leaves_ends_it_quietly():
    process = start("replay", long_recording())
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(PATIENCE_S) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_full_disk_is_told():
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen([BLEPROXY, "replay", long_recording()], stdout=full, stderr=subprocess.PIPE,
                                   env=environment())
        _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1 and error.count(b"No space left") == 1, error


def test_a_long_recording_is_replayed_whole():
    decisions = played(long_recording())
    assert len(kind(decisions, "accepted")) == 20001 and len(kind(decisions, "callback")) == 1


def test_misuse():
    run("record").expect(2, "FILE")
    run("record", "a", "b").expect(2, "FILE")
    run("replay", "a", "b").expect(2, "[FILE]")
    run("replay", "--json", "a").expect(2, "--json")
    for command in ("record", "replay"):
        assert run("help", command).expect(0).out.startswith(f"Usage: bleproxy {command}")
    with open(sys.argv[2], encoding="utf-8") as file:
        manual = file.read()
    for option in re.findall(r"--([a-z-]+)", run("help", "replay").out):
        assert f"Fl Fl {option}" in manual, option


def test_the_example_in_the_manual():
    with open(sys.argv[3], encoding="utf-8") as file:
        example, *outcomes = re.findall(r"^\.Bd -literal\n(\{.*?)\.Ed\n", file.read(), re.S | re.M)
    path = write("example.jsonl", example.replace("\n ", ""))
    ours, last_two = [[json.loads(line) for line in text.replace("\n ", "").splitlines()] for text in outcomes]
    assert len(ours) == 5 and len(last_two) == 2
    assert played(path) == ours
    assert played(path, "--reference") == ours[:3] + last_two


main(globals())
