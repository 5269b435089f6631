# SPDX-License-Identifier: MIT
"""Advertising data, well formed, mutated and random, says here what bluetooth-data-tools reads in it."""

import json
import random

from bluetooth_data_tools import parse_advertisement_data_bytes

from harness import SIZE
from test_codec import codec

ROUNDS = int(20_000 * SIZE)
KNOWN = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x16, 0x20, 0x21, 0xFF)
NAMES = (
    b"",
    b"lamp",
    b"K\xc3\xbcche",
    b"bad\xff\xfeutf8",
    b"\xe6\xb8",
    b"\xf0\x9f\xa6\x8a",
    b"\xed\xa0\x80",
    b"a\x00b",
    b"\xc0\xaf",
)
BASE = bytes.fromhex("fb349b5f8000008000100000")  # of the Bluetooth base UUID, least significant first


def structure(rng):
    kind = rng.choice(KNOWN) if rng.random() < 0.8 else rng.randrange(256)
    body = (
        rng.choice(NAMES) if kind in (0x08, 0x09) else rng.randbytes(rng.choice((0, 1, 2, 3, 4, 5, 8, 16, 17, 20, 32)))
    )
    if kind in (0x06, 0x07, 0x21) and rng.random() < 0.5:
        body = BASE + rng.randbytes(4) + body  # a short UUID written in full
    if kind in (0x16, 0xFF, 0x20, 0x02, 0x03) and rng.random() < 0.5:
        body = bytes([rng.randrange(3), 0, 0, 0])[: rng.randint(2, 4)] + body  # keys that repeat
    return bytes([len(body) + 1, kind]) + body


def payload(rng):
    choice = rng.random()
    if choice < 0.15:
        return rng.randbytes(rng.randint(0, 62))
    data = bytearray(b"".join(structure(rng) for _ in range(rng.randint(0, 6))))
    if choice < 0.4 and data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 2, 0xFF, rng.randrange(256)))
    if choice < 0.5:
        del data[rng.randint(0, len(data)) :]
    if choice > 0.9:
        data[rng.randint(0, len(data)) : 0] = bytes(rng.randint(1, 5))
    return bytes(data)


def theirs(data):
    name, uuids, service_data, manufacturer_data, tx_power = parse_advertisement_data_bytes(data)
    return {
        "name": None if name is None else name.encode().hex(),
        "tx_power": tx_power,
        "truncated": False,
        "service_uuids": uuids,
        "service_data": [(uuid, value.hex()) for uuid, value in service_data.items()],
        "manufacturer_data": [(str(company), value.hex()) for company, value in manufacturer_data.items()],
    }


def test_same_fields_in_the_same_order():
    rng = random.Random("ad")
    cases = [payload(rng) for _ in range(ROUNDS)]
    for data, answer in zip(cases, codec([f"ad {data.hex()}" for data in cases]), strict=True):
        ours = json.loads(answer)
        ours["service_data"] = list(ours["service_data"].items())
        ours["manufacturer_data"] = list(ours["manufacturer_data"].items())
        assert ours == theirs(data), data.hex()
