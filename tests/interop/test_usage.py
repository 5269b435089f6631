# SPDX-License-Identifier: MIT
"""The usage page's first example and its C counterpart find the same devices through virtual proxies."""

import asyncio
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import bleak_esphome
import habluetooth
from bleak_esphome import APIConnectionManager
from bluetooth_data_tools import int_to_bluetooth_address, parse_advertisement_data_bytes
from habluetooth import BluetoothScanningMode

from harness import READY_S, client, environment, eventually, network, program, run, scan, until

PAGE = [sys.executable, "-u", str(pathlib.Path(__file__).with_name("usage_page.py"))]
ADDRESS = re.compile(r"\b(?:[0-9A-F]{2}:){5}[0-9A-F]{2}\b")
PUBLIC, STATIC = 0, 3 << 46
APPLE, APPLE_KEPT = 76, b"\x02\x06\x10\x11\x12"
QUIET_S = 1  # after which a program has said what it had to say
LAMP = "Reading lamp"  # its name is in the scan response only: who listens for five seconds may miss it


def lasting(sim):
    """Addresses of the devices that are not of the kind that changes its address, by name."""
    found = {}

    def on_raw(batch):
        for advert in batch.advertisements:
            if advert.address_type == PUBLIC or advert.address & STATIC == STATIC:
                name, _, service_data, manufacturer_data, _ = parse_advertisement_data_bytes(advert.data)
                apple = manufacturer_data.get(APPLE) if len(manufacturer_data) == 1 and not service_data else None
                if not apple or apple[:1] in APPLE_KEPT:
                    address = int_to_bluetooth_address(advert.address)
                    found[address] = name or found.get(address)

    async def listen():
        async with client(sim) as api:
            info = await api.device_info()
            if info.bluetooth_proxy_feature_flags_compat(api.api_version) & 0x20:
                api.subscribe_bluetooth_le_raw_advertisements(on_raw)
            else:
                api.subscribe_bluetooth_le_advertisements(
                    lambda advert: (
                        found.update({int_to_bluetooth_address(advert.address): advert.name})
                        if advert.address_type == PUBLIC
                        else None
                    )
                )
            await asyncio.sleep(4)

    run(listen())
    return found


def heard(command, sim):
    """What a program says when it is pointed at all proxies of sim and interrupted once it has said it."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            [*command, *(host for host, _ in sim.proxies)],
            env=environment(sim.psk),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            # A suite that runs in the background of a shell has SIGINT ignored, and so would the program.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        try:
            eventually(lambda: os.fstat(out.fileno()).st_size or process.poll() is not None)
            said = None
            while said != (said := os.fstat(out.fileno()).st_size):
                time.sleep(QUIET_S)
            process.send_signal(signal.SIGINT)
            process.wait(READY_S)
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        err.seek(0)
        return out.read(), err.read()


def test_both_find_the_same_devices(sim, profile, psk):
    # Three times the same house, because it has one subscriber at a time.
    for_page, for_ours, for_us = (sim(firmware=profile.firmware, psk=psk, listen=network(), count=2) for _ in range(3))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        page = pool.submit(heard, PAGE, for_page)
        counterpart = pool.submit(heard, [program("examples/usage")], for_ours)
        devices = lasting(for_us)
        theirs, their_errors = page.result()
        ours, our_errors = counterpart.result()

    assert len(devices) >= 2
    assert set(devices) <= set(ADDRESS.findall(theirs)), their_errors
    assert set(devices) <= set(ADDRESS.findall(ours)), our_errors
    named = {name for name in devices.values() if name} - {LAMP}
    assert named
    for name in named:
        assert name in theirs and name in ours


def test_bleak_esphome_comes_back_with_the_proxy(sim):
    """Its connection manager reconnects to a proxy that restarts, and its scanner hears again."""
    listen = network()

    async def main():
        manager = habluetooth.BluetoothManager()
        habluetooth.set_manager(manager)
        await manager.async_setup()
        proxy = sim("--rate", "100", listen=listen)
        connection = APIConnectionManager({"address": proxy.host, "noise_psk": None})
        await connection.start()
        await until(lambda: list(manager.async_discovered_service_info(True)))
        proxy.__exit__()
        await until(lambda: not manager.async_current_scanners())
        sim("--rate", "100", listen=listen)
        await until(manager.async_current_scanners)
        scanner = manager.async_current_scanners()[0]
        await until(lambda: scanner.discovered_devices)
        await connection.stop()
        manager.async_stop()

    run(main())


def test_wiring_connect_scanner_directly(sim, profile, psk):
    """The page's last example, for programs that keep the API connection in their own hands."""

    async def main():
        manager = habluetooth.BluetoothManager()
        habluetooth.set_manager(manager)
        await manager.async_setup()
        async with client(sim("--rate", "100", firmware=profile.firmware, psk=psk)) as api:
            data = bleak_esphome.connect_scanner(api, await api.device_info(), available=True)
            scanner = data.scanner
            unsetup = scanner.async_setup()
            unregister = manager.async_register_scanner(scanner)
            await until(lambda: list(manager.async_discovered_service_info(True)))
            assert data.bluetooth_device.ble_connections_free == data.bluetooth_device.ble_connections_limit > 0
            if profile.scanner_state:
                before = scanner.current_mode
                scanner.async_set_scanning_mode(BluetoothScanningMode.PASSIVE)
                await until(lambda: scanner.current_mode == BluetoothScanningMode.PASSIVE)
                window = asyncio.create_task(scanner.async_request_active_window(0.5))
                await until(lambda: scanner.current_mode == BluetoothScanningMode.ACTIVE)
                assert await window
                await until(lambda: scanner.current_mode == BluetoothScanningMode.PASSIVE)
                assert before is not None
            data.bluetooth_device.async_set_unavailable()
            for callback in list(data.disconnect_callbacks):
                callback()
            unregister()
            unsetup()
        manager.async_stop()

    run(main())


def test_faulty_proxies_on_a_bad_network(sim, psk):
    """Stalls, resets and garbage: both still hear devices, each time again."""
    for_page, for_ours = (sim("--faults", listen=network(), count=3, psk=psk) for _ in range(2))
    lines = []

    async def main():
        manager = habluetooth.BluetoothManager()
        habluetooth.set_manager(manager)
        await manager.async_setup()
        connections = [APIConnectionManager({"address": host, "noise_psk": psk}) for host, _ in for_page.proxies]
        starts = [asyncio.create_task(connection.start()) for connection in connections]
        lines.extend(await asyncio.to_thread(scan, for_ours, seconds=8))
        assert len(list(manager.async_discovered_service_info(True))) > 10
        await asyncio.gather(*(connection.stop() for connection in connections))
        await asyncio.gather(*starts, return_exceptions=True)
        manager.async_stop()

    run(main(), timeout=60)
    assert len({line["address"] for line in lines}) > 10
