# SPDX-License-Identifier: MIT
"""What bleproxyd needs for 1,000 devices that advertise five times a second, each to one of 20 proxies: nobody discovers;
six programs do; one of these is stopped. And how long Connect takes a seventh, of a device that answers at once.

Called by scripts/bench --daemon. It and the virtual proxies and the programs share the machine.
"""
import contextlib
import os
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "tests", "daemon"))
# pylint: disable=wrong-import-position
from load import Load, cpu_s, many_devices, memory_kib
from support import home

N_DEVICES, N_LISTENERS, SECONDS, STOPPED_S = 1000, 6, 20, 180
HEAD = "| | CPU | the bus's CPU | Connect, median / 90 % / longest | memory | the bus's memory |\n|---|---|---|---|---|---|"


def row(what, seen):
    times = seen.get("connect_ms")
    took = f"{times[len(times) // 2]:.1f} / {times[len(times) * 9 // 10]:.1f} / {times[-1]:.0f} ms" if times else ""
    print(f"| {what} | {seen['cpu'] * 100:.1f} % | {seen['bus_cpu'] * 100:.1f} % | {took} | {seen['rss_kib'] / 1024:.1f} MiB | "
          f"{seen['bus_rss_kib'] / 1024:.1f} MiB |", flush=True)


def idle(it):
    daemon, bus = it.daemon.pid, it.bus.pid
    begun, before, bus_before = time.monotonic(), cpu_s(daemon), cpu_s(bus)
    time.sleep(SECONDS)
    passed = time.monotonic() - begun
    return {"cpu": (cpu_s(daemon) - before) / passed, "bus_cpu": (cpu_s(bus) - bus_before) / passed,
            "rss_kib": memory_kib(daemon), "bus_rss_kib": memory_kib(bus)}


for payload in ("repeat", "changing"):
    print(f"\nPayloads: {payload}\n\n{HEAD}")
    with many_devices(N_DEVICES, payload) as it:
        row("nobody discovers", idle(it))
        with contextlib.closing(Load(it, N_LISTENERS)) as load:
            row("six programs discover", load.watch(SECONDS))
            load.listeners[0].stop()
            stopped_s = STOPPED_S if payload == "changing" else SECONDS
            row(f"one of them is stopped for {stopped_s} s", load.watch(stopped_s))
            load.listeners[0].go_on()
            row("it reads again", load.watch(SECONDS))
home.cleanup()
