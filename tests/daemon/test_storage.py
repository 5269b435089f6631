# SPDX-License-Identifier: MIT
"""What outlives the daemon: what a user has set, and the word to programs that their objects are gone."""
import contextlib
import os
import subprocess
import sys
import tempfile

from e2e import environment, home
from program import program
from support import ADAPTER, DEVICE, HCI0, PATIENCE_S, BusError, house, main, sim, variant


@contextlib.contextmanager
def one_proxy(**more):
    with sim() as proxies, house(*proxies, **more) as it:
        yield it, program(it)


def file_of(it):
    return os.path.join(it.state["XDG_STATE_HOME"], "bleproxy", "bleproxyd.state")


def lines(it):
    with contextlib.suppress(FileNotFoundError), open(file_of(it), encoding="utf-8") as file:
        return file.read().splitlines()
    return []


def start_again(it, one):
    mark = one.mark()
    it.start_daemon()
    one.wait_for_change(HCI0, "Powered", True, mark)


def kill(it):
    it.daemon.kill()
    it.daemon.wait()
    it.log.close()
    it.daemon = None


def test_what_a_user_has_set_of_devices_is_still_set():
    with one_proxy() as (it, one):
        battery, lock, uart = one.find("Virtual Battery"), one.find("Virtual Lock"), one.find("Virtual UART")
        one.set(battery, DEVICE, "Alias", variant("s", "in the\nkitchen, 100% - "))
        one.set(lock, DEVICE, "Trusted", variant("b", True))
        one.set(lock, DEVICE, "Blocked", variant("b", True))
        types = {path: one.get(path, DEVICE, "AddressType") for path in (battery, lock)}
        it.stop_daemon()
        start_again(it, one)
        there = {path: interfaces[DEVICE] for path, interfaces in one.objects().items() if DEVICE in interfaces}
        assert set(there) == {battery, lock} and uart not in there
        assert there[battery]["Alias"] == "in the\nkitchen, 100% - " and there[battery]["Name"] == "Virtual Battery"
        assert there[lock]["Trusted"] and there[lock]["Blocked"] and there[lock]["Alias"] == "Virtual Lock"
        assert not there[battery]["Trusted"] and not there[battery]["Connected"]
        assert {path: there[path]["AddressType"] for path in there} == types and set(types.values()) == {"public", "random"}
        one.set(lock, DEVICE, "Trusted", variant("b", False))
        one.set(lock, DEVICE, "Blocked", variant("b", False))
        one.adapter("RemoveDevice", "o", battery)
        it.stop_daemon()
        start_again(it, one)
        assert not [path for path, interfaces in one.objects().items() if DEVICE in interfaces]


def test_the_adapter_is_called_and_off_as_before():
    with one_proxy() as (it, one):
        one.set(HCI0, ADAPTER, "Alias", variant("s", "cellar"))
        one.set(HCI0, ADAPTER, "Powered", variant("b", False))
        it.stop_daemon()
        it.start_daemon()
        one.wait_until(lambda: has_name(one), "the daemon")
        assert one.get(HCI0, ADAPTER, "Alias") == "cellar" and not one.get(HCI0, ADAPTER, "Powered")
        one.wait_until(lambda: set_powered(one), "power")
        one.set(HCI0, ADAPTER, "Alias", variant("s", ""))
        it.stop_daemon()
        start_again(it, one)
        assert one.get(HCI0, ADAPTER, "Alias") == one.get(HCI0, ADAPTER, "Name") != "cellar"


def has_name(one):
    return one.ask("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s", "org.bluez")


def set_powered(one):
    """As soon as a proxy is connected."""
    try:
        one.set(HCI0, ADAPTER, "Powered", variant("b", True))
    except BusError:
        return False
    return True


def test_a_bond_brings_its_device_back():
    with one_proxy() as (it, one):
        battery = one.find("Virtual Battery")
        one.call(battery, DEVICE, "Pair")
        it.stop_daemon()
        os.remove(file_of(it))  # as if it had been paired by a command
        start_again(it, one)
        assert one.get(battery, DEVICE, "Paired") and one.get(battery, DEVICE, "Bonded")
        one.wait_until(lambda: one.objects()[battery][DEVICE].get("Name") == "Virtual Battery", "its name")


def test_programs_are_told_what_is_gone_after_a_crash():
    with one_proxy() as (it, one):
        lock = one.find("Virtual Lock")
        one.set(lock, DEVICE, "Trusted", variant("b", True))
        battery = one.connect("Virtual Battery")
        before = [path for path in one.objects() if path.startswith(HCI0 + "/")]
        name = battery[len(HCI0) + 1:]
        one.wait_until(lambda: f"link {name}" in lines(it) and
                       any(line.startswith(f"path {name}/service") for line in lines(it)), "that it is written")
        kill(it)
        mark = one.mark()
        start_again(it, one)
        one.here()
        assert {"ServicesResolved": False, "Connected": False} in one.changes(battery, after=mark)
        removed = one.removed(mark)
        assert battery in removed and lock in removed
        assert {path for path in before if path.startswith(battery)} <= set(removed)
        assert not any(later.startswith(path + "/") for i, path in enumerate(removed) for later in removed[i:]), removed
        kinds = one.kinds(mark)
        assert kinds.index(("InterfacesRemoved", battery)) < kinds.index(("InterfacesAdded", HCI0)) < \
            kinds.index(("InterfacesAdded", lock))
        assert one.get(lock, DEVICE, "Trusted")
        assert battery not in one.objects()
        one.wait_until(lambda: f"link {name}" not in lines(it), "that it is written")


def test_after_an_orderly_end_nothing_is_missed():
    with one_proxy() as (it, one):
        one.connect("Virtual Battery")
        it.stop_daemon()
        assert not [line for line in lines(it) if line.startswith(("path", "link"))]
        has_name(one)
        mark = one.mark()
        start_again(it, one)
        one.here()
        assert not one.removed(mark)


def test_a_damaged_file_is_set_aside():
    for damage in (lambda text: text[:-1], lambda text: text.replace("trusted", "busted"), lambda text: "",
                   lambda text: text.replace("bleproxyd 1", "bleproxyd 2"), lambda text: text * 100000):
        with one_proxy() as (it, one):
            lock = one.find("Virtual Lock")
            one.set(lock, DEVICE, "Trusted", variant("b", True))
            it.stop_daemon()
            with open(file_of(it), encoding="utf-8") as file:
                text = file.read()
            assert " trusted " in text
            with open(file_of(it), "w", encoding="utf-8") as file:
                file.write(damage(text))
            start_again(it, one)
            assert lock not in one.objects() and "damaged" in it.said(), it.said()
            with open(file_of(it) + ".damaged", encoding="utf-8") as file:
                assert file.read() == damage(text)


def test_a_daemon_that_cannot_start_leaves_the_file_alone():
    with one_proxy() as (it, one):
        lock = one.find("Virtual Lock")
        one.set(lock, DEVICE, "Trusted", variant("b", True))
        one.wait_until(lambda: any(" trusted " in line for line in lines(it)), "that it is written")
        before = os.stat(file_of(it)).st_ino
        second = it.spawn(stderr=subprocess.DEVNULL)
        assert second.wait(PATIENCE_S) != 0
        assert os.stat(file_of(it)).st_ino == before


def test_the_directory_is_systemd_s_where_there_is_one():
    with sim() as proxies, house(*proxies) as it:
        it.stop_daemon()
        it.state["STATE_DIRECTORY"] = tempfile.mkdtemp(dir=home.name) + ":/nowhere"
        watcher = it.client()
        watcher.watch_owner()
        it.start_daemon()
        it.wait_until_powered(watcher)
        it.stop_daemon()
        assert "bleproxyd.state" in os.listdir(it.state["STATE_DIRECTORY"].split(":")[0])
        assert os.stat(os.path.join(it.state["STATE_DIRECTORY"].split(":")[0], "bleproxyd.state")).st_mode & 0o777 == 0o600


BLEAK = """
import asyncio
import sys
from bleak import BleakClient, BleakScanner

async def main():
    device = await BleakScanner.find_device_by_name("Virtual Battery", timeout=%(patience)d)
    gone = asyncio.Event()
    async with BleakClient(device, disconnected_callback=lambda client: gone.set()):
        print("connected", flush=True)
        await asyncio.wait_for(gone.wait(), %(patience)d)
    print("gone", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    device = await BleakScanner.find_device_by_name("Virtual Battery", timeout=%(patience)d)
    async with BleakClient(device) as client:
        print((await client.read_gatt_char("00002a19-0000-1000-8000-00805f9b34fb")).hex(), flush=True)

asyncio.run(main())
"""


def test_bleak_goes_on_after_a_crash():
    with one_proxy() as (it, one):
        bleak = subprocess.Popen([sys.executable, "-c", BLEAK % {"patience": PATIENCE_S}], stdout=subprocess.PIPE,
                                 stdin=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(DBUS_SYSTEM_BUS_ADDRESS=it.address))
        with bleak:
            try:
                assert bleak.stdout.readline() == b"connected\n"
                one.wait_until(lambda: any(line.startswith("link") for line in lines(it)), "that it is written")
                kill(it)
                start_again(it, one)
                said, _ = bleak.communicate(b"\n", PATIENCE_S)  # the adapter is on again
            finally:
                bleak.kill()  # one that was given up; else it is over
            gone, level = said.split()
            assert gone == b"gone" and int(level, 16) <= 100, said.decode()


if __name__ == "__main__":
    main(globals())
