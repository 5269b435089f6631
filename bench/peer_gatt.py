# SPDX-License-Identifier: MIT
"""The Python stack as a client for operations on devices, for comparison with `gatt`: same arguments, same output, but
for the parts `ping` and `bare`.

    peer_gatt.py [--psk-file FILE] HOST PART:OPERATIONS...

bleak through bleak-retry-connector and bleak-esphome, as its usage page shows.
"""

import argparse
import asyncio
import json
import logging
import resource
import time

import bleak_retry_connector
import habluetooth
from aioesphomeapi import APIClient
from bleak_esphome import APIConnectionManager
from bleak_retry_connector import establish_connection

NAME = "Virtual UART"
KEPT, CONTROL = "6e400004-b5a3-f393-e0a9-e50e24dcca9e", "6e400005-b5a3-f393-e0a9-e50e24dcca9e"
UNREAD_MAX, NOTIFICATIONS_MAX = 1000, 65535
SHORT, LONG = bytes(20), bytes(512)


class Gatt:
    def __init__(self, host, psk):
        self.host, self.psk = host, psk
        self.client = self.kept = self.control = None
        self.awaited, self.received = 0, asyncio.Event()

    async def start(self):
        manager = habluetooth.BluetoothManager()
        habluetooth.set_manager(manager)
        await manager.async_setup()
        await APIConnectionManager({"address": self.host, "noise_psk": self.psk}).start()
        while True:
            for info in manager.async_discovered_service_info(True):
                if info.name == NAME:
                    self.device = info.device
                    return
            await asyncio.sleep(0.05)

    async def connect(self):
        # Looked up only now: the manager has put its own class in the place of the package's.
        kind = bleak_retry_connector.BleakClientWithServiceCache
        self.client = await establish_connection(kind, self.device, NAME)

    async def disconnect(self):
        client, self.client = self.client, None
        await client.disconnect()

    def forget_services(self):
        """As clear_cache() does, but without asking the proxy to."""
        backend = self.client._backend
        backend._cache.clear_gatt_services_cache(backend._address_as_int)
        backend._cache.clear_gatt_mtu_cache(backend._address_as_int)

    def on_notification(self, _characteristic, _value):
        self.awaited -= 1
        if not self.awaited:
            self.received.set()

    async def over_link(self, value=None):
        if not self.client:
            await self.connect()
            self.kept = self.client.services.get_characteristic(KEPT)
            self.control = self.client.services.get_characteristic(CONTROL)
            await self.client.start_notify(self.control, self.on_notification)
        if value is not None:
            await self.client.write_gatt_char(self.kept, value, response=True)

    async def without_link(self):
        if self.client:
            await self.disconnect()

    # Each part: what comes before, and so many operations.

    prepare_discover = prepare_connect = prepare_session = without_link
    prepare_write512 = prepare_notify = over_link

    async def prepare_read(self):
        await self.over_link(bytes(1))

    prepare_command = prepare_burst = prepare_read

    async def prepare_read512(self):
        await self.over_link(LONG)

    async def discover(self, operations):
        for _ in range(operations):
            await self.connect()
            self.forget_services()
            await self.disconnect()

    async def connect_cached(self, operations):
        for _ in range(operations):
            await self.connect()
            await self.disconnect()

    async def read(self, operations):
        for _ in range(operations):
            await self.client.read_gatt_char(self.kept)

    read512 = read

    async def write512(self, operations):
        for _ in range(operations):
            await self.client.write_gatt_char(self.kept, LONG, response=True)

    async def command(self, operations):
        for done in range(1, operations + 1):
            await self.client.write_gatt_char(self.kept, SHORT, response=False)
            if done % UNREAD_MAX == 0:
                await self.client.read_gatt_char(self.kept)

    burst = command  # every write is a system call of its own, however they are made

    async def notify(self, operations):
        while operations > 0:
            self.received.clear()
            self.awaited = min(operations, NOTIFICATIONS_MAX)
            operations -= self.awaited
            await self.client.write_gatt_char(self.control, self.awaited.to_bytes(2, "little"), response=True)
            await self.received.wait()

    async def session(self, operations):
        for _ in range(operations):
            client = APIClient(self.host, 6053, None, noise_psk=self.psk)
            await client.connect(login=True)
            await client.disconnect()


async def measure(gatt, part, operations):
    await getattr(gatt, f"prepare_{part}")()
    run = gatt.connect_cached if part == "connect" else getattr(gatt, part)
    usage, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    await run(operations)
    now = resource.getrusage(resource.RUSAGE_SELF)
    line = {
        "part": part,
        "operations": operations,
        "user": round(now.ru_utime - usage.ru_utime, 6),
        "sys": round(now.ru_stime - usage.ru_stime, 6),
        "wall": round(time.monotonic() - wall, 6),
    }
    print(json.dumps(line), flush=True)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--psk-file", type=argparse.FileType())
    parser.add_argument("host")
    parser.add_argument("parts", nargs="+")
    arguments = parser.parse_args()
    psk = arguments.psk_file.read().strip() if arguments.psk_file else None
    logging.getLogger("habluetooth").setLevel(logging.ERROR)
    gatt = Gatt(arguments.host, psk)
    await gatt.start()
    for part in arguments.parts:
        name, _, operations = part.partition(":")
        await measure(gatt, name, int(operations))
    await gatt.without_link()


asyncio.run(main())
