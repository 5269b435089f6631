# SPDX-License-Identifier: MIT
"""org.bluez.AgentManager1, Device1.Pair and CancelPairing, RemoveDevice, and what a user sets of a device."""
import contextlib

from program import program
from scripted import (DEVICE_REQUEST, PAIR, UNPAIR, Device, Scripted, first)
from support import ADAPTER, BLUEZ_ERROR, CHARACTERISTIC, DEVICE, HCI0, BusError, house, main, path_of, sim, variant

BLUEZ = "/org/bluez"
AGENT_MANAGER, AGENT = "org.bluez.AgentManager1", "org.bluez.Agent1"
EXISTS, NONE, INVALID = BLUEZ_ERROR + "AlreadyExists", BLUEZ_ERROR + "DoesNotExist", BLUEZ_ERROR + "InvalidArguments"
FAILED, BUSY = BLUEZ_ERROR + "AuthenticationFailed", BLUEZ_ERROR + "InProgress"
CANCELED = BLUEZ_ERROR + "AuthenticationCanceled"


@contextlib.contextmanager
def one_proxy(*options):
    """A house with a virtual proxy, and a program in it."""
    with sim(*options) as proxies, house(*proxies) as it:
        yield it, program(it)


def test_case_47_a_program_has_one_agent_which_goes_with_it():
    with one_proxy() as (it, one):
        two = program(it)
        one.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "KeyboardDisplay")
        one.fails(EXISTS, "Already Exists", BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/other", "")
        one.fails(NONE, None, BLUEZ, AGENT_MANAGER, "UnregisterAgent", "o", "/other")
        two.fails(NONE, None, BLUEZ, AGENT_MANAGER, "UnregisterAgent", "o", "/agent")
        two.fails(NONE, None, BLUEZ, AGENT_MANAGER, "RequestDefaultAgent", "o", "/agent")
        one.call(BLUEZ, AGENT_MANAGER, "RequestDefaultAgent", "o", "/agent")
        one.call(BLUEZ, AGENT_MANAGER, "UnregisterAgent", "o", "/agent")
        one.fails(NONE, None, BLUEZ, AGENT_MANAGER, "UnregisterAgent", "o", "/agent")
        one.fails(INVALID, None, BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "Telepathy")
        one.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "")


def test_agents_of_programs_that_left_make_room():
    with one_proxy() as (it, one):
        for _ in range(130):
            other = it.client(listens=False)
            other.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "DisplayOnly")
            other.close()
        one.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "DisplayOnly")


def test_an_agent_is_released_when_the_daemon_ends():
    with one_proxy() as (it, one):
        one.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "")
        it.stop_daemon()
        one.wait_until(lambda: one.called, "a call of the agent")
        assert one.calls_of(AGENT) == [("/agent", "Release")]


def test_case_48_pairing_connects_first_and_is_told_before_the_reply():
    with one_proxy() as (it, one):
        battery = one.find("Virtual Battery")
        one.fails(NONE, None, battery, DEVICE, "CancelPairing")
        start = one.mark()
        one.call(battery, DEVICE, "Pair")
        told = one.changes(battery, DEVICE, start)
        together = {name: value for change in told for name, value in change.items()}
        assert together.get("Connected") and together.get("Paired") and together.get("Bonded"), told
        one.wait_for_change(battery, "ServicesResolved", True, start)
        one.fails(EXISTS, "Already Exists", battery, DEVICE, "Pair")
        one.fails(NONE, None, battery, DEVICE, "CancelPairing")


def test_a_connected_device_is_paired_over_its_connection():
    with one_proxy() as (it, one):
        lock = one.connect("Virtual Lock")
        door = one.characteristic(lock, "5f1e0012-7b0a-4c6d-9e21-3d8a60c4b517")
        one.fails(BLUEZ_ERROR + "NotPermitted", "Not paired", door, CHARACTERISTIC, "ReadValue", "a{sv}", {})
        start = one.mark()
        one.call(lock, DEVICE, "Pair")
        assert one.last(lock, "Paired", after=start) and one.last(lock, "Bonded", after=start)
        assert one.call(door, CHARACTERISTIC, "ReadValue", "a{sv}", {}) == b"front door"


def test_a_device_that_does_not_pair_says_so_and_is_not_connected():
    with one_proxy() as (it, one):
        heart = one.find("Virtual Heart")
        text = one.fails(FAILED, None, heart, DEVICE, "Pair")
        assert text.startswith("Authentication Failed (") and "does not pair" in text, text
        assert not one.get(heart, DEVICE, "Paired") and not one.get(heart, DEVICE, "Connected")
        one.call(heart, DEVICE, "Connect")
        one.fails(FAILED, None, heart, DEVICE, "Pair")
        assert one.get(heart, DEVICE, "Connected")


def test_case_48_firmware_that_cannot_pair_is_named_as_the_reason():
    with one_proxy("--firmware", "2022.12") as (it, one):
        battery = one.find("Virtual Battery")
        assert one.fails(BLUEZ_ERROR + "NotSupported", None, battery, DEVICE, "Pair").startswith("Operation is not supported (")


def test_case_48_pairing_is_cancelled():
    with one_proxy("--latency", "1500") as (it, one):
        battery = one.find("Virtual Battery")
        pairing = one.begin(battery, DEVICE, "Pair")
        one.fails(BUSY, "In Progress", battery, DEVICE, "Pair")
        one.fails(BUSY, None, battery, DEVICE, "Connect")
        one.call(battery, DEVICE, "CancelPairing")
        assert one.refused(pairing) == CANCELED
        assert not one.get(battery, DEVICE, "Connected")
        one.call(battery, DEVICE, "Connect")  # and over a connection
        pairing = one.begin(battery, DEVICE, "Pair")
        one.fails(BUSY, None, battery, DEVICE, "Pair")
        one.call(battery, DEVICE, "CancelPairing")
        assert one.refused(pairing) == CANCELED
        assert one.get(battery, DEVICE, "Connected")
        pairing = one.begin(battery, DEVICE, "Pair")
        one.call(battery, DEVICE, "Disconnect")
        assert one.refused(pairing) == CANCELED


def test_a_program_that_leaves_takes_its_pairing_with_it():
    with one_proxy("--latency", "1500") as (it, one):
        battery = one.find("Virtual Battery")
        one.call(battery, DEVICE, "Connect")
        other = program(it)
        other.begin(battery, DEVICE, "Pair")
        other.here()
        one.fails(BUSY, None, battery, DEVICE, "Pair")
        other.close()

        def is_over():
            try:
                one.call(battery, DEVICE, "Pair")
            except BusError as error:
                assert error.name == BUSY, error
                return False
            return True
        one.wait_until(is_over, "the end of the pairing")
        assert one.get(battery, DEVICE, "Paired")


def test_removing_a_connected_device_removes_its_bond_from_the_proxy():
    with one_proxy() as (it, one):
        battery = one.find("Virtual Battery")
        one.call(HCI0, ADAPTER, "StopDiscovery")
        one.call(battery, DEVICE, "Pair")
        one.wait_until(lambda: one.get(battery, DEVICE, "ServicesResolved"), "ServicesResolved")
        start = one.mark()
        one.call(HCI0, ADAPTER, "RemoveDevice", "o", battery)
        removed = one.removed(start)
        assert removed[-1] == battery and len(removed) > 10
        assert not any(later.startswith(path + "/") for i, path in enumerate(removed) for later in removed[i:]), removed
        one.fails(NONE, None, HCI0, ADAPTER, "RemoveDevice", "o", battery)
        one.fails("org.freedesktop.DBus.Error.UnknownObject", None, battery, DEVICE, "Connect")
        assert one.find("Virtual Battery") == battery
        assert not one.get(battery, DEVICE, "Paired")
        assert "bond" not in it.said()


def test_removing_a_device_that_is_not_connected_leaves_a_word_of_its_bond():
    with one_proxy() as (it, one):
        battery = one.find("Virtual Battery")
        one.call(battery, DEVICE, "Pair")
        one.call(battery, DEVICE, "Disconnect")
        assert one.get(battery, DEVICE, "Paired")
        one.call(HCI0, ADAPTER, "RemoveDevice", "o", battery)
        assert one.find("Virtual Battery") == battery
        assert not one.get(battery, DEVICE, "Paired")
        one.call(battery, DEVICE, "Pair")
        assert "its bond stays there" in it.said()


LAMP = 0xC00000000001
LAMP_PATH = path_of(LAMP)


def requests(proxy, kind):
    return [request for request in proxy.requests(DEVICE_REQUEST) if first(request, 2) == kind]


@contextlib.contextmanager
def lamp():
    """A proxy that is told what to say, and its only device, connected."""
    with Scripted(Device(LAMP, [("1800", 1, [("2a00", 3, 2, [])])])) as proxy, house(proxy) as it:
        one = program(it)
        one.discover()
        proxy.advertise(LAMP)
        one.wait_for_added(LAMP_PATH)
        one.call(LAMP_PATH, DEVICE, "Connect")
        one.wait_for_change(LAMP_PATH, "ServicesResolved", True)
        yield it, proxy, one


def test_the_bond_is_removed_before_the_connection_ends():
    with lamp() as (it, proxy, one):
        one.call(LAMP_PATH, DEVICE, "Pair")
        proxy.held = {DEVICE_REQUEST}
        removing = one.begin(HCI0, ADAPTER, "RemoveDevice", "o", LAMP_PATH)
        proxy.wait_until(lambda: requests(proxy, UNPAIR), "the request")
        again = one.begin(HCI0, ADAPTER, "RemoveDevice", "o", LAMP_PATH)
        one.fails(EXISTS, None, LAMP_PATH, DEVICE, "Pair")
        assert one.get(LAMP_PATH, DEVICE, "Connected") and not removing.done()
        proxy.release()
        one.finish(removing)
        one.finish(again)
        assert LAMP_PATH not in one.objects() and len(requests(proxy, UNPAIR)) == 1
        assert LAMP not in proxy.linked and "bond" not in it.said()


def test_a_link_that_is_lost_while_its_bond_is_removed_takes_the_device_with_it():
    with lamp() as (it, proxy, one):
        one.call(LAMP_PATH, DEVICE, "Pair")
        proxy.held = {DEVICE_REQUEST}
        removing = one.begin(HCI0, ADAPTER, "RemoveDevice", "o", LAMP_PATH)
        proxy.wait_until(lambda: requests(proxy, UNPAIR), "the request")
        proxy.hang_up(LAMP)
        one.finish(removing)
        assert LAMP_PATH not in one.objects() and "its bond stays there" in it.said()


def test_nobody_waits_for_a_proxy_that_says_nothing():
    with lamp() as (it, proxy, one):
        proxy.held = {DEVICE_REQUEST}
        assert one.refused(one.begin(LAMP_PATH, DEVICE, "Pair")) == BLUEZ_ERROR + "AuthenticationTimeout"
        proxy.held, proxy.waiting = set(), []
        one.call(LAMP_PATH, DEVICE, "Pair")
        proxy.held = {DEVICE_REQUEST}
        removing = one.begin(HCI0, ADAPTER, "RemoveDevice", "o", LAMP_PATH)
        proxy.wait_until(lambda: len(proxy.waiting) == 2, "that it is disconnected nevertheless")
        proxy.release()
        one.finish(removing)
        assert LAMP_PATH not in one.objects() and "its bond stays there" in it.said()


def test_a_link_that_is_lost_while_it_is_paired_cancels_that():
    with lamp() as (_, proxy, one):
        for end in (lambda: proxy.hang_up(LAMP), proxy.lose):
            proxy.held = {DEVICE_REQUEST}
            pairing = one.begin(LAMP_PATH, DEVICE, "Pair")
            proxy.wait_until(lambda: requests(proxy, PAIR), "the request")
            end()
            assert one.refused(pairing) == CANCELED
            proxy.received.clear()
            proxy.held, proxy.waiting = set(), []
            if end != proxy.lose:
                proxy.advertise(LAMP)
                one.call(LAMP_PATH, DEVICE, "Connect")


def test_the_daemon_ends_and_devices_go_while_they_are_paired():
    with lamp() as (it, proxy, one):
        proxy.held = {DEVICE_REQUEST}
        pairing = one.begin(LAMP_PATH, DEVICE, "Pair")
        proxy.wait_until(lambda: requests(proxy, PAIR), "the request")
        removing = one.begin(HCI0, ADAPTER, "RemoveDevice", "o", LAMP_PATH)
        name = one.refused(pairing)
        assert name == CANCELED, name
        it.stop_daemon()
        one.finish(removing)


def test_what_a_user_sets_of_a_device_is_kept_and_told():
    with one_proxy() as (it, one):
        battery = one.find("Virtual Battery")
        for name, signature, value in (("Trusted", "b", True), ("Blocked", "b", True), ("Alias", "s", "kitchen")):
            start = one.mark()
            one.set(battery, DEVICE, name, variant(signature, value))
            assert one.last(battery, name, after=start) == value
            assert one.get(battery, DEVICE, name) == value
            start = one.here()
            one.set(battery, DEVICE, name, variant(signature, value))
            assert one.last(battery, name, after=start) is None, "told although it is the same"
        one.set(battery, DEVICE, "Alias", variant("s", ""))
        assert one.get(battery, DEVICE, "Alias") == "Virtual Battery"
        one.fails(BLUEZ_ERROR + "Failed", "le-connection-refused", battery, DEVICE, "Connect")
        one.fails(BLUEZ_ERROR + "AuthenticationRejected", None, battery, DEVICE, "Pair")
        one.set(battery, DEVICE, "Blocked", variant("b", False))
        one.call(battery, DEVICE, "Connect")
        one.set(battery, DEVICE, "Blocked", variant("b", True))
        one.wait_until(lambda: not one.get(battery, DEVICE, "Connected"), "the end of a blocked connection")


def test_services_are_no_profiles_but_can_be_asked_for():
    with one_proxy() as (it, one):
        battery = one.find("Virtual Battery")
        one.fails(INVALID, None, battery, DEVICE, "ConnectProfile", "s", "what")
        one.fails(BLUEZ_ERROR + "NotAvailable", "br-connection-profile-unavailable", battery, DEVICE, "ConnectProfile", "s",
                  "110b")
        one.fails(BLUEZ_ERROR + "NotConnected", None, battery, DEVICE, "DisconnectProfile", "s", "180f")
        one.call(battery, DEVICE, "ConnectProfile", "s", "180f")
        assert one.get(battery, DEVICE, "Connected")
        one.fails(BLUEZ_ERROR + "NotSupported", None, battery, DEVICE, "DisconnectProfile", "s", "180f")


if __name__ == "__main__":
    main(globals())
