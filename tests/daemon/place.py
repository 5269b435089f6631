# SPDX-License-Identifier: MIT
"""Places where `bleproxy run` may start a daemon, and what is there."""
import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

from e2e import PATIENCE_S, Skip, environment, home, module
from support import BLEPROXYD

BLEPROXY, KEY, OTHER_KEY, closed_port = module.BLEPROXY, module.KEY, module.OTHER_KEY, module.closed_port
run, start, write, started = module.run, module.start, module.write, module.started

ENDED_S = 10  # two for the daemon, and a slow machine


class Place:
    """A user's runtime directory, and what runs in it."""

    def __init__(self):
        self.path = tempfile.mkdtemp(dir=home.name, prefix="rt")
        self.more = {"XDG_RUNTIME_DIR": self.path, "PATH": os.path.dirname(BLEPROXYD) + ":" + os.environ["PATH"]}

    def run(self, *arguments, **more):
        return run("run", *arguments, **self.more, **more)

    def start(self, *arguments, **more):
        return start("run", *arguments, **self.more, **more)

    def processes(self):
        """Of all that has this runtime directory: its command line by its number."""
        found = {}
        for number in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{number}/environ", "rb") as file:
                    if f"XDG_RUNTIME_DIR={self.path}".encode() in file.read().split(b"\0"):
                        with open(f"/proc/{number}/cmdline", "rb") as words:
                            found[int(number)] = words.read().replace(b"\0", b" ").decode()
        return {number: words for number, words in found.items() if words}

    def process(self, name):
        numbers = [number for number, words in self.processes().items() if name in words.split()[0]]
        assert len(numbers) == 1, f"{name}: {self.processes()}"
        return numbers[0]

    def files(self):
        """All but locks of proxies."""
        return [os.path.join(folder, name) for folder, folders, names in os.walk(self.path)
                for name in folders + names if not name.endswith(".lock") and name != "bleproxy"]

    def is_clean(self):
        return not self.processes() and not self.files()

    def check_clean(self):
        assert self.is_clean(), f"{self.processes()} {self.files()}"

    def wait_until_clean(self):
        until(self.is_clean, lambda: f"{self.processes()} {self.files()}", ENDED_S)


def configured(*proxies):
    """A directory for XDG_CONFIG_HOME, in which they are."""
    path = tempfile.mkdtemp(dir=home.name, prefix="config")
    os.mkdir(os.path.join(path, "bleproxy"))
    with open(os.path.join(path, "bleproxy", "bleproxy.yaml"), "w", encoding="ascii") as file:
        file.write("proxies:\n")
        for number, proxy in enumerate(proxies):
            host, port = proxy.rsplit(":", 1)
            file.write(f"  - {{name: proxy{number}, address: {host}, port: {port}}}\n")
    return path


def spawn(*arguments, **more):
    """What ends with the test, if not before."""
    process = subprocess.Popen(*arguments, **more)
    started.append(process)
    return process


def until(holds, what, patience_s=PATIENCE_S):
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end, f"not within {patience_s} s: {what()}"
        time.sleep(0.02)


def state(number):
    """R, S, T (stopped), Z, or "" when there is no such process."""
    try:
        with open(f"/proc/{number}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def line(process):
    return process.stdout.readline().decode().strip()


# Says which signals it gets, until it is told to end.


ASK = "--", "sh", "-c", "echo $DBUS_SYSTEM_BUS_ADDRESS; cat"


def start_open(place, *arguments, pass_fds=(), preexec_fn=None, **more):
    """A program that goes on until its input ends."""
    return spawn([BLEPROXY, "run", *arguments, *ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                 pass_fds=pass_fds, preexec_fn=preexec_fn, env=environment(**{**place.more, **more}))


@contextlib.contextmanager
def private_daemon(place, *options):
    """A bleproxyd that runs by itself, where `bleproxy run` looks for it; the address of its bus."""
    os.makedirs(os.path.join(place.path, "bleproxy"), exist_ok=True)
    path = os.path.join(place.path, "bleproxy", "bus")
    process = spawn([BLEPROXYD, "--private", path, *options], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    env=environment(**place.more))
    try:
        until(lambda: os.path.exists(os.path.join(path, "lobby")), lambda: "no lobby")
        yield f"unix:path={path}/socket", process
    finally:
        process.send_signal(signal.SIGTERM)
        error = process.communicate(timeout=PATIENCE_S)[1].decode()
    assert process.returncode == 0 and "Sanitizer" not in error, error


NOBODY = 65534


def as_root():
    if os.geteuid() != 0:
        raise Skip("only root can be two users")


@contextlib.contextmanager
def world():
    """A directory that everybody can reach."""
    with tempfile.TemporaryDirectory(prefix="bleproxy-world-") as path:
        os.chmod(path, 0o755)
        yield path


@contextlib.contextmanager
def lobby(place, *says, backlog=16):
    """One of this user that is none of bleproxyd. Each that comes in is told these lines."""
    folder = os.path.join(place.path, "bleproxy", "bus")
    os.makedirs(folder, mode=0o700)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(os.path.join(folder, "lobby"))
        door.listen(backlog)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    guest, _ = door.accept()
                    with guest:
                        guest.sendall("".join(text + "\n" for text in says).encode())
                        guest.recv(1)

        server = threading.Thread(target=serve, daemon=True)
        if says:
            server.start()
        try:
            yield door
        finally:
            door.shutdown(socket.SHUT_RDWR)
        if says:
            server.join(PATIENCE_S)


def opened(process):
    """What it has open."""
    folder, paths = f"/proc/{process.pid}/fd", []
    with contextlib.suppress(OSError):
        for number in os.listdir(folder):
            with contextlib.suppress(OSError):
                paths.append(os.readlink(os.path.join(folder, number)))
    return paths


class Process:
    """One that is not our child."""

    def __init__(self, pid):
        self.pid = pid
