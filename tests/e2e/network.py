# SPDX-License-Identifier: MIT
"""Networks of our own: this program in a network namespace, devices in others, with cables between them. Needs no
privileges where users may make namespaces."""
import contextlib
import os
import select
import signal
import subprocess
import sys
import time

from support import BLEPROXY, PATIENCE_S, environment, own

INSIDE = "BLEPROXY_E2E_NAMESPACE"
RESPONDER, RELAY = (os.path.join(os.path.dirname(os.path.abspath(__file__)), name) for name in ("responder.py", "relay.py"))


def skip(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def enter_namespace():
    """Runs this program again in a namespace of its own; skips it where that is not allowed."""
    if os.environ.get(INSIDE):
        prepare(lambda command: subprocess.run(["sh", "-c", command], check=True))
        return
    command = ["unshare", "--map-root-user", "--net", "--mount"]
    try:
        subprocess.run([*command, "ip", "link", "set", "lo", "up"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        skip("network namespaces cannot be made here")
    os.environ[INSIDE] = "1"
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def prepare(shell):
    """Addresses are usable at once."""
    shell("ip link set lo up; echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")


class Machine:
    """Another machine: a namespace that lives as long as a process in it."""

    def __init__(self):
        self.holder = own(subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", "echo; exec cat"],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        self.holder.stdout.readline()
        prepare(self.shell)
        self.processes = []

    def command(self, *command):
        return ["nsenter", f"--target={self.holder.pid}", "--net", "--mount", *command]

    def shell(self, command):
        subprocess.run(self.command("sh", "-c", command), check=True)

    def start(self, *command, **options):
        process = own(subprocess.Popen(self.command(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       env=environment(), **options))
        self.processes.append(process)
        return process

    def sim(self, listen, *options):
        """A virtual proxy there; returns when it can be connected to."""
        process = self.start(os.path.abspath(BLEPROXY), "sim", "--listen", listen, *options)
        assert process.stdout.readline()
        return process

    def responder(self, name, *addresses, port=6053, mac=None):
        """Its multicast DNS; returns when it can be asked."""
        process = self.start(sys.executable, RESPONDER, *(["--mac", mac] if mac else []), name, str(port), *addresses)
        assert process.stdout.readline() == b"ready\n"
        return process

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.holder.kill()
        self.holder.wait()


def tell(process, command):
    """Gives a responder or a relay an order; what it answers behind the order's first word."""
    process.stdin.write(command.encode() + b"\n")
    process.stdin.flush()
    word, *more = process.stdout.readline().decode().split()
    assert word == command.split()[0]
    return more


@contextlib.contextmanager
def machine():
    there = Machine()
    try:
        yield there
    finally:
        there.close()


def output(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def cable(there, name, here_address=None, there_address=None):
    """A cable to that machine: interface NAME here, eth0 there, up when it is returned."""
    shell = lambda command: subprocess.run(["sh", "-c", command], check=True)
    shell(f"ip link add {name} type veth peer name eth0 netns {there.holder.pid}")
    try:
        if there_address:
            there.shell(f"ip addr add {there_address} dev eth0")
        there.shell("ip link set eth0 up")
        if here_address:
            shell(f"ip addr add {here_address} dev {name}")
        shell(f"ip link set {name} up")
        for end in (["ip", "link", "show", name], there.command("ip", "link", "show", "eth0")):
            wait_until(lambda: "state UP" in output(end))  # pylint: disable=cell-var-from-loop
        yield
    finally:
        subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def bad_cable(there, name, here_address, there_address, loss=0, delay_ms=0, seed=1):
    """As cable(), through a relay; the value is its process, for tell(). By IPv4 alone, so that what the dice are thrown for
    does not depend on what IPv6 does by itself."""
    shell = lambda command: subprocess.run(["sh", "-c", command], check=True)
    with machine() as middle:
        for end in (shell, there.shell, middle.shell):
            end("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6")
        shell(f"ip link add {name} type veth peer name west netns {middle.holder.pid}")
        try:
            shell(f"ip link add {name}- type veth peer name east netns {middle.holder.pid} && "
                  f"ip link set {name}- netns {there.holder.pid} name eth0")
            middle.shell("ip link set west up && ip link set east up")
            there.shell(f"ip addr add {there_address} dev eth0 && ip link set eth0 up")
            shell(f"ip addr add {here_address} dev {name} && ip link set {name} up")
            relay = middle.start(sys.executable, RELAY, "west", "east", str(loss), str(delay_ms), str(seed))
            assert relay.stdout.readline() == b"ready\n"
            yield relay
        finally:
            subprocess.run(["ip", "link", "del", name], check=False, stderr=subprocess.DEVNULL)
            shell("echo 0 > /proc/sys/net/ipv6/conf/default/disable_ipv6")


def link_local(there):
    command = there.command("ip", "-6", "addr", "show", "dev", "eth0", "scope", "link")
    wait_until(lambda: "inet6 " in output(command))
    return output(command).split("inet6 ")[1].split("/")[0]


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE_S)


class Lines:
    """What a process says on one of its pipes, line by line."""

    def __init__(self, pipe):
        self.pipe, self.seen = pipe, []
        os.set_blocking(pipe.fileno(), False)
        self.rest = b""

    def wait_for(self, word, seconds=PATIENCE_S):
        """The next line with word; how long it took."""
        begun = time.monotonic()
        while True:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                self.seen.append(line.decode())
                if word in self.seen[-1]:
                    return self.seen[-1], time.monotonic() - begun
            left = begun + seconds - time.monotonic()
            comes = left > 0 and select.select([self.pipe], [], [], left)[0]
            assert comes, f"no {word!r} within {seconds} s: {self.seen[-20:]}"
            part = self.pipe.read(65536)
            assert part, f"it ended before {word!r}: {self.seen[-20:]}"
            self.rest += part

    def drain(self):
        """What else it has said, now or at its end, is seen."""
        while (part := self.pipe.read(65536)):
            self.rest += part
        *lines, self.rest = self.rest.split(b"\n")
        self.seen += [line.decode() for line in lines]


AVAHI = """[server]
host-name={host}
use-ipv4=yes
use-ipv6=yes
enable-dbus=no
[publish]
publish-hinfo=no
publish-workstation=no
[rlimits]
"""
AVAHI_SERVICE = """<?xml version="1.0" standalone='no'?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>{name}</name><service><type>_esphomelib._tcp</type><port>6053</port>
<txt-record>version=2026.8.0</txt-record><txt-record>mac=a4c138000002</txt-record></service></service-group>
"""


def avahi(shell, command, host, service=None):
    """An Avahi daemon; command(...) is a command line in the namespace where it is to run."""
    shell("mount -t tmpfs none /run && mkdir -p /run/avahi-daemon && mount -t tmpfs none /etc/avahi && "
          "mkdir /etc/avahi/services")
    # Its user has no number here but root's.
    for name in ("passwd", "group"):
        shell(f"sed 's/^avahi:x:[0-9]*:[0-9]*/avahi:x:0:0/; s/^avahi:x:[0-9]*:$/avahi:x:0:/' /etc/{name} > /run/{name} && "
              f"mount --bind /run/{name} /etc/{name}")
    shell(f"cat > /etc/avahi/avahi-daemon.conf <<'X'\n{AVAHI.format(host=host)}X")
    if service:
        shell(f"cat > /etc/avahi/services/x.service <<'X'\n{AVAHI_SERVICE.format(name=service)}X")
    process = own(subprocess.Popen(command("avahi-daemon", "--no-drop-root", "--no-chroot", "--no-proc-title"),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    log = Lines(process.stderr)
    log.wait_for("Server startup complete")
    return process, log
