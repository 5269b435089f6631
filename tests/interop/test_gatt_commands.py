# SPDX-License-Identifier: MIT
"""The commands that talk to a device, through a proxy that shares no code with ours."""

import json

import pytest
from aioesphomeapi import BluetoothProxyFeature as Feature

from fake_gatt_proxy import CLEAR_CACHE, FIRMWARES, FakeProxy
from harness import KEY, command
from thing import (
    ADDRESS,
    ADDRESS_TEXT,
    BURST,
    NAME,
    OWN,
    SERVICES,
    STORE,
    VALUE,
    WRITING,
    WRITING_DESCRIPTOR,
    settled,
    thing,
)


def said(proxy, state, *words):
    done = command(words[0], "-p", proxy.address, *words[1:], "--json", psk=proxy.psk, state=state)
    assert done.returncode == 0, (words, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("version", "psk"),
    [*((version, None) for version in FIRMWARES), ("2026.8", KEY)],
    ids=[*FIRMWARES, "2026.8-encrypted"],
)
def test_the_commands(version, psk, tmp_path):
    firmware, device = FIRMWARES[version], thing()
    value = tmp_path / "value"
    value.write_bytes(VALUE)
    with FakeProxy(device, firmware=firmware, psk=psk) as proxy:
        for asked in (1, 1):
            tree = said(proxy, tmp_path, "services", NAME)[0]
            assert tree["mtu"] == device.mtu and len(proxy.asked(SERVICES)) == asked
        assert [service["uuid"] for service in tree["services"]] == [
            "00001800-0000-1000-8000-00805f9b34fb",
            OWN.format("9fff"),
            "7fff0002-0000-1000-8000-00805f9b34fb",
        ]
        found = [
            (one["uuid"], one["handle"], [d["handle"] for d in one["descriptors"]])
            for service in tree["services"]
            for one in service["characteristics"]
        ]
        assert [handle for _, handle, _ in found] == [one.handle for s in device.services for one in s.characteristics]
        assert [more for *_, more in found] == [
            [d.handle for d in one.descriptors] for s in device.services for one in s.characteristics
        ]
        said(proxy, tmp_path, "write", NAME, STORE, "--file", str(value))
        read = said(proxy, tmp_path, "read", NAME, STORE)[0]
        assert read["value"] == VALUE.hex() and read["handle"] == device.find(STORE).handle
        said(proxy, tmp_path, "write", NAME, STORE, "--text", "words", "--no-response")
        assert proxy.asked(WRITING)[-1].response is False
        assert said(proxy, tmp_path, "slots")[0] | {"source": ""} == {
            "proxy": "fake",
            "source": "",
            "free": 3,
            "limit": 3,
            "allocated": [],
        }
        for words, feature in (
            (("pair", NAME), Feature.PAIRING),
            (("unpair", NAME), Feature.PAIRING),
            (("params", NAME, "800", "800", "0", "600"), Feature.CONNECTION_PARAMS_SETTING),
        ):
            if firmware.has(feature):
                said(proxy, tmp_path, *words)
            else:
                done = command(words[0], "-p", proxy.address, *words[1:], psk=psk, state=tmp_path)
                assert done.returncode == 5 and "ESPHome 202" in done.stderr
        said(proxy, tmp_path, "clear-cache", NAME)
        assert len(proxy.asked(CLEAR_CACHE)) == firmware.has(Feature.CACHE_CLEARING)
        said(proxy, tmp_path, "services", NAME)
        assert len(proxy.asked(SERVICES)) == 2
        settled(proxy)


def test_the_command_shows_a_thousand_values(psk, tmp_path):
    device = thing()
    with FakeProxy(device, psk=psk) as proxy:
        handle = device.find(BURST).handle

        def burst(stream, request, answer=proxy.answer):
            answer(stream, request)
            if isinstance(request, WRITING_DESCRIPTOR) and request.data == b"\1\0":
                for n in range(1000):
                    proxy.notify(ADDRESS, handle, n.to_bytes(2, "little"))

        proxy.answer = burst
        lines = said(proxy, tmp_path, "notify", NAME, BURST, "-n", "1000", "-t", "20")
        assert [line["value"] for line in lines] == [n.to_bytes(2, "little").hex() for n in range(1000)]
        assert {(line["handle"], line["uuid"], line["address"]) for line in lines} == {(handle, BURST, ADDRESS_TEXT)}
        settled(proxy)
