#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`bleproxy run` until there is a proxy, and where there is none."""
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import tempfile
import time

from e2e import PATIENCE_S, Skip, environment, home, main, sim
from place import (BLEPROXY, KEY, OTHER_KEY, Place, as_root, closed_port, configured, lobby, opened, run, start, until, world,
                   write)


@contextlib.contextmanager
def someone_starting(place):
    """Somebody who holds the lock under which a shared daemon is started, and does not get on."""
    os.makedirs(os.path.join(place.path, "bleproxy"))
    path = os.path.join(place.path, "bleproxy", "start.lock")
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield path


def test_signals_end_it_while_another_starts_a_daemon():
    for number in (signal.SIGINT, signal.SIGTERM):
        place = Place()
        with someone_starting(place) as path:
            process = place.start("true")
            until(lambda: path in opened(process), lambda: opened(process))
            process.send_signal(number)
            assert process.wait(PATIENCE_S) == 128 + number, process.communicate()
            process.communicate()


def test_another_that_starts_a_daemon_is_waited_for_as_long_as_is_said():
    place = Place()
    with someone_starting(place):
        place.run("-t", "1", "true").expect(4, "no proxy is connected after 1 s", "another 'bleproxy run'")


def test_signals_end_it_while_the_lobby_lets_nobody_in():
    place = Place()
    with lobby(place, backlog=0) as door, contextlib.ExitStack() as others:
        with contextlib.suppress(BlockingIOError):
            while True:
                other = others.enter_context(socket.socket(socket.AF_UNIX))
                other.setblocking(False)
                other.connect(door.getsockname())
        place.run("-t", "1", "true").expect(4, "no proxy is connected after 1 s", "lets nobody in")
        process = place.start("true")
        lock = os.path.join(place.path, "bleproxy", "start.lock")
        until(lambda: lock in opened(process), lambda: opened(process))
        process.terminate()
        assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM, process.communicate()
        process.communicate()


def test_signals_end_it_at_once_while_a_daemon_that_runs_says_nothing():
    place = Place()
    with lobby(place) as door:
        process = place.start("true")
        door.settimeout(PATIENCE_S)
        guest, _ = door.accept()
        with guest:
            begun = time.monotonic()
            process.terminate()
            assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM, process.communicate()
            assert time.monotonic() - begun < 5  # for which a daemon that had a proxy is waited for
            process.communicate()


# ---- What cannot be run ----


def test_without_a_proxy_it_tells_what_it_waited_for_and_runs_nothing():
    place = Place()
    with closed_port() as nobody:
        for seconds in (1, 5, 25):  # a slow machine takes more than one to start a daemon
            result = place.run("-p", nobody, "-t", str(seconds), "--", "echo", "it ran")
            result.expect(4, f"no proxy is connected after {seconds} s")
            assert result.out == ""
            if "says nothing" not in result.error:
                break
    result.expect(4, nobody, "Connection refused")
    place.check_clean()


def test_a_daemon_that_says_nothing_is_waited_for_as_long_as_is_said():
    place = Place()
    folder = tempfile.mkdtemp(dir=home.name)
    with open(os.path.join(folder, "bleproxyd"), "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexec cat <&3\n")
        os.fchmod(file.fileno(), 0o755)
    begun = time.monotonic()
    place.more["PATH"] = folder + ":" + place.more["PATH"]
    place.run("-t", "1", "true").expect(4, "no proxy is connected after 1 s", "says nothing")
    assert time.monotonic() - begun < 20  # it is 30 when nothing is said
    place.wait_until_clean()


def test_a_user_whom_the_system_does_not_know_is_told():
    as_root()
    place, nameless = Place(), 54321
    with sim() as proxies, world() as folder:
        os.chown(folder, nameless, nameless)
        words = [BLEPROXY, "run", "-p", proxies[0], "true"]
        more = {**place.more, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder, "HOME": folder}
        try:
            result = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False, env=environment(**more),
                                    user=nameless, group=nameless, extra_groups=[])
        except PermissionError:
            raise Skip("the command is where no other user can run it") from None
    assert result.returncode == 5 and b"user 54321 has none: it takes a line in /etc/passwd" in result.stderr, result


def test_a_proxy_that_will_never_work_is_not_waited_for():
    place = Place()
    with sim("--psk-file", write("key", KEY)) as proxies:
        begun = time.monotonic()
        result = place.run("-p", proxies[0], "-t", "600", "--", "echo", "it ran", BLEPROXY_NOISE_PSK=OTHER_KEY)
        assert time.monotonic() - begun < PATIENCE_S
    assert result.expect(3, "key", "bleproxy: echo was not run: no proxy can be used").out == ""
    place.check_clean()


def test_that_all_proxies_are_used_by_others_is_said_to_be_why_nothing_runs():
    place = Place()
    with sim() as proxies:
        holder = start("scan", "--json", "-p", proxies[0], **place.more)
        assert holder.stdout.readline()
        for chosen in (["-p", proxies[0]], []):
            result = place.run(*chosen, "--", "echo", "it ran", XDG_CONFIG_HOME=configured(*proxies))
            result.expect(5, f"in use by process {holder.pid} (bleproxy scan)")
            assert result.error.splitlines()[-1].startswith("bleproxy: echo was not run: no proxy can be used"), result.error
            assert result.out == ""
        holder.terminate()
        holder.communicate(timeout=PATIENCE_S)
    place.check_clean()


def test_a_program_that_is_not_there_is_told_before_anything_is_started():
    place = Place()
    with closed_port() as nobody:
        place.run("-p", nobody, "--", "no-such-program").expect(127, "no-such-program")
        place.run("-p", nobody, "--", "./no/such/program").expect(127, "./no/such/program")
        place.run("-p", nobody, "--", write("text", "no program")).expect(126, "nothing that can be run")
    place.run().expect(2, "PROGRAM")


def test_a_configuration_that_is_wrong_is_told():
    path = write("wrong.yaml", "proxies:\n  - adress: here\n")
    Place().run("-c", path, "--", "true").expect(2, "wrong.yaml:2", "adress")


def test_a_daemon_that_is_missing_is_told():
    place = Place()
    with sim() as proxies:
        result = run("run", "-p", proxies[0], "true", XDG_RUNTIME_DIR=place.path, PATH="/usr/bin:/bin")
    result.expect(5, "there is no bleproxyd")
    place.check_clean()


# ---- Whatever befalls it ----


if __name__ == "__main__":
    main(globals())
