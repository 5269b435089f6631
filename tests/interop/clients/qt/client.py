# SPDX-License-Identifier: MIT
"""A program that uses Qt, 5 or 6: journey.py of tests/daemon tells what it does. The first argument is PyQt5 or PyQt6."""

import importlib
import json
import struct
import sys
import time

QT, NAME, SERVICE, STORE, BURST, QUITTER, VALUE, HANG_UP = sys.argv[1:]
core, bt, dbus = (importlib.import_module(f"{QT}.{module}") for module in ("QtCore", "QtBluetooth", "QtDBus"))
Agent, Link, Service = bt.QBluetoothDeviceDiscoveryAgent, bt.QLowEnergyController, bt.QLowEnergyService
WRITTEN = bytes(i % 251 for i in range(400))
N_NOTIFICATIONS = 200
TIMEOUT_S = 30

app = core.QCoreApplication(sys.argv)


def did(step, **more):
    print(json.dumps({"did": step, **more}), flush=True)


def until(holds):
    end = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < end, "nothing more happens"
        app.processEvents(core.QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def uuid(text):
    return bt.QBluetoothUuid("{" + text + "}")


def failed(thing):
    """The signal, whose name differs by version."""
    return thing.errorOccurred if hasattr(thing, "errorOccurred") else thing.error


def adapter():
    """The name of the object that has the address of Qt's only adapter."""
    (local,) = bt.QBluetoothLocalDevice.allDevices()
    path = "/org/bluez/hci0"
    properties = "org.freedesktop.DBus.Properties"
    hci0 = dbus.QDBusInterface("org.bluez", path, properties, dbus.QDBusConnection.systemBus())
    (address,) = hci0.call("Get", "org.bluez.Adapter1", "Address").arguments()
    assert getattr(address, "variant", lambda: address)() == local.address().toString(), address
    return path.rsplit("/", 1)[1]


def scan(holds):
    """A device that was heard, or None; it ends as soon as it was."""
    agent = Agent()
    agent.setLowEnergyDiscoveryTimeout(5000)
    agent.start(Agent.DiscoveryMethod.LowEnergyMethod)
    found = []
    while agent.isActive() and not found:
        app.processEvents(core.QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        found = [info for info in agent.discoveredDevices() if info.rssi() and holds(info)]
    agent.stop()
    return found[0] if found else None


def find(holds):
    end = time.monotonic() + TIMEOUT_S
    while not (info := scan(holds)):
        assert time.monotonic() < end, "the device is not heard"
    return info


def advertised(info):
    uuids = info.serviceUuids()  # with how complete they are, in Qt 5
    return uuids[0] if isinstance(uuids, tuple) else uuids


class Device:
    """A connection, and what it tells."""

    def __init__(self, name):
        self.info = find(lambda info: info.name() == name)
        self.link, self.services, self.errors = Link.createCentral(self.info), {}, []
        failed(self.link).connect(self.errors.append)
        self.read, self.written, self.described, self.notified = [], [], [], []

    def reach(self, state):
        until(lambda: self.link.state() == state or self.errors)
        if self.errors:
            raise ConnectionError(self.link.errorString())

    def connect(self):
        self.link.connectToDevice()
        self.reach(Link.ControllerState.ConnectedState)
        self.link.discoverServices()
        self.reach(Link.ControllerState.DiscoveredState)

    def explore(self, of):
        """The service of that UUID."""
        service = self.link.createServiceObject(of, self.link)
        service.characteristicRead.connect(lambda _, value: self.read.append(bytes(value)))
        service.characteristicWritten.connect(lambda _, value: self.written.append(bytes(value)))
        service.descriptorWritten.connect(lambda _, value: self.described.append(bytes(value)))
        service.characteristicChanged.connect(lambda _, value: self.notified.append(bytes(value)))
        failed(service).connect(self.errors.append)
        service.discoverDetails()
        until(lambda: service.state() == Service.ServiceState.ServiceDiscovered)
        self.services[of.toString()] = service

    def find(self, text):
        for service in self.services.values():
            characteristic = service.characteristic(uuid(text))
            if characteristic.isValid():
                return service, characteristic
        raise KeyError(text)

    def finish(self, done):
        """What came of an operation."""
        until(lambda: done or self.errors)
        assert done, self.errors
        return done.pop()

    def value(self, text):
        service, characteristic = self.find(text)
        service.readCharacteristic(characteristic)
        return self.finish(self.read)

    def write(self, text, value):
        service, characteristic = self.find(text)
        service.writeCharacteristic(characteristic, core.QByteArray(value))
        self.finish(self.written)

    def subscribe(self, text, value):
        service, characteristic = self.find(text)
        configuration = bt.QBluetoothUuid.DescriptorType.ClientCharacteristicConfiguration
        service.writeDescriptor(characteristic.descriptor(bt.QBluetoothUuid(configuration)), core.QByteArray(value))
        self.finish(self.described)

    def wait_for_end(self):
        until(lambda: self.link.state() == Link.ControllerState.UnconnectedState)

    def disconnect(self):
        self.link.disconnectFromDevice()
        self.wait_for_end()


def connected(name, *services):
    device = Device(name)
    device.connect()
    for service in [uuid(text) for text in services] or device.link.services():
        device.explore(service)
    return device


def stubbornly(*arguments):
    """While there is no proxy, or the device is not there."""
    while True:
        try:
            return connected(*arguments)
        except ConnectionError as error:
            print(repr(error), file=sys.stderr)


def transfer(device):
    did("read", value=device.value(STORE).hex())
    device.write(STORE, WRITTEN)
    did("wrote", value=device.value(STORE).hex())


def listen(device):
    device.subscribe(BURST, b"\1\0")
    del device.notified[:]
    device.write(BURST, struct.pack("<H", N_NOTIFICATIONS))
    until(lambda: len(device.notified) >= N_NOTIFICATIONS)
    device.subscribe(BURST, b"\0\0")
    did("notified", numbers=[struct.unpack_from("<H", value)[0] for value in device.notified])


def own_service():
    """Of the device that hangs up at the third request, so that not all of it can be read."""
    return VALUE.replace("0021-", "0020-")


def be_left():
    device = connected(QUITTER, own_service())
    service, characteristic = device.find(HANG_UP)
    service.writeCharacteristic(characteristic, core.QByteArray(b"\x08"))
    device.wait_for_end()
    did("lost")
    device = stubbornly(QUITTER, own_service())
    did("again", value=device.value(VALUE).hex())
    device.disconnect()


def survive():
    device = connected(NAME, SERVICE)
    did("ready")
    device.wait_for_end()
    did("rebooted")
    device = stubbornly(NAME, SERVICE)
    did("survived", value=device.value(STORE).hex())
    device.disconnect()


def main():
    alarm = core.QTimer()  # so that waiting has an end
    alarm.start(100)
    did("adapter", name=adapter())
    did("by_name", address=find(lambda info: info.name() == NAME).address().toString())
    did("by_service", address=find(lambda info: uuid(SERVICE) in advertised(info)).address().toString())
    device = connected(NAME)
    did("connected")
    did("services", uuids=[service.toString().strip("{}") for service in device.link.services()])
    transfer(device)
    listen(device)
    device.disconnect()
    did("disconnected")
    be_left()
    survive()


main()
