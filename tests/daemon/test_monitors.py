# SPDX-License-Identifier: MIT
"""org.bluez.AdvertisementMonitorManager1: programs that listen without discovering."""
import contextlib
import re
import subprocess
import sys

from dbus_fast import Variant

from e2e import environment
from fake_proxy import SET_MODE, STATE_AND_MODE
from program import program
from scripted import PASSIVE_SCAN, RAW_ADVERTISEMENTS, Scripted, ad, fields
from support import (ADAPTER, BLUEZ_ERROR, DEVICE, HCI0, OBJECT_MANAGER, PATIENCE_S, house, main, path_of, sim, variant)

MANAGER, MONITOR = "org.bluez.AdvertisementMonitorManager1", "org.bluez.AdvertisementMonitor1"
LAMP, WATCH, LAST = 0xC00000000001, 0xC00000000002, 0xC00000000003
ROOT, EMPTY = "/monitors", ("a{oa{sa{sv}}}", [{}])
FLAGS, NAME = 0x01, 0x09
FLAGS_06 = [[0, FLAGS, b"\x06"]]


@contextlib.contextmanager
def one_proxy():
    with Scripted(features=PASSIVE_SCAN | RAW_ADVERTISEMENTS | STATE_AND_MODE) as proxy, house(proxy) as it:
        one = program(it)
        one.answers[(ROOT, OBJECT_MANAGER, "GetManagedObjects")] = EMPTY
        yield it, proxy, one


def monitor(patterns=None, kind="or_patterns", **thresholds):
    types = {"Threshold": "n", "Timeout": "q", "Period": "q"}
    properties = {"Type": Variant("s", kind), "Patterns": Variant("a(yyay)", FLAGS_06 if patterns is None else patterns)}
    for name, value in thresholds.items():
        properties[name] = Variant(types[re.search("Threshold|Timeout|Period", name)[0]], value)
    return properties


def register(one, root=ROOT):
    one.call(HCI0, MANAGER, "RegisterMonitor", "o", root)


def add(one, path=ROOT, **more):
    """As bleak does: from the monitor's own path. The path, once it is active."""
    mark = len(one.called)
    one.emit(path, OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, {MONITOR: monitor(**more)})
    one.wait_until(lambda: (path, "Activate") in one.calls_of(MONITOR, mark), "Activate")
    return path


def devices(one):
    """Their paths."""
    return {path for path, interfaces in one.objects().items() if DEVICE in interfaces}


def wait_for_call(one, *call, after=0):
    one.wait_until(lambda: call in one.calls_of(MONITOR, after), f"{call}")


# ---- What is there ----

def test_the_manager_says_what_it_can_do():
    with one_proxy() as (_, _, one):
        assert one.get_all(HCI0, MANAGER) == {"SupportedMonitorTypes": ["or_patterns"], "SupportedFeatures": []}
        register(one)
        one.fails(BLUEZ_ERROR + "AlreadyExists", "Already Exists", HCI0, MANAGER, "RegisterMonitor", "o", ROOT)
        one.fails(BLUEZ_ERROR + "DoesNotExist", "Does Not Exist", HCI0, MANAGER, "UnregisterMonitor", "o", "/other")
        one.call(HCI0, MANAGER, "UnregisterMonitor", "o", ROOT)
        one.fails(BLUEZ_ERROR + "DoesNotExist", "Does Not Exist", HCI0, MANAGER, "UnregisterMonitor", "o", ROOT)


def test_case_25_a_monitor_that_comes_later_makes_devices_without_discovering():
    with one_proxy() as (_, proxy, one):
        register(one)
        proxy.advertise(LAMP, ad(FLAGS, b"\x06") + ad(NAME, b"Lamp"))
        assert not devices(one)
        add(one)
        mark = one.mark()
        proxy.advertise(LAMP, ad(FLAGS, b"\x06") + ad(NAME, b"Lamp"), rssi=-50)
        wait_for_call(one, ROOT, "DeviceFound", path_of(LAMP))
        assert one.get(path_of(LAMP), DEVICE, "RSSI") == -50 and not one.get(HCI0, ADAPTER, "Discovering")
        proxy.advertise(LAMP, ad(FLAGS, b"\x06") + ad(NAME, b"Lamp"), rssi=-70)
        one.wait_for_change(path_of(LAMP), "RSSI", -70, mark)
        assert one.last(HCI0, "Discovering", ADAPTER) is None
        one.call(HCI0, MANAGER, "UnregisterMonitor", "o", ROOT)
        one.wait_until(lambda: one.last(path_of(LAMP), "RSSI", after=mark) is None, "the end of the signal strength")
        mark = one.here()
        proxy.advertise(LAMP, ad(FLAGS, b"\x06") + ad(NAME, b"Lantern"), rssi=-20)
        proxy.advertise(WATCH, ad(FLAGS, b"\x06"))
        assert one.calls_of(MONITOR)[-1] == (ROOT, "Release")
        register(one)
        add(one, patterns=[[0, NAME, b"end"]])
        proxy.advertise(LAST, ad(NAME, b"end"))
        wait_for_call(one, ROOT, "DeviceFound", path_of(LAST))
        assert not one.about(path_of(LAMP), mark) and path_of(WATCH) not in devices(one)


def test_case_27_only_what_matches_is_told():
    with one_proxy() as (_, proxy, one):
        register(one)
        add(one)
        proxy.advertise(WATCH, ad(FLAGS, b"\x1a") + ad(NAME, b"Watch"))
        proxy.advertise(LAMP, ad(FLAGS, b"\x06"))
        wait_for_call(one, ROOT, "DeviceFound", path_of(LAMP))
        assert devices(one) == {path_of(LAMP)}


def test_patterns_are_bytes_at_a_place_of_a_structure():
    data = ad(0xFF, b"\x4c\x00\x02\x15\xaa")
    cases = [([2, 0xFF, b"\x02\x15"], True), ([0, 0xFF, b"\x4c\x00"], True), ([4, 0xFF, b"\xaa"], True),
             ([4, 0xFF, b"\xaa\x00"], False), ([1, 0xFF, b"\x02"], False), ([2, 0x16, b"\x02\x15"], False),
             ([200, 0xFF, b"\x02"], False)]
    for number, (pattern, matches) in enumerate(cases):
        with one_proxy() as (_, proxy, one):
            register(one)
            add(one, patterns=[pattern, [0, NAME, b"end"]])
            proxy.advertise(LAMP, data)
            proxy.advertise(WATCH, ad(NAME, b"ending"))
            wait_for_call(one, ROOT, "DeviceFound", path_of(WATCH))
            assert (path_of(LAMP) in devices(one)) == matches, number


def test_proxies_that_decode_advertisements_know_names_and_data():
    with sim("--firmware", "2022.12") as proxies, house(*proxies) as it:
        for patterns, holds in (([[0, NAME, b"Virtual Bat"]], lambda device: device["Name"] == "Virtual Battery"),
                                ([[0, 0x16, b"\xd2\xfc"]], lambda device: any("fcd2" in key for key in device["ServiceData"])),
                                ([[0, 0xFF, b"\x4c\x00\x02\x15"]], lambda device: device["ManufacturerData"][0x4C][0] == 2)):
            one = program(it)
            one.answers[(ROOT, OBJECT_MANAGER, "GetManagedObjects")] = EMPTY
            register(one)
            add(one, patterns=patterns)
            one.wait_until(lambda: devices(one), "a device")
            for path in devices(one):
                assert holds(one.get_all(path, DEVICE)), one.get_all(path, DEVICE)
            one.call(HCI0, MANAGER, "UnregisterMonitor", "o", ROOT)
            for path in devices(one):
                one.adapter("RemoveDevice", "o", path)


def test_monitors_that_are_there_already_are_found_below_the_root():
    with one_proxy() as (_, proxy, one):
        one.answers[(ROOT, OBJECT_MANAGER, "GetManagedObjects")] = ("a{oa{sa{sv}}}", [{
            ROOT + "/bad": {MONITOR: monitor(kind="hopes")}, ROOT + "/empty": {MONITOR: monitor(patterns=[])},
            ROOT + "/high": {MONITOR: monitor(RSSIHighThreshold=21)}, "/elsewhere": {MONITOR: monitor()},
            ROOT + "/long": {MONITOR: monitor(patterns=[[100, 1, b"x" * 200]])},
            ROOT + "/typed": {MONITOR: {**monitor(), "RSSILowTimeout": Variant("s", "soon")}},
            ROOT + "/good": {MONITOR: monitor(), "org.example.Other": {"What": Variant("i", 1)}}}])
        register(one)
        wait_for_call(one, ROOT + "/good", "Activate")
        assert set(one.calls_of(MONITOR)) == {
            (ROOT + "/good", "Activate"), *((ROOT + name, "Release") for name in ("/bad", "/empty", "/high", "/long", "/typed"))}
        proxy.advertise(LAMP, ad(FLAGS, b"\x06"))
        wait_for_call(one, ROOT + "/good", "DeviceFound", path_of(LAMP))


def test_a_monitor_that_is_removed_ends():
    with one_proxy() as (_, proxy, one):
        register(one)
        add(one)
        add(one, ROOT + "/names", patterns=[[0, NAME, b"Lamp"]])
        one.emit(ROOT, OBJECT_MANAGER, "InterfacesRemoved", "oas", ROOT, [MONITOR])
        one.here()
        proxy.advertise(WATCH, ad(FLAGS, b"\x06"))
        proxy.advertise(LAMP, ad(NAME, b"Lamp"))
        wait_for_call(one, ROOT + "/names", "DeviceFound", path_of(LAMP))
        assert devices(one) == {path_of(LAMP)}
        assert (ROOT, "Release") not in one.calls_of(MONITOR)


def test_a_program_takes_its_monitors_with_it():
    with one_proxy() as (it, proxy, one):
        other = program(it)
        other.answers[("/other", OBJECT_MANAGER, "GetManagedObjects")] = EMPTY
        register(other, "/other")
        add(other, "/other", patterns=[[0, NAME, b"Lamp"]])
        proxy.advertise(LAMP, ad(NAME, b"Lamp"))
        wait_for_call(other, "/other", "DeviceFound", path_of(LAMP))
        mark = one.mark()
        other.close()
        one.wait_until(lambda: {"RSSI": None} in one.changes(path_of(LAMP), after=mark), "that nobody listens")
        register(one)
        add(one)


def test_a_program_without_an_object_manager_is_told():
    with one_proxy() as (_, _, one):
        one.answers[(ROOT, OBJECT_MANAGER, "GetManagedObjects")] = ("s", ["what"])
        register(one)  # of another type: there are none
        one.call(HCI0, MANAGER, "UnregisterMonitor", "o", ROOT)
        one.answers[(ROOT, OBJECT_MANAGER, "GetManagedObjects")] = "org.example.Error.No"
        one.fails(BLUEZ_ERROR + "Failed", None, HCI0, MANAGER, "RegisterMonitor", "o", ROOT)
        one.answers[(ROOT, OBJECT_MANAGER, "GetManagedObjects")] = EMPTY
        register(one)


def test_programs_can_have_so_many_roots_and_no_more():
    with one_proxy() as (it, _, one):
        for number in range(32):
            one.answers[(f"/root{number}", OBJECT_MANAGER, "GetManagedObjects")] = EMPTY
            register(one, f"/root{number}")
        one.fails(BLUEZ_ERROR + "Failed", "there are too many monitors", HCI0, MANAGER, "RegisterMonitor", "o", ROOT)
        other = program(it)
        other.answers[(ROOT, OBJECT_MANAGER, "GetManagedObjects")] = EMPTY
        register(other)


def test_monitors_beyond_the_cap_are_released_and_those_of_a_program_that_left_make_room():
    with one_proxy() as (it, _, one):
        others = [program(it) for _ in range(5)]
        for index, other in enumerate(others):
            other.answers[(ROOT, OBJECT_MANAGER, "GetManagedObjects")] = EMPTY
            register(other)
            for number in range(68):
                other.emit(ROOT, OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", f"{ROOT}/m{number}", {MONITOR: monitor()})
            other.wait_until(lambda other=other: len(other.calls_of(MONITOR)) == 68, "so many calls")
            mine = 64 if index < 4 else 0
            assert [member for _, member in other.calls_of(MONITOR)] == ["Activate"] * mine + ["Release"] * (68 - mine)
        others[0].close()
        register(one)

        def is_active():
            path = f"{ROOT}/m{len(one.called)}"
            one.emit(ROOT, OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, {MONITOR: monitor()})
            return "Activate" in [member for _, member in one.calls_of(MONITOR)]
        one.wait_until(is_active, "room")


# ---- Thresholds ----

UNSET = {"RSSIHighThreshold": 127, "RSSIHighTimeout": 0, "RSSILowThreshold": 127, "RSSILowTimeout": 0}


def thresholds(high, high_s, low, low_s, **more):
    return {**dict(zip(UNSET, (high, high_s, low, low_s))), **more}


def test_thresholds_can_be_unset_or_left_to_bluez_or_wrong():
    at_once = {"/unset": UNSET, "/period": {"RSSISamplingPeriod": 256}}
    later = {"/half": {"RSSIHighThreshold": -50}, "/low": {**UNSET, "RSSILowThreshold": -70},
             "/equal": thresholds(-60, 1, -60, 1), "/often": {"RSSISamplingPeriod": 0}}
    wrong = {"/upside": thresholds(-80, 1, -50, 1), "/weak": thresholds(-50, 1, -128, 1), "/slow": thresholds(-50, 301, -80, 1),
             "/late": thresholds(-50, 1, -80, 301), "/rare": thresholds(-50, 1, -80, 1, RSSISamplingPeriod=257)}
    with one_proxy() as (_, proxy, one):
        one.answers[(ROOT, OBJECT_MANAGER, "GetManagedObjects")] = ("a{oa{sa{sv}}}", [{
            ROOT + name: {MONITOR: monitor(**values)} for name, values in {**at_once, **later, **wrong}.items()}])
        register(one)
        wait_for_call(one, ROOT + "/rare", "Release")
        assert set(one.calls_of(MONITOR)) == {*((ROOT + name, "Activate") for name in {**at_once, **later}),
                                              *((ROOT + name, "Release") for name in wrong)}
        proxy.advertise(LAMP, rssi=-40)
        for name in at_once:
            wait_for_call(one, ROOT + name, "DeviceFound", path_of(LAMP))
        assert len([call for call in one.calls_of(MONITOR) if "DeviceFound" in call]) == len(at_once)


def test_a_device_is_found_when_it_was_near_for_long_enough_and_lost_when_it_is_silent():
    with one_proxy() as (_, proxy, one):
        register(one)
        add(one, RSSIHighThreshold=-50, RSSIHighTimeout=1, RSSILowThreshold=-80, RSSILowTimeout=2)
        near, far, found = path_of(LAMP), path_of(WATCH), lambda: one.calls_of(MONITOR)

        def advertise():
            proxy.advertise(LAMP, rssi=-40)
            proxy.advertise(WATCH, rssi=-50)  # as strong as that is not stronger
            return (ROOT, "DeviceFound", near) in found()
        proxy.advertise(LAMP, rssi=-40)
        one.wait_until(lambda: near in devices(one), "the device")
        assert (ROOT, "DeviceFound", near) not in found(), "not yet"
        one.wait_until(advertise, "DeviceFound")
        wait_for_call(one, ROOT, "DeviceLost", near)
        assert not [call for call in found() if far in call]
        assert far in devices(one)


def test_a_device_is_lost_when_it_is_far_away_for_long_enough():
    with one_proxy() as (_, proxy, one):
        register(one)
        add(one, RSSIHighThreshold=-50, RSSIHighTimeout=1, RSSILowThreshold=-80, RSSILowTimeout=1)

        def advertise(rssi, *call):
            proxy.advertise(LAMP, rssi=rssi)
            return call in one.calls_of(MONITOR)
        one.wait_until(lambda: advertise(-40, ROOT, "DeviceFound", path_of(LAMP)), "DeviceFound")
        one.wait_until(lambda: advertise(-90, ROOT, "DeviceLost", path_of(LAMP)), "DeviceLost")


# ---- Proxies and sessions ----

def modes(proxy):
    return [fields(body).get(1, [0])[0] for kind, body in list(proxy.received) if kind == SET_MODE]


def test_proxies_scan_actively_for_discovery_alone():
    with one_proxy() as (_, proxy, one):
        register(one)
        add(one)
        one.adapter("StartDiscovery")
        one.wait_until(lambda: modes(proxy)[-1:] == [1], "active scanning")
        one.adapter("StopDiscovery")
        one.wait_until(lambda: modes(proxy)[-1:] == [0], "passive scanning")
        mark = one.here()
        proxy.advertise(LAMP)
        one.wait_for_added(path_of(LAMP), mark)  # it is still listened


def test_monitors_outlive_that_the_adapter_is_switched_off():
    with one_proxy() as (_, proxy, one):
        register(one)
        add(one)
        one.set(HCI0, ADAPTER, "Powered", variant("b", False))
        proxy.advertise(WATCH)
        one.here()
        assert not devices(one)
        one.set(HCI0, ADAPTER, "Powered", variant("b", True))
        proxy.advertise(LAMP)
        wait_for_call(one, ROOT, "DeviceFound", path_of(LAMP))


def test_the_end_of_the_daemon_releases_monitors():
    with one_proxy() as (it, _, one):
        register(one)
        add(one)
        it.stop_daemon()
        wait_for_call(one, ROOT, "Release")


# ---- Programs of others ----

def test_case_26_a_root_of_nothing_makes_nobody_listen_and_is_answered_with_its_first_monitor():
    with one_proxy() as (_, proxy, one):
        one.answers[("/", OBJECT_MANAGER, "GetManagedObjects")] = EMPTY
        waiting = one.begin(HCI0, MANAGER, "RegisterMonitor", "o", "/")
        proxy.advertise(LAMP)
        one.here()
        proxy.wait_for(66)  # that is only the library's own subscription
        assert not devices(one) and not waiting.done() and not modes(proxy)
        add(one, "/org/bluez/adv_monitor_app/0")
        one.finish(waiting)
        proxy.advertise(LAMP)
        wait_for_call(one, "/org/bluez/adv_monitor_app/0", "DeviceFound", path_of(LAMP))
        one.call(HCI0, MANAGER, "UnregisterMonitor", "o", "/")
        waiting = one.begin(HCI0, MANAGER, "RegisterMonitor", "o", "/")
        one.call(HCI0, MANAGER, "UnregisterMonitor", "o", "/")
        assert one.refused(waiting) == BLUEZ_ERROR + "Failed"


def test_bluetoothctl_does_what_its_command_line_says():
    with sim() as proxies, house(*proxies) as it:
        battery = program(it).find("Virtual Battery")
        address = battery[-17:].replace("_", ":")
        result = subprocess.run(["bluetoothctl", "connect", address], stdout=subprocess.PIPE, timeout=PATIENCE_S, check=False,
                                env=environment(DBUS_SYSTEM_BUS_ADDRESS=it.address))
        assert b"Connection successful" in result.stdout, result.stdout.decode()


BLEAK = """
import asyncio
from bleak import BleakScanner
from bleak.assigned_numbers import AdvertisementDataType
from bleak.backends.bluezdbus.advertisement_monitor import OrPattern
from bleak.backends.bluezdbus.scanner import BlueZScannerArgs

async def main():
    found = asyncio.Event()
    def on_device(device, data):
        if device.name == "Virtual Battery" and data.rssi < 0:
            found.set()
    patterns = BlueZScannerArgs(or_patterns=[OrPattern(0, AdvertisementDataType.FLAGS, flags) for flags in (b"\\x06", b"\\x1a")])
    async with BleakScanner(on_device, scanning_mode="passive", bluez=patterns):
        await asyncio.wait_for(found.wait(), %d)
        print("found", flush=True)
    print("stopped", flush=True)

asyncio.run(main())
"""


def test_bleak_scans_passively():
    with sim() as proxies, house(*proxies) as it:
        one = program(it)
        result = subprocess.run([sys.executable, "-c", BLEAK % PATIENCE_S], stdout=subprocess.PIPE, timeout=2 * PATIENCE_S,
                                stderr=subprocess.STDOUT, env=environment(DBUS_SYSTEM_BUS_ADDRESS=it.address), check=False)
        assert result.stdout.split() == [b"found", b"stopped"], result.stdout.decode()
        assert one.last(HCI0, "Discovering", ADAPTER) is None


if __name__ == "__main__":
    main(globals())
