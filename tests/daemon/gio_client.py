# SPDX-License-Identifier: MIT
"""A program that uses GLib's own client of D-Bus, as GNOME's do: journey.py tells what it does. It knows of objects what the
library keeps of them."""
import json
import struct
import sys
import time

from gi.repository import Gio, GLib

NAME, SERVICE, STORE, BURST, QUITTER, VALUE, HANG_UP = sys.argv[1:]
ADAPTER, DEVICE, CHARACTERISTIC = "org.bluez.Adapter1", "org.bluez.Device1", "org.bluez.GattCharacteristic1"
WRITTEN = bytes(i % 251 for i in range(400))
N_NOTIFICATIONS = 200
TIMEOUT_S = 30

objects = Gio.DBusObjectManagerClient.new_for_bus_sync(
    Gio.BusType.SYSTEM, Gio.DBusObjectManagerClientFlags.DO_NOT_AUTO_START, "org.bluez", "/", None, None, None)


def did(step, **more):
    print(json.dumps({"did": step, **more}), flush=True)


def until(find):
    """What it finds, as soon as that is something."""
    end = time.monotonic() + TIMEOUT_S
    while not (found := find()):
        assert time.monotonic() < end, "nothing more happens"
        GLib.MainContext.default().iteration(True)
    return found


def call(proxy, method, signature="()", *arguments):
    """While it lasts, news is taken in."""
    ends = []
    proxy.call(method, GLib.Variant(signature, arguments), Gio.DBusCallFlags.NONE, TIMEOUT_S * 1000, None,
               lambda _, result: ends.append(result))
    values = proxy.call_finish(until(lambda: ends)[0]).unpack()
    return values[0] if values else None


def get(proxy, name):
    value = proxy.get_cached_property(name)
    return None if value is None else value.unpack()


def proxies(interface, below="/"):
    found = (each.get_interface(interface) for each in objects.get_objects()
             if each.get_object_path().startswith(below))
    return [proxy for proxy in found if proxy]


def adapter():
    return until(lambda: [proxy for proxy in proxies(ADAPTER) if get(proxy, "Powered")])[0]


def find(holds):
    """The first device for which it holds."""
    radio = adapter()
    call(radio, "SetDiscoveryFilter", "(a{sv})", {"Transport": GLib.Variant("s", "le")})
    call(radio, "StartDiscovery")
    device = until(lambda: [proxy for proxy in proxies(DEVICE) if holds(proxy)])[0]
    call(radio, "StopDiscovery")
    return device


def find_by_name(name):
    return find(lambda proxy: get(proxy, "Name") == name and get(proxy, "RSSI"))


def connect(name):
    device = find_by_name(name)
    call(device, "Connect")
    until(lambda: get(device, "ServicesResolved"))
    return device


def connect_stubbornly(name):
    """While there is no proxy, or the device is not there."""
    while True:
        try:
            return connect(name)
        except GLib.Error as error:
            print(error, file=sys.stderr)
            GLib.MainContext.default().iteration(True)


def characteristic(device, uuid):
    return [proxy for proxy in proxies(CHARACTERISTIC, device.get_object_path()) if get(proxy, "UUID") == uuid][0]


def read(device, uuid):
    return bytes(call(characteristic(device, uuid), "ReadValue", "(a{sv})", {}))


def write(device, uuid, value):
    call(characteristic(device, uuid), "WriteValue", "(aya{sv})", value, {"type": GLib.Variant("s", "request")})


def listen(device):
    burst, numbers = characteristic(device, BURST), []

    def on_change(_, changed, __):
        if value := changed.lookup_value("Value", None):
            numbers.append(struct.unpack_from("<H", value.get_data_as_bytes().get_data())[0])

    burst.connect("g-properties-changed", on_change)
    call(burst, "StartNotify")
    until(lambda: get(burst, "Notifying"))
    write(device, BURST, struct.pack("<H", N_NOTIFICATIONS))
    until(lambda: len(numbers) >= N_NOTIFICATIONS)
    call(burst, "StopNotify")
    did("notified", numbers=numbers)


def be_left():
    device = connect(QUITTER)
    write(device, HANG_UP, b"\x08")
    until(lambda: not get(device, "Connected"))
    did("lost")
    device = connect_stubbornly(QUITTER)
    did("again", value=read(device, VALUE).hex())
    call(device, "Disconnect")


def survive():
    device = connect(NAME)
    did("ready")
    until(lambda: not get(device, "Connected"))
    did("rebooted")
    device = connect_stubbornly(NAME)
    did("survived", value=read(device, STORE).hex())
    call(device, "Disconnect")


def main():
    GLib.timeout_add(100, lambda: GLib.SOURCE_CONTINUE)  # so that waiting has an end
    device = find_by_name(NAME)
    did("adapter", name=get(device, "Adapter").rsplit("/", 1)[1])
    did("by_name", address=get(device, "Address"))
    did("by_service", address=get(find(lambda proxy: SERVICE in get(proxy, "UUIDs")), "Address"))
    device = connect(NAME)
    did("connected")
    services = proxies("org.bluez.GattService1", device.get_object_path())
    did("services", uuids=[get(proxy, "UUID") for proxy in services])
    did("read", value=read(device, STORE).hex())
    write(device, STORE, WRITTEN)
    did("wrote", value=read(device, STORE).hex())
    listen(device)
    call(device, "Disconnect")
    until(lambda: not proxies("org.bluez.GattService1", device.get_object_path()))
    did("disconnected")
    be_left()
    survive()


main()
