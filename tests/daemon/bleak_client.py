# SPDX-License-Identifier: MIT
"""A program that uses bleak: journey.py tells what it does. Made for bleak 0.20 and for those since."""
import asyncio
import json
import struct
import sys

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

NAME, SERVICE, STORE, BURST, QUITTER, VALUE, HANG_UP = sys.argv[1:]
WRITTEN = bytes(i % 251 for i in range(400))
N_NOTIFICATIONS = 200
TIMEOUT_S = 30


def did(step, **more):
    print(json.dumps({"did": step, **more}), flush=True)


async def find(holds, **more):
    device = await BleakScanner.find_device_by_filter(holds, timeout=TIMEOUT_S, **more)
    if device is None:
        raise BleakError("the device is not heard")
    return device


async def find_by_name(name):
    return await find(lambda device, data: data.local_name == name)


async def stubbornly(action):
    """While there is no adapter, or the device is not there."""
    while True:
        try:
            return await action()
        except (BleakError, asyncio.TimeoutError) as error:
            print(repr(error), file=sys.stderr)
            await asyncio.sleep(0.5)


async def connected(name, on_end):
    client = BleakClient(await find_by_name(name), disconnected_callback=lambda _: on_end.set(), timeout=TIMEOUT_S)
    await client.connect()
    return client


async def transfer(client):
    did("read", value=(await client.read_gatt_char(STORE)).hex())
    await client.write_gatt_char(STORE, WRITTEN, response=True)
    did("wrote", value=(await client.read_gatt_char(STORE)).hex())


async def listen(client):
    numbers, enough = [], asyncio.Event()

    def on_value(_, value):
        numbers.append(struct.unpack_from("<H", value)[0])
        if len(numbers) == N_NOTIFICATIONS:
            enough.set()

    await client.start_notify(BURST, on_value)
    await client.write_gatt_char(BURST, struct.pack("<H", N_NOTIFICATIONS), response=True)
    await asyncio.wait_for(enough.wait(), TIMEOUT_S)
    await client.stop_notify(BURST)
    did("notified", numbers=numbers)


async def be_left():
    end = asyncio.Event()
    client = await connected(QUITTER, end)
    await client.write_gatt_char(HANG_UP, b"\x08", response=True)
    await asyncio.wait_for(end.wait(), TIMEOUT_S)
    did("lost")
    end = asyncio.Event()
    client = await stubbornly(lambda: connected(QUITTER, end))
    did("again", value=(await client.read_gatt_char(VALUE)).hex())
    await client.disconnect()


async def survive():
    end = asyncio.Event()
    await connected(NAME, end)
    did("ready")
    await asyncio.wait_for(end.wait(), TIMEOUT_S)
    did("rebooted")
    client = await stubbornly(lambda: connected(NAME, asyncio.Event()))
    did("survived", value=(await client.read_gatt_char(STORE)).hex())
    await client.disconnect()


async def main():
    device = await find(lambda device, data: data.local_name == NAME, adapter="hci0")
    did("adapter", name=device.details["props"]["Adapter"].rsplit("/", 1)[1])
    did("by_name", address=device.address)
    did("by_service", address=(await find(lambda device, data: SERVICE in data.service_uuids)).address)
    async with BleakClient(device, timeout=TIMEOUT_S) as client:
        did("connected")
        did("services", uuids=[service.uuid for service in client.services])
        await transfer(client)
        await listen(client)
    did("disconnected")
    await be_left()
    await survive()


asyncio.run(main())
