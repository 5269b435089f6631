# SPDX-License-Identifier: MIT
"""The device that our client is tried with, and how the two come together through the fake proxy."""

import contextlib

from aioesphomeapi import api_pb2 as api

from fake_gatt_device import Device
from fake_gatt_proxy import NEWEST, FakeProxy
from gatt_driver import Driver
from harness import eventually

READ, COMMAND, WRITE, NOTIFY, INDICATE = 0x02, 0x04, 0x08, 0x10, 0x20
DEFAULT, WITH_RESPONSE, WITHOUT_RESPONSE = range(3)
SHORT_MS = 200  # for what never comes
NAME, ADDRESS, ADDRESS_TEXT = "Thing", 0xC0FFEE000001, "C0:FF:EE:00:00:01"
OWN = "5f1e{}-7b0a-4c6d-9e21-3d8a60c4b517"
STORE, TAKES, BURST, TOLD, LOCKED, BARE = (OWN.format(f"900{n}") for n in range(6))
VALUE = bytes(n * 7 & 0xFF for n in range(512))
CONFIGURATION = ("2902", b"\0\0")
# Kinds of requests:
SERVICES = api.BluetoothGATTGetServicesRequest
READING, READING_DESCRIPTOR = api.BluetoothGATTReadRequest, api.BluetoothGATTReadDescriptorRequest
WRITING, WRITING_DESCRIPTOR = api.BluetoothGATTWriteRequest, api.BluetoothGATTWriteDescriptorRequest
NOTIFYING, PARAMS = api.BluetoothGATTNotifyRequest, api.BluetoothSetConnectionParamsRequest


def thing():
    """A device with attributes of all kinds."""
    return Device(
        NAME,
        ADDRESS,
        [
            ("1800", [("2a00", READ, {"value": NAME.encode()}, [])]),
            (
                OWN.format("9fff"),
                [
                    (STORE, READ | WRITE | COMMAND, {"value": b"kept"}, [("2901", b"keeps")]),
                    (TAKES, COMMAND, {}, []),
                    (BURST, WRITE | NOTIFY, {"burst": True}, [CONFIGURATION]),
                    (TOLD, WRITE | INDICATE, {"burst": True}, [CONFIGURATION]),
                    (LOCKED, READ, {"value": b"secret", "locked": True}, []),
                    (BARE, NOTIFY, {}, []),
                ],
            ),
            ("7fff0002", [("2a6e", READ, {"value": b"\x34\x08"}, []), ("2a6e", READ, {"value": b"\x98\x08"}, [])]),
        ],
    )


@contextlib.contextmanager
def talking(firmware=NEWEST, psk=None, device=None, **settings):
    """A proxy with a device, and our client that hears it."""
    device = device or thing()
    with FakeProxy(device, firmware=firmware, psk=psk, **settings) as proxy, Driver(proxy) as driver:
        driver.expect("find", NAME, 10000)
        yield proxy, device, driver


@contextlib.contextmanager
def connected(*arguments, **settings):
    with talking(*arguments, **settings) as (proxy, device, driver):
        driver.expect("connect", ADDRESS_TEXT, 1, attempts=1)
        yield proxy, device, driver


def settled(proxy):
    """Nothing is left of any connection."""
    return eventually(lambda: not proxy.links)
