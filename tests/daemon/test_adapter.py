#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""org.bluez.Adapter1: its properties, discovery sessions and their filters."""
import contextlib
import re

from models import FLAGS, LAMP, NAMED, connect, hear, lamp
from scripted import Scripted, ad
from support import (ADAPTER, BLUEZ_ERROR, BUS_ERROR, DEVICE, HCI0, NOTICED_S, PROPERTIES, BusError, house, main, path_of,
                     utf8, variant)

PATH, OTHER = path_of(LAMP), path_of(LAMP + 1)
TX_POWER = ad(0x0A, b"\x04")


@contextlib.contextmanager
def scripted():
    with Scripted(lamp()) as proxy, house(proxy) as it:
        yield it, proxy, it.client()


class Marked:
    """Advertises, and tells the devices that became objects: the last one, which all filters here let through, shows that
    all before it were taken or left."""

    def __init__(self, proxy, client):
        self.proxy, self.client, self.count = proxy, client, 0

    def objects_of(self, *adverts, **marker):
        mark = self.client.mark()
        for advert in adverts:
            self.proxy.advertise(*advert)
        self.count += 1
        last = 0xD00000000000 + self.count
        self.proxy.advertise(last, marker.get("payload", FLAGS), marker.get("rssi", -60))
        self.client.wait_for_added(path_of(last), mark)
        found = [told.path for told in self.client.told[mark:] if told.kind == "InterfacesAdded"]
        for path in found:
            self.client.adapter("RemoveDevice", "o", path)
        return found[:-1]


def test_case_7_the_adapter_has_what_programs_look_for():
    with scripted() as (_, _, client):
        for properties in (client.get_all(HCI0, ADAPTER), client.objects()[HCI0][ADAPTER]):
            assert set(properties) >= {
                "Address", "AddressType", "Name", "Alias", "Class", "Powered", "Discoverable", "DiscoverableTimeout",
                "Pairable", "PairableTimeout", "Discovering", "UUIDs", "Modalias", "Roles"}
            assert re.fullmatch(r"([0-9A-F]{2}:){5}[0-9A-F]{2}", properties["Address"])
            assert int(properties["Address"][:2], 16) & 3 == 2  # nobody else's
            assert properties["AddressType"] == "public" and properties["Alias"] == properties["Name"] != ""
            assert properties["Powered"] is True and properties["Discovering"] is False
            assert "central" in properties["Roles"] and "PowerState" not in properties
            assert re.fullmatch(r"usb:v[0-9A-F]{4}p[0-9A-Fa-f]{4}d[0-9A-Fa-f]{4}", properties["Modalias"])
        reply = client.begin(HCI0, PROPERTIES, "GetAll", "s", ADAPTER)
        client.finish(reply)
        signatures = {name: value.signature for name, value in reply.result().body[0].items()}
        expected = {"Address": "s", "Class": "u", "Powered": "b", "Discoverable": "b", "DiscoverableTimeout": "u",
                    "Pairable": "b", "PairableTimeout": "u", "UUIDs": "as", "Modalias": "s", "Roles": "as"}
        assert {name: signatures[name] for name in expected} == expected


def test_profiles_cannot_be_registered_but_who_cannot_do_without_their_manager_finds_it():
    with scripted() as (_, _, client):
        manager = "org.bluez.ProfileManager1"
        assert client.objects()["/org/bluez"][manager] == {}
        serial = "00001101-0000-1000-8000-00805f9b34fb"
        client.fails(BLUEZ_ERROR + "NotSupported", "Operation is not supported", "/org/bluez", manager, "RegisterProfile",
                     "osa{sv}", "/serial", serial, {"Name": variant("s", "Serial")})
        client.fails(BLUEZ_ERROR + "DoesNotExist", "Does Not Exist", "/org/bluez", manager, "UnregisterProfile", "o",
                     "/serial")


def test_what_programs_set_is_kept_and_told():
    with scripted() as (_, _, client):
        name = client.get(HCI0, ADAPTER, "Name")
        for key, value in (("Discoverable", variant("b", True)), ("Pairable", variant("b", False)),
                           ("DiscoverableTimeout", variant("u", 7)), ("PairableTimeout", variant("u", 8)),
                           ("Alias", variant("s", utf8("K\u00fcche")))):
            mark = client.mark()
            client.set(HCI0, ADAPTER, key, value)
            expected = "K\u00fcche" if key == "Alias" else value.value
            assert client.told[mark].changed == {key: expected} and len(client.told) == mark + 2, key
            assert client.get(HCI0, ADAPTER, key) == expected
        client.set(HCI0, ADAPTER, "Alias", variant("s", ""))
        assert client.get(HCI0, ADAPTER, "Alias") == client.get(HCI0, ADAPTER, "Name") == name
        client.fails(BLUEZ_ERROR + "InvalidArguments", None, HCI0, PROPERTIES, "Set", "ssv", ADAPTER, "Alias",
                     variant("s", "x" * 249))


def test_case_8_switched_off_it_is_not_ready():
    with scripted() as (_, proxy, client):
        mark = client.mark()
        client.set(HCI0, ADAPTER, "Powered", variant("b", True))
        assert client.kinds(mark) == [("reply Set", HCI0)]
        connect(client, proxy)
        proxy.advertise(LAMP + 1, NAMED)
        client.wait_for_added(OTHER)
        mark = client.mark()
        client.set(HCI0, ADAPTER, "Powered", variant("b", False))
        assert client.about(HCI0, mark)[0].changed == {"Powered": False, "Discovering": False}
        client.wait_for_removed(OTHER, mark)
        client.wait_for_change(PATH, "Connected", False, mark)
        for call in ((ADAPTER, "StartDiscovery"), (ADAPTER, "StopDiscovery"),
                     (ADAPTER, "SetDiscoveryFilter", "a{sv}", {})):
            client.fails(BLUEZ_ERROR + "NotReady", "Resource Not Ready", HCI0, *call)
        if PATH in client.objects():
            client.fails(BLUEZ_ERROR + "NotReady", "Resource Not Ready", PATH, DEVICE, "Connect")
        client.set(HCI0, ADAPTER, "Powered", variant("b", True))
        assert client.get(HCI0, ADAPTER, "Discovering") is False
        client.adapter("StartDiscovery")
        assert client.get(HCI0, ADAPTER, "Discovering") is True


def test_switched_off_it_forgets_devices_that_nobody_wanted():
    with scripted() as (_, proxy, client):
        connect(client, proxy)
        proxy.advertise(LAMP + 2)
        client.wait_for_added(path_of(LAMP + 2))
        client.set(path_of(LAMP + 2), DEVICE, "Trusted", variant("b", True))
        client.call(PATH, DEVICE, "Disconnect")
        mark = client.mark()
        client.set(HCI0, ADAPTER, "Powered", variant("b", False))
        client.wait_for_removed(PATH, mark)
        assert path_of(LAMP + 2) in client.objects()


def test_it_is_powered_while_a_proxy_is_there():
    with scripted() as (_, proxy, client):
        client.adapter("StartDiscovery")
        mark = client.mark()
        proxy.leave()
        client.wait_for_change(HCI0, "Powered", False, mark)
        # Who discovers goes on when one is there again.
        assert client.get(HCI0, ADAPTER, "Discovering") is True and HCI0 in client.objects()
        client.fails(BLUEZ_ERROR + "NotReady", "Resource Not Ready", HCI0, ADAPTER, "StartDiscovery")


def test_case_9_one_session_for_each_program():
    with scripted() as (it, _, client):
        other = it.client()
        client.adapter("StartDiscovery")
        client.fails(BLUEZ_ERROR + "InProgress", "Operation already in progress", HCI0, ADAPTER, "StartDiscovery")
        other.adapter("StartDiscovery")
        client.adapter("StopDiscovery")
        assert client.get(HCI0, ADAPTER, "Discovering") is True
        other.adapter("StopDiscovery")
        changes = [told.changed for told in client.about(HCI0) if told.kind == "PropertiesChanged"]
        assert changes == [{"Discovering": True}] and client.get(HCI0, ADAPTER, "Discovering") is False or \
            changes == [{"Discovering": True}, {"Discovering": False}], changes
        told = [t.kind for t in client.about(HCI0)][:2]
        assert told == ["PropertiesChanged", "reply StartDiscovery"], told


def test_case_10_there_is_nothing_to_stop():
    with scripted() as (it, _, client):
        for who in (client, it.client()):
            who.fails(BLUEZ_ERROR + "Failed", "No discovery started", HCI0, ADAPTER, "StopDiscovery")
            it.client().adapter("StartDiscovery")
        client.adapter("SetDiscoveryFilter", "a{sv}", {"RSSI": variant("n", -50)})
        client.fails(BLUEZ_ERROR + "Failed", "No discovery started", HCI0, ADAPTER, "StopDiscovery")


def test_case_11_a_program_that_is_killed_discovers_no_more():
    with scripted() as (it, proxy, client):
        victim = it.victim()
        assert victim.call(HCI0, ADAPTER, "StartDiscovery") == "ok"
        proxy.advertise(LAMP, NAMED + TX_POWER)
        client.wait_for_added(PATH)
        mark = client.mark()
        victim.kill()
        client.wait_for_change(HCI0, "Discovering", False, mark, NOTICED_S)
        lost = client.wait_for(lambda told: told.path == PATH and told.invalidated, mark, NOTICED_S)
        assert set(lost.invalidated) == {"RSSI", "TxPower"} and not lost.changed
        assert not {"RSSI", "TxPower"} & set(client.get_all(PATH, DEVICE))


def test_what_was_heard_comes_back_with_the_next_session():
    with scripted() as (_, proxy, client):
        hear(client, proxy, payload=NAMED + TX_POWER)
        client.adapter("StopDiscovery")
        mark = client.mark()
        client.adapter("StartDiscovery")
        proxy.advertise(LAMP, NAMED + TX_POWER, -61)
        told = client.wait_for_change(PATH, "RSSI", after=mark)
        assert told.changed["TxPower"] == 4


def test_case_12_filters_that_are_none():
    invalid = BLUEZ_ERROR + "InvalidArguments", "Invalid arguments in method call"
    with scripted() as (_, _, client):
        for options in ({"Nonsense": variant("b", True)}, {"RSSI": variant("i", -50)}, {"RSSI": variant("n", -128)},
                        {"RSSI": variant("n", 21)}, {"Pathloss": variant("q", 138)}, {"Pathloss": variant("n", -1)},
                        {"Pathloss": variant("y", 1)}, {"UUIDs": variant("s", "180f")}, {"UUIDs": variant("as", ["xyz"])},
                        {"UUIDs": variant("as", [""])}, {"UUIDs": variant("ao", ["/"])}, {"Transport": variant("s", "usb")},
                        {"Transport": variant("b", True)}, {"DuplicateData": variant("u", 1)}, {"Pattern": variant("o", "/")},
                        {"Pattern": variant("s", "x" * 10000)}, {"UUIDs": variant("as", ["180f"] * 10000)},
                        {"RSSI": variant("n", -50), "Nonsense": variant("s", "")}, {"rssi": variant("n", -50)}):
            client.fails(*invalid, HCI0, ADAPTER, "SetDiscoveryFilter", "a{sv}", options)
        for options in ({}, {"RSSI": variant("n", -127)}, {"RSSI": variant("n", 20)}, {"Pathloss": variant("q", 137)},
                        {"Pathloss": variant("n", 0)}, {"Transport": variant("s", "auto")}, {"Transport": variant("s", "le")},
                        {"Transport": variant("s", "bredr")}, {"Discoverable": variant("b", True)},
                        {"AutoConnect": variant("b", True)}, {"Pattern": variant("s", "")}, {"UUIDs": variant("as", [])},
                        {"UUIDs": variant("as", ["180F", "0000180f", "0000180F-0000-1000-8000-00805F9B34FB"])}):
            client.adapter("SetDiscoveryFilter", "a{sv}", options)
        client.fails(BUS_ERROR + "UnknownMethod", None, HCI0, ADAPTER, "SetDiscoveryFilter")
        assert {"UUIDs", "RSSI", "Pathloss", "Transport", "DuplicateData", "Pattern"} <= set(
            client.adapter("GetDiscoveryFilters"))


def test_a_filter_that_is_refused_leaves_the_one_before():
    with scripted() as (_, proxy, client):
        client.discover(RSSI=variant("n", -60))
        client.fails(BLUEZ_ERROR + "InvalidArguments", None, HCI0, ADAPTER, "SetDiscoveryFilter", "a{sv}",
                     {"RSSI": variant("i", -90)})
        marked = Marked(proxy, client)
        assert marked.objects_of((LAMP, NAMED, -61)) == []
        client.adapter("SetDiscoveryFilter", "a{sv}", {})
        assert marked.objects_of((LAMP, NAMED, -61)) == [PATH]


def test_case_13_services_may_be_given_in_short():
    service, data = ad(0x03, b"\x0f\x18"), ad(0x16, b"\x0f\x18\x01")
    long = ad(0x07, bytes.fromhex("fb349b5f80000080001000000f180000"))
    for text in ("180f", "0000180F", "0000180f-0000-1000-8000-00805f9b34fb"):
        with scripted() as (_, proxy, client):
            client.discover(UUIDs=variant("as", ["fff1", text]))
            marked = Marked(proxy, client)
            found = marked.objects_of((LAMP, FLAGS + service), (LAMP + 1, FLAGS + long), (LAMP + 2, FLAGS + data),
                                      (LAMP + 3, FLAGS + ad(0x03, b"\x10\x18")), (LAMP + 4, NAMED), payload=service)
            assert found == [path_of(LAMP + n) for n in range(3)], text


def expect(found, expected):
    assert found == expected, found


def test_case_14_filters_of_two_programs_are_joined_by_or():
    with scripted() as (it, proxy, client):
        other = it.client()
        near, battery, neither = (LAMP, FLAGS, -40), (LAMP + 1, FLAGS + ad(0x03, b"\x0f\x18"), -90), (LAMP + 2, FLAGS, -90)
        client.discover(RSSI=variant("n", -50))
        marked = Marked(proxy, client)
        seen = lambda: marked.objects_of(near, battery, neither, rssi=-40)  # pylint: disable=unnecessary-lambda-assignment
        expect(seen(), [PATH])
        other.discover(UUIDs=variant("as", ["180f"]))
        expect(seen(), [PATH, OTHER])
        other.adapter("StopDiscovery")
        expect(seen(), [PATH])
        other.adapter("StartDiscovery")  # its filter is kept
        expect(seen(), [PATH, OTHER])
        it.leave(other)
        expect(seen(), [PATH])
        it.client().discover()
        expect(seen(), [PATH, OTHER, path_of(LAMP + 2)])


def test_case_15_patterns_are_the_beginning_of_an_address_or_of_a_name():
    lab, label, lower = (0xAABB00000001, FLAGS + ad(9, b"Lab 1")), (LAMP + 1, FLAGS + ad(8, b"Label")), (LAMP + 2, ad(9, b"lab"))
    unlike = (LAMP + 3, FLAGS + ad(9, b"The Lab"))
    for pattern, found, mark in (("aa:bb", [lab], None), ("AA:bB:00", [lab], None), ("Lab", [lab, label], None),
                                 ("", [lab, label, lower, unlike], None), ("lab", [lower], None), ("aa:bb:01", [], None)):
        with scripted() as (_, proxy, client):
            client.discover(Pattern=variant("s", pattern))
            it = Marked(proxy, client)
            if pattern:  # let the marker through, too
                it.objects_of = lambda *adverts, seen=it.objects_of, p=pattern: seen(*adverts, payload=ad(9, p.encode() + b"!"))
            assert it.objects_of(lab, label, lower, unlike) == [path_of(address) for address, _ in found], (pattern, mark)


def test_path_loss_needs_the_transmit_power():
    with scripted() as (_, proxy, client):
        client.discover(Pathloss=variant("q", 60))
        found = Marked(proxy, client).objects_of((LAMP, FLAGS + TX_POWER, -56), (LAMP + 1, FLAGS + TX_POWER, -57),
                                                 (LAMP + 2, FLAGS, -1), payload=TX_POWER, rssi=-50)
        assert found == [PATH]


def test_a_filter_for_classic_devices_lets_nothing_through():
    with scripted() as (it, proxy, client):
        client.discover(Transport=variant("s", "bredr"))
        proxy.advertise(LAMP, NAMED)
        it.client().discover(Pattern=variant("s", "D0:"))
        assert Marked(proxy, client).objects_of((LAMP + 1, NAMED)) == []


def test_conditions_may_be_met_by_several_packets():
    with scripted() as (it, proxy, client):
        watcher = it.client()
        client.discover(UUIDs=variant("as", ["180f"]), Pattern=variant("s", "Lamp"))
        proxy.advertise(LAMP, FLAGS + ad(0x03, b"\x0f\x18"))
        proxy.advertise(LAMP, ad(9, b"Lamp"))
        added = watcher.wait_for_added(PATH)
        assert added.interfaces[DEVICE]["Name"] == "Lamp"


def test_what_a_filter_leaves_changes_nothing_silently():
    """Properties of an object are what programs were told of."""
    with scripted() as (it, proxy, client):
        other = it.client()
        other.discover(Pattern=variant("s", "D0:"))
        hear(client, proxy)
        client.adapter("StopDiscovery")
        marked = Marked(proxy, other)
        mark = client.mark()
        marked.objects_of((LAMP, NAMED + ad(0x03, b"\x0f\x18")))
        assert client.get(PATH, DEVICE, "UUIDs") == [] and client.about(PATH, mark)[0].kind == "reply Get"
        other.adapter("SetDiscoveryFilter", "a{sv}", {})
        proxy.advertise(LAMP, NAMED + ad(0x03, b"\x0f\x18"))
        assert client.wait_for_change(PATH, "UUIDs", after=mark).changed["UUIDs"] == [
            "0000180f-0000-1000-8000-00805f9b34fb"]


def test_two_hundred_programs_discover():
    with scripted() as (it, proxy, client):
        programs = [it.client(listens=False) for _ in range(200)]
        descriptors = it.descriptors()
        for program in programs:
            program.discover(UUIDs=variant("as", ["180f"] * 60))
        proxy.advertise(LAMP, FLAGS + ad(0x03, b"\x0f\x18"))
        client.wait_for_added(PATH)
        mark = client.mark()
        for program in programs:
            program.close()
        client.wait_for_change(HCI0, "Discovering", False, mark)
        it.wait_for_descriptors(descriptors)


def test_there_are_not_more_sessions_than_that():
    with scripted() as (it, _, client):
        programs, refused = [], 0
        for _ in range(300):
            programs.append(it.client(listens=False))
            try:
                programs[-1].adapter("StartDiscovery")
            except BusError as error:
                assert error.name == BLUEZ_ERROR + "Failed", error
                refused += 1
        assert refused == 300 - 256
        assert client.get(HCI0, ADAPTER, "Discovering") is True


main(globals())
