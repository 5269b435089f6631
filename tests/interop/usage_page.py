# SPDX-License-Identifier: MIT
"""The first example of bleak-esphome's usage page (bleak-esphome.readthedocs.io, MIT), which our users come from.

As on the page, except: addresses are arguments and the key is BLEPROXY_NOISE_PSK; asyncio.wait is given a list, as
Python before 3.12 demands.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys

import habluetooth

from bleak_esphome import APIConnectionManager, ESPHomeDeviceConfig

CONNECTION_TIMEOUT = 5

# An unlimited number of devices can be added here
ESPHOME_DEVICES: list[ESPHomeDeviceConfig] = [
    {
        "address": address,
        "noise_psk": os.environ.get("BLEPROXY_NOISE_PSK"),
    }
    for address in sys.argv[1:]
]


async def example_app() -> None:
    """Example application here."""
    import bleak

    await asyncio.sleep(5)  # Give time for advertisements to be received

    # Use bleak normally here
    devices = await bleak.BleakScanner.discover(return_adv=True)
    for d, a in devices.values():
        print()
        print(d)
        print("-" * len(str(d)))
        print(a)

    # Wait forever
    await asyncio.Event().wait()


async def run() -> None:
    """Run the main application."""
    connections = [APIConnectionManager(device) for device in ESPHOME_DEVICES]
    await habluetooth.BluetoothManager().async_setup()
    try:
        await asyncio.wait(
            [asyncio.create_task(conn.start()) for conn in connections],
            timeout=CONNECTION_TIMEOUT,
        )
        await example_app()
    finally:
        await asyncio.gather(*(conn.stop() for conn in connections))


logging.basicConfig(level=logging.DEBUG)
asyncio.run(run())
