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


async def pass_on(lines, zeroconf, changes):
    """What the command says. changes: each thing that it has seen is followed by the next."""
    other = info(version="2026.9.0")
    async for line in lines:
        print(line.decode(), end="", flush=True)
        if changes and b'"found"' in line:
            await (await zeroconf.async_update_service(other))
        elif changes and b'"changed"' in line:
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
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    await pass_on(process.stdout, zeroconf, "--changes" in options)
    code = await process.wait()
    await zeroconf.async_close()
    if proxy:
        proxy.terminate()
        proxy.wait()
    return code


sys.exit(asyncio.run(main()))
