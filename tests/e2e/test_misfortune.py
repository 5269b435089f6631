#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What befalls virtual proxies: they reboot, move, go deaf, are robbed, get a key, are full."""
import os
import signal
import stat
import subprocess
import threading
import time

import virtual
from support import BLEPROXY, KEY, OTHER_KEY, PATIENCE_S, environment, home, main, own, own_address, run, sim, start, write
from virtual import (ADVERTS, ERROR, GOODBYE, HELLO, HELLO_RESPONSE, PING, SUBSCRIBE, UNKNOWN_READ, Client, Control,
                     give_key)


def controlled(*options):
    """At a port that nobody else is given while it is off."""
    return virtual.controlled("--listen", own_address(), *options)


# ---- Power ----


def test_a_reboot_takes_leave():
    with controlled() as (address, control), Client(address, HELLO) as client:
        client.wait_for(HELLO_RESPONSE)
        control.do("reboot 0")
        client.wait_for(5)
        client.say(b"\0\0\6")
        assert client.next() is None
        control.wait_for("on")
        with Client(address, HELLO) as again:
            again.wait_for(HELLO_RESPONSE)


def test_a_crash_is_silent_and_then_the_connection_is_dead():
    with controlled() as (address, control), Client(address, HELLO, SUBSCRIBE) as client:
        client.wait_for(ADVERTS)
        control.do("crash 5")
        control.wait_for("off")
        host, port = address.split(":")
        try:
            Client(address).socket.close()
            raise AssertionError(f"{host} answers at {port}")
        except ConnectionRefusedError:
            pass
        try:
            while client.next() is not None:
                pass
            raise AssertionError("it said goodbye")
        except ConnectionResetError:
            pass
        control.wait_for("on")
        with Client(address, HELLO) as again:
            again.wait_for(HELLO_RESPONSE)


def test_clients_may_leave_while_it_is_off():
    with controlled() as (address, control):
        for _ in range(3):
            with Client(address, HELLO) as client:
                client.wait_for(HELLO_RESPONSE)
                control.do("crash 3")
            control.wait_for("off")
            control.wait_for("on")


def test_it_ends_while_a_proxy_is_off():
    with controlled() as (address, control), Client(address, HELLO) as client:
        client.wait_for(HELLO_RESPONSE)
        control.do("crash 60")


def test_it_reboots_without_clients():
    with controlled("--reboot-timeout", "1") as (_, control):
        control.wait_for("off")
        control.wait_for("on")


def test_it_sleeps_in_turn():
    with controlled("--deep-sleep", "1,1") as (_, control):
        for _ in range(2):
            control.wait_for("off")
            control.wait_for("on")


# ---- Address ----


def test_it_moves_to_another_address():
    with controlled() as (address, control), Client(address, HELLO) as client:
        client.wait_for(HELLO_RESPONSE)
        host, port = address.split(":")
        host = host.rpartition(".")[0] + ".77"
        moved = f"{host}:{port}"
        control.do(f"move {host}")
        assert control.tell("list")[0].split()[1] == moved
        with Client(moved, HELLO) as again:
            again.wait_for(HELLO_RESPONSE)
        try:
            Client(address).socket.close()
            raise AssertionError("it is still there")
        except ConnectionRefusedError:
            pass
        client.say(PING)
        for _ in range(10):
            control.tell("list")
        client.socket.setblocking(False)
        try:
            client.more()
            raise AssertionError("the old connection lives")
        except BlockingIOError:
            pass


def test_an_address_that_is_not_the_machine_s():
    with controlled() as (address, control):
        assert "error: " in control.tell("move 192.0.2.1")[0]
        assert control.tell("move nowhere") == ["error: that is no address"]
        with Client(address, HELLO) as client:
            client.wait_for(HELLO_RESPONSE)


# ---- Deaf and robbed ----


def test_deaf_until_it_is_cured():
    with controlled() as (address, control), Client(address, HELLO, SUBSCRIBE) as client:
        for cure, medicine in (("mode", b"\0\0\x7f"), ("subscribe", SUBSCRIBE), ("never", None)):
            client.wait_for(ADVERTS)
            control.do(f"deaf {cure}")
            client.kinds_until_pong()
            client.say(UNKNOWN_READ)
            assert client.kinds_until_pong() == {ERROR}
            if medicine:
                client.say(medicine)
            else:
                control.do("hear")
        client.wait_for(ADVERTS)


def test_deaf_every_now_and_then():
    with controlled("--deaf", "reboot", "--deaf-every", "1") as (_, control):
        control.wait_for("deaf")


def test_robbed_where_the_newest_wins():
    with controlled() as (address, control), Client(address, HELLO, SUBSCRIBE) as client:
        client.wait_for(ADVERTS)
        control.do("rob")
        client.kinds_until_pong()
        client.say(UNKNOWN_READ)
        assert client.kinds_until_pong() == set()
        assert "robbed" in control.tell("list")[0]
        client.say(SUBSCRIBE)
        client.wait_for(ADVERTS)
        control.do("unrob")


def test_who_scans_is_told_and_leaves_it_alone():
    with controlled() as (address, control):
        scan = own(subprocess.Popen([BLEPROXY, "scan", "-p", address, "--json", "-t", str(PATIENCE_S)],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()))
        try:
            assert scan.stdout.readline()
            threading.Thread(target=scan.stdout.read, daemon=True).start()
            control.do("rob")
            assert any(b"another program has taken over its advertisements" in line for line in scan.stderr)
            assert "robbed" in control.tell("list")[0]
        finally:
            scan.send_signal(signal.SIGINT)
            scan.wait(PATIENCE_S)


def test_refused_where_the_first_wins():
    with controlled("--firmware", "2025.8") as (address, control):
        control.do("rob")
        with Client(address, HELLO, SUBSCRIBE) as client:
            assert client.kinds_until_pong() <= {HELLO_RESPONSE}
            control.do("unrob")
            client.say(SUBSCRIBE)
            client.wait_for(ADVERTS)
            assert "keeps the subscription" in control.tell("rob")[0]


# ---- Limits ----


def test_over_the_limit_nothing_is_said():
    with sim("--clients", "2") as proxies, Client(proxies[0], HELLO) as one, Client(proxies[0], HELLO) as two:
        one.wait_for(HELLO_RESPONSE)
        two.wait_for(HELLO_RESPONSE)
        with Client(proxies[0]) as three:
            assert three.more() == b""
        two.say(GOODBYE)
        two.wait_for(6)
        assert two.next() is None
        with Client(proxies[0], HELLO) as again:
            again.wait_for(HELLO_RESPONSE)


# ---- The key ----


def expect_encryption(address):
    end = time.monotonic() + PATIENCE_S
    while True:
        with Client(address, HELLO) as client:
            if client.more()[:1] == b"\1":
                return
        assert time.monotonic() < end, "the key never counts"


def test_a_key_is_given_and_survives():
    store = os.path.join(home.name, "keys")
    with sim("--key-store", store, "--name", "kitchen") as proxies:
        run("info", "-p", proxies[0]).expect(0)
        assert not give_key(proxies[0], "A" * 43 + "=")
        assert not give_key(proxies[0], KEY[:40])
        assert give_key(proxies[0], KEY)
        expect_encryption(proxies[0])
        run("info", "-p", proxies[0], BLEPROXY_NOISE_PSK=KEY).expect(0)
        run("info", "-p", proxies[0], BLEPROXY_NOISE_PSK=OTHER_KEY).expect(3)
        run("info", "-p", proxies[0], BLEPROXY_NOISE_PSK="A" * 43 + "=").expect(3)
        assert stat.S_IMODE(os.stat(store).st_mode) == 0o600
    with sim("--key-store", store, "--name", "bath") as proxies:
        assert give_key(proxies[0], OTHER_KEY)
    with sim("--key-store", store, "--name", "kitchen") as proxies:
        expect_encryption(proxies[0])
        run("info", "-p", proxies[0], BLEPROXY_NOISE_PSK=KEY).expect(0)
    with open(store, encoding="ascii") as file:
        assert sorted(file.read().split()) == sorted(["kitchen", KEY, "bath", OTHER_KEY])


def test_a_key_is_kept_by_a_reboot_without_a_file():
    with controlled("--provisionable") as (address, control):
        assert give_key(address, KEY)
        control.do("crash 0")
        control.wait_for("on")
        expect_encryption(address)


def test_a_key_that_cannot_be_stored():
    with sim("--key-store", os.path.join(home.name, "no", "such", "place")) as proxies:
        assert not give_key(proxies[0], KEY)
        run("info", "-p", proxies[0]).expect(0)


def test_a_key_store_that_is_damaged():
    store = write("damaged", "kitchen no-key\n")
    run("sim", "-l", "127.0.0.1:0", "--key-store", store, "--name", "kitchen").expect(5, store)
    with sim("--key-store", store, "--name", "bath") as proxies:
        run("info", "-p", proxies[0]).expect(0)


# ---- The control socket ----


def test_orders_that_are_none():
    with controlled() as (_, control):
        for line, word in (("", "expected list"), ("dance", "expected list"), ("reboot x", "seconds"),
                           ("reboot 99999999999999999999", "seconds"), ("deaf forever", "mode, subscribe"),
                           ("move", "an address"), ("list now", "no argument"), ("reboot 1 2", "one argument"),
                           ("@ list", "behind '@'"), ("@nobody list", "no proxy 'nobody'"),
                           ("announce", "--mdns")):
            answer = control.tell(line)
            assert len(answer) == 1 and answer[0].startswith("error: ") and word in answer[0], answer
        control.socket.sendall(b"x" * 1000)
        assert "shorter line" in control.lines.readline()


def test_more_proxies_than_a_socket_takes_lines():
    path = os.path.join(home.name, "control")
    with sim("--control", path, count=600), Control(path) as control, Control(path) as impatient:
        assert len(control.tell("list")) == 601
        impatient.socket.sendall(b"list\n" * 40)  # and does not read
        assert len(control.tell("list")) == 601
        for _ in range(40):
            assert len([line for line in iter(impatient.lines.readline, "ok\n")]) == 600


def test_one_of_several_proxies():
    path = os.path.join(home.name, "control")
    with sim("--control", path, count=3), Control(path) as control:
        assert len(control.tell("list")) == 4
        control.do("@sim-proxy-2 deaf")
        assert [("deaf" in line) for line in control.tell("list")[:3]] == [False, True, False]
        assert "@PROXY" in control.tell("move 127.0.0.9")[0]


def test_the_socket_is_its_owner_s():
    path = os.path.join(home.name, "control")
    with controlled():
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        run("sim", "-l", "127.0.0.1:0", "--control", path).expect(5, path)
    assert not os.path.exists(path)
    process = start("sim", "-l", "127.0.0.1:0", "--control", path)
    process.stdout.readline()
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    assert os.path.exists(path)
    with controlled() as (_, control):
        control.do("hear")
    file = write("no-socket", "mine")
    run("sim", "-l", "127.0.0.1:0", "--control", file).expect(5, file)
    assert os.path.exists(file)


def test_bad_input():
    for arguments, word in ((["--deaf", "often"], "often"), (["--deep-sleep", "5"], "20,60"),
                            (["--deep-sleep", "5,x"], "--deep-sleep"), (["--clients", "0"], "--clients"),
                            (["--provisionable", "-f", "2023.6"], "2023.6"),
                            (["--reboot-timeout", "-1"], "--reboot-timeout"),
                            (["--control", "x" * 200], "too long")):
        run("sim", "-l", "127.0.0.1:0", *arguments).expect(2, word)


main(globals())
