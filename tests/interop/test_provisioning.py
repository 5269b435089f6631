# SPDX-License-Identifier: MIT
"""aioesphomeapi gives a virtual proxy its key, and sees what it sees of a real one."""

import asyncio
import base64

import pytest
from aioesphomeapi import APIClient
from aioesphomeapi.core import (
    APIConnectionError,
    EncryptionPlaintextAPIError,
    InvalidEncryptionKeyAPIError,
    RequiresEncryptionAPIError,
)

from harness import KEY, OTHER_KEY, client, profiles, run, until

ZERO_KEY = base64.b64encode(bytes(32)).decode()
PROBE_KEY = base64.b64encode(32 * b"0").decode()  # Home Assistant's, which is none


async def outcome(sim, psk):
    """The class of the error with which connecting fails, or None."""
    api = APIClient(sim.host, sim.port, None, noise_psk=psk)
    try:
        await api.connect(login=True)
    except APIConnectionError as error:
        return type(error)
    await api.disconnect()
    return None


async def outcomes(sim, *keys):
    return [await outcome(sim, key) for key in keys]


async def set_key(sim, key, psk=None):
    async with client(sim, noise_psk=psk) as api:
        return await api.noise_encryption_set_key(key.encode())


async def until_encrypted(sim):
    async with asyncio.timeout(10):
        while await outcome(sim, None) is not RequiresEncryptionAPIError:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("psk", [None, ZERO_KEY], ids=["plaintext", "zero key"])
def test_a_fresh_proxy_is_given_its_key(sim, psk):
    proxy = sim("--provisionable")

    async def main():
        assert await outcomes(proxy, None, ZERO_KEY) == [None, None]
        assert await outcomes(proxy, PROBE_KEY, OTHER_KEY) == [InvalidEncryptionKeyAPIError] * 2
        async with client(proxy, noise_psk=psk) as api:
            info = await api.device_info()
            assert info.api_encryption_supported and info.api_encryption_provisionable
        assert not await set_key(proxy, ZERO_KEY, psk)
        assert not await set_key(proxy, KEY[:-8], psk)
        assert await set_key(proxy, KEY, psk)
        await until_encrypted(proxy)
        assert await outcomes(proxy, KEY, ZERO_KEY, OTHER_KEY) == [None] + [InvalidEncryptionKeyAPIError] * 2
        async with client(proxy, noise_psk=KEY) as api:
            info = await api.device_info()
            assert info.api_encryption_supported and not info.api_encryption_provisionable

    run(main())


def test_sessions_end_when_the_key_changes(sim):
    proxy = sim("--provisionable")

    async def main():
        ended = []

        async def on_stop(expected):
            ended.append(expected)

        api = APIClient(proxy.host, proxy.port, None)
        await api.connect(on_stop=on_stop, login=True)
        assert await api.noise_encryption_set_key(KEY.encode())
        await until(lambda: ended)
        assert ended == [True]

    run(main())


def test_key_is_replaced_and_cleared_under_the_old_one(sim):
    proxy = sim("--provisionable")

    async def main():
        assert await set_key(proxy, KEY)
        await until_encrypted(proxy)
        assert await set_key(proxy, OTHER_KEY, KEY)
        async with asyncio.timeout(10):
            while await outcome(proxy, OTHER_KEY):
                await asyncio.sleep(0.02)
        assert await outcome(proxy, KEY) is InvalidEncryptionKeyAPIError
        assert await set_key(proxy, "", OTHER_KEY)
        async with asyncio.timeout(10):
            while await outcome(proxy, None):
                await asyncio.sleep(0.02)
        assert await outcome(proxy, ZERO_KEY) is None

    run(main())


def test_a_key_of_the_configuration_stays(sim):
    proxy = sim(psk=KEY)

    async def main():
        assert not await set_key(proxy, OTHER_KEY, KEY)
        assert await outcomes(proxy, KEY, OTHER_KEY) == [None, InvalidEncryptionKeyAPIError]

    run(main())


@profiles(lambda profile: profile.firmware == "2025.8")
def test_2025_is_given_its_key_in_plaintext(sim, profile):
    proxy = sim("--provisionable", firmware=profile.firmware)

    async def main():
        assert await outcomes(proxy, None, ZERO_KEY) == [None, EncryptionPlaintextAPIError]
        assert await set_key(proxy, KEY)
        await until_encrypted(proxy)
        assert await outcome(proxy, KEY) is None

    run(main())
