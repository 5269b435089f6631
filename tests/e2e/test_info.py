#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy info."""
import re
import signal

from fake_proxy import ACTIVE_CONNECTIONS, DEVICE_REQUEST, FIRST_DEVICE, RAW_ADVERTISEMENTS, STATE_AND_MODE, SUBSCRIBE, FakeProxy
from support import KEY, PATIENCE_S, closed_port, elsewhere, main, run, sim, start, write

KEYS = ["proxy", "name", "address", "mac_address", "bluetooth_mac_address", "model", "esphome_version", "api_version",
        "encrypted", "feature_flags", "features", "scanner", "slots"]
ADDRESS = r"([0-9A-F]{2}:){5}[0-9A-F]{2}"


def test_json_has_the_documented_shape():
    with sim("--name", "attic", BLEPROXY_NOISE_PSK=KEY) as proxies:
        objects = run("info", "-p", proxies[0], "--json", BLEPROXY_NOISE_PSK=KEY).expect(0).objects()
    assert len(objects) == 1
    info = objects[0]
    assert list(info) == KEYS
    assert info["name"] == "attic" and info["address"] == proxies[0] and info["encrypted"] is True
    assert re.fullmatch(ADDRESS, info["mac_address"]) and re.fullmatch(ADDRESS, info["bluetooth_mac_address"])
    assert info["esphome_version"].startswith("2026.8") and info["api_version"] == "1.15"
    assert info["feature_flags"] == 255 and len(info["features"]) == 8 and "raw_advertisements" in info["features"]
    assert info["scanner"] is None
    assert info["slots"] == {"free": 3, "limit": 3, "allocated": []}


def test_a_configured_name_joins_it_with_what_other_commands_tell():
    with sim("--name", "esp32-17") as proxies:
        host, port = proxies[0].split(":")
        path = write("info.yaml", f"proxies: [{{name: kitchen, address: {host}, port: {port}}}]\n")
        info, = run("info", "-c", path, "--json").expect(0).objects()
        slots, = run("slots", "-c", path, "--json").expect(0).objects()
        assert info["proxy"] == slots["proxy"] == "kitchen" and info["name"] == "esp32-17"
        assert run("info", "-p", proxies[0], "--json").expect(0).objects()[0]["proxy"] == "esp32-17"


def test_the_scanner_is_shown_on_request():
    with sim() as proxies:
        info = run("info", "-p", proxies[0], "--json", "--scanner").expect(0).objects()[0]
    assert set(info["scanner"]) == {"state", "mode", "subscription"}
    assert info["scanner"]["subscription"] == "granted"
    assert info["scanner"]["mode"] in ("active", "passive")


def test_asking_does_not_take_the_proxy_from_its_subscriber():
    with sim() as proxies:
        result = run("info", "-p", proxies[0], "-vv").expect(0)
    assert "subscri" not in result.error.lower()


def test_it_does_not_end_what_others_have_connected():
    with sim("--slots", "1") as proxies:
        other = start("notify", "-p", proxies[0], "Virtual Heart", "2a37", XDG_RUNTIME_DIR=elsewhere("other"))
        assert other.stdout.readline()
        result = run("info", "-p", proxies[0], "--scanner", "-v").expect(0)
        other.send_signal(signal.SIGINT)
        other.communicate(timeout=PATIENCE_S)
    assert re.search("slots +0 of 1 free; used by " + ADDRESS, result.out)
    assert "earlier session" not in result.error
    with FakeProxy(features=ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS | STATE_AND_MODE, slots=(1, (FIRST_DEVICE,))) as proxy:
        run("info", "-p", proxy.address, "--scanner").expect(0)
    kinds = [kind for kind, _ in proxy.received]
    assert SUBSCRIBE in kinds and DEVICE_REQUEST not in kinds


def test_old_firmware_and_what_it_lacks():
    with sim("--firmware", "2022.12") as proxies:
        info = run("info", "-p", proxies[0], "--json").expect(0).objects()[0]
        text = run("info", "-p", proxies[0]).expect(0).out
    assert info["encrypted"] is False and "raw_advertisements" not in info["features"]
    assert re.search(r"without raw_advertisements: .+ \(ESPHome 2023\.6 has it\)", text)
    assert "not encrypted" in text


def test_text_is_a_block_per_proxy_in_the_order_given():
    with sim("--name", "one") as one, sim("--name", "two", BLEPROXY_NOISE_PSK=KEY) as two:
        host, port = two[0].split(":")
        path = write("two.yaml", f"proxies: [{{name: second, address: {host}, port: {port}, noise_psk: {KEY}}}]\n")
        text = run("info", "-c", path, "-p", one[0], "-p", "second").expect(0).out
    blocks = text.split("\n\n")
    assert len(blocks) == 2
    assert blocks[0].startswith("one\n") and blocks[1].startswith("second\n")
    for word in ("MAC address", "Bluetooth MAC", "model", "ESPHome", "round trip", "slots", "features"):
        assert all(f"\n  {word} " in block for block in blocks), word
    assert "3 of 3 free" in blocks[1] and "encrypted\n" in blocks[1]


def test_one_of_two_is_enough():
    with closed_port() as closed, sim() as proxies:
        result = run("info", "-p", closed, "-p", proxies[0], "--json").expect(0, f"warning: {closed}: ")
    assert len(result.objects()) == 1


main(globals())
