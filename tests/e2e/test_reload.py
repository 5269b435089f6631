#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""SIGHUP: a command that goes on reads its configuration anew, and what is the same is not touched."""
import contextlib
import json
import os
import signal
import tempfile
import threading
import time

from fake_proxy import DISCONNECT, FakeProxy
from support import KEY, OTHER_KEY, PATIENCE_S, Terminal, home, main, sim, start


class Config:
    """A file of proxies: name and address, and behind a bar what else is in the entry."""

    def __init__(self, **proxies):
        self.path = os.path.join(tempfile.mkdtemp(dir=home.name), "bleproxy.yaml")
        self.write(**proxies)

    def write(self, more="", **proxies):
        text = "proxies:\n"
        for name, address in proxies.items():
            address, _, rest = address.partition("|")
            host, port = address.split(":")
            text += f"  - {{name: {name}, address: {host}, port: {port}{rest}}}\n"
        self.put(text + more)

    def put(self, text):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.path + ".new", self.path)


class Running:
    """A command whose lines are gathered while it runs."""

    def __init__(self, *arguments):
        self.process = start(*arguments)
        self.out, self.error = [], []
        self.threads = [threading.Thread(target=self.gather, args=arguments, daemon=True)
                        for arguments in ((self.process.stdout, self.out), (self.process.stderr, self.error))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def gather(stream, lines):
        for line in stream:
            lines.append(line.decode())

    def rest(self):
        """All that it said on standard error until it ended."""
        self.threads[1].join(PATIENCE_S)
        return self.error

    def wait_for(self, condition, what):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, f"no {what}, but the end, {self.process.returncode}: {self.rest()}"
            assert time.monotonic() < deadline, f"no {what}: {self.error}"
            time.sleep(0.02)

    def wait_for_proxy(self, *names):
        """Until each has been heard from now on."""
        before = len(self.out)
        self.wait_for(lambda: set(names) <= {json.loads(line)["proxy"] for line in self.out[before:]}, f"adverts of {names}")

    def wait_for_words(self, words):
        self.wait_for(lambda: any(words in line for line in list(self.error)), words)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(PATIENCE_S)
        assert code == 130, f"exit code {code}: {self.error}"
        assert not any(KEY in line for line in self.out + self.error)


@contextlib.contextmanager
def running(*arguments):
    command = Running(*arguments)
    try:
        yield command
        command.end()
    finally:
        command.process.kill()
        command.process.wait()


def test_proxies_come_and_go_and_the_others_are_not_touched():
    with FakeProxy() as fake, sim("--name", "a") as [a], sim("--name", "b", "--seed", "2") as [b], \
            sim("--name", "c", "--seed", "3") as [c]:
        config = Config(fake=fake.address, a=a, b=b)
        with running("scan", "-c", config.path, "--json", "--all", "-v") as scan:
            scan.wait_for_proxy("a", "b")
            scan.wait_for(lambda: fake.connections == 1, "fake proxy")
            config.write(c=c, a=a, fake=fake.address)
            scan.reload()
            scan.wait_for_proxy("c", "a")
            scan.wait_for_proxy("c", "a")
            after = len(scan.out)
            scan.wait_for_proxy("c", "a")
            assert "b" not in {json.loads(line)["proxy"] for line in scan.out[after:]}
            assert fake.connections == 1 and not any(kind == DISCONNECT for kind, _ in fake.received)
            lines = "".join(scan.error)
            assert lines.count("a: connected") <= 1, lines
            config.write(b=b)
            scan.reload()
            scan.wait_for_proxy("b")
            scan.wait_for(lambda: any(kind == DISCONNECT for kind, _ in fake.received), "goodbye")


def test_what_is_spoken_to_in_another_way_is_connected_anew():
    with sim("--name", "a", BLEPROXY_NOISE_PSK=KEY) as [a]:
        config = Config(a=a + f"|, noise_psk: {KEY}")
        with running("scan", "-c", config.path, "--json", "--all") as scan:
            scan.wait_for_proxy("a")
            config.write(loft=a + f"|, noise_psk: {KEY}")
            scan.reload()
            scan.wait_for_proxy("loft")
            config.write(loft=a)  # without its key
            scan.reload()
            scan.wait_for_words("loft")
            config.write(loft=a + f"|, noise_psk: {KEY}")
            scan.reload()
            scan.wait_for_proxy("loft")


def test_what_an_entry_says_applies_whatever_it_is():
    with FakeProxy() as fake:
        config = Config(fake=fake.address)
        with running("scan", "-c", config.path, "--json", "--all") as scan:
            scan.wait_for(lambda: fake.connections == 1, "fake proxy")
            for number, more in enumerate((", reclaim: 5", ", reclaim: 6", ", scan: active", ", password: x"), 2):
                config.write(fake=fake.address + "|" + more)
                scan.reload()
                scan.wait_for(lambda: fake.connections == number, f"connection for{more}")
            config.write(fake=fake.address + "|, expected_name: somebody")
            scan.reload()
            scan.wait_for_words("'somebody'")


def test_a_key_file_is_read_anew():
    with sim("--name", "a", BLEPROXY_NOISE_PSK=OTHER_KEY) as [a], sim("--name", "b") as [b]:
        config = Config(a=a + "|, noise_psk_file: a.key", b=b)
        path = os.path.join(os.path.dirname(config.path), "a.key")
        with open(path, "w", encoding="utf-8", opener=lambda *arguments: os.open(*arguments, mode=0o600)) as file:
            file.write(KEY)
        with running("scan", "-c", config.path, "--json", "--all") as scan:
            scan.wait_for_words("refused the key")
            with open(path, "w", encoding="utf-8") as file:
                file.write(OTHER_KEY)
            scan.reload()
            scan.wait_for_proxy("a")
            os.unlink(path)
            scan.reload()
            scan.wait_for_words("there is no key file 'a.key'")
            scan.wait_for_proxy("a")


def test_a_configuration_that_is_wrong_changes_nothing():
    with FakeProxy() as fake, sim("--name", "a") as [a]:
        config = Config(a=a, fake=fake.address)
        with running("scan", "-c", config.path, "--json", "--all") as scan:
            scan.wait_for_proxy("a")
            scan.wait_for(lambda: fake.connections == 1, "fake proxy")
            config.put("proxies:\n  - {name: a, adress: b}\n  - {name: c, adress: d}\n")
            scan.reload()
            scan.wait_for_words("that is not all: 'bleproxy check' tells")
            scan.wait_for_words("bleproxy.yaml:2: unknown key 'adress'; did you mean 'address'?")
            scan.wait_for_words("what was in force stays")
            scan.wait_for_proxy("a")
            os.unlink(config.path)
            scan.reload()
            scan.wait_for_words("there is no such file")
            scan.wait_for_proxy("a")
            assert fake.connections == 1


def test_a_proxy_given_by_its_name_has_to_stay():
    with sim("--name", "a") as [a]:
        config = Config(a=a)
        with running("scan", "-c", config.path, "--json", "--all", "-p", "a") as scan:
            scan.wait_for_proxy("a")
            config.write(b=a)
            scan.reload()
            scan.wait_for_words("the proxy 'a', which was given with -p, is no longer in the configuration")
            scan.wait_for_proxy("a")


def test_many_signals_are_one_after_another():
    with sim("--name", "a") as [a], sim("--name", "b", "--seed", "2") as [b]:
        config = Config(a=a)
        with running("scan", "-c", config.path, "--json", "--all") as scan:
            scan.wait_for_proxy("a")
            for _ in range(20):
                config.write(b=b)
                scan.reload()
                config.write(a=a)
                scan.reload()
            config.write(a=a, b=b)
            scan.reload()
            scan.wait_for_proxy("a", "b")


def test_a_recording_tells_who_came_and_went():
    with sim("--name", "a") as [a], sim("--name", "b", "--seed", "2") as [b]:
        config = Config(a=a)
        path = os.path.join(os.path.dirname(config.path), "trace.jsonl")

        def lines():
            with open(path, encoding="utf-8") as file:
                return [json.loads(line) for line in file.read().splitlines(True) if line.endswith("\n")]

        def events(name):
            return [line for line in lines() if line["event"] == name]

        with running("record", "-c", config.path, path) as record:
            record.wait_for(lambda: os.path.exists(path) and events("adv"), "adverts")
            config.write(more="devices: [{address: 'A4:C1:38:80:00:00', interval: 300}]\n", b=b)
            record.reload()
            record.wait_for(lambda: len(events("register")) == 2, "second proxy")
            assert len(events("unregister")) == 1 and len(events("fallback_interval")) == 1


def test_top_shows_the_new_ones_and_keeps_the_past_of_the_others():
    with sim("--name", "a") as [a], sim("--name", "b", "--seed", "2") as [b], sim("--name", "c", "--seed", "3") as [c]:
        config = Config(b=b, a=a)
        top = Terminal("top", "-c", config.path)
        top.wait_for_frame(lambda frame: sum("connected" in line for line in frame) == 2)
        config.write(a=a, c=c)
        top.process.send_signal(signal.SIGHUP)
        frame = top.wait_for_frame(lambda frame: any(line.startswith("c ") and "connected" in line for line in frame))
        assert frame[2].startswith("a ") and not any(line.startswith("b ") for line in frame)
        top.send("q")
        assert top.close() == 0


def test_the_end_of_the_terminal_ends_it():
    with sim("--name", "a") as [a]:
        config = Config(a=a)
        top = Terminal("top", "-c", config.path)
        top.wait_for_frame(lambda frame: any("connected" in line for line in frame))
        os.close(top.master)
        assert top.process.wait(PATIENCE_S) is not None


def test_commands_that_end_by_themselves_are_ended():
    with FakeProxy() as fake:
        config = Config(fake=fake.address)
        devices = start("devices", "-c", config.path, "-t", "60")
        deadline = time.monotonic() + PATIENCE_S
        while fake.connections == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        devices.send_signal(signal.SIGHUP)
        assert devices.wait(PATIENCE_S) == 130
        devices.communicate()


main(globals())
