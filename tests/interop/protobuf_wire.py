# SPDX-License-Identifier: MIT
"""Random messages of any protobuf class, and their many equivalent encodings on the wire."""

import struct

from google.protobuf.descriptor import FieldDescriptor as F

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LARGE = (0, 1, 127, 128, 255, 16384, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xA4C138112233, (1 << 63) - 1, (1 << 64) - 1)
TEXT = ("", "a", "vproxy", "Küche", "naïve café", "温度計", "🦊", "x\x00y", "\x1b[31m", "z" * 300)


def _random_scalar(rng, field):
    kind = field.type
    if kind in (F.TYPE_BOOL,):
        return rng.random() < 0.5
    if kind in (F.TYPE_STRING,):
        return rng.choice(TEXT)
    if kind in (F.TYPE_BYTES,):
        return rng.randbytes(rng.choice((0, 1, 2, 31, 62, 300)))
    if kind in (F.TYPE_FLOAT,):
        return struct.unpack("<f", struct.pack("<f", rng.uniform(-1e6, 1e6)))[0]
    if kind in (F.TYPE_DOUBLE,):
        return rng.uniform(-1e9, 1e9)
    if kind in (F.TYPE_ENUM,):
        return rng.choice([value.number for value in field.enum_type.values] + [99])
    number = rng.choice(LARGE) if rng.random() < 0.5 else rng.getrandbits(rng.randint(1, 64))
    if kind in (F.TYPE_UINT32, F.TYPE_FIXED32):
        return number & 0xFFFFFFFF
    if kind in (F.TYPE_UINT64, F.TYPE_FIXED64):
        return number
    if kind in (F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32):
        return ((number & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000
    return (number ^ (1 << 63)) - (1 << 63)


def randomise(rng, message, depth=0):
    """Fills a message with random values; nested messages at most four deep."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.3:
            continue
        count = rng.choice((0, 1, 2, 3, 17)) if field.is_repeated else 1
        if field.type == F.TYPE_MESSAGE:
            for _ in range(count if depth < 4 else 0):
                inner = getattr(message, field.name)
                inner = inner.add() if field.is_repeated else inner
                inner.SetInParent()
                randomise(rng, inner, depth + 1)
        elif field.is_repeated:
            getattr(message, field.name).extend(_random_scalar(rng, field) for _ in range(count))
        else:
            setattr(message, field.name, _random_scalar(rng, field))
    return message


def varint(number, width=1):
    """Base-128; width asks for more bytes than needed, as some encoders pad."""
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 127 or len(out) + 1 < width:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def tag(number, wire_type):
    return varint(number << 3 | wire_type)


def _scalar(kind, value):
    """The wire type of a field's scalar and its bytes."""
    if kind in (F.TYPE_SINT32, F.TYPE_SINT64):
        return VARINT, varint(value << 1 if value >= 0 else (-value << 1) - 1)
    if kind == F.TYPE_FLOAT:
        return FIXED32, struct.pack("<f", value)
    if kind == F.TYPE_DOUBLE:
        return FIXED64, struct.pack("<d", value)
    if kind in (F.TYPE_FIXED32, F.TYPE_SFIXED32):
        return FIXED32, struct.pack("<I", value & 0xFFFFFFFF)
    if kind in (F.TYPE_FIXED64, F.TYPE_SFIXED64):
        return FIXED64, struct.pack("<Q", value & (1 << 64) - 1)
    if kind == F.TYPE_STRING:
        value = value.encode()
    if kind in (F.TYPE_STRING, F.TYPE_BYTES):
        return BYTES, varint(len(value)) + value
    return VARINT, varint(int(value))


def _unknown(rng):
    number = rng.choice((200, 1000, 18999, (1 << 29) - 1))
    return rng.choice(
        (
            tag(number, VARINT) + varint(rng.getrandbits(64)),
            tag(number, FIXED64) + rng.randbytes(8),
            tag(number, FIXED32) + rng.randbytes(4),
            tag(number, BYTES) + varint(3) + rng.randbytes(3),
        )
    )


def _pieces(rng, field, values):
    """The encoding of one field as pieces that must stay in order."""
    if field.type == F.TYPE_MESSAGE:
        for value in values:
            inner = encode(rng, value)
            yield tag(field.number, BYTES) + varint(len(inner)) + inner
        return
    scalars = [_scalar(field.type, value) for value in values]
    packable = field.is_repeated and field.type not in (F.TYPE_STRING, F.TYPE_BYTES)
    while scalars:
        if packable and rng.random() < 0.5:
            n = rng.randint(1, len(scalars))
            body = b"".join(body for _, body in scalars[:n])
            yield tag(field.number, BYTES) + varint(len(body)) + body
            scalars = scalars[n:]
        else:
            wire_type, body = scalars.pop(0)
            yield tag(field.number, wire_type) + body


def encode(rng, message):
    """A valid encoding of message: fields in any order, repeated scalars packed or not or partly, unknown fields."""
    runs = []
    for field, value in message.ListFields():
        runs.append(list(_pieces(rng, field, value if field.is_repeated else [value])))
    if rng.random() < 0.5:
        runs.append([_unknown(rng)])
    out = bytearray()
    while runs:
        run = rng.choice(runs)
        out += run.pop(0)
        if not run:
            runs.remove(run)
    return bytes(out)
