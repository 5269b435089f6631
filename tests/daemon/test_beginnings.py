# SPDX-License-Identifier: MIT
"""Who begins to discover is told of devices that others know already, and not before it can take notice."""
from e2e import sim
from models import LAMP, hear
from program import program
from scripted import Scripted
from support import HCI0, house, main, path_of

UART = "Virtual UART"  # which says always the same


def is_signal_of(path):
    return lambda told: told.kind == "PropertiesChanged" and told.path == path and "RSSI" in told.changed


def test_devices_that_are_known_are_told_of_after_discovery_was_begun_again():
    with sim() as proxies, house(*proxies) as it:
        client = program(it)
        path = client.find(UART)
        client.adapter("StopDiscovery")
        place = client.mark()
        client.adapter("StartDiscovery")
        client.wait_for(is_signal_of(path), after=place)
        kinds = client.kinds(place)  # more may have come together with the reply
        assert {path for _, path in kinds[:kinds.index(("reply StartDiscovery", HCI0))]} == {HCI0}


def test_who_discovers_beside_another_is_told_of_devices_that_do_not_change():
    with sim() as proxies, house(*proxies) as it:
        one, other = program(it), it.client()
        path = one.find(UART)
        one.wait_for_added(path)
        place = other.mark()
        other.adapter("StartDiscovery")
        other.wait_for(is_signal_of(path), after=place)


def test_who_begins_a_moment_after_another_is_told_of_what_that_one_was_told_meanwhile():
    with Scripted() as proxy, house(proxy) as it:
        one, other = it.client(), it.client()
        hear(one, proxy)
        place = other.mark()
        other.adapter("StartDiscovery")
        other.wait_for(is_signal_of(path_of(LAMP)), after=place)


main(globals())
