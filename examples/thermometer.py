# SPDX-License-Identifier: MIT
# Reads the temperatures of a device by its name, with bleak: bleproxy run -- python3 thermometer.py "Virtual Tower"
import asyncio
import sys

from bleak import BleakClient, BleakScanner


async def main(name):
    device = await BleakScanner.find_device_by_filter(lambda _, heard: heard.local_name == name, timeout=20)
    async with BleakClient(device) as client:
        for thing in client.services.characteristics.values():
            if thing.uuid.startswith("00002a6e"):  # Temperature
                value = await client.read_gatt_char(thing)
                print(f"{device.address}  {int.from_bytes(value, 'little', signed=True) / 100} °C")

asyncio.run(main(sys.argv[1]))
