# SPDX-License-Identifier: MIT
"""A program that makes the calls it is told on standard input, and keeps what it gets, until it is killed."""
import asyncio
import json
import sys

from dbus_fast import Message
from dbus_fast.aio import MessageBus


async def make(bus, call):
    path, interface, member, signature, arguments = json.loads(call)
    reply = await bus.call(Message(destination="org.bluez", path=path, interface=interface, member=member,
                                   signature=signature, body=arguments))
    print(reply.error_name or "ok", flush=True)


async def live():
    bus = await MessageBus(sys.argv[1], negotiate_unix_fd=True).connect()
    calls = set()  # which nobody else keeps
    while line := await asyncio.to_thread(sys.stdin.readline):
        calls.add(asyncio.ensure_future(make(bus, line)))


asyncio.run(live())
