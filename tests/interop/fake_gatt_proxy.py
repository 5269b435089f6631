# SPDX-License-Identifier: MIT
"""A proxy written on aioesphomeapi's own message classes, with devices that can be connected to, for our client.

It runs in a thread of its own. All that clients ask is kept in `requests`; answers can be held back, refused or lost.
"""

import asyncio
import dataclasses
import threading

from aioesphomeapi import BluetoothProxyFeature as Feature
from aioesphomeapi import api_pb2 as api
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO

from fake_gatt_device import CCCD, Device
from fake_transport import Encrypted, Plaintext

MESSAGE_TYPES = {proto: number for number, proto in MESSAGE_TYPE_TO_PROTO.items()}
MTU_DEFAULT = 23
SHORT_UUIDS_MINOR = 12
ADVERTISING_S = 0.03
NOT_CONNECTED, INVALID_HANDLE, UNAUTHENTICATED, INVALID_LENGTH = -1, 1, 5, 13
WE_HUNG_UP = 0x16

CONNECT_WITH_CACHE = api.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT_V3_WITH_CACHE
CONNECT = api.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT_V3_WITHOUT_CACHE
DISCONNECT = api.BLUETOOTH_DEVICE_REQUEST_TYPE_DISCONNECT
PAIR = api.BLUETOOTH_DEVICE_REQUEST_TYPE_PAIR
UNPAIR = api.BLUETOOTH_DEVICE_REQUEST_TYPE_UNPAIR
CLEAR_CACHE = api.BLUETOOTH_DEVICE_REQUEST_TYPE_CLEAR_CACHE


EARLY_FLAGS = Feature.PASSIVE_SCAN | Feature.ACTIVE_CONNECTIONS | Feature.REMOTE_CACHING


@dataclasses.dataclass(frozen=True)
class Firmware:
    version: str
    minor: int
    flags: int
    legacy: int = 0
    unpairing: bool = False  # answers unpairing with the message for it
    addresses: bool = True  # tells which devices have its slots

    def has(self, feature):
        return bool((self.flags or EARLY_FLAGS) & feature)

    def without(self, flag):
        return dataclasses.replace(self, flags=self.flags & ~flag)


PAIRING_FLAGS = EARLY_FLAGS | Feature.PAIRING | Feature.CACHE_CLEARING | Feature.RAW_ADVERTISEMENTS
FIRMWARES = {
    "2022.12": Firmware("2022.12.8", 7, 0, legacy=3, addresses=False),
    "2023.6": Firmware("2023.6.5", 9, PAIRING_FLAGS, legacy=5, addresses=False),
    "2025.8": Firmware("2025.8.4", 12, PAIRING_FLAGS | Feature.FEATURE_STATE_AND_MODE, legacy=5),
    "2026.8": Firmware("2026.8.0", 15, 0xFF, unpairing=True),
}
NEWEST = FIRMWARES["2026.8"]


@dataclasses.dataclass
class Link:
    device: Device
    cached: bool
    up: bool = False
    notify: set = dataclasses.field(default_factory=set)


class FakeProxy:
    """Listens on a free port while it is used as a context."""

    name, mac = "fake", "02:00:00:00:00:01"

    def __init__(self, *devices, firmware=NEWEST, psk=None, slots=3):
        self.devices = {device.address: device for device in devices}
        self.firmware, self.psk, self.slots = firmware, psk, slots
        self.links = {}
        self.requests = []  # all messages of all clients, pings excepted
        self.held = set()  # kinds of requests whose answers wait: see kind_of()
        self.waiting = []
        self.refusals = {}  # codes by handle
        self.failures = []  # reasons for which the next attempts to connect fail
        self.services_sent = None  # so many messages of services are sent, and then none
        self.subscriber = None
        self.minor = 0  # of the client
        self.loop = asyncio.new_event_loop()
        self.sessions = set()

    def __enter__(self):
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.do(self.close)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.run_until_complete(self.finish())
        self.loop.close()

    def close(self):
        self.server.close()
        for session in list(self.sessions):
            session.cancel()

    async def finish(self):
        await asyncio.gather(*self.sessions, return_exceptions=True)

    def do(self, call, *arguments):
        """Makes a call in the proxy's own thread."""

        async def made():
            return call(*arguments)

        return asyncio.run_coroutine_threadsafe(made(), self.loop).result(10)

    def asked(self, kind):
        """The requests of that kind, oldest first."""
        return [request for request in self.requests if kind_of(request) == kind]

    # ---- Sessions

    async def serve(self, reader, writer):
        task = asyncio.current_task()
        self.sessions.add(task)
        stream = Encrypted(reader, writer, self.psk) if self.psk else Plaintext(reader, writer)
        advertising = None
        try:
            await stream.start(self)
            while True:
                number, payload = await stream.receive()
                request = MESSAGE_TYPE_TO_PROTO[number].FromString(payload)
                if isinstance(request, api.PingRequest):
                    self.send(stream, api.PingResponse())
                    continue
                self.requests.append(request)
                if isinstance(request, api.SubscribeBluetoothLEAdvertisementsRequest):
                    self.subscriber = stream
                    advertising = advertising or asyncio.ensure_future(self.advertise(stream))
                elif kind_of(request) in self.held:
                    self.waiting.append((stream, request))
                    self.reserve(request)
                else:
                    self.answer(stream, request)
                await writer.drain()
                if isinstance(request, api.DisconnectRequest):
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass
        finally:
            self.sessions.discard(task)
            if advertising:
                advertising.cancel()
            if self.subscriber is stream:
                self.subscriber = None
                self.links.clear()
            writer.close()

    async def advertise(self, stream):
        while True:
            free = [device for device in self.devices.values() if device.address not in self.links]
            if self.firmware.flags & Feature.RAW_ADVERTISEMENTS:
                adverts = [
                    api.BluetoothLERawAdvertisement(
                        address=device.address, rssi=-50, address_type=1, data=device.advertisement()
                    )
                    for device in free
                ]
                self.send(stream, api.BluetoothLERawAdvertisementsResponse(advertisements=adverts))
            else:
                for device in free:
                    self.send(
                        stream,
                        api.BluetoothLEAdvertisementResponse(
                            address=device.address, name=device.name.encode(), rssi=-50, address_type=1
                        ),
                    )
            await asyncio.sleep(ADVERTISING_S)

    def send(self, stream, message):
        stream.send(MESSAGE_TYPES[type(message)], message.SerializeToString())

    def tell(self, message):
        """To the subscriber, whoever asked."""
        if self.subscriber:
            self.send(self.subscriber, message)

    # ---- What tests do in the proxy's thread: proxy.do(proxy.release)

    def release(self):
        """Answers what was held back, and holds nothing any more."""
        self.held = set()
        waiting, self.waiting = self.waiting, []
        for stream, request in waiting:
            self.answer(stream, request)

    def lose(self, address, reason, told=True):
        """The link to that device breaks; untold, only the slots show it."""
        self.links.pop(address)
        if told:
            self.tell(api.BluetoothDeviceConnectionResponse(address=address, error=reason))
        self.tell(self.free())

    def notify(self, address, handle, value):
        """A value that nobody has to have asked for."""
        self.tell(api.BluetoothGATTNotifyDataResponse(address=address, handle=handle, data=value))

    # ---- Answers

    def answer(self, stream, request):
        handler = HANDLERS.get(type(request))
        if handler:
            handler(self, stream, request)

    def hello(self, stream, request):
        self.minor = request.api_version_minor
        info = f"{self.name} (esphome v{self.firmware.version})"
        self.send(
            stream,
            api.HelloResponse(
                api_version_major=1, api_version_minor=self.firmware.minor, server_info=info, name=self.name
            ),
        )

    def info(self, stream, request):
        flagged = self.firmware.minor >= 9
        self.send(
            stream,
            api.DeviceInfoResponse(
                name=self.name,
                mac_address=self.mac,
                bluetooth_mac_address=self.mac if self.firmware.minor >= 12 else "",
                esphome_version=self.firmware.version,
                model="fake",
                legacy_bluetooth_proxy_version=self.firmware.legacy,
                bluetooth_proxy_feature_flags=self.firmware.flags if flagged else 0,
            ),
        )

    def capabilities(self, stream, request):
        if self.firmware.minor >= 15:
            proxy = api.BluetoothProxyCapabilities(feature_flags=self.firmware.flags, mac_address=self.mac)
            self.send(stream, api.DeviceCapabilitiesResponse(bluetooth_proxy=proxy))

    def free(self):
        return api.BluetoothConnectionsFreeResponse(
            free=self.slots - len(self.links),
            limit=self.slots,
            allocated=list(self.links) if self.firmware.addresses else [],
        )

    def device(self, stream, request):
        DEVICE_HANDLERS[request.request_type](self, request)

    def reserve(self, request):
        """The slot is taken when the request comes, and not when the link is up."""
        address = getattr(request, "address", None)
        if kind_of(request) not in (CONNECT, CONNECT_WITH_CACHE) or address in self.links:
            return
        assert request.has_address_type and request.address_type == 1
        if address in self.devices and len(self.links) < self.slots:
            self.links[address] = Link(self.devices[address], request.request_type == CONNECT_WITH_CACHE)
            self.tell(self.free())

    def connect(self, request):
        self.reserve(request)
        link = self.links.get(request.address)
        if not link:
            self.tell(api.BluetoothDeviceConnectionResponse(address=request.address))
        elif self.failures:
            self.lose(request.address, self.failures.pop(0))
        else:
            link.up = True
            for one in link.device.attributes.values():
                if one.kind == CCCD:
                    one.value = b"\0\0"
            mtu = MTU_DEFAULT if link.cached else link.device.mtu
            self.tell(api.BluetoothDeviceConnectionResponse(address=request.address, connected=True, mtu=mtu))
            self.tell(self.free())

    def disconnect(self, request):
        address = request.address
        if address in self.links:
            self.lose(address, WE_HUNG_UP)
        else:
            self.tell(api.BluetoothDeviceConnectionResponse(address=address))
            self.tell(self.free())

    def pair(self, request):
        address = request.address
        device = self.devices[address]
        device.bonded = not device.pairing_error
        self.tell(api.BluetoothDevicePairingResponse(address=address, paired=device.bonded, error=device.pairing_error))

    def unpair(self, request):
        address = request.address
        self.devices[address].bonded = False
        if self.firmware.unpairing:
            self.tell(api.BluetoothDeviceUnpairingResponse(address=address, success=True))
        else:
            self.tell(api.BluetoothDevicePairingResponse(address=address, paired=True))

    def clear_cache(self, request):
        self.tell(api.BluetoothDeviceClearCacheResponse(address=request.address, success=True))

    def set_params(self, stream, request):
        link = self.links.get(request.address)
        error = link.device.params_error if link and link.up else NOT_CONNECTED
        self.tell(api.BluetoothSetConnectionParamsResponse(address=request.address, error=error))

    def refuse(self, request, code):
        handle = getattr(request, "handle", 0)
        self.tell(api.BluetoothGATTErrorResponse(address=request.address, handle=handle, error=code))

    def get_services(self, stream, request):
        link = self.links.get(request.address)
        if not link or not link.up:
            self.refuse(request, NOT_CONNECTED)
            return
        if self.refusals.get(0):
            self.refuse(request, self.refusals[0])
            return
        services = [] if link.cached else list(link.device.messages(self.minor >= SHORT_UUIDS_MINOR))
        for service in services[: self.services_sent]:
            self.tell(api.BluetoothGATTGetServicesResponse(address=request.address, services=[service]))
        if self.services_sent is None:
            self.tell(api.BluetoothGATTGetServicesDoneResponse(address=request.address))

    def attribute(self, request):
        """What the request is about, or None after a refusal."""
        link = self.links.get(request.address)
        if not link or not link.up:
            self.refuse(request, NOT_CONNECTED)
            return None
        one = link.device.attributes.get(request.handle)
        code = self.refusals.get(request.handle, 0 if one else INVALID_HANDLE)
        if not code and one.locked and not link.device.bonded:
            code = UNAUTHENTICATED
        if code:
            self.refuse(request, code)
            return None
        return one

    def read(self, stream, request):
        one = self.attribute(request)
        if one:
            self.tell(api.BluetoothGATTReadResponse(address=request.address, handle=one.handle, data=one.value))

    def write(self, stream, request):
        one = self.attribute(request)
        if not one:
            return
        if len(request.data) > one.size:
            self.refuse(request, INVALID_LENGTH)
            return
        one.value = request.data
        self.tell(api.BluetoothGATTWriteResponse(address=request.address, handle=one.handle))
        link = self.links[request.address]
        cccd = link.device.cccd(one)
        if one.burst and one.handle in link.notify and cccd.value in (b"\1\0", b"\2\0"):
            for n in range(int.from_bytes(request.data, "little")):
                self.notify(request.address, one.handle, n.to_bytes(2, "little") + bytes(18))

    def set_notify(self, stream, request):
        one = self.attribute(request)
        if not one:
            return
        notify = self.links[request.address].notify
        (notify.add if request.enable else notify.discard)(one.handle)
        self.tell(api.BluetoothGATTNotifyResponse(address=request.address, handle=one.handle))


def kind_of(request):
    """The type of the message, or what is asked of a device."""
    return request.request_type if isinstance(request, api.BluetoothDeviceRequest) else type(request)


HANDLERS = {
    api.HelloRequest: FakeProxy.hello,
    api.AuthenticationRequest: lambda proxy, stream, _: proxy.send(stream, api.AuthenticationResponse()),
    api.DisconnectRequest: lambda proxy, stream, _: proxy.send(stream, api.DisconnectResponse()),
    api.DeviceInfoRequest: FakeProxy.info,
    api.DeviceCapabilitiesRequest: FakeProxy.capabilities,
    api.SubscribeBluetoothConnectionsFreeRequest: lambda proxy, stream, _: proxy.send(stream, proxy.free()),
    api.BluetoothDeviceRequest: FakeProxy.device,
    api.BluetoothGATTGetServicesRequest: FakeProxy.get_services,
    api.BluetoothGATTReadRequest: FakeProxy.read,
    api.BluetoothGATTReadDescriptorRequest: FakeProxy.read,
    api.BluetoothGATTWriteRequest: FakeProxy.write,
    api.BluetoothGATTWriteDescriptorRequest: FakeProxy.write,
    api.BluetoothGATTNotifyRequest: FakeProxy.set_notify,
    api.BluetoothSetConnectionParamsRequest: FakeProxy.set_params,
}
DEVICE_HANDLERS = {
    CONNECT_WITH_CACHE: FakeProxy.connect,
    CONNECT: FakeProxy.connect,
    DISCONNECT: FakeProxy.disconnect,
    PAIR: FakeProxy.pair,
    UNPAIR: FakeProxy.unpair,
    CLEAR_CACHE: FakeProxy.clear_cache,
}
