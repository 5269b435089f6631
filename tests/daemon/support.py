# SPDX-License-Identifier: MIT
"""A private message bus, virtual proxies, bleproxyd on both, and a client that sees every signal in order."""
import asyncio
import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus


def e2e():
    """Its support, which has the same name."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e", "support.py")
    spec = importlib.util.spec_from_file_location("e2e_support", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


e2e_support = e2e()
PATIENCE_S, Skip, environment = e2e_support.PATIENCE_S, e2e_support.Skip, e2e_support.environment
home, main, sim = e2e_support.home, e2e_support.main, e2e_support.sim
BLEPROXYD = sys.argv[2]
HCI0 = "/org/bluez/hci0"
ADAPTER, DEVICE, SERVICE = "org.bluez.Adapter1", "org.bluez.Device1", "org.bluez.GattService1"
CHARACTERISTIC, BATTERY = "org.bluez.GattCharacteristic1", "org.bluez.Battery1"
MONITOR_MANAGER, MONITOR = "org.bluez.AdvertisementMonitorManager1", "org.bluez.AdvertisementMonitor1"
AGENT_MANAGER, AGENT = "org.bluez.AgentManager1", "org.bluez.Agent1"
PROPERTIES, OBJECT_MANAGER = "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"
BLUEZ_ERROR = "org.bluez.Error."

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_type="method_return"/><allow send_type="error"/><allow receive_type="*"/><allow send_destination="*"/>
</policy></busconfig>
"""


class Error(Exception):
    """What a call was answered with."""

    def __init__(self, message):
        self.name = message.error_name
        self.text = message.body[0] if message.body else ""
        super().__init__(f"{self.name}: {self.text}")


def plain(value):
    """Without the variants."""
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


@contextlib.contextmanager
def message_bus():
    """The address of a bus of one's own."""
    directory = tempfile.mkdtemp(dir=home.name)
    path, config = os.path.join(directory, "bus"), os.path.join(directory, "bus.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(BUS_CONFIG.format(path=path))
    process = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout.readline(), "there is no bus"
        yield f"unix:path={path}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


class Daemon:
    """bleproxyd on a bus, with proxies."""

    def __init__(self, address, proxies, *options, **more):
        self.state = more.pop("state", None) or tempfile.mkdtemp(dir=home.name)
        # The configuration of nobody: what the environment names is not there.
        named = [word for proxy in proxies for word in ("-p", proxy)]
        self.log = os.path.join(tempfile.mkdtemp(dir=home.name), "log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [BLEPROXYD, "--bus", address, *named, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(**{"STATE_DIRECTORY": self.state, **more}))

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        with open(self.log, encoding="utf-8") as log:
            text = log.read()
        assert code == 0 and "Sanitizer" not in text and "runtime error" not in text, f"exit code {code}: {text}"
        return text


@contextlib.contextmanager
def daemon(address, proxies, *options, **more):
    it = Daemon(address, proxies, *options, **more)
    try:
        yield it
    finally:
        if it.process.poll() is None:
            it.stop()


class Client:
    """A program on the bus. Its loop runs only while something is waited for; what came meanwhile is in signals, in order."""

    def __init__(self, address):
        self.loop = asyncio.new_event_loop()
        self.bus = self.run(self.connect(address))
        self.signals = []
        self.calls = []
        self.answers = {}  # (path, interface, member): (signature, body), or an error's name
        self.arrived = asyncio.Event()
        self.bus.add_message_handler(self.on_message)
        for rule in ("type='signal',path_namespace='/org/bluez'", "type='signal',path='/'",
                     "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"):
            self.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", rule,
                      destination="org.freedesktop.DBus")

    @staticmethod
    async def connect(address):
        return await MessageBus(bus_address=address, negotiate_unix_fd=True).connect()

    def run(self, coroutine):
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, PATIENCE_S))

    def on_message(self, message):
        if message.message_type == MessageType.SIGNAL:
            self.signals.append(message)
        elif message.message_type == MessageType.METHOD_CALL:
            self.calls.append(message)
        if message.message_type in (MessageType.SIGNAL, MessageType.METHOD_CALL):
            self.arrived.set()
        if message.message_type != MessageType.METHOD_CALL:
            return None
        answer = self.answers.get((message.path, message.interface, message.member))
        if answer is None:
            return None
        if isinstance(answer, str):
            return Message.new_error(message, answer, "")
        return Message.new_method_return(message, *answer)

    # ---- Calls ----

    def begin(self, path, interface, member, signature="", *body, destination="org.bluez"):
        """The call as a task: its result comes with finish()."""
        message = Message(destination=destination, path=path, interface=interface, member=member, signature=signature,
                          body=list(body))
        return self.loop.create_task(self.bus.call(message))

    def finish(self, task):
        reply = self.run(self.wait(task))
        if reply.message_type == MessageType.ERROR:
            raise Error(reply)
        return plain(reply.body[0]) if len(reply.body) == 1 else plain(reply.body)

    @staticmethod
    async def wait(task):
        return await task

    def call(self, path, interface, member, signature="", *body, **more):
        return self.finish(self.begin(path, interface, member, signature, *body, **more))

    def fails(self, name, path, interface, member, signature="", *body):
        """The text of the error with which the call must be answered: its name without org.bluez.Error."""
        try:
            value = self.call(path, interface, member, signature, *body)
        except Error as error:
            full = name if "." in name else BLUEZ_ERROR + name
            assert error.name == full, f"{error} instead of {name}"
            return error.text
        raise AssertionError(f"{member} returned {value!r} instead of {name}")

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES, "Get", "ss", interface, name)

    def get_all(self, path, interface):
        return self.call(path, PROPERTIES, "GetAll", "s", interface)

    def set(self, path, interface, name, signature, value):
        return self.call(path, PROPERTIES, "Set", "ssv", interface, name, Variant(signature, value))

    def objects(self):
        return self.call("/", OBJECT_MANAGER, "GetManagedObjects")

    def emit(self, path, interface, member, signature, *body):
        self.run(self.bus.send(Message.new_signal(path, interface, member, signature, list(body))))

    # ---- What comes ----

    def wait_until(self, condition, what="it"):
        """Until the condition holds, which is looked at whenever something came; its value."""
        end = time.monotonic() + PATIENCE_S
        while not (value := condition()):
            assert time.monotonic() < end, f"{what} never happens"
            with contextlib.suppress(asyncio.TimeoutError):
                self.loop.run_until_complete(asyncio.wait_for(self.arrived.wait(), 0.1))
            self.arrived.clear()
        return value

    def changes(self, path, interface, after=0):
        """What PropertiesChanged told of the object since, one dictionary each; what is gone is None."""
        found = []
        for message in self.signals[after:]:
            if message.member == "PropertiesChanged" and message.path == path and message.body[0] == interface:
                found.append({**plain(message.body[1]), **{name: None for name in message.body[2]}})
        return found

    def has_changed(self, path, interface, name, value, after=0):
        return any(name in change and change[name] == value for change in self.changes(path, interface, after))

    def wait_for_change(self, path, interface, name, value, after=0):
        self.wait_until(lambda: self.has_changed(path, interface, name, value, after), f"{name} = {value!r} of {path}")

    def added(self, interface, after=0):
        """{path: properties} of the objects that were added with the interface."""
        return {message.body[0]: plain(message.body[1][interface]) for message in self.signals[after:]
                if message.member == "InterfacesAdded" and interface in message.body[1]}

    def removed(self, after=0):
        """Paths, in order."""
        return [message.body[0] for message in self.signals[after:] if message.member == "InterfacesRemoved"]

    def here(self):
        """What came until now is in signals, as the daemon has answered a call since."""
        self.call("/", "org.freedesktop.DBus.Peer", "Ping")
        return len(self.signals)

    def wait_for_name(self):
        """Until the daemon is on the bus, with its adapter on."""
        self.wait_until(lambda: self.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s", "org.bluez",
                                          destination="org.freedesktop.DBus"), "the name")
        self.wait_until(lambda: self.get(HCI0, ADAPTER, "Powered"), "power")

    def discover(self, name):
        """The path of the device of that name, from a discovery that goes on."""
        if not self.get(HCI0, ADAPTER, "Discovering"):
            self.call(HCI0, ADAPTER, "StartDiscovery")

        def find():
            return next((path for path, interfaces in self.objects().items()
                         if interfaces.get(DEVICE, {}).get("Name") == name), None)
        return self.wait_until(find, name)

    def connect_to(self, name):
        """The path of the device, which is connected and has its services told."""
        path = self.discover(name)
        self.call(path, DEVICE, "Connect")
        self.wait_until(lambda: self.get(path, DEVICE, "ServicesResolved"), "ServicesResolved")
        return path

    def characteristic(self, device, uuid):
        """The path of the characteristic of that UUID, of which four digits will do."""
        if len(uuid) == 4:
            uuid = f"0000{uuid}-0000-1000-8000-00805f9b34fb"
        return next(path for path, interfaces in self.objects().items() if path.startswith(device + "/")
                    and interfaces.get(CHARACTERISTIC, {}).get("UUID") == uuid)

    def close(self):
        self.bus.disconnect()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


@contextlib.contextmanager
def client(address):
    it = Client(address)
    try:
        yield it
    finally:
        it.close()


@contextlib.contextmanager
def stack(*options, sim_options=(), count=1):
    """All of it: (address of the bus, a client, the daemon)."""
    with message_bus() as address, sim(*sim_options, count=count) as proxies, \
            daemon(address, proxies, *options) as process, client(address) as program:
        program.wait_for_name()
        yield address, program, process


def address_of(path):
    return re.search(r"dev_([0-9A-F_]{17})", path).group(1).replace("_", ":")
