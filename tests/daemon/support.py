# SPDX-License-Identifier: MIT
"""A private message bus, bleproxyd on it, and clients that write down all that they are told, in order."""
import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from dbus_fast import Message, MessageFlag, MessageType, Variant
from dbus_fast.aio import MessageBus

from e2e import PATIENCE_S, Skip, environment, home, main, sim  # pylint: disable=unused-import

BLEPROXYD = sys.argv[2]
with open(BLEPROXYD, "rb") as binary:
    SANITIZED = b"__asan_init" in binary.read()
HCI0 = "/org/bluez/hci0"
ADAPTER, DEVICE, SERVICE = "org.bluez.Adapter1", "org.bluez.Device1", "org.bluez.GattService1"
CHARACTERISTIC, DESCRIPTOR = "org.bluez.GattCharacteristic1", "org.bluez.GattDescriptor1"
PROPERTIES, OBJECT_MANAGER = "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
BLUEZ_ERROR, BUS_ERROR = "org.bluez.Error.", "org.freedesktop.DBus.Error."
# Promises for what users run: the release suite holds it to them. Under sanitizers and beside other tests all takes longer.
NOTICED_S = 5 if SANITIZED else 1  # what is left behind by a client that died is gone within
LEAVES_S = 8 if SANITIZED else 2  # the daemon, after SIGTERM

POLICY = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
%s
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow send_type="signal"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>
<allow receive_type="signal"/></policy></busconfig>"""

# dbus-broker has other ones, and refuses these.
LIMITS = """<limit name="max_completed_connections">4096</limit><limit name="max_connections_per_user">4096</limit>
<limit name="max_replies_per_connection">10000</limit>"""
IS_BROKER = os.environ.get("BLEPROXY_TEST_BUS") == "broker"

def why_no_broker():
    """Why dbus-broker cannot be run here; None: it can. It is not installed for us, as it may become the system's bus by that."""
    if not shutil.which("dbus-broker-launch"):
        return "dbus-broker is not installed"
    if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return "no mount namespace can be made"
    return None


if IS_BROKER and why_no_broker():
    print("1..0 # SKIP", why_no_broker())
    sys.exit(0)

LOOP = asyncio.new_event_loop()


def run(coroutine, timeout=PATIENCE_S):
    return LOOP.run_until_complete(asyncio.wait_for(coroutine, timeout))


def path_of(address):
    return HCI0 + "/dev_" + "_".join(f"{byte:02X}" for byte in address.to_bytes(6, "big"))


def plain(value):
    """Without variants."""
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


class utf8(str):  # pylint: disable=invalid-name
    """Text that is not ASCII, for calls: dbus_fast counts characters where the protocol has bytes."""

    def __new__(cls, text):
        return super().__new__(cls, text.encode().decode("latin-1"))

    def encode(self, *_):
        return super().encode("latin-1")


def variant(signature, value):
    return Variant(signature, value)


class BusError(Exception):
    def __init__(self, message):
        super().__init__(f"{message.error_name}: {' '.join(map(str, message.body))}")
        self.name, self.text = message.error_name, message.body[0] if message.body else ""


class Told:
    """A signal, or the end of a call of the client's own: kind is the signal's or the method's name, with "reply" or
    "error" before the latter."""

    def __init__(self, message, call=None):
        self.path = call.path if call else message.path
        self.interface, self.body = message.interface, message.body
        self.kind = message.member if not call else (
            "reply " if message.message_type == MessageType.METHOD_RETURN else "error ") + call.member
        self.changed, self.invalidated, self.interfaces = {}, [], {}
        if self.kind == "PropertiesChanged":
            self.interface, self.changed, self.invalidated = plain(message.body)
        elif self.kind in ("InterfacesAdded", "InterfacesRemoved"):
            assert message.path == "/", message.path
            self.path, self.interfaces = plain(message.body)

    def __repr__(self):
        what = self.changed or self.interfaces or ""
        return f"{self.kind} {self.path} {what} {self.invalidated or ''}"


class Client:
    """A program on the bus. what it was told is in told."""

    def __init__(self, address, listens=True):
        self.told, self.calls, self.news = [], {}, asyncio.Event()
        self.bus = run(self.open(address))
        if listens:
            self.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s",
                     "type='signal',sender='org.bluez'")

    def watch_owner(self):
        """From now on it is told, too, who has the name org.bluez: NameOwnerChanged."""
        self.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s",
                 "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'")

    @staticmethod
    async def open(address):
        bus = await MessageBus(address, negotiate_unix_fd=True).connect()
        bus._disconnect_future.add_done_callback(lambda end: end.exception())  # pylint: disable=protected-access
        return bus  # whose end is no news

    def on_message(self, message):
        call, future = self.calls.pop(message.reply_serial, (None, None))
        if message.message_type == MessageType.SIGNAL and (message.sender != "org.freedesktop.DBus" or
                                                           message.member == "NameOwnerChanged"):
            self.told.append(Told(message))
        elif future:
            self.told.append(Told(message, call))
            future.set_result(message)
        self.news.set()

    # ---- Calls ----

    def send(self, message):
        if not self.bus._user_message_handlers:  # pylint: disable=protected-access
            self.bus.add_message_handler(self.on_message)
        message.serial = self.bus.next_serial()
        future = LOOP.create_future()
        if not message.flags & MessageFlag.NO_REPLY_EXPECTED:
            self.calls[message.serial] = message, future
        run(self.written(message))
        return future

    async def written(self, message):
        await self.bus.send(message)

    def begin(self, path, interface, member, signature="", *arguments, flags=MessageFlag.NONE):
        """A call whose end is waited for elsewhere, by finish()."""
        return self.send(Message(destination="org.bluez", path=path, interface=interface, member=member,
                                 signature=signature, body=list(arguments), flags=flags))

    def finish(self, future, timeout=PATIENCE_S):
        message = run(asyncio.shield(future), timeout)
        if message.message_type == MessageType.ERROR:
            raise BusError(message)
        values = plain(message.body)
        if message.unix_fds:
            values[0] = message.unix_fds[0]
        return values[0] if len(values) == 1 else values or None

    def call(self, *arguments, **more):
        return self.finish(self.begin(*arguments, **more))

    def ask(self, destination, path, interface, member, signature="", *arguments):
        return self.finish(self.send(Message(destination=destination, path=path, interface=interface, member=member,
                                             signature=signature, body=list(arguments))))

    def fails(self, name, text, *arguments):
        """The call ends with that error; text None: whatever its text. The error's text."""
        try:
            value = self.call(*arguments)
        except BusError as error:
            assert error.name == name and text in (None, error.text), f"{error} instead of {name}: {text}"
            return error.text
        raise AssertionError(f"{arguments} returned {value!r}")

    def fails_later(self, name, text, future):
        try:
            value = self.finish(future)
        except BusError as error:
            assert error.name == name and text in (None, error.text), f"{error} instead of {name}: {text}"
            return error.text
        raise AssertionError(f"it returned {value!r}")

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES, "Get", "ss", interface, name)

    def get_all(self, path, interface):
        return self.call(path, PROPERTIES, "GetAll", "s", interface)

    def set(self, path, interface, name, value):
        return self.call(path, PROPERTIES, "Set", "ssv", interface, name, value)

    def objects(self):
        return self.call("/", OBJECT_MANAGER, "GetManagedObjects")

    def adapter(self, member, *arguments):
        return self.call(HCI0, ADAPTER, member, *arguments)

    def discover(self, **options):
        """With the filter, given as keyword=variant."""
        if options:
            self.adapter("SetDiscoveryFilter", "a{sv}", options)
        self.adapter("StartDiscovery")

    # ---- What it was told ----

    def mark(self):
        """Where what follows begins."""
        return len(self.told)

    def wait_for(self, holds, after=0, timeout=PATIENCE_S):
        """The first thing told behind that mark for which it holds."""
        async def look():
            at = after
            while True:
                while at < len(self.told):
                    if holds(self.told[at]):
                        return self.told[at]
                    at += 1
                self.news.clear()
                await self.news.wait()
        try:
            return run(look(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"not told; but {self.told[after:]}") from None

    def wait_for_added(self, path, after=0):
        """An object, not one more of its interfaces."""
        return self.wait_for(lambda told: told.kind == "InterfacesAdded" and told.path == path and PROPERTIES in told.interfaces,
                             after)

    def wait_for_removed(self, path, after=0, timeout=PATIENCE_S):
        return self.wait_for(lambda told: told.kind == "InterfacesRemoved" and told.path == path and
                             PROPERTIES in told.interfaces, after, timeout)

    def wait_for_change(self, path, name, value=None, after=0, timeout=PATIENCE_S):
        """value None: any."""
        return self.wait_for(lambda told: told.kind == "PropertiesChanged" and told.path == path and
                             name in told.changed and value in (None, told.changed[name]), after, timeout)

    def about(self, path, after=0):
        return [told for told in self.told[after:] if told.path == path]

    def kinds(self, after=0):
        return [(told.kind, told.path) for told in self.told[after:]]

    def close(self):
        """Leaves as a program does that is killed: without a word."""
        self.bus.disconnect()
        run(asyncio.sleep(0))


class Victim:
    """A program in a process of its own, to be killed."""

    def __init__(self, address):
        self.process = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(__file__), "victim.py"), address],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def begin(self, path, interface, member, signature="", *arguments):
        self.process.stdin.write(json.dumps([path, interface, member, signature, arguments]).encode() + b"\n")
        self.process.stdin.flush()

    def call(self, *arguments):
        """"ok", or the name of the error."""
        self.begin(*arguments)
        assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], f"no answer to {arguments}"
        return self.process.stdout.readline().decode().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def bus_command(path, config):
    """What serves a bus at that path, and says something when it does."""
    if not IS_BROKER:
        return ["dbus-daemon", "--nofork", "--print-address", "--config-file=" + config]
    return ["unshare", "--mount", "--propagation", "private", sys.executable,
            os.path.join(os.path.dirname(os.path.abspath(__file__)), "broker.py"), path, config]


class House:
    """A bus with bleproxyd on it."""

    def __init__(self, proxies, options, limits=""):
        self.folder = tempfile.mkdtemp(dir=home.name)
        self.address = "unix:path=" + os.path.join(self.folder, "bus")
        self.state = environment(XDG_RUNTIME_DIR=self.folder)
        self.options = [word for proxy in proxies for word in ("-p", proxy)] + list(options)
        self.clients = []
        config = os.path.join(self.folder, "bus.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(POLICY % (os.path.join(self.folder, "bus"), "" if IS_BROKER else LIMITS + limits))
        self.bus_log = open(os.path.join(self.folder, "bus.log"), "w+b")
        self.bus = subprocess.Popen(bus_command(os.path.join(self.folder, "bus"), config), stdout=subprocess.PIPE,
                                    stderr=self.bus_log)
        assert self.bus.stdout.readline(), "no bus"
        self.daemon, self.log = None, None

    def start_daemon(self):
        """It is known to be ready when it says that it is."""
        self.log = open(os.path.join(self.folder, "log"), "w+b")
        self.daemon = self.spawn(stderr=self.log)

    def spawn(self, **more):
        return subprocess.Popen([BLEPROXYD, "--bus", self.address, *self.options], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, env=self.state, **more)

    def client(self, **more):
        client = Client(self.address, **more)
        self.clients.append(client)
        return client

    def leave(self, client):
        """The client leaves, and the daemon knows it."""
        name, asker = client.bus.unique_name, self.clients[0]
        client.close()
        while asker.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s", name):
            pass
        asker.call(HCI0, INTROSPECTABLE, "Introspect")  # which comes to it after that news

    def victim(self):
        return Victim(self.address)

    def wait_until_powered(self, client, after=0):
        """The client watches the owner; the daemon was started behind that mark."""
        client.wait_for(lambda told: told.kind == "NameOwnerChanged" and told.body[2], after)
        if not client.get(HCI0, ADAPTER, "Powered"):
            client.wait_for_change(HCI0, "Powered", True, after)

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def targets(self):
        """What the daemon has open, but what it is just writing down."""
        folder, found = f"/proc/{self.daemon.pid}/fd", []
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found.append(os.readlink(os.path.join(folder, name)))
        return [target for target in found if not target.startswith(self.state["XDG_STATE_HOME"])]

    def descriptors(self):
        return len(self.targets())

    def wait_for_descriptors(self, count):
        """It closes some a moment after its answer."""
        end = time.monotonic() + PATIENCE_S
        while self.descriptors() != count:
            assert time.monotonic() < end, f"{count} descriptors have become {self.targets()}"
            self.clients[0].call(HCI0, INTROSPECTABLE, "Introspect")

    def stop_daemon(self):
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(PATIENCE_S)
        said = self.said()
        self.log.close()
        self.daemon = None
        assert "Sanitizer" not in said and "runtime error" not in said, said
        self.bus_log.seek(0)
        unasked = [line for line in self.bus_log if b"Rejected send message" in line and b'requested_reply="0"' in line and
                   (b'type="error"' in line or b'type="method_return"' in line)]
        assert not unasked, f"answers that nobody waits for: {unasked}"
        assert code == 0, f"exit code {code}: {said}"

    def close(self):
        for client in self.clients:
            client.close()
        if self.daemon:
            if self.daemon.poll() is None:
                self.daemon.kill()
            self.daemon.wait()
            self.log.close()
        self.bus.kill()
        self.bus.wait()
        self.bus_log.close()
        self.bus.stdout.close()


@contextlib.contextmanager
def house(*proxies, options=(), limits=""):
    """Proxies are given by their addresses, or as what has one; limits: more of the bus's configuration."""
    it = House([getattr(proxy, "address", proxy) for proxy in proxies], options, limits)
    try:
        watcher = it.client()
        watcher.watch_owner()
        it.start_daemon()
        it.wait_until_powered(watcher)
        yield it
        if it.daemon:
            it.stop_daemon()
    except Exception:
        if it.daemon and it.daemon.poll() is not None:
            print("\n".join("# " + line for line in it.said().splitlines()))
        raise
    finally:
        it.close()
