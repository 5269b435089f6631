#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`bleproxy run` where other users have been before, and its lobby."""
import contextlib
import os
import resource
import subprocess
import sys

from e2e import PATIENCE_S, Skip, environment, home, main, sim
from place import (BLEPROXY, NOBODY, Place, as_root, closed_port, configured, line, lobby, private_daemon, spawn, until, world)
from support import House

LURE = """
import os, socket, sys
path, uid, says = sys.argv[1], int(sys.argv[2]), sys.argv[3]
door = socket.socket(socket.AF_UNIX)
door.bind(path)
os.chmod(path, 0o666)
os.setresuid(uid, uid, uid)
door.listen()
print("open", flush=True)
guest, _ = door.accept()
try:
    guest.sendall(says.encode())
except OSError:
    pass  # it has seen who we are
sys.stdin.read()
"""


@contextlib.contextmanager
def lure(path, uid, address):
    """A lobby of another user's, who wants something to be run."""
    process = spawn([sys.executable, "-c", LURE, path, str(uid), f"bus {address}\nready\n"], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE)
    assert line(process) == "open"
    yield process
    process.kill()
    process.communicate()


def trap(folder):
    """An address that makes who connects to it run something; and the trace of that."""
    trace = os.path.join(folder, "trace")
    return f"unixexec:path=/usr/bin/touch,argv1={trace}", trace


TELL = "sh", "-c", "echo $DBUS_SYSTEM_BUS_ADDRESS; busctl --system list >/dev/null"


def test_a_place_that_another_user_has_made_is_not_used():
    as_root()
    place = Place()
    os.chmod(place.path, 0o777)  # which is how the other has come to make it
    folder = os.path.join(place.path, "bleproxy")
    os.makedirs(os.path.join(folder, "bus"))
    address, trace = trap(place.path)
    for path in (folder, os.path.join(folder, "bus")):
        os.chown(path, NOBODY, NOBODY)
    with sim() as proxies, lure(os.path.join(folder, "bus", "lobby"), NOBODY, address):
        out = place.run(*TELL, XDG_CONFIG_HOME=configured(*proxies)).expect(0).out
    assert out.startswith("unix:path=/tmp/bleproxy-run-"), out
    assert not os.path.exists(trace)
    assert place.files() == [os.path.join(folder, "bus"), os.path.join(folder, "bus", "lobby")], place.files()


def test_a_place_that_others_may_write_to_is_not_used():
    place = Place()
    folder = os.path.join(place.path, "bleproxy")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    with sim() as proxies:
        out = place.run(*TELL, XDG_CONFIG_HOME=configured(*proxies)).expect(0).out
    assert out.startswith("unix:path=/tmp/bleproxy-run-"), out


def test_nothing_is_made_in_a_runtime_directory_of_another_user():
    as_root()
    place = Place()
    os.chown(place.path, NOBODY, NOBODY)
    with sim() as proxies:
        for arguments in ((), ("-p", proxies[0])):
            out = place.run(*arguments, *TELL, XDG_CONFIG_HOME=configured(*proxies)).expect(0).out
            assert out.startswith("unix:path=/tmp/bleproxy-run-"), out
    assert not os.listdir(place.path)


def test_a_lobby_of_another_user_in_our_own_place_is_not_believed():
    as_root()
    place = Place()
    folder = os.path.join(place.path, "bleproxy", "bus")
    os.makedirs(folder, mode=0o700)
    os.chmod(folder, 0o700)
    address, trace = trap(place.path)
    with sim() as proxies, lure(os.path.join(folder, "lobby"), NOBODY, address):
        out = place.run(*TELL, XDG_CONFIG_HOME=configured(*proxies)).expect(0).out
    assert out.strip() == f"unix:path={folder}/socket", out
    assert not os.path.exists(trace)


def test_an_address_that_is_more_than_a_socket_is_refused():
    path = "unix:path=/run/dbus/system_bus_socket"
    for says in (trap(home.name)[0], "tcp:host=127.0.0.1,port=1", "unix:abstract=/x", path + ";" + path, path + ",x=y",
                 path + ",guid=", path + ",guid=" + "0" * 31, path + " ", "unix:path=x", ""):
        place = Place()
        with lobby(place, "bus " + says, "ready"):
            assert place.run("echo", "it ran").expect(5, "names no bus").out == ""
    place = Place()
    with lobby(place, "ready"):
        assert place.run("echo", "it ran").expect(5, "names no bus").out == ""
    for says in (path, path + ",guid=" + "0123456789abcdef" * 2):
        place = Place()
        with lobby(place, "bus " + says, "ready"):
            assert place.run("sh", "-c", "echo $DBUS_SYSTEM_BUS_ADDRESS").expect(0).out.strip() == says


SYSTEM = """
mount -t tmpfs -o mode=755 run /run && mkdir -m "$1" /run/bleproxy && chown "$2" /run/bleproxy || exit 99
shift 2
exec "$@"
"""


def test_the_systems_lobby_is_believed_only_when_it_is_its_owners():
    """In a world where /run is our own."""
    as_root()
    path = "unix:path=/nowhere"
    client = f"""
import os, subprocess, sys
lobby = subprocess.Popen([sys.executable, "-c", sys.argv[1], "/run/bleproxy/lobby", *sys.argv[2:4]], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
assert lobby.stdout.readline() == b"open\\n"
code = subprocess.call([{BLEPROXY!r}, "run", "-t", sys.argv[4], "sh", "-c", "echo $DBUS_SYSTEM_BUS_ADDRESS"])
lobby.kill()
sys.exit(code)
"""
    for mode, owner, server, believed in (("755", NOBODY, NOBODY, True), ("755", NOBODY, 0, True), ("755", 0, 0, True),
                                          ("755", NOBODY, 2, False), ("755", 0, NOBODY, False),
                                          ("777", NOBODY, NOBODY, False)):
        place = Place()
        words = ["unshare", "--mount", "sh", "-c", SYSTEM, "sh", mode, str(owner), sys.executable, "-c", client, LURE,
                 str(server), f"bus {path}\nready\n", "30" if believed else "1"]  # nobody is waited for otherwise
        with closed_port() as nobody:
            more = {**place.more, "XDG_CONFIG_HOME": configured(nobody)}
            for runtime in (place.path, ""):
                result = subprocess.run(words, capture_output=True, timeout=PATIENCE_S, check=False,
                                        env=environment(**{**more, "XDG_RUNTIME_DIR": runtime}))
                if result.returncode == 99 or b"unshare failed" in result.stderr:
                    raise Skip("no file system can be mounted here")
                expected = (0, path + "\n") if believed else (4, "")
                assert (result.returncode, result.stdout.decode()) == expected, (mode, owner, server, result)


CROWD = """
import socket, sys
def enter():
    guest = socket.socket(socket.AF_UNIX)
    guest.connect(sys.argv[1])
    return guest
guests = [enter() for _ in range(int(sys.argv[2]))]
print(*(guest.makefile().readline().split()[0] for guest in guests), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def crowd(path, count, **more):
    """So many in that lobby; the first words that they were told."""
    process = spawn([sys.executable, "-c", CROWD, path, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
                    **more)
    yield line(process).split()
    process.communicate()


def test_a_lobby_that_is_full_says_so():
    place = Place()
    with sim() as proxies, private_daemon(place, "-p", proxies[0]) as (address, _):
        path = os.path.join(os.path.dirname(address.split("=")[1]), "lobby")
        with crowd(path, 257) as told:
            assert told == ["bus"] * 256 + ["full"], told
            assert place.run("echo", "it ran").expect(5, "as many programs as it takes").out == ""
        until(lambda: place.run("true").code == 0, lambda: "it stays full")


def test_a_daemon_without_descriptors_says_so_and_does_not_spin():
    place = Place()
    with sim() as proxies, private_daemon(place, "-p", proxies[0]) as (address, daemon):
        path = os.path.join(os.path.dirname(address.split("=")[1]), "lobby")
        taken = {int(number) for number in os.listdir(f"/proc/{daemon.pid}/fd")}
        free = min(set(range(len(taken) + 1)) - taken)
        limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (free, limits[1]))
        for _ in range(2):
            with crowd(path, 3) as told:
                assert told == ["full"] * 3, told
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
        with crowd(path, 1) as told:
            assert told == ["bus"], told


def test_one_user_cannot_take_all_places():
    as_root()
    with sim() as proxies, world() as folder, contextlib.closing(House(proxies, ())) as it:
        it.state["RUNTIME_DIRECTORY"], path = folder, os.path.join(folder, "lobby")
        it.start_daemon()
        until(lambda: os.path.exists(path), lambda: "no lobby")
        with crowd(path, 65, user=NOBODY, group=NOBODY, extra_groups=[]) as told:
            assert told == ["bus"] * 64 + ["full"], told
            with crowd(path, 1, user=2, group=2, extra_groups=[]) as of_another, crowd(path, 100) as of_root:
                assert of_another == ["bus"] and of_root == ["bus"] * 100, (of_another, of_root)
        it.stop_daemon()


if __name__ == "__main__":
    main(globals())
