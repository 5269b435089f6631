# SPDX-License-Identifier: MIT
"""A proxy that says what a virtual one never would: plaintext frames, written by hand."""
import contextlib
import socket
import struct
import threading

HELLO, HELLO_REPLY, LOGIN, LOGIN_REPLY, DISCONNECT, DISCONNECT_REPLY, PING, PING_REPLY = range(1, 9)
INFO, INFO_REPLY, SUBSCRIBE, RAW_REPORTS, SET_MODE = 9, 10, 66, 93, 127
SUBSCRIBE_SLOTS, SLOTS = 80, 81
DEVICE_REQUEST, SCANNER_STATE = 68, 126
PASSIVE_SCAN, ACTIVE_CONNECTIONS, REMOTE_CACHING, RAW_ADVERTISEMENTS, STATE_AND_MODE = 1, 2, 4, 32, 64

FIRST_DEVICE = 0xC00000000001  # further ones count up


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def frame(kind, body=b""):
    return b"\0" + varint(len(body)) + varint(kind) + body


def report(address, rssi, payload, address_type=1):
    zigzag = (rssi << 1) ^ (rssi >> 31)
    return data(1, number(1, address) + number(2, zigzag) + number(3, address_type) + data(4, payload))


class FakeProxy:
    """Listens on a free port while in use. payloads are advertised once to each subscriber, by the device `first` and
    those that count up from it, from rssi down; after that, reset breaks the connection off as rudely as it can be.
    slots: how many there are, and the addresses that hold one."""

    def __init__(self, name=b"fake", version=b"2024.6.0", payloads=(), reset=False,
                 features=PASSIVE_SCAN | RAW_ADVERTISEMENTS, slots=(0, ()), first=FIRST_DEVICE, rssi=-60,
                 mac=b"02:00:00:00:00:01"):
        self.name, self.version, self.payloads, self.reset, self.features = name, version, payloads, reset, features
        self.slots, self.first, self.rssi, self.mac = slots, first, rssi, mac
        self.connections = 0
        self.received = []  # (kind, body) of each message

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        """It waits for nobody any more: else it would be the next one's listener that it goes on with, by the same number."""
        with contextlib.suppress(OSError):  # it is closed already
            self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def listen(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")

        def read_varint():
            value = shift = 0
            while True:
                byte = stream.read(1)[0]
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    return value

        try:
            while stream.read(1) == b"\0":
                size, kind = read_varint(), read_varint()
                body = stream.read(size)
                self.received.append((kind, body))
                self.handle(connection, kind, body)
                if kind == SUBSCRIBE and self.reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                if kind == DISCONNECT:
                    return
        except (OSError, IndexError):
            pass
        finally:
            stream.close()
            connection.close()

    def handle(self, connection, kind, _body):
        connection.sendall(self.answer(kind))

    def answer(self, kind):
        if kind == HELLO:
            return frame(HELLO_REPLY, number(1, 1) + number(2, 10) + data(3, self.version) + data(4, self.name))
        if kind == LOGIN:
            return frame(LOGIN_REPLY)
        if kind == PING:
            return frame(PING_REPLY)
        if kind == DISCONNECT:
            return frame(DISCONNECT_REPLY)
        if kind == INFO:
            return frame(INFO_REPLY, data(2, self.name) + data(3, self.mac) + data(4, self.version) +
                         data(6, self.name) + number(15, self.features))
        if kind == SUBSCRIBE_SLOTS:
            limit, held = self.slots
            return frame(SLOTS, number(1, limit - len(held)) + number(2, limit) + b"".join(number(3, a) for a in held))
        if kind == SUBSCRIBE:
            state = frame(SCANNER_STATE, number(1, 2)) if self.features & STATE_AND_MODE else b""
            return state + frame(RAW_REPORTS, b"".join(report(self.first + i, self.rssi - i, payload)
                                               for i, payload in enumerate(self.payloads)))
        return b""
