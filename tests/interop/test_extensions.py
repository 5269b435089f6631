# SPDX-License-Identifier: MIT
"""The usage page's examples for what proxies can do beyond GATT, and our counterparts, through virtual proxies."""

import pathlib
import subprocess
import sys

from aioesphomeapi import BluetoothProxyFeature

from harness import environment, network, program, run, until
from reference import connected, stack
from virtual_house import full

PAGE = [sys.executable, str(pathlib.Path(__file__).with_name("extensions_page.py"))]
MEASUREMENT = full("2a37")


def ended(sim, *words):
    return subprocess.run(
        words,
        env=environment(sim.psk),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def test_the_extensions_come_out_alike(sim, profile, psk):
    proxy = sim("--latency", "0", firmware=profile.firmware, psk=psk, listen=network())
    page = ended(proxy, *PAGE, proxy.host, "Virtual Battery")
    assert page.returncode == 0, page.stderr
    address, *told = (line.split(": ", 1)[1] for line in page.stdout.splitlines())
    assert told == ["True", "None"]
    ours = ended(proxy, program("examples/extensions"), proxy.host, address)

    cleared = profile.has(BluetoothProxyFeature.CACHE_CLEARING)
    assert ("Only memory cache will be cleared" in page.stderr) != cleared
    assert ours.stdout.startswith("clear_cache: done"), ours.stderr
    assert ("2023.4" in ours.stdout) != cleared

    # What the page only logs is an error with us.
    able = profile.has(BluetoothProxyFeature.CONNECTION_PARAMS_SETTING)
    assert ("Setting connection parameters is not available" in page.stderr) != able
    assert ("set_parameters: done" in ours.stdout) == able == (ours.returncode == 0)
    assert ("2026.3" in ours.stderr) != able


def test_heart_rates_are_the_same(sim, psk):
    first, second = (sim("--latency", "0", psk=psk, listen=network()) for _ in range(2))
    rates = []

    async def main():
        async with stack(first) as manager, connected(manager, "Virtual Heart") as client:
            await client.start_notify(MEASUREMENT, lambda sender, value: rates.append(value[1]))
            await until(lambda: len(rates) == 2)

    example = subprocess.Popen(
        [program("examples/heart_rate"), second.host, "20"],
        env=environment(psk),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    run(main())
    lines = [example.stdout.readline() for _ in rates]
    second.terminate()
    example.communicate(timeout=20)
    assert example.returncode == 0
    assert lines == [f"{rate} bpm\n" for rate in rates]
