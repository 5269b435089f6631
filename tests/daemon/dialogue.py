# SPDX-License-Identifier: MIT
"""A program that is spoken to on a terminal of its own."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from e2e import PATIENCE_S

SEQUENCE = re.compile(rb"\033\[[0-9;?]*[A-Za-z]|\x01|\x02|\r")


class Dialogue:
    def __init__(self, command, **more):
        self.terminal, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 4096, 0, 0))
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, **more)
        os.close(slave)
        self.raw, self.text = b"", ""

    def say(self, line):
        """What is printed from here on is its answer: returns where that begins."""
        place = len(self.text)
        line = line.encode() + b"\n"
        while line:
            line = line[os.write(self.terminal, line[:256]):]
            self.read(0)  # it may print what it is told, and wait until that is read
        return place

    def read(self, seconds):
        """False: there was nothing within that time."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return False
        try:
            part = os.read(self.terminal, 65536)
        except OSError:  # its other end is closed
            part = b""
        assert part, f"it ended after {self.text[-2000:]}"
        self.raw += part
        self.text = SEQUENCE.sub(b"", self.raw).decode(errors="replace")
        return True

    def wait_until(self, holds, after=0, what="it"):
        """What holds() makes of all that is printed behind that place, when that is something."""
        end = time.monotonic() + PATIENCE_S
        while not (found := holds(self.text[after:])):
            assert self.read(max(0, end - time.monotonic())), f"{what} is not printed, but {self.text[after:][-3000:]!r}"
        return found

    def wait_for(self, pattern, after=0):
        """The match of a line, or of part of it."""
        return self.wait_until(re.compile(pattern, re.MULTILINE).search, after, repr(pattern))

    def ask(self, line, pattern):
        return self.wait_for(pattern, after=self.say(line))

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
