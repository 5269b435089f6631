#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Output that cannot be written is a failure, whichever command wrote it."""
import subprocess

from fake_proxy import ACTIVE_CONNECTIONS, FIRST_DEVICE, RAW_ADVERTISEMENTS, FakeProxy
from support import BLEPROXY, PATIENCE_S, environment, given_time, main, own, sim

LAMP = bytes.fromhex("05094c616d70")


def into_full_disk(*arguments):
    with open("/dev/full", "wb") as full:
        process = own(subprocess.Popen([BLEPROXY, *arguments], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                       env=environment()))
        error = process.communicate(timeout=PATIENCE_S)[1].decode()
    return process.returncode, error


def judge(arguments, code, error):
    assert code == 1, (arguments, code, error)
    assert error.count("cannot write to standard output") == 1, (arguments, error)
    assert "cancelled" not in error, error


def check(*arguments):
    judge(arguments, *into_full_disk(*arguments))


def check_listening(*arguments):
    """Given time to hear something."""
    judge(arguments, *given_time(lambda seconds: into_full_disk(*arguments, "-t", str(seconds)),
                                 lambda outcome: outcome[0] not in (0, 4, 6)))


def test_it_is_told_why():
    code, error = into_full_disk("explain", "62")
    assert (code, error) == (1, "bleproxy: cannot write to standard output: No space left on device\n")


def test_what_needs_no_proxy():
    for arguments in (["--help"], ["--version"], ["help"], ["help", "scan"], ["top", "--help"], ["sim", "--help"],
                      ["explain", "62"], ["explain", "--json", "62"]):
        check(*arguments)


def test_what_listens():
    with FakeProxy(payloads=[LAMP]) as proxy:
        for arguments in (["scan"], ["scan", "--json"], ["devices"], ["devices", "--json"], ["top"], ["record", "-"],
                          ["why", "Lamp"], ["why", "--json", "Lamp"]):
            command, *more = arguments
            check_listening(command, "-p", proxy.address, *more)


def test_more_than_a_buffer_holds():
    with FakeProxy(payloads=[LAMP] * 100) as proxy:
        for command in ("scan", "devices", "top"):
            check_listening(command, "-p", proxy.address)


def test_what_asks_proxies():
    with FakeProxy(features=ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS, slots=(1, (FIRST_DEVICE,))) as one, \
            FakeProxy(features=ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS, slots=(1, ())) as other:
        for command in ("info", "slots"):
            for options in ([], ["--json"]):
                check(command, "-p", one.address, "-p", other.address, *options)


def test_what_talks_to_a_device():
    with sim() as proxies:
        check("services", "-p", proxies[0], "Virtual Battery")
        check("read", "-p", proxies[0], "Virtual Battery", "2a19")


def test_a_reader_who_left_is_none():
    process = subprocess.Popen(["sh", "-c", '"$0" "$@" | true; exit 0', BLEPROXY, "explain", "62"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=environment())
    assert process.communicate(timeout=PATIENCE_S) == (b"", b"")


main(globals())
