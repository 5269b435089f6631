#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""dbus-broker at a socket, without systemd: broker.py SOCKET CONFIGURATION. It says "ready" and goes on until it is killed.

Its launcher wants a journal to write to, and another bus for the services that it could start. Where there is no journal one is
made, in a mount namespace that we must be in already: `unshare --mount`."""
import ctypes
import os
import signal
import socket
import subprocess
import sys

PR_SET_PDEATHSIG = 1
JOURNAL = "/run/systemd/journal/socket"


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def make_journal():
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    os.makedirs(os.path.dirname(JOURNAL))
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(JOURNAL)
    return journal


def start_other_bus(folder):
    address = "unix:path=" + os.path.join(folder, "other")
    bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--print-address", "--address=" + address],
                           stdout=subprocess.PIPE, preexec_fn=die_with_parent)
    assert bus.stdout.readline(), "no bus for the launcher"
    return address


def launch(door, config, other):
    """Like systemd, with the socket as descriptor 3."""
    def prepare():
        die_with_parent()
        os.dup2(door.fileno(), 3)
        os.environ.update({"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "DBUS_SESSION_BUS_ADDRESS": other})
        os.execvp("dbus-broker-launch", ["dbus-broker-launch", "--scope", "user", "--config-file", config])
    return subprocess.Popen(["true"], close_fds=False, preexec_fn=prepare)


def main(path, config):
    journal = None if os.path.exists(JOURNAL) else make_journal()
    other = start_other_bus(os.path.dirname(path))
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen(64)
    broker = launch(door, config, other)
    print("ready", flush=True)
    while journal:
        journal.recv(65536)
    broker.wait()


main(*sys.argv[1:])
