# SPDX-License-Identifier: MIT
"""Messages that aioesphomeapi's protobuf classes encode decode here to the same values, and ours decode there."""

import json
import random
import subprocess

import pytest
from aioesphomeapi import api_pb2
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from google.protobuf.descriptor import FieldDescriptor as F
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

import protobuf_wire
from harness import SIZE, program

RAW_ADVERTISEMENTS = 93
ADDRESS_MASK = (1 << 48) - 1
ROUNDS = int(100 * SIZE)
# protobuf-c's names for types, in its enum's order. Enums are open and varints either way; strings may be declared
# as bytes, because they may hold NUL.
SAME = {
    F.TYPE_INT32: {0}, F.TYPE_SINT32: {1}, F.TYPE_SFIXED32: {2}, F.TYPE_INT64: {3}, F.TYPE_SINT64: {4},
    F.TYPE_SFIXED64: {5}, F.TYPE_UINT32: {6}, F.TYPE_FIXED32: {7}, F.TYPE_UINT64: {8}, F.TYPE_FIXED64: {9},
    F.TYPE_FLOAT: {10}, F.TYPE_DOUBLE: {11}, F.TYPE_BOOL: {12}, F.TYPE_ENUM: {0, 6, 13}, F.TYPE_STRING: {14, 15},
    F.TYPE_BYTES: {15}, F.TYPE_MESSAGE: {16},
}  # fmt: skip


def codec(lines):
    """The tool's answer to each line."""
    done = subprocess.run(
        [program("tests/interop/codec")],
        input="".join(line + "\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == len(lines)
    return answers


SCHEMA = {}


def schema():
    """Our schema by type: {"name", "fields": {"1": {"name", "type", "repeated", "fields"}}}."""
    if not SCHEMA:
        SCHEMA.update((int(number), message) for number, message in json.loads(codec(["schema"])[0]).items())
    return SCHEMA


def restrict(message, fields):
    """Drops from a message what our schema does not have, at every depth, unknown fields too."""
    message.DiscardUnknownFields()
    for field, value in message.ListFields():
        ours = fields.get(str(field.number))
        if ours is None:
            message.ClearField(field.name)
        elif field.type == F.TYPE_MESSAGE:
            for inner in value if field.is_repeated else [value]:
                restrict(inner, ours["fields"])
    return message


def mistyped(message, fields):
    """Whether a field that our schema has came with another wire type than its own."""
    if any(str(unknown.field_number) in fields for unknown in UnknownFieldSet(message)):
        return True
    return any(
        mistyped(inner, fields[str(field.number)]["fields"])
        for field, value in message.ListFields()
        if field.type == F.TYPE_MESSAGE and str(field.number) in fields
        for inner in (value if field.is_repeated else [value])
    )


def take_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def doubled(data, fields):
    """Whether a sub-message that may be given once is given twice: upb merges the two, in protobuf-c the second wins.
    data is a message that upb accepts."""
    at, seen = 0, set()
    while at < len(data):
        key, at = take_varint(data, at)
        number, wire_type = str(key >> 3 & 0x1FFFFFFF), key & 7
        if wire_type == 2:
            size, at = take_varint(data, at)
            field = fields.get(number)
            if field and field["fields"] is not None:
                if (number in seen and not field["repeated"]) or doubled(data[at : at + size], field["fields"]):
                    return True
                seen.add(number)
            at += size
        elif wire_type == 0:
            _, at = take_varint(data, at)
        elif wire_type in (1, 5):
            at += 8 if wire_type == 1 else 4
        else:
            return False  # a group, which nobody sends: protobuf-c refuses it
    return False


def parse(cls, data, fields):
    return restrict(cls.FromString(data), fields)


def answered(answer):
    assert answer.startswith("ok"), answer
    return bytes.fromhex(answer[3:])


def test_the_schema_is_theirs():
    """Same numbers, names and types, wherever ours has a message or field at all."""

    def compare(path, fields, descriptor):
        for number, ours in fields.items():
            theirs = descriptor.fields_by_number.get(int(number))
            assert theirs is not None, f"{path} has no field {number}"
            where = f"{path}.{theirs.name}"
            assert ours["name"] == theirs.name, where
            assert ours["repeated"] == theirs.is_repeated, where
            assert ours["type"] in SAME[theirs.type], where
            if ours["fields"] is not None:
                compare(where, ours["fields"], theirs.message_type)

    assert schema()
    for number, ours in schema().items():
        compare(ours["name"], ours["fields"], MESSAGE_TYPE_TO_PROTO[number].DESCRIPTOR)


def test_the_bluetooth_messages_are_complete():
    """Of what a Bluetooth proxy speaks, nothing is missing."""
    for number, cls in MESSAGE_TYPE_TO_PROTO.items():
        if number in schema() and "Bluetooth" in cls.__name__:
            theirs = {str(field.number) for field in cls.DESCRIPTOR.fields}
            assert theirs == set(schema()[number]["fields"]), cls.__name__


def both_ways(seed, number, rounds):
    """Requests for the tool with the message that each stands for."""
    rng = random.Random(f"{seed} {number}")
    cls = MESSAGE_TYPE_TO_PROTO[number]
    for turn in range(rounds):
        message = protobuf_wire.randomise(rng, cls())
        data = message.SerializeToString() if turn % 2 == 0 else protobuf_wire.encode(rng, message)
        yield data, message


def test_every_message_decodes_and_encodes_to_the_same_values():
    cases = [(number, data, message) for number in schema() for data, message in both_ways("recode", number, ROUNDS)]
    answers = codec([f"recode {number} {data.hex()}" for number, data, _ in cases])
    for (number, data, message), answer in zip(cases, answers, strict=True):
        fields = schema()[number]["fields"]
        cls = MESSAGE_TYPE_TO_PROTO[number]
        assert parse(cls, data, fields) == restrict(message, fields)
        assert parse(cls, answered(answer), fields) == message, (cls.__name__, data.hex())


def test_raw_advertisements_through_the_cursor():
    cls = api_pb2.BluetoothLERawAdvertisementsResponse
    cases = []
    rng = random.Random("batch")
    for turn in range(10 * ROUNDS):
        message = cls()
        for _ in range(rng.randint(0, 20)):
            advert = message.advertisements.add()
            advert.address = rng.getrandbits(48)
            advert.rssi = rng.randint(-128, 127)
            advert.address_type = rng.choice((0, 1, 2, 3, 77))
            advert.data = rng.randbytes(rng.randint(0, 62))
        data = message.SerializeToString() if turn % 2 == 0 else protobuf_wire.encode(rng, message)
        cases.append((data, message))
    for (data, message), answer in zip(cases, codec([f"batch {data.hex()}" for data, _ in cases]), strict=True):
        assert cls.FromString(answered(answer)) == message, data.hex()


def damage(rng, data):
    damaged = bytearray(data[: rng.randint(0, len(data))] if rng.random() < 0.5 else data)
    for _ in range(rng.randint(1, 3)):
        if damaged:
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


@pytest.mark.parametrize("request_line", ["recode", "batch"])
def test_damaged_messages_mean_the_same_if_anything(request_line):
    """What both still accept after damage has the same values.

    Except where damage gave a known field another wire type: upb then skips it, protobuf-c refuses it or, for a bool,
    takes it; and where it doubled a sub-message.
    """
    rng = random.Random(f"damage {request_line}")
    cases = [
        (number, damage(rng, data))
        for number in (schema() if request_line == "recode" else [RAW_ADVERTISEMENTS])
        for data, _ in both_ways(request_line, number, 2 * ROUNDS)
    ]
    template = "recode {} {}" if request_line == "recode" else "batch {1}"
    answers = codec([template.format(number, data.hex()) for number, data in cases])
    accepted = 0
    for (number, data), answer in zip(cases, answers, strict=True):
        cls = MESSAGE_TYPE_TO_PROTO[number]
        fields = schema()[number]["fields"]
        assert answer == "malformed" or answer.startswith("ok"), answer
        try:
            theirs = cls.FromString(data)
        except DecodeError:
            continue
        if request_line == "recode" and (answer == "malformed" or mistyped(theirs, fields) or doubled(data, fields)):
            continue
        restrict(theirs, fields)
        if request_line == "batch":
            for advert in theirs.advertisements:
                advert.address &= ADDRESS_MASK
        assert parse(cls, answered(answer), fields) == theirs, (cls.__name__, data.hex())
        accepted += 1
    assert accepted > len(cases) // 10
