# SPDX-License-Identifier: MIT
"""Flavours of generated traces: scenes that aim at thresholds and ties, which no house meets often enough."""

from trace_payloads import manufacturer
from trace_world import MISSING, STARTS, STEP, Device, Proxy, Writer, exact

SWEEP = 300
LATTICE = 30  # of a scanner's timers
EXPIRY = 195
SILENCE = 90
WOBBLE = 5
STALE = 900
ALIVE = manufacturer(0x0059, b"alive")
OWNERS = (-46, -50, -69, -70, -71, -90)
APART = (-40, -22, -17, -16, -15, 0, 1, 15, 16, 17, 22, 23, 29, 40)
FALLBACKS = (0, 1, 2, 10, 25, 40, 55, 115, 295, 355, 395, 595, 895, 1195, 5000)
GAPS = (0, 0, STEP, 1, 4, 7, 10, 25, 55)


class Stage:
    """Some proxies, each kept awake by a device of its own, and a few devices."""

    def __init__(self, rng):
        self.rng = rng
        self.writer = Writer(rng)
        self.t = self.start = rng.choice(STARTS)
        self.proxies = [Proxy(rng, n) for n in range(rng.choice((2, 3, 3, 4)))]
        self.devices = []
        self.writer.put(self.t, "tick")
        for n, proxy in enumerate(self.proxies):
            proxy.awake = rng.random() < 0.9
            proxy.keeper = Device(rng, 40 + n)
            self.register(proxy, self.t + rng.choice((0, 0, 7.5, 15, 30, 75)))
        self.go(self.t + 75)

    def register(self, proxy, t):
        proxy.registered = True
        proxy.since = t
        self.writer.register(t, proxy)

    def go(self, t):
        """There, the proxies that are awake hearing something on the way."""
        wake = self.t + 60
        while wake < t and not self.writer.full():
            for proxy in self.proxies:
                if proxy.awake:
                    self.writer.adv(wake, proxy, proxy.keeper, -60, ALIVE)
            wake += 60
        self.t = max(t, self.t)

    def wait(self, seconds):
        """About that long: a step more or less makes the difference."""
        self.go(self.t + max(0, exact(seconds) + self.rng.choice((-STEP, 0, 0, 0, STEP))))

    def adv(self, proxy, device, level):
        raw, _ = device.sender.packet(proxy.mode != "passive")
        if self.rng.random() < 0.05:
            level = self.rng.choice(MISSING)
        self.writer.adv(self.t, proxy, device, level, raw)

    def levels(self):
        """An owner's, and a challenger's."""
        owner = self.rng.choice(OWNERS)
        return owner, owner + self.rng.choice(APART)

    def cast(self, strange=0.3):
        """Two proxies and a device, with that probability one that was never heard."""
        if not self.devices or self.rng.random() < strange:
            device = Device(self.rng, len(self.devices))
            device.fallback = device.learned = None
            self.devices = [*self.devices[-2:], device]
            return *self.rng.sample(self.proxies, 2), device
        return *self.rng.sample(self.proxies, 2), self.rng.choice(self.devices)

    def window(self, device):
        """How long its owner may be silent, if it is as the stage believes."""
        known = [seconds for seconds in (device.fallback, device.learned) if seconds]
        return self.rng.choice(known) + WOBBLE if known and self.rng.random() < 0.9 else STALE

    def tie(self, since, period, seconds):
        """The next moment from which so many seconds later a timer of that period is due."""
        ahead = -(self.t - since + seconds) % period
        return self.t + ahead

    # The scenes

    def duel(self):
        """A challenger comes after an owner's silence."""
        owner, challenger, device = self.cast(strange=0.5)
        strong, other = self.levels()
        choice = self.rng.random()
        if choice < 0.5:
            self.fall_back(device)
        if 0.4 < choice < 0.6:
            self.train(device, owner, self.rng.choice(GAPS))
        self.adv(owner, device, strong)
        if self.rng.random() < 0.6:
            self.adv(challenger, device, other)
            self.adv(owner, device, strong)
        window = self.window(device)
        self.wait(self.rng.choice((0, window, 1.5 * window, 1.5 * window, 2 * window, 2 * window, 2.5 * window, STALE)))
        for _ in range(self.rng.choice((1, 1, 2, 8))):
            self.adv(challenger, device, other)
            self.wait(self.rng.choice((0, 1)))

    def roam(self):
        """A challenger as good as a weak owner comes after its silence."""
        owner, challenger, device = self.cast(strange=0.8)
        self.fall_back(device)
        level = self.rng.choice((-69, -70, -71, -71, -90))
        other = level + self.rng.choice((-17, -16, -15, 0, 1))
        if self.rng.random() < 0.2:
            self.train(device, owner, 0)
        for _ in range(self.rng.choice((0, 0, 1))):
            self.adv(challenger, device, other)
        self.adv(owner, device, level)
        self.wait(self.rng.choice((1, 1.5, 1.5, 2, 2.5)) * ((device.fallback or STALE - WOBBLE) + WOBBLE))
        self.adv(challenger, device, other)

    def reclaim(self):
        """The owner loses a device by signal, and wants it back."""
        owner, challenger, device = self.cast()
        strong, other = self.levels()
        for _ in range(self.rng.choice((1, 3, 12))):
            self.adv(owner, device, strong)
            self.adv(challenger, device, other)
        winner = other + self.rng.choice((15, 16, 17, 22, 23))
        for _ in range(self.rng.choice((1, 4, 20))):
            self.wait(self.rng.choice((0, 1)))
            self.adv(owner, device, winner)
            if self.rng.random() < 0.7:
                self.adv(challenger, device, other)

    def balance(self):
        """Signals are apart by a threshold to the last bit: a change by ten moves the smoothed signal by three."""
        owner, challenger, device = self.cast(strange=1)
        strong = self.rng.randint(-110, -45)
        margin = self.rng.choice((16, 22))
        ahead = self.rng.choice((1, 17, 20, 23))
        first, second = strong, strong + ahead
        self.adv(owner, device, first)
        self.adv(challenger, device, second)
        if ahead > 16:
            first, second, owner, challenger = second, first, challenger, owner
        drop = self.rng.randint(-6, 1)
        rise, rest = divmod(first - 3 * -drop + margin - second, 3)
        self.adv(owner, device, first + 10 * drop)
        for _ in range(1 + rest):
            self.adv(challenger, device, second + 10 * rise)

    def mumble(self):
        """Reports without a signal before, between and after those of others."""
        owner, challenger, device = self.cast()
        strong, other = self.levels()
        self.adv(owner, device, self.rng.choice((0, strong)))
        for level in self.rng.choice(((0, other), (other, 0), (0,), (other,))):
            self.adv(challenger, device, level)
        for _ in range(self.rng.choice((0, 8))):
            self.adv(owner, device, -100)
        self.adv(challenger, device, self.rng.choice((0, other)))

    def triangle(self):
        """One proxy owns a device, two others compete for connections to it, and one of these comes close."""
        owner, challenger, device = self.cast(strange=0.7)
        third = self.rng.choice([proxy for proxy in self.proxies if proxy is not owner])
        able = [proxy for proxy in self.proxies if proxy.connectable]
        if 2 <= len(able) < len(self.proxies):
            owner = self.rng.choice([proxy for proxy in self.proxies if proxy not in able])
            challenger, third = self.rng.sample(able, 2)
        for level, proxy in ((-60, owner), (-90, challenger), (-70, third), (-60, owner)):
            self.adv(proxy, device, level)
        self.wait(self.rng.choice((0, 1)))
        for _ in range(12):
            self.adv(challenger, device, -60 + self.rng.choice((17, 20, 22, 24)))

    def train(self, device, proxy, gap):
        """Enough advertisements for the interval to be known, or one less."""
        level, longest = self.rng.choice(OWNERS), self.rng.randrange(40)
        for n in range(self.rng.choice((15, 16, 16, 17))):
            self.adv(proxy, device, level)
            self.go(self.t + gap + (3 if n == longest else 0))
        device.learned = gap + (3 if longest < 15 else 0)

    def interrupt(self):
        """The same, but for what comes between them."""
        owner, other, device = self.cast()
        gap = self.rng.choice(GAPS)
        self.train(device, owner, gap)
        self.rng.choice((self.pause, self.leave, self.duel, lambda: self.adv(other, device, -40)))()
        self.train(device, self.rng.choice((owner, other)), gap)

    def fall_back(self, device=None):
        device = device or self.cast(strange=0.1)[-1]
        device.fallback = self.rng.choice(FALLBACKS)
        self.writer.put(self.t, "fallback_interval", address=device.address, seconds=device.fallback)

    def expire(self):
        """A proxy forgets a device, or does not yet, and hears it again."""
        proxy, other, device = self.cast()
        self.go(self.tie(proxy.since, LATTICE, EXPIRY))
        self.wait(0)
        self.adv(proxy, device, self.rng.choice(OWNERS))
        self.go(self.t + EXPIRY + self.rng.choice((0, STEP, 1, LATTICE, LATTICE + 1)))
        self.adv(self.rng.choice((proxy, other)), device, self.rng.choice(OWNERS))

    def fall_silent(self):
        """A proxy hears nothing, for so long that a weak challenger wins, or not quite."""
        owner, challenger, device = self.cast()
        awake, owner.awake = owner.awake, False
        self.go(self.tie(owner.since, LATTICE, SILENCE))
        self.wait(0)
        self.adv(owner, device, -50)
        if self.rng.random() < 0.5:
            self.adv(challenger, device, -90)
        if self.rng.random() < 0.2:
            self.pause()
        self.go(self.t + SILENCE + self.rng.choice((0, STEP, 1, LATTICE, LATTICE + 1)))
        self.adv(challenger, device, -90)
        owner.awake = awake

    def disappear(self):
        """A device is not heard until a sweep misses it, or does not yet."""
        proxy, other, device = self.cast()
        choice = self.rng.random()
        if choice < 0.3:
            self.fall_back(device)
        if 0.2 < choice < 0.4:
            self.train(device, proxy, self.rng.choice((0, 0, 7)))
        limit = self.rng.choice((self.window(device), EXPIRY, EXPIRY + 15, EXPIRY + LATTICE))
        self.go(self.tie(self.start, SWEEP, limit))
        self.wait(0)
        for heard in self.rng.choice(((proxy,), (proxy, other))):
            self.adv(heard, device, self.rng.choice(OWNERS))
        self.go(self.t + min(limit, 5000) + self.rng.choice((0, STEP, SWEEP)))
        if self.rng.random() < 0.7:
            self.adv(self.rng.choice((proxy, other)), device, self.rng.choice(OWNERS))

    def pause(self):
        """A connect attempt holds a proxy, and another one hears its devices."""
        owner, challenger, device = self.cast()
        self.adv(owner, device, -50)
        self.writer.put(self.t, "paused", source=owner.source, count=1)
        self.wait(self.rng.choice((0, 1, LATTICE)))
        self.adv(self.rng.choice((owner, challenger)), device, -90)
        if self.rng.random() < 0.3:
            self.writer.put(self.t, "paused", source=owner.source, count=self.rng.randrange(2))
        self.wait(self.rng.choice((0, 1, LATTICE)))
        self.writer.put(self.t, "paused", source=owner.source, count=0)
        self.adv(self.rng.choice((owner, challenger)), device, self.rng.choice(OWNERS))

    def leave(self):
        """A proxy goes and comes back, as it was or as another one."""
        owner, challenger, device = self.cast()
        if self.rng.random() < 0.5:
            self.adv(owner, device, -50)
            self.adv(challenger, device, -60)
            self.adv(owner, device, self.rng.choice((0, -50)))
        self.writer.put(self.t, "unregister", source=owner.source)
        if self.rng.random() < 0.6:
            self.wait(self.rng.choice((0, 1, 15, SWEEP)))
            self.adv(self.rng.choice((owner, challenger, challenger)), device, self.rng.choice(OWNERS))
        if self.rng.random() < 0.3:
            owner.renew(self.rng)
        self.register(owner, self.t)
        self.wait(self.rng.choice((0, 1)))
        self.adv(self.rng.choice((owner, challenger)), device, self.rng.choice(OWNERS))

    def argue(self):
        """Proxies hear a device say different things."""
        *_, device = self.cast()
        for _ in range(self.rng.randint(2, 20)):
            proxy = self.rng.choice(self.proxies)
            self.adv(proxy, device, -60 + self.rng.choice((0, 0, 0, 17)))
            self.wait(self.rng.choice((0, 0, 1)))

    def doze(self):
        """Some proxies hear nothing of their own any more, others do again; time passes."""
        for proxy in self.proxies:
            if self.rng.random() < 0.3:
                proxy.awake = not proxy.awake
        self.wait(self.rng.choice((1, 15, SILENCE, EXPIRY, SWEEP, STALE, 3600)))


SIGNALS = (Stage.balance, Stage.mumble, Stage.triangle, Stage.reclaim, Stage.leave, Stage.pause)
TIMERS = (Stage.expire, Stage.fall_silent, Stage.disappear, Stage.fall_back)
FLAVOURS = {
    "duels": (Stage.duel, Stage.duel, Stage.roam, Stage.roam, Stage.interrupt, Stage.fall_back),
    "signals": (*SIGNALS, Stage.balance),
    "timers": (*TIMERS, Stage.disappear),
    "mixed": (*SIGNALS, *TIMERS, Stage.duel, Stage.roam, Stage.roam, Stage.interrupt, Stage.argue, Stage.doze),
}


def play(rng, flavour):
    """The lines of scenes until they are enough."""
    stage = Stage(rng)
    length = rng.choice((20, 200, 800, 2500))
    while len(stage.writer.lines) < length:
        rng.choice(FLAVOURS[flavour])(stage)
    stage.go(stage.t + rng.choice((0, SWEEP, 1800)))
    stage.writer.put(stage.t, "tick")
    return stage.writer.finish()
