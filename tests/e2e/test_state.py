#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What is kept between runs of the command, in the state directory."""
import os
import tempfile

from fake_proxy import ACTIVE_CONNECTIONS, RAW_ADVERTISEMENTS, FakeProxy
from support import hear, home, main

NAMED = bytes.fromhex("05094c616d70")
NAMELESS = bytes.fromhex("020106")
ADDRESS = "C0:00:00:00:00:01"
LISTENERS = (("scan",), ("devices",), ("top",), ("record", "-"), ("why", ADDRESS), ("read", ADDRESS, "2a19"))


def fresh_state():
    return {"XDG_STATE_HOME": tempfile.mkdtemp(dir=home.name)}


def history(state):
    return os.path.join(state["XDG_STATE_HOME"], "bleproxy", "history")


def proxy(payload):
    return FakeProxy(payloads=[payload], features=ACTIVE_CONNECTIONS | RAW_ADVERTISEMENTS, slots=(1, ()))


def anything(result):
    return result.code == 0 and ADDRESS in result.out


def test_what_is_heard_is_known_to_the_next_command():
    for command, *arguments in LISTENERS:
        state = fresh_state()
        with proxy(NAMED) as first:
            hear(lambda _: os.path.exists(history(state)),  # pylint: disable=cell-var-from-loop
                 command, "-p", first.address, *arguments, **state)
        assert os.stat(history(state)).st_mode & 0o777 == 0o600, command
        with proxy(NAMELESS) as second:
            device, = hear(anything, "devices", "-p", second.address, "--json", **state).expect(0).objects()
        assert device["name"] == "Lamp", command


def test_all_who_listen_use_it():
    state = fresh_state()
    with proxy(NAMED) as first:
        hear(anything, "scan", "-p", first.address, **state).expect(0)
    with proxy(NAMELESS) as second:
        for command in ("scan", "devices", "top"):
            assert "Lamp" in hear(anything, command, "-p", second.address, **state).expect(0).out, command


def test_scan_tells_of_known_devices_too():
    state = fresh_state()
    for _ in range(2):
        with proxy(NAMED) as there:
            out = hear(anything, "scan", "-p", there.address, **state).expect(0).out
        line = out.splitlines()[0]
        assert ADDRESS in line and "Lamp" in line, out


def test_a_damaged_file_is_set_aside():
    state = fresh_state()
    os.makedirs(os.path.dirname(history(state)))
    with open(history(state), "wb") as file:
        file.write(b"nonsense")
    with proxy(NAMED) as there:
        seen = []
        hear(lambda result: seen.append(result) or anything(result), "scan", "-p", there.address, **state).expect(0)
    assert "history" in seen[0].error and "damaged" in seen[0].error, seen[0].error
    assert os.path.exists(history(state) + ".damaged") and os.path.exists(history(state))


def test_no_place_for_it_is_fine():
    with proxy(NAMED) as there:
        for state in ({"XDG_STATE_HOME": "/dev/null/no"}, {"XDG_STATE_HOME": "", "HOME": ""}):
            assert "Lamp" in hear(anything, "scan", "-p", there.address, **state).expect(0).out


main(globals())
