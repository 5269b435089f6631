#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Services, characteristics and descriptors: reading, writing, notifications, and sockets instead of them."""
import contextlib
import os
import resource
import socket
import time

from models import (ALARM, ALARM_CONFIGURATION, BOTH, COMMANDS, COUNTER, COUNTER_CONFIGURATION, COUNTER_NAME, LAMP, NAMED,
                    SILENT, TEXT, connect, lamp, place, read, write)
from scripted import (CAN_COMMAND, CAN_NOTIFY, CAN_READ, NOTIFY, NOTIFICATION, READ, READ_DESCRIPTOR, WRITE, WRITE_REPLY,
                      WRITE_DESCRIPTOR, Device, Scripted, data, first, number)
from support import (BLUEZ_ERROR, CHARACTERISTIC, DESCRIPTOR, DEVICE, NOTICED_S, PROPERTIES, SERVICE, BusError, house, main,
                     path_of, variant)

PATH = path_of(LAMP)
FAILED, NOT_PERMITTED, NOT_SUPPORTED = BLUEZ_ERROR + "Failed", BLUEZ_ERROR + "NotPermitted", BLUEZ_ERROR + "NotSupported"
INVALID, IN_PROGRESS = BLUEZ_ERROR + "InvalidArguments", BLUEZ_ERROR + "InProgress"
UNSUPPORTED = NOT_SUPPORTED, "Operation is not supported"
NAME_PATH = place(COUNTER) + f"/desc{COUNTER_NAME:04x}"
CONFIGURATION_PATH = place(COUNTER) + f"/desc{COUNTER_CONFIGURATION:04x}"
PING = 7
ON, INDICATE, OFF = b"\1\0", b"\2\0", b"\0\0"


@contextlib.contextmanager
def connected(device=None, **more):
    device = device or lamp(**more)
    with Scripted(device) as proxy, house(proxy) as it:
        client = it.client()
        connect(client, proxy)
        yield it, proxy, client


def read_call(handle, options=None):
    return place(handle), CHARACTERISTIC, "ReadValue", "a{sv}", options or {}


def write_call(handle, value, **options):
    return place(handle), CHARACTERISTIC, "WriteValue", "aya{sv}", value, {k: variant("s", v) for k, v in options.items()}


def call(handle, member):
    return place(handle), CHARACTERISTIC, member


def acquire(client, handle, member="AcquireNotify"):
    """(socket, MTU)"""
    fd, mtu = client.call(place(handle), CHARACTERISTIC, member, "a{sv}", {})
    end = socket.socket(fileno=fd)
    end.settimeout(60)
    return end, mtu


def configuration(proxy, handle=COUNTER_CONFIGURATION):
    return [value for kind, value in proxy.writes(handle) if kind == WRITE_DESCRIPTOR]


def values(client, handle, mark):
    return [bytes(told.changed["Value"]) for told in client.about(place(handle), mark) if "Value" in told.changed]


# ---- The tree ----

def test_case_36_paths_are_those_of_declarations_and_refer_to_each_other():
    with connected() as (_, _, client):
        objects = client.objects()
    counted = 0
    for path, interfaces in objects.items():
        for kind, back in ((SERVICE, "Device"), (CHARACTERISTIC, "Service"), (DESCRIPTOR, "Characteristic")):
            if kind in interfaces:
                counted += 1
                assert interfaces[kind][back] == path.rsplit("/", 1)[0]
                assert int(path[-4:], 16) == interfaces[kind]["Handle"]
    assert counted == 11
    assert objects[place(COUNTER)][CHARACTERISTIC]["Handle"] == COUNTER - 1
    assert objects[NAME_PATH][DESCRIPTOR]["UUID"] == "00002901-0000-1000-8000-00805f9b34fb"
    service = objects[PATH + "/service0004"][SERVICE]
    assert service["UUID"] == "6e400001-b5a3-f393-e0a9-e50e24dcca9e" and service["Primary"] is True
    assert service["Includes"] == []


def test_case_36_attributes_that_leave_no_room_for_a_declaration():
    device = Device(LAMP, [("180f", 1, [("2a19", 2, CAN_READ, [("2901", 3)]), ("2a1a", 4, CAN_READ, []),
                                        ("2a1b", 0xFFFF, CAN_READ, [])])])
    with connected(device) as (_, _, client):
        paths = [path[len(PATH) + 1:] for path in client.objects() if CHARACTERISTIC in client.objects()[path]]
        assert paths == ["service0001/char0002", "service0001/char0004", "service0001/charfffe"], paths


def test_case_36_descriptors_before_their_characteristic_make_no_path_twice():
    device = Device(LAMP, [("180f", 19, [("2a19", 20, CAN_READ, [("2901", 5)]), ("2a1a", 21, CAN_READ, [])])])
    with connected(device) as (_, _, client):
        added = [told.path[len(PATH) + 1:] for told in client.told
                 if told.kind == "InterfacesAdded" and CHARACTERISTIC in told.interfaces]
        assert added == ["service0013/char0014", "service0013/char0015"], added


def test_flags_have_the_names_and_the_order_of_bluez():
    names = ["broadcast", "read", "write-without-response", "write", "notify", "indicate", "authenticated-signed-writes",
             "extended-properties", "reliable-write", "writable-auxiliaries"]
    for bits, expected in ((0x3FF, names), (0, []), (0x12, ["read", "notify"]), (0xFFFFFC00, []), (0x80, names[7:8])):
        with connected(Device(LAMP, [("180f", 1, [("2a19", 3, bits, [])])])) as (_, _, client):
            assert client.get(place(TEXT), CHARACTERISTIC, "Flags") == expected, hex(bits)


def test_properties_are_there_where_they_mean_something():
    with connected() as (_, _, client):
        for handle, present in ((TEXT, set()), (COUNTER, {"Notifying", "NotifyAcquired"}), (COMMANDS, {"WriteAcquired"}),
                                (ALARM, {"Notifying"}), (SILENT, set()), (BOTH, {"WriteAcquired"})):
            properties = client.get_all(place(handle), CHARACTERISTIC)
            assert set(properties) == {"Handle", "UUID", "Service", "Flags", "MTU"} | present, handle
            assert properties["MTU"] == 247 and not any(properties[name] for name in present)
        assert set(client.get_all(NAME_PATH, DESCRIPTOR)) == {"Handle", "UUID", "Characteristic"}


# ---- Reading ----

def test_case_37_the_value_is_told_before_the_reply():
    with connected() as (_, _, client):
        mark = client.mark()
        assert read(client, TEXT) == b"hello"
        assert [t.kind for t in client.told[mark:]] == ["PropertiesChanged", "reply ReadValue"]
        assert client.told[mark].changed == {"Value": b"hello"}
        assert bytes(client.call(NAME_PATH, DESCRIPTOR, "ReadValue", "a{sv}", {})) == b"counter"
        assert client.get(NAME_PATH, DESCRIPTOR, "Value") == b"counter"
        mark = client.mark()
        assert read(client, SILENT) == b"" and client.told[mark].changed == {"Value": b""}


def test_case_37_reads_under_way_are_one_request():
    with connected() as (it, proxy, client):
        proxy.held = {READ}
        other = it.client()
        pending = [(who, who.begin(*read_call(TEXT, options))) for who, options in
                   ((client, {}), (other, {}), (other, {"offset": variant("q", 2)}), (client, {"offset": variant("q", 9)}))]
        for who in (client, other):
            who.get(PATH, DEVICE, "Connected")
        proxy.release()
        assert [bytes(who.finish(one)) for who, one in pending[:3]] == [b"hello", b"hello", b"llo"]
        client.fails_later(INVALID, "Invalid offset", pending[3][1])
        assert len(proxy.requests(READ)) == 1, proxy.requests(READ)
        read(client, TEXT)
        assert len(proxy.requests(READ)) == 2


def test_case_37_who_has_no_patience_does_not_spoil_it_for_others():
    with connected() as (it, proxy, client):
        proxy.held = {READ}
        other = it.client()
        hasty = {"timeout_ms": variant("u", 1)}
        first_ = client.begin(*read_call(TEXT, hasty))
        proxy.wait_for(READ)
        patient = [who.begin(*read_call(TEXT, options)) for who in (client, other)
                   for options in ({}, {"timeout_ms": variant("u", 60000)})]
        last = other.begin(*read_call(TEXT, hasty))
        for who, one in ((client, first_), (other, last)):
            who.fails_later(FAILED, None, one)
        assert not any(one.done() for one in patient)
        proxy.release()
        for one in patient:
            assert bytes(client.finish(one)) == b"hello"


def test_case_37_offsets():
    with connected() as (_, _, client):
        for offset, expected in ((0, b"hello"), (1, b"ello"), (4, b"o"), (5, b"")):
            for kind in "yqnuitx":
                assert read(client, TEXT, offset=variant(kind, offset)) == expected, (offset, kind)
        for value in (variant("q", 6), variant("q", 65535)):
            client.fails(INVALID, "Invalid offset", *read_call(TEXT, {"offset": value}))
        for value in (variant("t", 1 << 40), variant("u", 65536), variant("s", "1"), variant("i", -1), variant("d", 1.0),
                      variant("aq", [1]), variant("x", -1), variant("n", -1)):
            client.fails(INVALID, None, *read_call(TEXT, {"offset": value}))
        assert read(client, TEXT, device=variant("o", "/x"), mtu=variant("q", 5)) == b"hello"


# ---- Writing ----

def test_case_38_commands_are_not_waited_for_and_requests_are():
    with connected() as (_, proxy, client):
        proxy.held = {WRITE}
        write(client, BOTH, b"c", type=variant("s", "command"))
        request = client.begin(*write_call(BOTH, b"r", type="request"))
        proxy.wait_for(WRITE, 2)
        client.get(PATH, DEVICE, "Connected")
        assert not request.done()
        client.fails(IN_PROGRESS, "In Progress", *write_call(BOTH, b"again", type="request"))
        proxy.release()
        client.finish(request)
        assert [(first(r, 3), r[4][0]) for r in proxy.requests(WRITE)] == [(0, b"c"), (1, b"r")]


def test_case_38_the_kind_of_write():
    with connected() as (_, proxy, client):
        for handle, options, expected in ((TEXT, {}, 1), (COMMANDS, {}, 0), (BOTH, {}, 1), (BOTH, {"type": "reliable"}, 1),
                                          (TEXT, {"type": "reliable"}, 1), (BOTH, {"type": "command"}, 0)):
            count = len(proxy.requests(WRITE))
            client.call(*write_call(handle, b"x", **options))
            request = proxy.wait_for(WRITE, count + 1)[-1]
            assert first(request, 3) == expected and first(request, 2) == handle, (handle, options)
        client.fails(*UNSUPPORTED, *write_call(SILENT, b"x"))
        for handle in (TEXT, BOTH, COMMANDS):
            for kind in ("bogus", "", "Request"):
                client.fails(*UNSUPPORTED, *write_call(handle, b"x", type=kind))
        for options in ({"type": variant("s", "command"), "offset": variant("q", 1)}, {"offset": variant("q", 1)}):
            client.fails(*UNSUPPORTED, place(BOTH), CHARACTERISTIC, "WriteValue", "aya{sv}", b"x", options)
        for options in ({"type": variant("q", 1)}, {"offset": variant("s", "0")}):
            client.fails(INVALID, None, place(BOTH), CHARACTERISTIC, "WriteValue", "aya{sv}", b"x", options)
        write(client, BOTH, b"x", offset=variant("q", 0), type=variant("s", "request"),
              **{"prepare-authorize": variant("b", True), "link": variant("s", "LE")})


def test_case_38_lengths():
    long = bytes(range(256)) + bytes(256)
    with connected() as (_, proxy, client):
        for value in (b"", b"1", long[:400], long):
            write(client, TEXT, value, type=variant("s", "request"))
            assert proxy.writes(TEXT)[-1] == (WRITE, value)
        client.fails(INVALID, "Invalid Length", *write_call(TEXT, long + b"x", type="request"))
        client.fails(INVALID, "Invalid Length", *write_call(COMMANDS, long, type="command"))
        client.fails(INVALID, "Invalid Length", *write_call(TEXT, bytes(1 << 20), type="request"))


ATT_ERRORS = {
    0x01: (FAILED, "Operation failed with ATT error: 0x01"), 0x02: (NOT_PERMITTED, "Read not permitted"),
    0x03: (NOT_PERMITTED, "Write not permitted"), 0x05: (NOT_PERMITTED, "Not paired"), 0x06: UNSUPPORTED,
    0x07: (INVALID, "Invalid offset"), 0x08: (BLUEZ_ERROR + "NotAuthorized", "Operation Not Authorized"),
    0x0C: (NOT_PERMITTED, "Not paired"), 0x0D: (INVALID, "Invalid Length"),
    0x0E: (FAILED, "Operation failed with ATT error: 0x0e"), 0x0F: (NOT_PERMITTED, "Not paired"),
    0x11: (FAILED, "Operation failed with ATT error: 0x11"), 0x80: (FAILED, "Operation failed with ATT error: 0x80"),
    0x84: (IN_PROGRESS, "In Progress"), 0x86: (IN_PROGRESS, "In Progress"), 0x88: (IN_PROGRESS, "In Progress"),
    0x89: (NOT_PERMITTED, "Not paired"), 0x8E: (NOT_PERMITTED, "Not paired"), 0x8F: (IN_PROGRESS, "In Progress"),
    0x9F: (FAILED, "Operation failed with ATT error: 0x9f"), 0xFD: (FAILED, "Operation failed with ATT error: 0xfd"),
}


def test_case_39_what_the_device_refuses():
    with connected() as (_, proxy, client):
        device = proxy.devices[LAMP]
        for status, (name, text) in ATT_ERRORS.items():
            device.values[TEXT] = device.values[COUNTER_NAME] = device.refusals[TEXT] = status
            mark = client.mark()
            client.fails(name, text, *read_call(TEXT))
            client.fails(name, text, *write_call(TEXT, b"x", type="request"))
            client.fails(name, text, NAME_PATH, DESCRIPTOR, "ReadValue", "a{sv}", {})
            assert [t.kind for t in client.told[mark:]] == ["error ReadValue", "error WriteValue", "error ReadValue"], status
        device.refusals[COUNTER_CONFIGURATION] = 0x05
        client.fails(NOT_PERMITTED, "Not paired", *call(COUNTER, "StartNotify"))
        client.fails(NOT_PERMITTED, "Not paired", *call(COUNTER, "AcquireNotify"), "a{sv}", {})
        properties = client.get_all(place(COUNTER), CHARACTERISTIC)
        assert properties["Notifying"] is properties["NotifyAcquired"] is False
        device.refusals.clear()
        client.call(*call(COUNTER, "StartNotify"))


def test_case_40_descriptors():
    with connected() as (_, proxy, client):
        for value in (ON, OFF, b""):
            client.fails(NOT_PERMITTED, "Write not permitted", CONFIGURATION_PATH, DESCRIPTOR, "WriteValue", "aya{sv}", value, {})
        assert bytes(client.call(CONFIGURATION_PATH, DESCRIPTOR, "ReadValue", "a{sv}", {})) == OFF
        for options in ({}, {"type": variant("s", "command")}, {"type": variant("s", "bogus")}):
            client.call(NAME_PATH, DESCRIPTOR, "WriteValue", "aya{sv}", b"name", options)
            assert proxy.writes(COUNTER_NAME)[-1] == (WRITE_DESCRIPTOR, b"name")
        client.fails(*UNSUPPORTED, NAME_PATH, DESCRIPTOR, "WriteValue", "aya{sv}", b"name", {"offset": variant("q", 1)})
        assert bytes(client.call(NAME_PATH, DESCRIPTOR, "ReadValue", "a{sv}", {"offset": variant("q", 3)})) == b"nter"
        assert len(proxy.requests(READ_DESCRIPTOR)) == 2 and configuration(proxy) == []


# ---- Notifications ----

def test_case_41_notifications_are_shared():
    with connected() as (it, proxy, client):
        other = it.client()
        mark = client.mark()
        client.call(*call(COUNTER, "StartNotify"))
        assert [t.kind for t in client.told[mark:]] == ["PropertiesChanged", "reply StartNotify"]
        assert client.told[mark].changed == {"Notifying": True} and configuration(proxy) == [ON]
        mark = client.mark()
        other.call(*call(COUNTER, "StartNotify"))
        client.call(*call(COUNTER, "StartNotify"))  # it has done so
        proxy.notify(LAMP, COUNTER, b"5")
        client.wait_for_change(place(COUNTER), "Value", b"5", mark)
        client.call(*call(COUNTER, "StopNotify"))
        assert [t.kind for t in client.told[mark:]] == ["reply StartNotify", "PropertiesChanged", "reply StopNotify"]
        client.fails(FAILED, "No notify session started", *call(COUNTER, "StopNotify"))
        assert configuration(proxy) == [ON] and client.get(place(COUNTER), CHARACTERISTIC, "Notifying") is True
        mark = client.mark()
        other.call(*call(COUNTER, "StopNotify"))
        client.wait_for_change(place(COUNTER), "Notifying", False, mark)
        proxy.wait_until(lambda: configuration(proxy) == [ON, OFF])
        client.call(*call(COUNTER, "StartNotify"))
        other.call(*call(COUNTER, "StartNotify"))
        it.leave(other)
        assert client.get(place(COUNTER), CHARACTERISTIC, "Notifying") is True
        client.call(*call(ALARM, "StartNotify"))
        assert configuration(proxy, ALARM_CONFIGURATION) == [INDICATE]
        watcher = it.client()
        it.leave(client)
        watcher.wait_for_change(place(COUNTER), "Notifying", False)
        proxy.wait_until(lambda: configuration(proxy)[-1] == OFF and configuration(proxy, ALARM_CONFIGURATION)[-1:] == [OFF])


def test_case_41_many_ask_while_the_device_has_not_answered():
    with connected() as (it, proxy, client):
        proxy.held = {NOTIFY}
        others = [it.client() for _ in range(3)]
        pending = [(who, who.begin(*call(COUNTER, "StartNotify"))) for who in [client, *others]]
        proxy.wait_for(NOTIFY)
        client.fails(IN_PROGRESS, "In Progress", *call(COUNTER, "StartNotify"))
        others[2].call(*call(COUNTER, "StopNotify"))
        others[2].fails_later(FAILED, None, pending[3][1])
        mark = client.mark()
        proxy.release()
        for who, one in pending[:3]:
            who.finish(one)
        assert len(proxy.requests(NOTIFY)) == 1
        assert [t.changed for t in client.about(place(COUNTER), mark) if t.changed] == [{"Notifying": True}]


def test_case_42_what_cannot_be_stopped_or_started():
    with connected() as (_, _, client):
        client.fails(FAILED, "No notify session started", *call(COUNTER, "StopNotify"))
        for handle in (TEXT, SILENT, COMMANDS):
            client.fails(*UNSUPPORTED, *call(handle, "StartNotify"))
            client.fails(*UNSUPPORTED, *call(handle, "AcquireNotify"), "a{sv}", {})
        client.fails(*UNSUPPORTED, *call(ALARM, "AcquireNotify"), "a{sv}", {})
        client.fails(*UNSUPPORTED, *call(TEXT, "AcquireWrite"), "a{sv}", {})


def test_case_43_a_socket_instead_of_signals():
    with connected() as (it, proxy, client):
        descriptors = it.descriptors()
        mark = client.mark()
        end, mtu = acquire(client, COUNTER)
        assert end.type == socket.SOCK_SEQPACKET and mtu == 247
        assert [t.kind for t in client.told[mark:]] == ["PropertiesChanged", "reply AcquireNotify"]
        assert client.told[mark].changed == {"NotifyAcquired": True} and configuration(proxy) == [ON]
        it.wait_for_descriptors(descriptors + 1)
        mark = client.mark()
        for value in (b"one", b"", b"two", b"x" * 244):
            proxy.notify(LAMP, COUNTER, value)
        assert [end.recv(1024) for _ in range(3)] == [b"one", b"two", b"x" * 244]
        assert values(client, COUNTER, mark) == []
        assert client.get(place(COUNTER), CHARACTERISTIC, "Notifying") is False
        end.send(b"nobody reads this")
        end.close()
        client.wait_for_change(place(COUNTER), "NotifyAcquired", False, mark)
        proxy.wait_until(lambda: configuration(proxy) == [ON, OFF])
        it.wait_for_descriptors(descriptors)
        acquire(client, COUNTER)[0].close()


def leave_room_for(it, count):
    """The daemon can open so many descriptors more. The limits of before."""
    used = {int(name) for name in os.listdir(f"/proc/{it.daemon.pid}/fd")}
    limit = 0
    while limit - sum(number_ < limit for number_ in used) < count:
        limit += 1
    before = resource.prlimit(it.daemon.pid, resource.RLIMIT_NOFILE)
    return resource.prlimit(it.daemon.pid, resource.RLIMIT_NOFILE, (limit, before[1]))


def test_case_43_a_socket_that_cannot_be_handed_over_is_an_error():
    for count in (0, 2):  # none for the pair; none for the message
        with connected() as (it, proxy, client):
            descriptors = it.descriptors()
            proxy.held = {NOTIFY}
            pending = client.begin(*call(COUNTER, "AcquireNotify"), "a{sv}", {})
            proxy.wait_for(NOTIFY)
            before = leave_room_for(it, count)
            proxy.release()
            for future in (pending, client.begin(*call(COMMANDS, "AcquireWrite"), "a{sv}", {})):
                try:
                    assert not client.finish(future), "there was room"
                except BusError as error:
                    assert error.text != "", error
            resource.prlimit(it.daemon.pid, resource.RLIMIT_NOFILE, before)
            it.wait_for_descriptors(descriptors)
            proxy.wait_until(lambda: configuration(proxy)[-1] == OFF)
            acquire(client, COUNTER)[0].close()
            acquire(client, COMMANDS, "AcquireWrite")[0].close()


def test_case_43_who_does_not_read_loses_values_and_holds_up_nobody():
    with connected() as (_, proxy, client):
        end, _ = acquire(client, COUNTER)
        for number_ in range(3000):
            proxy.notify(LAMP, COUNTER, number_.to_bytes(2, "big") + bytes(200))
        assert read(client, TEXT) == b"hello"
        end.setblocking(False)
        seen = []
        with contextlib.suppress(BlockingIOError):
            while True:
                seen.append(int.from_bytes(end.recv(1024)[:2], "big"))
        assert seen == list(range(len(seen))) and 0 < len(seen) < 3000, seen
        end.settimeout(60)
        proxy.notify(LAMP, COUNTER, b"after")
        while end.recv(1024) != b"after":
            pass
        end.close()


def test_case_44_signals_or_a_socket():
    with connected() as (it, proxy, client):
        other = it.client()
        client.call(*call(COUNTER, "StartNotify"))
        for who in (client, other):
            who.fails(IN_PROGRESS, "In Progress", *call(COUNTER, "AcquireNotify"), "a{sv}", {})
        client.call(*call(COUNTER, "StopNotify"))
        end, _ = acquire(client, COUNTER)
        for who in (client, other):
            who.fails(NOT_PERMITTED, "Notify acquired", *call(COUNTER, "StartNotify"))
            who.fails(NOT_PERMITTED, "Notify acquired", *call(COUNTER, "AcquireNotify"), "a{sv}", {})
        mark = client.mark()
        other.call(*call(COUNTER, "StopNotify"))  # anybody may
        assert end.recv(1024) == b""
        client.wait_for_change(place(COUNTER), "NotifyAcquired", False, mark)
        proxy.held = {NOTIFY}
        count = len(proxy.requests(NOTIFY))
        pending = client.begin(*call(COUNTER, "AcquireNotify"), "a{sv}", {})
        proxy.wait_until(lambda: len(proxy.requests(NOTIFY)) > count)
        other.fails(NOT_PERMITTED, "Notify acquired", *call(COUNTER, "AcquireNotify"), "a{sv}", {})
        other.fails(NOT_PERMITTED, "Notify acquired", *call(COUNTER, "StartNotify"))
        proxy.release()
        os.close(client.finish(pending)[0])


def test_case_45_what_is_written_to_a_socket():
    with connected() as (it, proxy, client):
        descriptors = it.descriptors()
        mark = client.mark()
        end, mtu = acquire(client, COMMANDS, "AcquireWrite")
        assert end.type == socket.SOCK_SEQPACKET and mtu == 247
        assert [t.kind for t in client.told[mark:]] == ["PropertiesChanged", "reply AcquireWrite"]
        assert client.told[mark].changed == {"WriteAcquired": True}
        for number_ in range(100):
            end.send(bytes([number_]) * 20)
        end.send(b"")
        end.send(b"last")
        client.fails(NOT_PERMITTED, "Write acquired", *write_call(COMMANDS, b"x", type="command"))
        it.client().fails(NOT_PERMITTED, "Write acquired", *call(COMMANDS, "AcquireWrite"), "a{sv}", {})
        proxy.wait_until(lambda: len(proxy.writes(COMMANDS)) >= 101)
        assert [value for _, value in proxy.writes(COMMANDS)] == [bytes([n]) * 20 for n in range(100)] + [b"last"]
        assert {first(request, 3) for request in proxy.requests(WRITE)} == {0}
        mark = client.mark()
        end.send(b"and goodbye")
        end.close()
        client.wait_for_change(place(COMMANDS), "WriteAcquired", False, mark)
        proxy.wait_until(lambda: proxy.writes(COMMANDS)[-1][1] == b"and goodbye")
        it.wait_for_descriptors(descriptors)
        write(client, COMMANDS, b"again", type=variant("s", "command"))


def test_case_45_what_is_no_value_is_dropped():
    with connected(mtu=517) as (_, proxy, client):
        end, _ = acquire(client, COMMANDS, "AcquireWrite")
        for value in (b"x" * 513, b"", b"y" * 512, b"z" * 100000, b"last"):
            end.send(value)
        proxy.wait_until(lambda: (WRITE, b"last") in proxy.writes(COMMANDS))
        assert [value for _, value in proxy.writes(COMMANDS)] == [b"y" * 512, b"last"]
        end.close()


def test_case_45_who_writes_faster_than_the_proxy_takes_it_has_to_wait():
    with connected() as (_, proxy, client):
        end, _ = acquire(client, COMMANDS, "AcquireWrite")
        end.settimeout(1)
        proxy.is_deaf = True
        count = 0
        with contextlib.suppress(TimeoutError):
            while count < 40000:
                end.send(count.to_bytes(4, "big") + bytes(240))
                count += 1
        assert count < 40000, "there is room without end"
        proxy.say(PING, b"")
        proxy.hear_again()
        end.settimeout(60)
        end.send(b"last")
        end.close()
        proxy.wait_until(lambda: any(body.endswith(b"last") for _, body in proxy.received[-20:]))
        sent = [value[:4] for _, value in proxy.writes(COMMANDS)]
        assert sent == [number_.to_bytes(4, "big") for number_ in range(count)] + [b"last"]
        assert client.get(PATH, DEVICE, "Connected") is True


def test_case_46_each_notification_is_told():
    with connected() as (_, proxy, client):
        client.call(*call(COUNTER, "StartNotify"))
        mark = client.mark()
        for _ in range(200):
            proxy.notify(LAMP, COUNTER, b"same")
        for number_ in range(200):
            proxy.notify(LAMP, COUNTER, bytes([number_]))
        proxy.notify(LAMP, COUNTER, b"")
        client.wait_for_change(place(COUNTER), "Value", b"", mark)
        assert values(client, COUNTER, mark) == [b"same"] * 200 + [bytes([n]) for n in range(200)] + [b""]


def test_case_46_a_notification_comes_before_the_reply_to_the_write_that_made_it():
    with connected() as (_, proxy, client):
        client.call(*call(COUNTER, "StartNotify"))
        proxy.held = {WRITE}
        pending = client.begin(*write_call(TEXT, b"x", type="request"))
        proxy.wait_for(WRITE)
        mark = client.mark()
        body = number(1, LAMP) + number(2, COUNTER) + data(3, b"echo")
        proxy.say(NOTIFICATION, body)
        proxy.say(WRITE_REPLY, number(1, LAMP) + number(2, TEXT))
        client.finish(pending)
        assert [t.kind for t in client.told[mark:]] == ["PropertiesChanged", "reply WriteValue"]


def test_a_device_without_configurations_cannot_be_subscribed_to_silently():
    device = Device(LAMP, [("180f", 1, [("2a19", 3, CAN_NOTIFY | CAN_COMMAND, [])])])
    with connected(device) as (_, proxy, client):
        try:
            client.call(*call(TEXT, "StartNotify"))
        except BusError as error:
            assert error.name in (NOT_SUPPORTED, FAILED), error
        else:  # some devices notify without one
            proxy.notify(LAMP, TEXT, b"x")
            client.wait_for_change(place(TEXT), "Value", b"x")


def test_the_mtu_is_the_links():
    for mtu in (23, 517):
        with connected(mtu=mtu) as (_, _, client):
            assert client.get(place(TEXT), CHARACTERISTIC, "MTU") == mtu
            end, told = acquire(client, COUNTER)
            end.close()
            assert told == mtu


def test_values_of_another_connection_are_not_kept():
    with connected() as (_, proxy, client):
        read(client, TEXT)
        client.call(PATH, DEVICE, "Disconnect")
        proxy.advertise(LAMP, NAMED)
        client.call(PATH, DEVICE, "Connect")
        client.wait_for_added(place(TEXT), client.mark() - 12)
        client.fails("org.freedesktop.DBus.Error.InvalidArgs", "No such property 'Value'", place(TEXT), PROPERTIES, "Get", "ss",
                     CHARACTERISTIC, "Value")


def test_two_hundred_programs_are_notified():
    with connected() as (it, proxy, client):
        programs = [it.client(listens=False) for _ in range(200)]
        descriptors = it.descriptors()
        for program in programs:
            program.call(PATH, DEVICE, "Connect")
            program.call(*call(COUNTER, "StartNotify"))
        mark = client.mark()
        proxy.notify(LAMP, COUNTER, b"all")
        client.wait_for_change(place(COUNTER), "Value", b"all", mark)
        for program in programs:
            program.close()
        begun = time.monotonic()
        client.wait_for_change(place(COUNTER), "Notifying", False, mark)
        assert time.monotonic() - begun < 2 * NOTICED_S
        it.wait_for_descriptors(descriptors)
        assert client.get(PATH, DEVICE, "Connected") is True


main(globals())
