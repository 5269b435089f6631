#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The private bus of `bleproxy run`: nobody on it can take the daemon's part."""
import asyncio
import os
import subprocess
import tempfile

from dbus_fast import Message, MessageType

from e2e import home, main, sim
from place import Place, private_daemon, spawn, write
from support import DEVICE, HCI0, OBJECT_MANAGER, PROPERTIES, Client, run as wait

DRIVER = "org.freedesktop.DBus"


def driver(client, member, *arguments):
    return client.ask(DRIVER, "/org/freedesktop/DBus", DRIVER, member, *arguments)


def refused(client, *arguments):
    try:
        driver(client, *arguments)
    except Exception as error:  # pylint: disable=broad-except
        assert "AccessDenied" in str(error), error
        return
    raise AssertionError(f"{arguments} is allowed")


def test_nobody_may_own_or_wait_for_the_name():
    place = Place()
    with sim() as proxies, private_daemon(place, "-p", proxies[0]) as (address, _):
        impostor = Client(address)
        for flags in (0, 1, 2, 4):
            refused(impostor, "RequestName", "su", "org.bluez", flags)
        refused(impostor, "RequestName", "su", "org.example", 0)
        impostor.close()


class Listener(Client):
    """Gets every signal there is."""

    def __init__(self, address):
        super().__init__(address, listens=False)
        self.heard = []
        self.bus.add_message_handler(self.hear)
        driver(self, "AddMatch", "s", "type='signal'")

    def hear(self, message):
        if message.message_type == MessageType.SIGNAL:
            self.heard.append(message)
        else:
            self.on_message(message)


def forge(client, path, interface, member, signature, body, destination=None):
    wait(client.bus.send(Message(message_type=MessageType.SIGNAL, destination=destination, path=path, interface=interface,
                                 member=member, signature=signature, body=body)))


def test_forged_signals_reach_no_program():
    place = Place()
    with sim() as proxies, private_daemon(place, "-p", proxies[0]) as (address, _):
        place.run("true").expect(0)  # when there is a proxy to discover with
        listener, forger = Listener(address), Client(address)
        fake = HCI0 + "/dev_00_00_00_00_00_01"
        for destination in (None, listener.bus.unique_name, "org.bluez"):
            for path in ("/", fake, "/elsewhere"):
                forge(forger, path, OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [fake, {DEVICE: {}}], destination)
                forge(forger, path, OBJECT_MANAGER, "InterfacesRemoved", "oas", [fake, [DEVICE]], destination)
                forge(forger, path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [DEVICE, {}, []], destination)
                forge(forger, path, DEVICE, "Disconnected", "ss", ["", ""], destination)
        driver(forger, "GetId")
        listener.adapter("StartDiscovery")  # what is genuine comes, behind all that
        owner = driver(listener, "GetNameOwner", "s", "org.bluez")
        wait(heard_from(listener, owner, "PropertiesChanged"))
        strangers = [message for message in listener.heard if message.sender not in (owner, DRIVER)]
        assert not strangers, strangers
        forger.close()
        listener.close()


async def heard_from(listener, sender, member):
    while not any((message.sender, message.member) == (sender, member) for message in listener.heard):
        await asyncio.sleep(0.02)


def test_signals_of_programs_about_their_monitors_reach_the_daemon():
    """Seen by a receiver that has the same rights: the policy names who may send to the owner of the name."""
    place = Place()
    with sim() as proxies, private_daemon(place, "-p", proxies[0]) as (address, process):
        with open(os.path.join(os.path.dirname(address.split("=")[1]), "policy.conf"), encoding="ascii") as file:
            policy = file.read()
        assert process.poll() is None
    assert "allow own" not in policy
    path = tempfile.mkdtemp(dir=home.name)
    policy = policy.replace(address, f"unix:path={path}/bus").replace('<deny own="*"/>', '<allow own="org.bluez"/>')
    config = write("unsealed.conf", policy)
    bus = spawn(["dbus-daemon", "--nofork", "--print-address", "--config-file=" + config], stdout=subprocess.PIPE)
    try:
        bus.stdout.readline()
        daemon, program = Listener(f"unix:path={path}/bus"), Client(f"unix:path={path}/bus")
        assert driver(daemon, "RequestName", "su", "org.bluez", 4) == 1
        forge(program, "/org/program/monitor", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", ["/org/program/monitor", {}])
        wait(heard_from(daemon, program.bus.unique_name, "InterfacesAdded"))
        daemon.close()
        program.close()
    finally:
        bus.kill()
        bus.wait()
        bus.stdout.close()


if __name__ == "__main__":
    main(globals())
