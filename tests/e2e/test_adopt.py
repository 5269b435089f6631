#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proxies that have no encryption key get one, and it is never lost on the way."""
import contextlib
import os
import socket
import stat
import tempfile

from support import KEY, OTHER_KEY, closed_port, home, main, run, sim


class Place:
    """A directory with a configuration in it."""

    def __init__(self, text=None):
        self.path = tempfile.mkdtemp(dir=home.name)
        self.config = self.file("bleproxy.yaml")
        if text is not None:
            self.write("bleproxy.yaml", text)

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        with open(self.file(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.file(name), 0o600)

    def read(self, name="bleproxy.yaml"):
        with open(self.file(name), encoding="utf-8") as file:
            return file.read()

    def mode(self, name):
        return stat.S_IMODE(os.stat(self.file(name)).st_mode)

    def adopt(self, *arguments, **more):
        result = run("adopt", "-c", self.config, *arguments, **more)
        for name in os.listdir(self.path):
            if name.endswith(".key"):
                key = self.read(name).strip()
                assert not key or key not in result.out + result.error, "the key got out"
        return result


@contextlib.contextmanager
def keyless(*options, firmware="2026.8"):
    with sim("--provisionable", "--firmware", firmware, "--name", "attic", *options) as addresses:
        yield addresses[0]


def test_a_proxy_gets_a_key_and_an_entry():
    for firmware in ("2026.8", "2025.8"):
        place = Place("# mine\nproxies:\n  - {name: hall, address: 192.0.2.1} # there\n")
        with keyless(firmware=firmware) as address:
            host, port = address.split(":")
            result = place.adopt(address).expect(0)
            assert "attic is encrypted from now on: the key is in " in result.out
            assert place.mode("attic.key") == 0o600 and len(place.read("attic.key")) == 45
            assert place.read() == ("# mine\nproxies:\n  - {name: hall, address: 192.0.2.1} # there\n"
                                    f"  - name: attic\n    address: {host}\n    port: {port}\n    noise_psk_file: attic.key\n")
            info = run("info", "-c", place.config, "-p", "attic", "--json").expect(0)
            assert info.objects()[0]["encrypted"] is True
            run("info", "-p", address).expect(3)


def test_each_proxy_gets_another_key():
    place = Place("")
    for name in ("a", "b"):
        with keyless() as address:
            place.adopt("--name", name, address).expect(0)
    assert place.read("a.key") != place.read("b.key")


def test_a_configuration_that_is_not_there_yet_is_made():
    directory = tempfile.mkdtemp(dir=home.name)
    with keyless() as address:
        run("adopt", address, XDG_CONFIG_HOME=directory).expect(0)
        run("info", "-p", "attic", XDG_CONFIG_HOME=directory).expect(0)
    path = os.path.join(directory, "bleproxy/bleproxy.yaml")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_it_goes_on_where_it_was_interrupted():
    place = Place("")
    place.write("mine.key", OTHER_KEY)
    with keyless() as address:
        # the key was written, and not sent
        place.adopt("--key-file", place.file("mine.key"), address).expect(0, "using the key in ")
        assert place.read("mine.key") == OTHER_KEY
        assert "noise_psk_file: mine.key" in place.read()
        # it was sent, and the entry not written
        place.write("bleproxy.yaml", "")
        result = place.adopt("--key-file", place.file("mine.key"), address).expect(0)
        assert "attic has this key already" in result.out
        assert "noise_psk_file: mine.key" in place.read()
        # all was done
        place.adopt(address).expect(2, "bleproxy.yaml:2 has a key for attic")
        # the same where the file has the name that is asked for
        place.write("bleproxy.yaml", "")
        place.write("loft.key", OTHER_KEY)
        result = place.adopt("--name", "loft", address).expect(0, "using the key in ")
        assert "loft has this key already" in result.out
        # or that of the entry
        host, port = address.split(":")
        place.write("bleproxy.yaml", f"proxies:\n  - {{name: loft, address: {host}, port: {port}}}\n")
        place.adopt("loft").expect(0, "using the key in ")
        # the file is not named: it cannot be known
        place.write("bleproxy.yaml", "")
        place.adopt(address).expect(3, "has a key already", "give its key file with --key-file",
                                    "the proxy calls itself 'attic'")


def test_a_key_file_of_the_proxys_name_is_gone_on_with():
    place = Place("")
    place.write("attic.key", OTHER_KEY)
    with keyless() as address:
        place.adopt(address).expect(0, "using the key in ")
    assert place.read("attic.key") == OTHER_KEY


def test_a_file_that_holds_something_else_is_never_replaced():
    place = Place("")
    with keyless() as address:
        for text in ("", "something else\n", "A" * 43 + "="):
            place.write("attic.key", text)
            for options in ([], ["--key-file", place.file("attic.key")]):
                place.adopt(*options, address).expect(2, "holds no key", "left as it is")
                assert place.read("attic.key") == text
        run("info", "-p", address).expect(0)  # it has none
    assert place.read() == ""


def test_an_entry_that_cannot_be_added_is_told_and_the_key_is_kept():
    place = Place("proxies: ~\n")
    with keyless() as address:
        host, port = address.split(":")
        place.adopt(address).expect(2, "cannot be added to", "noise_psk_file: attic.key")
        assert place.read() == "proxies: ~\n"
        place.write("bleproxy.yaml", f"proxies: [{{address: {host}, port: {port}, noise_psk_file: attic.key}}]")
        run("info", "-c", place.config).expect(0)


def test_a_proxy_of_the_configuration_is_adopted():
    with keyless() as address:
        host, port = address.split(":")
        text = f"proxies:\n  - name: loft\n    address: {host}\n    port: {port}\n"
        place = Place(text)
        result = place.adopt("loft").expect(0)
        assert f"add to its entry, {place.config}:2: noise_psk_file: loft.key" in result.out
        assert place.read() == text
        place.write("bleproxy.yaml", text + "    noise_psk_file: loft.key\n")
        run("info", "-c", place.config).expect(0)


def test_the_key_file_of_an_entry_in_a_drop_in_is_told_as_it_is_seen_from_there():
    with keyless() as address:
        host, port = address.split(":")
        place = Place("")
        os.mkdir(place.file("conf.d"))
        text = f"proxies:\n  - name: loft\n    address: {host}\n    port: {port}\n"
        place.write("conf.d/a.yaml", text)
        words = f"add to its entry, {place.file('conf.d/a.yaml')}:2: "
        told = place.adopt("loft").expect(0).out.partition(words)[2]
        assert told == f"noise_psk_file: {place.file('loft.key')}\n", told
        place.write("conf.d/a.yaml", text + "    " + told)
        run("info", "-c", place.config).expect(0)


def test_what_is_no_key_does_not_count_as_one():
    with keyless() as address:
        host, port = address.split(":")
        place = Place(f"proxies:\n  - {{name: loft, address: {host}, port: {port}, noise_psk: {'A' * 43}=}}\n")
        run("info", "-c", place.config).expect(0)
        result = place.adopt("loft").expect(0)
        assert f"in place of the key put into its entry, {place.config}:2: noise_psk_file: loft.key" in result.out
        run("info", "-c", place.config).expect(3)


def test_a_name_that_is_taken_is_told_before_the_key_is_sent():
    place = Place("")
    os.mkdir(place.file("conf.d"))
    place.write("conf.d/a.yaml", "\nproxies: [{name: attic, address: 192.0.2.1}]\n")
    with keyless() as address:
        place.adopt(address).expect(2, "conf.d/a.yaml:2 has another proxy 'attic'", "--name")
        run("info", "-p", address).expect(0)
        assert os.listdir(place.path).count("attic.key") == 0
        place.adopt("--name", "loft", address).expect(0)


def test_proxies_that_cannot_be_adopted():
    place = Place("")
    with sim("--name", "attic", BLEPROXY_NOISE_PSK=KEY) as [address]:
        place.adopt(address).expect(3, "it has a key already")
        place.write("mine.key", OTHER_KEY)
        place.adopt("--key-file", place.file("mine.key"), address).expect(3, "not the one in the file")
    with sim("--name", "attic", "--firmware", "2023.6") as [address]:
        place.adopt(address).expect(5, "its firmware has no encryption")
    with closed_port() as address:
        place.adopt(address).expect(4)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place.adopt("-t", "0.2", "127.0.0.1:%d" % silent.getsockname()[1]).expect(4, "no answer in time")
    assert sorted(os.listdir(place.path)) == ["bleproxy.yaml", "mine.key"]
    assert place.read() == ""


def test_a_key_that_cannot_be_written_is_not_sent():
    place = Place("")
    with keyless() as address:
        place.adopt("--key-file", "/proc/nowhere/a.key", address).expect(1, "cannot write /proc/nowhere/a.key")
        run("info", "-p", address).expect(0)
    assert place.read() == ""


def test_usage():
    run("adopt").expect(2, "usage: bleproxy adopt")
    run("adopt", "a", "b").expect(2, "usage: bleproxy adopt")
    run("adopt", "--key-file", "", "a").expect(2, "cannot be empty")
    run("adopt", "--key", KEY, "a").expect(2, "never taken from the command line")


main(globals())
