# SPDX-License-Identifier: MIT
"""`bleproxy scan --json`: its shape, and that habluetooth makes the same of the same packets."""

import asyncio
import time

import pytest
from aioesphomeapi.api_pb2 import BluetoothLERawAdvertisementsResponse
from bleak_esphome.backend.scanner import ESPHomeScanner
from habluetooth import BluetoothManager, set_manager

from harness import KEY, command, network, profiles, scan

MEMBERS = {
    "time", "address", "address_type", "name", "rssi", "tx_power", "source", "proxy", "connectable", "service_uuids",
    "service_data", "manufacturer_data", "raw",
}  # fmt: skip
NO_TX_POWER = -127
FAST = ("--rate", "100")


def replay(lines):
    """Feeds the packets of one proxy to a habluetooth scanner; yields each line with what the scanner then knows."""
    scanner = ESPHomeScanner(lines[0]["source"], lines[0]["proxy"], None, True)
    for line in lines:
        batch = BluetoothLERawAdvertisementsResponse()
        batch.advertisements.add(
            address=int(line["address"].replace(":", ""), 16), rssi=line["rssi"], data=bytes.fromhex(line["raw"])
        )
        scanner.async_on_raw_advertisements(batch)
        _, advertisement = scanner.get_discovered_device_advertisement_data(line["address"])
        yield line, advertisement


@pytest.fixture
def manager():
    """A manager for the scanners to report to: it needs a running loop, but neither D-Bus nor an adapter."""

    def within(function):
        async def main():
            bluetooth = BluetoothManager()
            set_manager(bluetooth)
            await bluetooth.async_setup()
            try:
                return function()
            finally:
                bluetooth.async_stop()

        return asyncio.run(main())

    return within


def test_shape(sim, profile, psk):
    proxy = sim(*FAST, firmware=profile.firmware, psk=psk)
    before = time.time()
    lines = scan(proxy)
    assert lines
    for line in lines:
        assert set(line) == MEMBERS
        assert before - 1 < line["time"] < time.time() + 1
        for address in (line["address"], line["source"]):
            assert len(address) == 17 and address == address.upper()
        assert -127 <= line["rssi"] < 20
        assert line["tx_power"] is None or -128 <= line["tx_power"] <= 127
        assert line["name"] is None or isinstance(line["name"], str)
        assert line["connectable"] is True
        assert all(len(uuid) == 36 and uuid == uuid.lower() for uuid in line["service_uuids"])
        assert all(len(uuid) == 36 and bytes.fromhex(data) is not None for uuid, data in line["service_data"].items())
        assert all(0 <= int(key) < 65536 and data == data.lower() for key, data in line["manufacturer_data"].items())
        assert (line["raw"] is not None) == profile.raw
    assert len({line["address"] for line in lines}) > 3
    assert any(line["name"] for line in lines)


@profiles(lambda profile: profile.raw)
def test_same_merge_as_habluetooth(sim, manager, profile, psk):
    lines = scan(sim(*FAST, firmware=profile.firmware, psk=psk))

    def compare():
        for line, theirs in replay(lines):
            assert line["name"] == theirs.local_name
            assert line["tx_power"] == (None if theirs.tx_power == NO_TX_POWER else theirs.tx_power)
            assert sorted(line["service_uuids"]) == sorted(theirs.service_uuids)
            assert list(line["service_data"].items()) == [(k, v.hex()) for k, v in theirs.service_data.items()]
            assert list(line["manufacturer_data"].items()) == [
                (str(k), v.hex()) for k, v in theirs.manufacturer_data.items()
            ]

    assert lines
    manager(compare)


def test_many_proxies(sim, psk):
    """Each proxy is heard, and each report says through which it came."""
    proxy = sim("--rate", "50", count=5, step="port", psk=psk, listen=network())
    lines = scan(proxy)
    assert len({line["source"] for line in lines}) == 5
    assert len({line["proxy"] for line in lines}) == 5
    assert len({(line["source"], line["proxy"]) for line in lines}) == 5


@pytest.mark.parametrize(
    ("sim_key", "our_key", "code"),
    [(KEY, None, 3), (None, KEY, 3), (KEY, KEY[:-4] + "AAA=", 3), (KEY, "", 2), (KEY, "not base64!", 2)],
    ids=["no-key", "needless-key", "wrong-key", "empty-key", "malformed-key"],
)
def test_keys_that_do_not_fit(sim, sim_key, our_key, code):
    """A sentence, the exit code, and no key in anything said."""
    proxy = sim(psk=sim_key)
    done = command("scan", "--json", "-t", "2", "-p", f"{proxy.host}:{proxy.port}", "-vv", psk=our_key)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.strip()
    for secret in filter(None, (sim_key, our_key)):
        assert secret not in done.stderr


def test_rssi_and_name_filters(sim):
    proxy = sim(*FAST)
    every = scan(proxy)
    named = next(line["name"] for line in every if line["name"])
    assert {line["name"] for line in scan(proxy, "--name", named)} == {named}
    middle = sorted(line["rssi"] for line in every)[len(every) // 2]
    assert all(line["rssi"] >= middle for line in scan(proxy, "--rssi", str(middle)))
    uuid = next(iter(next(line for line in every if line["service_data"])["service_data"]))
    for line in scan(proxy, "--service", uuid):
        assert uuid in line["service_uuids"] or uuid in line["service_data"]
