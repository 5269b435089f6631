# SPDX-License-Identifier: MIT
"""What all flavours of generated traces are made of: proxies, devices, and lines."""

from trace_payloads import Sender

MAX_EVENTS = 2500
STEP = 1 / 512  # exact in binary and in nanoseconds
STARTS = (0, 0.25, 5, 1000, 86_400 * 20, 4_000_000_000)
MISSING = (0, -128, -127, 127, 20)  # levels that are none


def exact(seconds):
    return round(seconds / STEP) * STEP


def random_address(rng, first):
    return ":".join(f"{octet:02X}" for octet in (first, *rng.randbytes(5)))


class Writer:
    """Lines in any order of time, and in the end in order."""

    def __init__(self, rng):
        self.rng = rng
        self.lines = []
        self.lower = rng.random() < 0.2  # some lines have their addresses in lower case

    def put(self, t, event, **more):
        for key in ("source", "address"):
            if self.lower and key in more and self.rng.random() < 0.5:
                more[key] = more[key].lower()
        self.lines.append({"t": t, "event": event, **more})

    def adv(self, t, proxy, device, rssi, raw):
        self.put(
            t,
            "adv",
            source=proxy.source,
            address=device.address,
            address_type=device.address_type,
            rssi=max(-128, min(127, round(rssi))),
            raw=raw.hex(),
        )

    def register(self, t, proxy):
        self.put(t, "register", source=proxy.source, connectable=proxy.connectable, mode=proxy.mode)

    def full(self):
        return len(self.lines) >= MAX_EVENTS

    def finish(self):
        return sorted(self.lines, key=lambda line: line["t"])[:MAX_EVENTS]


class Proxy:
    def __init__(self, rng, n):
        self.source = random_address(rng, 0xA0 + n)
        self.registered = False
        self.renew(rng)

    def renew(self, rng):
        """Makes it what it may be once it was flashed anew."""
        self.connectable = rng.random() < 0.7
        self.mode = rng.choice(("active", "active", "passive", "auto", None))


class Device:
    def __init__(self, rng, n):
        self.address = random_address(rng, 0xC0 | n % 64)
        self.address_type = rng.randrange(2)
        self.sender = Sender(rng, self.address)
