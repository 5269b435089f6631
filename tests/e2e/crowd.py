#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Announces devices that do not exist, and that a certain host has the address of each.

usage: crowd.py HOW_MANY HOST

Says "ready". Then each line on standard input has the next hundred of them announced, and is said back.
"""
import ipaddress
import sys

from responder import Device, Sockets

PORTION = 100
FIRST = ipaddress.ip_address("10.99.0.1")


def main():
    count, host = int(sys.argv[1]), sys.argv[2]
    messages, sent = [], 0
    for number in range(count):
        device = Device(f"stranger-{number}", 6053, [str(FIRST + number)])
        messages.append(device.response())
        device.host = f"{host}.local"
        messages.append(device.response(lambda name, _, host=device.host: name == host))
    sockets = Sockets()
    print("ready", flush=True)
    for line in sys.stdin:
        for message in messages[sent:sent + 2 * PORTION]:
            sockets.multicast(message)
        sent = (sent + 2 * PORTION) % len(messages)
        print(line.strip(), flush=True)


if __name__ == "__main__":
    main()
