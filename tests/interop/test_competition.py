# SPDX-License-Identifier: MIT
"""The Python stack's client and `bleproxy scan` want the advertisements of one proxy."""

import asyncio
import subprocess

from harness import bleproxy, client, environment, eventually, profiles, run, until

PATIENCE_S = 60


class Scan:
    """A scan that goes on; what it hears, and what it says."""

    def __init__(self, proxy, folder, *options):
        self.heard, self.said = folder / "heard", folder / "said"
        with self.heard.open("wb") as heard, self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [bleproxy(), "scan", "--json", *(options or ("-p", f"{proxy.host}:{proxy.port}"))],
                env=environment(proxy.psk) | {"XDG_STATE_HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=heard,
                stderr=said,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE_S)

    def size(self):
        return self.heard.stat().st_size

    def says(self, text):
        return text in self.said.read_text(errors="replace")


async def hears(heard):
    """Whether the rival's advertisements come: it is not disturbed."""
    heard.clear()
    await until(lambda: len(heard) > 3)


@profiles(lambda profile: profile.raw and not profile.newest_wins and profile.scanner_state)
def test_where_the_first_wins_we_wait_and_follow(sim, profile, psk, tmp_path):
    proxy = sim(firmware=profile.firmware, psk=psk)

    async def main():
        heard = []
        async with client(proxy) as api:
            api.subscribe_bluetooth_le_raw_advertisements(heard.append)
            await until(lambda: heard)
            scan = Scan(proxy, tmp_path)
            await until(lambda: scan.says("another program has its advertisements"), PATIENCE_S)
            await hears(heard)
            assert scan.size() == 0
        return scan

    with run(main(), 2 * PATIENCE_S) as scan:
        eventually(lambda: scan.size() > 0, 70)


@profiles(lambda profile: profile.newest_wins)
def test_where_the_newest_wins_we_leave_it_until_a_command_takes_it(sim, profile, psk, tmp_path):
    proxy = sim(firmware=profile.firmware, psk=psk)

    async def main():
        heard = []
        with Scan(proxy, tmp_path) as scan:
            await until(lambda: scan.size() > 0, PATIENCE_S)
            async with client(proxy) as api:
                api.subscribe_bluetooth_le_raw_advertisements(heard.append)
                await until(lambda: scan.says("another program has taken over its advertisements"), PATIENCE_S)
                await hears(heard)
                before = scan.size()
                await asyncio.sleep(0)
                (tmp_path / "other").mkdir()
                with Scan(proxy, tmp_path / "other") as other:
                    await until(lambda: other.size() > 0, PATIENCE_S)
                assert scan.size() == before

    run(main(), 3 * PATIENCE_S)


@profiles(lambda profile: profile.newest_wins)
def test_where_the_newest_wins_reclaim_takes_it_back(sim, profile, tmp_path):
    proxy = sim(firmware=profile.firmware)
    path = tmp_path / "bleproxy.yaml"
    path.write_text(f"proxies: [{{name: it, address: {proxy.host}, port: {proxy.port}, reclaim: 1}}]\n")

    async def main():
        heard = []
        with Scan(proxy, tmp_path, "-c", str(path)) as scan:
            await until(lambda: scan.size() > 0, PATIENCE_S)
            async with client(proxy) as api:
                api.subscribe_bluetooth_le_raw_advertisements(heard.append)
                await until(lambda: scan.says("they will be taken back"), PATIENCE_S)
                before = scan.size()
                await until(lambda: scan.size() > before, 90)

    run(main(), 3 * PATIENCE_S)
