#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy top, on terminals of all kinds and elsewhere."""
import contextlib
import os
import re
import signal
import time

from fake_proxy import ACTIVE_CONNECTIONS, FIRST_DEVICE, PASSIVE_SCAN, RAW_ADVERTISEMENTS, FakeProxy
from support import (ENTER, LEAVE, PATIENCE_S, Terminal, closed_port, elsewhere, given_time, hear, main, own_address, run, sim,
                     start, width)

ADDRESS = r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}"
LAMP = b"\x05\x09Lamp"


def options(proxies):
    return [argument for proxy in proxies for argument in ("-p", proxy)]


def quit_(terminal):
    terminal.send("q")
    assert terminal.close() == 0


def is_full(lines):
    """All proxies are connected, and many devices were heard."""
    return "all well" in lines[0] and any(re.match(r"[2-9]\d devices|1\d\d devices", line) for line in lines)


def check_fits(lines, columns, rows):
    assert len(lines) <= rows, lines
    for line in lines:
        assert width(line) <= columns, (columns, line)


@contextlib.contextmanager
def one_sim(name, address, *more):
    """A proxy in a process of its own, to be killed."""
    process = start("sim", "--listen", address, "--name", name, *more)
    try:
        yield process, process.stdout.readline().decode().split()[1]
    finally:
        process.kill()
        process.communicate()


def test_80_by_24():
    with sim(count=3) as proxies:
        terminal = Terminal("top", *options(proxies), columns=80, rows=24)
        lines = terminal.wait_for_frame(is_full)
        check_fits(lines, 80, 24)
        assert len(lines) == 24
        assert re.fullmatch(r"3 proxies, all well; \d+ adverts/s", lines[0])
        assert re.fullmatch(r"PROXY +STATE +FIRMWARE +ADV/S +LAST \d+ s +MAX +DEVICES +SLOTS", lines[1])
        for i in (1, 2, 3):
            assert re.fullmatch(rf"sim-proxy-{i}  connected +2026\.8\.0 +\d+ +[ .▁▂▃▄▅▆▇█]+ +\d+ +\d+  0/3", lines[1 + i])
        assert re.fullmatch(r"\d+ devices by strength, 1 to \d+  \(q quits, h helps\)", lines[6])
        assert re.fullmatch(r"ADDRESS +NAME +OWNER +1 +2 +3  AGE +INTERVAL", lines[7]), lines[7]
        rows = [line for line in lines[8:] if re.match(ADDRESS, line)]
        assert len(rows) == 16
        assert all(len(re.findall(r" -\d+\*", row)) == 1 for row in rows), rows
        strengths = [int(re.search(r"(-\d+)\*", row)[1]) for row in rows]
        assert strengths == sorted(strengths, reverse=True)
        quit_(terminal)
    assert terminal.check_left() == ""
    assert "\033[32m" in terminal.seen.decode()


def test_wide_narrow_and_tiny_windows_and_changes_between_them():
    with sim(count=3) as proxies:
        terminal = Terminal("top", *options(proxies), columns=200, rows=60)
        lines = terminal.wait_for_frame(is_full)
        check_fits(lines, 200, 60)
        assert "HELD BY" in lines[1] and "LAST TROUBLE" in lines[1] and any("OWNER" in line for line in lines)
        terminal.send("p")
        terminal.wait_for("PAUSED")
        for columns, rows in ((40, 10), (10, 2), (1, 1), (80, 24), (300, 100)):
            at = len(terminal.seen)
            terminal.resize(columns, rows)
            terminal.process.send_signal(signal.SIGWINCH)
            # Nothing else makes it draw while it pauses.
            terminal.wait_for("\033[H", "\033[J", after=at)
            text = terminal.seen[at:].decode().split("\033[H")[1]
            check_fits([re.sub(r"\033\[[0-9?;]*[A-Za-z]", "", line) for line in text.split("\r\n")[:-1]], columns, rows)
        quit_(terminal)
    terminal.check_left()


def test_many_proxies_become_a_list():
    with sim(count=12) as proxies:
        terminal = Terminal("top", *options(proxies), columns=80, rows=16)
        lines = terminal.wait_for_frame(is_full)
        assert any(re.fullmatch(r"\d+ to \d+ of 12 proxies  \(Tab scrolls them\)", line) for line in lines), lines
        assert any(re.match(ADDRESS + r".* \d+ -\d+, .*\+\d", line) for line in lines), lines
        check_fits(lines, 80, 16)
        quit_(terminal)


def test_all_proxies_can_be_reached():
    with sim(count=12) as proxies:
        terminal = Terminal("top", *options(proxies), columns=80, rows=16)
        terminal.wait_for_frame(is_full)
        terminal.send("\tG")
        lines = terminal.wait_for_frame(lambda lines: any("(Tab scrolls the devices)" in line for line in lines)
                                        and any(re.search("to 12 of 12 proxies", line) for line in lines))
        assert any(line.startswith("sim-proxy-12 ") for line in lines), lines
        assert any(re.match(r"\d+ devices by strength, 1 to", line) for line in lines), lines
        check_fits(lines, 80, 16)
        quit_(terminal)


def test_a_long_name_leaves_room_for_the_other_holders():
    long = b"L" * 240
    with FakeProxy(payloads=[bytes([len(long) + 1, 9]) + long, LAMP], slots=(3, (FIRST_DEVICE, FIRST_DEVICE + 1, 1)),
                   features=PASSIVE_SCAN | ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS) as proxy:
        terminal = Terminal("top", "-p", proxy.address, columns=80)
        lines = terminal.wait_for_frame(lambda lines: ": 1 full;" in lines[0] and "Lamp" in lines[3])
        assert lines[3] == "  held by " + "L" * 21 + "..., Lamp, 00:00:00:00:00:01"
        quit_(terminal)


def test_keys():
    with sim(count=2) as proxies:
        terminal = Terminal("top", *options(proxies), columns=100, rows=24)
        terminal.wait_for_frame(is_full)
        assert not terminal.is_seen()

        def press(keys, condition):
            at = len(terminal.seen)
            terminal.send(keys)
            return terminal.wait_for_frame(lambda lines: condition("\n".join(lines)), after=at)

        for order in ("name", "age", "interval", "strength"):
            press("s", lambda text, order=order: f"devices by {order}, 1 to" in text)
        press("j", lambda text: ", 2 to" in text)
        press("\033[B", lambda text: ", 3 to" in text)
        press("k\033[A", lambda text: ", 1 to" in text)
        press("\033[6~", lambda text: re.search(r", 1\d to", text))
        press("\033[5~", lambda text: ", 1 to" in text)
        for order in ("name", "age"):
            press("h" if order == "name" else "", lambda text: "q quits  j k PgUp" in text and "*: its owner, whose report" in text)
            press("s", lambda text, order=order: "q quits" in text and f"devices by {order}, 1 to" in text)
        press("ss?", lambda text: "devices by strength" in text and "its owner" not in text)
        press("\033[200~xyz\033", lambda text: "devices by" in text)
        terminal.send("p")
        terminal.wait_for("PAUSED")
        at = len(terminal.seen)
        terminal.send("j")
        terminal.wait_for(", 2 to", after=at)
        quit_(terminal)
        assert b"PAUSED" not in terminal.seen[terminal.seen.rindex(LEAVE.encode()):]


def test_the_terminal_is_left_as_it_was():
    with sim() as proxies:
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, None):
            terminal = Terminal("top", "-p", proxies[0], *([] if end else ["-t", "5"]), keep=True)
            terminal.wait_for(ENTER)
            if end:
                terminal.wait_for_frame(is_full)
                assert not terminal.is_seen()
                terminal.process.send_signal(end)
            terminal.wait_for(LEAVE)
            assert terminal.process.wait(PATIENCE_S) == (130 if end else 0)
            assert terminal.is_seen()
            terminal.check_left()


def interrupted_and_continued(process):
    """At one moment."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)


def test_a_terminal_that_takes_nothing_is_given_back_too():
    with sim() as proxies:
        for before in (lambda process: None, interrupted_and_continued):
            terminal = Terminal("top", "-p", proxies[0], keep=True)
            terminal.wait_for("all well")
            assert not terminal.is_seen()
            terminal.stop()
            before(terminal.process)
            deadline = time.monotonic() + PATIENCE_S
            while terminal.process.poll() is None:
                assert time.monotonic() < deadline
                terminal.process.send_signal(signal.SIGINT)
                time.sleep(0.05)
            assert terminal.is_seen()


def test_ctrl_z_gives_the_terminal_back_for_a_while():
    with sim() as proxies:
        terminal = Terminal("top", "-p", proxies[0])
        terminal.wait_for_frame(is_full)
        at = len(terminal.seen)
        terminal.process.send_signal(signal.SIGTSTP)
        at = terminal.wait_for(LEAVE, after=at)
        deadline = time.monotonic() + PATIENCE_S
        while not terminal.is_seen():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        at = terminal.go_on(at)
        terminal.wait_for_frame(is_full, after=at)
        assert not terminal.is_seen()
        quit_(terminal)


def shown(is_enough, *arguments, **more):
    """The terminal on which top ended by itself, given time to show enough."""
    def attempt(seconds):
        terminal = Terminal("top", *arguments, "-t", str(seconds), **more)
        return terminal.close(), terminal
    code, terminal = given_time(attempt, lambda outcome: is_enough(outcome[1].seen.decode()))
    assert code == 0
    return terminal


def is_well(text):
    return "all well" in text


def test_it_does_without_keys():
    with sim() as proxies:
        assert is_well(shown(is_well, "-p", proxies[0], keys=False).seen.decode())


def test_no_color():
    with sim() as proxies:
        terminal = shown(is_well, "-p", proxies[0], NO_COLOR="1")
    terminal.check_left()
    assert not re.search(rb"\033\[[1-9][0-9]*m", terminal.seen)


def check_snapshot(text, columns):
    lines = text.splitlines()
    assert re.fullmatch(r"2 proxies, all well; \d+ adverts/s", lines[0]), lines[0]
    assert sum(line.startswith("sim-proxy-") for line in lines) == 2
    assert sum(bool(re.match(ADDRESS, line)) for line in lines) > 20
    assert all(width(line) <= columns for line in lines), lines
    assert "\033" not in text and "quits" not in text


def test_through_a_pipe_it_is_shown_once():
    with sim(count=2) as proxies:
        def is_enough(text):
            return is_well(text) and len(re.findall(f"^{ADDRESS}", text, re.M)) > 20
        check_snapshot(hear(lambda result: is_enough(result.out), "top", *options(proxies)).expect(0).out, 1000)
        check_snapshot(shown(is_enough, *options(proxies), columns=60, TERM="dumb").seen.decode(), 60)
        run("top", *options(proxies), "--json").expect(2, "--json")


def test_a_proxy_that_dies_and_comes_back():
    with sim("--seed", "7") as proxies, one_sim("cellar", own_address()) as (cellar, address):
        terminal = Terminal("top", *options([proxies[0], address]), columns=80, rows=24)
        terminal.wait_for_frame(lambda lines: is_full(lines) and any(re.match("cellar .*[▁▂▃▄▅▆▇█]", x) for x in lines))
        cellar.kill()
        lines = terminal.wait_for_frame(lambda lines: ": 1 down;" in lines[0] and any("next attempt in" in x for x in lines))
        index = next(i for i, line in enumerate(lines) if line.startswith("cellar"))
        assert re.match(r"cellar +down \d+ s +2026\.8\.0 +0 .*[▁▂▃▄▅▆▇█]", lines[index]), lines[index]
        assert lines[index + 1].startswith(f"  cannot connect to {address}: Connection refused; next attempt in ")
        assert "sim-proxy-1  connected" in lines[2]
        with one_sim("cellar", address):
            lines = terminal.wait_for_frame(lambda lines: ": 1 lost lately;" in lines[0])
            assert re.match(r"cellar +connected", lines[index])
            assert re.match(r"  lost \d+ s ago: \S", lines[index + 1]), lines[index + 1]
            at = len(terminal.seen)
            terminal.resize(200, 24)
            lines = terminal.wait_for_frame(lambda lines: "HELD BY" in lines[1], after=at)
            assert re.search(r" \d+ s ago: \S", lines[index]), lines[index]
            quit_(terminal)


def test_one_that_was_never_there():
    with closed_port() as closed, sim() as proxies:
        terminal = Terminal("top", "-p", closed, "-p", proxies[0], columns=80)
        lines = terminal.wait_for_frame(lambda lines: ": 1 down;" in lines[0] and len(lines) > 20)
        assert re.match(re.escape(closed)[:16] + r".* down \d+ s", lines[2])
        quit_(terminal)
        assert f"warning: {closed}: cannot connect" in terminal.check_left()
        terminal = Terminal("top", "-p", closed, columns=80)
        terminal.wait_for_frame(lambda lines: re.search(r"down ([6-9]|\d\d) s", "".join(lines)))  # it goes on
        terminal.send("q")
        assert terminal.close() == 4
        run("top", "-p", closed).expect(4, "cannot connect")


def test_one_that_hears_nothing():
    with FakeProxy(payloads=[LAMP]) as proxy:
        terminal = Terminal("top", "-p", proxy.address, columns=80)
        lines = terminal.wait_for_frame(lambda lines: ": 1 silent;" in lines[0])
        assert re.match(r"fake +silent 1\d s", lines[2])
        assert lines[3].startswith("  another program may have taken it over")
        quit_(terminal)


def test_one_that_is_full():
    with FakeProxy(payloads=[LAMP], slots=(2, (FIRST_DEVICE, 0xA4C138000000)),
                   features=PASSIVE_SCAN | ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS) as proxy:
        terminal = Terminal("top", "-p", proxy.address, columns=80)
        lines = terminal.wait_for_frame(lambda lines: ": 1 full;" in lines[0] and "Lamp" in lines[3])
        assert lines[2].endswith("  2/2 full")
        assert lines[3] == "  held by Lamp, A4:C1:38:00:00:00"
        quit_(terminal)
        holders = "Lamp, A4:C1:38:00:00:00"
        assert holders in hear(lambda result: holders in result.out, "top", "-p", proxy.address).expect(0).out


def test_it_does_not_end_what_others_have_connected():
    with sim("--slots", "1") as proxies:
        other = start("notify", "-p", proxies[0], "Virtual Heart", "2a37", XDG_RUNTIME_DIR=elsewhere("other"))
        assert other.stdout.readline()
        terminal = Terminal("top", "-p", proxies[0], columns=80)
        lines = terminal.wait_for_frame(lambda lines: ": 1 full;" in lines[0] and len(lines) > 20)
        assert lines[2].endswith("  1/1 full") and re.fullmatch("  held by " + ADDRESS, lines[3])
        quit_(terminal)
        other.send_signal(signal.SIGINT)
        other.communicate(timeout=PATIENCE_S)


def test_hostile_names():
    evil = b"\033]0;owned\a\xc2\x9b2J\xe2\x80\xaeevil\xff"
    wide = "温度計センサー".encode()
    payloads = [bytes([len(name) + 1, 9]) + name for name in (evil, wide)]
    with FakeProxy(name=b"bad\033c\033[2J" + wide, version=b"\033[8m1.0", payloads=payloads,
                   slots=(1, (FIRST_DEVICE,)),
                   features=PASSIVE_SCAN | ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS) as proxy:
        terminal = Terminal("top", "-p", proxy.address, columns=80)
        lines = terminal.wait_for_frame(lambda lines: "evil" in "".join(lines) and wide.decode() in "".join(lines))
        check_fits(lines, 80, 30)
        rows = [line for line in lines if re.match(ADDRESS, line)]
        assert len({width(row[:re.search(r" -6\d", row).start()]) for row in rows}) == 1, "the columns are not in line"
        quit_(terminal)
    text = terminal.seen.decode()
    for forbidden in ("\033]", "\033c", "\033[2J", "\033[8m", "\a", "\u009b", "\u202e"):
        assert forbidden not in text, repr(forbidden)


main(globals())
