# SPDX-License-Identifier: MIT
"""aioesphomeapi's zeroconf finds virtual proxies, resolves their names and connects to them."""

import json
import pathlib
import subprocess
import sys

import pytest

from harness import PROFILES, bleproxy, environment

NOISE = "Noise_NNpsk0_25519_ChaChaPoly_SHA256"
NAMESPACE = ["unshare", "--map-root-user", "--net", "sh", "-c"]
PREPARE = "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo"


@pytest.fixture(scope="module")
def found():
    if subprocess.run([*NAMESPACE, PREPARE], capture_output=True, check=False).returncode:
        pytest.skip("network namespaces cannot be made here")
    script = pathlib.Path(__file__).with_name("announced.py")
    done = subprocess.run(
        [*NAMESPACE, f'{PREPARE} && exec "$@"', "sh", sys.executable, script, bleproxy(), *PROFILES],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ONLINE" in done.stdout and "OFFLINE" in done.stdout
    return json.loads(done.stdout.splitlines()[-1])


def test_found_and_resolved(found, profile):
    device = found["proxy-" + profile.firmware.replace(".", "-")]
    assert device["port"] == 6053 + list(PROFILES).index(profile.firmware)
    assert device["addresses"] == device["resolved"] == ["127.0.0.1"]
    assert device["server"] == device["device"] + ".local."


def test_texts(found, profile):
    device = found["proxy-" + profile.firmware.replace(".", "-")]
    expected = {
        "version": device["version"],
        "mac": device["mac"],
        "platform": "ESP32",
        "board": "esp32dev",
        "network": "wifi",
    }
    if profile.firmware != "2022.12":
        expected["friendly_name"] = device["device"]
    assert device["properties"] == expected


def test_fresh_proxy_tells_that_it_takes_a_key(found):
    properties = found["fresh"]["properties"]
    assert properties["api_encryption_supported"] == NOISE
    assert properties["api_provisioning"] == "zero-psk"
    assert "api_encryption" not in properties
