# SPDX-License-Identifier: MIT
"""Debian's bluetoothctl, spoken to as a person does."""
import contextlib
import re
import subprocess
import time

import journey
from dialogue import Dialogue
from e2e import PATIENCE_S
from served import served
from support import main

ADDRESS = r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}"
NAME, SERVICE, STORE, BURST, QUITTER, VALUE, HANG_UP = journey.ARGUMENTS
HEX = re.compile(r"\]# +((?:[0-9a-f]{2} )+) ")


def once(bus, *arguments):
    """What `bluetoothctl ARGUMENTS` prints."""
    return subprocess.run(["bluetoothctl", *arguments], env=journey.environment_of(bus), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout


@contextlib.contextmanager
def spoken_to(bus):
    dialogue = Dialogue(["bluetoothctl"], env=journey.environment_of(bus))
    try:
        dialogue.wait_for(r"\[bluetooth\]#")
        yield dialogue
    finally:
        dialogue.close()


def find(dialogue, name):
    """By its name, among those that are known or come."""
    place = dialogue.say("devices")
    return dialogue.wait_for(rf"Device ({ADDRESS}) {name}$", after=place)[1]


def connect(dialogue, address):
    """As often as it takes while the device is not to be had."""
    end = time.monotonic() + PATIENCE_S
    while True:
        assert time.monotonic() < end, f"{address} is never to be had"
        place = dialogue.say(f"connect {address}")
        answer = dialogue.wait_for("Connection successful|Failed to connect|not available", after=place)
        if answer[0] == "Connection successful":
            break
    dialogue.wait_for(f"Device {address} (?:UUIDs: .*|ServicesResolved: yes)$", after=place)


def values(text, size):
    """Those of that size that are dumped behind "Value:", one after the other."""
    found = []
    for block in text.split("Value:\n")[1:]:
        value = bytes.fromhex("".join(HEX.findall(block)))
        found += [value[at:at + size] for at in range(0, len(value) - size + 1, size)]
    return found


def select(dialogue, uuid):
    dialogue.ask(f"select-attribute {uuid}", r"/char[0-9a-f]{4}\]#")


def read(dialogue, uuid, size):
    """It shows a value twice: as what is known now, and as what was read."""
    select(dialogue, uuid)
    place = dialogue.say("read")
    first, second = dialogue.wait_until(lambda text: len(found := values(text, size)) == 2 and found, place, "the value")
    assert first == second
    return first


def notified(dialogue, count):
    """The first two bytes of so many notifications."""
    select(dialogue, BURST)
    dialogue.ask("notify on", "Notify started")
    place = dialogue.say(f'write "0x{count & 255:02x} 0x{count >> 8:02x}"')
    shown = dialogue.wait_until(lambda text: len(found := values(text, 20)) >= count and found, place, "the last one")
    dialogue.ask("notify off", "Notify stopped")
    return [int.from_bytes(value[:2], "little") for value in shown]


def test_case_54_bluetoothctl_lists_the_adapter_and_scans_when_called_once():
    with served() as (bus, _):
        assert re.search(rf"Controller {ADDRESS} .*\[default\]", once(bus, "list"))
        shown = once(bus, "show")
        assert "Powered: yes" in shown and "Roles: central" in shown and "Discovering: no" in shown, shown
        assert re.search(rf"NEW.*Device {ADDRESS} Virtual", once(bus, "--timeout", "6", "scan", "on"))
        assert re.search(rf"Device {ADDRESS} {NAME}", once(bus, "devices"))


def test_case_54_bluetoothctl_finds_a_device_by_its_service_and_by_its_name():
    with served() as (bus, _), spoken_to(bus) as dialogue:
        dialogue.ask("menu scan", "Menu scan")
        dialogue.say(f"uuids {SERVICE}")
        dialogue.say("back")
        place = dialogue.say("scan on")
        found = dialogue.wait_for(rf"NEW\] Device ({ADDRESS}) (.*)$", after=place)
        assert found[2].strip() == NAME, found[0]
        dialogue.ask("scan off", "Discovery stopped")
        assert dialogue.text.count("[NEW] Device") == 1
        dialogue.ask("menu scan", "Menu scan")
        dialogue.ask("clear uuids", "UUIDs|#")
        dialogue.say("back")
        dialogue.ask("scan on", rf"NEW\] Device {ADDRESS} {QUITTER}$")
        assert find(dialogue, NAME) == found[1]


def test_case_54_bluetoothctl_reads_writes_is_notified_and_disconnects():
    with served() as (bus, _), spoken_to(bus) as dialogue:
        dialogue.ask("scan on", rf"NEW\] Device {ADDRESS} {NAME}$")
        address = find(dialogue, NAME)
        connect(dialogue, address)
        dialogue.ask("menu gatt", "Menu gatt")
        place = dialogue.say(f"list-attributes {address}")
        for uuid in SERVICE, STORE, BURST:
            dialogue.wait_for(uuid, after=place)
        assert read(dialogue, STORE, 1) == b"\0"
        dialogue.ask('write "' + " ".join(f"0x{byte:02x}" for byte in journey.WRITTEN) + '"', "Attempting to write")
        assert read(dialogue, STORE, len(journey.WRITTEN)) == journey.WRITTEN
        assert notified(dialogue, journey.N_NOTIFICATIONS) == list(range(journey.N_NOTIFICATIONS))
        dialogue.ask("back", "Menu main")
        dialogue.ask(f"disconnect {address}", "Successful disconnected")
        dialogue.ask(f"info {address}", "Connected: no")


def test_case_54_bluetoothctl_survives_a_link_loss_and_a_reboot_of_the_proxy():
    with served() as (bus, reboot), spoken_to(bus) as dialogue:
        dialogue.ask("scan on", rf"NEW\] Device {ADDRESS} {QUITTER}$")
        address = find(dialogue, QUITTER)
        connect(dialogue, address)
        dialogue.ask("menu gatt", "Menu gatt")
        select(dialogue, HANG_UP)
        dialogue.ask('write "0x08"', f"Device {address} Connected: no")
        dialogue.ask("back", "Menu main")
        connect(dialogue, address)
        dialogue.ask("menu gatt", "Menu gatt")
        assert read(dialogue, VALUE, 10) == b"still here"
        dialogue.ask("back", "Menu main")
        place = len(dialogue.text)
        reboot()
        dialogue.wait_for(f"Device {address} Connected: no", after=place)
        dialogue.wait_for("Powered: yes", after=place)
        connect(dialogue, address)
        dialogue.ask("menu gatt", "Menu gatt")
        assert read(dialogue, VALUE, 10) == b"still here"


main(globals())
