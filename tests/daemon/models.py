# SPDX-License-Identifier: MIT
"""Devices that tests connect to."""
from scripted import CAN_COMMAND, CAN_INDICATE, CAN_NOTIFY, CAN_READ, CAN_WRITE, Device, ad
from support import CHARACTERISTIC, DEVICE, path_of

LAMP = 0xC00000000001
FLAGS = ad(0x01, b"\x06")
NAMED = FLAGS + ad(0x09, b"Lamp")

# Values, by their handles; declarations are one below.
TEXT, COUNTER, COMMANDS, ALARM, SILENT, BOTH = 3, 6, 10, 12, 15, 17
COUNTER_CONFIGURATION, COUNTER_NAME, ALARM_CONFIGURATION = 7, 8, 13


def lamp(address=LAMP, **more):
    services = [("180f", 1, [("2a19", TEXT, CAN_READ | CAN_WRITE, [])]),
                ("6e400001-b5a3-f393-e0a9-e50e24dcca9e", 4, [
                    ("6e400002-b5a3-f393-e0a9-e50e24dcca9e", COUNTER, CAN_READ | CAN_NOTIFY,
                     [("2902", COUNTER_CONFIGURATION), ("2901", COUNTER_NAME)]),
                    ("7fff0002", COMMANDS, CAN_COMMAND, []),
                    ("2a05", ALARM, CAN_INDICATE, [("2902", ALARM_CONFIGURATION)]),
                    ("2a00", SILENT, CAN_READ, []),
                    ("2a01", BOTH, CAN_READ | CAN_WRITE | CAN_COMMAND, [])])]
    return Device(address, services, {TEXT: b"hello", COUNTER: b"\x01", COUNTER_CONFIGURATION: b"\x00\x00",
                                      COUNTER_NAME: b"counter", SILENT: b"", BOTH: b"both"}, **more)


FIRST_SERVICE, SECOND_SERVICE = "/service0001", "/service0004"


def place(handle, address=LAMP):
    """The path of a characteristic, by its value's handle."""
    return f"{path_of(address)}{FIRST_SERVICE if handle == TEXT else SECOND_SERVICE}/char{handle - 1:04x}"


def hear(client, proxy, address=LAMP, payload=NAMED):
    """Until the device is an object; discovery goes on."""
    client.discover()
    proxy.advertise(address, payload)
    client.wait_for_added(path_of(address))


def connect(client, proxy, address=LAMP):
    """Until its services are known."""
    hear(client, proxy, address)
    client.call(path_of(address), DEVICE, "Connect")
    client.wait_for_change(path_of(address), "ServicesResolved", True)


def read(client, handle, **options):
    return bytes(client.call(place(handle), CHARACTERISTIC, "ReadValue", "a{sv}", options))


def write(client, handle, value, **options):
    client.call(place(handle), CHARACTERISTIC, "WriteValue", "aya{sv}", value, options)
