# SPDX-License-Identifier: MIT
"""What habluetooth decides on a trace of bleproxy-record(5): its manager and scanners, from PyPI, on a virtual clock.

One trace against both, from this directory, with the Python stack installed (scripts/interop makes build/interop-venv):

    python trace_generator.py 7 >7.jsonl    # the trace of seed 7
    python trace_reference.py 7.jsonl       # what habluetooth decides
    bleproxy replay --reference 7.jsonl     # what bleproxy decides
    python trace_compare.py 7.jsonl         # both; if they differ, the shortest trace that shows it

The manager's auto scheduler is not started: without requests for active scans, which traces cannot make, it decides
nothing. Timers that are due at the same time run in the order that the format settles, the manager's first; a real
asyncio loop promises no order among them. Notices of one sweep come in no order from habluetooth, which iterates over
sets: here they are sorted, the connectable ones first, by address. Merged lists of service UUIDs have no order there
either: here all lists are sorted, with their duplicates.
"""

import asyncio
import contextlib
import heapq
import itertools
import json
import sys

import habluetooth
import habluetooth.base_scanner
import habluetooth.central_manager
import habluetooth.manager
from habluetooth import BaseHaRemoteScanner, BluetoothManager, BluetoothScanningMode

CLOCKED = (habluetooth.manager, habluetooth.base_scanner)
CONNECTING = "FF:FF:FF:FF:FF:FF"  # whom connect attempts are for: any address will do


class Timer:
    """What call_at() answers with."""

    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None


class VirtualLoop:
    """As much of an event loop as the manager and its scanners use."""

    def __init__(self, now):
        self.now = now
        self.heap = []
        self.numbers = itertools.count()

    def time(self):
        return self.now

    def call_at(self, when, callback):
        timer = Timer(callback)
        heapq.heappush(self.heap, (when, callback.__self__.rank, next(self.numbers), timer))
        return timer

    def run_until(self, time):
        """Everything due by then, and then the clock stands there."""
        while self.heap and self.heap[0][0] <= time:
            self.now, _, _, timer = heapq.heappop(self.heap)
            if timer.callback:
                timer.callback()
        self.now = time


class Manager(BluetoothManager):
    """Tells everything that it decides."""

    rank = 0

    def __init__(self, loop, tell):
        super().__init__()
        self.loop = loop
        self.tell = tell
        self.watched = set()
        self.gone = []
        self._loop = loop
        self.async_setup_unavailable_tracking()

    def watch(self, address):
        if address in self.watched:
            return
        self.watched.add(address)
        for connectable in (True, False):
            self.async_track_unavailable(
                lambda info, connectable=connectable: self.gone.append((not connectable, info.address)),
                address,
                connectable,
            )

    def _async_check_unavailable(self):
        super()._async_check_unavailable()
        for inconnectable, address in sorted(self.gone):
            self.tell(event="unavailable", address=address, connectable=not inconnectable)
        self.gone.clear()

    def _discover_service_info(self, info):
        # It is current already if it is a copy for a connectable path: only the copy is another object.
        self.tell(event="callback", **fields(info), connectable=info.connectable)


class Proxy(BaseHaRemoteScanner):
    """A scanner as bleak-esphome has them, but for its connections."""

    def __init__(self, manager, rank, line):
        mode = line["mode"] and BluetoothScanningMode(line["mode"])
        super().__init__(line["source"].upper(), line["source"].upper(), None, line["connectable"], mode, mode)
        self.rank = rank
        self.attempt = contextlib.ExitStack()
        self.paused = False
        asyncio._set_running_loop(manager.loop)
        try:
            self.unsetup = self.async_setup()
        finally:
            asyncio._set_running_loop(None)
        self.unregister = manager.async_register_scanner(self)

    def hear(self, address, rssi, raw, now):
        self._async_on_raw_advertisement(address, rssi, raw, {"address_type": 0}, now)
        return self._previous_service_info[address]

    def pause(self):
        if not self.paused:
            self.paused = True
            self._add_connecting(CONNECTING)
            self.attempt.enter_context(self.connecting())

    def resume(self):
        if self.paused:
            self.paused = False
            self.attempt.close()
            self._finished_connecting(CONNECTING, True)

    def end(self):
        self.unsetup()
        self.unregister()


def fields(info):
    return {
        "address": info.address,
        "source": info.source,
        "rssi": info.rssi,
        "name": None if info.name in ("", info.address) else info.name,
        "service_uuids": sorted(info.service_uuids),
        "service_data": {uuid: value.hex() for uuid, value in info.service_data.items()},
        "manufacturer_data": {str(company): value.hex() for company, value in info.manufacturer_data.items()},
        "tx_power": info.tx_power,
    }


class Replay:
    """One trace, a line at a time."""

    def __init__(self, now):
        self.lines = []
        self.loop = VirtualLoop(now)
        self.manager = Manager(self.loop, self.tell)
        habluetooth.set_manager(self.manager)
        self.proxies = {}
        self.ranks = itertools.count(1)

    def tell(self, **line):
        self.lines.append({"t": self.loop.now, **line})

    def feed(self, line):
        self.loop.run_until(line["t"])
        event = line["event"]
        if event == "tick":
            return
        if event == "fallback_interval":
            self.manager.async_set_fallback_availability_interval(line["address"].upper(), line["seconds"])
            return
        source = line["source"].upper()
        proxy = self.proxies.get(source)
        if event == "register":
            if not proxy:
                self.proxies[source] = Proxy(self.manager, next(self.ranks), line)
        elif not proxy:
            return
        elif event == "unregister":
            self.proxies.pop(source).end()
        elif event == "paused":
            (proxy.pause if line["count"] else proxy.resume)()
        else:
            self.hear(proxy, line)

    def hear(self, proxy, line):
        address = line["address"].upper()
        self.manager.watch(address)
        n_told = len(self.lines)
        info = proxy.hear(address, line["rssi"], bytes.fromhex(line["raw"]), self.loop.now)
        if self.manager._all_history.get(address) is info:
            accepted = {"t": self.loop.now, "event": "accepted", **fields(info)}
            self.lines.insert(n_told, accepted)


@contextlib.contextmanager
def clock(read):
    """Puts it where habluetooth looks for the time, and takes it away again."""
    previous = habluetooth.central_manager.CentralBluetoothManager.manager
    real = [module.monotonic_time_coarse for module in CLOCKED]
    try:
        for module in CLOCKED:
            module.monotonic_time_coarse = read
        yield
    finally:
        for module, function in zip(CLOCKED, real, strict=True):
            module.monotonic_time_coarse = function
        habluetooth.set_manager(previous)


def reference(trace):
    """The output lines for these input lines, as dicts."""
    trace = iter(trace)
    first = next(trace, None)
    if first is None:
        return []
    replay = Replay(first["t"])
    with clock(replay.loop.time):
        for line in itertools.chain([first], trace):
            replay.feed(line)
    return replay.lines


def load(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


if __name__ == "__main__":
    for path in sys.argv[1:]:
        for told in reference(load(path)):
            print(json.dumps(told, ensure_ascii=False))
