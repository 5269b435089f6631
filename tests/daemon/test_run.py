#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`bleproxy run`: a program is run as if it was called itself, and nothing is left behind."""
import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

from e2e import PATIENCE_S, environment, main, sim
from place import BLEPROXY, ENDED_S, Place, closed_port, configured, line, run, spawn, state, until
from support import ADAPTER, HCI0

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
            assert line(process) == "SIGUSR1"  # not a second SIGCONT, which could undo the next stop


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


if __name__ == "__main__":
    main(globals())
