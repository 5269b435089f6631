# SPDX-License-Identifier: MIT
"""A house full of devices, programs that are told of all of them, and what that costs."""
import contextlib
import os
import signal
import subprocess
import sys
import time

from support import DEVICE, HCI0, House, house, sim
from wire import METHOD_RETURN, Connection

FOLDER = os.path.dirname(os.path.abspath(__file__))
PROXIES = 20
ADVERTS_S = 5  # of each device
TARGET = HCI0 + "/dev_A4_C1_38_80_00_00"  # in each house of `bleproxy sim`
PAUSE_S = 0.1


def cpu_s(pid):
    """Of all its threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def memory_kib(pid, name="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


class Listener:
    """A program of its own that discovers, and drops all that it is told."""

    def __init__(self, address, *options):
        self.process = subprocess.Popen([sys.executable, os.path.join(FOLDER, "listener.py"), address, *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def wait(self):
        assert self.process.stdout.readline() == b"discovers\n"

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def finish(self):
        """How many signals it had, and how many bytes."""
        out, _ = self.process.communicate(timeout=60)
        return tuple(map(int, out.split()))

    def kill(self):
        self.process.kill()
        self.process.wait()


class Load:
    """What a program sees that connects to a device and leaves it, again and again."""

    def __init__(self, it: House, n_listeners, *options):
        self.it = it
        self.program = Connection(it.address)
        self.listeners = [Listener(it.address, *options) for _ in range(n_listeners)]
        for listener in self.listeners:
            listener.wait()
        end = time.monotonic() + 60
        while self.call("org.freedesktop.DBus.Properties", "Get", "ss", DEVICE, "Connected").kind != METHOD_RETURN:
            assert time.monotonic() < end, "the device was never heard"
            self.idle()

    def call(self, interface, member, *arguments):
        return self.program.bluez(TARGET, interface, member, *arguments)

    def idle(self, seconds=PAUSE_S):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.program.socket.settimeout(left)
            self.program.receive()

    def connect_ms(self):
        begun = time.monotonic()
        answer = self.call(DEVICE, "Connect")
        taken = (time.monotonic() - begun) * 1000
        assert answer.kind == METHOD_RETURN, answer.body
        assert self.call(DEVICE, "Disconnect").kind == METHOD_RETURN
        return taken

    def watch(self, seconds):
        """What it costs in that time."""
        daemon, bus = self.it.daemon.pid, self.it.bus.pid
        begun, before, bus_before, times = time.monotonic(), cpu_s(daemon), cpu_s(bus), []
        while time.monotonic() < begun + seconds:
            times.append(self.connect_ms())
            self.idle()
        passed = time.monotonic() - begun
        return {"connect_ms": sorted(times), "cpu": (cpu_s(daemon) - before) / passed, "bus_cpu": (cpu_s(bus) - bus_before) / passed,
                "rss_kib": memory_kib(daemon), "bus_rss_kib": memory_kib(bus)}

    def close(self):
        for listener in self.listeners:
            listener.kill()
        self.program.close()


@contextlib.contextmanager
def many_devices(n_devices, payload="changing"):
    """bleproxyd with proxies that hear devices of their own, and one more with those that can be connected to, which answer
    at once."""
    with contextlib.ExitStack() as stack:
        proxies = []
        for seed in range(2, 2 + PROXIES):
            proxies += stack.enter_context(sim("--payload", payload, "--devices", str(n_devices // PROXIES), "--seed", str(seed),
                                               "--rate", str(n_devices // PROXIES * ADVERTS_S)))
        proxies += stack.enter_context(sim("--latency", "0"))
        yield stack.enter_context(house(*proxies))
