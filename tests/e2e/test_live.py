#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy scan on a terminal."""
import re
import signal

from fake_proxy import FakeProxy
from support import ENTER, LEAVE, Terminal, closed_port, given_time, main, sim

ADDRESS = rb"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}"


def shown(is_enough, *arguments, **more):
    """The terminal on which a scan ended by itself, given time to show enough."""
    def attempt(seconds):
        terminal = Terminal("scan", *arguments, "-t", str(seconds), **more)
        return terminal.close(), terminal
    code, terminal = given_time(attempt, lambda outcome: outcome[0] == 0 and is_enough(outcome[1]))
    assert code == 0
    return terminal


def anything(terminal):
    return re.search(ADDRESS, terminal.seen)


def test_a_live_table_then_the_final_one():
    with sim() as proxies:
        terminal = Terminal("scan", "-p", proxies[0])
        terminal.wait_for(ENTER)
        at = terminal.wait_for("sim-proxy-1", "not encrypted", "Apple, Inc.", "▂▄▆", "adverts/s")
        terminal.wait_for("\033[H", after=terminal.wait_for("\033[H", after=at))
        lines = terminal.frame()
        assert lines[0].startswith("sim-proxy-1") and "  2026.8" in lines[0]
        assert any(line.startswith("ADDRESS") for line in lines)
        assert len(lines) <= 30
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.close() == 130
    rest = terminal.check_left()
    assert "COMPANY AND SERVICES" in rest and "devices" in rest and "not encrypted" in rest


def test_it_follows_the_window():
    with sim() as proxies:
        terminal = Terminal("scan", "-p", proxies[0], rows=50)
        terminal.wait_for("Apple, Inc.")
        terminal.resize(60, 12)
        terminal.wait_for_frame(lambda lines: len(lines) <= 12)
        at = len(terminal.seen)
        for _ in range(4):
            at = terminal.wait_for("\033[H", after=at)
        lines = terminal.frame()
        assert len(lines) <= 12, lines
        assert sum(bool(re.match(ADDRESS.decode(), line)) for line in lines) >= 5
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.close() == 130
    terminal.check_left()


def test_a_window_of_two_lines_is_endured():
    with sim(count=3) as proxies:
        arguments = [argument for proxy in proxies for argument in ("-p", proxy)]
        terminal = shown(lambda terminal: True, *arguments, rows=2, columns=10)
    terminal.check_left()


def test_more_proxies_than_lines():
    with sim(count=12) as proxies:
        arguments = [argument for proxy in proxies for argument in ("-p", proxy)]
        terminal = Terminal("scan", *arguments, rows=16)
        terminal.wait_for("and 5 more proxies", "Apple, Inc.")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.close() == 130


def test_ctrl_z_gives_the_terminal_back_for_a_while():
    with sim() as proxies:
        terminal = Terminal("scan", "-p", proxies[0])
        at = terminal.wait_for("Apple, Inc.")
        terminal.process.send_signal(signal.SIGTSTP)
        at = terminal.wait_for(LEAVE, after=at)
        at = terminal.go_on(at)
        terminal.wait_for("Apple, Inc.", after=at)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.close() == 130


def test_no_color():
    with sim() as proxies:
        terminal = shown(anything, "-p", proxies[0], NO_COLOR="1")
    terminal.check_left()
    assert not re.search(rb"\033\[[1-9][0-9]*m", terminal.seen)


def test_a_dumb_terminal_gets_lines():
    with sim() as proxies:
        terminal = shown(anything, "-p", proxies[0], TERM="dumb")
    assert b"\033" not in terminal.seen
    assert re.search(rb"\d\d:\d\d:\d\d\.\d{3}  " + ADDRESS, terminal.seen)


def test_warnings_wait_until_the_view_is_left():
    with closed_port() as closed, sim() as proxies:
        terminal = shown(anything, "-p", closed, "-p", proxies[0])
    rest = terminal.check_left()
    assert f"warning: {closed}: cannot connect" in rest
    assert "warning:" not in terminal.seen.decode().split(LEAVE)[0]


def test_failure_leaves_the_terminal_as_it_was():
    terminal = Terminal("scan", "-p", "no-such-proxy.invalid")
    assert terminal.close() == 4
    assert "no-such-proxy.invalid" in terminal.check_left()


def test_hostile_names_do_not_reach_the_terminal():
    evil = b"\033]0;owned\a\xc2\x9b2J\xe2\x80\xaeevil\xff"
    wide = "温度計センサー".encode()
    payloads = [bytes([len(name) + 1, 9]) + name for name in (evil, wide)]
    rows = lambda terminal: [line for line in terminal.frame() if re.match(ADDRESS.decode(), line)]
    with FakeProxy(name=b"bad\033c\033[2J", version=b"\033[8m1.0", payloads=payloads) as proxy:
        terminal = shown(rows, "-p", proxy.address)
    text = terminal.seen.decode()
    assert "evil" in text and "owned" in text and "温度計センサー" in text
    for forbidden in ("\033]", "\033c", "\033[2J", "\033[8m", "\a", "\u009b", "\u202e"):
        assert forbidden not in text, repr(forbidden)
    assert len(rows(terminal)) == 2


def test_json_on_a_terminal_is_json():
    with sim() as proxies:
        terminal = shown(anything, "-p", proxies[0], "--json")
    assert b"\033" not in terminal.seen and b'{"time":' in terminal.seen


main(globals())
