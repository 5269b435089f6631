# SPDX-License-Identifier: MIT
"""The two framings of the native API, from the proxy's side."""

import base64

from noise.connection import NoiseConnection

PATTERN = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
PROLOGUE = b"NoiseAPIInit\0\0"


class Plaintext:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def start(self, proxy):
        pass

    async def varint(self):
        value = shift = 0
        while True:
            byte = (await self.reader.readexactly(1))[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    async def receive(self):
        assert await self.reader.readexactly(1) == b"\0"
        size = await self.varint()
        kind = await self.varint()
        return kind, await self.reader.readexactly(size)

    def send(self, kind, payload):
        def varint(value):
            return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])

        self.writer.write(b"\0" + varint(len(payload)) + varint(kind) + payload)


class Encrypted:
    def __init__(self, reader, writer, psk):
        self.reader, self.writer = reader, writer
        self.noise = NoiseConnection.from_name(PATTERN)
        self.noise.set_as_responder()
        self.noise.set_psks(base64.b64decode(psk))
        self.noise.set_prologue(PROLOGUE)

    async def frame(self):
        assert await self.reader.readexactly(1) == b"\1"
        return await self.reader.readexactly(int.from_bytes(await self.reader.readexactly(2), "big"))

    def write(self, body):
        self.writer.write(b"\1" + len(body).to_bytes(2, "big") + body)

    async def start(self, proxy):
        assert await self.frame() == b""
        self.write(b"\1" + proxy.name.encode() + b"\0" + proxy.mac.replace(":", "").lower().encode() + b"\0")
        self.noise.start_handshake()
        first = await self.frame()
        assert first[0] == 0
        self.noise.read_message(first[1:])
        self.write(b"\0" + bytes(self.noise.write_message()))

    async def receive(self):
        plain = bytes(self.noise.decrypt(await self.frame()))
        size = int.from_bytes(plain[2:4], "big")
        return int.from_bytes(plain[:2], "big"), plain[4 : 4 + size]

    def send(self, kind, payload):
        header = kind.to_bytes(2, "big") + len(payload).to_bytes(2, "big")
        self.write(bytes(self.noise.encrypt(header + payload)))
