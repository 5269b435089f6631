#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What holds for all objects: their order, their signals, properties, introspection, and errors of the bus."""
import contextlib
from xml.etree import ElementTree

from models import COUNTER, LAMP, NAMED, SILENT, TEXT, connect, hear, lamp, place, read
from scripted import Scripted, ad
from support import (ADAPTER, BLUEZ_ERROR, BUS_ERROR, CHARACTERISTIC, DESCRIPTOR, DEVICE, HCI0, INTROSPECTABLE,
                     OBJECT_MANAGER, PROPERTIES, SERVICE, MessageFlag, house, main, path_of, variant)

PATH = path_of(LAMP)


@contextlib.contextmanager
def connected():
    with Scripted(lamp()) as proxy, house(proxy) as it:
        client = it.client()
        connect(client, proxy)
        yield proxy, client


def is_parents_first(paths):
    for at, path in enumerate(paths):
        above = [other for other in paths if path.startswith(other + "/")]
        if any(other not in paths[:at] for other in above):
            return False
    return True


def test_case_1_parents_are_listed_before_their_children():
    with connected() as (proxy, client):
        proxy.advertise(LAMP + 1)
        client.wait_for_added(path_of(LAMP + 1))
        objects = client.objects()
    paths = [path for path in objects if path != "/org/bluez"]
    assert "/org/bluez" not in objects or list(objects)[0] == "/org/bluez"
    assert paths[0] == HCI0 and is_parents_first(paths), paths
    assert paths[1:4] == [PATH, PATH + "/service0001", place(TEXT)] and paths[-1] == path_of(LAMP + 1), paths
    assert PATH + "/service0004/char0005/desc0007" in paths and len(paths) == 14, paths
    for path, interfaces in objects.items():
        assert {INTROSPECTABLE, PROPERTIES} < set(interfaces), path
        assert interfaces[INTROSPECTABLE] == interfaces[PROPERTIES] == {}


def introspect(client, path):
    return ElementTree.fromstring(client.call(path, INTROSPECTABLE, "Introspect"))


def children(node):
    return [child.get("name") for child in node.findall("node")]


def test_case_2_introspection_lists_the_direct_children_and_all_interfaces():
    with connected() as (_, client):
        objects = client.objects()
        # bleproxy's own is in no list of managed objects.
        paths = ["/", "/org", "/org/bleproxy1"] + list({"/org/bluez": None, **objects})
        for path in paths:
            node = introspect(client, path)
            below = path.rstrip("/") + "/"
            expected = {other[len(below):].split("/")[0] for other in paths
                        if other.startswith(below) and other != path}
            assert set(children(node)) == expected and len(children(node)) == len(expected), (path, children(node))
            interfaces = [interface.get("name") for interface in node.findall("interface")]
            assert set(objects.get(path, {INTROSPECTABLE: {}, PROPERTIES: {}})) <= set(interfaces), (path, interfaces)
        assert OBJECT_MANAGER in [i.get("name") for i in introspect(client, "/").findall("interface")]
        adapter = introspect(client, HCI0).find(f"interface[@name='{ADAPTER}']")
        assert [(a.get("type"), a.get("direction")) for a in adapter.find("method[@name='SetDiscoveryFilter']")] == [
            ("a{sv}", "in")]
        assert adapter.find("property[@name='Powered']").attrib == {"name": "Powered", "type": "b", "access": "readwrite"}
        acquire = introspect(client, place(COUNTER)).find(".//method[@name='AcquireNotify']")
        assert [(a.get("type"), a.get("direction")) for a in acquire] == [("a{sv}", "in"), ("h", "out"), ("q", "out")]
        added = introspect(client, "/").find(".//signal[@name='InterfacesAdded']")
        assert [a.get("type") for a in added] == ["o", "a{sa{sv}}"]
        for path in ("/org/bluez/hci1", HCI0 + "/dev_00_00_00_00_00_00", "/nothing", "/org/bluez/hci", PATH + "0"):
            client.fails(BUS_ERROR + "UnknownObject", None, path, INTROSPECTABLE, "Introspect")


def test_properties_have_the_types_that_introspection_says():
    with connected() as (_, client):
        for path in client.objects():
            for interface in introspect(client, path).findall("interface"):
                for entry in interface.findall("property"):
                    reply = client.begin(path, PROPERTIES, "GetAll", "s", interface.get("name"))
                    client.finish(reply)
                    value = reply.result().body[0].get(entry.get("name"))
                    assert value is None or value.signature == entry.get("type"), (path, entry.attrib, value)


def test_case_3_objects_come_and_go_by_signals_of_the_root():
    with connected() as (_, client):
        added = [told for told in client.told if told.kind == "InterfacesAdded"]  # of "/", or Told would not take it
        assert [told.path for told in added][:2] == [PATH, PATH + "/service0001"]
        assert is_parents_first([told.path for told in added]) and len({told.path for told in added}) == len(added)
        for told in added:
            assert list(told.interfaces)[0] == INTROSPECTABLE and list(told.interfaces)[-1] == PROPERTIES, told
        mark = client.mark()
        client.call(PATH, DEVICE, "Disconnect")
        removed = [told for told in client.told[mark:] if told.kind == "InterfacesRemoved"]
        assert is_parents_first([told.path for told in removed][::-1]) and len(removed) == len(added) - 1, removed
        assert set(removed[0].interfaces) == {INTROSPECTABLE, PROPERTIES, CHARACTERISTIC}
        client.adapter("RemoveDevice", "o", PATH)
        assert set(client.wait_for_removed(PATH).interfaces) == {INTROSPECTABLE, PROPERTIES, DEVICE}


def test_case_4_what_is_absent_does_not_exist():
    with connected() as (_, client):
        client.adapter("StopDiscovery")
        client.fails(BUS_ERROR + "InvalidArgs", "No such property 'RSSI'", PATH, PROPERTIES, "Get", "ss", DEVICE, "RSSI")
        for name in ("RSSI", "TxPower", "ManufacturerData", "Icon", "Class", "Modalias"):
            assert name not in client.get_all(PATH, DEVICE) and name not in client.objects()[PATH][DEVICE]
        client.fails(BUS_ERROR + "InvalidArgs", "No such property 'Value'", place(TEXT), PROPERTIES, "Get", "ss",
                     CHARACTERISTIC, "Value")
        read(client, TEXT)
        assert client.get(place(TEXT), CHARACTERISTIC, "Value") == b"hello"
        assert read(client, SILENT) == b"" and client.get(place(SILENT), CHARACTERISTIC, "Value") == b""


def test_case_5_errors_of_properties():
    invalid = BUS_ERROR + "InvalidArgs"
    with connected() as (_, client):
        for path, wrong in ((HCI0, DEVICE), (PATH, ADAPTER), (PATH, ""), (PATH, "org"), ("/", ADAPTER), ("/org", DEVICE)):
            client.fails(invalid, None, path, PROPERTIES, "Get", "ss", wrong, "Address")
            client.fails(invalid, None, path, PROPERTIES, "GetAll", "s", wrong)
            client.fails(invalid, None, path, PROPERTIES, "Set", "ssv", wrong, "Powered", variant("b", True))
        client.fails(invalid, "No such property 'Nothing'", HCI0, PROPERTIES, "Get", "ss", ADAPTER, "Nothing")
        client.fails(BUS_ERROR + "UnknownProperty", None, HCI0, PROPERTIES, "Set", "ssv", ADAPTER, "Nothing",
                     variant("b", True))
        for path, interface, name, value in ((HCI0, ADAPTER, "Address", variant("s", "")),
                                             (HCI0, ADAPTER, "Discovering", variant("b", True)),
                                             (PATH, DEVICE, "RSSI", variant("n", 1)),
                                             (PATH, DEVICE, "Connected", variant("b", True)),
                                             (place(TEXT), CHARACTERISTIC, "Value", variant("ay", b"x"))):
            client.fails(BUS_ERROR + "PropertyReadOnly", None, path, PROPERTIES, "Set", "ssv", interface, name, value)
        for path, interface, name, value in ((HCI0, ADAPTER, "Powered", variant("s", "true")),
                                             (HCI0, ADAPTER, "Powered", variant("u", 1)),
                                             (HCI0, ADAPTER, "DiscoverableTimeout", variant("i", 1)),
                                             (PATH, DEVICE, "Trusted", variant("v", variant("b", True))),
                                             (PATH, DEVICE, "Alias", variant("as", ["x"]))):
            client.fails(BUS_ERROR + "InvalidSignature", None, path, PROPERTIES, "Set", "ssv", interface, name, value)
        assert client.get_all(PATH, INTROSPECTABLE) == client.get_all(PATH, PROPERTIES) == {}


def test_case_6_who_is_not_there_and_what_nobody_has():
    with connected() as (_, client):
        for path, interface, member in ((PATH, DEVICE, "Explode"), (PATH, ADAPTER, "StartDiscovery"), (PATH, "a.b", "Connect"),
                                        ("/org/bluez", ADAPTER, "StartDiscovery"), ("/", DEVICE, "Connect"),
                                        (HCI0, DEVICE, "Connect"), (place(TEXT), DESCRIPTOR, "ReadValue")):
            client.fails(BUS_ERROR + "UnknownMethod", None, path, interface, member)
        client.fails(BUS_ERROR + "UnknownMethod", None, PATH, DEVICE, "Connect", "s", "now")
        client.fails(BUS_ERROR + "UnknownMethod", None, place(TEXT), CHARACTERISTIC, "ReadValue")
        client.fails(BUS_ERROR + "UnknownMethod", None, place(TEXT), CHARACTERISTIC, "WriteValue", "ay", b"x")
        client.fails(BUS_ERROR + "UnknownMethod", None, HCI0, OBJECT_MANAGER, "GetManagedObjects")
        client.adapter("RemoveDevice", "o", PATH)
        for path, interface, member, *more in ((PATH, DEVICE, "Connect"), (PATH, PROPERTIES, "GetAll", "s", DEVICE),
                                               (place(TEXT), CHARACTERISTIC, "ReadValue", "a{sv}", {}),
                                               (PATH, DEVICE, "Explode"), (PATH + "/service0001", SERVICE, "X")):
            client.fails(BUS_ERROR + "UnknownObject", None, path, interface, member, *more)


def test_what_does_not_exist_is_told_in_the_words_that_programs_know():
    said = 'Method "%s" with signature "%s" on interface "%s" doesn\'t exist'
    with connected() as (_, client):
        client.fails(BUS_ERROR + "UnknownObject", said % ("WriteValue", "aya{sv}", CHARACTERISTIC),
                     PATH + "/service0100/char0101", CHARACTERISTIC, "WriteValue", "aya{sv}", b"x", {})
        client.fails(BUS_ERROR + "UnknownMethod", said % ("Explode", "", DEVICE), PATH, DEVICE, "Explode")
        client.fails(BUS_ERROR + "UnknownMethod", said % ("Connect", "s", DEVICE), PATH, DEVICE, "Connect", "s", "now")
        client.fails(BUS_ERROR + "UnknownMethod", said % ("Explode", "", "(null)"), PATH, None, "Explode")
        longest = "a" * 255  # a signature of so many is lost in sd-bus
        client.fails(BUS_ERROR + "UnknownMethod", said % (longest, "s" * 254, "a." + "b" * 253), PATH,
                     "a." + "b" * 253, longest, "s" * 254, *[""] * 254)


def test_a_call_need_not_name_the_interface():
    with connected() as (_, client):
        assert client.call(PATH, None, "GetAll", "s", DEVICE)["Address"] == "C0:00:00:00:00:01"
        assert bytes(client.call(place(TEXT), None, "ReadValue", "a{sv}", {})) == b"hello"


def test_a_call_that_wants_no_reply_gets_none():
    with connected() as (_, client):
        mark = client.mark()
        for member, arguments in (("StopDiscovery", ()), ("StopDiscovery", ()), ("Nothing", ())):
            client.begin(HCI0, ADAPTER, member, *arguments, flags=MessageFlag.NO_REPLY_EXPECTED)
        client.begin("/nobody", ADAPTER, "X", flags=MessageFlag.NO_REPLY_EXPECTED)
        client.begin(HCI0, PROPERTIES, "GetAll", "s", ADAPTER, flags=MessageFlag.NO_REPLY_EXPECTED)
        client.begin("/", OBJECT_MANAGER, "GetManagedObjects", flags=MessageFlag.NO_REPLY_EXPECTED)
        client.wait_for_change(HCI0, "Discovering", False, mark)
        assert client.get(HCI0, ADAPTER, "Discovering") is False
        assert client.kinds(mark)[-1] == ("reply Get", HCI0)


def test_setting_what_is_set_already_is_no_news():
    with connected() as (_, client):
        mark = client.mark()
        client.set(PATH, DEVICE, "Trusted", variant("b", False))
        client.set(PATH, DEVICE, "Alias", variant("s", ""))
        client.set(HCI0, ADAPTER, "Pairable", variant("b", True))
        client.set(HCI0, ADAPTER, "DiscoverableTimeout", variant("u", 180))
        assert client.kinds(mark) == [("reply Set", PATH)] * 2 + [("reply Set", HCI0)] * 2


def test_what_changes_in_one_turn_is_one_signal_before_the_reply():
    with connected() as (_, client):
        mark = client.mark()
        client.set(HCI0, ADAPTER, "Powered", variant("b", False))
        told = client.about(HCI0, mark)
        assert [t.kind for t in told] == ["PropertiesChanged", "reply Set"], told
        assert told[0].changed == {"Powered": False, "Discovering": False}


def test_a_change_before_the_announcement_is_no_signal_of_its_own():
    with Scripted() as proxy, house(proxy) as it:
        client = it.client()
        hear(client, proxy, payload=NAMED + ad(0x0A, b"\x04"))
        client.get_all(PATH, DEVICE)
        assert [told.kind for told in client.about(PATH)] == ["InterfacesAdded", "reply GetAll"]


def test_only_the_kind_of_child_that_is_expected_is_below():
    with connected() as (_, client):
        for path, prefix in (("/org/bluez", "hci"), (HCI0, "dev_"), (PATH, "service"), (PATH + "/service0004", "char"),
                             (place(COUNTER), "desc")):
            assert all(name.startswith(prefix) for name in children(introspect(client, path))), path


def test_a_device_that_is_not_there_cannot_be_removed():
    with connected() as (_, client):
        for path in ("/", HCI0, "/org/bluez/hci1", path_of(LAMP + 5), place(TEXT)):
            client.fails(BLUEZ_ERROR + "DoesNotExist", "Does Not Exist", HCI0, ADAPTER, "RemoveDevice", "o", path)


main(globals())
