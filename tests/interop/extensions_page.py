# SPDX-License-Identifier: MIT
"""The examples of bleak-esphome's usage page for its extension methods (bleak-esphome.readthedocs.io, MIT).

As on the page, except: the proxy and the name of the device are arguments, the key is BLEPROXY_NOISE_PSK, and what the
calls return is printed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys

import habluetooth
from bleak_esphome import APIConnectionManager


async def clear_the_cache(device) -> None:
    from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

    client = await establish_connection(BleakClientWithServiceCache, device, name="MyDevice")

    # If characteristics are missing after a firmware update, clear cache
    print("clear_cache:", await client.clear_cache())
    await client.disconnect()


async def set_the_parameters(device) -> None:
    from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

    client = await establish_connection(BleakClientWithServiceCache, device, name="MyDevice")

    # After initial sync, switch to slow intervals to save battery
    result = await client.set_connection_params(
        min_interval=800,  # 1000ms
        max_interval=800,  # 1000ms
        latency=0,
        timeout=600,  # 6000ms
    )
    print("set_connection_params:", result)
    await client.disconnect()


async def run(proxy: str, name: str) -> None:
    import bleak

    connection = APIConnectionManager({"address": proxy, "noise_psk": os.environ.get("BLEPROXY_NOISE_PSK")})
    await habluetooth.BluetoothManager().async_setup()
    try:
        await connection.start()
        while not (device := await bleak.BleakScanner.find_device_by_name(name)):
            await asyncio.sleep(0.05)
        print("address:", device.address)
        await clear_the_cache(device)
        await set_the_parameters(device)
    finally:
        await connection.stop()


logging.basicConfig(level=logging.WARNING)
asyncio.run(run(*sys.argv[1:]))
