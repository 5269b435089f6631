# SPDX-License-Identifier: MIT
"""Our client and a proxy that shares no code with it: what it tells its program, and what it says on the wire."""

import pytest
from aioesphomeapi import BluetoothProxyFeature as Feature

from fake_gatt_proxy import CLEAR_CACHE, CONNECT, CONNECT_WITH_CACHE, DISCONNECT, FIRMWARES, NEWEST, PAIR, UNPAIR
from harness import eventually
from thing import (
    ADDRESS,
    ADDRESS_TEXT,
    BARE,
    BURST,
    LOCKED,
    NAME,
    NOTIFYING,
    PARAMS,
    READING_DESCRIPTOR,
    SERVICES,
    STORE,
    TAKES,
    TOLD,
    VALUE,
    WITH_RESPONSE,
    WITHOUT_RESPONSE,
    WRITING,
    WRITING_DESCRIPTOR,
    connected,
    settled,
    talking,
)


@pytest.fixture(params=FIRMWARES.values(), ids=FIRMWARES.keys())
def firmware(request):
    return request.param


# ---- Everything, on every firmware


def test_values_on_every_firmware(firmware, psk):
    with talking(firmware, psk) as (proxy, device, driver):
        for kind, n_asked in ((CONNECT, 1), (CONNECT_WITH_CACHE, 1)):
            driver.expect("connect", ADDRESS_TEXT, attempts=1, missing=0)
            assert len(proxy.asked(kind)) == 1 and len(proxy.asked(SERVICES)) == n_asked
            assert driver.read(device.find("2a00").handle) == NAME.encode()
            driver.expect("disconnect")
            settled(proxy)
        assert [end["error"] for end in driver.ends] == ["", ""]
        assert len(proxy.asked(DISCONNECT)) == 2

        driver.expect("connect", ADDRESS_TEXT)
        store = device.find(STORE).handle
        for value in (VALUE, b"", b"x"):
            driver.expect("write", store, value.hex() or "-", WITH_RESPONSE)
            assert driver.read(store) == value
        driver.expect("write", store, VALUE.hex())
        assert proxy.asked(WRITING)[-1] == WRITING(address=ADDRESS, handle=store, response=True, data=VALUE)
        driver.expect("write", store, b"fast".hex(), WITHOUT_RESPONSE)
        driver.expect("write", device.find(TAKES).handle, b"fast".hex())
        assert driver.read(store) == b"fast"
        assert [request.response for request in proxy.asked(WRITING)[-2:]] == [False, False]
        text = device.find(STORE).descriptors[0].handle
        assert driver.read(text) == b"keeps"
        assert proxy.asked(READING_DESCRIPTOR) == [READING_DESCRIPTOR(address=ADDRESS, handle=text)]
        driver.expect("write", text, b"words".hex())
        assert proxy.asked(WRITING_DESCRIPTOR) == [WRITING_DESCRIPTOR(address=ADDRESS, handle=text, data=b"words")]


def test_a_thousand_notifications_in_order(firmware, psk):
    with connected(firmware, psk) as (proxy, device, driver):
        for kind, enabled in ((BURST, b"\1\0"), (TOLD, b"\2\0")):
            handle = device.find(kind).handle
            cccd = device.cccd(device.find(kind)).handle
            driver.notifications.clear()
            proxy.requests.clear()
            driver.expect("subscribe", handle)
            assert proxy.requests == [
                NOTIFYING(address=ADDRESS, handle=handle, enable=True),
                WRITING_DESCRIPTOR(address=ADDRESS, handle=cccd, data=enabled),
            ]
            driver.expect("write", handle, (1000).to_bytes(2, "little").hex())
            eventually(lambda: len(driver.notifications) == 1000)
            assert driver.notifications == [(handle, n.to_bytes(2, "little") + bytes(18)) for n in range(1000)]
            assert driver.do("subscribe", handle)["error"] == "busy"
            proxy.requests.clear()
            driver.expect("unsubscribe", handle)
            eventually(lambda: len(proxy.requests) == 2)
            assert sorted(proxy.requests, key=lambda request: type(request).__name__) == [
                NOTIFYING(address=ADDRESS, handle=handle, enable=False),
                WRITING_DESCRIPTOR(address=ADDRESS, handle=cccd, data=b"\0\0"),
            ]
            proxy.do(proxy.notify, ADDRESS, handle, b"late")
            driver.read(device.find(STORE).handle)
            assert len(driver.notifications) == 1000
            driver.expect("unsubscribe", handle)


def test_pairing_on_every_firmware(firmware, psk):
    with connected(firmware, psk) as (proxy, device, driver):
        locked = device.find(LOCKED).handle
        driver.expect("read", locked, error="gatt", code=5, cause="key")
        if not firmware.has(Feature.PAIRING):
            for call in ("pair", "unpair"):
                assert "2023.3" in driver.expect(call, error="unsupported", missing=Feature.PAIRING)["text"]
            assert not proxy.asked(PAIR) and not proxy.asked(UNPAIR)
            return
        driver.expect("pair")
        assert driver.read(locked) == b"secret"
        driver.expect("unpair")
        driver.expect("read", locked, error="gatt", code=5)
        device.pairing_error = 82
        driver.expect("pair", error="pairing", code=82, cause="key")
        assert [len(proxy.asked(kind)) for kind in (PAIR, UNPAIR)] == [2, 1]


def test_the_cache_is_cleared_on_every_firmware(firmware):
    with connected(firmware) as (proxy, _, driver):
        missing = 0 if firmware.has(Feature.CACHE_CLEARING) else Feature.CACHE_CLEARING
        answer = driver.expect("clear_cache", missing=missing)
        assert ("2023.4" in answer["text"]) == bool(missing)
        assert len(proxy.asked(CLEAR_CACHE)) == (not missing)
        driver.expect("disconnect")
        driver.expect("connect", ADDRESS_TEXT)
        assert len(proxy.asked(CONNECT)) == len(proxy.asked(SERVICES)) == 2


def test_connection_parameters_on_every_firmware(firmware):
    with connected(firmware) as (proxy, device, driver):
        driver.expect("params", 5, 800, 0, 600, error="invalid", begun=False)
        driver.expect("params", 800, 800, 0, 160, error="invalid", begun=False)
        if not firmware.has(Feature.CONNECTION_PARAMS_SETTING):
            answer = driver.expect(
                "params", 800, 800, 0, 600, error="unsupported", missing=Feature.CONNECTION_PARAMS_SETTING
            )
            assert "2026.3" in answer["text"] and not proxy.asked(PARAMS)
            return
        driver.expect("params", 800, 800, 0, 600)
        sent = PARAMS(address=ADDRESS, min_interval=800, max_interval=800, latency=0, timeout=600)
        assert proxy.asked(PARAMS) == [sent]
        device.params_error = 0x102
        driver.expect("params", 6, 3200, 0, 3200, error="refused", code=0x102)


# ---- Firmware that lacks what connections need


@pytest.mark.parametrize(
    ("missing", "error"),
    [(Feature.ACTIVE_CONNECTIONS, "no_proxy"), (Feature.REMOTE_CACHING, "unsupported")],
    ids=["connections", "caching"],
)
def test_connections_need_features(missing, error):
    with talking(NEWEST.without(missing)) as (proxy, _, driver):
        answer = driver.expect("connect", ADDRESS_TEXT, 1, error=error)
        assert answer["text"] and not proxy.asked(CONNECT) and not proxy.asked(DISCONNECT)


def test_pairing_while_connecting():
    with talking() as (proxy, device, driver):
        driver.expect("connect", ADDRESS_TEXT, 1, 0, 0, 1)
        kinds = [request.request_type for request in proxy.requests if hasattr(request, "request_type")]
        assert kinds == [CONNECT, PAIR]
        assert driver.read(device.find(LOCKED).handle) == b"secret"
        driver.expect("disconnect")
        device.pairing_error = 5
        driver.expect("connect", ADDRESS_TEXT, 1, 0, 0, 1, error="pairing", code=5)
        settled(proxy)
    with talking(NEWEST.without(Feature.PAIRING)) as (proxy, device, driver):
        driver.expect("connect", ADDRESS_TEXT, 1, 0, 0, 1, error="unsupported", missing=Feature.PAIRING)
        settled(proxy)


# ---- Refusals


def test_errors_of_the_device():
    with connected() as (proxy, device, driver):
        handle = device.find(STORE).handle
        for code in (1, 2, 14, 0x80, 0xFD):
            proxy.refusals = {handle: code}
            driver.expect("read", handle, error="gatt", code=code)
            driver.expect("write", handle, "00", error="gatt", code=code)
        assert not driver.ends


def test_what_is_refused_at_once_is_never_sent():
    with connected() as (proxy, device, driver):
        store, takes, burst, bare = (device.find(kind).handle for kind in (STORE, TAKES, BURST, BARE))
        proxy.requests.clear()
        for words, error in (
            (("read", 999), "no_attribute"),
            (("write", 999, "00"), "no_attribute"),
            (("subscribe", 999), "no_attribute"),
            (("subscribe", bare), "no_attribute"),
            (("subscribe", store), "property"),
            (("write", store, (VALUE + b"x").hex()), "too_long"),
            (("write", takes, bytes(device.mtu - 2).hex(), WITHOUT_RESPONSE), "too_long"),
            (("write", device.cccd(device.find(BURST)).handle, "0100"), "invalid"),
            (("connect", ADDRESS_TEXT), "busy"),
        ):
            driver.expect(*words, error=error, begun=False)
        assert burst and not proxy.requests
        driver.expect("disconnect")
        for words in (("read", store), ("write", store, "00"), ("subscribe", burst), ("pair",), ("unpair",)):
            driver.expect(*words, error="not_connected", begun=False)


def test_connections_that_do_not_come_up():
    with talking() as (proxy, _, driver):
        for reason, cause in ((0x85, "range"), (0x08, "range"), (0x3E, "range"), (0x13, "peer")):
            proxy.failures = [reason]
            assert driver.expect("connect", ADDRESS_TEXT, 1, error="link", code=reason, cause=cause)["text"]
            settled(proxy)
        # Passing trouble does not count: it is tried again.
        proxy.failures = [0x13]
        driver.expect("connect", ADDRESS_TEXT, 2, attempts=2)
        assert not driver.ends
