# SPDX-License-Identifier: MIT
"""bleak, through bleak-esphome and habluetooth, talks to devices through the virtual proxy, every firmware."""

import asyncio
import logging

import pytest
from aioesphomeapi import BluetoothProxyFeature
from bleak.exc import BleakError
from bleak_retry_connector import establish_connection

from harness import network, run, until
from reference import client_class, connect, connected, heard, heard_by, stack
from virtual_house import (
    DATABASES,
    LOCK_NAME,
    LOCK_STATE,
    MUTE_VALUE,
    QUITTER_FAIL,
    QUITTER_HANG_UP,
    QUITTER_VALUE,
    TEMPERATURE,
    UART_BURST,
    UART_INPUT,
    UART_OUTPUT,
    UART_STORE,
    full,
)

MTU_OVERHEAD = 3
INSUFFICIENT_AUTHENTICATION = 5
SHORT_S = 0.3  # for what never comes
VALUE = bytes(n * 7 & 0xFF for n in range(512))


@pytest.fixture
def house(sim, profile, psk):
    """Starts one proxy of the profile whose devices answer at once."""

    def start(*options):
        return sim("--latency", "0", *options, firmware=profile.firmware, psk=psk, listen=network())

    return start


def is_free(manager):
    """Whether no slot of the only proxy is taken."""
    slots = manager.async_current_allocations()[0]
    return slots.free == slots.slots and not slots.allocated


def tree(services):
    return [
        (
            service.uuid,
            [
                (one.uuid, set(one.properties), [descriptor.uuid for descriptor in one.descriptors])
                for one in service.characteristics
            ],
        )
        for service in services
    ]


def handles(services):
    for service in services:
        yield service.handle
        for one in service.characteristics:
            yield one.handle
            yield from (descriptor.handle for descriptor in one.descriptors)


def descriptor_of(client, characteristic, uuid):
    return client.services.get_characteristic(characteristic).get_descriptor(full(uuid))


def test_services_are_the_database(house):
    async def main():
        async with stack(house()) as manager:
            for name, (mtu, database) in DATABASES.items():
                async with connected(manager, name) as client:
                    assert tree(client.services) == database
                    assert client.mtu_size == mtu
                    numbers = list(handles(client.services))
                    assert numbers == sorted(set(numbers)) and 0 < numbers[0] and numbers[-1] < 1 << 16

    run(main())


def test_values_are_read_and_written(house):
    async def main():
        async with stack(house()) as manager, connected(manager, "Virtual UART") as client:
            assert await client.read_gatt_char(full("2a00")) == b"Virtual UART"
            assert await client.read_gatt_char(UART_STORE) == b"\0"
            for value in (VALUE, b"", b"x"):
                await client.write_gatt_char(UART_STORE, value, response=True)
                assert await client.read_gatt_char(UART_STORE) == value
            most = client.services.get_characteristic(UART_STORE).max_write_without_response_size
            assert most == client.mtu_size - MTU_OVERHEAD
            await client.write_gatt_char(UART_STORE, VALUE[:most], response=False)
            assert await client.read_gatt_char(UART_STORE) == VALUE[:most]
            text = descriptor_of(client, UART_STORE, "2901")
            assert await client.read_gatt_descriptor(text.handle) == b"keeps up to 512 bytes"
            for wrong in (
                client.read_gatt_char(UART_INPUT),
                client.write_gatt_char(full("2a00"), b"x", response=True),
                client.write_gatt_char(UART_STORE, VALUE + b"x", response=True),
                client.write_gatt_descriptor(text.handle, b"x"),
            ):
                with pytest.raises(BleakError, match=f"{client.address}|handle"):
                    await wrong
            assert client.is_connected

    run(main())


def test_a_thousand_notifications_come_in_order(house):
    values, echoes = [], []

    async def main():
        async with stack(house()) as manager, connected(manager, "Virtual UART") as client:
            await client.start_notify(UART_BURST, lambda sender, value: values.append(bytes(value)))
            await client.start_notify(UART_OUTPUT, lambda sender, value: echoes.append(bytes(value)))
            await client.write_gatt_char(UART_BURST, (1000).to_bytes(2, "little"), response=True)
            await until(lambda: len(values) == 1000)
            assert values == [n.to_bytes(2, "little") + bytes(18) for n in range(1000)]
            assert await client.read_gatt_descriptor(descriptor_of(client, UART_BURST, "2902").handle) == b"\1\0"
            for size in (0, 1, 512):
                await client.write_gatt_char(UART_INPUT, VALUE[:size], response=True)
            await until(lambda: len(echoes) == 3)
            assert echoes == [VALUE[:size] for size in (0, 1, 512)]
            await client.stop_notify(UART_BURST)
            await client.write_gatt_char(UART_BURST, b"\1\0", response=True)
            await client.write_gatt_char(UART_INPUT, b"last", response=True)
            await until(lambda: len(echoes) == 4)
            assert len(values) == 1000

    run(main())


def test_indications_are_asked_for_where_there_are_no_notifications(house):
    async def main():
        async with stack(house()) as manager, connected(manager, "Virtual Tower") as client:
            only = next(one for one in client.services.characteristics.values() if one.properties == ["indicate"])
            both = client.services.get_characteristic("5f1e2001-7b0a-4c6d-9e21-3d8a60c4b517")
            for one in (only, both):
                await client.start_notify(one, lambda sender, value: None)
                cccd = one.get_descriptor(full("2902"))
                assert await client.read_gatt_descriptor(cccd.handle) == b"\2\0"
            with pytest.raises(BleakError, match="ultiple"):
                await client.read_gatt_char(TEMPERATURE)
            values = [
                await client.read_gatt_char(one.handle)
                for one in client.services.characteristics.values()
                if one.uuid == TEMPERATURE
            ]
            assert values == [b"\x34\x08", b"\x98\x08"]

    run(main())


def test_a_heart_beats(house):
    values = []

    async def main():
        async with stack(house()) as manager, connected(manager, "Virtual Heart") as client:
            assert await client.read_gatt_char(full("2a38")) == b"\1"
            await client.start_notify(full("2a37"), lambda sender, value: values.append(bytes(value)))
            await until(lambda: values)
            assert len(values[0]) == 4 and values[0][0] == 0x16 and 30 < values[0][1] < 220

    run(main())


def test_pairing_opens_the_lock(house, profile):
    async def main():
        async with stack(house()) as manager, connected(manager, "Virtual Lock") as client:
            for locked in (
                client.read_gatt_char(LOCK_NAME),
                client.write_gatt_char(LOCK_STATE, b"\0", response=True),
                client.start_notify(LOCK_STATE, lambda sender, value: None),
            ):
                with pytest.raises(BleakError, match=f"error={INSUFFICIENT_AUTHENTICATION}"):
                    await locked
            if not profile.has(BluetoothProxyFeature.PAIRING):
                for call in (client.pair, client.unpair):
                    with pytest.raises(NotImplementedError, match="airing is not available"):
                        await call()
                return
            await client.pair()
            assert await client.read_gatt_char(LOCK_NAME) == b"front door"
            await client.write_gatt_char(LOCK_STATE, b"\0", response=True)
            assert await client.read_gatt_char(LOCK_STATE) == b"\0"
            await client.start_notify(LOCK_STATE, lambda sender, value: None)
            await client.pair()
            if profile.unpairing:
                await client.unpair()
            else:
                # It is done, but the answer is not the one that is waited for.
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.unpair(), SHORT_S)
            with pytest.raises(BleakError, match=f"error={INSUFFICIENT_AUTHENTICATION}"):
                await client.read_gatt_char(LOCK_NAME)

    run(main())


def test_pairing_while_connecting(house, profile):
    async def main():
        async with stack(house()) as manager:
            if not profile.has(BluetoothProxyFeature.PAIRING):
                with pytest.raises(NotImplementedError):
                    await connect(manager, "Virtual Lock", pair=True)
                return
            async with connected(manager, "Virtual Lock", pair=True) as client:
                assert await client.read_gatt_char(LOCK_NAME) == b"front door"
            with pytest.raises(BleakError, match="Pairing failed"):
                await client_class()(await heard(manager, "Virtual Heart"), pair=True).connect()
            async with connected(manager, "Virtual Heart") as client:
                with pytest.raises(BleakError, match="Pairing failed due to error: 82"):
                    await client.pair()
                assert client.is_connected

    run(main())


def test_the_cache_is_used_and_cleared(house, profile, caplog):
    caplog.set_level(logging.DEBUG, "bleak_esphome")

    def said(text):
        found = text in caplog.text
        caplog.clear()
        return found

    async def main():
        mtu, database = DATABASES["Virtual Tower"]
        async with stack(house()) as manager:
            for cached in (False, True, True):
                caplog.clear()
                async with connected(manager, "Virtual Tower") as client:
                    assert said("Cached services hit") == cached
                    assert tree(client.services) == database and client.mtu_size == mtu
                    assert await client.read_gatt_char(full("ff01")) == b"floor 01"
                    await client.start_notify(full("ff01"), lambda sender, value: None)
            async with connected(manager, "Virtual Tower") as client:
                assert await client.clear_cache() is True
                assert said("On device cache clear is not available") != profile.has(
                    BluetoothProxyFeature.CACHE_CLEARING
                )
            async with connected(manager, "Virtual Tower") as client:
                assert said("Cached services miss") and tree(client.services) == database

    run(main())


def test_connection_parameters(house, profile, caplog):
    async def main():
        async with stack(house()) as manager, connected(manager, "Virtual Battery") as client:
            await client.set_connection_params(min_interval=800, max_interval=800, latency=0, timeout=600)
            able = profile.has(BluetoothProxyFeature.CONNECTION_PARAMS_SETTING)
            assert ("Setting connection parameters is not available" in caplog.text) != able
            if able:
                with pytest.raises(ValueError):
                    await client.set_connection_params(5, 800, 0, 600)
            assert client.is_connected and await client.read_gatt_char(full("2a19"))

    run(main())


@pytest.mark.parametrize("requests", ["of its own", "as told"])
def test_the_device_hangs_up(house, requests):
    ends = []

    async def main():
        async with stack(house()) as manager:
            device = await heard(manager, "Virtual Quitter")
            for n in range(1, 3):
                client = await establish_connection(client_class(), device, "Quitter", ends.append)
                if requests == "of its own":
                    for _ in range(2):
                        assert await client.read_gatt_char(QUITTER_VALUE) == b"still here"
                    with pytest.raises(BleakError):
                        await client.read_gatt_char(QUITTER_VALUE)
                else:
                    await client.write_gatt_char(QUITTER_HANG_UP, b"\x13", response=True)
                await until(lambda n=n: len(ends) == n)
                assert ends[-1] is client and not client.is_connected
                with pytest.raises(BleakError):
                    await client.read_gatt_char(QUITTER_VALUE)
                await client.disconnect()
            assert len(ends) == 2
            await until(lambda: is_free(manager))

    run(main())


def test_errors_of_the_device_come_with_their_numbers(house):
    async def main():
        async with stack(house()) as manager:
            for code in (1, 14, 0x80, 0xFD):
                async with connected(manager, "Virtual Quitter") as client:
                    with pytest.raises(BleakError, match=f"error={code}\\b"):
                        await client.write_gatt_char(QUITTER_FAIL, bytes([code]), response=True)
                    assert client.is_connected

    run(main())


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_slots_are_used_up(house, profile, limit):
    names = list(DATABASES)[: limit + 1]

    async def main():
        async with stack(house("--slots", str(limit))) as manager:

            def slots():
                return manager.async_current_allocations()[0]

            clients = [await connect(manager, name) for name in names[:limit]]
            await until(lambda: slots().free == 0)
            assert slots().slots == limit
            told = sorted(client.address for client in clients) if profile.slot_addresses else []
            assert sorted(slots().allocated) == told
            with pytest.raises(BleakError, match="connection slot"):
                await client_class()(await heard(manager, names[limit])).connect()
            assert all(client.is_connected for client in clients)
            await clients.pop().disconnect()
            async with connected(manager, names[limit]) as client:
                assert client.is_connected
            for client in clients:
                await client.disconnect()
            await until(lambda: slots().free == limit)

    run(main())


def test_no_answer_is_a_timeout(house):
    async def main():
        async with stack(house()) as manager:
            async with connected(manager, "Virtual Mute") as client:
                with pytest.raises(TimeoutError):
                    await client.read_gatt_char(MUTE_VALUE, timeout=SHORT_S)
                with pytest.raises(TimeoutError):
                    await client.start_notify(MUTE_VALUE, lambda sender, value: None, timeout=SHORT_S)
                assert client.is_connected
            ghost = await heard(manager, "Virtual Ghost")
            with pytest.raises(TimeoutError):
                await client_class()(ghost).connect(timeout=SHORT_S)
            await until(lambda: is_free(manager))

    run(main())


def test_the_proxy_goes_away(house):
    ends = []

    async def main():
        proxy = house()
        async with stack(proxy) as manager:
            device = await heard(manager, "Virtual UART")
            client = await establish_connection(client_class(), device, "UART", ends.append)
            proxy.terminate()
            await until(lambda: ends)
            assert ends == [client] and not client.is_connected

    run(main())


def test_two_proxies_share_the_devices(sim, psk):
    names = list(DATABASES)[:3]

    async def main():
        proxies = sim("--latency", "0", "--slots", "1", psk=psk, listen=network(), count=2)
        async with stack(proxies) as manager:
            for name in names:
                await heard_by(manager, name, 2)
            clients = [await connect(manager, name) for name in names[:2]]
            slots = manager.async_current_allocations()
            await until(lambda: all(one.free == 0 for one in manager.async_current_allocations()))
            assert len(slots) == len({one.source for one in slots}) == 2
            with pytest.raises(BleakError, match="connection slot"):
                await client_class()(await heard(manager, names[2])).connect()
            for client in clients:
                assert await client.read_gatt_char(full("2a00"))
                await client.disconnect()

    run(main())


def test_at_the_pace_of_the_air(sim):
    values = []

    async def main():
        proxy = sim(listen=network())
        async with stack(proxy) as manager, connected(manager, "Virtual UART") as client:
            await client.write_gatt_char(UART_STORE, VALUE, response=True)
            assert await client.read_gatt_char(UART_STORE) == VALUE
            await client.start_notify(UART_BURST, lambda sender, value: values.append(bytes(value)))
            await client.write_gatt_char(UART_BURST, (100).to_bytes(2, "little"), response=True)
            await until(lambda: len(values) == 100)
            assert values == [n.to_bytes(2, "little") + bytes(18) for n in range(100)]

    run(main())
