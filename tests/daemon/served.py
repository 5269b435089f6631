# SPDX-License-Identifier: MIT
"""A bus of bleproxyd with a virtual proxy, for programs that know nothing of either."""
import contextlib

from support import house
from virtual import controlled


@contextlib.contextmanager
def served(*options):
    """(the address of the bus, what makes the proxy reboot and returns when it is off)"""
    with controlled(*options) as (proxy, control), house(proxy) as it:
        def reboot():
            control.do("reboot 1")
            control.wait_for("off")

        yield it.address, reboot
