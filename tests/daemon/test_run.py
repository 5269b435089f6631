#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`bleproxy run`: a program is run as if it was called itself, and nothing is left behind."""
import asyncio
import contextlib
import fcntl
import os
import pty
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

from dbus_fast import Message, MessageType

from e2e import PATIENCE_S, Skip, environment, home, main, module, sim
from support import ADAPTER, BLEPROXYD, DEVICE, HCI0, OBJECT_MANAGER, PROPERTIES, Client, House, run as wait

BLEPROXY, KEY, OTHER_KEY, closed_port = module.BLEPROXY, module.KEY, module.OTHER_KEY, module.closed_port
run, start, write, started = module.run, module.start, module.write, module.started

ENDED_S = 10  # two for the daemon, and a slow machine
DRIVER = "org.freedesktop.DBus"


class Place:
    """A user's runtime directory, and what runs in it."""

    def __init__(self):
        self.path = tempfile.mkdtemp(dir=home.name, prefix="rt")
        self.more = {"XDG_RUNTIME_DIR": self.path, "PATH": os.path.dirname(BLEPROXYD) + ":" + os.environ["PATH"]}

    def run(self, *arguments, **more):
        return run("run", *arguments, **self.more, **more)

    def start(self, *arguments, **more):
        return start("run", *arguments, **self.more, **more)

    def processes(self):
        """Of all that has this runtime directory: its command line by its number."""
        found = {}
        for number in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{number}/environ", "rb") as file:
                    if f"XDG_RUNTIME_DIR={self.path}".encode() in file.read().split(b"\0"):
                        with open(f"/proc/{number}/cmdline", "rb") as words:
                            found[int(number)] = words.read().replace(b"\0", b" ").decode()
        return {number: words for number, words in found.items() if words}

    def process(self, name):
        numbers = [number for number, words in self.processes().items() if name in words.split()[0]]
        assert len(numbers) == 1, f"{name}: {self.processes()}"
        return numbers[0]

    def files(self):
        """All but locks of proxies."""
        return [os.path.join(folder, name) for folder, folders, names in os.walk(self.path)
                for name in folders + names if not name.endswith(".lock") and name != "bleproxy"]

    def is_clean(self):
        return not self.processes() and not self.files()

    def check_clean(self):
        assert self.is_clean(), f"{self.processes()} {self.files()}"

    def wait_until_clean(self):
        until(self.is_clean, lambda: f"{self.processes()} {self.files()}", ENDED_S)


def configured(*proxies):
    """A directory for XDG_CONFIG_HOME, in which they are."""
    path = tempfile.mkdtemp(dir=home.name, prefix="config")
    os.mkdir(os.path.join(path, "bleproxy"))
    with open(os.path.join(path, "bleproxy", "bleproxy.yaml"), "w", encoding="ascii") as file:
        file.write("proxies:\n")
        for number, proxy in enumerate(proxies):
            host, port = proxy.rsplit(":", 1)
            file.write(f"  - {{name: proxy{number}, address: {host}, port: {port}}}\n")
    return path


def spawn(*arguments, **more):
    """What ends with the test, if not before."""
    process = subprocess.Popen(*arguments, **more)
    started.append(process)
    return process


def until(holds, what, patience_s=PATIENCE_S):
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end, f"not within {patience_s} s: {what()}"
        time.sleep(0.02)


def state(number):
    """R, S, T (stopped), Z, or "" when there is no such process."""
    try:
        with open(f"/proc/{number}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def line(process):
    return process.stdout.readline().decode().strip()


# Says which signals it gets, until it is told to end.
WITNESS = """
import os, signal, sys
for name in sys.argv[1:]:
    signal.signal(getattr(signal, name), lambda number, _: os.write(1, signal.Signals(number).name.encode() + b"\\n"))
os.write(1, b"pid %d\\n" % os.getpid())
while True:
    signal.pause()
"""


def witness(*names):
    return "--", sys.executable, "-c", WITNESS, *names


@contextlib.contextmanager
def running(*arguments):
    """`bleproxy run` with that program and a proxy, and the process number that the program says. In a process group of its
    own, as a shell starts it: one that has nobody to continue it cannot be stopped by SIGTSTP."""
    place = Place()
    with sim() as proxies:
        process = place.start("-p", proxies[0], *arguments, process_group=0)
        words = line(process).split()
        assert words and words[0] == "pid", process.communicate()
        try:
            yield place, process, int(words[1])
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(words[1]), signal.SIGKILL)
            process.communicate(timeout=PATIENCE_S)
        place.wait_until_clean()


# ---- A program like any other ----


def test_the_exit_code_and_the_output_are_the_programs():
    place = Place()
    with sim() as proxies:
        result = place.run("-p", proxies[0], "--", "sh", "-c", "echo out; echo err >&2; exit 7").expect(7)
    assert (result.out, result.error) == ("out\n", "err\n"), (result.out, result.error)
    place.check_clean()


def test_a_program_that_dies_of_a_signal_gives_128_and_its_number():
    place = Place()
    with sim() as proxies:
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            place.run("-p", proxies[0], "--", "sh", "-c", f"kill -{int(number)} $$").expect(128 + number)
    place.check_clean()


def test_options_behind_the_program_are_its_own_with_and_without_dashes():
    place = Place()
    with sim() as proxies:
        for dashes in ([], ["--"]):
            assert place.run("-p", proxies[0], *dashes, "echo", "-p", "--help", "--").expect(0).out == "-p --help --\n"


def test_standard_input_reaches_the_program():
    place = Place()
    data = bytes(range(256)) * 1000
    with sim() as proxies:
        process = spawn([BLEPROXY, "run", "-p", proxies[0], "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        env=environment(**place.more))
        assert process.communicate(data, timeout=PATIENCE_S)[0] == data
    assert process.returncode == 0


def test_the_program_has_no_descriptors_and_no_blocked_signals_of_ours():
    script = ("import os, signal; print(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1], "
              "signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getsignal(signal.SIGINT) is signal.default_int_handler)")
    place = Place()
    with sim() as proxies:
        assert place.run("-p", proxies[0], sys.executable, "-c", script).expect(0).out == "[0, 1, 2] set() True\n"


def test_the_program_finds_the_adapter_and_nothing_of_ours_else():
    place = Place()
    with sim("--name", "kitchen") as proxies:
        words = ["busctl", "--system", "get-property", "org.bluez", HCI0, ADAPTER, "Powered"]
        assert place.run("-p", proxies[0], "--", *words).expect(0).out == "b true\n"


def test_bluetoothctl_finds_a_device():
    place = Place()
    with sim() as proxies:
        for seconds in (3, 15):  # it ends after them, and not before
            out = place.run("-p", proxies[0], "--", "bluetoothctl", "--timeout", str(seconds), "scan", "on").expect(0).out
            if "Device" in out:
                break
    assert "Discovery started" in out and "Device" in out, out


def test_ten_lines_of_bleak_read_a_temperature():
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "thermometer.py")
    place = Place()
    with sim() as proxies:
        result = place.run("-p", proxies[0], "--", "/usr/bin/python3", script, "Virtual Tower").expect(0)
    assert "  21.0 °C\n" in result.out and result.error == "", result.error


def test_without_a_runtime_directory_the_bus_is_elsewhere():
    with sim() as proxies:
        result = run("run", "-p", proxies[0], "sh", "-c", "echo $DBUS_SYSTEM_BUS_ADDRESS", XDG_RUNTIME_DIR="",
                     PATH=Place().more["PATH"]).expect(0)
    path = result.out.strip().removeprefix("unix:path=")
    assert path.startswith("/tmp/bleproxy-run-") and not os.path.exists(os.path.dirname(path)), path


def test_the_name_of_the_directory_may_be_anything():
    place = Place()
    place.path += "/a é,:; 'b\"&<"
    place.more["XDG_RUNTIME_DIR"] = place.path
    os.makedirs(place.path)
    with sim() as proxies:
        words = ["busctl", "--system", "get-property", "org.bluez", HCI0, ADAPTER, "Powered"]
        for more in (["-p", proxies[0]], []):
            result = place.run(*more, "--", *words, XDG_CONFIG_HOME=configured(*proxies)).expect(0)
            assert (result.out, result.error) == ("b true\n", ""), result.error
    place.check_clean()
    long = os.path.join(place.path, "x" * 120)
    os.mkdir(long)
    with closed_port() as nobody:
        run("run", "-p", nobody, "true", XDG_RUNTIME_DIR=long, PATH=place.more["PATH"]).expect(2, "would be too long")


# ---- Signals ----


def test_signals_that_we_are_sent_reach_the_program():
    names = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGWINCH"]
    with running(*witness(*names)) as (_, process, _):
        for name in names:
            process.send_signal(getattr(signal, name))
            assert line(process) == name


def test_a_signal_that_ends_the_program_is_its_exit_code():
    with running(*witness()) as (place, process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
        place.check_clean()


def test_a_program_that_is_stopped_stops_us_and_goes_on_with_us():
    with running(*witness("SIGUSR1", "SIGCONT")) as (_, process, pid):
        for stop in (lambda: process.send_signal(signal.SIGTSTP), lambda: os.kill(pid, signal.SIGSTOP)):
            stop()
            until(lambda: state(pid) == "T" and state(process.pid) == "T", lambda: (state(pid), state(process.pid)))
            process.send_signal(signal.SIGCONT)
            assert line(process) == "SIGCONT"
            os.kill(pid, signal.SIGUSR1)
            while (word := line(process)) == "SIGCONT":  # from the one who let us go on, and from us
                pass
            assert word == "SIGUSR1"


class Process:
    """One that is not our child."""

    def __init__(self, pid):
        self.pid = pid


class Screen:
    """A terminal of its own, with a shell's process group in the foreground."""

    def __init__(self, place, *arguments):
        self.master, slave = pty.openpty()
        self.resize(24, 80)

        def lead():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = spawn([BLEPROXY, "run", *arguments], stdin=slave, stdout=slave, stderr=slave, preexec_fn=lead,
                             env=environment(**place.more))
        os.close(slave)
        self.seen = b""

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, word):
        end = time.monotonic() + PATIENCE_S
        while word.encode() not in self.seen:
            assert select.select([self.master], [], [], max(0, end - time.monotonic()))[0], self.seen
            try:
                self.seen += os.read(self.master, 65536)
            except OSError:
                raise AssertionError(f"it ended: {self.seen}") from None

    def type(self, keys):
        os.write(self.master, keys)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@contextlib.contextmanager
def screen(*arguments):
    place = Place()
    with sim() as proxies:
        shown = Screen(place, "-p", proxies[0], *arguments)
        try:
            yield shown
        finally:
            shown.close()
        place.wait_until_clean()


def test_the_program_has_the_terminal_and_what_is_typed_there_comes_once():
    script = """
import os, signal, sys, time
def on(number, _): os.write(1, b"got " + signal.Signals(number).name.encode() + b"\\n")
for number in (signal.SIGINT, signal.SIGWINCH, signal.SIGQUIT): signal.signal(number, on)
print("foreground", os.tcgetpgrp(0) == os.getpgrp(), os.isatty(1), flush=True)
for line in sys.stdin: print("read", line.strip(), os.get_terminal_size().lines, flush=True)
"""
    with screen("--", sys.executable, "-c", script) as shown:
        shown.wait_for("foreground True True")
        shown.type(b"hello\n")
        shown.wait_for("read hello 24")
        shown.type(b"\x03")
        shown.wait_for("got SIGINT")
        shown.resize(50, 80)
        shown.wait_for("got SIGWINCH")
        shown.type(b"again\n")
        shown.wait_for("read again 50")
        assert shown.seen.count(b"got SIGINT") == 1 and shown.process.poll() is None, shown.seen
        shown.type(b"\x04")
        assert shown.process.wait(PATIENCE_S) == 0


def test_bluetoothctl_works_on_a_terminal():
    with screen("--", "bluetoothctl") as shown:
        shown.wait_for("#")
        shown.type(b"show\n")
        shown.wait_for("Powered: yes")
        shown.type(b"quit\n")
        assert shown.process.wait(PATIENCE_S) == 0


def test_ctrl_c_while_a_proxy_is_waited_for_ends_it():
    place = Place()
    with closed_port() as nobody:
        with contextlib.closing(Screen(place, "-p", nobody, "-t", "60", "--", "echo", "it ran")) as shown:
            shown.wait_for("waiting for a proxy")
            shown.type(b"\x03")
            assert shown.process.wait(PATIENCE_S) == 130
            place.check_clean()
    assert b"it ran" not in shown.seen


def ignoring(*numbers):
    """For preexec_fn: as a shell or nohup starts it."""
    return lambda: [signal.signal(number, signal.SIG_IGN) for number in numbers]


def test_that_the_end_of_children_is_ignored_is_no_hindrance_and_reaches_the_program():
    script = "import signal; print(signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN)"
    place = Place()
    with sim() as proxies:
        process = spawn([BLEPROXY, "run", "-p", proxies[0], "--", sys.executable, "-c", script], stdout=subprocess.PIPE,
                        env=environment(**place.more), preexec_fn=ignoring(signal.SIGCHLD))
        assert process.communicate(timeout=PATIENCE_S)[0] == b"True\n" and process.returncode == 0
    place.check_clean()


def test_a_signal_that_is_ignored_does_not_end_the_wait_and_reaches_the_program():
    place = Place()
    ignored = ("SIGHUP", "SIGINT")
    with closed_port() as nobody:
        process = spawn([BLEPROXY, "run", "-p", nobody, "-t", "60", *witness(*ignored)], stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE, env=environment(**place.more),
                        preexec_fn=ignoring(*(getattr(signal, name) for name in ignored)))
        until(lambda: any("bleproxyd" in words for words in place.processes().values()), place.processes)
        for name in ignored:
            process.send_signal(getattr(signal, name))
    with sim("--listen", nobody):
        assert line(process).startswith("pid ")
        for name in ignored:
            process.send_signal(getattr(signal, name))
            assert line(process) == name
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    place.wait_until_clean()


def opened(process):
    """What it has open."""
    folder, paths = f"/proc/{process.pid}/fd", []
    with contextlib.suppress(OSError):
        for number in os.listdir(folder):
            with contextlib.suppress(OSError):
                paths.append(os.readlink(os.path.join(folder, number)))
    return paths


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


@contextlib.contextmanager
def lobby(place, *says, backlog=16):
    """One of this user that is none of bleproxyd. Each that comes in is told these lines."""
    folder = os.path.join(place.path, "bleproxy", "bus")
    os.makedirs(folder, mode=0o700)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(os.path.join(folder, "lobby"))
        door.listen(backlog)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    guest, _ = door.accept()
                    with guest:
                        guest.sendall("".join(text + "\n" for text in says).encode())
                        guest.recv(1)

        server = threading.Thread(target=serve, daemon=True)
        if says:
            server.start()
        try:
            yield door
        finally:
            door.shutdown(socket.SHUT_RDWR)
        if says:
            server.join(PATIENCE_S)


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


def test_killed_it_leaves_nothing_not_even_the_program():
    with running(*witness()) as (place, process, pid):
        bus, daemon = place.process("dbus-daemon"), place.process("bleproxyd")
        process.kill()
        process.wait()
        until(lambda: not state(pid) or state(pid) == "Z", lambda: "the program lives")
        until(lambda: not state(bus) and not state(daemon), place.processes, ENDED_S)


def test_a_daemon_that_is_killed_is_told_and_takes_its_bus_along():
    with running(*witness("SIGUSR1")) as (place, process, pid):
        bus = place.process("dbus-daemon")
        os.kill(place.process("bleproxyd"), signal.SIGKILL)
        assert b"bleproxyd has ended" in process.stderr.readline()
        until(lambda: not state(bus), place.processes)
        os.kill(pid, signal.SIGUSR1)
        assert line(process) == "SIGUSR1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
        place.check_clean()


ASK = "--", "sh", "-c", "echo $DBUS_SYSTEM_BUS_ADDRESS; cat"


def start_open(place, *arguments, pass_fds=(), preexec_fn=None, **more):
    """A program that goes on until its input ends."""
    return spawn([BLEPROXY, "run", *arguments, *ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                 pass_fds=pass_fds, preexec_fn=preexec_fn, env=environment(**{**place.more, **more}))


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


def as_root():
    if os.geteuid() != 0:
        raise Skip("only root can be two users")


@contextlib.contextmanager
def world():
    """A directory that everybody can reach."""
    with tempfile.TemporaryDirectory(prefix="bleproxy-world-") as path:
        os.chmod(path, 0o755)
        yield path


NOBODY = 65534
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


@contextlib.contextmanager
def private_daemon(place, *options):
    """A bleproxyd that runs by itself, where `bleproxy run` looks for it; the address of its bus."""
    os.makedirs(os.path.join(place.path, "bleproxy"), exist_ok=True)
    path = os.path.join(place.path, "bleproxy", "bus")
    process = spawn([BLEPROXYD, "--private", path, *options], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    env=environment(**place.more))
    try:
        until(lambda: os.path.exists(os.path.join(path, "lobby")), lambda: "no lobby")
        yield f"unix:path={path}/socket", process
    finally:
        process.send_signal(signal.SIGTERM)
        error = process.communicate(timeout=PATIENCE_S)[1].decode()
    assert process.returncode == 0 and "Sanitizer" not in error, error


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


def driver(client, member, *arguments):
    return client.ask(DRIVER, "/org/freedesktop/DBus", DRIVER, member, *arguments)


def refused(client, *arguments):
    try:
        driver(client, *arguments)
    except Exception as error:  # pylint: disable=broad-except
        assert "AccessDenied" in str(error), error
        return
    raise AssertionError(f"{arguments} is allowed")


def test_nobody_may_own_or_wait_for_the_name():
    place = Place()
    with sim() as proxies, private_daemon(place, "-p", proxies[0]) as (address, _):
        impostor = Client(address)
        for flags in (0, 1, 2, 4):
            refused(impostor, "RequestName", "su", "org.bluez", flags)
        refused(impostor, "RequestName", "su", "org.example", 0)
        impostor.close()


class Listener(Client):
    """Gets every signal there is."""

    def __init__(self, address):
        super().__init__(address, listens=False)
        self.heard = []
        self.bus.add_message_handler(self.hear)
        driver(self, "AddMatch", "s", "type='signal'")

    def hear(self, message):
        if message.message_type == MessageType.SIGNAL:
            self.heard.append(message)
        else:
            self.on_message(message)


def forge(client, path, interface, member, signature, body, destination=None):
    wait(client.bus.send(Message(message_type=MessageType.SIGNAL, destination=destination, path=path, interface=interface,
                                 member=member, signature=signature, body=body)))


def test_forged_signals_reach_no_program():
    place = Place()
    with sim() as proxies, private_daemon(place, "-p", proxies[0]) as (address, _):
        place.run("true").expect(0)  # when there is a proxy to discover with
        listener, forger = Listener(address), Client(address)
        fake = HCI0 + "/dev_00_00_00_00_00_01"
        for destination in (None, listener.bus.unique_name, "org.bluez"):
            for path in ("/", fake, "/elsewhere"):
                forge(forger, path, OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [fake, {DEVICE: {}}], destination)
                forge(forger, path, OBJECT_MANAGER, "InterfacesRemoved", "oas", [fake, [DEVICE]], destination)
                forge(forger, path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [DEVICE, {}, []], destination)
                forge(forger, path, DEVICE, "Disconnected", "ss", ["", ""], destination)
        driver(forger, "GetId")
        listener.adapter("StartDiscovery")  # what is genuine comes, behind all that
        owner = driver(listener, "GetNameOwner", "s", "org.bluez")
        wait(heard_from(listener, owner, "PropertiesChanged"))
        strangers = [message for message in listener.heard if message.sender not in (owner, DRIVER)]
        assert not strangers, strangers
        forger.close()
        listener.close()


async def heard_from(listener, sender, member):
    while not any((message.sender, message.member) == (sender, member) for message in listener.heard):
        await asyncio.sleep(0.02)


def test_signals_of_programs_about_their_monitors_reach_the_daemon():
    """Seen by a receiver that has the same rights: the policy names who may send to the owner of the name."""
    place = Place()
    with sim() as proxies, private_daemon(place, "-p", proxies[0]) as (address, process):
        with open(os.path.join(os.path.dirname(address.split("=")[1]), "policy.conf"), encoding="ascii") as file:
            policy = file.read()
        assert process.poll() is None
    assert "allow own" not in policy
    path = tempfile.mkdtemp(dir=home.name)
    policy = policy.replace(address, f"unix:path={path}/bus").replace('<deny own="*"/>', '<allow own="org.bluez"/>')
    config = write("unsealed.conf", policy)
    bus = spawn(["dbus-daemon", "--nofork", "--print-address", "--config-file=" + config], stdout=subprocess.PIPE)
    try:
        bus.stdout.readline()
        daemon, program = Listener(f"unix:path={path}/bus"), Client(f"unix:path={path}/bus")
        assert driver(daemon, "RequestName", "su", "org.bluez", 4) == 1
        forge(program, "/org/program/monitor", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", ["/org/program/monitor", {}])
        wait(heard_from(daemon, program.bus.unique_name, "InterfacesAdded"))
        daemon.close()
        program.close()
    finally:
        bus.kill()
        bus.wait()
        bus.stdout.close()


if __name__ == "__main__":
    main(globals())
