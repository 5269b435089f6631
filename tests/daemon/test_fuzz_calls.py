#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Programs that call whatever there is with whatever can be said, while proxies stream, lie, come and go: the daemon answers
each call, keeps to the bus, and leaks nothing. The same seed makes the same calls; BLEPROXY_TEST_SIZE makes more."""
import contextlib
import os
import random
import re
import select
import socket
import time

from models import lamp
from scripted import RAW_REPORTS, Scripted, ad, report
from support import house, main, sim
from wire import ERROR, ERROR_NAME, METHOD_CALL, METHOD_RETURN, REPLY_SERIAL, Connection, types

SIZE = int(os.environ.get("BLEPROXY_TEST_SIZE", "1"))
SEED = int(os.environ.get("BLEPROXY_FUZZ_SEED", "1"))
CALLS = 3000 * SIZE
PROGRAMS = 6
LEARN_EVERY = 100  # calls: what there is to be called, since then
ANSWER_S = 120
LAMPS = [0xC00000000001 + i for i in range(4)]

KEYS = ["UUIDs", "RSSI", "Pathloss", "Transport", "Pattern", "DuplicateData", "Discoverable", "AutoConnect", "offset", "type",
        "prepare-authorize", "mtu", "link", "Address", "AddressType", "active", "", "ÿ", "x" * 300]
WORDS = ["", "le", "bredr", "auto", "command", "request", "reliable", "180f", "0000180f-0000-1000-8000-00805f9b34fb",
         "NoInputNoOutput", "KeyboardDisplay", "A4:C1:38:80:00:00", "public", "random", "%s%n%s", "\x1b[2J", "é\u202e", "x" * 4096,
         "org.bluez.Device1", "org.bluez.Adapter1", "org.freedesktop.DBus.Properties", "Connected", "Alias", "Powered"]
PATHS = ["/", "/org", "/org/bluez", "/org/bluez/hci0", "/org/bluez/hci1", "/org/bluez/hci0/dev_00_00_00_00_00_00",
         "/org/bluez/hci0/dev_", "/org/bluez/hci0/dev_C0_00_00_00_00_01/service0001/char0002/desc0003", "/" + "b" * 200,
         "/org/bluez" + "/x" * 100, "/org/bleproxy1"]
SIGNATURES = ["", "s", "o", "b", "y", "as", "ay", "a{sv}", "aya{sv}", "ssv", "ss", "v", "h", "ah", "a(yay)", "aas", "(sv)", "ob", "os",
              "a{oa{sa{sv}}}", "t", "d", "g", "qq", "avv"]
NUMBERS = [0, 1, 2, 3, 127, 128, 255, 256, 512, 513, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1]
MEMBER = re.compile(r'<method name="(\w+)"(?:/>|>(.*?)</method>)', re.S)
INTERFACE = re.compile(r'<interface name="([\w.]+)"(?:/>|>(.*?)</interface>)', re.S)
ARGUMENT = re.compile(r'<arg[^>]*type="([^"]+)"[^>]*direction="in"')
OBJECT = re.compile(rb"/org/bl[\w/]{2,200}")
PROPERTY = re.compile(r'<property name="(\w+)" type="([^"]+)"')


class Values:
    """Random ones, of any type."""

    def __init__(self, dice):
        self.dice, self.paths, self.names = dice, list(PATHS), []

    def text(self):
        dice = self.dice
        if self.names and dice.random() < 0.4:
            return dice.choice(self.names)
        if dice.random() < 0.7:
            return dice.choice(WORDS + KEYS)
        return "".join(chr(dice.choice([dice.randrange(1, 128), dice.randrange(0xA0, 0xD800), dice.randrange(0x10000, 0x1F000)]))
                       for _ in range(dice.randrange(20)))

    def length(self, deep):
        if deep > 2:
            return self.dice.randrange(2)
        return self.dice.choice([0, 1, 1, 2, 3, 8, 70] + ([300] if deep == 0 else []))

    def number(self, kind):
        size = {"y": 8, "b": 1, "n": 16, "q": 16, "i": 32, "u": 32, "x": 64, "t": 64}[kind]
        value = self.dice.choice(NUMBERS) & ((1 << size) - 1)
        return value - (1 << size) if kind in "nix" and value >> (size - 1) else value

    def make(self, kind, deep=0):  # pylint: disable=too-many-return-statements
        dice = self.dice
        if kind in ("y", "b", "n", "q", "i", "u", "x", "t"):
            return self.number(kind)
        if kind == "d":
            return dice.choice([0.0, -1.5, 1e308, float("nan")])
        if kind == "h":
            return dice.choice([0, 0, 0, 1, 1000])
        if kind == "s":
            return self.text()
        if kind == "o":
            return dice.choice(self.paths)
        if kind == "g":
            return dice.choice(SIGNATURES)
        if kind == "v":
            one = dice.choice(["s", "b", "n", "q", "u", "t", "as", "ay", "y", "o", "a{sv}", "v", "(yay)"] if deep < 6 else ["y"])
            return one, self.make(one, deep + 1)
        if kind == "ay":
            return bytes(dice.randrange(256) for _ in range(dice.choice([0, 1, 2, 20, 512, 513, 600, 20000])))
        if kind[0] == "a":
            made = [self.make(kind[1:], deep + 1) for _ in range(self.length(deep))]
            if kind[1] == "{" and kind[2] == "s":
                made = [(dice.choice(KEYS + self.names[:8]), value) for _, value in made]
            return made
        return [self.make(part, deep + 1) for part in types(kind[1:-1])]


class Program(Connection):
    """Makes calls, and answers those that it gets with whatever; what it has been told is dropped."""

    def __init__(self, address, dice):
        super().__init__(address)
        self.dice, self.open, self.slowest = dice, {}, (0,)
        self.ask("AddMatch", "s", "type='signal',sender='org.bluez'")

    def hear(self, timeout):
        """Whether there was a message within that time, which is taken."""
        self.socket.settimeout(timeout)
        try:
            got = self.receive()
        except BlockingIOError:
            return False
        if not got:
            return False
        if got.kind in (METHOD_RETURN, ERROR):
            begun, *call = self.open.pop(got.fields.get(REPLY_SERIAL), (time.monotonic(),))
            self.slowest = max(self.slowest, (time.monotonic() - begun, *call))
        while self.fds and self.dice.random() < 0.5:
            os.close(self.fds.pop())
        if got.kind == METHOD_CALL and self.dice.random() < 0.8:
            self.respond(got)
        return True

    def respond(self, got):
        values = Values(self.dice)
        signature = self.dice.choice(["", "", "a{oa{sa{sv}}}", "s", "u", "a{sv}"])
        kind = self.dice.choice([METHOD_RETURN, METHOD_RETURN, ERROR])
        fields = [(ERROR_NAME, ("s", "org.bluez.Error.Rejected"))] if kind == ERROR else []
        self.socket.settimeout(ANSWER_S)
        self.answer(got, kind, fields, signature, [values.make(one) for one in types(signature)])

    def settle(self):
        """Until every call is answered."""
        end = time.monotonic() + ANSWER_S
        while self.open:
            assert time.monotonic() < end, f"{len(self.open)} calls have no answer: {self.open}"
            self.hear(1)


class Crowd:
    """The programs, and what they know of the objects that there are."""

    def __init__(self, it, dice):
        self.it, self.dice, self.calls = it, dice, {}
        self.programs = [Program(it.address, dice) for _ in range(PROGRAMS)]
        self.asker = Connection(it.address, ANSWER_S)
        self.values, self.methods, self.properties = Values(dice), {}, []
        self.pair = socket.socketpair()

    def learn(self):
        """What objects there are now, and what they have."""
        self.asker.bluez("/org/bluez/hci0", "org.freedesktop.DBus.Properties", "Set", "ssv", "org.bluez.Adapter1", "Powered",
                         ("b", 1))
        self.asker.bluez("/org/bluez/hci0", "org.bluez.Adapter1", "StartDiscovery")
        objects = self.asker.bluez("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        paths = sorted({match.decode() for match in OBJECT.findall(objects.body)})
        self.values.paths = PATHS + paths
        shown = {}
        for path in paths:
            shown.setdefault(re.sub("[0-9A-F]+", "", path), path)
        for path in ["/", "/org/bleproxy1", *shown.values()]:
            answer = self.asker.bluez(path, "org.freedesktop.DBus.Introspectable", "Introspect")
            for interface, content in INTERFACE.findall(answer.body.decode(errors="replace")):
                for member, arguments in MEMBER.findall(content or ""):
                    self.methods[interface, member] = "".join(ARGUMENT.findall(arguments or ""))
                for name, kind in PROPERTY.findall(content or ""):
                    self.properties.append((interface, name, kind))
        self.properties = sorted(set(self.properties))
        self.values.names = sorted({name for one in self.properties for name in one[:2]})

    def random_call(self):
        """Path, interface, member, signature, values."""
        dice, values = self.dice, self.values
        path = dice.choice(values.paths)
        if dice.random() < 0.15 and self.properties:
            interface, name, kind = dice.choice(self.properties)
            kind = kind if dice.random() < 0.7 else dice.choice(["s", "b", "ay", "a{sv}"])
            return path, "org.freedesktop.DBus.Properties", "Set", "ssv", [interface, name, (kind, values.make(kind))]
        (interface, member), signature = dice.choice(sorted(self.methods.items()))
        if dice.random() < 0.15:
            signature = dice.choice(SIGNATURES)
        if dice.random() < 0.05:
            interface = dice.choice([None, "org.bluez.No1", "a.b"])
        if dice.random() < 0.05:
            member = dice.choice(["No", "x" * 200, "Connect", "Introspect"])
        return path, interface, member, signature, [values.make(one) for one in types(signature)]

    def step(self):
        dice = self.dice
        at = dice.randrange(len(self.programs))
        if dice.random() < 0.01:  # it dies, with all that it holds
            self.programs[at].close()
            self.programs[at] = Program(self.it.address, dice)
        program = self.programs[at]
        path, interface, member, signature, values = self.random_call()
        fds = [self.pair[0].fileno()] if "h" in signature else []
        flags = dice.choice([0, 0, 0, 1, 2])
        program.socket.settimeout(ANSWER_S)
        serial = program.send("org.bluez", path, interface, member, signature, *values, flags=flags, fds=fds)
        if not flags & 1:
            program.open[serial] = time.monotonic(), path, str(interface), member
        ready, _, _ = select.select([p.socket for p in self.programs], [], [], 0)
        for one in self.programs:
            if one.socket in ready:
                while one.hear(0):
                    pass

    def settle(self):
        for program in self.programs:
            program.settle()
        assert self.it.daemon.poll() is None, "it ended"

    def close(self):
        for program in [self.asker, *self.programs]:
            program.close()
        for one in self.pair:
            one.close()


def disturb(dice, proxy):
    """Something happens at the proxy that can be told what to say."""
    address = dice.choice(LAMPS)
    what = dice.randrange(8)
    if what == 0:
        proxy.hang_up(address)
    elif what == 1 and dice.random() < 0.2:
        proxy.lose()
    elif what == 2:
        proxy.held = {70, 73, 75, 78} if dice.random() < 0.5 else set()
        if not proxy.held:
            proxy.release()
    elif what == 3:
        for _ in range(20):
            proxy.notify(address, dice.choice([3, 6, 12, 17, 99]), bytes(dice.randrange(256) for _ in range(dice.randrange(600))))
    else:
        payload = ad(9, b"Lamp \xff\xfe"[:dice.randrange(8)]) + bytes(dice.randrange(256) for _ in range(dice.randrange(60)))
        proxy.say(RAW_REPORTS, report(address, dice.randrange(-127, 21), payload))


def test_random_calls():
    dice = random.Random(SEED)
    begun = time.monotonic()
    with sim("--latency", "0", "--radio-faults", count=2) as proxies, \
            sim("--payload", "mix", "--devices", "40", "--rate", "100") as noise, \
            Scripted(*(lamp(address) for address in LAMPS)) as liar, house(*proxies, *noise, liar) as it:
        crowd = Crowd(it, dice)
        with contextlib.closing(crowd):
            liar.wait_until(lambda: liar.subscribers)
            for number in range(CALLS):
                if number % LEARN_EVERY == 0:
                    liar.release()
                    for address in LAMPS:
                        liar.say(RAW_REPORTS, report(address, -60, ad(9, b"Lamp")))
                    crowd.learn()
                if dice.random() < 0.05:
                    disturb(dice, liar)
                crowd.step()
            liar.release()
            crowd.settle()
            print(f"# {CALLS} calls of {len(crowd.methods)} methods and {len(crowd.properties)} properties, "
                  f"{time.monotonic() - begun:.0f} s; the slowest: {max(program.slowest for program in crowd.programs)}")
        assert not it.said().count("the bus has"), it.said()


main(globals())
