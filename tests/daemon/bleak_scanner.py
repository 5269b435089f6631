# SPDX-License-Identifier: MIT
"""A program that scans by bleak as long as it runs, and prints a line of JSON for each advertisement."""
import asyncio
import json

from bleak import BleakScanner


def on_advertisement(device, data):
    print(json.dumps({"name": data.local_name, "address": device.address}), flush=True)


async def main():
    async with BleakScanner(on_advertisement):
        await asyncio.Event().wait()


asyncio.run(main())
