#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What programs are told of advertisements: which objects, which properties, and when."""
import contextlib
import time
import unicodedata

from models import FLAGS, LAMP, NAMED, connect, hear, lamp
from fake_proxy import SET_MODE
from scripted import Scripted, ad
from support import ADAPTER, BUS_ERROR, DEVICE, HCI0, PATIENCE_S, PROPERTIES, house, main, path_of, variant

PATH = path_of(LAMP)
BATTERY = "0000180f-0000-1000-8000-00805f9b34fb"
DUPLICATES = {"DuplicateData": variant("b", True)}


def tx_power(dbm):
    """Of use as a mark: whatever came before it was told by then, or never is."""
    return ad(0x0A, bytes([dbm & 255]))


def company(identifier, data):
    return ad(0xFF, identifier.to_bytes(2, "little") + data)


@contextlib.contextmanager
def scripted(*options):
    with Scripted(lamp()) as proxy, house(proxy, options=options) as it:
        yield it, proxy, it.client()


def told_until(client, proxy, dbm, payload=FLAGS, rssi=-60, mark=0):
    """What was told of the device until a transmit power that nobody else has was told."""
    proxy.advertise(LAMP, payload + tx_power(dbm), rssi)
    client.wait_for_change(PATH, "TxPower", dbm, mark)
    return client.about(PATH, mark)


def values(told, name):
    return [change.changed[name] for change in told if name in change.changed]


def test_case_16_the_first_advertisement_makes_one_object():
    with scripted() as (_, proxy, client):
        client.discover()
        proxy.advertise(LAMP, FLAGS, -61)
        added = client.wait_for_added(PATH)
        told = told_until(client, proxy, 1, rssi=-61)
    assert [t.kind for t in told] == ["InterfacesAdded", "PropertiesChanged"], told
    device = added.interfaces[DEVICE]
    assert device["RSSI"] == -61 and device["UUIDs"] == [] and device["Alias"] == "C0-00-00-00-00-01"
    assert device["Address"] == "C0:00:00:00:00:01" and device["AddressType"] == "random"
    assert device["Adapter"] == HCI0 and bytes(device["AdvertisingFlags"]) == b"\6"
    for name in ("Connected", "Paired", "Bonded", "Trusted", "Blocked", "LegacyPairing", "ServicesResolved"):
        assert device[name] is False, name
    assert not {"Name", "TxPower", "ManufacturerData", "ServiceData", "AdvertisingData", "Class", "Icon", "Appearance",
                "Modalias"} & set(device)


def test_address_types():
    with scripted() as (_, proxy, client):
        client.discover()
        for kind, name in ((0, "public"), (1, "random"), (2, "public"), (3, "random"), (9, "random")):
            proxy.advertise(LAMP + kind, FLAGS, address_type=kind)
            assert client.wait_for_added(path_of(LAMP + kind)).interfaces[DEVICE]["AddressType"] == name


def test_case_17_small_changes_of_the_signal_are_not_told():
    with scripted() as (_, proxy, client):
        client.discover()
        proxy.advertise(LAMP, FLAGS, -60)
        client.wait_for_added(PATH)
        mark = client.mark()
        proxy.advertise(LAMP, FLAGS, -67)
        proxy.advertise(LAMP, FLAGS, -53)
        assert not values(told_until(client, proxy, 1, rssi=-67, mark=mark), "RSSI")
        proxy.advertise(LAMP, FLAGS + tx_power(1), -68)
        assert client.wait_for_change(PATH, "RSSI", after=mark).changed == {"RSSI": -68}
        assert values(told_until(client, proxy, 2, rssi=-61, mark=mark), "RSSI") == [-68]


def test_case_17_with_a_filter_by_strength_all_are_told():
    for options in ({"RSSI": variant("n", -90)}, {"Pathloss": variant("q", 130)}):
        with scripted() as (_, proxy, client):
            client.discover(**options)
            proxy.advertise(LAMP, FLAGS + tx_power(0), -60)
            client.wait_for_added(PATH)
            for rssi in (-61, -60):
                mark = client.mark()
                proxy.advertise(LAMP, FLAGS + tx_power(0), rssi)
                assert client.wait_for_change(PATH, "RSSI", after=mark).changed == {"RSSI": rssi}


def test_case_18_repeated_data_are_told_once():
    payload = company(0x0499, b"\1\2")
    with scripted() as (_, proxy, client):
        client.discover()
        for _ in range(5):
            proxy.advertise(LAMP, payload)
        assert client.wait_for_added(PATH).interfaces[DEVICE]["ManufacturerData"] == {0x0499: b"\1\2"}
        mark = client.mark()
        for _ in range(5):
            proxy.advertise(LAMP, payload)
        told = told_until(client, proxy, 1, payload, mark=mark)
        assert len(told) == 1 and "ManufacturerData" not in told[0].changed


def test_case_18_with_duplicates_each_is_told():
    manufacturer, service = company(0x0499, b"\1\2"), ad(0x16, b"\x0f\x18\x64")
    with scripted() as (_, proxy, client):
        client.discover(**DUPLICATES)
        hear_first = manufacturer + service
        proxy.advertise(LAMP, hear_first)
        client.wait_for_added(PATH)
        mark = client.mark()
        for _ in range(20):
            proxy.advertise(LAMP, hear_first)
        told = told_until(client, proxy, 1, mark=mark)
        assert [t.changed for t in told[:-1]] == [
            {"ManufacturerData": {0x0499: b"\1\2"}, "ServiceData": {BATTERY: b"\x64"}}] * 20


def test_case_19_data_add_up_or_take_turns():
    one, two = company(1, b"one"), company(2, b"two")
    with scripted() as (it, proxy, client):
        client.discover()
        proxy.advertise(LAMP, one)
        client.wait_for_added(PATH)
        proxy.advertise(LAMP, two)
        told = client.wait_for_change(PATH, "ManufacturerData")
        assert told.changed["ManufacturerData"] == {1: b"one", 2: b"two"}
        mark = client.mark()
        proxy.advertise(LAMP, one)
        proxy.advertise(LAMP, two)
        assert not values(told_until(client, proxy, 1, two, mark=mark), "ManufacturerData")
        it.client().discover(**DUPLICATES)
        mark = client.mark()
        for _ in range(3):
            proxy.advertise(LAMP, one)
            proxy.advertise(LAMP, two)
        told = told_until(client, proxy, 2, mark=mark)
        assert values(told, "ManufacturerData") == [{1: b"one"}, {2: b"two"}] * 3


def test_several_data_of_one_kind_in_one_advertisement():
    with scripted() as (_, proxy, client):
        client.discover(**DUPLICATES)
        proxy.advertise(LAMP, company(1, b"one") + company(2, b""))
        assert client.wait_for_added(PATH).interfaces[DEVICE]["ManufacturerData"] == {1: b"one", 2: b""}


def test_case_20_a_scan_response_completes_what_is_known():
    """A proxy does not tell that a report is a scan response alone: it makes the device, too."""
    with scripted() as (_, proxy, client):
        client.discover()
        proxy.advertise(LAMP + 1, ad(0x09, b"Alone"))
        assert client.wait_for_added(path_of(LAMP + 1)).interfaces[DEVICE]["Name"] == "Alone"
        proxy.advertise(LAMP, FLAGS + ad(0x03, b"\x0f\x18"))
        assert "Name" not in client.wait_for_added(PATH).interfaces[DEVICE]
        proxy.advertise(LAMP, ad(0x09, b"Lamp"))
        assert client.wait_for_change(PATH, "Name").changed == {"Name": "Lamp", "Alias": "Lamp"}
        assert client.get(PATH, DEVICE, "UUIDs") == [BATTERY]
        mark = client.mark()
        proxy.advertise(LAMP, FLAGS + ad(0x08, b"La"))
        assert values(told_until(client, proxy, 1, mark=mark), "Name") == []


def test_a_complete_name_replaces_a_short_one():
    with scripted() as (_, proxy, client):
        client.discover()
        proxy.advertise(LAMP, ad(0x08, b"La"))
        assert client.wait_for_added(PATH).interfaces[DEVICE]["Name"] == "La"
        proxy.advertise(LAMP, ad(0x09, b"Lamp\0\0"))
        assert client.wait_for_change(PATH, "Name").changed == {"Name": "Lamp", "Alias": "Lamp"}
        client.set(PATH, DEVICE, "Alias", variant("s", "Mine"))
        proxy.advertise(LAMP, ad(0x09, b"Lamp 2"))
        client.wait_for_change(PATH, "Name", "Lamp 2")
        assert client.get(PATH, DEVICE, "Alias") == "Mine"
        client.set(PATH, DEVICE, "Alias", variant("s", ""))
        assert client.get(PATH, DEVICE, "Alias") == "Lamp 2"


def test_each_type_of_data_has_its_property():
    payload = (ad(0x01, b"\0") + ad(0x02, b"\x0f\x18") + ad(0x05, b"\4\3\2\1") + ad(0x06, bytes(range(16))) +
               ad(0x09, "Lämp".encode()) + ad(0x0A, b"\xf4") + ad(0x0D, b"\4\3\2") + ad(0x19, b"\xc1\x03") +
               ad(0x10, b"\2\0\x6b\x1d\x46\2\x42\5") + ad(0x16, b"\x0d\x18\7") + ad(0x20, b"\4\3\2\1\x08") +
               ad(0x21, bytes(range(16, 32)) + b"\x09") + ad(0xFF, b"\x99\4data") + ad(0x3D, b"three") + ad(0x14, b"\1\2") +
               ad(0x1B, b"\1\2\3\4\5\6\0") + ad(0x12, b"\6\0\x0c\0"))
    with scripted() as (_, proxy, client):
        client.discover()
        proxy.advertise(LAMP, payload)
        device = client.wait_for_added(PATH).interfaces[DEVICE]
    assert bytes(device["AdvertisingFlags"]) == b"\0"
    assert set(device["UUIDs"]) == {
        BATTERY, "01020304-0000-1000-8000-00805f9b34fb", "0f0e0d0c-0b0a-0908-0706-050403020100",
        "0000180d-0000-1000-8000-00805f9b34fb", "1f1e1d1c-1b1a-1918-1716-151413121110"} and len(device["UUIDs"]) == 5
    assert device["Name"] == "Lämp" and device["TxPower"] == -12 and device["Class"] == 0x020304
    assert device["Appearance"] == 0x03C1 and device["Icon"] == "input-keyboard"
    assert device["Modalias"] == "usb:v1D6Bp0246d0542"
    assert device["ServiceData"] == {"0000180d-0000-1000-8000-00805f9b34fb": b"\7",
                                     "01020304-0000-1000-8000-00805f9b34fb": b"\x08",
                                     "1f1e1d1c-1b1a-1918-1716-151413121110": b"\x09"}
    assert device["ManufacturerData"] == {0x0499: b"data"}
    assert device["AdvertisingData"] == {0x3D: b"three", 0x12: b"\6\0\x0c\0"}


def test_case_21_broken_data_harm_nobody():
    good = ad(0x03, b"\x0f\x18")
    broken = [b"", b"\0" * 31, ad(0x09, b"\xff\xfe\xc3("), ad(0x09), ad(0x03, b"\1"), ad(0xFF, b"\1"), ad(0x16, b"\1"),
              ad(0x21, b"\1" * 15), ad(0x0D, b"\1"), ad(0x19, b"\1"), ad(0x10, b"\1\2\3"), ad(0x01), ad(0x0A), b"\1\x01" * 15,
              ad(0x09, b"\xed\xa0\x80"), ad(0x09, b"\xf4\x90\x80\x80"), ad(0x09, b"\xef\xbf\xbf"), ad(0x09, b"a\0b\x1b[2J"),
              ad(0x09, "\u202eevil".encode()), ad(0x09, b"x" * 254), ad(0xFF, b"x" * 254), b"\x03\x03", b"\xff\x09Lamp"]
    with scripted() as (_, proxy, client):
        client.discover()
        for number, payload in enumerate(broken):
            proxy.advertise(LAMP + number, good + payload)
        for number, payload in enumerate(broken):
            device = client.wait_for_added(path_of(LAMP + number)).interfaces[DEVICE]
            assert BATTERY in device["UUIDs"], payload
            assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in device["Alias"]), device["Alias"]
            assert device.get("Name") != "", payload
        assert client.get(HCI0, ADAPTER, "Discovering") is True


def test_what_a_device_tells_is_bounded():
    with scripted() as (_, proxy, client):
        client.discover()
        proxy.advertise(LAMP, FLAGS)
        for number in range(300):
            proxy.advertise(LAMP, company(number, bytes(200)) + ad(0x16, number.to_bytes(2, "little") + bytes(20)))
        told_until(client, proxy, 1)
        device = client.get_all(PATH, DEVICE)
        assert len(device["UUIDs"]) <= 64 and 0 < len(device["ManufacturerData"]) <= 64
        assert sum(len(data) for data in device["ManufacturerData"].values()) <= 4096


def test_case_22_two_proxies_that_hear_a_device_make_one_object():
    mac = b"02:00:00:00:00:02"
    with Scripted() as near, Scripted(mac=mac, name=b"far") as far, house(near, far) as it:
        client = it.client()
        client.discover()
        near.advertise(LAMP, NAMED, -60)
        client.wait_for_added(PATH)
        mark = client.mark()
        for _ in range(20):
            near.advertise(LAMP, NAMED, -60)
            far.advertise(LAMP, NAMED, -65)
        assert not values(told_until(client, near, 1, NAMED, mark=mark), "RSSI")
        assert [t for t in client.told if t.kind == "InterfacesAdded" and t.path == PATH].__len__() == 1
        for _ in range(20):  # it has moved over there
            near.advertise(LAMP, NAMED, -90)
            far.advertise(LAMP, NAMED, -40)
        client.wait_for_change(PATH, "RSSI", -40, mark)
        assert client.get(PATH, DEVICE, "RSSI") == -40


def test_case_23_devices_that_nobody_wanted_are_forgotten():
    with scripted("--temporary", "2") as (_, proxy, client):
        connect(client, proxy)
        mark = client.mark()
        for number, wanted in ((1, ("Trusted", variant("b", True))), (2, ("Alias", variant("s", "mine"))), (3, None), (4, None)):
            proxy.advertise(LAMP + number, FLAGS)
            client.wait_for_added(path_of(LAMP + number))
            if wanted:  # at once: they are forgotten soon
                client.set(path_of(LAMP + number), DEVICE, *wanted)
        for number in (3, 4):
            removed = client.wait_for_removed(path_of(LAMP + number), mark)
            assert DEVICE in removed.interfaces
        assert {PATH, path_of(LAMP + 1), path_of(LAMP + 2)} <= set(client.objects())
        client.fails(BUS_ERROR + "UnknownObject", None, path_of(LAMP + 3), PROPERTIES, "GetAll", "s", DEVICE)
        again = client.mark()
        proxy.advertise(LAMP + 3, FLAGS)
        client.wait_for_added(path_of(LAMP + 3), again)
        client.call(PATH, DEVICE, "Disconnect")
        client.wait_for_removed(PATH, mark)


def test_case_24_nothing_is_told_to_nobody():
    with scripted() as (_, proxy, client):
        for number in range(50):
            proxy.advertise(LAMP + number, NAMED + company(1, bytes([number])))
        hear(client, proxy, LAMP + 99)
        client.adapter("StopDiscovery")
        client.get(HCI0, ADAPTER, "Discovering")
        mark = client.mark()
        for number in range(50):
            proxy.advertise(LAMP + 99, NAMED + company(1, bytes([number])), -30)
            proxy.advertise(LAMP + 200 + number, NAMED)
        client.discover()
        proxy.advertise(LAMP + 99, NAMED, -59)
        client.wait_for_change(path_of(LAMP + 99), "RSSI", after=mark)
        told = client.told[mark:]
        started = [t.kind for t in told].index("reply StartDiscovery")
        assert [t for t in told[:started] if t.path != HCI0] == [], told[:started]


def test_while_programs_discover_proxies_scan_actively():
    features = 127
    with Scripted(features=features) as proxy, house(proxy) as it:
        client = it.client()
        client.discover()
        assert proxy.wait_for(SET_MODE)[-1].get(1, [0]) == [1]


def test_advertisements_of_one_device_are_told_ten_times_a_second():
    with scripted() as (_, proxy, client):
        hear(client, proxy)
        mark, begun = client.mark(), time.monotonic()
        for number in range(100):
            proxy.advertise(LAMP, NAMED + company(1, bytes([number])))
        client.wait_for(lambda told: told.changed.get("ManufacturerData") == {1: b"\x63"}, mark)
        assert len(client.about(PATH, mark)) < 10 * (time.monotonic() - begun) + 3


def test_a_device_whose_type_proxies_do_not_agree_on_is_told_no_more_often():
    mac = b"02:00:00:00:00:02"
    with Scripted() as near, Scripted(mac=mac, name=b"far") as far, house(near, far) as it:
        client = it.client()
        hear(client, near)
        mark, begun, turn = client.mark(), time.monotonic(), 0
        while turn < 40 or not values(client.about(PATH, mark), "AddressType"):  # it moves to and fro
            assert time.monotonic() < begun + PATIENCE_S, "its type is never told"
            for _ in range(10):
                near.advertise(LAMP, NAMED, -40 if turn % 2 else -90, address_type=1)
                far.advertise(LAMP, NAMED, -90 if turn % 2 else -40, address_type=0)
            for proxy in (near, far):
                proxy.wait_until_taken()  # or one could be heard to the end before the other
            client.get(HCI0, ADAPTER, "Discovering")
            turn += 1
        for proxy in (near, far):
            proxy.advertise(LAMP, NAMED + tx_power(1), -40)
        client.wait_for_change(PATH, "TxPower", 1, mark)
        told = values(client.about(PATH, mark), "AddressType")
        assert 0 < len(told) < 10 * (time.monotonic() - begun) + 3, told


main(globals())
