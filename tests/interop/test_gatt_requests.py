# SPDX-License-Identifier: MIT
"""What bleak hides: each request of aioesphomeapi about devices, and what the virtual proxy answers, every firmware."""

import asyncio
import contextlib

import pytest
from aioesphomeapi import BluetoothProxyFeature
from aioesphomeapi import api_pb2 as api
from aioesphomeapi.core import BluetoothGATTAPIError, TimeoutAPIError
from bluetooth_data_tools import parse_advertisement_data_bytes

from harness import client, profiles, run, until
from virtual_house import DATABASES, LOCK_NAME, UART_BURST, UART_INPUT, UART_STORE, full

NOT_CONNECTED = -1
INVALID_HANDLE, READ_NOT_PERMITTED, WRITE_NOT_PERMITTED, INSUFFICIENT_AUTHENTICATION = 1, 2, 3, 5
INVALID_LENGTH = 13
PEER_HUNG_UP, WE_HUNG_UP = 0x13, 0x16
PAIRING_NOT_SUPPORTED = 77 + 5  # as Bluedroid numbers it
MTU_DEFAULT = 23
NOBODY = 0xA4C138FFFFFF
SHORT_S = 0.2  # for what never comes

Request = api.BluetoothDeviceRequest
CONNECT_GONE = api.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT
DISCONNECT = api.BLUETOOTH_DEVICE_REQUEST_TYPE_DISCONNECT
PAIR = api.BLUETOOTH_DEVICE_REQUEST_TYPE_PAIR
UNPAIR = api.BLUETOOTH_DEVICE_REQUEST_TYPE_UNPAIR
CONNECT_WITH_CACHE = api.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT_V3_WITH_CACHE
CONNECT = api.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT_V3_WITHOUT_CACHE
CLEAR_CACHE = api.BLUETOOTH_DEVICE_REQUEST_TYPE_CLEAR_CACHE

ANSWERS = (
    api.BluetoothDeviceConnectionResponse,
    api.BluetoothDevicePairingResponse,
    api.BluetoothDeviceUnpairingResponse,
    api.BluetoothDeviceClearCacheResponse,
    api.BluetoothConnectionsFreeResponse,
    api.BluetoothSetConnectionParamsResponse,
    api.BluetoothGATTGetServicesResponse,
    api.BluetoothGATTGetServicesDoneResponse,
    api.BluetoothGATTReadResponse,
    api.BluetoothGATTWriteResponse,
    api.BluetoothGATTNotifyResponse,
    api.BluetoothGATTNotifyDataResponse,
    api.BluetoothGATTErrorResponse,
)


class Session:
    """A client that has subscribed to the proxy, and knows the devices around it by name."""

    def __init__(self, proxy, profile):
        self.proxy, self.profile = proxy, profile
        self.devices = {}  # (address, address type) by name
        self.told = []

    @contextlib.asynccontextmanager
    async def open(self):
        async with client(self.proxy) as self.api:
            self.api._get_connection().add_message_callback(self.told.append, ANSWERS)
            if self.profile.raw:
                self.unsubscribe = self.api.subscribe_bluetooth_le_raw_advertisements(self.on_raw)
            else:
                self.unsubscribe = self.api.subscribe_bluetooth_le_advertisements(
                    lambda one: self.devices.update({one.name: (one.address, one.address_type)})
                )
            yield self

    def on_raw(self, batch):
        for one in batch.advertisements:
            name = parse_advertisement_data_bytes(one.data)[0]
            if name:
                self.devices[name] = one.address, one.address_type

    async def heard(self, name):
        return await until(lambda: self.devices.get(name))

    async def ask(self, *requests):
        """What the proxy says to these requests, up to the answer to one more."""
        await self.api.device_info()
        self.told.clear()
        for request in requests:
            self.api._get_connection().send_message(request)
        await self.api.device_info()
        return list(self.told)

    async def connect(self, name, kind=CONNECT):
        """Its address, once it is connected."""
        address, address_type = await self.heard(name)
        told = await self.ask(
            Request(address=address, request_type=kind, has_address_type=True, address_type=address_type)
        )
        assert [one.connected for one in told if hasattr(one, "connected")] == [True]
        return address

    async def services(self, address):
        """Characteristics by UUID; the first of each."""
        found = {}
        for service in (await self.api.bluetooth_gatt_get_services(address)).services:
            for one in service.characteristics:
                found.setdefault(one.uuid, one)
        return found


@pytest.fixture
def proxy(sim, profile):
    """Starts one proxy of the profile whose devices answer at once."""
    return lambda *options: sim("--latency", "0", *options, firmware=profile.firmware)


@pytest.fixture
def session(proxy, profile):
    return lambda *options: Session(proxy(*options), profile).open()


def connection(address, connected, mtu=0, error=0):
    return api.BluetoothDeviceConnectionResponse(address=address, connected=connected, mtu=mtu, error=error)


def refusal(address, handle, error):
    return api.BluetoothGATTErrorResponse(address=address, handle=handle, error=error)


def test_requests_about_what_is_not_connected(session, profile):
    params = api.BluetoothSetConnectionParamsRequest(
        address=NOBODY, min_interval=800, max_interval=800, latency=0, timeout=600
    )

    async def main():
        async with session() as one:
            free = api.BluetoothConnectionsFreeResponse(free=3, limit=3)
            for request, handle in (
                (api.BluetoothGATTGetServicesRequest(address=NOBODY), 0),
                (api.BluetoothGATTReadRequest(address=NOBODY, handle=7), 7),
                (api.BluetoothGATTWriteRequest(address=NOBODY, handle=7, response=True, data=b"x"), 7),
                (api.BluetoothGATTReadDescriptorRequest(address=NOBODY, handle=7), 7),
                (api.BluetoothGATTWriteDescriptorRequest(address=NOBODY, handle=7, data=b"x"), 7),
                (api.BluetoothGATTNotifyRequest(address=NOBODY, handle=7, enable=True), 7),
            ):
                assert await one.ask(request) == [refusal(NOBODY, handle, NOT_CONNECTED)], request
            assert await one.ask(Request(address=NOBODY, request_type=DISCONNECT)) == [connection(NOBODY, False), free]
            assert await one.ask(Request(address=NOBODY, request_type=CONNECT_GONE)) == [connection(NOBODY, False)]
            assert await one.ask(Request(address=NOBODY, request_type=CONNECT)) == [connection(NOBODY, False)], (
                "without an address type"
            )
            refused = api.BluetoothDevicePairingResponse(address=NOBODY, paired=False, error=NOT_CONNECTED)
            assert await one.ask(Request(address=NOBODY, request_type=PAIR)) == [refused] * profile.unpairing
            told = await one.ask(Request(address=NOBODY, request_type=UNPAIR))
            if not profile.has(BluetoothProxyFeature.PAIRING):
                assert told == []
            elif profile.unpairing:
                assert told == [api.BluetoothDeviceUnpairingResponse(address=NOBODY, success=True)]
            else:
                assert told == [api.BluetoothDevicePairingResponse(address=NOBODY, paired=True)]
            cleared = [api.BluetoothDeviceClearCacheResponse(address=NOBODY, success=True)]
            told = await one.ask(Request(address=NOBODY, request_type=CLEAR_CACHE))
            assert told == cleared * profile.has(BluetoothProxyFeature.CACHE_CLEARING)
            refused = [api.BluetoothSetConnectionParamsResponse(address=NOBODY, error=NOT_CONNECTED)]
            assert await one.ask(params) == refused * profile.has(BluetoothProxyFeature.CONNECTION_PARAMS_SETTING)

    run(main())


def test_slots_are_reported_with_each_change(session, profile):
    def report(free, *allocated):
        allocated = allocated if profile.slot_addresses else ()
        return api.BluetoothConnectionsFreeResponse(free=free, limit=2, allocated=allocated)

    async def main():
        async with session("--slots", "2") as one:
            battery, battery_type = await one.heard("Virtual Battery")
            heart, heart_type = await one.heard("Virtual Heart")
            third, third_type = await one.heard("Virtual Lock")
            assert await one.ask(api.SubscribeBluetoothConnectionsFreeRequest()) == [report(2)]

            def call(address, address_type):
                return Request(address=address, request_type=CONNECT, has_address_type=True, address_type=address_type)

            up = connection(battery, True, DATABASES["Virtual Battery"][0])
            assert await one.ask(call(battery, battery_type)) == [report(1, battery), up, report(1, battery)]
            again = connection(battery, True, up.mtu if profile.newest_wins else 0)
            assert await one.ask(call(battery, battery_type)) == [again, report(1, battery)]
            await one.ask(call(heart, heart_type))
            assert await one.ask(call(third, third_type)) == [connection(third, False)], "no slot is free"
            assert await one.ask(Request(address=battery, request_type=DISCONNECT)) == [
                connection(battery, False, error=WE_HUNG_UP),
                report(1, heart),
            ]
            assert await one.ask(Request(address=heart, request_type=DISCONNECT)) == [
                connection(heart, False, error=WE_HUNG_UP),
                report(2),
            ]

    run(main())


def test_services_are_streamed(session, profile):
    packed = profile.scanner_state  # since the same time

    async def main():
        async with session() as one:
            address = await one.connect("Virtual Tower")
            one.told.clear()
            tree = await one.api.bluetooth_gatt_get_services(address)
            assert [service.uuid for service in tree.services] == [uuid for uuid, _ in DATABASES["Virtual Tower"][1]]
            sent = [len(message.services) for message in one.told if hasattr(message, "services")]
            assert sum(sent) == 16
            assert (max(sent) > 1) == packed and (len(sent) == 16) != packed
            assert all(message.ByteSize() <= 1360 for message in one.told if hasattr(message, "services"))
            done = api.BluetoothGATTGetServicesDoneResponse(address=address)
            assert one.told[-1] == done
            again = await one.ask(api.BluetoothGATTGetServicesRequest(address=address))
            assert again == ([] if profile.newest_wins else [done])
            await one.api.bluetooth_device_disconnect(address)

            assert await one.connect("Virtual Tower", CONNECT_WITH_CACHE) == address
            assert [message.mtu for message in one.told if hasattr(message, "mtu")] == [MTU_DEFAULT]
            told = await one.ask(api.BluetoothGATTGetServicesRequest(address=address))
            assert told == [done], "nothing was discovered"

    run(main())


def test_errors_have_their_numbers(session):
    async def main():
        async with session() as one:
            address = await one.connect("Virtual UART")
            found = await one.services(address)
            text = found[UART_STORE].descriptors[0].handle
            store = found[UART_STORE].handle
            for call, code in (
                (one.api.bluetooth_gatt_read(address, 0x7000), INVALID_HANDLE),
                (one.api.bluetooth_gatt_read(address, found[UART_INPUT].handle), READ_NOT_PERMITTED),
                (one.api.bluetooth_gatt_write(address, found[full("2a00")].handle, b"", True), WRITE_NOT_PERMITTED),
                (one.api.bluetooth_gatt_write(address, store, bytes(513), True), INVALID_LENGTH),
                (one.api.bluetooth_gatt_read_descriptor(address, 0x7000), INVALID_HANDLE),
                (one.api.bluetooth_gatt_write_descriptor(address, text, b"x"), WRITE_NOT_PERMITTED),
                (one.api.bluetooth_gatt_start_notify(address, 0x7000, lambda *_: None), INVALID_HANDLE),
            ):
                with pytest.raises(BluetoothGATTAPIError) as caught:
                    await call
                assert caught.value.error.error == code and caught.value.error.address == address
            told = await one.ask(api.BluetoothGATTWriteRequest(address=address, handle=store, data=b"x"))
            assert told == [api.BluetoothGATTWriteResponse(address=address, handle=store)], "though none is waited for"

    run(main())


def test_reasons_have_their_numbers(session):
    states = []

    async def main():
        async with session() as one:
            address, address_type = await one.heard("Virtual Quitter")
            for reason in (PEER_HUNG_UP, 0x08, 0x22):
                states.clear()
                forget = await one.api.bluetooth_device_connect(
                    address,
                    lambda *state: states.append(state),
                    feature_flags=one.profile.flags,
                    address_type=address_type,
                )
                found = await one.services(address)
                handle = found["5f1e0023-7b0a-4c6d-9e21-3d8a60c4b517"].handle
                await one.api.bluetooth_gatt_write(address, handle, bytes([reason]), response=False)
                await until(lambda: len(states) == 2)
                assert states == [(True, DATABASES["Virtual Battery"][0], 0), (False, 0, reason)]
                forget()

    run(main())


@profiles(lambda profile: profile.has(BluetoothProxyFeature.PAIRING))
def test_pairing(session, profile):
    async def main():
        async with session() as one:
            heart, lock = await one.connect("Virtual Heart"), await one.connect("Virtual Lock")
            paired = await one.api.bluetooth_device_pair(heart)
            assert (paired.paired, paired.error) == (False, PAIRING_NOT_SUPPORTED)
            handle = (await one.services(lock))[LOCK_NAME].handle
            with pytest.raises(BluetoothGATTAPIError) as caught:
                await one.api.bluetooth_gatt_read(lock, handle)
            assert caught.value.error.error == INSUFFICIENT_AUTHENTICATION
            for _ in range(2):
                paired = await one.api.bluetooth_device_pair(lock)
                assert (paired.address, paired.paired, paired.error) == (lock, True, 0)
            one.told.clear()
            if profile.unpairing:
                assert (await one.api.bluetooth_device_unpair(lock)).success
            else:
                with pytest.raises(TimeoutAPIError):
                    await one.api.bluetooth_device_unpair(lock, timeout=SHORT_S)
                assert one.told == [api.BluetoothDevicePairingResponse(address=lock, paired=True)]
            with pytest.raises(BluetoothGATTAPIError):
                await one.api.bluetooth_gatt_read(lock, handle)

    run(main())


def test_nothing_is_notified_unless_both_device_and_proxy_are_told(session):
    values = []

    async def main():
        async with session() as one:
            address = await one.connect("Virtual UART")
            burst = (await one.services(address))[UART_BURST]
            cccd = next(d.handle for d in burst.descriptors if d.uuid == full("2902"))

            async def come():
                values.clear()
                await one.api.bluetooth_gatt_write(address, burst.handle, b"\x03\0", response=True)
                await one.api.device_info()
                return len(values)

            stop, _ = await one.api.bluetooth_gatt_start_notify(
                address, burst.handle, lambda handle, value: values.append(bytes(value))
            )
            assert await come() == 0, "the device was not told"
            await one.api.bluetooth_gatt_write_descriptor(address, cccd, b"\1\0")
            await come()
            await until(lambda: len(values) == 3)
            await one.api.bluetooth_gatt_write_descriptor(address, cccd, b"\0\0")
            assert await come() == 0
            await one.api.bluetooth_gatt_write_descriptor(address, cccd, b"\1\0")
            await stop()
            one.told.clear()
            assert await come() == 0
            assert not [message for message in one.told if isinstance(message, api.BluetoothGATTNotifyDataResponse)]

    run(main())


def test_answers_go_to_the_subscriber(session, proxy):
    async def main():
        async with session() as one:
            address = await one.connect("Virtual Battery")
            level = (await one.services(address))[full("2a19")].handle
            async with client(one.proxy) as other:
                mine = []
                other._get_connection().add_message_callback(mine.append, ANSWERS)
                one.told.clear()
                other._get_connection().send_message(api.BluetoothGATTReadRequest(address=address, handle=level))
                other._get_connection().send_message(api.SubscribeBluetoothConnectionsFreeRequest())
                await until(lambda: mine)
                await until(lambda: one.told)
                assert [type(message) for message in mine] == [api.BluetoothConnectionsFreeResponse]
                assert [type(message) for message in one.told] == [api.BluetoothGATTReadResponse]

    run(main())


@pytest.mark.parametrize("abrupt", [False, True], ids=["unsubscribed", "gone"])
def test_links_end_with_the_subscription(session, abrupt):
    async def main():
        async with session() as one:
            address = await one.connect("Virtual Battery")
            slots = []
            async with client(one.proxy) as other:
                other._get_connection().add_message_callback(slots.append, (api.BluetoothConnectionsFreeResponse,))

                async def all_free():
                    slots.clear()
                    other._get_connection().send_message(api.SubscribeBluetoothConnectionsFreeRequest())
                    await until(lambda: slots)
                    return slots[0].free == slots[0].limit

                assert address and not await all_free()
                if abrupt:
                    await one.api.disconnect(force=True)
                else:
                    one.unsubscribe()
                async with asyncio.timeout(5):
                    while not await all_free():
                        await asyncio.sleep(0.02)

    run(main())
