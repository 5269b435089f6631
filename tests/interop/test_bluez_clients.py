# SPDX-License-Identifier: MIT
"""Programs that know only BlueZ, by the libraries that there are for it, use bleproxyd."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import select
import subprocess
import sys
import tempfile
import time
import tty

import pytest

import bluez
import harness
import journey
from test_usage import lasting

FOLDER = pathlib.Path(sys.executable).parent
PAGE = pathlib.Path(__file__).with_name("usage_page_plain.py")
# These take signals from godbus, which hands each one that has to wait to a goroutine of its own.
OUT_OF_ORDER = {"tinygo", "muka"}
UART_NAME = "Virtual UART"
PATIENCE_S = 60
NO_SKIP = os.environ.get("INTEROP_NO_SKIP") == "1"


def travel(name):
    """What a program did; as an exception, why there is nothing."""
    with tempfile.TemporaryFile() as log, bluez.Bus() as bus:
        return journey.travel(bluez.PROGRAMS[name](), log, bus.reboot, env=bus.environment)


@pytest.fixture(scope="module")
def journeys():
    """Of all programs, which wait most of the time: at once, each on a bus of its own. They are built one after the other, as
    two may be built together."""
    outcomes = {}
    with concurrent.futures.ThreadPoolExecutor(len(bluez.PROGRAMS)) as pool:
        for name, find in bluez.PROGRAMS.items():
            try:
                find()
                outcomes[name] = pool.submit(travel, name)
            except (AssertionError, bluez.Lacking, OSError, subprocess.TimeoutExpired) as error:
                outcomes[name] = concurrent.futures.Future()
                outcomes[name].set_exception(error)
    return outcomes


@pytest.mark.parametrize("name", bluez.PROGRAMS)
def test_program_does_all_that_programs_do_and_survives_losses(journeys, name):
    try:
        done = journeys[name].result()
    except bluez.Lacking as reason:
        pytest.skip(str(reason))
    except bluez.Unreachable as reason:
        if NO_SKIP:
            raise
        pytest.skip(str(reason))
    journey.check(done, in_order=name not in OUT_OF_ORDER)


@pytest.fixture
def run(sim):
    """`bleproxy run` with a virtual proxy, to put before a program, the environment, and the proxy."""
    proxy = sim()
    command = [harness.program("cli/bleproxy"), "run", "-p", f"{proxy.host}:{proxy.port}", "--"]
    env = harness.environment()
    env["PATH"] = f"{harness.BUILD / 'daemon'}:{env['PATH']}"  # where `run` looks for bleproxyd
    return command, env, proxy


@contextlib.contextmanager
def running(command, env):
    """A program that is ended when it was seen to do its work; its output in one."""
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        process.stdout.close()


def read_until(file, holds):
    """All that is read, when that holds for it."""
    end, read = time.monotonic() + PATIENCE_S, b""
    while not holds(read):
        assert select.select([file], [], [], max(0, end - time.monotonic()))[0], f"nothing more after {read[-3000:]!r}"
        part = os.read(file.fileno(), 65536)
        assert part, f"it ended after {read[-3000:]!r}"
        read += part
    return read


# ---- ble-serial: what a device with Nordic's UART service says, on a serial port ----


def scanned(command, env):
    """The address of the virtual UART, from ble-serial's own scanner."""
    command = [*command, FOLDER / "ble-scan", "-t", "6"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    found = re.search(rf"^((?:[0-9A-F]{{2}}:){{5}}[0-9A-F]{{2}}) \(rssi=-\d+\): {UART_NAME}$", done.stdout, re.M)
    assert found, done.stdout
    return found[1]


def test_ble_serial_makes_a_serial_port_of_a_device(run, tmp_path):
    command, env, _ = run
    port, sent = tmp_path / "port", b"".join(b"line %03d\n" % i for i in range(50))
    device = scanned(command, env)
    with running([*command, FOLDER / "ble-serial", "-t", "20", "-d", device, "-p", str(port)], env) as process:
        read_until(process.stdout, lambda text: b"Running main loop" in text)
        with open(port, "r+b", buffering=0) as terminal:
            tty.setraw(terminal)
            terminal.write(sent)
            assert read_until(terminal, lambda text: len(text) >= len(sent)) == sent


# ---- The usage page ----


def test_the_usage_page_without_proxies_finds_the_devices(run):
    command, env, proxy = run
    addresses = lasting(proxy)
    assert len(addresses) >= 2
    with running([*command, sys.executable, "-u", str(PAGE)], env) as process:
        read_until(process.stdout, lambda text: all(f"\n{a}: ".encode() in text for a in addresses))
