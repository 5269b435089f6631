# SPDX-License-Identifier: MIT
"""A program that discovers, and takes all signals of org.bluez without looking at them, as fast as they come: a line on
standard output when it has begun, and the number of signals and bytes at the end of standard input.

usage: listener.py ADDRESS-OF-THE-BUS [FILTER-KEY]
"""
import selectors
import sys

from wire import SIGNAL, Connection

HCI0, ADAPTER = "/org/bluez/hci0", "org.bluez.Adapter1"

program = Connection(sys.argv[1])
program.ask("AddMatch", "s", "type='signal',sender='org.bluez'")
if len(sys.argv) > 2:
    assert program.bluez(HCI0, ADAPTER, "SetDiscoveryFilter", "a{sv}", [(sys.argv[2], ("b", 1))]).kind == 2
assert program.bluez(HCI0, ADAPTER, "StartDiscovery").kind == 2
print("discovers", flush=True)
selector = selectors.DefaultSelector()
selector.register(program.socket, selectors.EVENT_READ)
selector.register(sys.stdin, selectors.EVENT_READ)
signals = size = 0
program.socket.settimeout(None)
while not any(key.fileobj is sys.stdin for key, _ in selector.select()):
    program.fill()
    for message in program.take():
        signals += message[1] == SIGNAL
        size += len(message)
print(signals, size, flush=True)
