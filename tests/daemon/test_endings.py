# SPDX-License-Identifier: MIT
"""Who disconnects is answered before the end of the connection is told."""
from e2e import sim
from program import program
from support import DEVICE, house, main


def test_disconnect_is_answered_between_the_services_and_the_connection():
    with sim() as proxies, house(*proxies) as it:
        client = program(it)
        path = client.find("Virtual UART")
        client.call(path, DEVICE, "Connect")
        client.wait_for_change(path, "ServicesResolved", True)
        place = client.mark()
        client.call(path, DEVICE, "Disconnect")
        client.wait_for_change(path, "Connected", False, place)
        told = [it for it in client.told[place:] if it.path == path]
        order = [it.kind if it.kind != "PropertiesChanged" else [*it.changed] for it in told if "RSSI" not in it.changed]
        assert order[:3] == [["ServicesResolved"], "reply Disconnect", ["Connected"]], order


main(globals())
