# SPDX-License-Identifier: MIT
"""A client of one virtual proxy, byte by byte, and the control socket through which it is told what befalls it."""
import contextlib
import os
import socket
import time

from support import PATIENCE_S, home, sim

HELLO = bytes.fromhex("0012010a0c6573702d632d636c69656e741001180f")
SUBSCRIBE, PING, GOODBYE = b"\0\2\x42\x08\x01", b"\0\0\7", b"\0\0\5"
UNKNOWN_READ = bytes.fromhex("0007490880808080e01f")
HELLO_RESPONSE, PING_RESPONSE, ERROR, ADVERTS, KEY_SET = 2, 8, 82, 93, 125


class Client:
    """Speaks plaintext to one proxy."""

    def __init__(self, address, *words):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE_S)
        self.received = b""
        for word in words:
            self.say(word)

    def say(self, bytes_):
        self.socket.sendall(bytes_)

    def more(self):
        part = self.socket.recv(65536)
        self.received += part
        return part

    def next(self, timeout=PATIENCE_S):
        """The next message as (type, payload); None at the end."""
        self.socket.settimeout(timeout)
        while True:
            try:
                assert self.received[0] == 0, self.received
                (size, at), kind = self.varint(1), None
                kind, at = self.varint(at)
                if len(self.received) >= at + size:
                    payload, self.received = self.received[at:at + size], self.received[at + size:]
                    return kind, payload
            except IndexError:
                pass
            if not self.more():
                return None

    def varint(self, at):
        value = shift = 0
        while True:
            value |= (self.received[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if self.received[at - 1] < 128:
                return value, at

    def wait_for(self, kind):
        while (message := self.next()) is not None:
            if message[0] == kind:
                return message[1]
        raise AssertionError(f"the connection ended before a message {kind}")

    def kinds_until_pong(self):
        """What else comes until the proxy answers a ping."""
        self.say(PING)
        kinds = set()
        while (message := self.next()) is not None and message[0] != PING_RESPONSE:
            kinds.add(message[0])
        return kinds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def set_key(text):
    return bytes([0, len(text) + 2, 124, 10, len(text)]) + text.encode()


class Control:
    """The control socket of one sim."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(path)
        self.lines = self.socket.makefile()

    def tell(self, line):
        """The answer: its lines, the last of which is "ok" or an error."""
        self.socket.sendall(line.encode() + b"\n")
        answer = []
        while not answer or not (answer[-1] == "ok" or answer[-1].startswith("error: ")):
            line = self.lines.readline()
            assert line, "the control socket was closed"
            answer.append(line.rstrip("\n"))
        return answer

    def do(self, line):
        assert self.tell(line) == ["ok"]

    def wait_for(self, word):
        """Until the only proxy is listed with that word."""
        end = time.monotonic() + PATIENCE_S
        while word not in self.tell("list")[0].split():
            assert time.monotonic() < end, f"it is never {word}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()


@contextlib.contextmanager
def controlled(*options, **more):
    """A virtual proxy and the way to tell it: (address, Control)."""
    path = os.path.join(home.name, "control")
    with sim("--control", path, *options, **more) as proxies, Control(path) as control:
        yield proxies[0], control


def give_key(address, text):
    with Client(address, HELLO, set_key(text)) as client:
        return client.wait_for(KEY_SET) == b"\x08\x01"
