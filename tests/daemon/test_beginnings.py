# SPDX-License-Identifier: MIT
"""Who begins to discover is told of devices that others know already, and not before it can take notice."""
from e2e import sim
from program import program
from support import HCI0, house, main

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


main(globals())
