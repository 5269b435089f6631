# SPDX-License-Identifier: MIT
"""The scenarios of `hub` (hub_scenarios.c) through the Python stack: same options, same output.

    peer_hub.py [--only NAME]... [--count N] [--repetitions N] [--messages]
    peer_hub.py --check-compiled

A line has one key more, "takes": what a scenario is given, and so how it compares.
  packets   messages as protobuf has decoded them; `hub` decodes them besides.
  raw       the address as a string and the details as a dict, made beforehand; `hub`: a number. Every report is a call from
            a loop in Python, as in habluetooth's own benchmarks: some 50 ns.
  objects   strings, lists and dicts made beforehand, often the same ones again, which habluetooth then need not look into.
            `hub` has nothing of the kind: it gets what protobuf has decoded, with UUIDs and companies as text.
  messages  the same as protobuf has decoded it, like `hub`: with --messages, which runs only such scenarios.
  sweep     what both have taken in.
  scheduled the same; the scheduler of active scans works for each device that needs them. auto_windows, auto_stand_in: here
            only the proxies that have something to do, there a whole tick of the hub, and another that closes the windows.
habluetooth's own benchmarks are described in its tests; those of local adapters are not here, and those of its name cache
alone are whole reports (name_*).
"""

import argparse
import contextlib
import json
import logging
import random
import sys
import time

import habluetooth.base_scanner
import habluetooth.manager
from aioesphomeapi.api_pb2 import BluetoothLEAdvertisementResponse, BluetoothLERawAdvertisementsResponse
from aioesphomeapi.client_base import on_bluetooth_le_advertising_response
from bleak_esphome.backend.scanner import ESPHomeScanner
from bluetooth_data_tools import int_to_bluetooth_address

COMPILED = (
    "aioesphomeapi.client_base",
    "bleak_esphome.backend.scanner",
    "bluetooth_data_tools.gap",
    "bluetooth_data_tools.utils",
    "habluetooth.advertisement_tracker",
    "habluetooth.auto_scheduler",
    "habluetooth.base_scanner",
    "habluetooth.manager",
    "habluetooth.models",
)
ADVERTS = 100
WARM_UP, REPETITIONS, ROUND_NS = 20, 15, 5_000_000
ADDRESS, SERVICE = "00:00:00:00:00:44", "050a021a-0000-1000-8000-00805f9b34fb"
SENSOR_ADDRESS = 0xA4C138000000
YEAR = 366 * 24 * 3600


def slow_modules():
    """What is loaded, or used, and is not a C extension as the published wheels have it."""
    from google.protobuf.internal import api_implementation

    slow = [name for name in COMPILED if not (sys.modules[name].__file__ or "").endswith(".so")]
    return slow if api_implementation.Type() == "upb" else [*slow, f"google.protobuf ({api_implementation.Type()})"]


class Manager(habluetooth.BluetoothManager):
    """With a subscriber that only counts, and without a loop."""

    def __init__(self):
        super().__init__()
        self.changes = 0
        self._loop = self

    def _discover_service_info(self, service_info):
        self.changes += 1

    @staticmethod
    def time():
        return 0.0

    @staticmethod
    def call_at(when, callback):
        return None


class World:
    """The manager with its scanners, and what they hear in one iteration."""

    def __init__(self, n_scanners, messages):
        self.now = 1000.0
        self.messages = messages
        self.takes = None
        self.manager = Manager()
        habluetooth.set_manager(self.manager)
        for module in (habluetooth.base_scanner, habluetooth.manager):
            module.monotonic_time_coarse = lambda: self.now
        self.scanners = []
        for i in range(n_scanners):
            scanner = AutoScanner(f"00:00:00:00:00:{16 + i:02X}", f"proxy{i}", None, True)
            self.manager.async_register_scanner(scanner)
            self.scanners.append(scanner)
        self.reports = []  # what to call, and with which arguments
        self.n_reports = 0
        self.iterate = self.feed
        self.n_devices = 0

    def feed(self):
        for report, arguments in self.reports:
            report(*arguments)

    def feed_before(self):
        self.feed()
        self.reports.clear()
        self.n_reports = 0

    def hears_message(self, *adverts):
        message = BluetoothLERawAdvertisementsResponse()
        for address, rssi, data in adverts:
            message.advertisements.add(address=address, rssi=rssi, address_type=1, data=bytes.fromhex(data))
        received = BluetoothLERawAdvertisementsResponse.FromString(message.SerializeToString())
        self.takes = "packets"
        self.reports.append((self.scanners[0].async_on_raw_advertisements, (received,)))
        self.n_reports += len(adverts)

    def hears(self, scanner, address, rssi, data):
        arguments = (int_to_bluetooth_address(address), rssi, data, {"address_type": 1}, self.now)
        self.takes = "raw"
        self.reports.append((self.scanners[scanner]._async_on_raw_advertisement, arguments))
        self.n_reports += 1

    def hears_decoded(self, scanner, rssi, name, uuids, service_data, manufacturer_data):
        self.n_reports += 1
        if self.messages:
            message = BluetoothLEAdvertisementResponse(address=0x44, rssi=rssi, name=name.encode(), service_uuids=uuids)
            for uuid, data in service_data.items():
                message.service_data.add(uuid=uuid, data=data)
            for company, data in manufacturer_data.items():
                message.manufacturer_data.add(uuid=f"0x{company:04x}", data=data)
            received = BluetoothLEAdvertisementResponse.FromString(message.SerializeToString())
            arguments = (self.scanners[scanner].async_on_advertisement, received)
            self.takes = "messages"
            self.reports.append((on_bluetooth_le_advertising_response, arguments))
            return
        arguments = (ADDRESS, rssi, name, uuids, service_data, manufacturer_data, None, {"address_type": 0}, self.now)
        self.takes = "objects"
        self.reports.append((self.scanners[scanner]._async_on_advertisement, arguments))


# ---- bleak-esphome's own: messages as proxies sent them ----

SENSOR = "020104030307fe18ff9705060016702500ca00000800000000000000020a00"
SENSOR_WHOLE = "020104030307fe14ffa705060012702500ca00000800000000000000020a00"
TELEVISION = "02011a1bff75004204018060c0cbd1aa1fe2c2cbd1aa1fe0010000000000"
PHONE_TETHER = "02011a0eff4c000f059000c962d610022004020a00"
PHONE_NEARBY = "02011a020a0c0bff4c001006421dd63f4f78"
PHONE_NEARBY2 = "02011a020a0c0aff4c0010050a1484face"
PHONE_AIRPLAY = "02011a17ff4c000908137fc0a8015b1b58160800c0a8015b1b58"
THERMOSTAT = "0201020909613235626430643911070000cdc4c6eaeeb6c845adad33b3d639"
BUTTON = "0201050716feff0900ff10"
REMOTE_1 = "0201060303121810094c4f4f4b696e5f39384633333046330319c103"
REMOTE_2 = "0201060303121810094c4f4f4b696e5f39384633333230440319c103"
ACCESSORY = "02010604094d313016ff4c000631000a0b0c0d0e0f0a000100020002aabbccdd"


def esphome_two(world):
    world.hears_message((261602360644300, -96, SENSOR), (246965243285491, -88, TELEVISION))


def esphome_six(world):
    others = [(246965243285490 + i, rssi, TELEVISION) for i, rssi in ((1, -88), (3, -83), (4, -84), (5, -81), (6, -53))]
    world.hears_message((261602360644300, -96, SENSOR), *others)


def esphome_adv1(world):
    world.hears_message(
        (0x5C8FDD1A0001, -70, PHONE_NEARBY),
        (0x5C8FDD1A0002, -82, THERMOSTAT),
        (0x5C8FDD1A0003, -61, BUTTON),
        (0x5C8FDD1A0004, -77, PHONE_TETHER),
        (0x5C8FDD1A0005, -90, SENSOR_WHOLE),
        (0x5C8FDD1A0006, -68, PHONE_NEARBY2),
    )


def esphome_adv2(world):
    world.hears_message((0x5C8FDD1B0001, -74, PHONE_AIRPLAY), (0x5C8FDD1B0002, -85, REMOTE_1))


def esphome_adv3(world):
    world.hears_message(
        (0x5C8FDD1C0001, -79, PHONE_TETHER), (0x5C8FDD1C0002, -66, REMOTE_2), (0x5C8FDD1C0003, -58, ACCESSORY)
    )


# ---- habluetooth's own: one device, decoded by the proxy ----


def simple(world, name="wohand", service_data=b"\1\2", manufacturer_data=None):
    """One set of objects, again and again."""
    arguments = (name, [SERVICE], {SERVICE: service_data} if service_data else {}, manufacturer_data or {1: b"\1"})
    for _ in range(ADVERTS):
        world.hears_decoded(0, -100, *arguments)


def cross_source_keep_previous(world):
    arguments = ("wohand", [SERVICE], {SERVICE: b"\1\2"}, {1: b"\1"})
    world.hears_decoded(0, -60, *arguments)
    world.feed_before()
    for _ in range(ADVERTS):
        world.hears_decoded(1, -90, *arguments)


def cross_source_switch(world):
    arguments = (ADDRESS, -60, "wohand", [SERVICE], {SERVICE: b"\1\2"}, {1: b"\1"}, None, {"address_type": 0})
    world.manager.async_set_fallback_availability_interval(ADDRESS, 10.0)
    world.takes, world.n_reports = "objects", ADVERTS

    def feed():
        for i in range(ADVERTS):
            world.now += 100.0
            world.scanners[i % 2]._async_on_advertisement(*arguments, world.now)

    world.iterate = feed


def complex(world):
    simple(world, manufacturer_data={i: b"\1" for i in range(100)})


def different_advertisements(world):
    uuids, service_data = [SERVICE], {SERVICE: b"\1\2"}
    for i in range(ADVERTS):
        world.hears_decoded(0, -100, "wohand", uuids, service_data, {i: b"\1"})


def different_manufacturer_data(world):
    uuids, service_data = [SERVICE], {SERVICE: b"\1\2"}
    for i in range(ADVERTS):
        world.hears_decoded(0, -100, "wohand", uuids, service_data, {1: b"\1", 3: bytes([i]) * 20})


def different_service_data(world):
    simple(world, service_data=b"\1\x63")


def rotating_manufacturer_data(world):
    uuids, service_data = [SERVICE], {SERVICE: b"\1\2"}
    for company in range(1000, 1256):
        world.hears_decoded(0, -100, "wohand", uuids, service_data, {company: bytes(5)})
    world.feed_before()
    for company in range(1, ADVERTS):
        world.hears_decoded(0, -100, "wohand", uuids, service_data, {company: bytes(20)})


def filter_unwanted_apple(world):
    simple(world, service_data=None, manufacturer_data={76: b"\xff"})


def filter_wanted_apple(world):
    simple(world, service_data=None, manufacturer_data={76: b"\x02"})


def raw_unchanged(world):
    for _ in range(ADVERTS):
        world.hears(0, 0x44, -100, bytes.fromhex("12211a020a050aff06326b0352000104090004"))


def raw_changed(world):
    for i in range(ADVERTS):
        world.hears(0, 0x44, -100, bytes.fromhex("02010607ff0100102030") + bytes([i]))


# ---- Names ----


def name_address(world):
    simple(world, name=ADDRESS)


def name_cold(world):
    simple(world)
    forget = world.manager.async_clear_advertisement_history

    def feed():
        for report, arguments in world.reports:
            forget(ADDRESS)
            report(*arguments)

    world.iterate = feed


def names(world, *of_scanners):
    arguments = ([SERVICE], {SERVICE: b"\1\2"}, {1: b"\1"})
    for i in range(ADVERTS):
        world.hears_decoded(i % 2, -60, of_scanners[i % 2], *arguments)


def name_shortened(world):
    names(world, "wohand in the kitchen", "wohand")


def name_differs(world):
    names(world, "wohand", "curtain")


# ---- Who is gone ----


def hear_devices(world, scanner, first, n):
    for i in range(first, first + n):
        world.hears(scanner, SENSOR_ADDRESS + i, -60 - i % 30, sensor_payload(i))


def swept(world, n_devices):
    world.feed_before()
    world.takes, world.n_devices = "sweep", n_devices

    def sweep():
        world.now += 300.0
        world.manager._async_check_unavailable()

    world.iterate = sweep


def sweep_200_of_1(world):
    hear_devices(world, 0, 0, 200)
    swept(world, 200)


def sweep_200_of_4(world):
    for scanner, n in enumerate((200, 100, 66, 50)):
        hear_devices(world, scanner, 0, n)
    swept(world, 200)


def sweep_expired(world):
    arguments = [(int_to_bluetooth_address(SENSOR_ADDRESS + i), -60 - i % 30, sensor_payload(i)) for i in range(50)]
    details = {"address_type": 1}
    scanner, world.takes, world.n_devices = world.scanners[0], "sweep", 50

    def sweep():
        for address, rssi, data in arguments:
            scanner._async_on_raw_advertisement(address, rssi, data, details, world.now)
        world.now += 226.0
        scanner._async_expire_devices()
        world.now += 900.0
        world.manager._async_check_unavailable()
        if world.manager._all_history:
            sys.exit("peer_hub: devices that are gone are still there")

    world.iterate = sweep


def sweep_10000(world):
    hear_devices(world, 0, 0, 5000)
    hear_devices(world, 1, 5000, 5000)
    swept(world, 10000)


def sweep_10000_silent(world):
    sweep_10000(world)
    for i in range(10000):
        world.manager.async_set_fallback_availability_interval(int_to_bluetooth_address(SENSOR_ADDRESS + i), YEAR)
    world.now += 1000.0
    for scanner in world.scanners:
        scanner._async_expire_devices()


# ---- Active scans on demand: proxies in mode AUTO, 25 devices each that need some every two minutes ----

AUTO_SCANNERS, AUTO_DEVICES = 8, 25


class AutoScanner(ESPHomeScanner):
    """Its proxy does as it is told, and its windows take no time."""

    async def async_request_active_window(self, duration):
        self.manager.changes += 1
        return True


class Clock:
    """Of the scheduler: the world's. Its tasks are not run by themselves."""

    def __init__(self, world):
        self.time = lambda: world.now

    @staticmethod
    def create_task(coroutine):
        coroutine.close()


def scan_auto(world, n_devices):
    """Returns the scheduler's workers."""
    scheduler = world.manager._auto_scheduler
    for scanner in world.scanners:
        scanner.set_requested_mode(habluetooth.BluetoothScanningMode.AUTO)
        scanner.manager = world.manager
    scheduler.start(Clock(world))
    world.feed()
    for i in range(n_devices):
        world.manager.async_register_active_scan(int_to_bluetooth_address(SENSOR_ADDRESS + i), 120.0, 10.0)
    return list(scheduler._workers.values())


def tick(workers):
    for worker in workers:
        with contextlib.suppress(StopIteration):
            worker._tick().send(None)
            sys.exit("peer_hub: a window takes time")


def hear_own_devices(world):
    for i in range(AUTO_SCANNERS):
        hear_devices(world, i, i * AUTO_DEVICES, AUTO_DEVICES)


def auto_reports(world):
    hear_own_devices(world)
    scan_auto(world, AUTO_SCANNERS * AUTO_DEVICES)


def auto_next(world):
    hear_own_devices(world)
    workers = scan_auto(world, AUTO_SCANNERS * AUTO_DEVICES)
    world.takes, world.n_devices = "scheduled", AUTO_SCANNERS * AUTO_DEVICES

    def ask_next():
        for worker in workers:
            worker._next_event_at(world.now)

    world.iterate = ask_next


def auto_windows(world):
    hear_own_devices(world)
    workers = scan_auto(world, AUTO_SCANNERS * AUTO_DEVICES)
    world.takes, world.n_devices = "scheduled", AUTO_SCANNERS * AUTO_DEVICES

    def scan_due():
        world.now += 120.0
        tick(workers)
        world.now += 10.0

    world.iterate = scan_due


def auto_stand_in(world):
    for i in range(AUTO_DEVICES):
        for scanner in range(AUTO_SCANNERS):
            world.hears(scanner, SENSOR_ADDRESS + i, -55 - scanner, sensor_payload(i))
    workers = scan_auto(world, AUTO_DEVICES)
    world.scanners[0]._add_connecting("00:00:00:00:00:99")
    world.takes, world.n_devices = "scheduled", AUTO_DEVICES

    def scan_due():
        world.now += 120.0
        tick(workers[:1])
        world.now += 10.0

    world.iterate = scan_due


# ---- Ours: many devices, heard by one proxy or by six ----

FEW, MANY = 100, 5000


def sensor_payload(number, variant=0, short=False):
    """SENSOR_NAMED, SENSOR_NAMED_SHORT."""
    last = b"" if short else b"\x03\xbf\x13"
    head = bytes.fromhex("020106") + bytes([0x0B + len(last)]) + bytes.fromhex("16d2fc4000") + bytes([variant])
    return head + bytes([1, 0x5D, 2, number + variant & 0xFF, 9]) + last + b"\x0c\x09TH_%08X" % number


def hear_all(world, n_devices, variant=0, short=False):
    first = len(world.reports)
    for i in range(n_devices):
        for scanner in range(len(world.scanners)):
            world.hears(scanner, SENSOR_ADDRESS + i, -55 - 4 * scanner, sensor_payload(i, variant, short))
    order = world.reports[first:]
    random.Random(1).shuffle(order)
    world.reports[first:] = order


def unchanged(world, n=FEW):
    hear_all(world, n)


def changed(world, n=FEW):
    hear_all(world, n)
    hear_all(world, n, variant=1)


def resized(world):
    hear_all(world, FEW)
    hear_all(world, FEW, short=True)


def unchanged_many(world):
    unchanged(world, MANY)


def changed_many(world):
    changed(world, MANY)


def ownership_flips(world):
    details, reports = {"address_type": 1}, []
    for i in range(2 * FEW):
        address = int_to_bluetooth_address(SENSOR_ADDRESS + i % FEW)
        world.manager.async_set_fallback_availability_interval(address, 10.0)
        report = world.scanners[i // FEW]._async_on_raw_advertisement
        reports.append((report, (address, -60, sensor_payload(i % FEW), details)))
    world.takes, world.n_reports = "raw", len(reports)

    def feed():
        for report, arguments in reports:
            world.now += 1.0
            report(*arguments, world.now)

    world.iterate = feed


def names_differ(world):
    for i in range(2 * FEW):
        world.hears(i // FEW, SENSOR_ADDRESS + i % FEW, -60, sensor_payload(i))


# ---- Measuring ----

SCENARIOS = {  # name: scanners, what makes it
    "esphome_two": (1, esphome_two),
    "esphome_six": (1, esphome_six),
    "esphome_adv1": (1, esphome_adv1),
    "esphome_adv2": (1, esphome_adv2),
    "esphome_adv3": (1, esphome_adv3),
    "simple": (1, simple),
    "cross_source_keep_previous": (2, cross_source_keep_previous),
    "cross_source_switch": (2, cross_source_switch),
    "complex": (1, complex),
    "different_advertisements": (1, different_advertisements),
    "different_manufacturer_data": (1, different_manufacturer_data),
    "different_service_data": (1, different_service_data),
    "rotating_manufacturer_data": (1, rotating_manufacturer_data),
    "filter_unwanted_apple": (1, filter_unwanted_apple),
    "filter_wanted_apple": (1, filter_wanted_apple),
    "raw_unchanged": (1, raw_unchanged),
    "raw_changed": (1, raw_changed),
    "name_address": (1, name_address),
    "name_cold": (1, name_cold),
    "name_shortened": (2, name_shortened),
    "name_differs": (2, name_differs),
    "sweep_200_of_1": (1, sweep_200_of_1),
    "sweep_200_of_4": (5, sweep_200_of_4),
    "sweep_expired": (1, sweep_expired),
    "sweep_10000": (2, sweep_10000),
    "sweep_10000_silent": (6, sweep_10000_silent),
    "auto_reports": (AUTO_SCANNERS, auto_reports),
    "auto_next": (AUTO_SCANNERS, auto_next),
    "auto_windows": (AUTO_SCANNERS, auto_windows),
    "auto_stand_in": (AUTO_SCANNERS, auto_stand_in),
    "unchanged_by_1": (1, unchanged),
    "changed_by_1": (1, changed),
    "resized_by_1": (1, resized),
    "unchanged_by_6": (6, unchanged),
    "changed_by_6": (6, changed),
    "resized_by_6": (6, resized),
    "unchanged_by_1_many": (1, unchanged_many),
    "changed_by_1_many": (1, changed_many),
    "unchanged_by_6_many": (6, unchanged_many),
    "changed_by_6_many": (6, changed_many),
    "ownership_flips": (2, ownership_flips),
    "names_differ": (2, names_differ),
}


def round_ns(iterate, count):
    start = time.process_time_ns()
    for _ in range(count):
        iterate()
    return time.process_time_ns() - start


def run(name, count, repetitions, messages):
    n_scanners, make = SCENARIOS[name]
    world = World(n_scanners, messages)
    make(world)
    if messages and world.takes != "messages":
        return
    round_ns(world.iterate, WARM_UP)
    if not count:
        count = 1
        while round_ns(world.iterate, count) <= ROUND_NS:
            count *= 2
    per_iteration = world.n_devices or world.n_reports
    changes = world.manager.changes
    found = sorted(round_ns(world.iterate, count) / (count * per_iteration) for _ in range(repetitions))
    line = {
        "scenario": name,
        "takes": world.takes,
        "unit": "device" if world.n_devices else "report",
        "iterations": count,
        "per_iteration": per_iteration,
        "best_ns": round(found[0], 1),
        "median_ns": round(found[repetitions // 2], 1),
        "changes": (world.manager.changes - changes) // (count * repetitions),
    }
    print(json.dumps(line), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check-compiled", action="store_true")
    parser.add_argument("--only", action="append", choices=SCENARIOS)
    parser.add_argument("--count", type=int)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--messages", action="store_true")
    arguments = parser.parse_args()
    slow = slow_modules()
    if slow:
        sys.exit(f"not compiled, no fair comparison: {', '.join(slow)}")
    if arguments.check_compiled:
        return
    logging.getLogger("habluetooth").setLevel(logging.CRITICAL)
    for name in arguments.only or SCENARIOS:
        run(name, arguments.count, arguments.repetitions, arguments.messages)


main()
