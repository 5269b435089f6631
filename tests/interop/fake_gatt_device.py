# SPDX-License-Identifier: MIT
"""Devices of the fake proxy: their attributes, and how they are described in its messages."""

import uuid

from aioesphomeapi import api_pb2 as api

BASE = uuid.UUID("00000000-0000-1000-8000-00805f9b34fb").int
CCCD = "2902"


class Attribute:
    def __init__(self, handle, kind, properties=0, value=b"", size=512, locked=False, burst=False):
        self.handle, self.kind, self.properties = handle, kind, properties
        self.value, self.size, self.locked, self.burst = value, size, locked, burst
        self.descriptors = []

    def message(self, proto, short, **fields):
        """Its description, with the UUID in one of the two forms."""
        number = int(self.kind, 16) if len(self.kind) <= 8 else None
        if number is not None and short:
            return proto(handle=self.handle, short_uuid=number, **fields)
        whole = uuid.UUID(self.kind).int if number is None else BASE | number << 96
        return proto(handle=self.handle, uuid=[whole >> 64, whole & (1 << 64) - 1], **fields)


class Device:
    """services: [(UUID, [(UUID, properties, {further arguments of Attribute}, [descriptors])])], a descriptor being
    (UUID, value). Handles count from 1."""

    def __init__(self, name, address, services, mtu=517):
        self.name, self.address, self.mtu = name, address, mtu
        self.attributes = {}
        self.services = []
        self.bonded = False
        self.pairing_error = self.params_error = 0
        for kind, characteristics in services:
            service = self.add(kind)
            service.characteristics = []
            for characteristic, properties, more, descriptors in characteristics:
                self.add("2803")
                one = self.add(characteristic, properties, **more)
                one.descriptors = [self.add(d, value=value, size=len(value)) for d, value in descriptors]
                service.characteristics.append(one)
            self.services.append(service)

    def add(self, kind, *arguments, **more):
        handle = len(self.attributes) + 1
        self.attributes[handle] = Attribute(handle, kind, *arguments, **more)
        return self.attributes[handle]

    def find(self, kind):
        return next(one for one in self.attributes.values() if one.kind == kind)

    def cccd(self, characteristic):
        return next((d for d in characteristic.descriptors if d.kind == CCCD), None)

    def messages(self, short):
        for service in self.services:
            yield service.message(
                api.BluetoothGATTService,
                short,
                characteristics=[
                    one.message(
                        api.BluetoothGATTCharacteristic,
                        short,
                        properties=one.properties,
                        descriptors=[d.message(api.BluetoothGATTDescriptor, short) for d in one.descriptors],
                    )
                    for one in service.characteristics
                ],
            )

    def advertisement(self):
        name = self.name.encode()
        return b"\x02\x01\x06" + bytes([len(name) + 1, 9]) + name
