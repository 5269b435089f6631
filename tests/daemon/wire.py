# SPDX-License-Identifier: MIT
"""D-Bus by hand: for programs under a load that a library of Python's could not take, and for values that none would send."""
import os
import socket
import struct
import time

METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, UNIX_FDS = range(1, 10)
BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
FIXED = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d", "h": "I"}
ALIGNMENT = {"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "x": 8, "t": 8, "d": 8, "(": 8, "{": 8}
RECEIVE, FDS = 1 << 18, 253


def first_type(signature):
    """The first complete type of it."""
    end = 0
    while signature[end] == "a":
        end += 1
    if signature[end] in "({":
        depth = 0
        while True:
            depth += (signature[end] in "({") - (signature[end] in ")}")
            if depth == 0:
                break
            end += 1
    return signature[:end + 1]


def types(signature):
    while signature:
        one = first_type(signature)
        yield one
        signature = signature[len(one):]


def pad(out, alignment):
    out += bytes(-len(out) % alignment)


def put(out, kind, value):
    """Appends a value; variants are (type, value), dictionaries are lists of pairs, or such."""
    pad(out, ALIGNMENT.get(kind[0], 4))
    if kind in FIXED:
        out += struct.pack("<" + FIXED[kind], value)
    elif kind in "sog":
        text = value.encode() if isinstance(value, str) else value
        out += struct.pack("<B" if kind == "g" else "<I", len(text)) + text + b"\0"
    elif kind == "v":
        put(out, "g", value[0])
        put(out, value[0], value[1])
    elif kind[0] == "a":
        at = len(out)
        out += bytes(4)
        pad(out, ALIGNMENT.get(kind[1], 4))
        begin = len(out)
        if kind == "ay":
            out += bytes(value)
        else:
            for item in value.items() if isinstance(value, dict) else value:
                put(out, kind[1:], item)
        struct.pack_into("<I", out, at, len(out) - begin)
    else:
        for part, item in zip(types(kind[1:-1]), value):
            put(out, part, item)


def message(kind, serial, fields, signature="", values=(), flags=0):
    body = bytearray()
    for one, value in zip(types(signature), values):
        put(body, one, value)
    if signature:
        fields = fields + [(SIGNATURE, ("g", signature))]
    head = bytearray(struct.pack("<cBBBII", b"l", kind, flags, 1, len(body), serial))
    put(head, "a(yv)", fields)
    pad(head, 8)
    return bytes(head + body)


class Message:
    """What has come: its fields by number; the body as it is."""

    def __init__(self, raw):
        self.kind, self.flags, (self.body_size, self.serial) = raw[1], raw[2], struct.unpack_from("<II", raw, 4)
        self.fields, at, end = {}, 16, 16 + struct.unpack_from("<I", raw, 12)[0]
        while at < end:
            at += -at % 8
            field, kind = raw[at], chr(raw[at + 2])
            at += 4
            if kind in "so":
                size = struct.unpack_from("<I", raw, at)[0]
                self.fields[field] = raw[at + 4:at + 4 + size].decode()
                at += 5 + size
            elif kind == "g":
                self.fields[field] = raw[at + 1:at + 1 + raw[at]].decode()
                at += 2 + raw[at]
            else:
                self.fields[field] = struct.unpack_from("<I", raw, at)[0]
                at += 4
        self.body = raw[len(raw) - self.body_size:]


class Connection:
    """A program on the bus at that address, as in unix:path=... ."""

    def __init__(self, address, timeout=60, buffer=None):
        self.socket = socket.socket(socket.AF_UNIX)
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address.removeprefix("unix:path="))
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n")
        self.read_line()
        self.socket.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        self.read_line()
        self.socket.sendall(b"BEGIN\r\n")
        self.serial, self.rest, self.taken, self.timeout = 0, b"", [], timeout
        self.fds = []  # that have come with messages
        self.name = self.ask("Hello").body[4:-1].decode()

    def read_line(self):
        line = b""
        while not line.endswith(b"\r\n"):
            line += self.socket.recv(1)
        assert line.startswith((b"OK", b"AGREE_UNIX_FD")), line

    def send(self, destination, path, interface, member, signature="", *values, flags=0, fds=()):
        """The serial number of the call."""
        self.serial += 1
        fields = [(PATH, ("o", path)), (MEMBER, ("s", member)), (DESTINATION, ("s", destination))]
        if interface:
            fields.append((INTERFACE, ("s", interface)))
        if fds:
            fields.append((UNIX_FDS, ("u", len(fds))))
        raw = message(METHOD_CALL, self.serial, fields, signature, values, flags)
        sent = socket.send_fds(self.socket, [raw], list(fds)) if fds else 0
        self.socket.sendall(raw[sent:])
        return self.serial

    def take(self):
        """The messages that are here already, as bytes, but questions whether we are there: these are answered."""
        at, have, taken = 0, len(self.rest), []
        while have - at >= 16:
            body, _, fields = struct.unpack_from("<III", self.rest, at + 4)
            size = 16 + fields + -fields % 8 + body
            if have - at < size:
                break
            raw = self.rest[at:at + size]
            at += size
            if raw[1] == METHOD_CALL and b"org.freedesktop.DBus.Peer\0" in raw:
                self.answer(Message(raw))
            else:
                taken.append(raw)
        self.rest = self.rest[at:]
        return taken

    def answer(self, call, kind=METHOD_RETURN, fields=(), signature="", values=()):
        self.serial += 1
        to = [(REPLY_SERIAL, ("u", call.serial)), (DESTINATION, ("s", call.fields[SENDER]))]
        self.socket.sendall(message(kind, self.serial, to + list(fields), signature, values))

    def fill(self):
        """Waits for more; TimeoutError: not within the time allowed. ConnectionError: the bus has cut us off."""
        part, fds, _, _ = socket.recv_fds(self.socket, RECEIVE, FDS)
        self.fds += fds
        if not part:
            raise ConnectionError("the bus has cut us off")
        self.rest += part

    def receive(self):
        """The next message; None: not within the time allowed."""
        while not self.taken:
            self.taken = self.take()
            if not self.taken:
                try:
                    self.fill()
                except TimeoutError:
                    return None
        return Message(self.taken.pop(0))

    def wait(self, serial, timeout=None):
        """The answer to that call; what else comes is dropped."""
        end = time.monotonic() + (timeout or self.timeout)
        while True:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            got = self.receive()
            assert got, f"no answer within {timeout or self.timeout} s"
            if got.kind in (METHOD_RETURN, ERROR) and got.fields.get(REPLY_SERIAL) == serial:
                return got

    def call(self, *arguments, timeout=None, **more):
        return self.wait(self.send(*arguments, **more), timeout)

    def ask(self, member, signature="", *values):
        return self.call(*BUS, member, signature, *values)

    def bluez(self, path, interface, member, signature="", *values, **more):
        return self.call("org.bluez", path, interface, member, signature, *values, **more)

    def close(self):
        self.socket.close()
        for fd in self.fds:
            os.close(fd)
