#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A host that is in no network, or in one of the other family."""
import signal
import subprocess
import time

from network import Lines, cable, enter_namespace, machine
from support import PATIENCE_S, closed_port, main, run, start, write

enter_namespace()

FOLLOW_S = 13  # from when the network is there to a connection; the pause after a fifth attempt is longer
ATTEMPTS = 5
SELDOM = "Virtual Battery"  # of which so little is heard that a pipe holds it while nobody reads


def shell(command):
    subprocess.run(["sh", "-c", command], check=True)


def scan(address, port=6053):
    config = write(f"kitchen-{port}.yaml", f"proxies: [{{name: kitchen, address: '{address}', port: {port}}}]\n")
    return start("scan", "--json", "-vv", "-c", config)


def end(process, code=130):
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=PATIENCE_S)[1].decode()
    assert process.returncode == code and "Sanitizer" not in error, error


def test_a_network_is_waited_for():
    """By address and by name, for longer than for a proxy that does not answer; then as long as for any proxy."""
    hosts = write("hosts", "127.0.0.1 localhost\n")
    shell(f"mount --bind {hosts} /etc/hosts")
    with machine() as there:
        there.sim("0.0.0.0:6053", "-n", "2")
        scans = [scan("10.77.0.2"), scan("kitchen.example", 6054), scan("10.77.0.2", 6055)]
        logs = [Lines(process.stderr) for process in scans]
        for log in logs:
            log.wait_for("this host is in no network yet: waiting for one")
        logs[1].wait_for("cannot look up kitchen.example:6054")  # else the end, at once
        for _ in range(ATTEMPTS):
            logs[0].wait_for("cannot connect to 10.77.0.2:6053: this host is in no network")
        assert all(process.poll() is None for process in scans)
        write("hosts", "10.77.0.2 kitchen.example\n")
        with cable(there, "v0", "10.77.0.1/24", "10.77.0.2/24"):
            for process, log in zip(scans[:2], logs):
                _, took = log.wait_for("kitchen: connected")
                assert took < FOLLOW_S, f"it took {took} s"
                Lines(process.stdout).wait_for('"address"')
                end(process)
            error = scans[2].communicate(timeout=PATIENCE_S)[1].decode()
            assert scans[2].returncode == 4 and "Connection refused" in error, error


def test_a_limit_of_time_holds_without_a_network():
    begun = time.monotonic()
    run("scan", "-p", "192.0.2.1", "-t", "0.5").expect(4, "waiting for one", "this host is in no network")
    assert time.monotonic() - begun < PATIENCE_S / 2


def test_this_host_is_no_network():
    with closed_port() as address:
        result = run("scan", "-p", address, "-t", "0.5").expect(4, "Connection refused")
        assert "network" not in result.error, result.error


def test_an_address_of_a_family_that_this_host_has_not():
    """It goes on trying, while others work, and comes when there is an address."""
    for here, there_address, address, missing, later in (
            ("10.77.0.1/24", "10.77.0.2/24", "fd77::2", "IPv6", "fd77::1/64"),
            ("fd77::1/64", "fd77::2/64", "10.77.0.2", "IPv4", "10.77.0.1/24")):
        with machine() as there, cable(there, "v0", here, there_address):
            there.shell("ip addr replace fd77::2/64 dev eth0 && ip addr replace 10.77.0.2/24 dev eth0")
            there.sim("[::]:6053", "--name", "hall")
            other = there_address.split("/")[0]
            config = write("families.yaml", f"proxies: [{{name: hall, address: '{address}'}}, "
                                            f"{{name: attic, address: '{other}'}}]\n")
            process = start("scan", "--json", "-vv", "-c", config, "--name", SELDOM)
            log, heard = Lines(process.stderr), Lines(process.stdout)
            where = f"[{address}]" if ":" in address else address
            for _ in range(ATTEMPTS):
                log.wait_for(f"cannot connect to {where}:6053: this host has no {missing} address; next attempt in")
            heard.wait_for('"proxy":"attic"')
            shell(f"ip addr add {later} dev v0")
            _, took = log.wait_for("hall: connected")
            assert took < FOLLOW_S, f"it took {took} s"
            end(process)


main(globals())
