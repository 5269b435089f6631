# SPDX-License-Identifier: MIT
"""A proxy and its devices, told by the test what to say: exact advertisements, and what each request gets."""
import contextlib
import socket
import struct
import threading
import time

from e2e import PATIENCE_S
from fake_proxy import (ACTIVE_CONNECTIONS, DEVICE_REQUEST, PASSIVE_SCAN, PING, PING_REPLY, RAW_ADVERTISEMENTS, RAW_REPORTS,
                        REMOTE_CACHING, SLOTS, SUBSCRIBE, FakeProxy, data, frame, number, report)

CONNECTION, GET_SERVICES, SERVICES, SERVICES_DONE, READ, READ_REPLY, WRITE = 69, 70, 71, 72, 73, 74, 75
READ_DESCRIPTOR, WRITE_DESCRIPTOR, NOTIFY, NOTIFICATION, ERROR, WRITE_REPLY, NOTIFY_REPLY = 76, 77, 78, 79, 82, 83, 84
DISCONNECT_IT, PAIR, UNPAIR, CONNECT_CACHED, CONNECT, CLEAR_CACHE = range(1, 7)
PAIRED, UNPAIRED, CACHE_CLEARED = 85, 86, 88
PAIRING, CACHE_CLEARING = 8, 16

BROADCAST, CAN_READ, CAN_COMMAND, CAN_WRITE, CAN_NOTIFY, CAN_INDICATE = 1, 2, 4, 8, 16, 32


def fields(body):
    """A message of numbers and bytes as {field: [value, ...]}."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            value |= (body[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if body[at - 1] < 128:
                return value

    while at < len(body):
        key = varint()
        value = varint()
        if key & 7 == 2:
            value, at = body[at:at + value], at + value
        found.setdefault(key >> 3, []).append(value)
    return found


def first(found, field):
    return found.get(field, [0])[0]


def ad(kind, payload=b""):
    """An AD structure."""
    return bytes([len(payload) + 1, kind]) + payload


def uuid_fields(uuid, long, short):
    """A UUID of 4, 8 or 36 digits."""
    if len(uuid) <= 8:
        return number(short, int(uuid, 16))
    digits = uuid.replace("-", "")
    return number(long, int(digits[:16], 16)) + number(long, int(digits[16:], 16))


class Device:
    """services: [(uuid, handle, [(uuid, handle, properties, [(uuid, handle), ...]), ...]), ...]. values: what reads get,
    by handle: bytes, or a GATT status. refusals: the GATT status of writes, by handle."""

    def __init__(self, address, services, values=None, mtu=247):
        self.address, self.services, self.mtu = address, services, mtu
        self.values, self.refusals = dict(values or {}), {}

    def database(self):
        for uuid, handle, characteristics in self.services:
            yield (uuid_fields(uuid, 1, 4) + number(2, handle) +
                   b"".join(data(3, uuid_fields(u, 1, 5) + number(2, h) + number(3, p) +
                                 b"".join(data(4, uuid_fields(d, 1, 3) + number(2, at)) for d, at in ds))
                            for u, h, p, ds in characteristics))


class Scripted(FakeProxy):
    """devices can be connected to; others cannot, for the connection reason `failure`. Requests of the kinds in `held` wait
    until release(). While is_deaf, nothing more is read."""

    def __init__(self, *devices, n_slots=3, failure=0x85, features=PASSIVE_SCAN | ACTIVE_CONNECTIONS | REMOTE_CACHING |
                 PAIRING | CACHE_CLEARING | RAW_ADVERTISEMENTS, **more):
        super().__init__(features=features, slots=(n_slots, ()), **more)
        self.devices = {device.address: device for device in devices}
        self.failure, self.held, self.waiting, self.is_deaf = failure, set(), [], False
        self.condition = threading.Condition(threading.RLock())
        self.listeners, self.subscribers, self.linked = [], [], set()

    def __exit__(self, *exception):
        with contextlib.suppress(OSError):  # it has left
            self.listener.shutdown(socket.SHUT_RDWR)  # or who waits for connections would go on, and take a later one's
        super().__exit__(*exception)
        self.lose()

    def serve(self, connection):
        with self.condition:
            self.listeners.append(connection)
        try:
            super().serve(connection)
        finally:
            with self.condition:
                self.listeners.remove(connection)
                if connection in self.subscribers:
                    self.subscribers.remove(connection)
                self.linked.clear()
                self.condition.notify_all()

    def lose(self):
        """Breaks all connections off."""
        with self.condition:
            for connection in self.listeners:
                with contextlib.suppress(OSError):  # it is gone already
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.shutdown(socket.SHUT_RDWR)

    def leave(self):
        """For good."""
        self.listener.shutdown(socket.SHUT_RDWR)  # as above
        self.listener.close()
        self.lose()

    def say(self, kind, body):
        with self.condition:
            for connection in self.subscribers:
                try:
                    connection.sendall(frame(kind, body))
                except OSError:  # its own thread notices
                    pass

    def wait_until_taken(self):
        """All that it has said; or it is left for that."""
        count, before = len(self.requests(PING_REPLY)), list(self.subscribers)
        self.say(PING, b"")
        self.wait_until(lambda: len(self.requests(PING_REPLY)) > count or self.subscribers != before, "the answer to a ping")

    # ---- What the test says ----

    def advertise(self, address, payload=b"\x02\x01\x06", rssi=-60, address_type=1):
        self.wait_until(lambda: self.subscribers, "a subscriber")
        self.say(RAW_REPORTS, report(address, rssi, payload, address_type))

    def notify(self, address, handle, value):
        self.say(NOTIFICATION, number(1, address) + number(2, handle) + data(3, value))

    def hang_up(self, address, reason=0x13):
        with self.condition:
            self.linked.discard(address)
            self.say(CONNECTION, number(1, address) + number(4, reason))
            self.tell_slots()

    def release(self):
        """Answers what waits."""
        with self.condition:
            waiting, self.waiting, self.held = self.waiting, [], set()
            for connection, kind, body in waiting:
                self.respond(connection, kind, fields(body))

    def wait_until(self, holds, what="it"):
        end = time.monotonic() + PATIENCE_S
        with self.condition:
            while not holds():
                assert self.condition.wait(end - time.monotonic()), f"{what} never came: {self.received[-20:]}"

    def hear_again(self):
        with self.condition:
            self.is_deaf = False
            self.condition.notify_all()

    def requests(self, kind):
        """But those by which a client finds out whether it is heard: reads of a device that does not exist."""
        found = [fields(body) for got, body in list(self.received) if got == kind]
        return found if kind != READ else [request for request in found if first(request, 1) in self.devices]

    def wait_for(self, kind, count=1):
        """The requests of that kind, when there are so many."""
        self.wait_until(lambda: len(self.requests(kind)) >= count, f"request {kind}")
        return self.requests(kind)

    def writes(self, handle):
        """What was written there, in order, with the kind of each."""
        return [(kind, first(fields(body), 4 if kind == WRITE else 3) or b"") for kind, body in list(self.received)
                if kind in (WRITE, WRITE_DESCRIPTOR) and first(fields(body), 2) == handle]

    # ---- What it answers ----

    def handle(self, connection, kind, body):
        with self.condition:
            if kind in self.held:
                self.waiting.append((connection, kind, body))
            else:
                answer = self.answer(kind)
                if answer:
                    connection.sendall(answer)
                if kind == SUBSCRIBE:
                    self.subscribers.append(connection)
                self.respond(connection, kind, fields(body) if kind >= DEVICE_REQUEST else {})
            self.condition.notify_all()
            self.condition.wait_for(lambda: not self.is_deaf)

    def tell_slots(self):
        limit = self.slots[0]
        self.say(SLOTS, number(1, limit - len(self.linked)) + number(2, limit) +
                 b"".join(number(3, address) for address in self.linked))

    def respond(self, connection, kind, found):
        address, handle = first(found, 1), first(found, 2)
        device = self.devices.get(address)
        tell = lambda reply, body=b"": connection.sendall(frame(reply, number(1, address) + body))  # pylint: disable=C3001
        if kind == DEVICE_REQUEST:
            self.respond_device(tell, device, address, first(found, 2))
        elif not device or address not in self.linked:
            if kind in (GET_SERVICES, READ, WRITE, READ_DESCRIPTOR, WRITE_DESCRIPTOR, NOTIFY):
                tell(ERROR, number(2, handle) + number(3, (1 << 64) - 1))
        elif kind == GET_SERVICES:
            for service in device.database():
                tell(SERVICES, data(2, service))
            tell(SERVICES_DONE)
        elif kind in (READ, READ_DESCRIPTOR):
            value = device.values.get(handle, 0x0A)
            if isinstance(value, int):
                tell(ERROR, number(2, handle) + number(3, value))
            else:
                tell(READ_REPLY, number(2, handle) + data(3, value))
        elif kind == WRITE and not first(found, 3):
            return
        elif kind in (WRITE, WRITE_DESCRIPTOR, NOTIFY):
            status = device.refusals.get(handle, 0)
            if status:
                tell(ERROR, number(2, handle) + number(3, status))
            else:
                tell(NOTIFY_REPLY if kind == NOTIFY else WRITE_REPLY, number(2, handle))

    def respond_device(self, tell, device, address, request):
        if request in (CONNECT, CONNECT_CACHED):
            if device and len(self.linked) < self.slots[0]:
                self.linked.add(address)
                tell(CONNECTION, number(2, 1) + number(3, device.mtu))
            else:
                tell(CONNECTION, number(4, self.failure))
            self.tell_slots()
        elif request == DISCONNECT_IT:
            self.linked.discard(address)
            tell(CONNECTION, number(4, 0x16))
            self.tell_slots()
        elif request == PAIR:
            tell(PAIRED, number(2, 1))
        elif request == UNPAIR:
            tell(UNPAIRED, number(2, 1))
        elif request == CLEAR_CACHE:
            tell(CACHE_CLEARED, number(2, 1))
