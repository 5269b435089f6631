#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fifty virtual proxies with faults on real sockets: a scan of all of them needs no more of anything after a while.
BLEPROXY_SOAK_S says how long that is; a quarter of it is for warming up."""
import os
import signal
import subprocess
import time

from support import BLEPROXY, LIMIT_S, PATIENCE_S, environment, main, own, sim

SOAK_S = float(os.environ.get("BLEPROXY_SOAK_S", "120"))
PROXIES = 50
SPARE_DESCRIPTORS = PROXIES + 16  # a socket for each proxy that is being tried again while the old one is closed
SPARE_MEMORY = 1.3


class Sample:
    """What the process has now."""

    def __init__(self, pid):
        names = os.listdir(f"/proc/{pid}/fd")
        self.descriptors = len(names)
        self.threads = len(os.listdir(f"/proc/{pid}/task"))
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            self.memory = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        self.cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_fifty_proxies_with_faults():
    # Freed memory that the sanitizer keeps back would look like growth.
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=16"
    with sim("--faults", count=PROXIES) as proxies:
        scan = own(subprocess.Popen([BLEPROXY, "scan", "--json", *(word for proxy in proxies for word in ("-p", proxy))],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    env=environment(ASAN_OPTIONS=options)))
        time.sleep(SOAK_S / 4)
        begun, samples = time.monotonic(), []
        while time.monotonic() < begun + SOAK_S * 3 / 4:
            samples.append(Sample(scan.pid))
            time.sleep(min(1.0, SOAK_S / 40))
        assert scan.poll() is None, "it ended"
        scan.send_signal(signal.SIGINT)
        assert scan.wait(PATIENCE_S) == 130
    first, last = samples[: len(samples) // 3], samples[-len(samples) // 3:]
    most = lambda part, name: max(getattr(sample, name) for sample in part)
    print("# %d samples: %d to %d descriptors, %.1f to %.1f MB, %d threads, %.1f s of CPU" % (
        len(samples), min(s.descriptors for s in samples), most(samples, "descriptors"),
        samples[0].memory / 1e6, samples[-1].memory / 1e6, most(samples, "threads"),
        samples[-1].cpu_s - samples[0].cpu_s))
    assert most(samples, "descriptors") <= PROXIES + SPARE_DESCRIPTORS
    assert most(last, "descriptors") <= most(first, "descriptors") + 16
    assert most(last, "memory") <= most(first, "memory") * SPARE_MEMORY
    assert most(samples, "threads") <= 2
    assert samples[-1].cpu_s - samples[0].cpu_s <= SOAK_S / 2  # no timer fires without end


main(globals(), SOAK_S + LIMIT_S)
