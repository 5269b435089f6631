# SPDX-License-Identifier: MIT
"""Our client and answers that do not come, operations that are cancelled, links that break: nothing is left of them."""

import pytest
from aioesphomeapi import api_pb2 as api

from fake_gatt_device import Device
from fake_gatt_proxy import CONNECT, CONNECT_WITH_CACHE, DISCONNECT, PAIR
from harness import eventually
from thing import (
    ADDRESS,
    ADDRESS_TEXT,
    BURST,
    NOTIFYING,
    READING,
    SERVICES,
    SHORT_MS,
    STORE,
    WITH_RESPONSE,
    WRITING,
    WRITING_DESCRIPTOR,
    connected,
    settled,
    talking,
)

# ---- Answers that do not come


def test_a_connect_that_is_not_answered_is_taken_back():
    with talking() as (proxy, _, driver):
        proxy.held = {CONNECT}
        driver.expect("connect", ADDRESS_TEXT, 1, SHORT_MS, error="timeout", attempts=1)
        eventually(lambda: proxy.asked(DISCONNECT))
        settled(proxy)
        assert len(proxy.asked(DISCONNECT)) == 1
        proxy.do(proxy.release)
        settled(proxy)
        driver.expect("connect", ADDRESS_TEXT, 1)


def test_links_that_nobody_waits_for_are_released():
    with talking() as (proxy, _, driver):
        # The proxy hears of the end before the link is up, and obeys late.
        proxy.held = {CONNECT, DISCONNECT}
        driver.expect("connect", ADDRESS_TEXT, 1, 0, SHORT_MS, error="timeout")
        eventually(lambda: proxy.asked(DISCONNECT))
        assert proxy.links
        proxy.do(proxy.release)
        settled(proxy)
        # One comes up that was never asked for.
        proxy.requests.clear()
        proxy.do(proxy.tell, api.BluetoothDeviceConnectionResponse(address=ADDRESS, connected=True, mtu=23))
        eventually(lambda: proxy.asked(DISCONNECT))
        assert proxy.requests == [api.BluetoothDeviceRequest(address=ADDRESS, request_type=DISCONNECT)]
        driver.expect("connect", ADDRESS_TEXT, 1)
        assert not driver.ends


def test_services_that_do_not_come():
    with talking() as (proxy, device, driver):
        proxy.services_sent = 1
        driver.expect("connect", ADDRESS_TEXT, 1, 0, SHORT_MS * 2, error="timeout")
        settled(proxy)
        proxy.services_sent, proxy.refusals = None, {0: 0x85}
        driver.expect("connect", ADDRESS_TEXT, 1, error="gatt", code=0x85)
        settled(proxy)
        proxy.refusals, device.services = {}, []
        driver.expect("connect", ADDRESS_TEXT, 1, error="no_services")
        settled(proxy)
        assert not driver.ends


def test_values_that_do_not_come():
    with connected() as (proxy, device, driver):
        store, burst = device.find(STORE), device.find(BURST).handle
        proxy.held = {READING, WRITING, NOTIFYING}
        driver.expect("read", store.handle, SHORT_MS, error="timeout", cause="timeout")
        driver.expect("write", store.handle, "00", WITH_RESPONSE, SHORT_MS, error="timeout")
        driver.expect("subscribe", burst, SHORT_MS, error="timeout")
        eventually(lambda: [request.enable for request in proxy.asked(NOTIFYING)][-1:] == [False])
        # The answers come late: they are nobody's.
        proxy.do(proxy.release)
        assert driver.read(store.handle) == b"\0"
        proxy.do(proxy.notify, ADDRESS, burst, b"late")
        assert driver.read(store.handle) == b"\0" and not driver.notifications and not driver.ends
        driver.expect("subscribe", burst)


def test_a_disconnect_that_is_not_answered_shows_in_the_slots():
    with connected() as (proxy, _, driver):
        proxy.held = {DISCONNECT}
        number = driver.begin("disconnect")
        eventually(lambda: proxy.asked(DISCONNECT))
        proxy.do(proxy.lose, ADDRESS, 0, False)
        assert driver.wait(number)["error"] in ("", "timeout")
        assert len(driver.ends) == 1


# ---- Cancelling


@pytest.mark.parametrize("held", [CONNECT, SERVICES, PAIR], ids=["connect", "services", "pair"])
def test_cancelling_a_connect_leaves_nothing(held):
    with talking() as (proxy, device, driver):
        proxy.held = {held}
        number = driver.begin("connect", ADDRESS_TEXT, 1, 0, 0, 1)
        eventually(lambda: proxy.asked(held))
        driver.do("cancel", number)
        assert driver.wait(number)["error"] == "cancelled"
        eventually(lambda: proxy.asked(DISCONNECT))
        proxy.do(proxy.release)
        settled(proxy)
        driver.expect("connect", ADDRESS_TEXT, 1)
        assert driver.read(device.find(STORE).handle) == b"kept" and not driver.ends


def test_cancelling_a_read_leaves_nothing():
    with connected() as (proxy, device, driver):
        store = device.find(STORE)
        proxy.held = {READING}
        number = driver.begin("read", store.handle)
        eventually(lambda: proxy.waiting)
        driver.do("cancel", number)
        assert driver.wait(number)["error"] == "cancelled"
        proxy.do(proxy.release)
        assert driver.read(store.handle) == b"kept"


@pytest.mark.parametrize("held", [NOTIFYING, WRITING_DESCRIPTOR], ids=["proxy", "device"])
def test_cancelling_a_subscription_leaves_nothing(held):
    with connected() as (proxy, device, driver):
        burst = device.find(BURST)
        proxy.held = {held}
        number = driver.begin("subscribe", burst.handle)
        eventually(lambda: proxy.waiting)
        driver.do("cancel", number)
        assert driver.wait(number)["error"] == "cancelled"
        eventually(lambda: [request.enable for request in proxy.asked(NOTIFYING)][-1:] == [False])
        proxy.do(proxy.release)
        # What was on its way does not count: nothing is forwarded in the end, and nothing is heard.
        driver.read(device.find(STORE).handle)
        assert burst.handle not in proxy.links[ADDRESS].notify
        proxy.do(proxy.notify, ADDRESS, burst.handle, b"late")
        driver.read(device.find(STORE).handle)
        assert not driver.notifications
        assert device.cccd(burst).value == b"\0\0"


def test_freeing_releases_the_link():
    with connected() as (proxy, device, driver):
        proxy.held = {READING}
        number = driver.begin("read", device.find(STORE).handle)
        eventually(lambda: proxy.waiting)
        driver.do("free")
        assert driver.wait(number)["error"] == "cancelled"
        settled(proxy)
        assert not driver.ends


# ---- Losses


def test_the_link_breaks():
    with connected() as (proxy, device, driver):
        store = device.find(STORE).handle
        proxy.do(proxy.lose, ADDRESS, 0x13)
        eventually(lambda: driver.ends)
        assert (driver.ends[0]["error"], driver.ends[0]["code"], driver.ends[0]["cause"]) == (
            "disconnected",
            0x13,
            "peer",
        )
        driver.expect("read", store, error="not_connected", begun=False)

        driver.expect("connect", ADDRESS_TEXT)
        proxy.held = {READING, WRITING}
        pending = [driver.begin("read", store), driver.begin("read", store), driver.begin("write", store, "00")]
        eventually(lambda: len(proxy.waiting) >= 2)
        proxy.do(proxy.lose, ADDRESS, 0x08)
        for number in pending:
            answer = driver.wait(number)
            assert (answer["error"], answer["code"], answer["cause"]) == ("disconnected", 0x08, "range")
        eventually(lambda: len(driver.ends) == 2)
        assert driver.ends[1]["code"] == 0x08


def test_a_break_that_is_not_told_shows_in_the_slots():
    with connected() as (proxy, _, driver):
        proxy.do(proxy.lose, ADDRESS, 0x08, False)
        eventually(lambda: driver.ends)
        assert driver.ends[0]["error"] == "disconnected"
        driver.expect("connect", ADDRESS_TEXT)


def test_the_proxy_says_that_there_is_no_link():
    with connected() as (proxy, device, driver):
        proxy.do(proxy.links.clear)
        driver.expect("read", device.find(STORE).handle, error="disconnected")
        eventually(lambda: driver.ends)
        assert len(driver.ends) == 1


def test_the_proxy_goes_away():
    with connected() as (proxy, device, driver):
        proxy.held = {READING}
        number = driver.begin("read", device.find(STORE).handle)
        eventually(lambda: proxy.waiting)
        for session in list(proxy.sessions):
            proxy.do(session.cancel)
        answer = driver.wait(number)
        assert (answer["error"], answer["cause"]) == ("closed", "proxy")
        eventually(lambda: driver.ends)
        assert driver.ends[0]["cause"] == "proxy" and len(driver.ends) == 1
        proxy.do(proxy.release)
        eventually(lambda: driver.do("connect", ADDRESS_TEXT)["error"] == "")
        assert driver.read(device.find(STORE).handle) == b"kept"


# ---- Slots and caches


def test_a_free_slot_is_waited_for():
    with talking(slots=1) as (proxy, _, driver):
        other = Device("Other", ADDRESS + 1, [])
        proxy.do(proxy.devices.update, {other.address: other})
        # Somebody else's.
        proxy.do(
            proxy.reserve,
            api.BluetoothDeviceRequest(
                address=other.address, request_type=CONNECT, has_address_type=True, address_type=1
            ),
        )
        driver.expect("connect", ADDRESS_TEXT, 1, error="no_slot", cause="slots")
        assert not proxy.asked(CONNECT)
        number = driver.begin("connect", ADDRESS_TEXT)
        proxy.do(proxy.lose, other.address, 0x16)
        assert driver.wait(number)["error"] == ""


def test_what_is_known_of_a_device_is_forgotten_when_it_is_wrong():
    with connected() as (proxy, device, driver):
        driver.expect("disconnect")
        driver.expect("connect", ADDRESS_TEXT)
        assert len(proxy.asked(CONNECT_WITH_CACHE)) == 1
        store = device.find(STORE).handle
        proxy.refusals = {store: 1}
        driver.expect("read", store, error="gatt", code=1)
        driver.expect("disconnect")
        driver.expect("connect", ADDRESS_TEXT)
        assert len(proxy.asked(CONNECT)) == len(proxy.asked(SERVICES)) == 2
        driver.expect("disconnect")
        driver.expect("connect", ADDRESS_TEXT, 1, 0, 0, 0, 1)
        assert len(proxy.asked(CONNECT)) == len(proxy.asked(SERVICES)) == 3, "asking for no cache means no cache"
