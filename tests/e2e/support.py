# SPDX-License-Identifier: MIT
"""The built command under test, virtual proxies for it, and TAP."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback
import unicodedata

BLEPROXY = sys.argv[1]
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OTHER_KEY = "BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
PATIENCE_S = 60  # a deadline for what should take a moment, on a slow machine under sanitizers
# Of a whole test, so that the next one still has its turn; of a larger one more.
LIMIT_S = 8 * PATIENCE_S * int(os.environ.get("BLEPROXY_TEST_SIZE", "1"))

# What ends a command is not ignored by it because whoever runs the tests, in the background for instance, ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ending in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(ending, signal.SIG_DFL)

home = tempfile.TemporaryDirectory(prefix="bleproxy-e2e-")
sanitizers = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}


def environment(**more):
    """Nothing of the machine's own configuration, nor a bleproxyd of its; a runtime directory of this program's own, a state
    directory of the command's own."""
    return {"PATH": os.environ["PATH"], "HOME": home.name, "XDG_RUNTIME_DIR": home.name,
            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
            "XDG_STATE_HOME": tempfile.mkdtemp(dir=home.name), "TERM": "dumb", "LC_ALL": "C.UTF-8", **sanitizers, **more}


def elsewhere(name):
    """A runtime directory that another user or machine would have: no lock is shared."""
    path = os.path.join(home.name, name)
    os.makedirs(path, exist_ok=True)
    return path


def own_address(port=6053):
    """A loopback address that no other run of this program uses: who is started there again finds it free."""
    return f"127.{os.getpid() >> 8 & 0x7f | 0x80}.{os.getpid() & 0xff}.54:{port}"


started = []  # by the test that runs; what it leaves behind, failing in the middle, is in no other's way


def own(process):
    started.append(process)
    return process


def start(*arguments, process_group=None, **more):
    return own(subprocess.Popen([BLEPROXY, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=environment(**more), process_group=process_group))


class Result:
    def __init__(self, process):
        out, error = process.communicate(timeout=PATIENCE_S)
        self.code, self.out, self.error = process.returncode, out.decode(), error.decode()
        for secret in (KEY, OTHER_KEY, KEY[:20], OTHER_KEY[:20]):
            assert secret not in self.out + self.error, "a secret got out"

    def objects(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def expect(self, code, *words):
        assert self.code == code, f"exit code {self.code} instead of {code}: {self.error}"
        for word in words:
            assert word in self.error, f"{word!r} is not in {self.error!r}"
        return self


def run(*arguments, **more):
    return Result(start(*arguments, **more))


def given_time(attempt, is_enough):
    """What attempt(SECONDS) comes to: in a second where that is enough, in more on a machine that has other things to do."""
    for seconds in (1, 4, 12, PATIENCE_S / 2):
        outcome = attempt(seconds)
        if is_enough(outcome):
            break
    return outcome


def hear(is_enough, *arguments, **more):
    """The result of a command that listens until its time is over, given time to hear enough."""
    return given_time(lambda seconds: run(*arguments, "-t", str(seconds), **more), is_enough)


@contextlib.contextmanager
def sim(*options, count=1, **more):
    """Virtual proxies on free ports; the value is the list of their addresses."""
    process = start("sim", "--listen", "127.0.0.1:0", "--count", str(count), *options, **more)
    try:
        yield [process.stdout.readline().decode().split()[1] for _ in range(count)]
    finally:
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=PATIENCE_S)
    assert "Sanitizer" not in error.decode(), error.decode()


@contextlib.contextmanager
def closed_port():
    """An address at which nobody answers."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield "127.0.0.1:%d" % holder.getsockname()[1]


def width(text):
    """In columns of a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def write(name, text):
    path = os.path.join(home.name, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


ENTER, LEAVE = "\033[?1049h", "\033[?1049l"
SEQUENCE = re.compile(r"\033\[[0-9?;]*[A-Za-z]")


class Terminal:
    """The command on a terminal of its own. keep: the terminal outlives the command, and has no end to be read until."""

    def __init__(self, *arguments, columns=100, rows=30, keys=True, keep=False, **more):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.process = subprocess.Popen([BLEPROXY, *arguments], stdin=slave if keys else subprocess.DEVNULL, stdout=slave,
                                        stderr=slave, start_new_session=True,
                                        env=environment(**{"TERM": "xterm", **more}))
        own(self.process)
        if keep:
            self.slave = slave
        else:
            os.close(slave)
        self.seen = b""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, keys):
        os.write(self.master, keys.encode())

    def stop(self):
        """As Ctrl-S does: it takes nothing more."""
        termios.tcflow(self.slave, termios.TCOOFF)

    def go_on(self, after):
        """Continues it until it has the terminal again: what continues it before it stops is lost. The position reached."""
        deadline = time.monotonic() + PATIENCE_S
        while ENTER.encode() not in self.seen[after:]:
            assert time.monotonic() < deadline, "it does not go on"
            self.process.send_signal(signal.SIGCONT)
            if select.select([self.master], [], [], 0.2)[0]:
                self.read(deadline)
        return self.wait_for(ENTER, after=after)

    def is_seen(self):
        """Whether what is typed is shown, and comes line by line: as programs should leave a terminal."""
        flags = termios.tcgetattr(self.master)[3]
        return bool(flags & termios.ECHO and flags & termios.ICANON)

    def read(self, deadline):
        readable, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
        if not readable:
            raise AssertionError(f"nothing more within {PATIENCE_S} s after {self.seen[-2000:]!r}")
        try:
            part = os.read(self.master, 65536)
        except OSError:  # its other end is closed
            part = b""
        self.seen += part
        return part

    def wait_for(self, *words, after=0):
        """Until all words were shown behind the given position; returns the position reached."""
        deadline = time.monotonic() + PATIENCE_S
        while not all(word.encode() in self.seen[after:] for word in words):
            assert self.read(deadline), f"it ended before it showed {words}: {self.seen[-2000:]!r}"
        return len(self.seen)

    def frame(self, after=0):
        """The lines of the last frame that is complete, without escape sequences."""
        frames = self.seen[after:].decode(errors="replace").split("\033[H")
        return [SEQUENCE.sub("", line) for line in "".join(frames[-2:-1]).split("\r\n")]

    def wait_for_frame(self, condition, after=0):
        """Until the condition holds for a frame behind the given position; its lines."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            if self.seen[after:].count(b"\033[H") > 1 and condition(self.frame(after)):
                return self.frame(after)
            assert self.read(deadline), f"it ended before that: {self.seen[-2000:]!r}"

    def check_left(self):
        """The screen, the cursor and the wrapping are as they were; returns what was shown afterwards."""
        text = self.seen.decode()
        assert text.count(ENTER) == 1 and text.count(LEAVE) == 1
        for sequence in ("\033[?25h", "\033[?7h"):
            assert sequence in text[:text.index(LEAVE)]
        return text[text.index(LEAVE) + len(LEAVE):]

    def close(self):
        """Reads what is left; the exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self.read(deadline):
            pass
        os.close(self.master)
        return self.process.wait(PATIENCE_S)


class Skip(Exception):
    """What a test needs is not there."""


def give_up(*_):
    raise AssertionError("it takes too long")


def main(tests, limit_s=LIMIT_S):
    """Runs functions named test_...; their names say what holds. What a test waits for in vain, a line for one, ends it."""
    failed = 0
    signal.signal(signal.SIGALRM, give_up)
    chosen = [(name, test) for name, test in tests.items() if name.startswith("test_")]
    print(f"1..{len(chosen)}", flush=True)
    for number, (name, test) in enumerate(chosen, 1):
        try:
            signal.alarm(int(limit_s))
            test()
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {number} - {name}", flush=True)
        signal.alarm(0)
        for process in started:
            process.kill()
            process.wait()
        started.clear()
    home.cleanup()
    sys.exit(failed > 0)
