# SPDX-License-Identifier: MIT
"""Compares `ingest` and `gatt` with the Python stack: same virtual proxies, in turn, CPU of the client process only,
medians. And `hub` with habluetooth, report by report, without proxies.

Called by scripts/bench. Timings depend on the machine and its mood: take the ratios, each from runs back to back.
"""

import argparse
import base64
import contextlib
import itertools
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
KEY = base64.b64encode(bytes(range(32))).decode()
NETWORK = f"127.77.{os.getpid() % 250}.1"  # the Python stack knows only port 6053: one address per proxy
FLOOD = 64_000  # advertisements from one round of sentinels to the next, in floods; of all proxies together
PARTS = ["saturated", "paced", "memory", "start", "instructions", "gatt", "hub"]
PYTHON, OURS, GATHERED = "python", "bleproxy", "gathered"
# Of `gatt`: the part, how many operations the two clients do, and the ratios expected of CPU and of latency. What is not
# answered has no latency.
GATT = (
    ("connect, discovering services; disconnect", "discover", 300, 600, "", ""),
    ("connect, services known; disconnect", "connect", 500, 1000, "", ""),
    ("read 1 byte", "read", 5000, 10000, "2x", "1.5x"),
    ("read 512 bytes", "read512", 5000, 10000, "2x", "1.5x"),
    ("write 512 bytes, acknowledged", "write512", 5000, 10000, "2x", "1.5x"),
    ("write 20 bytes unacknowledged, one at a time", "command", 50000, 100000, "1.5x", None),
    ("write 20 bytes unacknowledged, 100 in a turn", "burst", 50000, 500000, "10x", None),
    ("notification of 20 bytes, in bursts", "notify", 200000, 1000000, "", None),
    ("connect to the proxy; disconnect", "session", 200, 500, "", ""),
)
# What a part of ours is compared with besides: the least that it can cost. Plaintext only.
FLOOR = {"read": ("ping", "a ping to the proxy", ""), "notify": ("bare", "received without a library", "1.5x")}
HANDSHAKE_US = 200
# Of `hub`: what a scenario takes in, see peer_hub.py.
HUB = {
    "packets": "Messages of several, which Python has decoded before and ours decodes besides",
    "raw": "Raw, the address made ready for either",
    "messages": "Decoded by the proxy: as protobuf's message",
    "objects": "The same; Python has its strings and dicts before, often the same again, ours has not: not like for like",
    "sweep": "Looking who is gone, for each device",
    "scheduled": "Scheduling active scans, for each device that needs them",
}
DEVICE_BYTES, PROXY_BYTES = 600, 300
# Two that answer each other are much faster on one processor than on two: which it is must not be left to chance.
CLIENT_CPU, PROXY_CPU = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))


def proxies_text(count, psk):
    return f"{count} prox{'y' if count == 1 else 'ies'}, {'encrypted' if psk else 'plaintext'}"


class Bench:
    def __init__(self, build, pairs, seconds, psk_file):
        self.bleproxy = build / "cli/bleproxy"
        self.ingest = build / "bench/ingest"
        self.operations = build / "bench/gatt"
        self.hub_bench = build / "bench/hub"
        self.pairs, self.seconds, self.psk_file = pairs, seconds, psk_file

    @contextlib.contextmanager
    def proxies(self, *options, count=1, psk=False, houses=1, cpu=None):
        """Virtual proxies, count in each house; yields their addresses."""
        first = int.from_bytes(socket.inet_aton(NETWORK), "big") + (psk << 16)  # beside those without a key
        hosts = [socket.inet_ntoa((first + i).to_bytes(4, "big")) for i in range(count * houses)]
        key = ["--psk-file", self.psk_file] if psk else []
        processes = []
        try:
            for house in range(houses):
                settings = f"--listen {hosts[house * count]}:6053 --count {count} --step address --seed {house + 1}"
                command = [self.bleproxy, "sim", *settings.split(), *map(str, options), *key]
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                if cpu is not None:
                    os.sched_setaffinity(process.pid, {cpu})
                processes.append(process)
            end = time.monotonic() + 10
            for host in hosts:
                while True:
                    with contextlib.suppress(OSError), socket.create_connection((host, 6053), 1):
                        break
                    if time.monotonic() > end:
                        sys.exit(f"bench: no virtual proxy at {host}")
                    time.sleep(0.02)
            yield hosts
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()

    def command(self, client, hosts, every, psk):
        key = ["--psk-file", self.psk_file] if psk else []
        if client == PYTHON:
            return [sys.executable, HERE / "peer.py", *key, "--every", str(every), *hosts]
        latency = ["--latency", "100"] if client == GATHERED else []
        return [self.ingest, *key, *latency, *hosts]

    @contextlib.contextmanager
    def client(self, client, hosts, every, psk):
        """A running client; yields an iterator over the lines it prints."""
        process = subprocess.Popen(
            [str(word) for word in self.command(client, hosts, every, psk)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

        def lines():
            yield from map(json.loads, process.stdout)
            sys.exit(f"bench: {client} ended with {process.wait()}")

        try:
            yield lines()
        finally:
            process.terminate()
            process.stdout.read()
            process.wait()

    def cost(self, client, hosts, every, psk, warm_up=1):
        """CPU microseconds per advertisement over some seconds, after warm_up sentinels."""
        total = {"adverts": 0, "user": 0.0, "sys": 0.0, "wall": 0.0}
        with self.client(client, hosts, every, psk) as lines:
            for line in lines:
                if "ready" in line:
                    continue
                if warm_up > 0:
                    warm_up -= 1
                    continue
                for key in total:
                    total[key] += line[key]
                if total["wall"] >= self.seconds:
                    break
        return 1e6 * (total["user"] + total["sys"]) / total["adverts"], total["adverts"] / total["wall"]

    def compare(self, title, clients, hosts, every, psk, expected):
        """Runs the clients in turn and prints a row for each that is not Python."""
        runs = {client: [] for client in clients}
        for _ in range(self.pairs):
            for client in clients:
                runs[client].append(self.cost(client, hosts, every, psk))
        theirs = [cost for cost, _ in runs[PYTHON]]
        for client in clients[1:]:
            ours = [cost for cost, _ in runs[client]]
            ratios = [a / b for a, b in zip(theirs, ours, strict=True)]
            pace = statistics.median(pace for _, pace in runs[client])
            print(
                f"  {title + (', gathered 100 ms' if client == GATHERED else ''):<52}"
                f"{statistics.median(theirs):9.3f} {statistics.median(ours):9.3f}"
                f"{statistics.median(ratios):8.1f}x  ({min(ratios):.1f}-{max(ratios):.1f})"
                f"{expected[client]:>9}{pace / 1e6:9.3f}",
                flush=True,
            )

    def heading(self, text):
        print(f"\n{text}")
        print(f"  {'':<52}{'Python':>9} {'ours':>9}{'ratio':>9}  (min-max) expected M adv/s")

    def saturated(self, counts):
        self.heading("Saturated: CPU µs per advertisement, 100 devices")
        for psk in (False, True):
            for count in counts:
                every = FLOOD // count
                for payload in ("repeat", "changing", "mix"):
                    options = ("--rate", 0, "--devices", 100, "--payload", payload, "--sentinel", every)
                    with self.proxies(*options, count=count, psk=psk) as hosts:
                        title = f"{proxies_text(count, psk)}, {payload}"
                        self.compare(title, (PYTHON, OURS), hosts, every, psk, {OURS: "4.5x" if psk else "15x"})

    def paced(self):
        self.heading("Real rates: CPU µs per advertisement, 50 proxies x 50 adverts/s, a frame every 100 ms each")
        every = 100  # a sentinel every 2 s
        for psk in (False, True):
            options = ("--rate", 50, "--flush", 100, "--devices", 100, "--payload", "mix", "--sentinel", every)
            with self.proxies(*options, count=50, psk=psk) as hosts:
                self.compare(
                    proxies_text(50, psk),
                    (PYTHON, OURS, GATHERED),
                    hosts,
                    every,
                    psk,
                    {OURS: "2x", GATHERED: "7x"},
                )

    def memory(self):
        print(f"\nResident memory, MB{'':<35}{'Python':>9} {'ours':>9}  expected")
        every = 200
        options = ("--rate", 100, "--devices", 100, "--payload", "mix", "--sentinel", every)
        for psk in (False, True):
            for count, expected in ((1, 4), (50, 8)):
                with self.proxies(*options, houses=count, psk=psk) as hosts:
                    sizes = []
                    for client in (PYTHON, OURS):
                        with self.client(client, hosts, every, psk) as lines:
                            reports = (line["rss_kib"] for line in lines if "rss_kib" in line)
                            sizes.append(max(itertools.islice(reports, 3)) * 1024 / 1e6)
                title = f"{proxies_text(count, psk)}, {100 * count} devices"
                print(f"  {title:<52}{sizes[0]:9.1f} {sizes[1]:9.1f}  {expected:8}", flush=True)

    def start(self):
        print(
            f"\nFrom the start of the process to the first advertisement, ms{'':<3}{'Python':>9} {'ours':>9}  expected"
        )
        for psk in (False, True):
            with self.proxies("--rate", 0, "--devices", 100, "--payload", "repeat", "--sentinel", 1, psk=psk) as hosts:
                times = {PYTHON: [], OURS: []}
                for _ in range(self.pairs):
                    for client, found in times.items():
                        begun = time.monotonic()
                        with self.client(client, hosts, 1, psk) as lines:
                            next(line for line in lines if "adverts" in line)
                            found.append(1000 * (time.monotonic() - begun))
                medians = [statistics.median(found) for found in times.values()]
                print(
                    f"  {proxies_text(1, psk):<52}{medians[0]:9.1f} {medians[1]:9.1f}  {10:8}",
                    flush=True,
                )

    def instructions(self):
        """By the difference of two sizes, so that start and end cancel out; fails over the budget."""
        print(f"\nInstructions per advertisement (callgrind){'':<12}{'ours':>9}  at most")
        over = []
        for payload, budget in (("repeat", 900), ("changing", 1500), ("mix", None)):
            options = ("--rate", 0, "--devices", 100, "--payload", payload, "--sentinel", FLOOD)
            with self.proxies(*options) as hosts:
                (few_adverts, few), (many_adverts, many) = (self.callgrind(hosts, sections) for sections in (2, 10))
            found = (many - few) / (many_adverts - few_adverts)
            print(f"  {payload + ', plaintext':<52}{found:9.0f}  {budget or '':8}", flush=True)
            if budget and found > budget:
                over.append(payload)
        if over:
            sys.exit(f"bench: over the budget of instructions: {', '.join(over)}")

    def callgrind(self, hosts, sections):
        """Advertisements taken in and instructions executed until so many sentinels were seen."""
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run(
                ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/out"]
                + [self.ingest, "--sections", str(sections), *hosts],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        collected = re.search(r"Collected : (\d+)", done.stderr)
        if not collected:
            sys.exit(f"bench: callgrind measured nothing:\n{done.stderr}")
        return sum(json.loads(line).get("adverts", 0) for line in done.stdout.splitlines()), int(collected[1])

    def operate(self, client, host, psk, *parts):
        """CPU and time in microseconds of an operation of each part."""
        key = ["--psk-file", self.psk_file] if psk else []
        command = [self.operations] if client == OURS else [sys.executable, HERE / "peer_gatt.py"]
        done = subprocess.run(
            [str(word) for word in (*command, *key, host, *parts)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CPU}),
        )
        return [
            tuple(1e6 * seconds / line["operations"] for seconds in (line["user"] + line["sys"], line["wall"]))
            for line in map(json.loads, done.stdout.splitlines())
        ]

    def gatt(self):
        print("\nOperations on a device that answers at once: µs of CPU and of time for each")
        print(
            f"  {'':<56}{'CPU Python':>11} {'ours':>7}{'ratio':>8}  {'(min-max)':<13}{'expected':>8}"
            f"{'time Python':>13} {'ours':>7}{'ratio':>8}{'expected':>10}"
        )
        with (
            self.proxies("--latency", 0, cpu=PROXY_CPU) as (plain,),
            self.proxies("--latency", 0, cpu=PROXY_CPU, psk=True) as (encrypted,),
        ):
            for title, part, python, ours, cpu, latency in GATT:
                pairs = {False: [], True: []}
                floor = FLOOR.get(part, (None,))[0]
                floors = []
                for _ in range(self.pairs):
                    for host, psk in ((plain, False), (encrypted, True)):
                        parts = [f"{part}:{ours}"] + ([f"{floor}:{ours}"] if floor and not psk else [])
                        theirs = self.operate(PYTHON, host, psk, f"{part}:{python}")
                        own = self.operate(OURS, host, psk, *parts)
                        pairs[psk].append((theirs[0], own[0]))
                        floors += own[1:]
                for psk, found in pairs.items():
                    self.operation_row(f"{title}, {'encrypted' if psk else 'plaintext'}", found, cpu, latency)
                if floor:
                    self.floor_row(FLOOR[part], [own for _, own in pairs[False]], floors)
        self.handshake_row(pairs[False], pairs[True])

    @staticmethod
    def operation_row(title, pairs, cpu_expected, latency_expected):
        columns = []
        for i, digits in ((0, 2), (1, 1)):
            theirs, ours = ([run[i] for run in runs] for runs in zip(*pairs, strict=True))
            ratios = [theirs[i] / ours[i] for theirs, ours in pairs]
            medians = f"{statistics.median(theirs):.{digits}f}", f"{statistics.median(ours):.{digits}f}"
            columns.append((*medians, f"{statistics.median(ratios):.1f}x", f"({min(ratios):.1f}-{max(ratios):.1f})"))
        (theirs, ours, ratio, spread), (their_time, our_time, time_ratio, _) = columns
        line = f"  {title:<56}{theirs:>11} {ours:>7}{ratio:>8}  {spread:<13}{cpu_expected:>8}"
        if latency_expected is not None:
            line += f"{their_time:>13} {our_time:>7}{time_ratio:>8}{latency_expected:>10}"
        print(line.rstrip(), flush=True)

    @staticmethod
    def floor_row(floor, ours, floors):
        _, title, expected = floor
        cost = statistics.median(run[0] for run in floors)
        ratio = statistics.median(own[0] / least[0] for own, least in zip(ours, floors, strict=True))
        print(
            f"    {title + '; ours in comparison':<54}{'':>11} {cost:7.3f}{ratio:7.2f}x{'':15}{expected:>8}", flush=True
        )

    @staticmethod
    def handshake_row(plain, encrypted):
        """The last part is a connection to the proxy: a handshake is what encryption adds to it."""
        theirs, ours = (
            statistics.median(b[i][0] - a[i][0] for a, b in zip(plain, encrypted, strict=True)) for i in (0, 1)
        )
        print(
            f"  {'a Noise handshake: the difference':<56}{theirs:11.1f} {ours:7.1f}{theirs / ours:7.1f}x{'':15}"
            f"{f'{HANDSHAKE_US} µs':>8}",
            flush=True,
        )

    def hub_lines(self, *command):
        done = subprocess.run(
            [*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def hub(self):
        """Scenario by scenario. With habluetooth's rules on both sides, so that both decide and call back alike."""
        peer, runs = [sys.executable, HERE / "peer_hub.py", "--repetitions", 5], {}
        for _ in range(self.pairs):
            ours = {
                line["scenario"]: line for line in self.hub_lines(self.hub_bench, "--reference", "--repetitions", 5)
            }
            for line in self.hub_lines(*peer) + self.hub_lines(*peer, "--messages"):
                own = ours[line["scenario"]]
                if any(own[key] != line[key] for key in ("unit", "per_iteration", "changes")):
                    sys.exit(f"bench: not the same work: {line} and {own}")
                pair = line["median_ns"], own["median_ns"]
                runs.setdefault(line["takes"], {}).setdefault(line["scenario"], []).append(pair)
        print("\nThe hub alone: ns of CPU for each report, with one subscriber to changes")
        for takes, title in HUB.items():
            print(f"\n  {title}\n  {'':<40}{'Python':>9} {'ours':>9}{'ratio':>9}  (min-max)")
            for scenario, pairs in runs[takes].items():
                theirs, ours = (statistics.median(side) for side in zip(*pairs, strict=True))
                ratios = [a / b for a, b in pairs]
                digits = 1 if min(ratios) >= 1 else 2
                print(
                    f"    {scenario:<38}{theirs:9.1f} {ours:9.1f}{statistics.median(ratios):8.{digits}f}x"
                    f"  ({min(ratios):.{digits}f}-{max(ratios):.{digits}f})"
                )
        print(f"\nBytes, the worst number of devices{'':<8}{'a device':>9}{'at most':>9}{'a proxy':>9}{'at most':>9}")
        for line in self.hub_lines(self.hub_bench, "--memory"):
            print(
                f"  {line['memory']:<40}{line['per_device']:9.0f}{DEVICE_BYTES:9}{line['per_proxy']:9.0f}{PROXY_BYTES:9}",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--pairs", type=int, default=5, help="runs of each client in turn (default 5)")
    parser.add_argument("--seconds", type=float, default=2, help="measured length of each run (default 2)")
    parser.add_argument("--proxies", type=int, nargs="+", default=[1, 50], help="proxies when saturated (default 1 50)")
    for part in PARTS:
        parser.add_argument(f"--{part}", action="store_true", help="only this part, or several of them")
    arguments = parser.parse_args()
    parts = [part for part in PARTS if getattr(arguments, part)] or PARTS

    if parts != ["instructions"]:
        for peer in ("peer.py", "peer_hub.py"):
            subprocess.run([sys.executable, HERE / peer, "--check-compiled"], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".psk") as psk_file:
        psk_file.write(KEY + "\n")
        psk_file.flush()
        bench = Bench(arguments.build, arguments.pairs, arguments.seconds, psk_file.name)
        if "saturated" in parts:
            bench.saturated(arguments.proxies)
        if "paced" in parts:
            bench.paced()
        if "memory" in parts:
            bench.memory()
        if "start" in parts:
            bench.start()
        if "instructions" in parts:
            bench.instructions()
        if "gatt" in parts:
            bench.gatt()
        if "hub" in parts:
            bench.hub()


main()
