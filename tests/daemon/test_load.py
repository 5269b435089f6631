#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many devices, many programs, and one that does not read. BLEPROXY_TEST_SIZE from 10 on is the whole of it: 1,000 devices
that advertise five times a second, and a program that is stopped for a minute."""
import asyncio
import contextlib
import os
import signal
import time

from load import Load, many_devices, memory_kib
from models import LAMP, NAMED, connect, hear, lamp
from scripted import Scripted, ad
from support import ADAPTER, DEVICE, HCI0, INTROSPECTABLE, NOTICED_S, PATIENCE_S, SANITIZED, house, main, path_of, run, variant
from wire import ERROR, METHOD_RETURN, REPLY_SERIAL, Connection, Message

SIZE = int(os.environ.get("BLEPROXY_TEST_SIZE", "1"))
N_DEVICES, STOPPED_S = (1000, 60) if SIZE >= 10 else (200, 4)
N_LISTENERS = 6
RSS_KIB = 32 * 1024
DEVICES_MAX = 1024
MEMBER, DESTINATION = 3, 6
MONITOR = "org.bluez.AdvertisementMonitor1"
PING = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping")
# Under sanitizers other tests run beside, too: who waits for the one that is stopped waits for seconds.
CONNECT_MS = 1000 if SANITIZED else 100


def test_case_53_connect_while_one_of_six_programs_is_stopped():
    with many_devices(N_DEVICES) as it, contextlib.closing(Load(it, N_LISTENERS)) as load:
        for what in ("all read", "one is stopped", "all read again"):
            if what == "one is stopped":
                load.listeners[0].stop()
            seen = load.watch(STOPPED_S if what == "one is stopped" else STOPPED_S / 4)
            load.listeners[0].go_on()
            times = seen["connect_ms"]
            print(f"# {what}: Connect {times[len(times) // 2]:.1f} ms, at most {times[-1]:.1f} ms, {len(times)} times; "
                  f"CPU {seen['cpu'] * 100:.1f} %, the bus's {seen['bus_cpu'] * 100:.1f} %; "
                  f"memory {seen['rss_kib']} KiB, the bus's {seen['bus_rss_kib']} KiB")
            assert times[len(times) * 9 // 10] < CONNECT_MS, times
            assert SANITIZED or seen["rss_kib"] < RSS_KIB
        counts = [listener.finish()[0] for listener in load.listeners]
        print(f"# signals: {counts}")
        assert min(counts[1:]) > N_DEVICES


def advertise_until(proxy, holds, what):
    """Something new of the lamp again and again."""
    end, number = time.monotonic() + PATIENCE_S, 0
    while not holds():
        assert time.monotonic() < end, what
        number += 1
        proxy.advertise(LAMP, NAMED + ad(0xFF, b"\x01\x00" + number.to_bytes(4, "little")))
        run(asyncio.sleep(0.02))


def test_who_does_not_read_is_left_out_until_he_does():
    with Scripted(lamp()) as proxy, house(proxy) as it:
        client, deaf = it.client(), Connection(it.address)
        told_to = []
        client.bus.add_message_handler(lambda message: told_to.append(message.destination)
                                       if message.member == "PropertiesChanged" and message.path == path_of(LAMP) else None)
        deaf.ask("AddMatch", "s", "type='signal',sender='org.bluez'")
        connect(client, proxy)
        deaf.bluez(path_of(LAMP), "org.freedesktop.DBus.Properties", "GetAll", "s", DEVICE)
        advertise_until(proxy, lambda: told_to and told_to[-1] == client.bus.unique_name, "everybody is told all the time")
        client.set(path_of(LAMP), DEVICE, "Trusted", variant("b", True))
        assert told_to[-1] is None, "not told to all"
        advertise_until(proxy, lambda count=len(told_to): len(told_to) > count + 20, "the others are told nothing")
        assert told_to[-1] == client.bus.unique_name
        deaf.socket.settimeout(PATIENCE_S)
        heard, missed = [], None
        while not missed:
            deaf.fill()
            more = [Message(raw) for raw in deaf.take()]
            missed = next((message for message in more if message.fields.get(DESTINATION) == deaf.name and
                           message.fields.get(MEMBER) == "PropertiesChanged"), None)
            heard += more
        assert b"Trusted" in b"".join(message.body for message in heard), "what matters was lost"
        assert b"ManufacturerData" in missed.body and b"Lamp" in missed.body, "it was not told what it has missed"
        advertise_until(proxy, lambda: told_to[-1] is None, "not told together again")
        deaf.close()


def fill(proxy, it, n):
    """So many devices, which are there."""
    client = it.client()
    client.discover()
    for number in range(n):
        proxy.advertise(0xD00000000000 + number, ad(1, b"\x06"))
    client.wait_for_added(path_of(0xD00000000000 + n - 1))


def test_who_does_not_read_its_answers_gets_no_more_of_them():
    with Scripted() as proxy, house(proxy) as it:
        fill(proxy, it, 300)
        deaf = Connection(it.address)
        calls = [deaf.send("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects") for _ in range(300)]
        for _ in range(10):  # whoever reads is served meanwhile
            assert it.client().get(HCI0, ADAPTER, "Powered") is True
        kinds = [deaf.wait(serial).kind for serial in calls]
        served = kinds.count(METHOD_RETURN)
        assert 5 < served < 60 and kinds == [METHOD_RETURN] * served + [ERROR] * (300 - served), kinds
        end = time.monotonic() + PATIENCE_S
        while deaf.bluez(HCI0, "org.freedesktop.DBus.Properties", "Get", "ss", ADAPTER, "Powered").kind == ERROR:
            assert time.monotonic() < end, "it is refused for good"
        deaf.close()


def test_who_was_refused_is_served_again_once_he_reads_whatever_else_goes_on():
    with Scripted() as proxy, house(proxy) as it:  # nothing is told to anybody meanwhile
        fill(proxy, it, 1000)
        deaf = Connection(it.address)
        asking = ("org.bluez", HCI0, "org.freedesktop.DBus.Properties", "Get", "ss", ADAPTER, "Powered")
        calls = [deaf.send(*asking) for _ in range(80)]
        calls += [deaf.send("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects") for _ in range(50)]
        for _ in range(50):  # the daemon has got all of them before they are read
            it.clients[0].get(HCI0, ADAPTER, "Powered")
        kinds = [deaf.wait(serial).kind for serial in calls]
        assert kinds[:80] == [METHOD_RETURN] * 80 and kinds[-1] == ERROR, kinds
        end = time.monotonic() + PATIENCE_S
        while deaf.call(*asking).kind == ERROR:
            assert time.monotonic() < end, "it is refused for good"
        deaf.close()


class Blocking(Connection):
    """As a program that waits for each of its answers, as libdbus does: what else comes it reads, and puts off."""

    def answer(self, *_arguments, **_more):
        pass


def test_who_reads_its_answers_is_served_though_it_answers_no_questions():
    with Scripted() as proxy, house(proxy) as it:
        fill(proxy, it, 300)
        program = Blocking(it.address)
        for number in range(100):
            answer = program.call("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
            assert answer.kind == METHOD_RETURN, (number, answer.body)
        calls = [program.send("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects") for _ in range(300)]
        for _ in range(10):
            assert it.client().get(HCI0, ADAPTER, "Powered") is True
        kinds = [program.wait(serial).kind for serial in calls]
        assert kinds.count(METHOD_RETURN) < 60 and kinds[-1] == ERROR, kinds
        end = time.monotonic() + PATIENCE_S
        while program.bluez(HCI0, "org.freedesktop.DBus.Properties", "Get", "ss", ADAPTER, "Powered").kind == ERROR:
            assert time.monotonic() < end, "it is refused for good"
        program.close()


def test_monitors_of_a_program_that_does_not_read_are_told_no_more():
    with Scripted() as proxy, house(proxy) as it:
        deaf, root = Connection(it.address), "/" + "m" * 200
        objects = {f"{root}/{number}": {MONITOR: {"Type": ("s", "or_patterns"), "Patterns": ("a(yyay)", [(0, 1, b"\x06")])}}
                   for number in range(64)}
        call = deaf.send("org.bluez", HCI0, "org.bluez.AdvertisementMonitorManager1", "RegisterMonitor", "o", root)
        while (asked := deaf.receive()).fields.get(MEMBER) != "GetManagedObjects":
            pass
        deaf.answer(asked, signature="a{oa{sa{sv}}}", values=(objects,))
        deaf.wait(call)
        fill(proxy, it, 300)
        it.client().call(HCI0, INTROSPECTABLE, "Introspect")
        last = deaf.send(*PING)
        count = 0
        while (got := deaf.receive()).fields.get(REPLY_SERIAL) != last:
            count += got.fields.get(MEMBER) == "DeviceFound"
        assert 4096 < count <= 64 * 300 // 2, count
        deaf.close()


def test_a_program_that_left_while_the_daemon_did_not_read_is_noticed():
    limits = '<limit name="max_outgoing_bytes">200000</limit>'
    with Scripted(lamp()) as proxy, house(proxy, limits=limits) as it:
        client, leaves, floods = it.client(), Connection(it.address), Connection(it.address)
        hear(client, proxy)
        assert leaves.bluez(path_of(LAMP), DEVICE, "Connect").kind == METHOD_RETURN
        assert proxy.linked
        it.daemon.send_signal(signal.SIGSTOP)
        for _ in range(40):
            floods.send("org.bluez", HCI0, "org.freedesktop.DBus.Properties", "Get", "ss", "x" * 50000, "y", flags=1)
        leaves.close()
        while floods.ask("NameHasOwner", "s", leaves.name).body[:4] != b"\0\0\0\0":
            pass
        it.daemon.send_signal(signal.SIGCONT)
        end = time.monotonic() + PATIENCE_S
        while proxy.linked:
            assert time.monotonic() < end, "its link is still there"
            client.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Peer", "Ping")
        floods.close()


def test_who_asks_too_much_keeps_nobody_waiting():
    with Scripted() as proxy, house(proxy) as it:
        fill(proxy, it, 300)
        client, busy = it.client(), Connection(it.address)
        for _ in range(2000):
            busy.send("org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", flags=1)
        before = time.monotonic()
        client.get(HCI0, ADAPTER, "Powered")
        assert time.monotonic() - before < NOTICED_S, time.monotonic() - before
        busy.close()


def test_ten_thousand_addresses():
    with Scripted(lamp(), lamp(LAMP + 1)) as proxy, house(proxy) as it:
        client = it.client()
        connect(client, proxy)
        proxy.advertise(LAMP + 1, NAMED)
        client.wait_for_added(path_of(LAMP + 1))
        client.set(path_of(LAMP + 1), DEVICE, "Trusted", variant("b", True))
        for number in range(10000):
            proxy.advertise(0xD00000000000 + number, ad(1, b"\x06"))
        proxy.notify(LAMP, 6, b"")
        client.call(path_of(LAMP), DEVICE, "Disconnect")  # which the proxy says after all that
        paths = [path for path in client.objects() if path.startswith(HCI0 + "/dev_") and path.count("/") == 4]
        assert len(paths) == DEVICES_MAX and {path_of(LAMP), path_of(LAMP + 1)} <= set(paths), len(paths)
        removed = [told.path for told in client.told if told.kind == "InterfacesRemoved" and told.path.count("/") == 4]
        assert not removed, f"they come and go: {removed[:10]}"
        assert SANITIZED or memory_kib(it.daemon.pid) < RSS_KIB
        client.call(HCI0, ADAPTER, "StopDiscovery")


main(globals())
