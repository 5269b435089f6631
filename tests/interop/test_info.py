# SPDX-License-Identifier: MIT
"""`bleproxy info --json` tells what aioesphomeapi is told, and takes nothing from anybody."""

import asyncio
import json


from harness import client, command, run, until

MEMBERS = {
    "name",
    "address",
    "mac_address",
    "bluetooth_mac_address",
    "model",
    "esphome_version",
    "api_version",
    "encrypted",
    "feature_flags",
    "features",
    "scanner",
    "slots",
}


def info(sim, *options):
    done = command("info", "--json", "-p", f"{sim.host}:{sim.port}", *options, psk=sim.psk)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_same_as_aioesphomeapi(sim, profile, psk):
    proxy = sim(firmware=profile.firmware, psk=psk)
    ours = info(proxy)

    async def main():
        async with client(proxy) as api:
            slots = []
            api.subscribe_bluetooth_connections_free(lambda *slot: slots.append(slot))
            theirs = await api.device_info()
            await until(lambda: slots)
            return theirs, theirs.bluetooth_proxy_feature_flags_compat(api.api_version), slots[0], api.api_version

    theirs, flags, (free, limit, allocated), version = run(main())
    assert set(ours) >= MEMBERS
    assert ours["name"] == theirs.name
    assert ours["model"] == theirs.model
    assert ours["mac_address"] == theirs.mac_address
    assert ours["esphome_version"] == theirs.esphome_version
    assert ours["api_version"] == f"{version.major}.{version.minor}"
    if theirs.bluetooth_mac_address:
        assert ours["bluetooth_mac_address"] == theirs.bluetooth_mac_address
    assert ours["encrypted"] == (psk is not None)
    assert ours["feature_flags"] == flags
    assert len(ours["features"]) == flags.bit_count()
    assert ours["slots"] == {"free": free, "limit": limit, "allocated": list(allocated)}
    assert ours["scanner"] is None


def test_it_does_not_take_the_subscription(sim, profile):
    """Even on firmware where the newest subscriber wins."""
    proxy = sim("--rate", "200", firmware=profile.firmware)

    async def main():
        async with client(proxy) as api:
            heard = []
            if profile.raw:
                api.subscribe_bluetooth_le_raw_advertisements(heard.append)
            else:
                api.subscribe_bluetooth_le_advertisements(heard.append)
            await until(lambda: heard)
            await asyncio.to_thread(info, proxy)
            heard.clear()
            await until(lambda: heard)

    run(main())
