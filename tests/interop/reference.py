# SPDX-License-Identifier: MIT
"""The Python stack, unmodified, around virtual proxies."""

import asyncio
import contextlib

import bleak_retry_connector
import habluetooth
from bleak_esphome import APIConnectionManager
from bleak_retry_connector import establish_connection

from harness import until


@contextlib.asynccontextmanager
async def stack(*proxies):
    """A Bluetooth manager that has these proxies, which must be on port 6053."""
    manager = habluetooth.BluetoothManager()
    habluetooth.set_manager(manager)
    await manager.async_setup()
    connections = [
        APIConnectionManager({"address": host, "noise_psk": sim.psk}) for sim in proxies for host, _ in sim.proxies
    ]
    try:
        await asyncio.gather(*(connection.start() for connection in connections))
        yield manager
    finally:
        await asyncio.gather(*(connection.stop() for connection in connections))
        manager.async_stop()


async def heard(manager, name):
    """The device of that name, once it is heard."""
    return await until(
        lambda: next((info.device for info in manager.async_discovered_service_info(True) if info.name == name), None)
    )


async def heard_by(manager, name, n_proxies):
    """The same, once so many of the proxies hear it."""
    device = await heard(manager, name)
    await until(lambda: len(manager.async_scanner_devices_by_address(device.address, True)) >= n_proxies)
    return device


def client_class():
    """Looked up when it is used: the manager has put its own in its place."""
    return bleak_retry_connector.BleakClientWithServiceCache


async def connect(manager, name, **options):
    """A client that is connected to the device of that name."""
    return await establish_connection(client_class(), await heard(manager, name), name, **options)


@contextlib.asynccontextmanager
async def connected(manager, name, **options):
    """The same, for as long as the context lasts."""
    client = await connect(manager, name, **options)
    try:
        yield client
    finally:
        await client.disconnect()
