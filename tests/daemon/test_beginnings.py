# SPDX-License-Identifier: MIT
"""Who begins to discover is told of devices that others know already, and not before it can take notice."""
import asyncio

from e2e import sim
from support import DEVICE, HCI0, house, main, run


def uart_of(client):
    """The path of a device that says always the same."""
    for path, interfaces in client.objects().items():
        if interfaces.get(DEVICE, {}).get("Name") == "Virtual UART":
            return path
    return None


def discover_until_it_is_known(client):
    client.discover()
    while not uart_of(client):
        run(asyncio.sleep(0.05))
    return uart_of(client)


def is_signal_of(path):
    return lambda told: told.kind == "PropertiesChanged" and told.path == path and "RSSI" in told.changed


def test_devices_that_are_known_are_told_of_after_discovery_was_begun_again():
    with sim() as proxies, house(*proxies) as it:
        client = it.client()
        path = discover_until_it_is_known(client)
        client.adapter("StopDiscovery")
        place = client.mark()
        client.adapter("StartDiscovery")
        assert client.told[-1].kind == "reply StartDiscovery"
        assert {told.path for told in client.told[place:-1]} == {HCI0}
        client.wait_for(is_signal_of(path), after=place)


def test_who_discovers_beside_another_is_told_of_devices_that_do_not_change():
    with sim() as proxies, house(*proxies) as it:
        one, other = it.client(), it.client()
        path = discover_until_it_is_known(one)
        one.wait_for_added(path)
        place = other.mark()
        other.adapter("StartDiscovery")
        other.wait_for(is_signal_of(path), after=place)


main(globals())
