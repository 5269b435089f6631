# SPDX-License-Identifier: MIT
"""A house full of devices, programs that hear of all of them, and what it costs."""
import contextlib
import os
import signal
import subprocess
import sys
import time

from support import DEVICE, HCI0, path_of, sim
from wire import METHOD_RETURN, Connection

FOLDER = os.path.dirname(os.path.abspath(__file__))
TAG = 0xA4C1388000000  # placeholder


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
    """A program of its own that discovers and drops all that it hears."""

    def __init__(self, address, *options):
        self.process = subprocess.Popen([sys.executable, os.path.join(FOLDER, "listener.py"), address, *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
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
