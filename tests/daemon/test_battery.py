# SPDX-License-Identifier: MIT
"""org.bluez.Battery1: the level of a connected device's battery."""
import contextlib
import socket

from program import program
from scripted import (CAN_NOTIFY, CAN_READ, NOTIFY, READ, WRITE_DESCRIPTOR, Device, Scripted, first)
from support import BLUEZ_ERROR, BUS_ERROR, CHARACTERISTIC, DEVICE, PATIENCE_S, PROPERTIES, house, main, path_of

BATTERY = "org.bluez.Battery1"
LAMP, LEVEL, CONFIGURATION, OTHER = 0xC00000000001, 3, 4, 7
PATH = path_of(0xC00000000001)
CHARACTERISTIC_PATH = PATH + "/service0001/char0002"


@contextlib.contextmanager
def lamp(value=b"\x2a", can=CAN_READ | CAN_NOTIFY, service="180f", held=()):
    """The device, connected, with its services told; held: requests that the proxy does not answer yet."""
    device = Device(LAMP, [(service, 1, [("2a19", LEVEL, can, [("2902", CONFIGURATION)])]),
                           ("1800", 5, [("2a00", OTHER, CAN_READ, [])])],
                    {LEVEL: value, CONFIGURATION: b"\0\0", OTHER: b"Lamp"})
    with Scripted(device) as proxy, house(proxy) as it:
        one = program(it)
        one.discover()
        proxy.advertise(LAMP)
        one.wait_for_added(PATH)
        proxy.held = set(held)
        one.call(PATH, DEVICE, "Connect")
        one.wait_for_change(PATH, "ServicesResolved", True)
        yield it, proxy, one


def wait_for_battery(one, after=0):
    return one.wait_for(lambda told: told.kind == "InterfacesAdded" and BATTERY in told.interfaces, after)


def wait_for_percentage(one, value):
    one.wait_until(lambda: one.last(PATH, "Percentage", BATTERY) == value, f"Percentage {value}")


def reads(proxy):
    """The handles that were read; the library asks proxies for other devices' at times."""
    return [first(request, 2) for request in proxy.requests(READ) if first(request, 1) == LAMP]


def writes(proxy):
    return [value for _, value in proxy.writes(CONFIGURATION)]


def test_the_level_is_read_once_and_then_notified():
    with lamp() as (_, proxy, one):
        assert wait_for_battery(one).interfaces == {BATTERY: {"Percentage": 42}}
        assert one.get_all(PATH, BATTERY) == {"Percentage": 42}
        proxy.wait_until(lambda: writes(proxy) == [b"\1\0"], "the subscription")
        proxy.notify(LAMP, LEVEL, b"\x29")
        wait_for_percentage(one, 41)
        proxy.notify(LAMP, LEVEL, b"\x29")
        proxy.notify(LAMP, LEVEL, b"\xff")  # none
        proxy.notify(LAMP, LEVEL, b"")
        proxy.notify(LAMP, LEVEL, b"\x28")
        wait_for_percentage(one, 40)
        assert [change["Percentage"] for change in one.changes(PATH, BATTERY)] == [41, 40]
        assert reads(proxy) == [LEVEL]
        assert not one.changes(CHARACTERISTIC_PATH, CHARACTERISTIC), "told to programs that did not ask"
        assert not one.get(CHARACTERISTIC_PATH, CHARACTERISTIC, "Notifying")


def test_it_goes_with_the_connection():
    with lamp() as (_, proxy, one):
        wait_for_battery(one)
        mark = one.mark()
        proxy.hang_up(LAMP)
        one.wait_for_change(PATH, "Connected", False, mark)
        gone = one.wait_for(lambda told: told.kind == "InterfacesRemoved" and told.path == PATH, mark)
        assert gone.interfaces == [BATTERY]
        one.fails(BUS_ERROR + "InvalidArgs", None, PATH, PROPERTIES, "Get", "ss", BATTERY, "Percentage")
        proxy.advertise(LAMP)
        mark = one.mark()
        one.call(PATH, DEVICE, "Connect")
        wait_for_battery(one, mark)


def test_a_program_subscribes_to_the_same_characteristic_and_leaves_it_as_it_was():
    with lamp() as (it, proxy, one):
        wait_for_battery(one)
        proxy.wait_until(lambda: writes(proxy) == [b"\1\0"], "the subscription")
        one.call(CHARACTERISTIC_PATH, CHARACTERISTIC, "StartNotify")
        assert one.get(CHARACTERISTIC_PATH, CHARACTERISTIC, "Notifying")
        proxy.notify(LAMP, LEVEL, b"\x20")
        one.wait_for_change(CHARACTERISTIC_PATH, "Value", b"\x20")
        wait_for_percentage(one, 32)
        one.call(CHARACTERISTIC_PATH, CHARACTERISTIC, "StopNotify")
        assert not one.get(CHARACTERISTIC_PATH, CHARACTERISTIC, "Notifying")
        mark = one.mark()
        proxy.notify(LAMP, LEVEL, b"\x1f")
        wait_for_percentage(one, 31)
        assert not one.changes(CHARACTERISTIC_PATH, CHARACTERISTIC, mark)
        assert writes(proxy) == [b"\1\0"], "one subscription for all"
        one.fails(BLUEZ_ERROR + "Failed", "No notify session started", CHARACTERISTIC_PATH, CHARACTERISTIC, "StopNotify")


def test_a_program_acquires_notifications_of_the_same_characteristic():
    with lamp() as (_, proxy, one):
        wait_for_battery(one)
        proxy.wait_until(lambda: writes(proxy) == [b"\1\0"], "the subscription")
        descriptor, _ = one.call(CHARACTERISTIC_PATH, CHARACTERISTIC, "AcquireNotify", "a{sv}", {})
        with socket.socket(fileno=descriptor) as end:
            end.settimeout(PATIENCE_S)
            proxy.notify(LAMP, LEVEL, b"\x20")
            assert end.recv(16) == b"\x20"
        wait_for_percentage(one, 32)
        one.wait_until(lambda: not one.get(CHARACTERISTIC_PATH, CHARACTERISTIC, "NotifyAcquired"), "that it is closed")
        proxy.notify(LAMP, LEVEL, b"\x1f")
        wait_for_percentage(one, 31)
        assert writes(proxy) == [b"\1\0"]


def test_a_program_that_subscribes_meanwhile_waits_for_the_same_answer():
    with lamp(held=[NOTIFY]) as (_, proxy, one):
        wait_for_battery(one)
        proxy.wait_for(NOTIFY)
        starting = one.begin(CHARACTERISTIC_PATH, CHARACTERISTIC, "StartNotify")
        one.here()
        proxy.release()
        one.finish(starting)
        assert len(proxy.requests(NOTIFY)) == 1 and one.get(CHARACTERISTIC_PATH, CHARACTERISTIC, "Notifying")


def test_what_a_program_reads_counts_too():
    with lamp(can=CAN_READ, held=[READ]) as (_, proxy, one):
        proxy.wait_until(lambda: reads(proxy), "a read")
        reading = one.begin(CHARACTERISTIC_PATH, CHARACTERISTIC, "ReadValue", "a{sv}", {})
        one.here()
        proxy.release()
        assert one.finish(reading) == b"\x2a"
        wait_for_battery(one)
        assert reads(proxy) == [LEVEL], "one request for both"
        proxy.devices[LAMP].values[LEVEL] = b"\x64"
        one.call(CHARACTERISTIC_PATH, CHARACTERISTIC, "ReadValue", "a{sv}", {})
        wait_for_percentage(one, 100)
        assert not proxy.requests(NOTIFY)


def test_a_level_that_cannot_be_read_or_is_none_is_not_told():
    for value in (0x05, b"", b"\x65"):
        with lamp(value=value) as (_, proxy, one):
            proxy.wait_until(lambda: reads(proxy), "a read")
            other = one.characteristic(PATH, "2a00")
            one.call(other, CHARACTERISTIC, "ReadValue", "a{sv}", {})
            assert BATTERY not in one.objects()[PATH]
            if value == 0x05:
                assert not proxy.requests(NOTIFY), "asked for more"


def test_a_device_that_refuses_the_subscription_is_asked_once():
    with lamp() as (_, proxy, one):
        wait_for_battery(one)
    with lamp(held=[WRITE_DESCRIPTOR]) as (_, proxy, one):
        proxy.devices[LAMP].refusals[CONFIGURATION] = 0x0E
        proxy.wait_for(WRITE_DESCRIPTOR)
        proxy.release()
        for _ in range(3):
            one.call(CHARACTERISTIC_PATH, CHARACTERISTIC, "ReadValue", "a{sv}", {})
        assert writes(proxy).count(b"\1\0") == 1
        one.fails(BLUEZ_ERROR + "Failed", "Operation failed with ATT error: 0x0e", CHARACTERISTIC_PATH, CHARACTERISTIC,
                  "StartNotify")


def test_the_level_of_another_service_is_not_the_device_s():
    with lamp(service="180a") as (_, proxy, one):
        other = one.characteristic(PATH, "2a00")
        one.call(other, CHARACTERISTIC, "ReadValue", "a{sv}", {})
        assert reads(proxy) == [OTHER]


if __name__ == "__main__":
    main(globals())
