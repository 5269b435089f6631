#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The configuration is checked: what is wrong is told with its file and line, and nothing of a secret."""
import os
import tempfile

from support import KEY, home, main, run

NO_KEY = "A" * 43 + "="


def place(**files):
    directory = tempfile.mkdtemp(dir=home.name)
    os.mkdir(os.path.join(directory, "conf.d"))
    for name, text in files.items():
        path = os.path.join(directory, {"main": "main.yaml", "key": "a.key"}.get(name, f"conf.d/{name}.yaml"))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
    return directory, os.path.join(directory, "main.yaml")


def test_all_is_well():
    directory, config = place(main="proxies:\n  - {address: a, noise_psk_file: a.key}\n", key=KEY,
                              b="proxies: [{address: b}]\n", c="devices: [{address: 'A4:C1:38:00:00:01'}]\n")
    assert run("check", "-c", config).expect(0).out == f"{config} and 2 drop-ins: 2 proxies, 1 device\n"
    assert run("check", "-c", config, "--json").expect(0).out == ""
    os.chmod(os.path.join(directory, "a.key"), 0o644)
    result = run("check", "-c", config).expect(0, f"warning: {config}:2: everybody on this machine can get at",
                                               f"chmod 600 {directory}/a.key")
    assert result.out.endswith(", 1 warning\n")
    [problem] = run("check", "-c", config, "--json").expect(0).objects()
    assert problem["severity"] == "warning" and problem["file"] == config and problem["line"] == 2


def test_other_commands_warn_of_key_files_only():
    directory, config = place(main=f"proxies:\n  - {{address: 127.0.0.1, port: 1, noise_psk: {KEY}}}\n")
    os.chmod(config, 0o644)
    run("check", "-c", config).expect(0, "warning: ", "everybody on this machine can get at the keys in it")
    assert "everybody" not in run("info", "-c", config).expect(4).error
    directory, config = place(main="proxies:\n  - {address: 127.0.0.1, port: 1, noise_psk_file: a.key}\n", key=KEY)
    os.chmod(os.path.join(directory, "a.key"), 0o604)
    run("info", "-c", config).expect(4, f"warning: {config}:2: everybody on this machine can get at")
    key = os.path.join(directory, "a.key")
    run("info", "-p", "127.0.0.1:1", "--psk-file", key).expect(4, f"can get at the key file '{key}': chmod 600 {key}")
    os.chmod(key, 0o600)
    assert "everybody" not in run("info", "-p", "127.0.0.1:1", "--psk-file", key).expect(4).error


def test_every_mistake_is_told_with_file_and_line():
    cases = [
        ({"main": "proxies:\n  - address: a\n    nose_psk: x\n"}, "main.yaml:3: unknown key 'nose_psk'; did you mean"),
        ({"main": "\n", "b": "proxies:\n\n  - adress: a\n"}, "conf.d/b.yaml:3: unknown key 'adress'; did you mean"),
        ({"main": "proxies: [{address: a, noise_psk_file: b.key}]"}, "main.yaml:1: there is no key file 'b.key'"),
        ({"main": "proxies: [{address: a, noise_psk_file: a.key}]", "key": "x"}, "main.yaml:1: the key file 'a.key' does"),
        ({"main": "proxies: [{name: a, address: a}]", "b": "proxies: [{name: a, address: b}]"},
         "conf.d/b.yaml:1: the name 'a' is already taken in line 1 of "),
        ({"main": "proxies:\n  - address: a\n    noise_psk: !secret attic_key\n"}, "main.yaml:3: tags such as !secret"),
        ({"main": "proxies:\n  - address: !secret attic_address\n"}, "main.yaml:2: tags such as '!secret'"),
        ({"main": "proxies:\n  - address: AA:BB:CC:DD:EE:FF\n"}, "main.yaml:2: 'AA:BB:CC:DD:EE:FF' is a MAC address"),
        ({"main": "proxies:\n  - address: fe80::12345\n"}, "main.yaml:2: 'fe80::12345' is no IPv6 address"),
        ({"main": "proxies:\n  - address: 10.0.0.256\n"}, "main.yaml:2: '10.0.0.256' is no IP address"),
        ({}, "main.yaml: there is no such file"),
    ]
    for files, words in cases:
        directory, config = place(**files)
        run("check", "-c", config).expect(2, f"bleproxy: {directory}/{words}")
        [problem] = run("check", "-c", config, "--json").expect(2).objects()
        assert problem["severity"] == "error"
        where = f"{problem['file']}:{problem['line']}" if problem["line"] else problem["file"]
        assert f"{where}: {problem['message']}".startswith(f"{directory}/{words}")


def test_all_mistakes_are_told_at_once():
    directory, config = place(main="filter: apple\nproxies:\n  - {name: a, adress: a, port: 0}\n  - {name: b, address: b}\n",
                              b="proxies: [\n", c="proxies:\n  - {name: b, address: c, noise_psk_file: a.key}\n")
    lines = run("check", "-c", config).expect(2).error.splitlines()
    assert [line.partition(": ")[2].rpartition(": ")[0] for line in lines[:3]] == [f"{config}:1", f"{config}:3", f"{config}:3"]
    assert len(lines) == 6 and lines[3].startswith(f"bleproxy: {directory}/conf.d/b.yaml:2: not YAML")
    problems = run("check", "-c", config, "--json").expect(2).objects()
    assert [(os.path.basename(problem["file"]), problem["line"]) for problem in problems] == [
        ("main.yaml", 1), ("main.yaml", 3), ("main.yaml", 3), ("b.yaml", 2), ("c.yaml", 2), ("c.yaml", 2)]
    lines = run("scan", "-c", config).expect(2).error.splitlines()
    assert lines[0].startswith(f"bleproxy: {config}:1: unknown key 'filter'") and len(lines) == 2
    assert "that is not all: 'bleproxy check' tells" in lines[1]


def test_a_configuration_without_proxies_is_warned_of():
    for text in ("proxies: []\n", "", "devices: [{address: 'A4:C1:38:00:00:01'}]\n"):
        _, config = place(main=text)
        result = run("check", "-c", config).expect(0, f"warning: {config}: no proxy is listed", "bleproxy discover")
        assert result.out.endswith(", 1 warning\n"), result.out
        [problem] = run("check", "-c", config, "--json").expect(0).objects()
        assert (problem["severity"], problem["line"]) == ("warning", None), problem
    assert not run("check", "-c", place(main="", b="proxies: [{address: b}]\n")[1]).expect(0).error


def test_what_is_doubtful_is_warned_of():
    _, config = place(main="proxies:\n  - {name: a, address: 'fe80::1'}\n  - {name: b, address: 'FE80::1'}\n"
                      f"  - {{name: c, address: c, noise_psk: {NO_KEY}}}\n")
    result = run("check", "-c", config).expect(0, f"{config}:2: 'fe80::1' is of one link only",
                                               f"{config}:3: 'b' has the address of 'a' in line 2",
                                               f"{config}:4: the key of 'c' is what proxies without a key take")
    assert NO_KEY not in result.error


def test_a_user_that_is_not_there_is_warned_of():
    _, config = place(main="proxies: [{address: a}]\ndaemon:\n  connect: [root, 4000000000, nobody-of-that-name]\n", b="daemon: {write: nor-that}\n")
    result = run("check", "-c", config).expect(0, f"warning: {config}:3: there is no user 'nobody-of-that-name' here",
                                               "conf.d/b.yaml:1: there is no user 'nor-that' here")
    assert result.out.endswith(", 2 warnings\n"), result.out
    problems = run("check", "-c", config, "--json").expect(0).objects()
    assert [(problem["severity"], problem["line"]) for problem in problems] == [("warning", 3), ("warning", 1)], problems


def test_no_secret_is_ever_shown():
    secret = "SECRET5ecret"
    texts = [f"proxies: [{{address: a, noise_psk: {secret}}}]", f"proxies: [{{address: a, noise_psk: !{secret} x}}]",
             f"proxies: [{{address: a, noise_psk: [{secret}]}}]", f"proxies:\n  - address: a\n    noise_psk:{secret}=\n",
             f"proxies: [{{address: a, password: {{{secret}: x}}}}]", f"proxies: [{{address: a, noise_psk: '{secret}\n\n'}}]",
             f"proxies: [{{address: a, noise_psk: &x {secret}, noise_psk_file: b.key}}]",
             f"proxies: [{{address: a, noise_psk: *{secret}}}]"]
    for text in texts:
        for where in ({"main": text}, {"main": "", "b": text}, {"main": "proxies: [{address: a, noise_psk_file: a.key}]",
                                                                "key": secret}):
            _, config = place(**where)
            result = run("check", "-c", config).expect(2)
            assert secret not in result.out + result.error, result.error


def test_where_it_is_looked_for():
    directory = tempfile.mkdtemp(dir=home.name)
    run("check", XDG_CONFIG_HOME=directory).expect(2, f"{directory}/bleproxy/bleproxy.yaml: there is no such file")
    _, config = place(main="")
    assert run("check", BLEPROXY_CONFIG=config).expect(0).out.startswith(config)
    run("check", "-c", config, "more").expect(2)


main(globals())
