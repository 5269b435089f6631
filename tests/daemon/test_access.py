#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Users who may connect, pair and write, and devices that may be used at all."""
import asyncio
import contextlib
import json
import os
import pwd
import signal
import socket
import sys
import time

NOBODY = 65534
if os.geteuid() == 0:  # to whom no rule applies
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
if not os.access(sys.argv[2], os.X_OK):
    print("1..0 # SKIP nobody may run the daemon from here")
    sys.exit(0)

from e2e import PATIENCE_S, main, module, sim  # pylint: disable=wrong-import-position
from support import (ADAPTER, BLUEZ_ERROR, CHARACTERISTIC, DEVICE, HCI0, PROPERTIES, BusError,  # pylint: disable=wrong-import-position
                     house, path_of, run, variant)
from wire import REPLY_SERIAL, Connection  # pylint: disable=wrong-import-position

write = module.write
REFUSED = BLUEZ_ERROR + "NotAuthorized"
OWN, OTHER = os.geteuid(), 4000000000
NAME = next((entry.pw_name for entry in pwd.getpwall() if entry.pw_uid == OWN), OWN)
UART, BATTERY = "Virtual UART", "Virtual Battery"
KEEPS_VALUES, BATTERY_LEVEL = "6e400004-b5a3-f393-e0a9-e50e24dcca9e", "00002a19-0000-1000-8000-00805f9b34fb"
UART_INPUT = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
NO_VALUE = [b"\x01", {}]
MANAGER = ("/org/bleproxy1", "org.bleproxy1.Manager")
CONNECT_BY_MANAGER = {"Connect": ("sa{sv}", {}), "Release": ("s",), "ClearCache": ("s",), "SetParameters": ("sqqqq", 6, 6, 0, 100)}
PAIR_BY_MANAGER = {"Pair": ("s",), "Unpair": ("s",), "ForgetBond": ("s",)}
PIN_BY_MANAGER = {"Pin": ("sss", "prefer", "kitchen"), "Unpin": ("sss", "prefer", "kitchen")}


def configuration(proxy, daemon):
    host, port = proxy.rsplit(":", 1)
    return write("access.yaml", f"proxies:\n  - {{address: {host}, port: {port}}}\ndaemon: {daemon}\n")


@contextlib.contextmanager
def served(daemon):
    """A house whose configuration has that under `daemon`, its client, and the way to write it anew."""
    with sim() as proxies:
        with house(options=("-c", configuration(proxies[0], daemon))) as it:
            client = it.client()
            yield it, client, lambda more: configuration(proxies[0], more)


def named(client, name):
    """The path of the device of that name; discovery goes on."""
    with contextlib.suppress(BusError):
        client.discover()
    for path, interfaces in client.objects().items():
        if interfaces.get(DEVICE, {}).get("Name") == name:
            return path
    return client.wait_for(lambda told: told.interfaces.get(DEVICE, {}).get("Name") == name or
                           told.changed.get("Name") == name).path


def connected(client, name):
    path = named(client, name)
    client.call(path, DEVICE, "Connect")
    client.wait_for_change(path, "ServicesResolved", True)
    return path


def characteristic(client, device, uuid):
    return next(path for path, interfaces in client.objects().items() if path.startswith(device + "/") and
                interfaces.get(CHARACTERISTIC, {}).get("UUID") == uuid)


def test_without_lists_everybody_may():
    with served("{}") as (_, client, _):
        path = characteristic(client, connected(client, UART), KEEPS_VALUES)
        client.call(path, CHARACTERISTIC, "WriteValue", "aya{sv}", *NO_VALUE)


def test_who_is_listed_may():
    for user in (OWN, f"[{OTHER}, {OWN}]", f"'{OWN}'"):
        with served(f"{{connect: {user}, pair: {user}, write: {user}}}") as (_, client, _):
            device = connected(client, UART)
            path = characteristic(client, device, KEEPS_VALUES)
            client.call(path, CHARACTERISTIC, "WriteValue", "aya{sv}", *NO_VALUE)
            client.set(device, DEVICE, "Trusted", variant("b", True))
            client.adapter("RemoveDevice", "o", device)


def test_who_is_not_listed_may_look_and_not_connect():
    with served(f"{{connect: {OTHER}}}") as (_, client, _):
        device = named(client, BATTERY)
        text = client.fails(REFUSED, None, device, DEVICE, "Connect")
        assert f"does not let user {NAME} connect (daemon: connect)" in text, text
        client.fails(REFUSED, None, device, None, "Connect")  # nor by its mere name
        client.fails(REFUSED, None, device, DEVICE, "Disconnect")
        client.fails(REFUSED, None, device, PROPERTIES, "Set", "ssv", DEVICE, "Trusted", variant("b", True))
        client.fails(REFUSED, None, HCI0, PROPERTIES, "Set", "ssv", ADAPTER, "Powered", variant("b", False))
        assert client.get(device, DEVICE, "Connected") is False and client.get(HCI0, ADAPTER, "Powered") is True


def test_who_may_connect_may_read_and_be_notified_and_not_write():
    with served(f"{{write: {OTHER}}}") as (_, client, _):
        uart = characteristic(client, connected(client, UART), KEEPS_VALUES)
        for member, arguments in (("WriteValue", ("aya{sv}", *NO_VALUE)), ("AcquireWrite", ("a{sv}", {}))):
            client.fails(REFUSED, None, uart, CHARACTERISTIC, member, *arguments)
        assert client.call(uart, CHARACTERISTIC, "ReadValue", "a{sv}", {}) == b"\0"
        level = characteristic(client, connected(client, BATTERY), BATTERY_LEVEL)
        client.call(level, CHARACTERISTIC, "StartNotify")


def test_who_may_not_pair_may_connect():
    with served(f"{{pair: {OTHER}}}") as (_, client, _):
        device = connected(client, BATTERY)
        if '"Pair"' in client.call(device, "org.freedesktop.DBus.Introspectable", "Introspect"):
            client.fails(REFUSED, None, device, DEVICE, "Pair")
        client.fails(REFUSED, None, HCI0, ADAPTER, "RemoveDevice", "o", device)
        assert client.get(device, DEVICE, "Connected") is True


def test_who_may_pair_and_not_connect_connects_nothing_by_pairing():
    with served(f"{{connect: {OTHER}}}") as (_, client, _):
        device = named(client, BATTERY)
        for interface in (DEVICE, None):
            text = client.fails(REFUSED, None, device, interface, "Pair")
            assert f"does not let user {NAME} connect (daemon: connect)" in text, text
        assert client.get(device, DEVICE, "Connected") is False


def refused_by_manager(client, address, methods):
    return [client.fails(REFUSED, None, *MANAGER, member, signature, address, *more)
            for member, (signature, *more) in methods.items()]


def test_who_may_not_by_bluez_may_not_by_the_manager():
    with served(f"{{connect: {OTHER}, pair: {OTHER}}}") as (_, client, _):
        address = address_of(named(client, BATTERY))
        for text in refused_by_manager(client, address, {**CONNECT_BY_MANAGER, **PIN_BY_MANAGER}):
            assert f"does not let user {NAME} connect (daemon: connect)" in text, text
        for text in refused_by_manager(client, address, PAIR_BY_MANAGER):
            assert f"does not let user {NAME} pair (daemon: pair)" in text, text
        assert client.call(*MANAGER, "FindDevice", "s", address) == [address, False]


def test_a_denied_device_is_denied_by_the_manager():
    denied = "C0:00:00:00:00:01"
    with served(f"{{deny: '{denied}'}}") as (_, client, _):
        for text in refused_by_manager(client, denied, {**CONNECT_BY_MANAGER, **PAIR_BY_MANAGER}):
            assert text == "the configuration denies this device", text
        assert not [path for path in client.objects() if "C0_00_00_00_00_01" in path]
        for member in ("ListPaths", "Explain", "FindBond"):
            client.fails(REFUSED, None, *MANAGER, member, "s", denied)


def test_a_denied_device_is_not_told_of_by_the_manager():
    with served("{}") as (it, client, rewrite):
        address = address_of(named(client, BATTERY))
        assert client.call(*MANAGER, "FindDevice", "s", BATTERY) == [address, False]
        rewrite(f"{{deny: '{address}'}}")
        it.daemon.send_signal(signal.SIGHUP)
        client.wait_for_removed(path_of(int(address.replace(':', ''), 16)), 0)
        for text in (BATTERY, address):
            assert client.call(*MANAGER, "FindDevice", "s", text) == ["", False]
        with os.fdopen(client.call(*MANAGER, "Open", "a{sv}", {}), encoding="utf-8") as lines:
            os.set_blocking(lines.fileno(), True)
            told = {json.loads(next(lines)).get("address") for _ in range(100)}
        assert len(told) > 10 and address not in told, told


def test_an_address_that_is_none_is_answered_once():
    with served("{}") as (it, _, _):
        one = Connection(it.address)
        calls = [one.send("org.bluez", *MANAGER, member, signature, "no address", *more)
                 for member, (signature, *more) in {**CONNECT_BY_MANAGER, **PAIR_BY_MANAGER, **PIN_BY_MANAGER,
                                                    "ListPaths": ("s",), "Explain": ("s",)}.items()]
        last = one.send("org.bluez", *MANAGER, "ListProxies")
        answers = []
        while last not in answers:
            answers.append(one.receive().fields.get(REPLY_SERIAL))
        answers = [serial for serial in answers if serial]
        assert answers == [*calls, last], answers


def test_a_user_that_is_not_there_is_warned_of_and_nobody():
    with served("{connect: no-such-user-anywhere}") as (it, client, _):
        assert "access.yaml:3: there is no user 'no-such-user-anywhere' here" in it.said(), it.said()
        client.fails(REFUSED, None, named(client, BATTERY), DEVICE, "Connect")


def test_the_first_calls_of_a_program_are_answered_in_their_order():
    with served(f"{{connect: {OTHER}}}") as (it, watcher, _):
        device = named(watcher, BATTERY)
        client = it.client(listens=False)
        futures = []
        for _ in range(10):
            futures.append(client.begin(device, PROPERTIES, "Get", "ss", DEVICE, "Connected"))
            futures.append(client.begin(device, DEVICE, "Connect"))
        for value, refusal in zip(futures[::2], futures[1::2]):
            assert client.finish(value) is False
            client.fails_later(REFUSED, None, refusal)
        kinds = [told.kind for told in client.told]
        assert kinds == ["reply Get", "error Connect"] * 10, kinds


def test_more_calls_than_may_wait_are_refused_and_nothing_is_lost():
    with served(f"{{connect: {OWN}}}") as (it, _, _):
        client = it.client(listens=False)
        futures = [client.begin(HCI0, PROPERTIES, "Get", "ss", ADAPTER, "Powered") for _ in range(120)]
        answers = []
        for future in futures:
            try:
                answers.append(client.finish(future))
            except BusError as error:
                assert error.name.endswith("LimitsExceeded"), error
        assert answers and all(answer is True for answer in answers)
        assert client.get(HCI0, ADAPTER, "Powered") is True


def test_a_program_that_dies_while_it_is_asked_for_is_forgotten():
    with served(f"{{connect: {OTHER}}}") as (it, client, _):
        device = named(client, BATTERY)
        for _ in range(20):
            other = it.client(listens=False)
            other.begin(device, DEVICE, "Connect")
            other.close()
        client.fails(REFUSED, None, device, DEVICE, "Connect")
        assert it.daemon.poll() is None


def address_of(path):
    return path[-17:].replace("_", ":")


def let_others_be_heard(client):
    """For longer than any virtual device is silent: until a thermometer has told three new temperatures."""
    thermometer = HCI0 + "/dev_A4_C1_38_00_00_00"
    for _ in range(3):
        client.wait_for_change(thermometer, "ServiceData", after=client.mark())


def test_only_allowed_devices_are_there():
    with served("{}") as (_, client, _):
        address = address_of(named(client, BATTERY))
    with served(f"{{allow: '{address}'}}") as (_, client, _):
        named(client, BATTERY)
        assert {path for path in client.objects() if "/dev_" in path} == {HCI0 + "/dev_" + address.replace(":", "_")}


def test_a_denied_device_is_not_there_nor_any_more_after_a_reload():
    with served("{}") as (it, client, rewrite):
        device = connected(client, BATTERY)
        mark = client.mark()
        rewrite(f"{{deny: '{address_of(device)}'}}")
        it.daemon.send_signal(signal.SIGHUP)
        client.wait_for_removed(device, mark)
        assert client.wait_for_change(device, "Connected", False, mark)
        count = [told.path for told in client.told if told.kind == "InterfacesAdded"].count(device)
        let_others_be_heard(client)
        assert device not in client.objects()
        assert [told.path for told in client.told if told.kind == "InterfacesAdded"].count(device) == count
        rewrite("{}")
        it.daemon.send_signal(signal.SIGHUP)
        client.wait_for_added(device, client.mark())


def test_a_device_that_is_denied_now_does_not_come_back_at_the_next_start():
    with served("{}") as (it, client, rewrite):
        device, other = named(client, BATTERY), named(client, UART)
        for path in (device, other):
            client.set(path, DEVICE, "Trusted", variant("b", True))
        it.stop_daemon()
        rewrite(f"{{deny: '{address_of(device)}'}}")
        mark = client.mark()
        it.start_daemon()
        client.wait_for_added(other, mark)
        client.wait_for_change(HCI0, "Powered", True, mark)
        assert device not in client.objects() and client.get(other, DEVICE, "Trusted") is True


def test_lists_that_change_apply_at_once():
    with served("{}") as (it, client, rewrite):
        device = connected(client, BATTERY)
        rewrite(f"{{connect: {OTHER}}}")
        it.daemon.send_signal(signal.SIGHUP)
        end = time.monotonic() + PATIENCE_S
        with contextlib.suppress(BusError):
            while True:
                client.set(device, DEVICE, "Trusted", variant("b", True))
                assert time.monotonic() < end
                run(asyncio.sleep(0.02))
        client.fails(REFUSED, None, device, DEVICE, "Connect")


def acquire(client, path, member):
    end = socket.socket(fileno=client.call(path, CHARACTERISTIC, member, "a{sv}", {})[0])
    end.settimeout(PATIENCE_S)
    return end


def test_rights_that_are_withdrawn_take_what_they_gave():
    for before in ("{}", f"{{connect: {OWN}, write: {OWN}}}"):  # with the second it is known whose the program is
        with served(before) as (it, client, rewrite):
            uart, battery = connected(client, UART), connected(client, BATTERY)
            writes = acquire(client, characteristic(client, uart, UART_INPUT), "AcquireWrite")
            level = acquire(client, characteristic(client, battery, BATTERY_LEVEL), "AcquireNotify")
            mark = client.mark()
            rewrite(f"{{write: {OTHER}}}")
            it.daemon.send_signal(signal.SIGHUP)
            assert writes.recv(100) == b""
            client.wait_for(lambda told: told.changed.get("WriteAcquired") is False, mark)
            assert client.get(uart, DEVICE, "Connected") is client.get(battery, DEVICE, "Connected") is True
            mark = client.mark()
            rewrite(f"{{connect: {OTHER}}}")
            it.daemon.send_signal(signal.SIGHUP)
            for path in (uart, battery):
                client.wait_for_change(path, "Connected", False, mark)
            while level.recv(100):
                pass
            for end in (writes, level):
                end.close()


if __name__ == "__main__":
    main(globals())
