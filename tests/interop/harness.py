# SPDX-License-Identifier: MIT
"""What the interop tests share: where the programs are, virtual proxies, firmware profiles."""

import asyncio
import base64
import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BLEPROXY_BUILD", ROOT / "build"))
SIZE = float(os.environ.get("BLEPROXY_TEST_SIZE", "1"))
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(32 * [7])).decode()
RUNTIME = tempfile.TemporaryDirectory(prefix="bleproxy-")  # for locks and caches
# bleak-esphome's connection manager knows only port 6053: one network of loopback addresses for each run.
NETWORKS = itertools.count(1)
READY_S = 60.0  # deadlines for what should take a moment, on a slow machine under sanitizers
CALL_S = 120.0


def program(path):
    """A program of the build directory, by its path there."""
    found = BUILD / path
    assert found.exists(), f"{found} is not built"
    return str(found)


def bleproxy():
    return os.environ.get("BLEPROXY") or program("cli/bleproxy")


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a client can tell of a firmware release."""

    firmware: str
    api_minor: range
    flags: int
    decoded: bool  # sends decoded advertisements to who does not ask for raw ones
    raw: bool
    scanner_state: bool
    newest_wins: bool  # else the first subscriber keeps the subscription
    capabilities: bool
    passwords: bool  # the API may have one
    slot_addresses: bool  # tells which devices have its connection slots
    unpairing: bool  # answers unpairing with the message for it

    def has(self, feature):
        return bool(self.flags & feature)


PROFILES = {
    profile.firmware: profile
    for profile in (
        Profile("2022.12", range(7, 9), 0x07, True, False, False, False, False, True, False, False),
        Profile("2023.6", range(9, 10), 0x3F, True, True, False, False, False, True, False, False),
        Profile("2025.8", range(12, 13), 0x7F, False, True, True, False, False, True, True, False),
        Profile("2026.8", range(15, 16), 0xFF, False, True, True, True, True, False, True, True),
    )
}


def profiles(condition):
    """Runs a test for the firmware profiles that fulfil condition."""
    import pytest

    chosen = [profile for profile in PROFILES.values() if condition(profile)]
    return pytest.mark.parametrize("profile", chosen, ids=[profile.firmware for profile in chosen])


def network():
    """A loopback address and port that no other run uses, with room for more behind it."""
    return f"127.{60 + next(NETWORKS) % 190}.{os.getpid() % 250}.1:6053"


def environment(psk=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith("BLEPROXY_")}
    env["XDG_RUNTIME_DIR"] = RUNTIME.name
    env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"  # where a bleproxyd of this machine would be
    env["XDG_STATE_HOME"] = tempfile.mkdtemp(dir=RUNTIME.name)  # what one command has heard no other knows
    if psk is not None:
        env["BLEPROXY_NOISE_PSK"] = psk
    return env


def addresses(listen, count=1, step="address"):
    """The (host, port) pairs that `sim --listen --count --step` serves."""
    host, port = listen.rsplit(":", 1)
    for index in range(count):
        if step == "port":
            yield host, int(port) + index
        else:
            number = int.from_bytes(socket.inet_aton(host), "big") + index
            yield socket.inet_ntoa(number.to_bytes(4, "big")), int(port)


class Sim:
    """One running `bleproxy sim`; a context manager."""

    def __init__(self, *options, firmware="2026.8", psk=None, listen=None, count=1, step="address", log=None):
        self.listen = listen or network()
        self.proxies = list(addresses(self.listen, count, step))
        self.host, self.port = self.proxies[0]
        self.psk = psk
        self._log = log
        settings = f"--listen {self.listen} --firmware {firmware} --count {count} --step {step} --seed 1"
        self._command = [bleproxy(), "sim", *settings.split(), *options]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            self._command, env=environment(self.psk), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        try:
            for proxy in self.proxies:
                self._await_listener(proxy)
        except BaseException:
            self.process.kill()
            raise
        return self

    def _await_listener(self, proxy):
        end = time.monotonic() + READY_S
        while True:
            assert self.process.poll() is None, f"sim ended with {self.process.returncode}: {self._command}"
            try:
                socket.create_connection(proxy, 1).close()
                return
            except OSError:
                assert time.monotonic() < end, f"sim does not listen on {proxy}"
                time.sleep(0.02)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.terminate()
        try:
            code = self.process.wait(READY_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert code in (0, 130, 143, -signal.SIGTERM), f"sim ended with {code}"


def run(coroutine, timeout=CALL_S):
    """Runs a coroutine with a deadline, in a fresh event loop."""

    async def limited():
        async with asyncio.timeout(timeout):
            return await coroutine

    return asyncio.run(limited())


@contextlib.asynccontextmanager
async def client(sim, **arguments):
    """A connected aioesphomeapi client of the first proxy of sim."""
    from aioesphomeapi import APIClient

    arguments.setdefault("noise_psk", sim.psk)
    api = APIClient(sim.host, sim.port, None, **arguments)
    await api.connect(login=True)
    try:
        yield api
    finally:
        await api.disconnect()


async def until(condition, timeout=CALL_S / 2):
    """Waits until condition() is true and returns its value."""
    async with asyncio.timeout(timeout):
        while not (value := condition()):
            await asyncio.sleep(0.01)
    return value


def eventually(condition, timeout=CALL_S / 2):
    """The same, outside of event loops."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)
    return value


def command(*arguments, psk=None, timeout=30, state=None):
    """Runs `bleproxy ARGUMENTS`; its CompletedProcess. What it keeps between runs is in state; without, it keeps nothing."""
    return subprocess.run(
        [bleproxy(), *arguments],
        env=environment(psk) | ({"XDG_STATE_HOME": str(state)} if state else {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def scan(sim, *options, seconds=3):
    """The advertisements that `bleproxy scan --json` prints for all proxies of sim."""
    names = [word for host, port in sim.proxies for word in ("-p", f"{host}:{port}")]
    done = command("scan", "--json", "-t", str(seconds), *names, *options, psk=sim.psk)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
