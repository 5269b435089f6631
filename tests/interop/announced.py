# SPDX-License-Identifier: MIT
"""Run by test_announcements.py in a network namespace of its own: virtual proxies of all firmware releases that announce
themselves, and aioesphomeapi's ways to find them. Prints what it found as JSON."""

import asyncio
import json
import subprocess
import sys

from aioesphomeapi import APIClient
from aioesphomeapi.discover import async_service_update
from aioesphomeapi.host_resolver import async_resolve_host
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

SERVICE = "_esphomelib._tcp.local."
FIND_S = 20


def start(bleproxy, number, firmware, *options):
    name = "proxy-" + firmware.replace(".", "-")
    process = subprocess.Popen(
        [bleproxy, "sim", "-l", f"127.0.0.1:{6053 + number}", "-f", firmware, "--name", name, "--mdns", *options],
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline()
    return name, process


async def describe(zeroconf, name, port):
    """Everything that a client learns about that proxy before and while it connects by its name."""
    info = AsyncServiceInfo(SERVICE, f"{name}.{SERVICE}")
    assert await info.async_request(zeroconf.zeroconf, 1000 * FIND_S), name
    addresses = await async_resolve_host([f"{name}.local"], port)
    api = APIClient(f"{name}.local", port, None)
    await api.connect(login=True)
    device = await api.device_info()
    await api.disconnect()
    return {
        "port": info.port,
        "server": info.server,
        "addresses": info.parsed_addresses(),
        "properties": info.decoded_properties,
        "resolved": [address.sockaddr.address for address in addresses],
        "device": device.name,
        "mac": device.mac_address.replace(":", "").lower(),
        "version": device.esphome_version,
    }


async def main(bleproxy, firmwares):
    sims = [start(bleproxy, number, firmware) for number, firmware in enumerate(firmwares)]
    fresh = start(bleproxy, len(sims), "2026.8", "--provisionable", "--name", "fresh")[1]
    sims.append(("fresh", fresh))
    changes = []
    zeroconf = AsyncZeroconf()

    def on_change(zeroconf, service_type, name, state_change):
        async_service_update(zeroconf, service_type, name, state_change)  # as aioesphomeapi-discover prints it
        changes.append((name.partition(".")[0], state_change.name))

    async def until(name, change):
        async with asyncio.timeout(FIND_S):
            while (name, change) not in changes:
                await asyncio.sleep(0.02)

    browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[on_change])
    found = {}
    for number, (name, _) in enumerate(sims):
        await until(name, "Added")
        found[name] = await describe(zeroconf, name, 6053 + number)
    for name, process in sims:
        process.terminate()
        await until(name, "Removed")
        assert process.wait(FIND_S) == 0
    await browser.async_cancel()
    await zeroconf.async_close()
    print(json.dumps(found))


asyncio.run(main(sys.argv[1], sys.argv[2:]))
