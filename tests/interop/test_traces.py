# SPDX-License-Identifier: MIT
"""The traces of test_replay.py are what they should be, and differences between two sides are found and made short."""

import itertools
import json
import os
import subprocess
import sys

import bluetooth_data_tools
import habluetooth.base_scanner
import habluetooth.manager
import pytest

import trace_reference
from trace_compare import Difference, difference, explain, shrink
from trace_generator import flavour_of, generate
from trace_houses import HOUSES
from trace_payloads import MAX_NAME, MAX_RAW
from trace_reference import reference
from trace_scenes import FLAVOURS
from trace_world import MAX_EVENTS, STEP

SEEDS = range(30)
DAYS = 2.0**20  # seconds


def deaf(event):
    """A side that never hears of such events."""
    return lambda trace: reference([line for line in trace if line["event"] != event])


def first_difference(side):
    return next(trace for trace in map(generate, range(100)) if difference(trace, side))


@pytest.mark.parametrize("event", ["paused", "unregister", "fallback_interval"])
def test_a_difference_is_found_and_every_line_that_is_left_is_needed(event):
    least = shrink(first_difference(deaf(event)), lambda trace: bool(difference(trace, deaf(event))))
    assert len(least) <= 12 and event in {line["event"] for line in least}
    assert difference(least, deaf(event))
    for n in range(len(least)):
        assert not difference(least[:n] + least[n + 1 :], deaf(event)), least[n]


def test_it_is_explained():
    trace = first_difference(deaf("paused"))
    text = explain(trace, deaf("paused"))
    start, *lines = text.splitlines()
    assert start.startswith(f"{len(trace)} lines")
    least = [json.loads(line) for line in itertools.takewhile(lambda line: line.startswith("{"), lines)]
    assert text.endswith(str(difference(least, deaf("paused"))))
    assert explain(trace, reference) == ""


def test_shrinking_ends_in_time():
    calls = []
    trace = list(range(1000))
    assert shrink(trace, calls.append, seconds=0) == trace and not calls
    assert shrink(trace, lambda rest: {3, 700} <= set(rest)) == [3, 700]


def test_what_means_the_same_is_no_difference():
    lines = reference(generate(0))
    found = {
        "t": 1,
        "event": "accepted",
        "address": "D0",
        "service_uuids": ["a", "b"],
        "service_data": {"a": "", "b": ""},
        "manufacturer_data": {"1": "", "2": ""},
    }
    gone = [
        {"t": 2, "event": "unavailable", "address": address, "connectable": connectable}
        for connectable in (True, False)
        for address in ("D0", "D1")
    ]
    told = [*lines, found, *gone]
    same = [*lines, found | {"t": 1.0, "service_uuids": ["b", "a"]}, *reversed(gone)]
    assert not Difference(told, same)
    for key, value in (
        ("t", 1 + STEP),
        ("service_uuids", ["a", "b", "b"]),
        ("service_data", {"b": "", "a": ""}),
        ("manufacturer_data", {"2": "", "1": ""}),
        ("rssi", 1),
    ):
        assert Difference(told, [*lines, found | {key: value}, *gone]).position == len(lines)
    assert Difference(told, told[:-1]).position == len(told) - 1
    assert Difference(told[:-1], told)
    assert Difference(told, [*told[:-1], gone[-1] | {"t": 3}])


def test_traces_are_as_told():
    for seed in SEEDS:
        trace = generate(seed)
        assert trace == generate(seed) and 0 < len(trace) <= MAX_EVENTS
        times = [line["t"] for line in trace]
        assert times == sorted(times) and all(t % STEP == 0 for t in times)
        assert all(line["seconds"] % STEP == 0 for line in trace if line["event"] == "fallback_interval")
        reports = [line for line in trace if line["event"] == "adv"]
        assert all(len(line["raw"]) <= 2 * MAX_RAW and -128 <= line["rssi"] <= 127 for line in reports)
        assert all(len((line["name"] or "").encode()) <= MAX_NAME for line in reference(trace) if "name" in line)
    assert {flavour_of(seed)[0] for seed in range(100)} == {*HOUSES, *FLAVOURS}


def test_the_clock_is_the_traces():
    for seed in SEEDS[:10]:
        trace = generate(seed)
        later = reference([line | {"t": line["t"] + DAYS} for line in trace])
        assert later == [line | {"t": line["t"] + DAYS} for line in reference(trace)]
    for module in (habluetooth.manager, habluetooth.base_scanner):
        assert module.monotonic_time_coarse is bluetooth_data_tools.monotonic_time_coarse


def test_nothing_depends_on_the_order_of_sets(tmp_path):
    paths = []
    for seed in SEEDS[:10]:
        paths.append(tmp_path / f"{seed}.jsonl")
        paths[-1].write_text("\n".join(map(json.dumps, generate(seed))), encoding="utf-8")
    outcomes = [
        subprocess.run(
            [sys.executable, trace_reference.__file__, *paths],
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outcomes[0] and outcomes[0] == outcomes[1]
