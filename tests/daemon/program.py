# SPDX-License-Identifier: MIT
"""A client that finds devices by their names, and can be called itself: what agents and monitors are made of."""
import asyncio
import contextlib
import time

from dbus_fast import Message, MessageType

from support import (ADAPTER, CHARACTERISTIC, DEVICE, HCI0, LOOP, PATIENCE_S, PROPERTIES, BusError, Client, plain, run)


class Program(Client):
    """calls: the messages that called it. answers: {(path, interface, member): (signature, body)}, or the name of an
    error."""

    def __init__(self, address, **more):
        self.called, self.answers = [], {}
        super().__init__(address, **more)
        self.bus.add_message_handler(self.on_call)

    def on_call(self, message):
        if message.message_type != MessageType.METHOD_CALL:
            return None
        self.called.append(message)
        self.news.set()
        answer = self.answers.get((message.path, message.interface, message.member))
        if isinstance(answer, str):
            return Message.new_error(message, answer, "")
        return Message.new_method_return(message, *answer) if answer else None

    def emit(self, path, interface, member, signature, *body):
        run(self.written(Message.new_signal(path, interface, member, signature, list(body))))

    def calls_of(self, interface, after=0):
        """What it was called with: [(path, method, argument, ...), ...]."""
        return [(call.path, call.member, *plain(call.body)) for call in self.called[after:] if call.interface == interface]

    # ---- Waiting ----

    def wait_until(self, holds, what="it"):
        """Until that holds, which is looked at again and again; its value."""
        end = time.monotonic() + PATIENCE_S
        while not (value := holds()):
            assert time.monotonic() < end, f"{what} never happens"
            self.news.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                LOOP.run_until_complete(asyncio.wait_for(self.news.wait(), 0.1))
        return value

    def here(self):
        """A mark behind all that the daemon has said until now."""
        self.objects()
        return self.mark()

    def changes(self, path, interface=DEVICE, after=0):
        """What was told of its properties, a dictionary each time; what is gone is None."""
        return [{**told.changed, **{name: None for name in told.invalidated}} for told in self.told[after:]
                if told.kind == "PropertiesChanged" and told.path == path and told.interface == interface]

    def last(self, path, name, interface=DEVICE, after=0):
        """What was told of it last; None: nothing."""
        return next((change[name] for change in reversed(self.changes(path, interface, after)) if name in change), None)

    def removed(self, after=0):
        """Paths of objects, in order. Who loses an interface alone, as devices that of their battery, is still there."""
        return [told.path for told in self.told[after:] if told.kind == "InterfacesRemoved" and PROPERTIES in told.interfaces]

    # ---- Devices ----

    def found(self, name):
        return next((path for path, interfaces in self.objects().items()
                     if interfaces.get(DEVICE, {}).get("Name") == name), None)

    def find(self, name):
        """The path of the device of that name, while it discovers."""
        if not self.get(HCI0, ADAPTER, "Discovering"):
            self.adapter("StartDiscovery")
        return self.wait_until(lambda: self.found(name), name)

    def connect(self, name):
        """The same, connected, with all its services known."""
        path = self.find(name)
        self.call(path, DEVICE, "Connect")
        self.wait_until(lambda: self.get(path, DEVICE, "ServicesResolved"), "ServicesResolved")
        return path

    def characteristic(self, device, uuid):
        """The path of the device's characteristic of that UUID, which may be one of four digits."""
        if len(uuid) == 4:
            uuid = f"0000{uuid}-0000-1000-8000-00805f9b34fb"
        return next(path for path, interfaces in self.objects().items() if path.startswith(device + "/")
                    and interfaces.get(CHARACTERISTIC, {}).get("UUID") == uuid)

    def refused(self, future):
        """The name of the error with which a call ends that was begun."""
        try:
            self.finish(future)
        except BusError as error:
            return error.name
        raise AssertionError("it went well")


def program(it, **more):
    """One in that house, which closes it."""
    client = Program(it.address, **more)
    it.clients.append(client)
    return client
