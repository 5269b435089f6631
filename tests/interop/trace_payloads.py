# SPDX-License-Identifier: MIT
"""What the devices of generated traces send: real payloads, and those that nobody should send.

habluetooth merges lists of service UUIDs through a set, whose order differs from run to run, and compares lists in
order. A list goes through the set when it is not empty and differs from the one that the proxy had, an empty one
included. What depends on that order is left out by what a device sends: each packet the same list; or never more than
one UUID, as often as it likes; or lists with a new UUID each, that go to one proxy each, once. Two lists of the same
UUIDs are then never compared, unless neither went through a set or they are one.
"""

import itertools

from bluetooth_data_tools import parse_advertisement_data_bytes

MAX_RAW = 1650
MAX_NAME = 248  # bytes of UTF-8; a longer one is cut there by bleproxy
MAX_MERGED = 2500  # well below what bleproxy keeps of a device, however it counts
MAX_ROTATIONS = 24  # of UUIDs and manufacturer ids

REAL = [
    bytes.fromhex(text)
    for text in (
        "02011a020a0c0bff4c001006421dd63f4f78",
        "0201020909613235626430643911070000cdc4c6eaeeb6c845adad33b3d639",
        "0201050716feff0900ff10",
        "020104030307fe14ffa705060012702500ca00000800000000000000020a00",
        "020104030307fe18ff9705060016702500ca00000800000000000000020a00",
        "12211a020a050aff06326b0352000104090004",
        "030841420309434403084546",
        "020a80",
        "030a0102",
        "0316aabb",
        "0216aa",
        "0403aabbcc",
        "0520010203fe",
        "0000020106",
        "00",
        "0309",
        "02ff01",
        "02011a020a050aff4c0010050a1c77f95b0201",
        "0200ff02010603094142",
        "02011a0eff4c000f059000c962d610022004020a00",
        "02011a020a0c0aff4c0010050a1484face",
        "0201060303121810094c4f4f4b696e5f39384633333046330319c103",
        "02011a1aff4c000215fda50693a4e24fb1afcfc6eb0764782500010002c5",
        "02010609ff4c0006310081d0ab",
        "0201061bff750042040180608c02a1f9008ea2f9008d01000000000000",
        "1216d2fc40002e02ca0803c10a0c7e0b13000a",
        "0201061516955858585b05a4c1380000000d1004be00ee0101",
    )
]
APPLE = [
    bytes.fromhex(text)
    for text in ("0f059000c962d6", "10062a1d", "1219" + 25 * "a5", "0215" + 21 * "07", "0631", "11", "07", "")
]
NAMES = [
    ["Onv", "Onvis", "Onvis XXX", "Donkey", "onv", "ONVIS", "Onvis xxx", "Do"],
    ["Straße", "Strasse", "STRASSE", "Straß", "Stras", "Strase", "STRAẞE", "Straßen"],
    ["İzmir", "i̇zmir", "izmir", "IZMIR", "İ", "i̇", "i"],
    ["ﬁn", "fin", "FIN", "ﬁ", "f", "fi", "ﬃ", "ffi", "ﬀ"],
    ["Σίσυφος", "ΣΊΣΥΦΟΣ", "σίσυφοσ", "Σίσυφ", "ΐ", "ΐ"],
    ["Kelvin", "\u212aelvin", "kelvin", "\u017fensor", "sensor", "Sensor", "\u212b", "å", "Å"],
    ["ŉ", "ʼn", "ʼN", "ǰ", "ǰ", "և", "եւ", "ԵՒ"],
    ["Ꭰ", "ꭰ", "ᏸ", "Ᏸ", "ᲀ", "В", "в", "Ა", "ა"],
    ["𐐀𐐁", "𐐨𐐩", "𐐀", "𞤀", "𞤢", "Ⓐ", "ⓐ", "Ａ", "ａ"],
    ["a\0b", "a\0", "A\0B", "a", "\0", "\x1b[31mred", "\x1b[31mRED", '"quoted\\', "tab\there", "\u2028", "\x7f", " "],
    ["GVH5075_1234", "GVH5075_", "GVH5075_1234 ", "gvh5075_1234", "🦊", "🦊🦊", "e\u0301", "é"],
]
# Letters whose case is the same in every Unicode since version 14.
BLOCKS = (
    (0x41, 0x19A),
    (0x19C, 0x24F),
    (0x370, 0x3FF),
    (0x400, 0x52F),
    (0x531, 0x58F),
    (0x10A0, 0x10FF),
    (0x13A0, 0x13FD),
    (0x1E00, 0x1FFF),
    (0x2C00, 0x2C5F),
    (0x2C80, 0x2CE3),
    (0xA640, 0xA69D),
    (0xAB70, 0xABBF),
    (0xFB00, 0xFB17),
    (0xFF21, 0xFF5A),
    (0x10400, 0x1044F),
    (0x118A0, 0x118DF),
)
INVALID = [
    b"\xff\xfe",
    b"bad\xff",
    b"\xe6\xb8",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xf4\x90\x80\x80",
    b"lamp\xc3",
    b"\x80" * 30,
]


def structure(kind, body):
    return bytes([len(body) + 1, kind]) + body


def uuids(shorts):
    return structure(0x03, b"".join(short.to_bytes(2, "little") for short in shorts))


def manufacturer(company, value):
    return structure(0xFF, company.to_bytes(2, "little") + value)


def service(short, value):
    return structure(0x16, short.to_bytes(2, "little") + value)


def named(name, short=False):
    return structure(0x08 if short else 0x09, name if isinstance(name, bytes) else name.encode())


def any_name(rng):
    """Letters, and something like them in another case."""
    letters = "".join(chr(rng.randint(*rng.choice(BLOCKS))) for _ in range(rng.randint(1, 12)))
    return rng.choice((letters, letters.upper(), letters.lower(), letters.swapcase(), letters.casefold(), letters[:-1]))


def family(rng, address):
    """The names that one device goes by."""
    if rng.random() < 0.2:
        base = any_name(rng)
        names = [base, base.upper(), base.lower(), base.casefold(), base + "x", any_name(rng)]
        names.append(base[: rng.randint(0, len(base))])
    else:
        names = list(rng.choice(NAMES))
        rng.shuffle(names)
        names = names[: rng.randint(1, 8)]
    if rng.random() < 0.2:
        names += [address, address.lower(), address[:-1], address + "x"]
    names = [name.encode() for name in names if name]
    return names + rng.sample(INVALID, 2) if rng.random() < 0.15 else names


class Sender:
    """What one device sends. packet() tells whether only one proxy may get it."""

    def __init__(self, rng, address):
        self.rng = rng
        self.list = None  # the service UUIDs of the first packet
        self.only = set()  # the one UUID, unless that list has several
        self.kept = {}  # bytes that are merged, for each part of a payload
        self.fresh = itertools.count(0x3000)
        self.n = rng.randrange(256)
        kind, weights = zip(*KINDS, strict=True)
        self.kind = rng.choices(kind, weights)[0]
        self.names = family(rng, address)
        self.pool = [raw for raw in self.kind(self) if self.admits(raw)] or [b"\2\1\6"]
        self.counts = self.kind is counter or rng.random() < 0.1
        self.sticky = rng.choice((0.0, 0.5, 0.9, 1.0))  # how often it says the same again
        self.last = self.pool[0]

    def admits(self, raw):
        if len(raw) > MAX_RAW:
            return False
        name, found, service_data, manufacturer_data, _ = parse_advertisement_data_bytes(raw)
        if len((name or "").encode()) > MAX_NAME:
            return False
        if not self.fits(found):
            return False
        kept = dict(self.kept)
        for key, value in itertools.chain(service_data.items(), manufacturer_data.items()):
            kept[key] = max(kept.get(key, 0), 20 + len(value))
        if sum(kept.values()) + 16 * len(found) > MAX_MERGED:
            return False
        self.kept = kept
        self.list = found if self.list is None else self.list
        self.only.update(found)
        return True

    def fits(self, found):
        if self.list is None:
            return True
        if len(set(self.list)) > 1:
            return found == self.list
        return len(self.only.union(found)) <= 1

    def packet(self, active):
        """The bytes, and whether they are for one proxy only; who is active hears scan responses, too."""
        if self.kind is grower and self.rng.random() < 0.4:
            number = next(self.fresh)
            if number < 0x3000 + MAX_ROTATIONS:
                base = [0x2FFF] if self.rng.random() < 0.5 else []
                return uuids([*base, number]) + self.rng.choice((b"", named(b"grower"))), True
        if self.rng.random() >= self.sticky:
            self.last = self.rng.choice(self.pool if active else self.pool[: (len(self.pool) + 1) // 2])
            self.n += 1
        if self.counts and self.last and len(self.last) > 3:
            raw = self.last[:-1] + bytes([self.n % 256])
            return (raw if self.admits(raw) else self.last), False
        return self.last, False


def real(sender):
    """Two or three things that do not belong together."""
    return sender.rng.sample(REAL, sender.rng.randint(1, 3))


def counter(sender):
    flags, short = b"\2\1\6", sender.rng.choice((0xFCD2, 0xFE95, 0xFFF0))
    body = sender.rng.randbytes(sender.rng.randint(1, 12))
    data = manufacturer(sender.rng.choice((0x0001, 0xEC88, 0x0969)), body)
    return [flags + service(short, body), flags + service(short, body) + named(sender.names[0]), flags + data]


def apple(sender):
    rng = sender.rng
    plain = [manufacturer(76, body) for body in rng.sample(APPLE, 3)]
    more = manufacturer(117, b"\1"), service(0xFD6F, b""), named(sender.names[0])
    return plain + rng.choice(([], *([plain[0] + one] for one in more), [more[2]]))


def govee(sender):
    """Data in the advertisement, and a scan response that has the name only."""
    data = b"\2\1\6" + uuids([0xEC88]) + manufacturer(0xEC88, b"\0" + sender.rng.randbytes(4))
    return [data, named(sender.names[0])]


def names(sender):
    """Many names, and now and then none."""
    rng = sender.rng
    extra = b"" if rng.random() < 0.5 else manufacturer(0x0499, b"\5")
    raws = [named(name, rng.random() < 0.3) + extra for name in sender.names]
    return [*raws, b"\2\1\6" + extra] if rng.random() < 0.6 else raws


def nameless(sender):
    return [manufacturer(0x0059, sender.rng.randbytes(n)) for n in (4, 4, 6)] + [named(sender.names[0])]


def rotator(sender):
    return [manufacturer(0x1000 + n, bytes([n])) for n in range(sender.rng.randint(2, MAX_ROTATIONS))]


def repeater(sender):
    """One service UUID: once, twice, thrice."""
    return [uuids([0x180F] * n) + service(0x180F, b"\x64") for n in (1, 2, 3)] + [named(sender.names[0])]


def grower(sender):
    return [b"\2\1\6", manufacturer(0x0157, b"\1"), named(sender.names[0])]


def fixed(sender):
    """The same UUIDs in each packet."""
    shorts = sender.rng.sample((0x180A, 0x180F, 0x1812, 0xFE07, 0xFEED), 3)
    if sender.rng.random() < 0.3:
        shorts.append(shorts[0])
    rest = [b"", service(0x180F, b"\x10"), service(0x181A, b"\1"), manufacturer(0x0059, b"\1"), named(sender.names[0])]
    return [uuids(shorts) + structures for structures in rest]


def large(sender):
    rng = sender.rng
    companies = b"".join(manufacturer(rng.randrange(65536), b"\7") for _ in range(rng.choice((40, 110))))
    return [companies, service(0xFE2C, bytes(rng.choice((1, 200)))), named("long " * rng.randint(1, 40)), b""]


def hostile(sender):
    """Truncated, mutated, random, padded, and doubled."""
    rng = sender.rng
    raws = []
    for _ in range(6):
        raw = bytearray(rng.choice(REAL))
        choice = rng.randrange(6)
        if choice == 0 and raw:
            raw[rng.randrange(len(raw))] = rng.choice((0, 1, 2, 0xFF, rng.randrange(256)))
        elif choice == 1:
            del raw[rng.randint(0, len(raw)) :]
        elif choice == 2:
            raw = rng.randbytes(rng.randint(0, 62))
        elif choice == 3:
            raw[rng.randint(0, len(raw)) : 0] = bytes(rng.randint(1, 5))
        elif choice == 4:
            raw = raw + raw + named(rng.choice(INVALID))
        else:
            raw = b""
        raws.append(bytes(raw))
    return raws


KINDS = (
    (real, 2),
    (counter, 3),
    (apple, 2),
    (govee, 3),
    (names, 4),
    (nameless, 1),
    (rotator, 1),
    (repeater, 1),
    (grower, 1),
    (fixed, 2),
    (large, 0.5),
    (hostile, 2),
)
