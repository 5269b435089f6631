# SPDX-License-Identifier: MIT
"""Flavours of generated traces: houses in which devices advertise, move and sleep, and proxies come and go."""

import dataclasses

from trace_world import MAX_EVENTS, MISSING, STARTS, STEP, Device, Proxy, Writer, exact

FAINTEST = -98


@dataclasses.dataclass(frozen=True)
class House:
    """What it is made of, and how likely things are to happen with each advertisement of a device."""

    proxies: tuple  # at least, at most
    devices: tuple
    hours: float
    intervals: tuple
    speeds: tuple = (0,)  # metres per second
    steady: float = 0.3  # how many devices are heard with values that are thresholds apart
    moves: float = 0  # a proxy leaves, or comes back
    silences: float = 0
    pauses: float = 0


HOUSES = {
    "flapping": House((2, 3), (1, 6), 1, (0.1, 0.5, 1, 2), steady=0.7, moves=0.002, pauses=0.005),
    "sleepers": House((1, 4), (2, 8), 48, (60, 300, 600, 1800, 5400), moves=0.01, silences=0.02, pauses=0.01),
    "roaming": House((3, 6), (1, 8), 6, (1, 4, 10, 30), (0.02, 0.2, 1), steady=0, silences=0.004, pauses=0.004),
    "churn": House((2, 6), (2, 12), 4, (2, 10, 40), moves=0.05, silences=0.03, pauses=0.05),
    "strangers": House((1, 5), (20, 50), 3, (1, 5, 30, 200), (0, 0.1), moves=0.005, silences=0.005, pauses=0.005),
}


class Inhabitant(Device):
    def __init__(self, rng, n, house):
        super().__init__(rng, n)
        self.place = rng.uniform(0, 20), rng.uniform(0, 20)
        self.speed = rng.choice(house.speeds)
        self.interval = exact(rng.choice(house.intervals) * rng.choice((1, 1, 1, rng.uniform(0.7, 1.4))))
        self.jitter = rng.choice((0, 0, 0.1)) * self.interval
        self.noise = rng.choice((1, 3, 6))
        self.steady = {} if rng.random() < house.steady else None  # the level at each proxy
        self.at_once = rng.random() < 0.5  # all proxies hear it at the same time
        self.gone_until = 0


class Life:
    """What happens in one house."""

    def __init__(self, rng, house):
        self.rng = rng
        self.house = house
        self.writer = Writer(rng)
        self.length = rng.choice((200, 800, MAX_EVENTS))
        self.t = rng.choice(STARTS)
        self.end = self.t + house.hours * 3600
        self.proxies = [Proxy(rng, n) for n in range(rng.randint(*house.proxies))]
        self.devices = [Inhabitant(rng, n, house) for n in range(rng.randint(*house.devices))]
        self.due = {device: self.t + exact(rng.uniform(0, device.interval)) for device in self.devices}
        self.writer.put(self.t, "tick")
        for proxy in self.proxies:
            proxy.place = rng.uniform(0, 20), rng.uniform(0, 20)
            proxy.silent_until = 0
            self.register(proxy, self.t + exact(rng.choice((0, 0, 0.5, 15, 45))))

    def chance(self, probability):
        return self.rng.random() < probability

    def register(self, proxy, t):
        proxy.registered = True
        self.writer.register(t, proxy)

    def level(self, proxy, device):
        if self.chance(0.004):
            return self.rng.choice(MISSING)
        if device.steady is None:
            distance = sum((a - b) ** 2 for a, b in zip(proxy.place, device.place, strict=True)) ** 0.5
            return -42 - 2.5 * distance + self.rng.gauss(0, device.noise)
        apart = (0, 0, 15, 16, 17, 22, 23, -16, -17)
        base = device.steady.setdefault(proxy, self.rng.choice((-50, -67, -70, -71)) + self.rng.choice(apart))
        return base + self.rng.choice((0, 0, 0, 0, 0, 0, 0, 1, -1, 30))

    def advertise(self, device):
        shared = device.sender.packet(True) if self.chance(0.7) else None
        self.rng.shuffle(self.proxies)
        for proxy in self.proxies:
            level = self.level(proxy, device)
            if level < FAINTEST or self.t < proxy.silent_until or self.chance(0.1 if proxy.registered else 0.9):
                continue
            raw, alone = shared or device.sender.packet(proxy.mode != "passive")
            t = self.t + (0 if device.at_once else self.rng.randrange(40) * STEP)
            self.writer.adv(t, proxy, device, level, raw)
            if alone:
                break
            if self.chance(0.02):
                self.writer.adv(t, proxy, device, self.level(proxy, device), raw)
        if self.chance(0.01):
            device.gone_until = self.t + self.rng.choice((30, 200, 500, 1300, 3000))

    def move(self, device, elapsed):
        span = min(device.speed * elapsed, 6)
        if span:
            device.place = tuple(min(25, max(-5, x + self.rng.uniform(-span, span))) for x in device.place)

    def come_or_go(self, proxy):
        if proxy.registered:
            proxy.registered = False
            self.writer.put(self.t, "unregister", source=proxy.source)
        if self.chance(0.7):
            if self.chance(0.3):
                proxy.renew(self.rng)
            self.register(proxy, self.t + exact(self.rng.choice((0, 0, 3, 15))))

    def happen(self):
        rng, proxy, device = self.rng, self.rng.choice(self.proxies), self.rng.choice(self.devices)
        if self.chance(self.house.moves):
            self.come_or_go(proxy)
        if self.chance(self.house.pauses):
            self.writer.put(self.t, "paused", source=proxy.source, count=1)
            self.writer.put(self.t + rng.choice((0.5, 2, 20, 35, 100)), "paused", source=proxy.source, count=0)
        if self.chance(self.house.silences):
            proxy.silent_until = self.t + rng.choice((60, 91, 125, 240, 900))
        if self.chance(0.01):
            seconds = rng.choice((0, 0.5, 2, 10, device.interval, 295, 1800, 86_400 * 7))
            self.writer.put(self.t, "fallback_interval", address=device.address, seconds=seconds)
        if self.chance(0.005):
            self.writer.put(self.t, "tick")
        if self.chance(0.005) and proxy.registered:
            self.writer.register(self.t, proxy)

    def play(self):
        while len(self.writer.lines) < self.length:
            device = min(self.due, key=self.due.get)
            self.move(device, self.due[device] - self.t)
            self.t = self.due[device]
            if self.t > self.end:
                break
            self.happen()
            if self.t >= device.gone_until:
                self.advertise(device)
            pause = device.interval + self.rng.uniform(0, device.jitter)
            self.due[device] = max(self.t + max(STEP, exact(pause)), device.gone_until)
        if self.chance(0.5):
            self.writer.put(self.t + self.rng.choice((300, 1500, 7200)), "tick")
        return self.writer.finish()
