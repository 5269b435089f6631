# SPDX-License-Identifier: MIT
"""The Python stack as a load client, for comparison with `ingest`: same arguments, same output.

    peer.py [--psk-file FILE] --every N HOST[:PORT]...
    peer.py --check-compiled

One bleak-esphome connection manager per proxy and one BleakScanner(detection_callback), as its usage page shows.
Prints {"ready":N} when all N proxies are connected and subscribed. When every proxy has sent an advertisement whose
manufacturer data of company 0xFFFF begins with "FPEND" (its sentinel), prints what came since the last such line and
what it cost: {"adverts","callbacks","user","sys","wall","rss_kib"}. The stack counts no advertisements, and counting
them in Python would slow it down: the sentinels are counted, of which each proxy sends one in every N advertisements.
"""

import argparse
import asyncio
import importlib.util
import json
import logging
import resource
import sys
import time

import habluetooth
from bleak_esphome import APIConnectionManager

SENTINEL_COMPANY, SENTINEL = 0xFFFF, b"FPEND"
COMPILED = (
    "aioesphomeapi._frame_helper.plain_text",
    "aioesphomeapi._frame_helper.noise",
    "aioesphomeapi._frame_helper.packets",
    "aioesphomeapi.connection",
    "bleak_esphome.backend.scanner",
    "bluetooth_data_tools.gap",
    "habluetooth.advertisement_tracker",
    "habluetooth.base_scanner",
    "habluetooth.manager",
    "habluetooth.models",
)


def check_compiled():
    """Ends the program unless all of this is C extensions, as the published wheels have it."""
    from google.protobuf.internal import api_implementation

    slow = [name for name in COMPILED if not importlib.util.find_spec(name).origin.endswith(".so")]
    if api_implementation.Type() != "upb":
        slow.append(f"google.protobuf ({api_implementation.Type()})")
    sys.exit(f"not compiled, no fair comparison: {', '.join(slow)}" if slow else None)


def rss_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


class Meter:
    """Counts callbacks and sentinels, and prints a line per round of sentinels."""

    def __init__(self, proxies, every):
        self.proxies = proxies
        self.every = every
        self.callbacks = 0
        self.sentinels = {}
        self.start()

    def start(self):
        self.usage = resource.getrusage(resource.RUSAGE_SELF)
        self.wall = time.monotonic()

    def on_advertisement(self, device, advertisement):
        self.callbacks += 1
        data = advertisement.manufacturer_data.get(SENTINEL_COMPANY)
        if data is not None and data.startswith(SENTINEL):
            source = device.details["source"]
            self.sentinels[source] = self.sentinels.get(source, 0) + 1
            if len(self.sentinels) == self.proxies:
                self.report()

    def report(self):
        usage, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        line = {
            "adverts": sum(self.sentinels.values()) * self.every,
            "callbacks": self.callbacks,
            "user": round(usage.ru_utime - self.usage.ru_utime, 6),
            "sys": round(usage.ru_stime - self.usage.ru_stime, 6),
            "wall": round(wall - self.wall, 6),
            "rss_kib": rss_kib(),
        }
        print(json.dumps(line), flush=True)
        self.callbacks = 0
        self.sentinels.clear()
        self.start()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--psk-file", type=argparse.FileType())
    parser.add_argument("--every", type=int, required=True)
    parser.add_argument("proxies", nargs="+")
    arguments = parser.parse_args()
    psk = arguments.psk_file.read().strip() if arguments.psk_file else None
    hosts = []
    for proxy in arguments.proxies:
        host, _, port = proxy.partition(":")
        if port not in ("", "6053"):
            parser.error("bleak-esphome knows only port 6053")
        hosts.append(host)

    logging.getLogger("habluetooth").setLevel(logging.ERROR)
    await habluetooth.BluetoothManager().async_setup()
    import bleak  # only now: setting up the manager replaces its scanner

    meter = Meter(len(hosts), arguments.every)
    scanner = bleak.BleakScanner(detection_callback=meter.on_advertisement)  # listens for as long as it exists
    await scanner.start()
    connections = [APIConnectionManager({"address": host, "noise_psk": psk}) for host in hosts]
    await asyncio.gather(*(connection.start() for connection in connections))
    print(json.dumps({"ready": len(connections)}), flush=True)
    await asyncio.Event().wait()  # until a signal ends the process


if sys.argv[1:] == ["--check-compiled"]:
    check_compiled()
asyncio.run(main())
