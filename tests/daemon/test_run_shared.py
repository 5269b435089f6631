#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`bleproxy run`: programs, commands and daemons that run beside each other."""
import contextlib
import os
import signal
import subprocess

from e2e import PATIENCE_S, environment, main, sim
from place import Place, Process, configured, line, opened, private_daemon, run, start, start_open, until
from support import BLEPROXYD


def test_programs_share_one_daemon_until_the_last_has_ended():
    place = Place()
    with sim() as proxies:
        config = configured(*proxies)
        first, second = (start_open(place, XDG_CONFIG_HOME=config) for _ in range(2))
        addresses = {line(first), line(second)}
        assert len(addresses) == 1 and addresses.pop().startswith("unix:path=" + place.path)
        daemon = place.process("bleproxyd")
        first.communicate(timeout=PATIENCE_S)
        assert first.returncode == 0 and place.process("bleproxyd") == daemon
        third = start_open(place, XDG_CONFIG_HOME=config)
        assert line(third)
        second.kill()
        second.communicate(timeout=PATIENCE_S)
        assert place.process("bleproxyd") == daemon
        assert third.communicate(timeout=PATIENCE_S)[1] == b"" and third.returncode == 0
        place.check_clean()


@contextlib.contextmanager
def sharing(*proxies):
    """A program that shares a daemon with those proxies, and how commands beside it are started."""
    place = Place()
    more = {**place.more, "XDG_CONFIG_HOME": configured(*proxies), "DBUS_SYSTEM_BUS_ADDRESS": ""}
    program = start_open(place, **more)
    assert line(program), program.communicate(timeout=PATIENCE_S)
    try:
        yield place, program, more
    finally:
        program.communicate(timeout=PATIENCE_S)
    place.check_clean()


def test_commands_beside_a_program_use_its_daemon():
    with sim(count=2) as proxies, sharing(*proxies) as (place, _, more):
        daemon = place.process("bleproxyd")
        for chosen in ([], ["-p", proxies[1]], ["-p", "proxy1"]):
            found = run("scan", "--json", "-t", "2", *chosen, **more).expect(0)
            assert found.error == "" and {each["proxy"] for each in found.objects()}, found.error
            assert run("why", *chosen, "Virtual Battery", **more).expect(0).error == ""
            assert run("read", *chosen, "Virtual Battery", "2a19", **more).expect(0).error == ""
        assert place.process("bleproxyd") == daemon


def test_a_command_does_not_keep_the_daemon_of_programs():
    with sim() as proxies, sharing(*proxies) as (_, program, more):
        command = start("scan", "--json", **more)
        assert command.stdout.readline()
        program.communicate(timeout=PATIENCE_S)
        error = command.communicate(timeout=PATIENCE_S)[1]
        assert b"bleproxyd has ended" in error, (command.returncode, error)


def test_a_bus_in_a_place_that_others_may_write_to_is_not_asked():
    with sim() as proxies, sharing(*proxies) as (place, _, more):
        os.chmod(os.path.join(place.path, "bleproxy"), 0o777)
        found = run("scan", "-t", "1", **more)
        os.chmod(os.path.join(place.path, "bleproxy"), 0o755)
        assert found.code != 0 and "in use by process" in found.error, found.error


def test_one_after_the_other_need_not_wait_for_each_other():
    place = Place()
    with sim() as proxies:
        config = configured(*proxies)
        for _ in range(3):
            assert place.run("true", XDG_CONFIG_HOME=config).expect(0).error == ""
            place.check_clean()


def test_a_configuration_of_its_own_means_a_daemon_of_its_own():
    place = Place()
    with sim() as proxies, sim() as others, private_daemon(place, "-p", proxies[0]) as (address, _):
        own = os.path.join(configured(others[0]), "bleproxy", "bleproxy.yaml")
        ask = "sh", "-c", "echo $DBUS_SYSTEM_BUS_ADDRESS"
        assert place.run(*ask, BLEPROXY_CONFIG=own).expect(0).out.strip() != address
        assert place.run("-c", own, *ask).expect(0).out.strip() != address
        assert place.run(*ask, BLEPROXY_CONFIG="").expect(0).out.strip() == address


def test_daemons_inherit_no_descriptors():
    place = Place()
    reader, writer = os.pipe()
    pipe = os.readlink(f"/proc/self/fd/{writer}")
    with sim() as proxies:
        process = start_open(place, pass_fds=[writer], XDG_CONFIG_HOME=configured(*proxies))
        assert line(process)
        assert pipe in opened(process)
        for name in ("bleproxyd", "dbus-daemon"):
            paths = opened(Process(place.process(name)))
            assert paths and pipe not in paths, paths
        process.communicate(timeout=PATIENCE_S)
    os.close(reader)
    os.close(writer)
    place.wait_until_clean()


def test_what_those_have_left_that_were_killed_with_their_daemons_is_removed():
    place = Place()
    with sim(count=3) as proxies:
        config = configured(proxies[2])
        for arguments in (("-p", proxies[0]), ("-p", proxies[1]), ()):
            process = start_open(place, *arguments, XDG_CONFIG_HOME=config)
            assert line(process)
            daemon = place.process("bleproxyd")
            for number in (signal.SIGSTOP, signal.SIGKILL):  # neither sees the other's end
                os.kill(process.pid, number)
                os.kill(daemon, number)
            process.communicate(timeout=PATIENCE_S)
            until(lambda: not place.processes(), place.processes)
            left = [path for path in place.files() if path.endswith("policy.conf")]
            assert len(left) == 1, left
        os.mkdir(os.path.join(place.path, "bleproxy", "run-abcdef"))  # and nothing more
        first = start_open(place, "-p", proxies[0], XDG_CONFIG_HOME=config)
        assert line(first)
        shared = start_open(place, XDG_CONFIG_HOME=config)
        assert line(shared)
        second = start_open(place, "-p", proxies[1], XDG_CONFIG_HOME=config)  # which lets those be that live
        assert line(second)
        left = [path for path in place.files() if path.endswith("policy.conf")]
        assert len(left) == 3, left
        for process in (second, shared, first):
            assert process.communicate(timeout=PATIENCE_S)[1] == b"" and process.returncode == 0
    place.wait_until_clean()


# ---- Lobbies of others ----


def test_a_daemon_that_runs_already_is_used_and_goes_on():
    place = Place()
    with sim() as proxies, private_daemon(place, "-p", proxies[0]) as (address, process):
        assert place.run("sh", "-c", "echo $DBUS_SYSTEM_BUS_ADDRESS").expect(0).out.strip() == address
        assert process.poll() is None
    place.check_clean()


def test_what_a_killed_daemon_has_left_is_no_hindrance():
    place = Place()
    with sim() as proxies:
        config = configured(*proxies)
        first = start_open(place, XDG_CONFIG_HOME=config)
        assert line(first)
        os.kill(place.process("bleproxyd"), signal.SIGKILL)
        first.communicate(timeout=PATIENCE_S)
        until(lambda: not place.processes(), place.processes)
        assert place.run("true", XDG_CONFIG_HOME=config).expect(0).error == ""
        place.check_clean()


def test_a_directory_that_others_may_enter_is_refused():
    place = Place()
    path = os.path.join(place.path, "open")
    os.mkdir(path, 0o755)
    os.chmod(path, 0o755)
    with sim() as proxies:
        result = subprocess.run([BLEPROXYD, "--private", path, "-p", proxies[0]], capture_output=True,
                                timeout=PATIENCE_S, check=False, env=environment(**place.more))
    assert result.returncode == 5 and b"nobody else may enter" in result.stderr, result


# ---- Who may say what on that bus ----


if __name__ == "__main__":
    main(globals())
