# SPDX-License-Identifier: MIT
"""org.bluez.AgentManager1, Device1.Pair and CancelPairing, RemoveDevice, and what a user sets of a device."""
from support import (ADAPTER, AGENT, AGENT_MANAGER, CHARACTERISTIC, DEVICE, HCI0, Error, client, main, stack)

BLUEZ = "/org/bluez"


def test_a_program_has_one_agent_which_goes_with_it():
    with stack() as (address, one, _), client(address) as two:
        one.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "KeyboardDisplay")
        assert one.fails("AlreadyExists", BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/other", "") == "Already Exists"
        one.fails("DoesNotExist", BLUEZ, AGENT_MANAGER, "UnregisterAgent", "o", "/other")
        two.fails("DoesNotExist", BLUEZ, AGENT_MANAGER, "UnregisterAgent", "o", "/agent")
        two.fails("DoesNotExist", BLUEZ, AGENT_MANAGER, "RequestDefaultAgent", "o", "/agent")
        one.call(BLUEZ, AGENT_MANAGER, "RequestDefaultAgent", "o", "/agent")
        one.call(BLUEZ, AGENT_MANAGER, "UnregisterAgent", "o", "/agent")
        one.fails("DoesNotExist", BLUEZ, AGENT_MANAGER, "UnregisterAgent", "o", "/agent")
        one.fails("InvalidArguments", BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "Telepathy")
        one.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "")


def test_agents_of_programs_that_left_make_room():
    with stack() as (address, program, _):
        for _ in range(130):
            with client(address) as other:
                other.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "DisplayOnly")
        program.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "DisplayOnly")


def test_an_agent_is_released_when_the_daemon_ends():
    with stack() as (_, program, process):
        program.call(BLUEZ, AGENT_MANAGER, "RegisterAgent", "os", "/agent", "")
        process.stop()
        program.wait_until(lambda: [call for call in program.calls if call.interface == AGENT], "a call of the agent")
        call, = program.calls
        assert (call.path, call.member) == ("/agent", "Release")


def test_pairing_connects_first_and_is_told_before_the_reply():
    with stack() as (_, program, _):
        battery = program.discover("Virtual Battery")
        program.fails("DoesNotExist", battery, DEVICE, "CancelPairing")
        start = len(program.signals)
        program.call(battery, DEVICE, "Pair")
        told = program.changes(battery, DEVICE, start)
        together = {name: value for change in told for name, value in change.items()}
        assert together.get("Connected") and together.get("Paired") and together.get("Bonded"), told
        program.wait_for_change(battery, DEVICE, "ServicesResolved", True, start)
        assert program.fails("AlreadyExists", battery, DEVICE, "Pair") == "Already Exists"
        program.fails("DoesNotExist", battery, DEVICE, "CancelPairing")


def test_a_connected_device_is_paired_over_its_connection():
    with stack() as (_, program, _):
        lock = program.connect_to("Virtual Lock")
        door = program.characteristic(lock, "5f1e0012-7b0a-4c6d-9e21-3d8a60c4b517")
        assert program.fails("NotPermitted", door, CHARACTERISTIC, "ReadValue", "a{sv}", {}) == "Not paired"
        start = len(program.signals)
        program.call(lock, DEVICE, "Pair")
        assert program.changes(lock, DEVICE, start) == [{"Paired": True, "Bonded": True}]
        assert program.call(door, CHARACTERISTIC, "ReadValue", "a{sv}", {}) == b"front door"


def test_a_device_that_does_not_pair_says_so_and_is_not_connected():
    with stack() as (_, program, _):
        heart = program.discover("Virtual Heart")
        text = program.fails("AuthenticationFailed", heart, DEVICE, "Pair")
        assert text.startswith("Authentication Failed (") and "does not pair" in text, text
        assert not program.get(heart, DEVICE, "Paired") and not program.get(heart, DEVICE, "Connected")
        program.call(heart, DEVICE, "Connect")
        program.fails("AuthenticationFailed", heart, DEVICE, "Pair")
        assert program.get(heart, DEVICE, "Connected")


def test_firmware_that_cannot_pair_is_named_as_the_reason():
    with stack(sim_options=("--firmware", "2022.12")) as (_, program, _):
        battery = program.discover("Virtual Battery")
        assert program.fails("NotSupported", battery, DEVICE, "Pair").startswith("Operation is not supported (")


def test_pairing_is_cancelled():
    with stack(sim_options=("--latency", "1500")) as (_, program, _):
        battery = program.discover("Virtual Battery")
        pairing = program.begin(battery, DEVICE, "Pair")
        assert program.fails("InProgress", battery, DEVICE, "Pair") == "In Progress"
        program.fails("InProgress", battery, DEVICE, "Connect")
        program.call(battery, DEVICE, "CancelPairing")
        assert reason(program, pairing) == "org.bluez.Error.AuthenticationCanceled"
        assert not program.get(battery, DEVICE, "Connected")
        program.call(battery, DEVICE, "Connect")  # and over a connection
        pairing = program.begin(battery, DEVICE, "Pair")
        program.fails("InProgress", battery, DEVICE, "Pair")
        program.call(battery, DEVICE, "CancelPairing")
        assert reason(program, pairing) == "org.bluez.Error.AuthenticationCanceled"
        assert program.get(battery, DEVICE, "Connected")
        pairing = program.begin(battery, DEVICE, "Pair")
        program.call(battery, DEVICE, "Disconnect")
        assert reason(program, pairing) == "org.bluez.Error.AuthenticationCanceled"


def test_a_program_that_leaves_takes_its_pairing_with_it():
    with stack(sim_options=("--latency", "1500")) as (address, program, _):
        battery = program.discover("Virtual Battery")
        program.call(battery, DEVICE, "Connect")
        with client(address) as other:
            other.begin(battery, DEVICE, "Pair")
            other.call(battery, "org.freedesktop.DBus.Peer", "Ping")
            program.fails("InProgress", battery, DEVICE, "Pair")
        program.wait_until(lambda: is_pairing_over(program, battery), "the end of the pairing")
        assert program.get(battery, DEVICE, "Paired")


def is_pairing_over(program, device):
    try:
        program.call(device, DEVICE, "Pair")
    except Error as error:
        assert error.name == "org.bluez.Error.InProgress", error
        return False
    return True


def reason(program, task):
    """The name of the error with which the call was answered."""
    try:
        program.finish(task)
    except Error as error:
        return error.name
    raise AssertionError("it went well")


def test_removing_a_connected_device_removes_its_bond_from_the_proxy():
    with stack() as (_, program, process):
        battery = program.discover("Virtual Battery")
        program.call(HCI0, ADAPTER, "StopDiscovery")
        program.call(battery, DEVICE, "Pair")
        program.wait_until(lambda: program.get(battery, DEVICE, "ServicesResolved"), "ServicesResolved")
        start = len(program.signals)
        program.call(HCI0, ADAPTER, "RemoveDevice", "o", battery)
        removed = program.removed(start)
        assert removed[-1] == battery and len(removed) > 10
        assert not any(later.startswith(path + "/") for i, path in enumerate(removed) for later in removed[i:]), removed
        program.fails("DoesNotExist", HCI0, ADAPTER, "RemoveDevice", "o", battery)
        program.fails("org.freedesktop.DBus.Error.UnknownObject", battery, DEVICE, "Connect")
        assert program.discover("Virtual Battery") == battery
        assert not program.get(battery, DEVICE, "Paired")
        assert "bond" not in process.stop()


def test_removing_a_device_that_is_not_connected_leaves_a_word_of_its_bond():
    with stack() as (_, program, process):
        battery = program.discover("Virtual Battery")
        program.call(battery, DEVICE, "Pair")
        program.call(battery, DEVICE, "Disconnect")
        assert program.get(battery, DEVICE, "Paired")
        program.call(HCI0, ADAPTER, "RemoveDevice", "o", battery)
        assert program.discover("Virtual Battery") == battery
        assert not program.get(battery, DEVICE, "Paired")
        program.call(battery, DEVICE, "Pair")
        assert "its bond stays there" in process.stop()


def test_what_a_user_sets_of_a_device_is_kept_and_told():
    with stack() as (_, program, _):
        battery = program.discover("Virtual Battery")
        for name, signature, value in (("Trusted", "b", True), ("Blocked", "b", True), ("Alias", "s", "kitchen")):
            start = len(program.signals)
            program.set(battery, DEVICE, name, signature, value)
            assert program.has_changed(battery, DEVICE, name, value, start)
            assert program.get(battery, DEVICE, name) == value
            start = program.here()
            program.set(battery, DEVICE, name, signature, value)
            assert not program.has_changed(battery, DEVICE, name, value, start), "told although it is the same"
        program.set(battery, DEVICE, "Alias", "s", "")
        assert program.get(battery, DEVICE, "Alias") == "Virtual Battery"
        assert program.fails("Failed", battery, DEVICE, "Connect") == "le-connection-refused"
        program.fails("AuthenticationRejected", battery, DEVICE, "Pair")
        program.set(battery, DEVICE, "Blocked", "b", False)
        program.call(battery, DEVICE, "Connect")
        program.set(battery, DEVICE, "Blocked", "b", True)
        program.wait_until(lambda: not program.get(battery, DEVICE, "Connected"), "the end of a blocked connection")


def test_services_are_no_profiles_but_can_be_asked_for():
    with stack() as (_, program, _):
        battery = program.discover("Virtual Battery")
        program.fails("InvalidArguments", battery, DEVICE, "ConnectProfile", "s", "what")
        assert program.fails("NotAvailable", battery, DEVICE, "ConnectProfile", "s", "110b") == \
            "br-connection-profile-unavailable"
        program.fails("NotConnected", battery, DEVICE, "DisconnectProfile", "s", "180f")
        program.call(battery, DEVICE, "ConnectProfile", "s", "180f")
        assert program.get(battery, DEVICE, "Connected")
        program.fails("NotSupported", battery, DEVICE, "DisconnectProfile", "s", "180f")


if __name__ == "__main__":
    main(globals())
