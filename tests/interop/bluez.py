# SPDX-License-Identifier: MIT
"""bleproxyd on a private bus with a virtual proxy, for programs that look for BlueZ; and such programs, built here.

The programs of other languages are built in a copy of their folder, in BLEPROXY_CLIENTS, where what was built is kept from
run to run.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from harness import BUILD, ROOT, READY_S, Sim, environment, program

sys.path.append(str(ROOT / "tests/daemon"))
import journey  # noqa: E402

SOURCES = pathlib.Path(__file__).with_name("clients")
CLIENTS = pathlib.Path(os.environ.get("BLEPROXY_CLIENTS", BUILD / "clients"))
BUILDING_S = 900  # with an empty cache on a slow machine
GO_PROGRAMS = ["./tinygo", "./muka"]

POLICY = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow send_type="signal"/>
<allow receive_type="*"/></policy></busconfig>"""


class Bus:
    """address is the bus's; a context manager."""

    def __init__(self, *options):
        self._folder = tempfile.TemporaryDirectory(prefix="bleproxy-bus-")
        self._path = pathlib.Path(self._folder.name)
        self.address = f"unix:path={self._path / 'bus'}"
        self.environment = journey.environment_of(self.address)
        self._log = (self._path / "log").open("wb+")
        self._sim = Sim("--control", str(self._path / "control"), *options, log=self._log)
        self._processes = []

    def __enter__(self):
        (self._path / "bus.conf").write_text(POLICY % (self._path / "bus"), encoding="ascii")
        try:
            self._sim.__enter__()
            self._start(["dbus-daemon", "--nofork", f"--config-file={self._path / 'bus.conf'}"])
            self._wait_for(lambda: (self._path / "bus").exists(), "no bus")
            self._start(
                [program("daemon/bleproxyd"), "--bus", self.address, "-p", f"{self._sim.host}:{self._sim.port}"]
            )
            self._wait_for(self._is_powered, "the daemon is not ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, command):
        process = subprocess.Popen(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        self._processes.append(process)

    def _wait_for(self, holds, what):
        end = time.monotonic() + READY_S
        while not holds():
            assert time.monotonic() < end and self._processes[-1].poll() is None, f"{what}: {self.said()}"
            time.sleep(0.02)

    def _is_powered(self):
        get = ["busctl", f"--address={self.address}", "get-property", "org.bluez", "/org/bluez/hci0"]
        done = subprocess.run([*get, "org.bluez.Adapter1", "Powered"], capture_output=True, text=True, check=False)
        return done.stdout.strip() == "b true"

    def said(self):
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def tell(self, order):
        """To the virtual proxy."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self._path / "control"))
            control.sendall(order.encode() + b"\n")
            answer = control.recv(4096).decode()
        return answer

    def reboot(self):
        """Returns when the proxy is off."""
        assert self.tell("reboot 1") == "ok\n"
        self._wait_for(lambda: " off " in self.tell("list"), "it does not reboot")

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            for process in reversed(self._processes):
                process.send_signal(signal.SIGTERM)
                process.wait(READY_S)
        self._sim.__exit__()
        said = self.said()
        self._log.close()
        self._folder.cleanup()
        assert "Sanitizer" not in said and "runtime error" not in said, said


class Lacking(Exception):
    """What a program takes is not on this machine."""


def need(command, *version, least=()):
    """A program of this machine, of that version at least."""
    path = shutil.which(command)
    if not path:
        raise Lacking(f"there is no {command}")
    found = subprocess.run([path, *version], capture_output=True, text=True, check=False).stdout
    numbers = tuple(int(number) for number in re.findall(r"(\d+)\.(\d+)", found)[0]) if least else ()
    if numbers < least:
        raise Lacking(f"{command} is older than {'.'.join(map(str, least))}")
    return path


def copy(name):
    """The folder of a program's sources in the build directory. What has not changed keeps its time."""
    for source in (SOURCES / name).rglob("*"):
        target = CLIENTS / name / source.relative_to(SOURCES / name)
        if source.is_dir():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            shutil.copyfile(source, target)
    return CLIENTS / name


class Unreachable(AssertionError):
    """What is to be downloaded is not to be had."""


def run(folder, *command, fails=AssertionError, **more):
    """Raises fails with the end of what it said."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILDING_S,
        check=False,
    )
    if done.returncode:
        raise fails(f"{' '.join(command)}: {(done.stdout + done.stderr)[-3000:]}")


def rust():
    cargo = need("cargo", "--version", least=(1, 85))
    need("pkg-config")
    if subprocess.run(["pkg-config", "--exists", "dbus-1"], check=False).returncode:
        raise Lacking("there is no libdbus-1-dev")
    folder = copy("rust")
    run(folder, cargo, "fetch", "--quiet", fails=Unreachable)
    run(folder, cargo, "build", "--quiet", "--offline")
    return folder / "target/debug"


def go():
    path = need("go", "version", least=(1, 25))
    folder = copy("go")
    settings = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    run(folder, path, "list", "-deps", *GO_PROGRAMS, fails=Unreachable, **settings)
    run(folder, path, "build", "-o", "out/", *GO_PROGRAMS, **settings)
    return folder / "out"


def node(program):
    path = need("node", "--version", least=(18, 0))
    npm = need("npm")
    folder = copy("node")
    wanted, installed = folder / "package.json", folder / "node_modules/installed.json"
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        run(folder, npm, "install", "--no-package-lock", "--ignore-scripts", "--silent", fails=Unreachable)
        shutil.copyfile(wanted, installed)
    return [path, str(folder / program)]


def qt(binding, package):
    """By Debian's Python, whose bindings these are."""
    python = "/usr/bin/python3"
    if subprocess.run([python, "-c", f"import {binding}.QtBluetooth"], stderr=subprocess.DEVNULL, check=False).returncode:
        raise Lacking(f"there is no {package}")
    return [python, str(SOURCES / "qt/client.py"), binding]


def bleak():
    return [sys.executable, str(ROOT / "tests/daemon/bleak_client.py")]


# How each of them is started; which builds it before, if need be.
PROGRAMS = {
    "bleak": bleak,
    "bluer": lambda: [str(rust() / "bluer-client")],
    "btleplug": lambda: [str(rust() / "btleplug-client")],
    "node-ble": lambda: node("client.js"),
    "noble": lambda: node("noble.js"),
    "tinygo": lambda: [str(go() / "tinygo")],
    "muka": lambda: [str(go() / "muka")],
    "qt5": lambda: qt("PyQt5", "python3-pyqt5.qtbluetooth"),
    "qt6": lambda: qt("PyQt6", "python3-pyqt6.qtbluetooth"),
}
