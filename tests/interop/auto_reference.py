# SPDX-License-Identifier: MIT
"""habluetooth's AutoScanScheduler and bleak-esphome's ESPHomeScanner, unmodified, on a virtual clock, led by the commands
of auto_driver.c. What the scheduler asks its manager for is the script's."""

import asyncio
import logging
import selectors
import sys
from types import SimpleNamespace

import habluetooth
import habluetooth.auto_scheduler
from aioesphomeapi import APIConnectionError, BluetoothScannerMode
from bleak.backends.device import BLEDevice
from bleak_esphome.backend.scanner import ESPHomeScanner
from habluetooth.auto_scheduler import ActiveScanRequest, AutoScanScheduler

TICKS_PER_S = 512
SETTLE = 60  # turns of the loop after which nothing of the same moment is left to do
MODES = {mode.name.lower(): mode for mode in habluetooth.BluetoothScanningMode}


class VirtualLoop(asyncio.SelectorEventLoop):
    """Where others wait, time passes."""

    class Selector(selectors.DefaultSelector):
        def select(self, timeout=None):
            if timeout:
                self.loop.now += timeout
            return super().select(0)

    def __init__(self):
        selector = self.Selector()
        selector.loop = self
        self.now = 0.0
        super().__init__(selector)
        self._clock_resolution = 1e-9

    def time(self):
        return self.now


class Client:
    """The connection to a proxy, which takes orders."""

    def __init__(self, reference, scanner):
        self.reference, self.scanner, self.refuses = reference, scanner, False

    def bluetooth_scanner_set_mode(self, mode):
        if mode is not BluetoothScannerMode.ACTIVE:
            return
        if self.refuses:
            raise APIConnectionError("it is asked too much")
        if self.scanner.asked is not None:
            self.reference.tell("window", self.scanner.number, int(self.scanner.asked))


class Scanner(ESPHomeScanner):
    """Knows what it was asked for, counts the windows that are open, and notices where chance decides."""

    reference = None
    number = 0
    asked = None
    asked_at = -1.0

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ends = set()  # of windows here, whether they opened or not, and of those that its worker waits for

    def is_chance(self, caller):
        """A worker lends itself this scanner's window in the moment in which the scanner's own worker has something to do,
        or another worker wants it: which of the tasks runs first is nobody's decision."""
        now, scheduler = self.reference.loop.time(), self.reference.scheduler
        worker = scheduler._workers.get(self.source)
        if now == self.asked_at:
            return True
        if not caller or not worker or worker is caller:
            return False
        return self.reference.is_due(worker) or now in self.ends or now == scheduler._on_demand_sweep_end

    async def async_request_active_window(self, duration):
        workers = self.reference.scheduler._workers.values()
        caller = next((worker for worker in workers if worker._task is asyncio.current_task()), None)
        if self.is_chance(caller):
            self.reference.decide_by_chance()
        self.asked, self.asked_at = duration, self.reference.loop.time()
        self.ends.add(self.asked_at + duration)
        if caller:
            caller._scanner.ends.add(self.asked_at + duration)
        self.reference.n_open += 1
        try:
            return await super().async_request_active_window(duration)
        finally:
            self.reference.n_open -= 1


class Reference:
    """It is the manager that the scheduler sees."""

    def __init__(self, loop):
        self.loop = loop
        self.told = []
        self.chance_at = sys.maxsize
        self.n_open = 0
        self.scheduler = AutoScanScheduler(self)
        self._sources = {}
        self._rescue_triggered = {}
        self.current = {}
        self.heard = {}
        self.requests = {}
        self.sweeps = {}

    def tell(self, *what):
        self.told.append((int(self.loop.time() * TICKS_PER_S), *what))

    def is_due(self, worker):
        return any(self.loop.time() in entries.values() for entries in worker._owned_due_at.values())

    def decide_by_chance(self):
        self.chance_at = min(self.chance_at, int(self.loop.time() * TICKS_PER_S))

    # What the scheduler asks for

    def async_current_scanners(self):
        return list(self._sources.values())

    def async_last_service_info(self, address, connectable):
        return self.current.get(address)

    def async_scanner_devices_by_address(self, address, connectable):
        return [
            SimpleNamespace(scanner=scanner, advertisement=SimpleNamespace(rssi=self.heard[source, address]))
            for source, scanner in self._sources.items()
            if (source, address) in self.heard
        ]

    # The commands

    @staticmethod
    def address(number):
        return f"00:00:00:00:{number >> 8:02X}:{number & 255:02X}"

    def do_register(self, number, mode):
        source = self.address(number)
        scanner = Scanner(source, source, None, True)
        scanner.reference, scanner.number = self, number
        scanner.set_client(Client(self, scanner))
        scanner.async_set_scanning_mode(MODES[mode])
        self._sources[source] = scanner
        self.scheduler.add_scanner(scanner)

    def do_unregister(self, number):
        scanner = self._sources.pop(self.address(number))
        self.scheduler.remove_scanner(scanner)
        scanner._client.refuses = True
        for source, address in list(self.heard):
            if source == scanner.source:
                del self.heard[source, address]

    def do_connecting(self, number, begins):
        scanner = self._sources[self.address(number)]
        if begins:
            scanner._add_connecting("somebody")
        else:
            scanner._finished_connecting("somebody", True)
        scanner.scanning = not begins

    def do_refuse(self, number, refuses):
        self._sources[self.address(number)]._client.refuses = bool(refuses)

    def do_hears(self, number, address, rssi):
        self.heard[self.address(number), self.address(address)] = rssi

    def do_deaf(self, number, address):
        self.heard.pop((self.address(number), self.address(address)), None)

    def do_accepted(self, number, source):
        address = self.address(number)
        info = habluetooth.BluetoothServiceInfoBleak(
            address, address, -60, {}, {}, [], self.address(source), BLEDevice(address, address, {}), None, True,
            self.loop.time(), None)
        self.current[address] = info
        self.scheduler.on_advertisement(info)

    def worker_of(self, number):
        return self.scheduler._workers.get(self.scheduler._schedule._owner_by_address.get(self.address(number)))

    def can_go(self, number):
        """Its worker will notice."""
        worker = self.worker_of(number)
        return self.n_open == 0 and (not worker or worker._window_end <= self.loop.time())

    def do_gone(self, number):
        """The real one finds out when an advertisement wakes the worker; here at once."""
        self.current.pop(self.address(number), None)
        worker = self.worker_of(number)
        if worker:
            worker.wake()

    def do_request(self, number, address, interval, duration):
        if self.address(address) not in self.scheduler._requests_by_address:
            # From a window that was lent to the device when nobody asked for it any more.
            self.scheduler._rescue_accept_after.pop(self.address(address), None)
        self.requests[number] = ActiveScanRequest(
            self.address(address), interval / TICKS_PER_S, float(duration))
        self.scheduler.add_request(self.requests[number])

    def do_release(self, number):
        self.scheduler.remove_request(self.requests.pop(number))

    def do_dump(self):
        for number, request in self.requests.items():
            due = self.scheduler._schedule._due_at.get(request.address, {}).get(request, 0.0)
            self.tell("due", number, int(due * TICKS_PER_S))

    def do_sweep(self, number, duration):
        def done(task):
            if not task.cancelled():
                self.tell("done", number)

        self.sweeps[number] = self.loop.create_task(self.scheduler.async_request_active_scan(float(duration)))
        self.sweeps[number].add_done_callback(done)

    def do_cancel(self, number):
        self.sweeps[number].cancel()

    def do_rescue(self, number, challenger, owner):
        address = self.address(number)
        self._rescue_triggered[address] = self.loop.time()
        self.scheduler.trigger_rescue(address, self.address(challenger), self.address(owner))

    def do_rescued(self, number):
        self._rescue_triggered.pop(self.address(number), None)

    async def run(self, script):
        """Returns the commands that were carried out."""
        self.scheduler.start(self.loop)
        done = []
        for at, command, *arguments in script:
            if self.loop.time() < at / TICKS_PER_S:
                await asyncio.sleep(at / TICKS_PER_S - self.loop.time())
            if command == "gone" and not self.can_go(*arguments):
                continue
            done.append((at, command, *arguments))
            if command == "end":
                break
            if any(self.is_due(worker) for worker in self.scheduler._workers.values()):
                self.decide_by_chance()
            getattr(self, "do_" + command)(*arguments)
            for _ in range(SETTLE):
                await asyncio.sleep(0)
            if command in ("rescue", "rescued"):
                address = self.address(arguments[0])
                wanted = address in self.scheduler._requests_by_address
                accept = self.scheduler._rescue_accept_after.get(address, 0.0) if wanted else 0.0
                self.tell("accept", arguments[0], int(accept * TICKS_PER_S))
        self.scheduler.stop()
        return done


def run(script):
    """What the reference does, until when that is no chance, and the commands that it was given."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    logging.getLogger("habluetooth").setLevel(logging.CRITICAL)
    habluetooth.set_manager(habluetooth.BluetoothManager())
    clock, habluetooth.auto_scheduler.monotonic_time_coarse = habluetooth.auto_scheduler.monotonic_time_coarse, loop.time
    try:
        reference = Reference(loop)
        done = loop.run_until_complete(reference.run(script))
        n_told = len(reference.told)
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        return reference.told[:n_told], reference.chance_at, done
    finally:
        habluetooth.auto_scheduler.monotonic_time_coarse = clock
        asyncio.set_event_loop(None)
        loop.close()
