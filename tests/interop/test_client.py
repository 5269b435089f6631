# SPDX-License-Identifier: MIT
"""aioesphomeapi as a client of the virtual proxy, every firmware, plaintext and encrypted."""

import asyncio

import pytest
from aioesphomeapi import APIClient, BluetoothProxyFeature, BluetoothScannerMode, BluetoothScannerState
from bluetooth_data_tools import parse_advertisement_data_bytes

from harness import client, profiles, run, until

BTHOME = "0000fcd2-0000-1000-8000-00805f9b34fb"
APPLE = 76
FAST = ("--rate", "200")


def test_device_info_and_features(sim, profile, psk):
    async def main():
        async with client(sim(firmware=profile.firmware, psk=psk)) as api:
            assert api.api_version.major == 1
            assert api.api_version.minor in profile.api_minor
            info = await api.device_info()
            assert info.name and info.model
            assert info.esphome_version.startswith(profile.firmware)
            assert len(info.mac_address.split(":")) == 6
            assert info.mac_address == info.mac_address.upper()
            flags = info.bluetooth_proxy_feature_flags_compat(api.api_version)
            assert flags == profile.flags
            capabilities = await api.device_capabilities_compat(info)
            assert capabilities.bluetooth_proxy.feature_flags == profile.flags
            if profile.capabilities:
                assert (await api.device_capabilities()).bluetooth_proxy.mac_address == info.bluetooth_mac_address
            if profile.scanner_state:
                assert len(info.bluetooth_mac_address.split(":")) == 6
            assert await api.list_entities_services() == ([], [])

    run(main())


@profiles(lambda profile: profile.raw)
def test_raw_advertisements(sim, profile, psk):
    seen = {}

    def on_batch(batch):
        assert 1 <= len(batch.advertisements) <= 32
        for advert in batch.advertisements:
            assert 0 < advert.address < 1 << 48
            assert -128 <= advert.rssi < 0
            assert len(advert.data) <= 62
            seen[advert.address] = parse_advertisement_data_bytes(advert.data)

    def complete():
        parsed = list(seen.values())
        return (
            any(BTHOME in service_data for _, _, service_data, _, _ in parsed)
            and any(APPLE in manufacturer for _, _, _, manufacturer, _ in parsed)
            and any(name for name, *_ in parsed)
        )

    async def main():
        async with client(sim(*FAST, firmware=profile.firmware, psk=psk)) as api:
            unsubscribe = api.subscribe_bluetooth_le_raw_advertisements(on_batch)
            await until(complete)
            unsubscribe()

    run(main())


@profiles(lambda profile: profile.decoded)
def test_decoded_advertisements(sim, profile, psk):
    seen = []

    def complete():
        return (
            any(BTHOME in advert.service_data for advert in seen)
            and any(APPLE in advert.manufacturer_data for advert in seen)
            and any(advert.name for advert in seen)
        )

    async def main():
        async with client(sim(*FAST, firmware=profile.firmware, psk=psk)) as api:
            api.subscribe_bluetooth_le_advertisements(seen.append)
            await until(complete)
            assert all(0 < advert.address < 1 << 48 and advert.rssi < 0 for advert in seen)

    run(main())


@profiles(lambda profile: not profile.decoded)
def test_raw_is_all_there_is_since_2025_8(sim, profile):
    """Newer firmware ignores the flags of the subscription."""
    decoded, raw = [], []

    async def main():
        async with client(sim(*FAST, firmware=profile.firmware)) as api:
            api.subscribe_bluetooth_le_advertisements(decoded.append)
            from aioesphomeapi.api_pb2 import BluetoothLERawAdvertisementsResponse

            api._get_connection().add_message_callback(raw.append, (BluetoothLERawAdvertisementsResponse,))
            await until(lambda: raw)
            assert not decoded

    run(main())


@profiles(lambda profile: profile.scanner_state)
def test_scanner_state_and_mode(sim, profile, psk):
    states = []

    async def main():
        async with client(sim(firmware=profile.firmware, psk=psk)) as api:
            api.subscribe_bluetooth_scanner_state(states.append)
            api.subscribe_bluetooth_le_raw_advertisements(lambda batch: None)
            first = (await until(lambda: states))[0]
            assert first.state == BluetoothScannerState.RUNNING
            other = (
                BluetoothScannerMode.PASSIVE
                if first.mode == BluetoothScannerMode.ACTIVE
                else BluetoothScannerMode.ACTIVE
            )
            states.clear()
            api.bluetooth_scanner_set_mode(other)
            await until(lambda: states and states[-1].state == BluetoothScannerState.RUNNING)
            passed = [state.state for state in states]
            assert BluetoothScannerState.STOPPING in passed and BluetoothScannerState.STARTING in passed
            assert states[-1].mode == other
            assert states[-1].configured_mode == first.configured_mode
            states.clear()
            api.bluetooth_scanner_set_mode(other)
            await asyncio.sleep(0.5)
            assert not states, "setting the mode that is set changes nothing"

    run(main())


@profiles(lambda profile: not profile.scanner_state)
def test_older_firmware_says_nothing_of_its_scanner(sim, profile):
    states = []

    async def main():
        async with client(sim(firmware=profile.firmware)) as api:
            api.subscribe_bluetooth_scanner_state(states.append)
            api.subscribe_bluetooth_le_advertisements(lambda advert: None)
            await asyncio.sleep(0.5)
            assert not states

    run(main())


def test_connection_slots(sim, profile, psk):
    async def main():
        async with client(sim(firmware=profile.firmware, psk=psk)) as api:
            info = await api.device_info()
            flags = info.bluetooth_proxy_feature_flags_compat(api.api_version)
            assert flags & BluetoothProxyFeature.ACTIVE_CONNECTIONS
            slots = []
            api.subscribe_bluetooth_connections_free(lambda *slot: slots.append(slot))
            free, limit, allocated = (await until(lambda: slots))[0]
            assert 0 < free == limit
            assert list(allocated) == []

    run(main())


def test_pings_are_answered(sim, profile, psk):
    """At this pace the client gives up 2.7 s after a ping that stays unanswered."""

    async def main():
        async with client(sim(firmware=profile.firmware, psk=psk), keepalive=0.6) as api:
            await asyncio.sleep(4)
            assert api._connection is not None and api._connection.is_connected

    run(main())


def test_client_disconnects(sim, profile, psk):
    stops = []

    async def on_stop(expected):
        stops.append(expected)

    async def main():
        proxy = sim(firmware=profile.firmware, psk=psk)
        for _ in range(3):
            api = APIClient(proxy.host, proxy.port, None, noise_psk=psk)
            await api.connect(on_stop=on_stop, login=True)
            await api.disconnect()
        await until(lambda: len(stops) == 3)
        assert stops == [True, True, True]

    run(main())


def test_proxy_disconnects(sim, profile, psk):
    stops = []

    async def on_stop(expected):
        stops.append(expected)

    async def main():
        proxy = sim(firmware=profile.firmware, psk=psk)
        api = APIClient(proxy.host, proxy.port, None, noise_psk=psk)
        await api.connect(on_stop=on_stop, login=True)
        proxy.terminate()
        await until(lambda: stops)
        assert stops == [True], "a proxy that goes down says so first"

    run(main())


@pytest.mark.parametrize("abrupt", [False, True], ids=["unsubscribed", "gone"])
def test_who_has_the_subscription(sim, profile, abrupt):
    """The first subscriber keeps it until it leaves; on the newest firmware the newest takes it."""
    first, second = [], []

    async def main():
        proxy = sim(*FAST, firmware=profile.firmware)

        def subscribe(api, into):
            if profile.raw:
                return api.subscribe_bluetooth_le_raw_advertisements(into.append)
            return api.subscribe_bluetooth_le_advertisements(into.append)

        async with client(proxy) as two:
            one = APIClient(proxy.host, proxy.port, None)
            await one.connect(login=True)
            leave = subscribe(one, first)
            await until(lambda: first)
            subscribe(two, second)
            if profile.newest_wins:
                await until(lambda: second)
                first.clear()
                await asyncio.sleep(0.5)
                assert not first and second
                await one.disconnect()
                return
            await asyncio.sleep(0.5)
            assert not second
            if abrupt:
                await one.disconnect(force=True)
            else:
                leave()
            await asyncio.sleep(0.3)
            assert not second, "a refused subscription is not kept for later"
            subscribe(two, second)
            await until(lambda: second)
            await one.disconnect()

    run(main())
