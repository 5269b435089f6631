# SPDX-License-Identifier: MIT
"""What python-zeroconf announces is found by `bleproxy discover` and by its name."""

import ipaddress
import json
import os
import pathlib
import subprocess
import sys

import pytest

import harness

ANNOUNCER = pathlib.Path(__file__).resolve().parent / "announcer.py"
INSIDE = """
set -e
ip link set lo up
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
ip link add lan0 type veth peer name lan1
ip addr add 10.79.0.1/24 dev lan0
ip link set lan0 up
ip link set lan1 up
exec "$@"
"""


def in_namespace(*command_line):
    """Runs it on a network of its own, where nobody else announces anything."""
    return subprocess.run(
        ["unshare", "--map-root-user", "--net", "sh", "-c", INSIDE, "sh", *command_line],
        capture_output=True,
        text=True,
        timeout=harness.CALL_S * 3,
        check=False,
    )


@pytest.fixture(autouse=True)
def namespaces():
    if in_namespace("true").returncode != 0:
        pytest.skip("network namespaces cannot be made here")


def announced(*command_line):
    """What our command says while a service is announced in the same namespace."""
    done = in_namespace(sys.executable, str(ANNOUNCER), *command_line)
    assert done.returncode == 0, done.stderr
    assert "Sanitizer" not in done.stderr
    return done.stdout


def test_a_service_of_zeroconf_is_found():
    out = announced(harness.bleproxy(), "discover", "-t", "2.5", "--json")
    (device,) = (json.loads(line) for line in out.splitlines())
    assert ipaddress.ip_address(device["address"]) == ipaddress.ip_address("10.79.0.1")
    assert {key: device[key] for key in ("name", "friendly_name", "port", "mac_address", "esphome_version")} == {
        "name": "living-room",
        "friendly_name": "Living Room \u2600",
        "port": 6053,
        "mac_address": "A4:C1:38:00:00:03",
        "esphome_version": "2026.8.0",
    }
    assert device["platform"] == "ESP32" and device["encrypted"] and not device["configured"]


def test_its_goodbye_and_its_changes_are_heard():
    out = announced("--changes", harness.bleproxy(), "discover", "-t", "7", "--json", "--watch")
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events][:1] == ["found"]
    assert any(event["event"] == "changed" and event["esphome_version"] == "2026.9.0" for event in events)
    assert events[-1]["event"] == "gone"


def test_its_name_is_resolved():
    out = announced("--proxy", harness.bleproxy(), "info", "--json", "-t", "15", "-p", "living-room.local")
    assert json.loads(out.splitlines()[-1])["address"].startswith("living-room.local")
