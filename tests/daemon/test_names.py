#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the configuration calls devices: the alias that programs see, and the name by which commands find them through the
daemon."""
import contextlib
import os
import signal
import tempfile

from e2e import home, main, module as commands, sim
from program import program
from support import DEVICE, HCI0, house, variant

MANAGER = ("/org/bleproxy1", "org.bleproxy1.Manager")
BATTERY, LOCK = "A4:C1:38:80:00:00", "Virtual Lock"


def configuration(proxy, names, more=""):
    host, port = proxy.rsplit(":", 1)
    entries = "".join(f"  - {{address: '{address}', name: \"{name}\"}}\n" for address, name in names.items())
    path = os.path.join(home.name, "names.yaml")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(f"proxies:\n  - {{address: {host}, port: {port}}}\ndevices:\n{entries}{more}")
    os.rename(path + ".new", path)
    return path


@contextlib.contextmanager
def served(names, more=""):
    """A house whose configuration has these names, a program, and the way to write it anew and have it read."""
    with sim("--latency", "0") as [proxy], house(options=("-c", configuration(proxy, names, more))) as it:
        def rewrite(names, more=""):
            configuration(proxy, names, more)
            it.daemon.send_signal(signal.SIGHUP)

        yield it, program(it), rewrite


def called(one, path):
    return one.get(path, DEVICE, "Alias"), one.get(path, DEVICE, "Name")


def test_it_is_the_alias_until_a_program_sets_another_one():
    with served({BATTERY: "Küche, Sensor"}) as (_, one, _):
        battery, lock = one.find("Virtual Battery"), one.find(LOCK)
        assert called(one, battery) == ("Küche, Sensor", "Virtual Battery")
        assert called(one, lock) == (LOCK, LOCK)
        for alias, wanted in (("mine", "mine"), ("", "Küche, Sensor")):
            mark = one.here()
            one.set(battery, DEVICE, "Alias", variant("s", alias))
            one.wait_for_change(battery, "Alias", wanted, mark)
            assert called(one, battery) == (wanted, "Virtual Battery")


def test_a_changed_configuration_is_told():
    with served({BATTERY: "sensor"}) as (_, one, rewrite):
        battery, lock = one.find("Virtual Battery"), one.find(LOCK)
        address = one.get(lock, DEVICE, "Address")
        for names, battery_is, lock_is in (({BATTERY: "kettle"}, "kettle", LOCK), ({address: "door"}, "Virtual Battery", "door"),
                                           ({BATTERY: "door", address: "kettle"}, "door", "kettle"), ({}, "Virtual Battery", LOCK)):
            mark = one.here()
            before = called(one, battery)[0], called(one, lock)[0]
            rewrite(names)
            for path, was, wanted in ((battery, before[0], battery_is), (lock, before[1], lock_is)):
                if was != wanted:
                    one.wait_for_change(path, "Alias", wanted, mark)
                assert one.get(path, DEVICE, "Alias") == wanted
            one.here()
            told = [[change["Alias"] for change in one.changes(path, after=mark) if "Alias" in change] for path in (battery, lock)]
            assert told == [[now] if now != was else [] for now, was in zip((battery_is, lock_is), before)], told
            assert not [change for path in (battery, lock) for change in one.changes(path, after=mark) if "Name" in change]


def test_the_alias_of_a_program_outlives_the_daemon_and_the_configuration():
    with served({BATTERY: "sensor"}) as (it, one, rewrite):
        battery = one.find("Virtual Battery")
        one.set(battery, DEVICE, "Alias", variant("s", "mine"))
        mark = one.here()
        rewrite({BATTERY: "kettle"})
        other = program(it)
        other.wait_until(lambda: other.call(*MANAGER, "ListNames") == [[BATTERY, "kettle"]], "the new name")
        one.here()
        assert not [change for change in one.changes(battery, after=mark) if "Alias" in change]
        it.stop_daemon()
        mark = one.mark()
        it.start_daemon()
        one.wait_for_change(HCI0, "Powered", True, mark)
        assert called(one, battery)[0] == "mine"
        one.set(battery, DEVICE, "Alias", variant("s", ""))
        assert called(one, battery)[0] == "kettle"


def test_the_manager_knows_it():
    with served({BATTERY: "sensor", "C0:00:00:00:00:99": LOCK}) as (_, one, rewrite):
        one.find("Virtual Battery")
        assert one.call(*MANAGER, "ListNames") == [[BATTERY, "sensor"], ["C0:00:00:00:00:99", LOCK]]
        assert one.call(*MANAGER, "FindDevice", "s", "sensor") == [BATTERY, False]
        assert one.call(*MANAGER, "FindDevice", "s", "Virtual Battery") == [BATTERY, False]
        assert one.call(*MANAGER, "FindDevice", "s", LOCK) == ["", False]
        rewrite({BATTERY: "sensor", "C0:00:00:00:00:99": LOCK}, f"daemon: {{deny: '{BATTERY}'}}\n")
        one.wait_until(lambda: one.call(*MANAGER, "ListNames") == [["C0:00:00:00:00:99", LOCK]], "the denied device's end")
        assert one.call(*MANAGER, "FindDevice", "s", "sensor") == ["", False]


def run(it, *arguments, **more):
    return commands.run(*arguments, DBUS_SYSTEM_BUS_ADDRESS=it.address, XDG_RUNTIME_DIR=it.folder, **more)


def test_commands_use_the_daemons_names():
    with served({BATTERY: "kettle"}) as (it, _, _):
        found, = run(it, "read", "kettle", "battery_level", "--json").expect(0).objects()
        assert found["address"] == BATTERY
        listed = {o["address"]: (o["name"], o["configured_name"]) for o in
                  run(it, "devices", "-t", "4", "--json", "--name", "kett").expect(0).objects()}
        assert listed == {BATTERY: ("Virtual Battery", "kettle")}, listed
        assert run(it, "why", "kettle").expect(0).out.startswith(f"{BATTERY}  kettle   ")


def test_the_users_own_names_go_before_them():
    with served({BATTERY: "kettle", "C0:00:00:00:00:99": "lamp"}) as (it, _, _), tempfile.TemporaryDirectory(dir=home.name) as folder:
        os.mkdir(os.path.join(folder, "bleproxy"))
        with open(os.path.join(folder, "bleproxy", "bleproxy.yaml"), "w", encoding="utf-8") as file:
            file.write(f"devices:\n- {{address: '{BATTERY}', name: lamp}}\n")
        for name in ("lamp", "Virtual Battery"):
            found, = run(it, "why", name, "--json", XDG_CONFIG_HOME=folder).expect(0).objects()
            assert (found["address"], found["configured_name"]) == (BATTERY, "lamp"), found
        result = run(it, "why", "kettle", "-t", "2", XDG_CONFIG_HOME=folder).expect(6)
        assert "no proxy has heard a device of that name" in result.out, result.out


def test_without_names_there_are_none():
    with served({}) as (_, one, _):
        assert called(one, one.find("Virtual Battery")) == ("Virtual Battery", "Virtual Battery")
        assert one.call(*MANAGER, "ListNames") == []


main(globals())
