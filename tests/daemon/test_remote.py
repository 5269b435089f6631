#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Whatever owns the daemon's name on the bus: the commands believe nothing of it, and wait for nothing of it."""
import asyncio
import contextlib
import json
import socket
import time

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from e2e import module as commands
from support import LOOP, PATIENCE_S, House, main, run, variant

SOURCE, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
DEVICE = "A4:C1:38:00:00:01"
NAMED = (b"\x02\x01\x06" + bytes([7, 9]) + b"Device").hex()


def proxy(name="one", source=SOURCE, **more):
    rows = {"name": ("s", name), "address": ("s", "192.0.2.1"), "port": ("u", 6053), "source": ("s", source),
            "state": ("s", "connected"), **more}
    return {key: variant(*value) for key, value in rows.items()}


def register(source=SOURCE):
    return {"t": 0, "event": "register", "source": source, "connectable": True, "mode": "active"}


def advert(source=SOURCE, address=DEVICE, t=0.1):
    return {"t": t, "event": "adv", "source": source, "address": address, "address_type": 0, "rssi": -50, "raw": NAMED}


class Impostor:
    """Answers as it is told: answers[method] is (signature, [values]), a function of the call that makes that, or None: it
    never answers. Text is written to who calls Open."""

    def __init__(self, rows, text=b""):
        self.answers = {"ListProxies": ("aa{sv}", [rows]), "Open": self.open, "FindDevice": ("sb", ["", False]),
                        "ListNames": ("a(ss)", [[]]), "Explain": ("s", ["it cannot be"]), "ListPaths": ("aa{sv}", [[]])}
        self.text, self.ends, self.asked = text, [], []
        self.house = House([], [])
        self.bus = run(self.connect())

    async def connect(self):
        bus = await MessageBus(self.house.address, negotiate_unix_fd=True).connect()
        await bus.request_name("org.bleproxy1")
        bus.add_message_handler(self.on_message)
        return bus

    def open(self, _):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.ends.append(ours)
        LOOP.create_task(LOOP.sock_sendall(ours, self.text))
        return "h", [0], [theirs.detach()]

    def on_message(self, message):
        if message.message_type != MessageType.METHOD_CALL or message.interface != "org.bleproxy1.Manager":
            return None
        self.asked.append(message.member)
        answer = self.answers.get(message.member)
        if callable(answer):
            answer = answer(message)
        if not answer:
            return True
        signature, values, *fds = answer
        return Message.new_method_return(message, signature, values, fds[0] if fds else [])

    async def command(self, *arguments):
        process = await asyncio.create_subprocess_exec(
            commands.BLEPROXY, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=commands.environment(DBUS_SYSTEM_BUS_ADDRESS=self.house.address))
        try:
            out, error = await process.communicate()
        finally:
            if process.returncode is None:  # it was given up
                process.kill()
        assert b"Sanitizer" not in error and b"runtime error" not in error, error.decode()
        return process.returncode, out.decode(), error.decode()

    def run(self, *arguments):
        return run(self.command(*arguments), PATIENCE_S)

    def close(self):
        for end in self.ends:
            end.close()
        self.bus.disconnect()
        run(asyncio.sleep(0))
        self.house.close()


@contextlib.contextmanager
def impostor(rows, *lines):
    text = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    it = Impostor(rows, text)
    try:
        yield it
    finally:
        it.close()


def scan(it, *more):
    code, out, error = it.run("scan", "--json", "--all", "-t", "1.5", *more)
    assert code == 0, (code, error)
    return [json.loads(line) for line in out.splitlines()], error


def test_what_it_should_say_is_heard():
    with impostor([proxy()], register(), advert()) as it:
        heard, _ = scan(it)
    assert [(o["address"], o["name"], o["proxy"]) for o in heard] == [(DEVICE, "Device", "one")], heard


def test_names_that_are_none():
    names = [["", "nothing"], ["00:00:00:00:00:00", "zero"], [DEVICE, ""], [DEVICE, "\x1b[31ma\nname"], [DEVICE, "again"],
             ["A4:C1:38:00:00:02", "x" * 100000], *([f"C0:00:00:00:{i >> 8:02X}:{i & 255:02X}", f"n{i}"] for i in range(12000))]
    with impostor([proxy()], register(), advert()) as it:
        for answer, name in ((("a(ss)", [names[:4]]), "name"), (("a(ss)", [names]), ""), (("s", ["no list"]), "Device"),
                             (("a(is)", [[[1, "number"]]]), "Device")):
            it.answers["ListNames"] = answer
            code, out, error = it.run("devices", "-t", "1.5")
            assert code == 0 and "\x1b" not in out, (code, out, error)
            line, = (line for line in out.splitlines() if line.startswith(DEVICE))
            assert name in line, out


def test_rows_without_fields_and_sources_that_are_none():
    rows = [{}, {"name": variant("s", "nothing else")}, proxy("bad", "no address"), proxy("zero", "00:00:00:00:00:00"),
            proxy("port", OTHER, port=("u", 4000000000), down_s=("u", 4000000000), slots_limit=("u", 7)),
            proxy("unknown", "02:00:00:00:00:03", strange=("a{sv}", {"a": variant("s", "b")})), proxy("held", held_by=("as", [
                "x"] * 1000 + [DEVICE] * 1000), slots_limit=("u", 3), slots_free=("u", 4000000000))]
    with impostor(rows, register(), register("00:00:00:00:00:00"), advert(), advert("00:00:00:00:00:00")) as it:
        heard, _ = scan(it)
        assert [o["proxy"] for o in heard] == ["held"], heard
        for command in (("top", "-t", "1.5"), ("devices", "-t", "1.5"), ("slots", "-t", "1"), ("why", DEVICE, "-t", "1")):
            code, out, error = it.run(*command)
            assert code in (0, 4, 5, 6), (command, code, out, error)


def test_a_field_of_another_type_is_no_answer():
    with impostor([proxy(state=("u", 7))]) as it:
        code, out, error = it.run("slots", "-t", "1", "-p", "127.0.0.1:1")
        assert code == 4 and out == "", (code, out, error)


def test_two_proxies_of_one_name_and_of_one_source():
    with impostor([proxy(), proxy(source=OTHER), proxy("two", OTHER)], register(), register(OTHER), advert(),
                  advert(OTHER, "A4:C1:38:00:00:02")) as it:
        heard, _ = scan(it)
        assert {(o["address"], o["proxy"]) for o in heard} == {(DEVICE, "one"), ("A4:C1:38:00:00:02", "one")}, heard
        code, out, _ = it.run("top", "-t", "1.5")
        assert code == 0 and "3 proxies" in out, out


def test_lines_that_are_none():
    with impostor([proxy()], b"\0\0\n", b"\0" * 200000 + b"\n", b"x" * 300000, b"\n", b"{\n", b'{"t":0}\n', register(),
                  b'{"t":0,"event":"adv","source":"\0"}\n', register(), advert(), advert("02:00:00:00:00:99"),
                  {"t": 0.2, "event": "lost", "count": 3}, {"t": 0.2, "event": "unregister", "source": OTHER},
                  *(register(f"02:00:00:01:{i >> 8:02X}:{i & 255:02X}") for i in range(3000))) as it:
        heard, error = scan(it)
    assert [o["address"] for o in heard] == [DEVICE] and error.count("leaves out reports") == 1, (heard, error)


def test_a_huge_reply():
    rows = [proxy(f"p{i}", f"02:00:00:00:{i >> 8:02X}:{i & 255:02X}") for i in range(3000)]
    with impostor(rows, register("02:00:00:00:00:07"), advert("02:00:00:00:00:07")) as it:
        heard, _ = scan(it)
    assert [o["proxy"] for o in heard] == ["p7"], heard


def test_text_for_the_terminal_is_harmless():
    with impostor([proxy("\033[31mred\033]0;x\007", error=("s", "\033[2J"))], register(), advert()) as it:
        code, out, error = it.run("devices", "-t", "1.5")
        assert code == 0 and "\033" not in out + error and "\007" not in out + error, (out, error)


def test_proxies_that_come_go_and_change_places():
    rows = [proxy(), proxy("two", OTHER)]
    with impostor(rows, register(), register(OTHER), advert(), advert(OTHER, "A4:C1:38:00:00:02")) as it:
        versions = [rows, rows, rows, list(reversed(rows)), [proxy("three", "02:00:00:00:00:03")], [], rows]
        it.answers["ListProxies"] = lambda _: ("aa{sv}", [versions.pop(0) if len(versions) > 1 else versions[0]])
        for command in (("top", "-t", "12"),):  # it asks every second, if it gets a processor
            code, out, error = it.run(*command)
            assert code == 0 and "2 proxies" in out, (code, out, error)
        assert it.asked.count("ListProxies") >= 7, it.asked


def test_one_that_answers_once_and_never_again_keeps_nobody():
    with impostor([proxy()], register(), advert()) as it:
        answer, left = it.answers["ListProxies"], [3]

        def few(_):
            left[0] -= 1
            return answer if left[0] >= 0 else None
        it.answers["ListProxies"] = few
        begun = time.monotonic()
        heard, error = scan(it, "-t", "8")
        assert time.monotonic() - begun < 8 + 4, "it waited"
    assert len(heard) == 1 and error.count("does not answer") == 1, (heard, error)


def test_one_that_never_answers_is_none():
    with impostor([]) as it:
        it.answers = {}
        code, _, error = it.run("scan", "-t", "1", "-p", "127.0.0.1:1")
    assert code == 4 and "refused" in error, (code, error)


def test_one_that_ends_its_lines_ends_the_command():
    with impostor([proxy()], register(), advert()) as it:
        def shut(message):
            answer = Impostor.open(it, message)
            LOOP.call_later(0.5, it.ends[-1].close)
            return answer
        it.answers["Open"] = shut
        _, _, error = it.run("scan", "--json")
    assert "bleproxyd has ended" in error, error


def database(n_services=1, handle=3, uuid="2a00", path="/org/x"):
    return [(1 + i, "0000180f-0000-1000-8000-00805f9b34fb", [[path, handle, uuid, 0xffffffff, [[path, 4, uuid]]]])
            for i in range(n_services)]


def connected(services, mtu=247, source=SOURCE):
    return "oqsa(qsa(oqsua(oqs)))", ["/org/x", mtu, source, [list(service) for service in services]]


def test_databases_that_are_none():
    uuid = "00002a00-0000-1000-8000-00805f9b34fb"
    with impostor([proxy()], register(), advert()) as it:
        it.answers["FindDevice"] = "sb", [DEVICE, True]
        it.answers["Release"] = "", []
        for answer, code in ((connected(database(uuid=uuid)), 0), (connected(database(uuid="no uuid")), 5),
                             (connected([], mtu=0), 5), (connected([], source="nobody"), 5), (("s", ["x"]), 5),
                             (connected([]), 0), (connected(database(n_services=300, uuid=uuid)), 0)):
            it.answers["Connect"] = answer
            got, out, error = it.run("services", DEVICE)
            assert got == code, (str(answer)[:200], got, error)
            assert code == 0 or "answers in another way" in error, error


main(globals())
