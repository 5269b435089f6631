#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The examples that use devices, against a virtual proxy at the port that they know."""
import os
import re
import signal
import subprocess
import sys

from support import KEY, PATIENCE_S, Result, Skip, environment, given_time, hear, main, own, own_address, sim

HEART_RATE, EXTENSIONS, SOURCE, POLL = sys.argv[2:6]
OPTIONAL = dict(zip(sys.argv[6::2], sys.argv[7::2]))  # by name: those whose libraries there are
BUSY_S = 0.3  # of CPU for 60 lines, some two seconds: 0.01 are usual


def address():
    return own_address().partition(":")[0]


def start(program, *arguments, stdin=subprocess.DEVNULL):
    return own(subprocess.Popen([program, *arguments], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment(BLEPROXY_NOISE_PSK=KEY)))


def example(program, *arguments):
    return Result(start(program, *arguments))


def proxy(*options):
    return sim("--listen", own_address(), *options, BLEPROXY_NOISE_PSK=KEY)


def test_the_heart_rate_strap_is_monitored():
    with proxy():
        result = given_time(lambda seconds: example(HEART_RATE, address(), str(int(seconds))),
                            lambda result: result.out.count("\n") >= 2).expect(0)
    rates = result.out.splitlines()
    assert len(rates) >= 2 and all(re.fullmatch(r"\d{2,3} bpm", rate) for rate in rates), result.out


def test_the_heart_rate_example_has_at_most_60_lines():
    with open(SOURCE, encoding="utf-8") as file:
        assert len(file.readlines()) <= 60


def test_a_proxy_that_is_not_there_is_told():
    result = example(HEART_RATE, address(), "1")
    assert result.code == 1 and result.error, result.error


def battery():
    name = "Virtual Battery"
    found = hear(lambda result: name in result.out, "scan", "-p", address(), "--json", BLEPROXY_NOISE_PSK=KEY).expect(0)
    return next(line["address"] for line in found.objects() if line.get("name") == name)


def test_extensions_are_used():
    with proxy():
        result = example(EXTENSIONS, address(), battery()).expect(0)
    assert result.out.splitlines() == ["clear_cache: done", "set_parameters: done"], result.out


def test_old_firmware_does_a_part_and_says_so():
    with proxy("--firmware", "2022.12"):
        result = example(EXTENSIONS, address(), battery()).expect(1, "set_parameters: ", "2026.3")
    assert result.out.startswith("clear_cache: done, but "), result.out


def hears(program, end):
    """The program prints changes as they come, for as long as it runs, and rests between them."""
    with proxy():
        process = start(program, address(), stdin=subprocess.PIPE)
        lines = [process.stdout.readline().decode() for _ in range(60)]
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
            ticks = sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
        end(process)
        process.communicate(timeout=PATIENCE_S)
    assert all(re.match(r"([0-9A-F]{2}:){5}[0-9A-F]{2} -\d+ dBm through ", line) for line in lines), lines
    assert process.returncode == 0, process.returncode
    assert ticks / os.sysconf("SC_CLK_TCK") < BUSY_S, f"{ticks} ticks of CPU"


def end_input(process):
    process.stdin.close()
    process.stdin = None


def terminate(process):
    process.send_signal(signal.SIGTERM)


def test_a_poll_loop_hears_what_changes():
    hears(POLL, end_input)


def test_sd_event_hears_what_changes_until_it_is_told_to_end():
    if "sd_event" not in OPTIONAL:
        raise Skip("built without D-Bus")
    hears(OPTIONAL["sd_event"], terminate)


def test_a_glib_main_loop_hears_what_changes():
    if "glib" not in OPTIONAL:
        raise Skip("built without GLib")
    hears(OPTIONAL["glib"], end_input)


main(globals())
