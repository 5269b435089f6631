# SPDX-License-Identifier: MIT
"""Our client, a command at a time: gatt_driver.c tells which there are."""

import json
import subprocess
import threading

from harness import environment, eventually, program


class Driver:
    """A context manager. What it tells without being asked collects in notifications and ends."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.answers = {}
        self.notifications = []  # (handle, value)
        self.ends = []
        self.n_commands = 0

    def __enter__(self):
        self.process = subprocess.Popen(
            [program("tests/interop/gatt_driver"), *self.proxy.address.split(":")],
            env=environment(self.proxy.psk),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.listener.join(10)
            self.process.stdout.close()
        assert code == 0, f"the driver ended with {code}"

    def listen(self):
        for line in self.process.stdout:
            told = json.loads(line)
            if "id" in told:
                assert told["id"] not in self.answers, "it was done already"
                self.answers[told["id"]] = told
            elif "disconnected" in told:
                self.ends.append(told)
            else:
                self.notifications.append((told["handle"], bytes.fromhex(told["value"])))

    def begin(self, *words):
        """The number of the command."""
        self.n_commands += 1
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self.n_commands

    def wait(self, number):
        return eventually(lambda: self.answers.get(number))

    def do(self, *words):
        return self.wait(self.begin(*words))

    def expect(self, *words, error="", **more):
        """Does it, and checks the answer."""
        answer = self.do(*words)
        assert answer["error"] == error, (words, answer)
        for name, value in more.items():
            assert answer[name] == value, (words, answer)
        return answer

    def read(self, handle):
        return bytes.fromhex(self.expect("read", handle)["value"])
