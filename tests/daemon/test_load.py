#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many devices, many programs, and one that does not read. BLEPROXY_TEST_SIZE from 10 on is the whole of it: 1,000 devices
that advertise five times a second, and a program that is stopped for a minute."""
import asyncio
import contextlib
import os
import time

from load import Load, many_devices, memory_kib
from models import LAMP, NAMED, connect, lamp
from scripted import Scripted, ad
from support import ADAPTER, BLEPROXYD, DEVICE, HCI0, PATIENCE_S, house, main, path_of, run, variant
from wire import Connection, Message

SIZE = int(os.environ.get("BLEPROXY_TEST_SIZE", "1"))
N_DEVICES, STOPPED_S = (1000, 60) if SIZE >= 10 else (200, 4)
N_LISTENERS = 6
CONNECT_MS = 100
RSS_KIB = 32 * 1024
DEVICES_MAX = 1024
MEMBER, DESTINATION = 3, 6
with open(BLEPROXYD, "rb") as program:
    SANITIZED = b"__asan_init" in program.read()


def test_connect_while_one_of_six_programs_is_stopped():
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
        deaf.socket.settimeout(5)
        heard = []
        while not heard or heard[-1].fields.get(DESTINATION) != deaf.name or heard[-1].fields.get(MEMBER) != "PropertiesChanged":
            deaf.fill()
            heard += map(Message, deaf.take())
        assert b"Trusted" in b"".join(message.body for message in heard), "what matters was lost"
        assert b"ManufacturerData" in heard[-1].body and b"Lamp" in heard[-1].body, "it was not told what it has missed"
        advertise_until(proxy, lambda: told_to[-1] is None, "not told together again")
        deaf.close()


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
