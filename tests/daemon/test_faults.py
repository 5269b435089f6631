#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Programs, the daemon and the bus are killed in whatever they are doing; proxies lie. Nobody else suffers for it."""
import contextlib
import time

from models import COMMANDS, COUNTER, LAMP, NAMED, TEXT, connect, hear, lamp, place, read
from scripted import (CAN_NOTIFY, CAN_READ, CONNECTION, DEVICE_REQUEST, DISCONNECT_IT, NOTIFY, READ, SLOTS, WRITE, Device,
                      Scripted, ad, first, number)
from support import (ADAPTER, BusError, CHARACTERISTIC, DEVICE, HCI0, LEAVES_S, NOTICED_S, PATIENCE_S, house, main, path_of)
from wire import METHOD_RETURN, Connection

PATH = path_of(LAMP)
MANAGER = ("/org/bleproxy1", "org.bleproxy1.Manager")
UNREACHABLE = 4


@contextlib.contextmanager
def scripted(*devices, **more):
    with Scripted(*(devices or (lamp(),)), **more) as proxy, house(proxy) as it:
        yield it, proxy, it.client()


def ends(proxy):
    return sum(first(request, 2) == DISCONNECT_IT for request in proxy.requests(DEVICE_REQUEST))


class Dying:
    """What is there before a program comes, and must be again a second after it was killed."""

    def __init__(self, it, proxy, watcher):
        self.it, self.proxy, self.watcher, self.before = it, proxy, watcher, it.descriptors()
        self.victim = it.victim()

    def do(self, *call):
        assert self.victim.call(*call) == "ok", call

    def kill(self):
        self.victim.kill()
        end = time.monotonic() + NOTICED_S
        while (self.it.descriptors() != self.before or self.proxy.linked or self.watcher.get(HCI0, ADAPTER, "Discovering") or
               self.watcher.get(PATH, DEVICE, "Connected")):
            assert time.monotonic() < end, (self.it.targets(), self.proxy.linked)
        assert not [path for path in self.watcher.objects() if "/service" in path], "its services are still there"


def test_a_program_is_killed_in_every_state():
    reading = (place(TEXT), CHARACTERISTIC, "ReadValue", "a{sv}", {})
    writing = (place(TEXT), CHARACTERISTIC, "WriteValue", "aya{sv}", [1], {})
    notifying = (place(COUNTER), CHARACTERISTIC, "StartNotify")
    acquiring = (place(COUNTER), CHARACTERISTIC, "AcquireNotify", "a{sv}", {})
    acquiring_writes = (place(COMMANDS), CHARACTERISTIC, "AcquireWrite", "a{sv}", {})
    states = {  # what it has done, what it waits for, and for which request
        "discovering": ([], None, None),
        "connecting": ([], (PATH, DEVICE, "Connect"), DEVICE_REQUEST),
        "connected": ([(PATH, DEVICE, "Connect")], None, None),
        "notified by signals": ([(PATH, DEVICE, "Connect"), notifying], None, None),
        "notified by a socket": ([(PATH, DEVICE, "Connect"), acquiring], None, None),
        "with a socket to write to": ([(PATH, DEVICE, "Connect"), acquiring_writes], None, None),
        "with everything, and a feed": ([(PATH, DEVICE, "Connect"), acquiring, acquiring_writes, (*MANAGER, "Open", "a{sv}", {})],
                                        None, None),
        "reading": ([(PATH, DEVICE, "Connect")], reading, READ),
        "writing": ([(PATH, DEVICE, "Connect")], writing, WRITE),
        "beginning to be notified": ([(PATH, DEVICE, "Connect")], notifying, NOTIFY),
        "beginning with a socket": ([(PATH, DEVICE, "Connect")], acquiring, NOTIFY),
    }
    with scripted() as (it, proxy, client):
        hear(client, proxy)
        client.adapter("StopDiscovery")
        for state, (done, waits, request) in states.items():
            dying = Dying(it, proxy, client)
            dying.do(HCI0, ADAPTER, "StartDiscovery")
            proxy.advertise(LAMP, NAMED)
            for call in done:
                dying.do(*call)
            if waits:
                count = len(proxy.requests(request))
                proxy.held = {request}
                dying.victim.begin(*waits)
                proxy.wait_for(request, count + 1)
            try:
                if state == "connecting":
                    proxy.held = set()
                dying.kill()
            except AssertionError as error:
                raise AssertionError(f"{state}: {error}") from error
            proxy.release()
        hear(client, proxy, LAMP + 1)  # it still does what it is for


def test_feeds_end_with_their_programs():
    with scripted() as (it, proxy, client):
        hear(client, proxy)
        before = it.descriptors()
        for _ in range(40):  # more than may read at once
            victim = it.victim()
            assert victim.call(*MANAGER, "Open", "a{sv}", {}) == "ok"
            victim.kill()
            it.wait_for_descriptors(before)


def test_the_daemon_is_killed_while_a_device_is_connected():
    with scripted() as (it, proxy, client):
        client.watch_owner()
        connect(client, proxy)
        it.daemon.kill()
        it.daemon.wait()
        client.wait_for(lambda told: told.kind == "NameOwnerChanged" and not told.body[2])
        mark = client.mark()
        it.start_daemon()
        it.wait_until_powered(client, mark)
        assert client.objects()[HCI0]
        client.discover()
        proxy.advertise(LAMP, NAMED)
        client.wait_for_added(PATH, mark)
        client.call(PATH, DEVICE, "Connect")
        client.wait_for_change(PATH, "ServicesResolved", True, mark)
        assert read(client, TEXT) == b"hello"


def test_a_link_that_a_killed_daemon_has_left_is_closed():
    with scripted(n_slots=1, features=127, version=b"2026.8.0") as (it, proxy, client):
        client.watch_owner()
        connect(client, proxy)
        count = ends(proxy)
        it.daemon.kill()
        it.daemon.wait()
        proxy.slots = (1, (LAMP,))  # firmware keeps it
        mark = client.mark()
        it.start_daemon()
        it.wait_until_powered(client, mark)
        client.discover()
        proxy.advertise(LAMP, NAMED)
        client.wait_for_added(PATH, mark)
        proxy.wait_until(lambda: ends(proxy) > count, "the end of the link")
        client.call(PATH, DEVICE, "Connect")
        client.wait_for_change(PATH, "ServicesResolved", True, mark)
        assert read(client, TEXT) == b"hello"


def test_the_bus_ends():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        it.bus.kill()
        begun = time.monotonic()
        assert it.daemon.wait(PATIENCE_S) == UNREACHABLE
        assert time.monotonic() - begun < LEAVES_S
        said = it.said()
        assert "the connection to the bus is lost" in said and "Sanitizer" not in said, said
        proxy.wait_until(lambda: not proxy.linked)  # it leaves nothing behind at the proxy
        it.daemon = None


def test_there_is_no_bus():
    with scripted() as (it, _, _):
        it.stop_daemon()
        it.bus.kill()
        it.bus.wait()
        _, error = it.spawn(stderr=-1).communicate(timeout=PATIENCE_S)
        assert b"cannot connect to unix:path=" in error, error


# ---- Proxies that lie ----

def still_works(it, proxy, client, other):
    """The daemon is on the bus, and another device can be used through the same proxy."""
    proxy.wait_until_taken()
    mark = client.mark()
    if not client.get(HCI0, ADAPTER, "Powered"):  # the proxy is left for what it said, and tried again
        client.wait_for_change(HCI0, "Powered", True, mark)
    assert it.daemon.poll() is None, it.said()
    with contextlib.suppress(BusError):
        client.discover()
    mark = client.mark()
    proxy.advertise(other, NAMED)
    if path_of(other) not in client.objects():
        client.wait_for_added(path_of(other), mark)
    client.call(path_of(other), DEVICE, "Connect")
    assert bytes(client.call(place(TEXT, other), CHARACTERISTIC, "ReadValue", "a{sv}", {})) == b"hello"
    client.call(path_of(other), DEVICE, "Disconnect")


def databases():
    long = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
    characteristics = [("2a19", 3 + 2 * i, CAN_READ | CAN_NOTIFY, [("2902", 4 + 2 * i)]) for i in range(20)]
    yield "ten thousand services", [(long, 1 + i, []) for i in range(10000)]
    yield "ten thousand characteristics", [("180f", 1, [(long, 2 + i, 255, []) for i in range(10000)])]
    yield "ten thousand descriptors", [("180f", 1, [("2a19", 3, 255, [("2901", 4 + i) for i in range(10000)])])]
    yield "the same handle everywhere", [("180f", 5, [("2a19", 5, 255, [("2902", 5), ("2901", 5)])] * 3)] * 3
    yield "handles of zero", [("180f", 0, [("2a19", 0, 255, [("2902", 0)])])]
    yield "handles outside their service", [("180f", 100, characteristics), ("180a", 2, characteristics[::-1])]
    yield "handles beyond the last", [("180f", 65536, [("2a19", 1 << 20, 255, [("2902", (1 << 32) - 1)])])]
    yield "every property there is", [("180f", 1, [("2a19", 3, 0xFFFFFFFF, [])])]


def check_lie(what, it, proxy, client, device, connecting):
    outcome = "connected"
    try:
        client.finish(connecting)
    except BusError as error:
        outcome = str(error)
    else:
        client.wait_for_change(device, "ServicesResolved", True)
    added = [told.path for told in client.told if told.kind == "InterfacesAdded" and told.path.startswith(device + "/")]
    assert len(added) == len(set(added)), what
    for path in [path for path in added if "/char" in path and "/desc" not in path][:5]:
        for call in (("ReadValue", "a{sv}", {}), ("StartNotify",), ("WriteValue", "aya{sv}", b"x" * 600, {})):
            with contextlib.suppress(BusError):
                client.call(path, CHARACTERISTIC, *call)
    proxy.notify(LAMP + 1, 3, b"\xff" * 600)
    client.call(device, DEVICE, "Disconnect")
    print(f"# {what}: {outcome}, {len(added)} objects", flush=True)
    still_works(it, proxy, client, LAMP)


def test_databases_that_lie():
    with contextlib.ExitStack() as houses:
        pending = []
        for what, services in databases():  # all at once: some are tried again until the deadline
            liar = Device(LAMP + 1, services, {handle: b"\xff" * 600 for handle in range(0, 70)})
            it, proxy, client = houses.enter_context(scripted(lamp(), liar))
            client.discover()
            proxy.advertise(liar.address, NAMED)
            device = path_of(liar.address)
            client.wait_for_added(device)
            pending.append((what, it, proxy, client, device, client.begin(device, DEVICE, "Connect")))
        for one in pending:
            check_lie(*one)


def test_texts_that_are_none():
    bad = b"\xff\xfe\x00\x1b[2J\xc3(\xed\xa0\x80\n" * 3
    with scripted(lamp(LAMP + 1), name=bad, version=b"2026.8.0\xff") as (it, proxy, client):
        client.discover()
        for kind in (0x08, 0x09, 0x30):
            for name in (bad, b"\xff", b"", b"\x00\x00", b"\xe2\x82" * 9):
                proxy.advertise(LAMP, ad(kind, name) + ad(0xFF, b"\x01\x00" + name))
        for size in (0, 1, 255):
            proxy.advertise(LAMP, bytes([size]) + b"\x09x")
        client.wait_for_added(PATH)
        alias = client.get(PATH, DEVICE, "Alias")
        assert alias and not [c for c in alias if ord(c) < 0x20], repr(alias)
        shown = Connection(it.address).bluez(*MANAGER, "ListProxies")
        assert shown.kind == METHOD_RETURN and b"\xff\xfe" not in shown.body and b"\x1b" not in shown.body, shown.body
        still_works(it, proxy, client, LAMP + 1)


def test_a_proxy_that_talks_of_slots_and_links_that_are_not():
    with scripted(lamp(), lamp(LAMP + 1)) as (it, proxy, client):
        connect(client, proxy)
        for free, limit, held in ((9, 3, ()), (0, 0, ()), ((1 << 32) - 1, (1 << 32) - 1, ()), (0, 3, range(LAMP, LAMP + 2000))):
            proxy.say(SLOTS, number(1, free) + number(2, limit) + b"".join(number(3, address) for address in held))
        for address in (0, 1, LAMP + 1, (1 << 48) - 1, 1 << 48, (1 << 64) - 1):
            for body in (number(2, 1) + number(3, 65535), number(2, 1) + number(3, 0), number(4, (1 << 64) - 1), b""):
                proxy.say(CONNECTION, number(1, address) + body)
        proxy.tell_slots()
        still_works(it, proxy, client, LAMP + 1)


main(globals())
