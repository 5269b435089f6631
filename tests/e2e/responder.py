#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""An ESPHome device as multicast DNS sees it, written from the RFCs and not from our code: answers, announces, says goodbye.

usage: responder.py [--mac MAC] NAME PORT ADDRESS...

On standard input: "announce", "address ADDRESS..." (it now has these, and announces them), "silent" (answers no more),
"quit" (without a goodbye). SIGTERM: goodbye. Says "ready" when it can be asked, and answers each command with a line.
"""
import ipaddress
import select
import signal
import socket
import struct
import sys

GROUP4, GROUP6, PORT = "224.0.0.251", "ff02::fb", 5353
A, PTR, TXT, AAAA, SRV, ANY = 1, 12, 16, 28, 33, 255
SERVICE = "_esphomelib._tcp.local"
TEXT = {"friendly_name": "The Kitchen", "version": "2026.8.0", "mac": "a4c138000001", "platform": "ESP32",
        "board": "esp32dev", "network": "wifi", "api_encryption": "Noise_NNpsk0_25519_ChaChaPoly_SHA256"}


def wire(name):
    return b"".join(bytes([len(label)]) + label for label in name.encode().split(b".")) + b"\0"


def read_name(message, at):
    labels, end = [], None
    while message[at]:
        if message[at] >= 0xc0:
            end = end or at + 2
            at = (message[at] & 0x3f) << 8 | message[at + 1]
            continue
        labels.append(message[at + 1:at + 1 + message[at]].decode())
        at += 1 + message[at]
    return ".".join(labels), end or at + 1


class Device:
    def __init__(self, name, port, addresses):
        self.instance, self.host, self.port = f"{name}.{SERVICE}", f"{name}.local", port
        self.addresses = [ipaddress.ip_address(address) for address in addresses]
        self.silent = False

    def records(self):
        text = b"".join(bytes([len(key) + 1 + len(value)]) + f"{key}={value}".encode() for key, value in TEXT.items())
        yield SERVICE, PTR, 4500, False, wire(self.instance)
        yield self.instance, SRV, 120, True, struct.pack(">HHH", 0, 0, self.port) + wire(self.host)
        yield self.instance, TXT, 4500, True, text
        for address in self.addresses:
            yield self.host, A if address.version == 4 else AAAA, 120, True, address.packed

    def response(self, wanted=None, number=0, question=b"", legacy=False, goodbye=False):
        """wanted: whether a name and a type are asked for. Of a service all else comes along."""
        records = list(self.records())
        asked = [record for record in records if wanted is None or wanted(record[0], record[1])]
        if not asked:
            return None
        more = [record for record in records if record not in asked] if wanted and asked[0][1] == PTR else []
        body = b""
        for name, kind, ttl, unique, data in asked + more:
            ttl = 0 if goodbye else min(ttl, 10) if legacy else ttl
            body += wire(name) + struct.pack(">HHIH", kind, 1 | (unique and not legacy) << 15, ttl, len(data)) + data
        return struct.pack(">HHHHHH", number, 0x8400, bool(question), len(asked), 0, len(more)) + question + body

    def answer(self, message, legacy):
        number, flags, n_questions = struct.unpack(">HHH", message[:6])
        if flags & 0x8000 or self.silent:
            return None
        questions, at = [], 12
        for _ in range(n_questions):
            name, at = read_name(message, at)
            questions.append((name.lower(), *struct.unpack(">HH", message[at:at + 4])))
            at += 4

        def wanted(name, kind):
            return any(name.lower() == asked and kind in (of, A if of == ANY else of) for asked, of, _ in questions)
        echo = b"".join(wire(name) + struct.pack(">HH", kind, 1) for name, kind, _ in questions[:1])
        return self.response(wanted, number if legacy else 0, echo if legacy else b"", legacy)


class Sockets:
    """One for each interface and family, joined to the group there."""

    def __init__(self):
        self.all = {}
        for index, name in socket.if_nameindex():
            for family in (socket.AF_INET, socket.AF_INET6):
                try:
                    self.all[self.open(index, name, family)] = (family, index)
                except OSError:
                    pass  # no address of that family

    @staticmethod
    def open(index, name, family):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
        if family == socket.AF_INET:
            membership = socket.inet_aton(GROUP4) + struct.pack("=4si", b"", index)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", b"", b"", index))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            membership = socket.inet_pton(socket.AF_INET6, GROUP6) + struct.pack("=i", index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.bind(("", PORT))
        return sock

    def multicast(self, message):
        for sock, (family, index) in self.all.items():
            try:
                sock.sendto(message, (GROUP4, PORT) if family == socket.AF_INET else (GROUP6, PORT, 0, index))
            except OSError:
                pass


def main():
    if sys.argv[1] == "--mac":
        TEXT["mac"] = sys.argv[2]
        del sys.argv[1:3]
    device = Device(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
    sockets = Sockets()

    def leave(*_):
        sockets.multicast(device.response(goodbye=True))
        sys.exit(0)
    signal.signal(signal.SIGTERM, leave)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([sys.stdin, *sockets.all], [], [])
        for source in readable:
            if source is sys.stdin:
                command, *arguments = sys.stdin.readline().split() or ["quit"]
                if command == "quit":
                    return
                if command == "address":
                    device.addresses = [ipaddress.ip_address(address) for address in arguments]
                device.silent = command == "silent"
                if command in ("announce", "address"):
                    sockets.multicast(device.response())
                print(command, flush=True)
                continue
            message, sender = source.recvfrom(9000)
            legacy = sender[1] != PORT
            answer = device.answer(message, legacy)
            if answer and legacy:
                source.sendto(answer, sender)
            elif answer:
                sockets.multicast(answer)


if __name__ == "__main__":
    main()
