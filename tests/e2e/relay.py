#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A bad cable: carries Ethernet frames between two interfaces, loses some of them and is slow.

usage: relay.py INTERFACE INTERFACE LOSS DELAY SEED

LOSS: how many of 100 frames are lost, by dice of that seed; of ARP none, which gives up after three, and a connection with it.
DELAY: of each frame, in milliseconds. On standard input: "cut" (it carries nothing more), "mend", "count". Says "ready" when
it carries, and answers each command with how many frames it has carried and lost.
"""
import collections
import random
import select
import socket
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_VNET_HDR = 263, 15  # what the sender's card would have done, its checksum for one, travels along
HEADER_SIZE = 10  # of that
ARP = b"\x08\x06"
FRAME_MAX = 128 * 1024


class Relay:
    def __init__(self, ends, loss, delay_s, seed):
        self.ends = [self.open(name) for name in ends]
        self.loss, self.delay_s, self.dice = loss, delay_s, random.Random(seed)
        self.queue = collections.deque()  # (when it leaves, the socket, the frame), in the order of time
        self.is_cut = False
        self.carried = self.lost = 0

    @staticmethod
    def open(name):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        end.bind((name, ETH_P_ALL))
        return end

    def take(self, end, other):
        try:
            frame, sender = end.recvfrom(FRAME_MAX)
        except OSError:
            return  # its interface has gone down
        if sender[2] == socket.PACKET_OUTGOING:
            return  # what we sent ourselves
        is_arp = frame[HEADER_SIZE + 12:HEADER_SIZE + 14] == ARP
        if self.is_cut or (not is_arp and self.dice.random() * 100 < self.loss):
            self.lost += 1
        else:
            self.queue.append((time.monotonic() + self.delay_s, other, frame))

    def deliver(self):
        """What is due; the time until the next is, None: there is none."""
        while self.queue:
            left = self.queue[0][0] - time.monotonic()
            if left > 0:
                return left
            _, end, frame = self.queue.popleft()
            if self.is_cut:
                self.lost += 1
                continue
            try:
                end.send(frame)
                self.carried += 1
            except OSError:
                self.lost += 1  # its interface is down
        return None

    def obey(self, command):
        if command in ("cut", "mend"):
            self.is_cut = command == "cut"
        print(command, self.carried, self.lost, flush=True)


def main():
    loss, delay_ms, seed = (int(argument) for argument in sys.argv[3:])
    relay = Relay(sys.argv[1:3], loss, delay_ms / 1000, seed)
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([sys.stdin, *relay.ends], [], [], relay.deliver())
        for source in readable:
            if source is not sys.stdin:
                relay.take(source, relay.ends[source is relay.ends[0]])
                continue
            line = sys.stdin.readline()
            if not line:
                return
            relay.obey(line.strip())


if __name__ == "__main__":
    main()
