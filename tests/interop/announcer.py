# SPDX-License-Identifier: MIT
"""Announces an ESPHome device by python-zeroconf while a command runs; its exit code is the command's.

usage: announcer.py [--changes] [--proxy] COMMAND...
  --changes  after 2 s it has other firmware, after 4 s it says goodbye
  --proxy    a virtual proxy serves it meanwhile
"""

import asyncio
import socket
import subprocess
import sys

from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

SERVICE = "_esphomelib._tcp.local."
TEXT = {
    "friendly_name": "Living Room \u2600",
    "version": "2026.8.0",
    "mac": "a4c138000003",
    "platform": "ESP32",
    "board": "esp32dev",
    "network": "wifi",
    "api_encryption": "Noise_NNpsk0_25519_ChaChaPoly_SHA256",
}


def info(**changes):
    return ServiceInfo(
        SERVICE,
        f"living-room.{SERVICE}",
        addresses=[socket.inet_aton("10.79.0.1")],
        port=6053,
        properties={**TEXT, **changes},
        server="living-room.local.",
    )


async def change(zeroconf):
    await asyncio.sleep(2)
    other = info(version="2026.9.0")
    await (await zeroconf.async_update_service(other))
    await asyncio.sleep(2)
    await (await zeroconf.async_unregister_service(other))


async def main():
    options = [word for word in sys.argv[1:3] if word in ("--changes", "--proxy")]
    command = sys.argv[1 + len(options) :]
    proxy = None
    if "--proxy" in options:
        proxy = subprocess.Popen([command[0], "sim", "--listen", "10.79.0.1:6053"], stdout=subprocess.PIPE)
        proxy.stdout.readline()
    zeroconf = AsyncZeroconf()
    await (await zeroconf.async_register_service(info()))
    changes = asyncio.ensure_future(change(zeroconf)) if "--changes" in options else None
    process = await asyncio.create_subprocess_exec(*command)
    code = await process.wait()
    if changes:
        await changes
    await zeroconf.async_close()
    if proxy:
        proxy.terminate()
        proxy.wait()
    return code


sys.exit(asyncio.run(main()))
