#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the configuration says beside proxies and pins: filters, rules of the Python stack, intervals of devices."""
import json
import os
import signal
import tempfile

from fake_proxy import FakeProxy
from support import PATIENCE_S, hear, home, main, run, sim, start, write

BATTERY = "A4:C1:38:80:00:00"
CHATTER, BEACON, LAMP = b"\x05\xff\x4c\x00\x07\x19", b"\x05\xff\x4c\x00\x02\x15", b"\x05\x09Lamp"
CHATTER_ADDRESS, BEACON_ADDRESS, LAMP_ADDRESS = (f"C0:00:00:00:00:0{number}" for number in (1, 2, 3))


def entry(name, address):
    host, port = address.split(":")
    return f"  - {{name: {name}, address: {host}, port: {port}}}\n"


def configure(text, **proxies):
    return write("settings.yaml", text + "proxies:\n" + "".join(entry(*item) for item in proxies.items()))


def of_lamp(result):
    """What is heard last is heard."""
    return result.code == 0 and (LAMP_ADDRESS in result.out or BEACON_ADDRESS in result.out)


def test_what_apple_devices_say_can_be_left_out():
    heard = {"": {CHATTER_ADDRESS, BEACON_ADDRESS, LAMP_ADDRESS}}
    for text in ("filters: [apple]\n", "filters: [apple]\nreference: routing\n", "reference: all\n"):
        heard[text] = {BEACON_ADDRESS, LAMP_ADDRESS}
    heard["reference: [routing, expiry]\n"] = heard[""]
    with FakeProxy(payloads=[CHATTER, BEACON, LAMP]) as proxy:
        for text, addresses in heard.items():
            listed = hear(of_lamp, "devices", "-c", configure(text, fake=proxy.address), "--json").expect(0).objects()
            assert {device["address"] for device in listed} == addresses, text


def test_what_every_proxy_hears_is_not_filtered():
    with FakeProxy(payloads=[CHATTER, LAMP]) as proxy:
        config = configure("filters: [apple]\n", fake=proxy.address)
        heard = hear(of_lamp, "scan", "-c", config, "--json", "--all").expect(0).objects()
        assert {report["address"] for report in heard} == {CHATTER_ADDRESS, BEACON_ADDRESS}
        heard = hear(of_lamp, "scan", "-c", config, "--json").expect(0).objects()
        assert {report["address"] for report in heard} == {BEACON_ADDRESS}
        recorded = hear(of_lamp, "record", "-c", config, "-").expect(0).objects()
        assert {line["address"] for line in recorded if line["event"] == "adv"} == {CHATTER_ADDRESS, BEACON_ADDRESS}


def test_the_python_stack_pays_no_heed_to_bonds():
    with sim("--latency", "0", count=2) as proxies, tempfile.TemporaryDirectory(dir=home.name) as state:
        def obstacles(text):
            config = configure(text, kitchen=proxies[0], attic=proxies[1])
            found, = run("why", "-c", config, lock, "--json", XDG_STATE_HOME=state).expect(0).objects()
            return {path["proxy"]: path["obstacle"] for path in found["paths"]}

        config = configure("", kitchen=proxies[0], attic=proxies[1])
        lock = run("pair", "-c", config, "-p", "attic", "Virtual Lock", "--json",
                   XDG_STATE_HOME=state).expect(0).objects()[0]["address"]
        assert obstacles("") == obstacles("reference: [interval]\n") == {"attic": None, "kitchen": "bonded_elsewhere"}
        assert obstacles("reference: [routing]\n") == obstacles("reference: all\n") == {"attic": None, "kitchen": None}


def test_a_device_that_is_known_to_speak_often_is_soon_followed():
    """The fake proxy hears it well, once: while nothing is known of its interval, that counts for 15 minutes."""
    with sim() as proxies, FakeProxy(payloads=[LAMP], first=int(BATTERY.replace(":", ""), 16), rssi=-20) as fake:
        config = configure(f"devices: [{{address: {BATTERY}, interval: 3}}]\n", fake=fake.address, sim=proxies[0])
        process = start("scan", "-c", config, "--json")
        owners = []
        while owners[-2:] != ["fake", "sim"]:
            report = json.loads(process.stdout.readline())
            if report["address"] == BATTERY and report["proxy"] != (owners or [None])[-1]:
                owners.append(report["proxy"])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)


def test_intervals_are_recorded():
    devices = "".join(f"  - {{address: C0:00:00:00:00:0{number}{more}}}\n"
                      for number, more in ((1, ", interval: 1"), (2, ""), (3, ", interval: 31536000")))
    with FakeProxy(payloads=[LAMP]) as proxy:
        config = configure("devices:\n" + devices, fake=proxy.address)
        path = os.path.join(home.name, "known.jsonl")
        hear(lambda result: ": 1 reports" in result.error, "record", "--force", "-c", config, path).expect(0)
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    assert [line["event"] for line in lines][:4] == ["fallback_interval", "fallback_interval", "register", "adv"]
    assert [(line["address"], line["seconds"]) for line in lines[:2]] == [(CHATTER_ADDRESS, 1), (LAMP_ADDRESS, 31536000)]
    run("replay", path).expect(0)


def test_mistakes_are_told_with_their_lines():
    for text, words in (("filters: [aple]\n", ":1: 'filters' has no 'aple'; it can have: apple"),
                        ("reference: python\n", ":1: 'reference' has no 'python'; it can have: interval, "),
                        (f"devices:\n  - address: {BATTERY}\n    interval: often\n",
                         ":3: 'interval' must be a number from 1 to 31536000")):
        run("scan", "-c", configure(text, kitchen="127.0.0.1:1"), "-t", "1").expect(2, "settings.yaml" + words)


main(globals())
