# SPDX-License-Identifier: MIT
"""Two aioesphomeapi clients and one virtual proxy: who has the subscription, and what the other one sees."""

import asyncio

from aioesphomeapi.core import BluetoothGATTAPIError

from harness import CALL_S, client, run, until

UNKNOWN = 0x02_1F_C0_00_00_01


class Rival:
    """A client with its own ears."""

    def __init__(self, api, profile):
        self.api, self.heard, self.states = api, [], []
        self.profile = profile

    def subscribe(self):
        self.api.subscribe_bluetooth_scanner_state(self.states.append)
        if self.profile.raw:
            return self.api.subscribe_bluetooth_le_raw_advertisements(self.heard.append)
        return self.api.subscribe_bluetooth_le_advertisements(self.heard.append)

    async def hears(self):
        """Until it does."""
        self.heard.clear()
        await until(lambda: self.heard)

    async def is_silent(self):
        """Whether it hears nothing in a time in which a subscriber would have heard dozens."""
        self.heard.clear()
        await asyncio.sleep(0.7)
        return not self.heard

    async def is_subscriber(self):
        """Learnt as a client can: only the subscriber is told that there is no such connection, before what it asks next."""
        read = asyncio.create_task(self.api.bluetooth_gatt_read(UNKNOWN, 1, timeout=CALL_S))
        await asyncio.sleep(0)  # it is sent
        await self.api.device_info()
        await asyncio.wait([read], timeout=0)
        if not read.done():
            read.cancel()
            return False
        error = read.exception()
        assert isinstance(error, BluetoothGATTAPIError) and error.error.error == -1, error or "there is something to read"
        return True


def test_first_or_newest_wins_and_a_read_tells(sim, profile, psk):
    proxy = sim("--rate", "200", firmware=profile.firmware, psk=psk)

    async def main():
        async with client(proxy) as first_api, client(proxy) as second_api:
            first, second = Rival(first_api, profile), Rival(second_api, profile)
            first.subscribe()
            await until(lambda: first.heard)
            assert await first.is_subscriber() and not await second.is_subscriber()
            second.subscribe()
            await first_api.device_info()
            await second_api.device_info()
            winner, loser = (second, first) if profile.newest_wins else (first, second)
            await winner.hears()
            assert await loser.is_silent()
            assert await winner.is_subscriber() and not await loser.is_subscriber()
            if profile.scanner_state:
                assert winner.states
                assert bool(loser.states) == profile.newest_wins  # of its own time

    run(main())


def test_refused_client_recovers_when_the_first_leaves(sim, profile):
    proxy = sim("--rate", "200", firmware=profile.firmware)

    async def main():
        async with client(proxy) as second_api:
            second = Rival(second_api, profile)
            async with client(proxy) as first_api:
                Rival(first_api, profile).subscribe()
                await first_api.device_info()
                unsubscribe = second.subscribe()
                await second_api.device_info()
                if profile.newest_wins:
                    await second.hears()
                else:
                    assert await second.is_silent()
            unsubscribe()
            second.subscribe()
            await until(lambda: second.heard)

    run(main())


def test_deaf_proxy_is_alive_and_answers_the_subscriber(sim, profile):
    proxy = sim("--rate", "200", "--deaf", "reboot", "--deaf-every", "1", firmware=profile.firmware)

    async def main():
        async with client(proxy) as api:
            rival = Rival(api, profile)
            rival.subscribe()
            await until(lambda: rival.heard)
            async with asyncio.timeout(CALL_S / 2):
                while not await rival.is_silent():
                    pass
            assert await rival.is_subscriber()
            assert (await api.device_info()).name

    run(main())
