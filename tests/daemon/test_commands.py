#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Each command with a bleproxyd that runs and without one: the same, on the same virtual proxies."""
import contextlib
import json
import os
import re
import signal
import tempfile

from e2e import module as commands
from support import house, main, sim

Result = commands.Result
ECHO, INPUT, STORE = (f"6e40000{i}-b5a3-f393-e0a9-e50e24dcca9e" for i in (3, 2, 4))


class Pair:
    """Two virtual proxies, and the commands on them: directly, or through the daemon once it runs."""

    def __init__(self, proxies):
        self.proxies, self.daemon = proxies, None
        self.state = commands.environment()

    def surroundings(self):
        if not self.daemon:
            return {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent", "XDG_STATE_HOME": self.state["XDG_STATE_HOME"]}
        return {"DBUS_SYSTEM_BUS_ADDRESS": self.daemon.address, "XDG_RUNTIME_DIR": self.daemon.folder}

    def start(self, command, *arguments):
        own = [] if self.daemon else [word for proxy in self.proxies for word in ("-p", proxy)]
        return commands.start(command, *own, *arguments, **self.surroundings())

    def run(self, command, *arguments):
        process = self.start(command, *arguments)
        try:
            return Result(process)
        finally:
            process.kill()  # one that was given up; else it is over


def both(*runs, options=()):
    """What each of the runs returns without a daemon, and what it returns with one."""
    with sim("--latency", "0", *options, count=2) as proxies:
        pair = Pair(proxies)
        without = [run(pair) for run in runs]
        with house(*proxies) as pair.daemon:
            through = [run(pair) for run in runs]
        pair.daemon = None
    return zip(without, through)


@contextlib.contextmanager
def daemon(*options, count=2):
    with sim("--latency", "0", *options, count=count) as proxies:
        pair = Pair(proxies)
        with house(*proxies) as pair.daemon:
            yield pair


def lines(*arguments, code=0):
    """Code, output and complaints of a command that always says the same."""
    def run(pair):
        result = pair.run(*arguments)
        assert result.code == code, (arguments, result.code, result.error)
        return re.sub(r"sim-proxy-\d", "PROXY", result.out), re.sub(r"sim-proxy-\d", "PROXY", result.error)
    return run


def same(*runs, **more):
    for without, through in both(*runs, **more):
        assert without == through, f"without: {without}\nthrough: {through}"


def virtual(objects):
    return {o["name"] for o in objects if str(o["name"]).startswith("Virtual")}


# ---- What is heard ----

def test_scan_tells_the_same():
    def run(pair):
        objects = pair.run("scan", "--json", "-t", "3").expect(0).objects()
        return {tuple(o) for o in objects}, {tuple(sorted(o["proxy"] for o in objects))[0]}, virtual(objects)
    [(without, through)] = both(run)
    assert without[:2] == through[:2], (without, through)
    assert without[2] and len(without[2] ^ through[2]) <= 1, (without[2], through[2])


def test_devices_top_and_why_tell_the_same():
    def devices(pair):
        objects = pair.run("devices", "--json", "-t", "3").expect(0).objects()
        return {tuple(o) for o in objects}, {tuple(h) for o in objects for h in o.get("heard_by", [])}

    def top(pair):
        out = pair.run("top", "-t", "2").expect(0).out
        return re.findall(r"^(sim-proxy-\d) +(\w+) +([\d.]+) ", out, re.M), re.findall(r"^ADDRESS.*", out, re.M)

    def why(pair):
        found = pair.run("why", "--json", "Virtual Battery").expect(0).objects()[0]
        return list(found), [sorted(path) for path in found["paths"]], found["address"]
    for without, through in both(devices, top, why):
        assert without == through, f"without: {without}\nthrough: {through}"


def test_why_of_a_device_that_the_daemon_denies_says_that():
    denied, config = "C0:00:00:00:00:01", tempfile.mkdtemp(dir=commands.home.name)
    with sim(count=2) as proxies:
        path = os.path.join(config, "bleproxy.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"daemon: {{deny: '{denied}'}}\nproxies:\n")
            for proxy in proxies:
                file.write("  - {name: P%s, address: %s, port: %s}\n" % (proxy[-5:].strip(":"), *proxy.rsplit(":", 1)))
        pair = Pair(proxies)
        with house(options=("-c", path)) as pair.daemon:
            found = pair.run("why", denied, "--json", "-t", "1").expect(5).objects()[0]
            assert [way["obstacle"] for way in found["paths"]] == ["denied"] * 2, found
            assert found["explanation"].startswith("the configuration of bleproxyd denies it (daemon: deny"), found
            out = pair.run("why", denied, "-t", "1").expect(5).out
            assert "being lost" not in out and "the configuration denies it" in out, out


def test_why_of_a_device_that_a_program_of_the_daemon_has_names_neither_this_one():
    with daemon() as pair:
        heart = pair.run("why", "Virtual Heart", "--json").objects()[0]["address"]
        notify = pair.start("notify", heart, "2a37")
        try:
            assert notify.stdout.readline()
            found = pair.run("why", heart, "--json").expect(5).objects()[0]
            assert found["explanation"].endswith(", by a program of bleproxyd's"), found
        finally:
            notify.kill()
            notify.communicate()


def test_record_tells_the_same():
    def run(pair):
        objects = [json.loads(line) for line in pair.run("record", "-t", "2", "-").expect(0).out.splitlines()]
        kinds = {tuple(o) for o in objects}
        sources = sorted(json.dumps({k: v for k, v in o.items() if k not in ("t", "time")}) for o in objects if "name" in o)
        return kinds, [re.sub('"mode": [^,]*, ', "", source) for source in sources], len({o["source"] for o in objects if "source" in o})
    [(without, through)] = both(run)
    assert without == through, (without, through)


# ---- Devices ----

def test_services_and_values_are_the_same():
    same(lines("services", "Virtual Tower", "--json"), lines("services", "Virtual Battery"),
         lines("services", "Virtual Battery", "--no-cache"),
         lines("read", "Virtual Battery", "manufacturer_name_string"), lines("read", "Virtual Battery", "@11", "--json"),
         lines("write", "Virtual UART", STORE, "--text", "hello", "--json"), lines("read", "Virtual UART", STORE),
         lines("write", "Virtual UART", INPUT, "--no-response", "00 01 02"),
         lines("write", "Virtual UART", STORE, "ab" * 400), lines("read", "Virtual UART", STORE, "--json"))


def test_what_devices_refuse_is_said_in_the_same_words():
    same(lines("write", "Virtual Battery", "2a19", "00", code=5), lines("read", "Virtual Battery", "2a38", code=5),
         lines("write", "Virtual Heart", "2a39", "--no-response", "ab" * 300, code=5),
         lines("write", "Virtual Battery", "@15", "0100", code=5), lines("notify", "Virtual Battery", "2a29", code=5),
         lines("read", "Virtual Mute", "@14", "-t", "1", code=5), lines("services", "Virtual Ghost", "-t", "1", code=5),
         lines("read", "Virtual Nobody", "2a19", code=6))


def test_what_firmware_lacks_is_said_in_the_same_words():
    same(lines("pair", "Virtual Lock", code=5), lines("params", "Virtual Battery", "80", "80", "0", "600", code=5),
         lines("clear-cache", "Virtual Battery", "--json"), options=("--firmware", "2022.12"))


def test_a_device_without_a_free_slot_is_the_same():
    def run(pair):
        result = pair.run("read", "Virtual Battery", "2a19", "-t", "2")
        return result.code, "slot" in result.error
    for without, through in both(run, options=("--slots", "0")):
        assert without == through == (5, True), (without, through)


def test_notifications_are_the_same():
    def run(pair):
        objects = pair.run("notify", "Virtual Heart", "2a37", "-n", "3", "--json").expect(0).objects()
        return [list(o) for o in objects], [o["uuid"] for o in objects]
    same(run, lines("notify", "Virtual UART", ECHO, "-n", "1", "-t", "0.5", code=5),
         lines("notify", "Virtual UART", ECHO, "-t", "0.5"))


def test_bonds_are_the_same():
    def locked(pair):
        tree = pair.run("services", "Virtual Lock", "--json").expect(0).objects()[0]
        handle = next(c["handle"] for s in tree["services"] for c in s["characteristics"]
                      if "read" in c["properties"] and not s["uuid"].startswith("000018"))
        return lines("read", "Virtual Lock", f"@{handle}", code=5)(pair)
    same(locked, lines("pair", "Virtual Lock", "--json"), lines("unpair", "Virtual Lock"), locked, lines("pair", "Virtual Lock"),
         lines("unpair", "Virtual Lock", "--json"), lines("clear-cache", "Virtual Battery"),
         lines("params", "Virtual Battery", "80", "80", "0", "600"))


def test_a_bond_is_forgotten_where_it_is_known():
    with daemon() as pair:
        address = pair.run("pair", "Virtual Lock", "--json").expect(0).objects()[0]["address"]
        client = pair.daemon.client()
        manager = "/org/bleproxy1", "org.bleproxy1.Manager"
        assert client.call(*manager, "FindBond", "s", address)[0].startswith("sim-proxy")
        pair.run("unpair", "--forget", address).expect(0)
        assert client.call(*manager, "FindBond", "s", address) == ["", ""]
        pair.run("unpair", "--forget", address).expect(6, "no bond of it is known here")


def test_slots_are_the_same():
    same(lines("slots"), lines("slots", "--json"))
    same(lines("slots", code=5), options=("--passive",))


def test_slots_are_watched():
    with daemon(count=1) as pair:
        watch = pair.start("slots", "--watch", "--json")
        assert json.loads(watch.stdout.readline())["free"] == 3
        holder = pair.start("notify", "Virtual Heart", "2a37")
        busy = json.loads(watch.stdout.readline())
        assert busy["free"] == 2 and len(busy["allocated"]) == 1
        holder.send_signal(signal.SIGINT)
        Result(holder).expect(130)
        while busy["free"] != 3:
            busy = json.loads(watch.stdout.readline())
        watch.send_signal(signal.SIGTERM)
        Result(watch).expect(130)


# ---- Several at a time ----

def test_a_command_lets_go_of_the_device_before_it_ends():
    with daemon() as pair:
        for _ in range(3):
            pair.run("read", "Virtual Tower", "2a00").expect(0)
            assert all(o["allocated"] == [] for o in pair.run("slots", "--json").expect(0).objects())


def test_two_commands_share_a_connection_and_the_other_goes_on():
    with daemon(count=1) as pair:
        client = pair.daemon.client()
        listener = pair.start("notify", "Virtual UART", ECHO, "-n", "2", "--json")
        client.wait_for(lambda told: told.changed.get("Notifying") or told.changed.get("NotifyAcquired"))
        pair.run("write", "Virtual UART", INPUT, "01").expect(0)
        first = json.loads(listener.stdout.readline())
        assert [o["free"] for o in pair.run("slots", "--json").objects()] == [2]
        pair.run("write", "Virtual UART", INPUT, "02").expect(0)
        second = Result(listener).expect(0).objects()[0]
    assert first["value"].endswith("01") and second["value"].endswith("02"), (first, second)


def test_a_command_that_is_interrupted_holds_nothing():
    with daemon(count=1) as pair:
        watch = pair.start("slots", "--watch", "--json")
        assert json.loads(watch.stdout.readline())["free"] == 3
        holder = pair.start("notify", "Virtual Heart", "2a37")
        assert json.loads(watch.stdout.readline())["free"] == 2
        holder.kill()
        holder.communicate()
        assert json.loads(watch.stdout.readline())["free"] == 3
        watch.send_signal(signal.SIGTERM)
        Result(watch).expect(130)


# ---- Which proxies ----

def test_a_name_of_the_daemons_means_that_proxy():
    with daemon() as pair:
        heard = pair.run("scan", "-p", "sim-proxy-2", "--json", "-t", "2").expect(0).objects()
        assert {o["proxy"] for o in heard} == {"sim-proxy-2"}
        for name in ("sim-proxy-1", "sim-proxy-2"):
            told = pair.run("clear-cache", "-p", name, "Virtual Tower", "--json").expect(0).objects()[0]
            assert told["proxy"] == name, told
        assert [o["proxy"] for o in pair.run("slots", "-p", "sim-proxy-2", "--json").objects()] == ["sim-proxy-2"]
        assert pair.run("why", "-p", "sim-proxy-2", "Virtual Tower", "--json").expect(0).objects()[0]["paths"][0][
            "proxy"] == "sim-proxy-2"


def test_an_address_of_the_daemons_means_that_proxy_for_whoever_asks():
    with daemon() as pair, tempfile.TemporaryDirectory() as elsewhere:
        for command in (("scan", "-t", "2"), ("read", "Virtual Tower", "2a00")):
            process = commands.start(command[0], "-p", pair.proxies[1], *command[1:], "--json",
                                     DBUS_SYSTEM_BUS_ADDRESS=pair.daemon.address, XDG_RUNTIME_DIR=elsewhere)
            found = Result(process).expect(0).objects()
            assert {o["proxy"] for o in found if "proxy" in o} <= {"sim-proxy-2"}, found
        assert [o["proxy"] for o in pair.run("slots", "-p", pair.proxies[1], "--json").objects()] == ["sim-proxy-2"]
        assert not os.listdir(elsewhere), "it has used the proxy itself"


def test_a_configuration_goes_around_the_daemon():
    with daemon() as pair:
        host, port = pair.proxies[0].split(":")
        path = commands.write("around.yaml", f"proxies:\n  - {{name: own, address: {host}, port: {port}}}\n")
        for options, more in ((("-c", path), {}), ((), {"BLEPROXY_CONFIG": path})):
            Result(commands.start("scan", *options, **pair.surroundings(), **more)).expect(5, "own: in use by", "(bleproxyd)")
            assert Result(commands.start("slots", *options, **pair.surroundings(), **more)).expect(0).out.startswith("own ")


# ---- The daemon ends, hangs, and is told to read its configuration anew ----

def wait_for_line(process):
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return line


def test_the_daemon_ends_in_the_middle():
    with daemon() as pair:
        scan, table = pair.start("scan", "--json"), pair.start("scan")
        notify = pair.start("notify", "Virtual Heart", "2a37")
        watch = pair.start("slots", "--watch")
        heard = wait_for_line(table).decode().split()[1]
        for process in (scan, notify, watch):
            wait_for_line(process)
        pair.daemon.stop_daemon()
        Result(notify).expect(4, "bleproxyd has ended")
        Result(watch).expect(0, "bleproxyd does not tell of it any more")  # as without: it has shown something
        Result(scan).expect(4, "bleproxyd has ended")
        found = Result(table).expect(4, "bleproxyd has ended").out.split("ADDRESS", 1)[1]
        assert heard in found and " devices\n" in found, found  # what was heard until then is shown


def test_a_daemon_that_dies_while_it_is_connected_through_is_told():
    with daemon() as pair:
        notify = pair.start("notify", "Virtual Heart", "2a37")
        wait_for_line(notify)
        pair.daemon.daemon.kill()
        Result(notify).expect(4, "bleproxyd has ended")
        pair.daemon.daemon.wait()
        pair.daemon.log.close()
        pair.daemon.daemon = None


def test_a_daemon_that_hangs_keeps_nobody():
    with daemon() as pair:
        scan = pair.start("scan", "--json", "-t", "4")
        wait_for_line(scan)
        pair.daemon.daemon.send_signal(signal.SIGSTOP)
        try:
            Result(scan).expect(0)
            pair.run("scan", "-p", pair.proxies[0]).expect(5, "bleproxyd runs, but does not answer", "in use by")
        finally:
            pair.daemon.daemon.send_signal(signal.SIGCONT)
        pair.run("read", "Virtual Tower", "2a00").expect(0)


def configure(path, proxies):
    with open(path, "w", encoding="utf-8") as file:
        file.write("proxies:\n" + "".join("  - {name: %s, address: %s, port: %s}\n" % (name, *address.split(":"))
                                          for name, address in proxies))


def test_a_daemon_that_reloads_takes_running_commands_with_it():
    path = os.path.join(commands.home.name, "reload.yaml")
    with sim("--latency", "0", count=3) as proxies:
        configure(path, [("one", proxies[0]), ("two", proxies[1])])
        with house(options=("-c", path)) as it:
            more = {"DBUS_SYSTEM_BUS_ADDRESS": it.address, "XDG_RUNTIME_DIR": it.folder}
            record = commands.start("record", "-", **more)
            named = commands.start("scan", "--json", "-p", "one", **more)
            names = set()
            while names != {"one", "two"}:
                names.add(json.loads(wait_for_line(record)).get("name", "one"))
            wait_for_line(named)
            configure(path, [("three", proxies[2]), ("two", proxies[1])])
            it.daemon.send_signal(signal.SIGHUP)
            while "three" not in names:
                names.add(json.loads(wait_for_line(record)).get("name", "one"))
            it.client().call("/org/bleproxy1", "org.bleproxy1.Manager", "ListProxies")
            named.send_signal(signal.SIGTERM)
            Result(named).expect(130)
            record.send_signal(signal.SIGTERM)
            rest = [json.loads(line) for line in record.stdout]  # communicate() would lose what is read already
            assert all(o.get("name") in (None, "two", "three") for o in rest)
            Result(record).expect(130)


# ---- Open ----

def test_a_reader_that_does_not_read_loses_lines_and_another_loses_none():
    """Lines of two seconds or so are kept for a reader: more than a slow machine leaves one without a processor for."""
    with sim("--rate", "1000", "--payload", "changing", "--devices", "50", "--latency", "0") as proxies, house(*proxies) as it:
        more = {"DBUS_SYSTEM_BUS_ADDRESS": it.address, "XDG_RUNTIME_DIR": it.folder}
        client = it.client()
        slow = client.call("/org/bleproxy1", "org.bleproxy1.Manager", "Open", "a{sv}", {})
        stopped = commands.start("record", "-", **more)
        wait_for_line(stopped)
        stopped.send_signal(signal.SIGSTOP)
        memory = resident_kib(it)
        heard = [json.loads(line) for line in Result(commands.start("record", "-t", "8", "-", **more)).expect(0).out.splitlines()]
        grown = resident_kib(it) - memory
        told, lost = read_until_lost(slow)
        os.close(slow)
        stopped.send_signal(signal.SIGCONT)
        counts = [event["count"] for event in map(json.loads, until_lost(stopped.stdout)) if event["event"] == "lost"]
        stopped.send_signal(signal.SIGTERM)
        result = Result(stopped).expect(130)
    assert lost > 0 and told, (lost, len(told))
    assert not [o for o in heard if o["event"] == "lost"] and len(heard) > 3000, len(heard)
    assert grown < 16 * 1024, f"{grown} KiB more"
    assert counts[0] > 0 and "more reports were left out by bleproxyd" in result.error, (counts, result.error)


def until_lost(lines_):
    for line in lines_:
        yield line
        if b'"lost"' in line:
            return


def resident_kib(it):
    with open(f"/proc/{it.daemon.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def read_until_lost(descriptor):
    """The lines before it says how many were lost, and how many those are."""
    os.set_blocking(descriptor, True)
    told = []
    with os.fdopen(os.dup(descriptor), encoding="utf-8") as lines_:
        for line in lines_:
            event = json.loads(line)
            if event["event"] == "lost":
                return told, event["count"]
            told.append(event)
    raise AssertionError("it ended")


main(globals())
