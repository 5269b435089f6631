# SPDX-License-Identifier: MIT
"""org.bluez.AgentManager1, Device1.Pair and CancelPairing, RemoveDevice, and what a user sets of a device."""
import os

from support import (AGENT, AGENT_MANAGER, ADAPTER, DEVICE, HCI0, client, daemon, main, message_bus, sim, stack)

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


if __name__ == "__main__":
    main(globals())
