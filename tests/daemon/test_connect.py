#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Connections: how they begin, how they end, and what becomes of them when a program, a proxy or the daemon dies."""
import contextlib
import os
import time

from models import COMMANDS, COUNTER, LAMP, NAMED, SILENT, TEXT, connect, hear, lamp, place
from scripted import (CAN_READ, CONNECT, CONNECT_CACHED, CONNECTION, DEVICE_REQUEST, DISCONNECT_IT, GET_SERVICES, NOTIFY,
                      READ, WRITE, Device, Scripted, first, number)
from support import (BLUEZ_ERROR, BUS_ERROR, CHARACTERISTIC, DEVICE, HCI0, LEAVES_S, NOTICED_S, PROPERTIES, SERVICE, house, main,
                     path_of, variant)

PATH = path_of(LAMP)
FAILED, CANCELLED = BLUEZ_ERROR + "Failed", "br-connection-canceled"
OTHER_MAC = b"02:00:00:00:00:02"


@contextlib.contextmanager
def scripted(*devices, **more):
    with Scripted(*(devices or (lamp(),)), **more) as proxy, house(proxy) as it:
        yield it, proxy, it.client()


@contextlib.contextmanager
def two_proxies(first_slots=3, second_slots=3):
    with Scripted(lamp(), n_slots=first_slots) as near, \
            Scripted(lamp(), mac=OTHER_MAC, name=b"far", n_slots=second_slots) as far, house(near, far) as it:
        client = it.client()
        hear(client, near)
        far.advertise(LAMP, NAMED, -70)
        far.advertise(LAMP + 9, NAMED)
        client.wait_for_added(path_of(LAMP + 9))
        yield it, near, far, client


def begin_connect(client, proxy):
    """Connect that waits for the proxy's answer."""
    hear(client, proxy)
    proxy.held = {DEVICE_REQUEST}
    pending = client.begin(PATH, DEVICE, "Connect")
    proxy.wait_for(DEVICE_REQUEST)
    return pending


def device_requests(proxy):
    return [first(request, 2) for request in proxy.requests(DEVICE_REQUEST)]


def wait_for_release(proxy):
    """The proxy is told to give the device up."""
    begun = time.monotonic()
    proxy.wait_until(lambda: DISCONNECT_IT in device_requests(proxy), "the release")
    assert time.monotonic() - begun < 1.5 * NOTICED_S, "late"


def is_told(told, path, **properties):
    return told.kind == "PropertiesChanged" and told.path == path and told.changed == properties


def test_case_28_the_order_of_connecting():
    with scripted() as (_, proxy, client):
        hear(client, proxy)
        mark = client.mark()
        client.call(PATH, DEVICE, "Connect")
        client.wait_for_change(PATH, "ServicesResolved", True, mark)
        told = [t for t in client.told[mark:] if t.path != HCI0]
    assert is_told(told[0], PATH, Connected=True) and told[1].kind == "reply Connect", told
    assert {t.kind for t in told[2:-1]} == {"InterfacesAdded"} and told[2].path == PATH + "/service0001", told
    assert set(told[-1].changed) == {"UUIDs", "ServicesResolved"} and told[-1].changed["ServicesResolved"] is True
    assert len(told[-1].changed["UUIDs"]) == 2
    characteristic = told[3].interfaces[CHARACTERISTIC]
    assert characteristic["MTU"] == 247


def test_case_29_connecting_again_is_no_news():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        mark = client.mark()
        client.call(PATH, DEVICE, "Connect")
        it.client().call(PATH, DEVICE, "Connect")
        assert client.kinds(mark) == [("reply Connect", PATH)]
        assert len(device_requests(proxy)) == 1


def test_case_29_connecting_is_done_once_at_a_time():
    with scripted() as (it, proxy, client):
        pending = begin_connect(client, proxy)
        it.client().fails(BLUEZ_ERROR + "InProgress", "In Progress", PATH, DEVICE, "Connect")
        proxy.release()
        client.finish(pending)


def test_case_29_switching_off_cancels():
    with scripted() as (_, proxy, client):
        pending = begin_connect(client, proxy)
        client.set(HCI0, "org.bluez.Adapter1", "Powered", variant("b", False))
        client.fails_later(FAILED, CANCELLED, pending)
        wait_for_release(proxy)


def test_case_30_a_device_that_has_vanished():
    with scripted(Device(LAMP + 1, [])) as (_, proxy, client):
        hear(client, proxy)
        begun = time.monotonic()
        text = client.fails(FAILED, None, PATH, DEVICE, "Connect")
        assert time.monotonic() - begun < 24 and text.startswith("le-connection-timeout"), text
        assert not any("Connected" in told.changed for told in client.told)


def test_case_30_a_device_that_does_not_answer():
    with scripted() as (_, proxy, client):
        pending = begin_connect(client, proxy)
        begun = time.monotonic()
        text = client.fails_later(FAILED, None, pending)
        assert 15 < time.monotonic() - begun < 24 and text.startswith("le-connection-timeout"), text
        wait_for_release(proxy)
        assert not any("Connected" in told.changed for told in client.told)


def test_failures_have_the_words_that_programs_go_by():
    for code, words in ((0x08, "le-connection-timeout"), (0x3E, "le-connection-timeout"), (0x13, "le-connection-abort-by-remote"),
                        (0x85, "le-connection-timeout")):
        with scripted(Device(LAMP + 1, []), failure=code) as (_, proxy, client):
            hear(client, proxy)
            text = client.fails(FAILED, None, PATH, DEVICE, "Connect")
            assert text.split(" ")[0] == words and "abort-by-local" not in text, (code, text)


def test_case_31_a_full_proxy_is_passed_over():
    with two_proxies(first_slots=0) as (_, near, far, client):
        client.call(PATH, DEVICE, "Connect")
        assert device_requests(near) == [] and device_requests(far)[0] in (CONNECT, CONNECT_CACHED)


def test_case_31_all_are_full():
    with two_proxies(first_slots=0, second_slots=0) as (_, _, _, client):
        begun = time.monotonic()
        text = client.fails(FAILED, None, PATH, DEVICE, "Connect")
        assert text.startswith("le-connection-concurrent-connection-limit"), text
        assert time.monotonic() - begun < 24


def test_case_32_disconnect_cancels_connect():
    with scripted() as (_, proxy, client):
        pending = begin_connect(client, proxy)
        mark = client.mark()
        client.call(PATH, DEVICE, "Disconnect")
        client.fails_later(FAILED, CANCELLED, pending)
        assert client.kinds(mark) == [("error Connect", PATH), ("reply Disconnect", PATH)]
        wait_for_release(proxy)
        proxy.release()
        proxy.advertise(LAMP, NAMED)
        client.call(PATH, DEVICE, "Connect")
        assert client.get(PATH, DEVICE, "Connected") is True


def test_case_33_disconnect():
    with scripted() as (_, proxy, client):
        hear(client, proxy)
        mark = client.mark()
        client.call(PATH, DEVICE, "Disconnect")
        assert client.kinds(mark) == [("reply Disconnect", PATH)]
        client.call(PATH, DEVICE, "Connect")
        client.wait_for_change(PATH, "ServicesResolved", True, mark)
        mark = client.mark()
        client.call(PATH, DEVICE, "Disconnect")
        assert_ended(client, mark, "Local")
        # Before Connected=false, upon which bleak closes its connection to the bus.
        connected = next(i for i, told in enumerate(client.told) if i >= mark and is_told(told, PATH, Connected=False))
        assert ("reply Disconnect", PATH) in client.kinds(mark)[:connected - mark]
        client.call(PATH, DEVICE, "Disconnect")
        client.call(PATH, DEVICE, "Connect")


def assert_ended(client, mark, reason):
    """ServicesResolved, then the services, then Connected; and why."""
    client.wait_for(lambda told: told.kind == "Disconnected" and told.path == PATH, mark)
    told = [t for t in client.told[mark:] if t.path.startswith(PATH)]
    resolved = next(i for i, t in enumerate(told) if is_told(t, PATH, ServicesResolved=False))
    connected = next(i for i, t in enumerate(told) if is_told(t, PATH, Connected=False))
    ended = next(i for i, t in enumerate(told) if t.kind == "Disconnected")
    assert resolved < connected < ended, told
    assert told[ended].body[0] == "org.bluez.Reason." + reason, told[ended].body
    removed = [i for i, t in enumerate(told) if t.kind == "InterfacesRemoved"]
    assert len(removed) == 11 and resolved < removed[0] and removed[-1] < connected, told
    assert not any(t.changed.get("Connected") for t in told)


def acquire(client, member, handle):
    return client.call(place(handle), CHARACTERISTIC, member, "a{sv}", {})


def check_loss(client, lose, reason, text="Not connected"):
    """All that there is when the link is lost. text: of calls that waited."""
    client.call(place(COUNTER), CHARACTERISTIC, "StartNotify")
    fd, _ = acquire(client, "AcquireWrite", COMMANDS)
    pending = [client.begin(place(handle), CHARACTERISTIC, "ReadValue", "a{sv}", {}) for handle in (TEXT, TEXT, SILENT)]
    pending.append(client.begin(place(TEXT), CHARACTERISTIC, "WriteValue", "aya{sv}", b"x", {}))
    client.get(PATH, DEVICE, "Connected")  # they have arrived
    mark = client.mark()
    lose()
    for call in pending:
        client.fails_later(FAILED, text, call)
    assert_ended(client, mark, reason)
    assert client.wait_for_change(place(COUNTER), "Notifying", False, mark)
    assert client.wait_for_change(place(COMMANDS), "WriteAcquired", False, mark)
    os.set_blocking(fd, True)
    assert os.read(fd, 100) == b""
    os.close(fd)
    assert client.get(PATH, DEVICE, "Connected") is client.get(PATH, DEVICE, "ServicesResolved") is False
    client.fails(BUS_ERROR + "UnknownObject", None, place(TEXT), CHARACTERISTIC, "ReadValue", "a{sv}", {})


def test_case_34_the_device_hangs_up():
    for code, reason in ((0x13, "Remote"), (0x08, "Timeout"), (0x16, "Local"), (0x3D, "Unknown")):
        with scripted() as (_, proxy, client):
            connect(client, proxy)
            proxy.held = {READ, WRITE}
            check_loss(client, lambda proxy=proxy, code=code: proxy.hang_up(LAMP, code), reason)
            proxy.release()
            proxy.advertise(LAMP, NAMED)
            client.call(PATH, DEVICE, "Connect")


def test_case_35_the_proxy_is_lost():
    with two_proxies() as (_, near, far, client):
        client.call(PATH, DEVICE, "Connect")
        client.wait_for_change(PATH, "ServicesResolved", True)
        near.held = {READ, WRITE}
        assert device_requests(far) == []
        check_loss(client, near.leave, "Timeout", "Operation failed")
        mark = client.mark()
        far.advertise(LAMP, NAMED, -71)
        far.advertise(LAMP + 1, NAMED, -71)
        client.wait_for_added(path_of(LAMP + 1), mark)
        client.wait_for(lambda told: told.changed.get("RSSI") == -71)
        client.call(PATH, DEVICE, "Connect")
        assert device_requests(far)[0] in (CONNECT, CONNECT_CACHED)


def test_case_49_removing_a_device_that_is_connected():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        mark = client.mark()
        client.adapter("RemoveDevice", "o", PATH)
        kinds = client.kinds(mark)
        assert kinds[-1] == ("reply RemoveDevice", HCI0) and kinds[-2] == ("InterfacesRemoved", PATH), kinds
        removed = [path for kind, path in kinds if kind == "InterfacesRemoved"]
        assert all(not later.startswith(path + "/") for i, path in enumerate(removed) for later in removed[i:]), removed
        assert any(is_told(t, PATH, Connected=False) for t in client.told[mark:])
        wait_for_release(proxy)
        client.fails(BLUEZ_ERROR + "DoesNotExist", "Does Not Exist", HCI0, "org.bluez.Adapter1", "RemoveDevice", "o", PATH)
        proxy.advertise(LAMP, NAMED)
        client.wait_for_added(PATH, mark)
        assert it.daemon.poll() is None


def test_case_49_removing_a_device_that_is_being_connected():
    with scripted() as (it, proxy, client):
        pending = begin_connect(client, proxy)
        mark = client.mark()
        client.adapter("RemoveDevice", "o", PATH)
        client.fails_later(FAILED, CANCELLED, pending)
        assert client.kinds(mark) == [("error Connect", PATH), ("InterfacesRemoved", PATH), ("reply RemoveDevice", HCI0)]
        wait_for_release(proxy)
        assert it.daemon.poll() is None


def test_many_ask_for_the_end_at_once():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        proxy.held = {DEVICE_REQUEST}
        others = [it.client(listens=False) for _ in range(3)]
        pending = [(who, who.begin(PATH, DEVICE, "Disconnect")) for who in [client, *others]]
        pending += [(who, who.begin(HCI0, "org.bluez.Adapter1", "RemoveDevice", "o", PATH)) for who in others]
        proxy.wait_until(lambda: DISCONNECT_IT in device_requests(proxy))
        client.fails(BLUEZ_ERROR + "InProgress", "In Progress", PATH, DEVICE, "Connect")
        for who in others:
            who.get(PATH, DEVICE, "Connected")  # they have arrived
        proxy.release()
        for who, call in pending:
            who.finish(call)
        client.wait_for_removed(PATH)


def test_case_50_trusted_blocked_and_alias_are_told():
    with scripted() as (_, proxy, client):
        connect(client, proxy)
        for name, value in (("Trusted", variant("b", True)), ("Alias", variant("s", "Bed")), ("Alias", variant("s", ""))):
            mark = client.mark()
            client.set(PATH, DEVICE, name, value)
            assert is_told(client.told[mark], PATH, **{name: value.value or "Lamp"}) and len(client.told) == mark + 2
        client.fails(BLUEZ_ERROR + "InvalidArguments", None, PATH, PROPERTIES, "Set", "ssv", DEVICE, "Alias",
                     variant("s", "x" * 249))
        mark = client.mark()
        client.set(PATH, DEVICE, "Blocked", variant("b", True))
        assert_ended(client, mark, "Local")
        client.fails(FAILED, "le-connection-refused", PATH, DEVICE, "Connect")
        client.set(PATH, DEVICE, "Blocked", variant("b", False))
        proxy.advertise(LAMP, NAMED)
        client.call(PATH, DEVICE, "Connect")


def test_case_51_sigterm_says_goodbye_before_the_name_is_free():
    with scripted() as (it, proxy, client):
        client.watch_owner()
        connect(client, proxy)
        proxy.advertise(LAMP + 1, NAMED)
        client.wait_for_added(path_of(LAMP + 1))
        known = [path for path in client.objects() if path != "/org/bluez"]
        mark = client.mark()
        it.stop_daemon()
        client.wait_for(lambda told: told.kind == "NameOwnerChanged", mark)
        kinds = client.kinds(mark)
        assert kinds[-1][0] == "NameOwnerChanged", kinds
        assert any(is_told(t, PATH, Connected=False) for t in client.told[mark:])
        removed = [path for kind, path in kinds if kind == "InterfacesRemoved" and path != "/org/bluez"]
        assert sorted(removed) == sorted(known) and removed[-1] == HCI0, removed
        wait_for_release(proxy)
        mark = client.mark()
        it.start_daemon()
        it.wait_until_powered(client, mark)
        paths = [path for path in client.objects() if path != "/org/bluez"]
        assert paths[0] == HCI0


def test_sigterm_is_obeyed_in_two_seconds_whatever_goes_on():
    for doing in ("discovering", "connecting", "connected", "disconnecting"):
        with scripted() as (it, proxy, client):
            if doing == "connecting":
                begin_connect(client, proxy)
            else:
                hear(client, proxy)
            if doing in ("connected", "disconnecting"):
                client.call(PATH, DEVICE, "Connect")
                proxy.held = {DEVICE_REQUEST}
            if doing == "disconnecting":
                client.begin(PATH, DEVICE, "Disconnect")
                proxy.wait_until(lambda proxy=proxy: DISCONNECT_IT in device_requests(proxy))
            begun = time.monotonic()
            it.stop_daemon()
            assert time.monotonic() - begun < LEAVES_S, doing


def test_case_52_the_name_is_taken():
    with scripted() as (it, _, client):
        client.watch_owner()
        second = it.spawn(stderr=-1)
        _, error = second.communicate(timeout=60)
        assert second.returncode != 0 and b"serves org.bluez on" in error and b"stop it" in error, error
        assert client.get(HCI0, "org.bluez.Adapter1", "Powered") is True
        assert not [t for t in client.told if t.kind == "NameOwnerChanged"]


# ---- Programs that are killed ----

def test_a_program_that_is_killed_while_it_connects():
    with scripted() as (it, proxy, client):
        hear(client, proxy)
        proxy.held = {DEVICE_REQUEST}
        victim = it.victim()
        victim.begin(PATH, DEVICE, "Connect")
        proxy.wait_for(DEVICE_REQUEST)
        victim.kill()
        wait_for_release(proxy)
        proxy.release()
        proxy.advertise(LAMP, NAMED)
        client.call(PATH, DEVICE, "Connect")


def test_a_program_that_is_killed_leaves_no_link():
    with scripted() as (it, proxy, client):
        hear(client, proxy)
        descriptors = it.descriptors()
        victim = it.victim()
        for call in ((PATH, DEVICE, "Connect"), (place(COUNTER), CHARACTERISTIC, "StartNotify"),
                     (place(COMMANDS), CHARACTERISTIC, "AcquireWrite", "a{sv}", {})):
            assert victim.call(*call) == "ok", call
        mark = client.mark()
        victim.kill()
        client.wait_for_change(PATH, "Connected", False, mark, NOTICED_S)
        wait_for_release(proxy)
        it.wait_for_descriptors(descriptors)


def test_the_link_stays_while_somebody_uses_it_or_trusts_the_device():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        victim = it.victim()
        assert victim.call(PATH, DEVICE, "Connect") == "ok"
        victim.kill()
        it.leave(it.client())  # which is gone after the victim
        client.call(place(TEXT), CHARACTERISTIC, "ReadValue", "a{sv}", {})
        watcher = it.client()
        watcher.set(PATH, DEVICE, "Trusted", variant("b", True))
        it.leave(client)
        assert watcher.get(PATH, DEVICE, "Connected") is True and DISCONNECT_IT not in device_requests(proxy)


def test_a_link_that_nobody_uses_ends_when_the_device_is_trusted_no_longer():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        client.set(PATH, DEVICE, "Trusted", variant("b", True))
        watcher = it.client()
        it.leave(client)
        mark = watcher.mark()
        watcher.set(PATH, DEVICE, "Trusted", variant("b", False))
        watcher.wait_for_change(PATH, "Connected", False, mark)
        wait_for_release(proxy)
        proxy.advertise(LAMP, NAMED)
        watcher.call(PATH, DEVICE, "Connect")
        for trusted in (True, False):
            watcher.set(PATH, DEVICE, "Trusted", variant("b", trusted))
        assert watcher.get(PATH, DEVICE, "Connected") is True and device_requests(proxy).count(DISCONNECT_IT) == 1


def test_a_program_too_many_is_told_so():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        programs = [it.client(listens=False) for _ in range(256)]
        for program in programs[:-1]:
            program.call(PATH, DEVICE, "Connect")
        for member in ("Connect", "Pair"):
            programs[-1].fails(BUS_ERROR + "LimitsExceeded", None, PATH, DEVICE, member)
        programs[-1].fails(BUS_ERROR + "LimitsExceeded", None, "/org/bleproxy1", "org.bleproxy1.Manager", "Connect", "sa{sv}",
                           "C0:00:00:00:00:01", {})
        it.leave(programs[0])
        programs[-1].call(PATH, DEVICE, "Connect")


def test_a_program_that_is_killed_leaves_no_notifications():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        descriptors = it.descriptors()
        for member, prop in (("StartNotify", "Notifying"), ("AcquireNotify", "NotifyAcquired")):
            victim = it.victim()
            arguments = ("a{sv}", {}) if member == "AcquireNotify" else ()
            assert victim.call(place(COUNTER), CHARACTERISTIC, member, *arguments) == "ok"
            mark = client.mark()
            victim.kill()
            client.wait_for_change(place(COUNTER), prop, False, mark, NOTICED_S)
        victim = it.victim()
        assert victim.call(place(COMMANDS), CHARACTERISTIC, "AcquireWrite", "a{sv}", {}) == "ok"
        mark = client.mark()
        victim.kill()
        client.wait_for_change(place(COMMANDS), "WriteAcquired", False, mark, NOTICED_S)
        it.wait_for_descriptors(descriptors)
        assert client.get(PATH, DEVICE, "Connected") is True


def test_a_program_that_is_killed_while_the_device_has_not_answered():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        for kind, member, arguments in ((NOTIFY, "StartNotify", ()), (NOTIFY, "AcquireNotify", ("a{sv}", {})),
                                        (READ, "ReadValue", ("a{sv}", {}))):
            handle = TEXT if kind == READ else COUNTER
            count = len(proxy.requests(kind))
            proxy.held = {kind}
            victim = it.victim()
            victim.begin(place(handle), CHARACTERISTIC, member, *arguments)
            proxy.wait_for(kind, count + 1)
            victim.kill()
            it.leave(it.client())
            pending = client.begin(place(handle), CHARACTERISTIC, member, *arguments)
            proxy.release()
            value = client.finish(pending)
            if member == "AcquireNotify":
                os.close(value[0])
            elif member == "StartNotify":
                client.call(place(COUNTER), CHARACTERISTIC, "StopNotify")
        assert client.get(PATH, DEVICE, "Connected") is True


# ---- Proxies that lie ----

def test_odd_databases():
    long = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
    twice = ("180f", 1, [("2a19", 3, CAN_READ, [("2902", 4)]), ("2a19", 3, CAN_READ, [("2902", 4)])])
    for services in ([("180f", 1, [])], [twice], [twice, twice], [("180f", 0, [("2a19", 0, 255, [("2902", 0)])])],
                     [("180f", 65535, [("2a19", 65535, 0xFFFFFFFF, [])])], [(long, 7, [(long, 2, CAN_READ, [(long, 1)])])],
                     [(long, 1 + i % 60000, []) for i in range(3000)],
                     [("180f", 1, [(long, 3 + 2 * i, CAN_READ, []) for i in range(500)])], []):
        with scripted(Device(LAMP, services)) as (it, proxy, client):
            hear(client, proxy)
            pending = client.begin(PATH, DEVICE, "Connect")
            with contextlib.suppress(Exception):
                client.finish(pending)
            if client.get(PATH, DEVICE, "Connected"):
                client.wait_for_change(PATH, "ServicesResolved", True)
                added = [t.path for t in client.told if t.kind == "InterfacesAdded" and t.path.startswith(PATH + "/")]
                assert len(added) == len(set(added)) and set(added) <= set(client.objects()), services
                for path in added[:20]:
                    if "/char" in path and "/desc" not in path:
                        with contextlib.suppress(Exception):
                            client.call(path, CHARACTERISTIC, "ReadValue", "a{sv}", {})
                client.call(PATH, DEVICE, "Disconnect")
            assert client.get(HCI0, "org.bluez.Adapter1", "Powered") is True and it.daemon.poll() is None


def test_a_proxy_that_talks_of_what_is_not():
    with scripted() as (it, proxy, client):
        connect(client, proxy)
        for handle in (0, COUNTER, TEXT, 9999, 65535, 1 << 20):
            proxy.notify(LAMP, handle, b"unasked")
            proxy.notify(LAMP + 1, handle, b"unasked")
            proxy.say(74, number(1, LAMP) + number(2, handle))
            proxy.say(82, number(1, LAMP) + number(2, handle) + number(3, 5))
        proxy.say(CONNECTION, number(1, LAMP) + number(2, 1) + number(3, 23))
        proxy.say(CONNECTION, number(1, LAMP + 1) + number(2, 1) + number(3, 23))
        proxy.hang_up(LAMP)
        proxy.hang_up(LAMP)
        client.wait_for_change(PATH, "Connected", False)
        assert it.daemon.poll() is None and SERVICE not in str(client.objects())


def test_services_that_take_long_do_not_change_the_order():
    with scripted() as (_, proxy, client):
        hear(client, proxy)
        proxy.held = {GET_SERVICES}
        pending = client.begin(PATH, DEVICE, "Connect")
        proxy.wait_for(GET_SERVICES)
        mark = client.mark()
        assert client.get(PATH, DEVICE, "Connected") is False
        proxy.release()
        client.finish(pending)
        assert is_told(client.told[mark + 1], PATH, Connected=True)


main(globals())
