# SPDX-License-Identifier: MIT
"""The first example of bleak-esphome's usage page without the lines about proxies: plain bleak."""

from __future__ import annotations

import asyncio
import logging


async def example_app() -> None:
    """Example application here."""
    import bleak

    await asyncio.sleep(5)  # Give time for advertisements to be received

    # Use bleak normally here
    devices = await bleak.BleakScanner.discover(return_adv=True)
    for d, a in devices.values():
        print()
        print(d)
        print("-" * len(str(d)))
        print(a)

    # Wait forever
    await asyncio.Event().wait()


logging.basicConfig(level=logging.DEBUG)
asyncio.run(example_app())
