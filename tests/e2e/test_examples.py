#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The examples that use devices, against a virtual proxy at the port that they know."""
import os
import re
import subprocess
import sys

from support import KEY, Result, environment, main, run, sim

HEART_RATE, EXTENSIONS, SOURCE = sys.argv[2:5]


def address():
    """A loopback address that no other run of this program uses."""
    return f"127.{os.getpid() >> 8 & 0x7f | 0x80}.{os.getpid() & 0xff}.54"


def example(program, *arguments):
    process = subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=environment(BLEPROXY_NOISE_PSK=KEY))
    return Result(process)


def proxy(*options):
    return sim("--listen", f"{address()}:6053", *options, BLEPROXY_NOISE_PSK=KEY)


def test_the_heart_rate_strap_is_monitored():
    with proxy():
        result = example(HEART_RATE, address(), "6").expect(0)
    rates = result.out.splitlines()
    assert len(rates) >= 2 and all(re.fullmatch(r"\d{2,3} bpm", rate) for rate in rates), result.out


def test_the_heart_rate_example_has_at_most_60_lines():
    with open(SOURCE, encoding="utf-8") as file:
        assert len(file.readlines()) <= 60


def test_a_proxy_that_is_not_there_is_told():
    result = example(HEART_RATE, address(), "1")
    assert result.code == 1 and result.error, result.error


def battery():
    found = run("scan", "-p", address(), "--json", "-t", "5", BLEPROXY_NOISE_PSK=KEY).expect(0).objects()
    return next(line["address"] for line in found if line.get("name") == "Virtual Battery")


def test_extensions_are_used():
    with proxy():
        result = example(EXTENSIONS, address(), battery()).expect(0)
    assert result.out.splitlines() == ["clear_cache: done", "set_parameters: done"], result.out


def test_old_firmware_does_a_part_and_says_so():
    with proxy("--firmware", "2022.12"):
        result = example(EXTENSIONS, address(), battery()).expect(1, "set_parameters: ", "2026.3")
    assert result.out.startswith("clear_cache: done, but "), result.out


main(globals())
