#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Calls that nobody in his right mind makes. The daemon answers each with an error of the bus or of BlueZ, goes on, leaks
nothing, and is never thrown off the bus. BLEPROXY_TEST_SIZE scales the random part; a failure names its seed."""
import contextlib
import os
import random

from models import BOTH, COMMANDS, COUNTER, COUNTER_CONFIGURATION, LAMP, TEXT, connect, hear, lamp, place, read
from scripted import DEVICE_REQUEST, NOTIFY, READ, READ_DESCRIPTOR, WRITE, Device, Scripted, ad, data, number
from support import (ADAPTER, BLUEZ_ERROR, BUS_ERROR, CHARACTERISTIC, DESCRIPTOR, DEVICE, HCI0, INTROSPECTABLE,
                     OBJECT_MANAGER, PROPERTIES, BusError, MessageFlag, Variant, house, main, path_of, utf8, variant)

PATH = path_of(LAMP)
SIZE = int(os.environ.get("BLEPROXY_TEST_SIZE", "1"))
EXPECTED = (BLUEZ_ERROR, BUS_ERROR)


class Twice(dict):
    """A dictionary that has its keys twice, as one can on the bus."""

    def items(self):
        return [*super().items(), *super().items()]


@contextlib.contextmanager
def connected():
    """In the end the daemon must still do what it is for."""
    with Scripted(lamp()) as proxy, house(proxy) as it:
        client = it.client()
        connect(client, proxy)
        yield it, proxy, client
        assert it.daemon.poll() is None, it.said()
        fresh = it.client()
        with contextlib.suppress(BusError):
            fresh.set(HCI0, ADAPTER, "Powered", variant("b", True))
        fresh.discover()
        proxy.advertise(0xE00000000001)
        fresh.wait_for_added(path_of(0xE00000000001))


def attempt(client, *arguments):
    """The name of the error, or "ok"."""
    try:
        value = client.call(*arguments)
    except BusError as error:
        assert error.name.startswith(EXPECTED), error
        return error.name
    if arguments[2].startswith("Acquire") and value:
        os.close(value[0])
    return "ok"


def deep(levels):
    value = variant("s", "bottom")
    for _ in range(levels):
        value = variant("v", value)
    return value


def test_long_and_deep_arguments():
    with connected() as (_, _, client):
        long, wide = "x" * (1 << 20), utf8("\u20ac" * 5000)
        for text in (long, wide, "", "%s%n%d", utf8("\u202e\U0001f980"), "a" * 63 + "b", utf8("a" * 62 + "\u20ac" * 4)):
            client.fails(BUS_ERROR + "InvalidArgs", None, PATH, PROPERTIES, "Get", "ss", text, "Address")
            client.fails(BUS_ERROR + "InvalidArgs", None, PATH, PROPERTIES, "Get", "ss", DEVICE, text)
            client.fails(BUS_ERROR + "InvalidArgs", None, PATH, PROPERTIES, "GetAll", "s", text)
            client.fails(BUS_ERROR + "UnknownProperty", None, PATH, PROPERTIES, "Set", "ssv", DEVICE, text, variant("b", True))
            client.fails(BLUEZ_ERROR + "InvalidArguments", None, HCI0, ADAPTER, "SetDiscoveryFilter", "a{sv}",
                         {text: variant("b", True)})
        client.fails(BLUEZ_ERROR + "InvalidArguments", None, PATH, PROPERTIES, "Set", "ssv", DEVICE, "Alias", variant("s", long))
        client.fails(BLUEZ_ERROR + "InvalidArguments", None, HCI0, PROPERTIES, "Set", "ssv", ADAPTER, "Alias", variant("s", long))
        for value in (deep(1), deep(30), variant("a{sv}", {"a": deep(20)}), variant("as", [""] * 100000),
                      variant("(ss)", ["a", "b"]), variant("aaaaas", [[[[["x"]]]]])):
            client.fails(BUS_ERROR + "InvalidSignature", None, PATH, PROPERTIES, "Set", "ssv", DEVICE, "Trusted", value)
            client.fails(BLUEZ_ERROR + "InvalidArguments", None, HCI0, ADAPTER, "SetDiscoveryFilter", "a{sv}", {"RSSI": value})
            client.fails(BLUEZ_ERROR + "InvalidArguments", None, place(TEXT), CHARACTERISTIC, "ReadValue", "a{sv}",
                         {"offset": value})
            if value.signature != "as":
                assert read(client, TEXT, unknown=value) == b"hello"
        many = {f"key{number_}": deep(3) for number_ in range(20000)}
        client.fails(BLUEZ_ERROR + "InvalidArguments", None, HCI0, ADAPTER, "SetDiscoveryFilter", "a{sv}", many)
        client.fails(BLUEZ_ERROR + "InvalidArguments", "Invalid Length", place(TEXT), CHARACTERISTIC, "WriteValue", "aya{sv}",
                     bytes(8 << 20), {})


def test_calls_that_may_wait_bring_no_load():
    small = [variant("s", "x" * 2000), variant("ay", bytes(400)), variant("a{sv}", {"a": variant("as", ["b"] * 50)})]
    large = [variant("s", "x" * 5000), variant("ay", bytes(4 << 20)), variant("aay", [b""] * 5000), variant("as", [""] * 5000),
             variant("a{sv}", {f"{number_}": variant("b", True) for number_ in range(1000)}), variant("at", [0] * 5000),
             variant("a(yy)", [[1, 2]] * 5000), variant("v", variant("s", "x" * 5000))]
    calls = [(place(TEXT), CHARACTERISTIC, "ReadValue", "a{sv}"), (place(TEXT), CHARACTERISTIC, "WriteValue", "aya{sv}", b"x"),
             (place(COUNTER), CHARACTERISTIC, "AcquireNotify", "a{sv}"), (place(COMMANDS), CHARACTERISTIC, "AcquireWrite", "a{sv}"),
             (place(COUNTER) + f"/desc{COUNTER_CONFIGURATION:04x}", DESCRIPTOR, "ReadValue", "a{sv}")]
    with connected() as (_, proxy, client):
        for arguments in calls:
            for value in small:
                assert attempt(client, *arguments, {"unknown": value}) in ("ok", BLUEZ_ERROR + "NotPermitted"), arguments
        proxy.held = {READ, WRITE, NOTIFY, READ_DESCRIPTOR}
        for arguments in calls:
            for value in large:
                client.fails(BLUEZ_ERROR + "InvalidArguments", None, *arguments, {"unknown": value})
            client.fails(BLUEZ_ERROR + "InvalidArguments", None, *arguments, {"x" * 5000: variant("b", True)})
            client.fails(BLUEZ_ERROR + "InvalidArguments", None, *arguments, {"type": variant("s", "x" * 5000)})
            client.fails(BLUEZ_ERROR + "InvalidArguments", None, *arguments, {"timeout_ms": variant("u", 86400001)})


def test_keys_that_come_twice():
    with connected() as (_, _, client):
        options = Twice({"UUIDs": variant("as", ["180f"]), "Pattern": variant("s", "x"), "RSSI": variant("n", -1)})
        client.fails(BLUEZ_ERROR + "InvalidArguments", None, HCI0, ADAPTER, "SetDiscoveryFilter", "a{sv}", options)
        client.adapter("SetDiscoveryFilter", "a{sv}", Twice({"Pattern": variant("s", "C0"), "RSSI": variant("n", -127)}))
        assert read(client, TEXT, **{}) == b"hello"
        twice = Twice({"offset": variant("q", 1)})
        assert bytes(client.call(place(TEXT), CHARACTERISTIC, "ReadValue", "a{sv}", twice)) == b"ello"


def test_paths_that_are_not_ours():
    with connected() as (_, _, client):
        for path in ("/", "/org/bluez", "/org/bluez/hci0/x", "/" + "a/" * 5000 + "b", PATH + "/service9999", "/org/bluez/hci01",
                     PATH[:-1], PATH + "_", place(TEXT) + "/desc0001/x", "/" + "x" * 65000):
            for interface, member in ((ADAPTER, "StartDiscovery"), (DEVICE, "Connect"), (CHARACTERISTIC, "StopNotify")):
                assert attempt(client, path, interface, member) in (BUS_ERROR + "UnknownObject", BUS_ERROR + "UnknownMethod")
            client.fails(BLUEZ_ERROR + "DoesNotExist", None, HCI0, ADAPTER, "RemoveDevice", "o", path)
        endless = "/" + "x" * 100000  # sd-bus takes none of more than 64 KiB, and leaves such a call without an answer
        client.begin(endless, ADAPTER, "StartDiscovery")
        assert attempt(client, HCI0, ADAPTER, "RemoveDevice", "o", endless) != "ok"


def test_calls_that_pile_up_have_an_end():
    with connected() as (it, proxy, client):
        proxy.held = {READ, WRITE, NOTIFY, DEVICE_REQUEST}
        pending = []
        for turn in range(600):
            if turn % 20 == 0:  # dbus_fast takes no more than the socket does
                client.get(HCI0, ADAPTER, "Powered")
            pending.append(client.begin(place(TEXT), CHARACTERISTIC, "ReadValue", "a{sv}", {}))
            pending.append(client.begin(place(BOTH), CHARACTERISTIC, "WriteValue", "aya{sv}", b"x", {}))
            pending.append(client.begin(place(COUNTER), CHARACTERISTIC, "StartNotify"))
        for turn in range(600):
            if turn % 20 == 0:
                client.get(HCI0, ADAPTER, "Powered")
            pending.append(client.begin(PATH, DEVICE, "Disconnect"))
            pending.append(client.begin(HCI0, ADAPTER, "RemoveDevice", "o", PATH))
        client.get(HCI0, ADAPTER, "Powered")
        busy = [one for one in pending if one.done()]
        assert len(busy) >= 600 * 3 - 256 - 2 and all(one.result().error_name for one in busy)
        proxy.release()
        for one in pending:
            with contextlib.suppress(BusError):
                client.finish(one)
        assert it.daemon.poll() is None


def test_a_program_that_leaves_behind_all_that_it_asked_for():
    with connected() as (it, proxy, client):
        descriptors = it.descriptors()
        for _ in range(20):
            proxy.held = {READ, WRITE, NOTIFY}
            program = it.client(listens=False)
            pending = []
            for handle, member, arguments in ((TEXT, "ReadValue", ("a{sv}", {})), (TEXT, "WriteValue", ("aya{sv}", b"x", {})),
                                              (COUNTER, "StartNotify", ()), (COUNTER, "AcquireNotify", ("a{sv}", {})),
                                              (COMMANDS, "AcquireWrite", ("a{sv}", {}))):
                pending.append(program.begin(place(handle), CHARACTERISTIC, member, *arguments))
            program.begin(HCI0, ADAPTER, "StartDiscovery")
            program.begin("/", OBJECT_MANAGER, "GetManagedObjects")
            it.leave(program)
            for one in pending:  # which lives on in this process
                for fd in one.result().unix_fds if one.done() else []:
                    os.close(fd)
            proxy.release()
        it.wait_for_descriptors(descriptors)
        client.wait_for(lambda told: True)
        assert client.get(PATH, DEVICE, "Connected") is True


METHODS = [
    (HCI0, ADAPTER, "StartDiscovery", ""), (HCI0, ADAPTER, "StopDiscovery", ""), (HCI0, ADAPTER, "GetDiscoveryFilters", ""),
    (HCI0, ADAPTER, "SetDiscoveryFilter", "a{sv}"), (HCI0, ADAPTER, "RemoveDevice", "o"), (PATH, DEVICE, "Connect", ""),
    (PATH, DEVICE, "Disconnect", ""), (PATH, DEVICE, "Pair", ""), (PATH, DEVICE, "CancelPairing", ""),
    ("/", OBJECT_MANAGER, "GetManagedObjects", ""), ("", INTROSPECTABLE, "Introspect", ""), ("", PROPERTIES, "Get", "ss"),
    ("", PROPERTIES, "GetAll", "s"), ("", PROPERTIES, "Set", "ssv"),
    *[(place(handle), CHARACTERISTIC, member, signature) for handle in (TEXT, COUNTER, COMMANDS, BOTH) for member, signature in (
        ("ReadValue", "a{sv}"), ("WriteValue", "aya{sv}"), ("StartNotify", ""), ("StopNotify", ""),
        ("AcquireNotify", "a{sv}"), ("AcquireWrite", "a{sv}"))],
    (place(COUNTER) + f"/desc{COUNTER_CONFIGURATION:04x}", DESCRIPTOR, "ReadValue", "a{sv}"),
    (place(COUNTER) + f"/desc{COUNTER_CONFIGURATION:04x}", DESCRIPTOR, "WriteValue", "aya{sv}"),
]
PATHS = ["/", "/org", "/org/bluez", HCI0, PATH, place(TEXT), place(COUNTER), "/nowhere", PATH + "/service0004"]
WORDS = ["", "Powered", "Alias", "Trusted", "Blocked", "Pairable", "RSSI", "UUIDs", "Pattern", "Transport", "offset", "type",
         "command", "request", "DuplicateData", "Pathloss", "le", "180f", ADAPTER, DEVICE, CHARACTERISTIC, "C0:00", "x" * 300]


class Dice(random.Random):
    def text(self):
        return self.choice(WORDS) if self.random() < 0.9 else utf8("".join(chr(self.choice((0x20, 0xE4, 0x20AC, 0x1F980, 0x7F)))
                                                                           for _ in range(self.randrange(40))))

    def variant(self, depth=0):
        kind = self.choice(["b", "y", "n", "q", "i", "u", "x", "t", "d", "s", "o", "as", "ay", "v", "a{sv}", "(sb)"])
        if kind in ("v", "a{sv}") and depth > 3:
            kind = "s"
        return Variant(kind, self.value(kind, depth))

    def value(self, kind, depth=0):
        if kind == "b":
            return self.random() < 0.5
        if kind in "ynqiuxt":
            bits = {"y": 8, "n": 15, "q": 16, "i": 31, "u": 32, "x": 63, "t": 64}[kind]
            value = self.choice((0, 1, (1 << bits) - 1, self.randrange(1 << bits)))
            return -value - 1 if kind in "nix" and self.random() < 0.4 else value
        if kind == "d":
            return self.choice((0.0, -1e300, float("nan")))
        if kind == "o":
            return self.choice(PATHS)
        if kind == "as":
            return [self.text() for _ in range(self.randrange(5))]
        if kind == "ay":
            return self.randbytes(self.choice((0, 1, 20, 512, 513)))
        if kind == "v":
            return self.variant(depth + 1)
        if kind == "a{sv}":
            return {self.text(): self.variant(depth + 1) for _ in range(self.randrange(4))}
        return [self.text(), True] if kind == "(sb)" else self.text()

    def arguments(self, signature):
        kinds = {"": [], "o": ["o"], "s": ["s"], "ss": ["s", "s"], "ssv": ["s", "s", "v"], "a{sv}": ["a{sv}"],
                 "aya{sv}": ["ay", "a{sv}"]}[signature]
        return [self.value(kind) for kind in kinds]


def make_random_calls(it, proxy, client, dice):
    programs = [client, *(it.client(listens=False) for _ in range(3))]
    pending = []
    for _ in range(400):
        who = dice.choice(programs)
        path, interface, member, signature = dice.choice(METHODS)
        arguments = dice.arguments(signature)
        if dice.random() < 0.05:
            signature, arguments = "s", ["surprise"]
        if member == "Set" and arguments[1:2] == ["Blocked"]:
            continue  # it would be all that follows
        flags = MessageFlag.NO_REPLY_EXPECTED if dice.random() < 0.05 else MessageFlag.NONE
        path = path or dice.choice(PATHS)
        pending.append((who, member, who.begin(path, interface, member, signature, *arguments, flags=flags)))
        misfortune = dice.random()
        if misfortune < 0.02:
            proxy.hang_up(LAMP)
        elif misfortune < 0.1:
            proxy.advertise(LAMP, dice.randbytes(dice.randrange(60)))
        elif misfortune < 0.15:
            proxy.notify(LAMP, dice.choice((TEXT, COUNTER, 0, 77)), dice.randbytes(dice.randrange(30)))
        elif misfortune < 0.16 and who is not client:
            programs[programs.index(who)] = it.client(listens=False)
            it.leave(who)
    for who, member, one in pending:
        if who in programs and any(one is future for _, future in who.calls.values()) or one.done():
            with contextlib.suppress(BusError):
                value = who.finish(one)
                if member.startswith("Acquire"):
                    os.close(value[0])
    for message in (one.result() for _, _, one in pending if one.done()):
        assert not message.error_name or message.error_name.startswith(EXPECTED), message.error_name


def test_random_calls():
    for seed in range(3 * SIZE):
        print(f"# seed {seed}", flush=True)
        with connected() as (it, proxy, client):
            make_random_calls(it, proxy, client, Dice(seed))


def test_devices_that_are_invented_take_few_places():
    with connected() as (_, _, client):
        manager, before = ("/org/bleproxy1", "org.bleproxy1.Manager"), set(client.objects())
        invented = [f"D0:00:00:00:00:{number_:02X}" for number_ in range(40)]
        for address in invented:
            client.call(*manager, "ClearCache", "s", address)
        assert set(client.objects()) == before
        pending = [client.begin(*manager, "Connect", "sa{sv}", address, {}) for address in invented]
        for call in pending[16:]:
            client.fails_later(BUS_ERROR + "LimitsExceeded", "too many connections at once", call)
        assert len(set(client.objects()) - before) == 16
        for address in invented[:16]:
            client.call(path_of(int(address.replace(":", ""), 16)), DEVICE, "Disconnect")


def lie(proxy, dice):
    """Any message about any device, with fields of any kind."""
    kind = dice.choice((67, 69, 71, 72, 74, 79, 81, 82, 83, 84, 85, 86, 88, 93, 126))
    body = number(1, dice.choice((LAMP, LAMP + 1, 0, 1 << 50)))
    for _ in range(dice.randrange(5)):
        field = dice.randrange(1, 6)
        body += dice.choice((number(field, dice.choice((0, 1, 3, 6, 255, 65535, (1 << 64) - 1))),
                             data(field, dice.randbytes(dice.randrange(40))),
                             data(field, number(1, dice.getrandbits(60)) + number(2, dice.choice((0, 1, 3, 70000))))))
    proxy.say(kind, body)


def test_a_proxy_that_says_anything():
    for seed in range(SIZE):
        print(f"# seed {seed}", flush=True)
        dice = Dice(seed)
        with Scripted(lamp()) as proxy, house(proxy) as it:
            client = it.client()
            for _ in range(10):
                with contextlib.suppress(BusError):
                    if "reply StartDiscovery" not in [told.kind for told in client.told]:
                        client.discover()
                proxy.advertise(LAMP)
                pending = []
                with contextlib.suppress(BusError):
                    pending.append(client.begin(PATH, DEVICE, "Connect"))
                for _ in range(30):
                    lie(proxy, dice)
                    with contextlib.suppress(BusError):
                        client.call(place(COUNTER), CHARACTERISTIC, "StartNotify")
                client.objects()
                with contextlib.suppress(BusError):
                    client.call(PATH, DEVICE, "Disconnect")  # Connect may have waited for its deadline
                for one in pending:
                    with contextlib.suppress(BusError):
                        client.finish(one)
            assert it.daemon.poll() is None, it.said()


def random_database(dice):
    def uuid():
        return dice.choice(("180f", "2902", "00000000", "ffffffff", "%032x" % dice.getrandbits(128)))

    def handle():
        return dice.choice((0, 1, 2, 3, 65535, dice.randrange(65536)))

    return [(uuid(), handle(), [(uuid(), handle(), dice.getrandbits(12), [(uuid(), handle()) for _ in range(dice.randrange(3))])
                                for _ in range(dice.randrange(4))]) for _ in range(dice.randrange(6))]


def test_random_databases():
    for seed in range(10 * SIZE):
        dice = Dice(seed)
        device = Device(LAMP, random_database(dice), {handle: dice.randbytes(dice.randrange(600)) for handle in range(4)})
        with Scripted(device) as proxy, house(proxy) as it:
            client = it.client()
            hear(client, proxy, payload=ad(9, dice.randbytes(10)))
            with contextlib.suppress(BusError):
                client.call(PATH, DEVICE, "Connect")
            objects = client.objects()
            for path, interfaces in objects.items():
                for member in ("ReadValue", "StartNotify", "AcquireNotify", "AcquireWrite"):
                    if CHARACTERISTIC in interfaces:
                        attempt(client, path, CHARACTERISTIC, member, *(() if member == "StartNotify" else ("a{sv}", {})))
            assert it.daemon.poll() is None, (seed, it.said())


main(globals())
