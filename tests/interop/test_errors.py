# SPDX-License-Identifier: MIT
"""What goes wrong at connecting is told apart by aioesphomeapi as with a real proxy."""

import asyncio

import aioesphomeapi
import pytest
from aioesphomeapi import APIClient

from harness import CALL_S, KEY, OTHER_KEY, client, profiles, run, until


def connecting(proxy, expected, **arguments):
    """Connects to proxy and returns the error, which must be exactly of the expected class."""

    async def main():
        api = APIClient(proxy.host, proxy.port, None, **arguments)
        with pytest.raises(expected) as caught:
            await api.connect(login=True)
        assert caught.type is expected
        return caught.value

    return run(main())


def test_wrong_key(sim, profile):
    proxy = sim(firmware=profile.firmware, psk=KEY)
    error = connecting(proxy, aioesphomeapi.InvalidEncryptionKeyAPIError, noise_psk=OTHER_KEY)
    assert error.received_name


def test_key_for_a_plaintext_proxy(sim, profile):
    connecting(sim(firmware=profile.firmware), aioesphomeapi.EncryptionPlaintextAPIError, noise_psk=KEY)


def test_no_key_for_an_encrypted_proxy(sim, profile):
    connecting(sim(firmware=profile.firmware, psk=KEY), aioesphomeapi.RequiresEncryptionAPIError)


def test_another_name_than_expected(sim, profile, psk):
    proxy = sim(firmware=profile.firmware, psk=psk)
    error = connecting(proxy, aioesphomeapi.BadNameAPIError, noise_psk=psk, expected_name="somebody-else")
    assert error.received_name != "somebody-else"


@profiles(lambda profile: profile.passwords)
def test_passwords_of_older_firmware(sim, profile, psk):
    proxy = sim("--password", "correct horse", firmware=profile.firmware, psk=psk)

    async def main(password):
        closed = asyncio.Event()

        async def on_stop(expected):
            closed.set()

        api = APIClient(proxy.host, proxy.port, password, noise_psk=psk)
        await api.connect(on_stop=on_stop, login=True)
        info = await api.device_info()
        assert info.uses_password
        await api.list_entities_services()
        await api.disconnect()
        await closed.wait()

    run(main("correct horse"))
    with pytest.raises(aioesphomeapi.APIConnectionError) as caught:
        run(main("wrong horse"))
    assert isinstance(caught.value, aioesphomeapi.InvalidAuthAPIError) or "password" in str(caught.value).lower()


def test_expected_name_and_mac(sim, profile, psk):
    async def main():
        proxy = sim(firmware=profile.firmware, psk=psk)
        async with client(proxy) as api:
            info = await api.device_info()
        mac = info.mac_address.replace(":", "").lower()
        async with client(proxy, expected_name=info.name, expected_mac=mac) as api:
            assert (await api.device_info()).name == info.name

    run(main())


def test_another_mac_than_expected(sim):
    proxy = sim(psk=KEY)
    connecting(proxy, aioesphomeapi.BadMACAddressAPIError, noise_psk=KEY, expected_mac="aabbccddeeff")


def test_the_proxy_survives_all_of_it(sim, psk):
    """Strangers that break off, send rubbish or the wrong framing cost nobody else anything."""

    async def main():
        proxy = sim("--rate", "200", psk=psk)
        async with client(proxy) as api:
            batches = []
            api.subscribe_bluetooth_le_raw_advertisements(batches.append)
            for rubbish in (
                b"",
                b"\x00",
                b"\x01",
                b"\x01\xff\xff",
                b"\x02\x00\x00",
                b"\xff" * 64,
                b"GET / HTTP/1.1\r\n\r\n",
            ):
                reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
                writer.write(rubbish)
                writer.write_eof()
                await asyncio.wait_for(reader.read(), CALL_S / 2)
                writer.close()
            batches.clear()
            await until(lambda: batches)

    run(main())
