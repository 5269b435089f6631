# SPDX-License-Identifier: MIT
"""What a client program does with a house of virtual proxies, in a process of its own. It prints a line of JSON for each
thing that it has done: {"did": STEP, ...}. In this order:

    adapter    name                  the adapter's, as hci0
    by_name    address               the device found by its name
    by_service address               the device found by a service that it advertises
    connected
    services   uuids
    read       value                 in hexadecimal digits, as all values
    wrote      value                 what is read after 400 bytes were written
    notified   numbers               the first two bytes of each of 200 notifications
    disconnected
    lost                             the device hung up on it
    again      value                 read after it connected anew
    ready                            connected; now the proxy is made to reboot
    rebooted                         it was told that the connection is lost
    survived   value                 read after it found and connected the device anew
"""
import json
import os
import queue
import subprocess
import threading
import time

PATIENCE_S = 90
UART = "6e40{}-b5a3-f393-e0a9-e50e24dcca9e"
OWN = "5f1e{}-7b0a-4c6d-9e21-3d8a60c4b517"
STORE, BURST, VALUE, HANG_UP = UART.format("0004"), UART.format("0005"), OWN.format("0021"), OWN.format("0023")
# What each client is given.
ARGUMENTS = ["Virtual UART", UART.format("0001"), STORE, BURST, "Virtual Quitter", VALUE, HANG_UP]
WRITTEN = bytes(i % 251 for i in range(400))
N_NOTIFICATIONS = 200
STEPS = ["adapter", "by_name", "by_service", "connected", "services", "read", "wrote", "notified", "disconnected",
         "lost", "again", "ready", "rebooted", "survived"]


class Client:
    """A program that prints lines of JSON. What it says on standard error is shown when it fails."""

    def __init__(self, command, log, **more):
        self.log = log
        self.last = None
        self.lines = queue.Queue()
        # Not of the threads' doing, which may end late: a file.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                                        **more)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-8000:]

    def next(self, seconds):
        """The next line; None at the end."""
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"nothing more after {self.last!r}; on standard error: {self.said()}") from None
        self.last = line and json.loads(line)
        return self.last

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def travel(command, log, reboot, **more):
    """Runs a client through all of it; reboot() makes the proxy do that. {step: what was printed}."""
    client = Client([*command, *ARGUMENTS], log, **more)
    done, end = {}, time.monotonic() + PATIENCE_S
    try:
        while (line := client.next(max(0, end - time.monotonic()))) is not None:
            assert line["did"] == STEPS[len(done)], f"{line} instead of {STEPS[len(done)]}: {client.said()}"
            done[line["did"]] = line
            if line["did"] == "ready":
                reboot()
        code = client.process.wait(PATIENCE_S)
        assert code == 0 and len(done) == len(STEPS), f"exit code {code} after {[*done][-1:]}: {client.said()}"
    finally:
        client.close()
    return done


def check(done, in_order=True):
    """All of it was as it should be. in_order: the program's library hands notifications on in the order of their coming."""
    assert done["adapter"]["name"] == "hci0", done["adapter"]
    assert done["by_name"]["address"].upper() == done["by_service"]["address"].upper()
    uuids = [uuid.lower() for uuid in done["services"]["uuids"]]
    assert uuids.count(UART.format("0001")) == 1 and len(uuids) >= 1, uuids
    assert done["read"]["value"] == "00", done["read"]
    assert done["wrote"]["value"] == WRITTEN.hex(), done["wrote"]
    numbers = done["notified"]["numbers"]
    assert (numbers if in_order else sorted(numbers)) == list(range(N_NOTIFICATIONS)), done["notified"]
    assert done["again"]["value"] == b"still here".hex(), done["again"]
    assert done["survived"]["value"] == WRITTEN.hex(), done["survived"]


def environment_of(bus):
    """For programs that look for BlueZ on that bus."""
    return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus, "PYTHONDONTWRITEBYTECODE": "1", "TERM": "dumb"}
