#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Discovery and names of the local network, over cables of our own."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from network import Lines, avahi, cable, enter_namespace, link_local, machine, stop, tell, wait_until
from support import PATIENCE_S, Skip, hear, home, main, run, start, write

enter_namespace()

FOLLOW_S = 2  # a device that moved is connected to again within this, after its announcement


def of(*names):
    """Whether these are listed, or told as JSON."""
    def are_there(result):
        words = result.out.split() if result.out.startswith("NAME") else [device["name"] for device in result.objects()]
        return all(words.count(name) >= names.count(name) for name in names)
    return are_there


def end(process):
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=PATIENCE_S)
    assert b"Sanitizer" not in (error or b""), error
    return process.returncode


def test_devices_of_two_networks_are_found():
    with machine() as kitchen, machine() as attic, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"), \
            cable(attic, "v1", "10.78.0.1/24", "10.78.0.2/24"):
        kitchen.responder("kitchen", "10.77.0.2")
        attic.responder("attic", "10.78.0.2", link_local(attic), port=6054)
        config = write("discover.yaml", "proxies:\n  - address: Kitchen.local\n")
        result = hear(of("attic", "kitchen"), "discover", "-c", config, "--json").expect(0)
        expected = {"friendly_name": "The Kitchen", "mac_address": "A4:C1:38:00:00:01", "esphome_version": "2026.8.0",
                    "platform": "ESP32", "encrypted": True}
        assert result.objects() == [
            {"name": "attic", "address": "10.78.0.2", "port": 6054, "configured": False, **expected},
            {"name": "kitchen", "address": "10.77.0.2", "port": 6053, "configured": True, **expected}], result.out
        result = hear(of("attic", "kitchen"), "discover").expect(0)
        head, *rows = (line.split() for line in result.out.splitlines())
        assert head == ["NAME", "ADDRESS", "PORT", "MAC", "FIRMWARE", "PLATFORM", "ENCRYPTED", "CONFIGURED"]
        assert rows == [["attic", "10.78.0.2", "6054", "A4:C1:38:00:00:01", "2026.8.0", "ESP32", "yes", "no"],
                        ["kitchen", "10.77.0.2", "6053", "A4:C1:38:00:00:01", "2026.8.0", "ESP32", "yes", "no"]]


def add(*arguments, **more):
    """It ends as soon as they are found."""
    return run("discover", *arguments, "-t", str(PATIENCE_S / 2), **more)


def test_a_device_is_added_to_the_configuration():
    with machine() as kitchen, machine() as attic, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"), \
            cable(attic, "v1", "10.78.0.1/24", "10.78.0.2/24"):
        kitchen.responder("kitchen", "10.77.0.2")
        attic.responder("attic", "10.78.0.2", port=6054)
        before = "# mine\nproxies:   # all of them\n  - address: 192.0.2.1 # cellar\n\n# the end\n"
        config = write("add.yaml", before)
        os.chmod(config, 0o640)
        result = add("--add", "Kitchen", "--add", "attic", "-c", config).expect(0, "kitchen", "is encrypted")
        assert result.out == f"kitchen added to {config}\nattic added to {config}\n", result.out
        with open(config, encoding="utf-8") as file:
            assert file.read() == before.replace("# cellar\n", "# cellar\n  - name: kitchen\n    address: kitchen.local\n"
                                                 "  - name: attic\n    address: attic.local\n    port: 6054\n")
        assert os.stat(config).st_mode & 0o7777 == 0o640
        add("--add", "kitchen", "-c", config).expect(0, "already")
        run("discover", "--add", "cellar", "-c", config, "-t", "0.5").expect(6, "no device of the name 'cellar'")
        found = hear(of("attic", "kitchen"), "discover", "-c", config, "--json").objects()
        assert len(found) == 2 and all(device["configured"] for device in found), found
        config = write("flow.yaml", "proxies: [{address: a}] # all of them\n")
        add("--add", "kitchen", "-c", config).expect(0)
        with open(config, encoding="utf-8") as file:
            assert file.read() == "proxies: [{address: a}, {name: kitchen, address: kitchen.local}] # all of them\n"
        config = write("flow.yaml", "proxies: null\n")
        add("--add", "kitchen", "-c", config).expect(2, "flow.yaml:1: 'proxies' is written in a way that cannot")
        # Where there is no file yet.
        add("--add", "kitchen", XDG_CONFIG_HOME=os.path.join(os.path.dirname(config), "xdg")).expect(0)
        with open(os.path.join(os.path.dirname(config), "xdg/bleproxy/bleproxy.yaml"), encoding="utf-8") as file:
            assert file.read() == "proxies:\n  - name: kitchen\n    address: kitchen.local\n"
        run("discover", "--add", "kitchen", "--watch").expect(2)


def test_two_that_go_by_one_name():
    """What does not print tells them apart, for all but people."""
    with machine() as kitchen, machine() as stranger, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"), \
            cable(stranger, "v1", "10.78.0.1/24", "10.78.0.2/24"):
        kitchen.responder("kitchen", "10.77.0.2")
        impostor = stranger.responder("kitchen\u200b", "10.78.0.2")
        devices = hear(of("kitchen", "kitchen"), "discover", "--json").expect(0).objects()
        assert [device["name"] for device in devices] == ["kitchen", "kitchen"], devices
        assert {device["address"] for device in devices} == {"10.77.0.2", "10.78.0.2"}, devices
        results = []

        def both_answer():
            """Within the moment for which it waits for others of that name."""
            results.append(add("--add", "kitchen", "-c", write("add.yaml", "proxies: []\n")))
            return "several devices go by the name 'kitchen'" in results[-1].error

        wait_until(both_answer)
        results[-1].expect(2)
        config = os.path.join(home.name, "add.yaml")
        with open(config, encoding="utf-8") as file:
            assert file.read() == "proxies: []\n"
        watch = start("discover", "--watch", "--json")
        shown = Lines(watch.stdout)
        while len({json.loads(line)["address"] for line in shown.seen}) < 2:
            shown.wait_for("found")
        stop(impostor)
        assert json.loads(shown.wait_for("gone")[0])["name"] == "kitchen"
        assert end(watch) == 130
        found = hear(of("kitchen"), "discover", "--json").objects()
        assert [device["address"] for device in found] == ["10.77.0.2"], found


def test_nobody_is_there():
    run("discover", "-t", "0.3").expect(6, "no ESPHome device has answered")
    run("discover", "-t", "0.3", "--watch").expect(6)
    run("discover", "kitchen").expect(2)
    run("discover", "-p", "kitchen").expect(2)


def test_names_are_found_on_the_interface_where_they_are():
    with machine() as kitchen, machine() as attic, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"), \
            cable(attic, "v1", "10.78.0.1/24", "10.78.0.2/24"):
        for there, name, address in ((kitchen, "kitchen", "10.77.0.2"), (attic, "attic", "10.78.0.2")):
            there.responder(name, address)
            there.sim(f"{address}:6053", "--name", name)
        for host, name in (("attic.local", "attic"), ("kitchen.local.", "kitchen"), ("KITCHEN", "kitchen")):
            result = run("info", "-p", host, "--json").expect(0)
            assert result.objects()[0]["name"].startswith(name), result.out


def test_a_link_local_address_gets_its_interface():
    with machine() as decoy, machine() as kitchen, cable(decoy, "v0"), cable(kitchen, "v1"):
        kitchen.responder("kitchen", link_local(kitchen))
        kitchen.sim("[::]:6053")
        result = hear(of("kitchen"), "discover", "--json").expect(0)
        assert result.objects()[0]["address"] == link_local(kitchen) + "%v1"
        run("info", "-p", "kitchen.local").expect(0)
        run("info", "-p", f"[{link_local(kitchen)}%v1]").expect(0)


def test_nobody_answers_to_a_name():
    with machine() as kitchen, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"):
        kitchen.responder("kitchen", "10.77.0.2")
        begun = time.monotonic()
        run("info", "-p", "attic.local", "-t", "30").expect(4, "multicast DNS: nobody answers", "the system's resolver")
        assert time.monotonic() - begun < 20


def test_a_machine_of_many_interfaces():
    many = 45
    with machine() as kitchen:
        script = "".join(f"ip link add a{n} type veth peer name b{n}; ip addr add 10.{n}.0.1/24 dev a{n}; "
                         f"ip link set a{n} up; ip link set b{n} up; " for n in range(1, many))
        subprocess.run(["sh", "-c", script], check=True)
        try:
            with cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"):
                kitchen.responder("kitchen", "10.77.0.2")
                result = hear(of("kitchen"), "discover", "--json").expect(0)
                assert result.objects()[0]["address"] == "10.77.0.2"
                assert "not heard" not in result.error, result.error
        finally:
            subprocess.run(["sh", "-c", "".join(f"ip link del a{n}; " for n in range(1, many))], check=True)


def test_port_5353_belongs_to_another_program():
    with machine() as kitchen, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"), \
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::", 5353))  # both families, for itself alone
        kitchen.responder("kitchen", "10.77.0.2")
        result = hear(of("kitchen"), "discover", "--json").expect(0, "announcements at UDP port 5353 are not heard")
        assert result.objects()[0]["address"] == "10.77.0.2"
        kitchen.sim("10.77.0.2:6053")
        run("info", "-p", "kitchen.local").expect(0)


def test_a_cable_that_comes_while_a_name_is_asked_for():
    with machine() as kitchen:
        kitchen.sim("0.0.0.0:6053")
        process = start("info", "-p", "kitchen.local", "-t", str(PATIENCE_S), "-vv")
        Lines(process.stderr).wait_for("looking up its address")
        with cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"):
            kitchen.responder("kitchen", "10.77.0.2")
            process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


def test_who_comes_changes_and_goes_is_shown():
    with machine() as kitchen:
        watch = start("discover", "--watch", "--json")
        shown = Lines(watch.stdout)
        with cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"):
            responder = kitchen.responder("kitchen", "10.77.0.2")
            found = json.loads(shown.wait_for("found")[0])
            assert (found["event"], found["name"], found["address"]) == ("found", "kitchen", "10.77.0.2")
            kitchen.shell("ip addr add 10.77.0.3/24 dev eth0")
            tell(responder, "address 10.77.0.3")
            assert json.loads(shown.wait_for("changed")[0])["address"] == "10.77.0.3"
            stop(responder)
            assert json.loads(shown.wait_for("gone")[0])["name"] == "kitchen"
        assert end(watch) == 130


def scan(*options):
    process = start("scan", "--json", "-p", "kitchen.local", *options)
    return process, Lines(process.stderr)


def drain(process):
    """Its advertisements, so that it does not wait for a reader."""
    return subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)


def move(kitchen, before, after):
    kitchen.shell(f"ip addr del {before}/24 dev eth0; ip addr add {after}/24 dev eth0")
    time.sleep(1.1)  # an address that was heard within a second counts as said together with the new one


def test_a_proxy_that_moves_is_followed():
    places = [f"10.77.0.{number}" for number in (2, 3, 4, 5)]
    with machine() as kitchen, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"):
        responder = kitchen.responder("kitchen", places[0])
        kitchen.sim("0.0.0.0:6053")
        process, log = scan("-v")
        reader = drain(process)
        try:
            log.wait_for("connected")
            took = []
            for before, after in zip(places, places[1:]):
                move(kitchen, before, after)
                tell(responder, f"address {after}")
                took.append(log.wait_for("connected")[1])
            # A machine with other things to do may be late once, but not each time.
            assert min(took) < FOLLOW_S, f"it took {took} s"
            assert any("has announced another address" in line for line in log.seen), log.seen
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)
            reader.wait(PATIENCE_S)


def test_an_announcement_ends_a_pause():
    with machine() as kitchen, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"):
        responder = kitchen.responder("kitchen", "10.77.0.2")
        sim = kitchen.sim("10.77.0.2:6053")
        process, log = scan("-v")
        reader = drain(process)
        log.wait_for("connected")
        took = []
        for _ in range(3):
            stop(sim)
            log.wait_for("connecting again in 5 s")
            sim = kitchen.sim("10.77.0.2:6053")
            tell(responder, "announce")
            took.append(log.wait_for("info: proxy: kitchen.local: connected")[1])
        assert min(took) < FOLLOW_S, f"it took {took} s"
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
        reader.wait(PATIENCE_S)


def test_an_address_that_leads_to_another_device_is_asked_for_anew():
    with machine() as kitchen, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"):
        kitchen.shell("ip addr add 10.77.0.3/24 dev eth0")
        kitchen.responder("kitchen", "10.77.0.2")
        sim = kitchen.sim("10.77.0.2:6053", "--name", "kitchen")
        kitchen.sim("10.77.0.3:6053", "--name", "attic")
        config = write("known.yaml", "proxies: [{name: kitchen, address: kitchen.local}]\n")
        process = start("scan", "--json", "-c", config, "-vv")
        log, reader = Lines(process.stderr), drain(process)
        log.wait_for("connected")
        stranger = kitchen.responder("kitchen", "10.77.0.3")
        tell(stranger, "announce")  # it lives for two minutes, and nobody takes it back
        stranger.communicate(b"quit\n")
        stop(sim)
        kitchen.sim("10.77.0.2:6053", "--name", "kitchen")
        log.wait_for("another device has its address")
        log.wait_for("hub: kitchen: ESPHome")
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
        reader.wait(PATIENCE_S)


def test_with_avahi_on_both_sides():
    if not shutil.which("avahi-daemon"):
        raise Skip("avahi-daemon is not installed")
    with machine() as kitchen, cable(kitchen, "v0", "10.77.0.1/24", "10.77.0.2/24"):
        here, _ = avahi(lambda command: subprocess.run(["sh", "-c", command], check=True), lambda *command: list(command),
                        "here", "our own")
        there, there_log = avahi(kitchen.shell, kitchen.command, "kitchen", "kitchen")
        try:
            there_log.wait_for('Service "kitchen"')
            kitchen.sim("10.77.0.2:6053")
            result = hear(of("kitchen", "our own"), "discover", "--json").expect(0)
            assert of("kitchen", "our own")(result), result.out
            device = next(device for device in result.objects() if device["name"] == "kitchen")
            assert (device["address"], device["mac_address"]) == ("10.77.0.2", "A4:C1:38:00:00:02"), result.out
            run("info", "-p", "kitchen.local").expect(0)
            assert here.poll() is None and there.poll() is None
        finally:
            for process in (here, there):
                process.kill()
                process.wait()


main(globals())
