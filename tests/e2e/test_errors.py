#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Bad input: each a sentence, the right exit code, and no secret anywhere."""
import os
import re
import socket
import sys
import threading

from fake_proxy import FakeProxy
from support import KEY, OTHER_KEY, closed_port, home, main, run, sim, write

COMMANDS = ("scan", "devices", "top", "info")


def each(*arguments, code, words=(), **more):
    for command in COMMANDS:
        result = run(command, *arguments, **more).expect(code, *words)
        assert result.out == "", result.out
        assert result.error.endswith("\n") and len(result.error.strip()) > 20, "no sentence"


def test_wrong_key():
    with sim(BLEPROXY_NOISE_PSK=KEY) as proxies:
        each("-p", proxies[0], code=3, BLEPROXY_NOISE_PSK=OTHER_KEY,
             words=("refused the key", "see `key` under `api: encryption:` in its ESPHome configuration"))
        each("-p", proxies[0], "-vv", code=3, words=("key",), BLEPROXY_NOISE_PSK=OTHER_KEY)


def test_a_key_for_a_plaintext_proxy():
    with sim() as proxies:
        each("-p", proxies[0], code=3, words=("does not encrypt", "or give no key by BLEPROXY_NOISE_PSK or --psk-file"),
             BLEPROXY_NOISE_PSK=KEY)


def test_no_key_for_an_encrypted_proxy():
    with sim(BLEPROXY_NOISE_PSK=KEY) as proxies:
        each("-p", proxies[0], code=3, words=("requires encryption: give its key in BLEPROXY_NOISE_PSK or by --psk-file",))
        host, port = proxies[0].rsplit(":", 1)
        path = write("keyless.yaml", f"proxies: [{{name: attic, address: {host}, port: {port}}}]\n")
        for words in (["-c", path], ["-c", path, "-p", "attic"]):
            each(*words, code=3, words=("requires encryption: give its noise_psk",))


def test_an_empty_key_is_an_error_everywhere():
    each("-p", "127.0.0.1", code=2, words=("empty",), BLEPROXY_NOISE_PSK="")
    each("-p", "127.0.0.1", "--psk-file", write("empty.key", "\n"), code=2, words=("key",))
    each("-c", write("empty.yaml", "proxies:\n  - {address: a, noise_psk: ''}\n"), code=2, words=("empty.yaml:2: ",))


def test_a_malformed_key_is_not_shown():
    each("-p", "127.0.0.1", code=2, words=("BLEPROXY_NOISE_PSK",), BLEPROXY_NOISE_PSK=KEY[:-1])
    each("-p", "127.0.0.1", "--psk-file", write("bad.key", KEY[:-1] + "\n"), code=2, words=("bad.key",))
    each("-c", write("bad.yaml", f"proxies:\n  - {{address: a, noise_psk: '{KEY[:-1]}'}}\n"), code=2,
         words=("bad.yaml:2: ",))


def test_a_key_file_that_is_not_there():
    each("-p", "127.0.0.1", "--psk-file", os.path.join(home.name, "no.key"), code=2, words=("No such file",))


def test_a_key_file_without_a_proxy_by_address():
    path = write("one.yaml", "proxies: [{name: a, address: a}]\n")
    each("-c", path, "--psk-file", write("good.key", KEY), code=2, words=("--psk-file",))


def test_a_key_on_the_command_line_is_refused_unseen():
    part, nearly = KEY[:-1], KEY[:-2] + "9="
    for key in (KEY, part, nearly):
        for option in (["--noise-psk", key], ["--noise-psk=" + key], ["--key=" + key], ["--psk", key], ["--psk=" + key],
                       ["--psk-fil", key]):
            each("-p", "127.0.0.1", *option, code=2, words=("never taken from the command line",))
    for option in (["--json=" + KEY], ["-p", KEY], ["-p" + nearly], ["-p", f"127.0.0.1:{KEY}"], ["-t", KEY], ["-c", KEY],
                   ["-k", KEY], ["--psk-file", KEY], ["--psk-file=" + KEY], [KEY]):
        each(*option, code=2, words=("never taken from the command line",))
    each("--json=" + part, code=2, words=("--json",))
    each("-p", "127.0.0.1", "--psk-file", part, code=2, words=("the file that --psk-file names: No such file",))
    for command in ("adopt", "import", "forget", "explain", "replay", "check", "no-such-command"):
        run(command, KEY).expect(2, "never taken from the command line")
    run("adopt", "--key-file", KEY, "127.0.0.1").expect(2, "never taken from the command line")
    run("sim", "--psk", part).expect(2, "never taken from the command line")
    run("discover", "--add", KEY).expect(2, "never taken from the command line")
    run(KEY).expect(2, "never taken from the command line")


def test_long_options_are_written_out():
    each("--pro", "127.0.0.1", code=2, words=("there is no option --pro; did you mean --proxy?",))
    each("--time=1", code=2, words=("there is no option --time; did you mean --timeout?",))
    each("--timeout", code=2, words=("the option --timeout needs a value",))
    run("info", "--js", "-p", "127.0.0.1").expect(2, "there is no option --js; did you mean --json?")
    run("sim", "--coun", "1").expect(2, "there is no option --coun; did you mean --count?")
    with closed_port() as address:
        run("info", "--js", "--", "-p", address).expect(2, "there is no option --js; did you mean --json?")
        run("info", "--timeout=1", "--proxy", address, "--json").expect(4)


def test_slips_of_the_hand_are_seen():
    run("scna").expect(2, "there is no command 'scna'; did you mean 'scan'?")
    run("help", "disc").expect(2, "there is no command 'disc'; did you mean 'discover'?")
    run("frobnicate").expect(2, "there is no command 'frobnicate'; see 'bleproxy --help'")
    run("info", "--jsno").expect(2, "there is no option --jsno; did you mean --json?")
    run("info", "--json=1").expect(2, "the option --json takes no value")
    run("info", "--frobnicate").expect(2, "there is no option --frobnicate; see 'bleproxy info --help'")
    run("info", "-x").expect(2, "there is no option -x; see 'bleproxy info --help'")
    run("sim", "--listen").expect(2, "the option --listen needs a value")


def test_unreachable():
    with closed_port() as address:
        each("-p", address, code=4, words=("cannot connect",))


def test_a_proxy_that_never_answers():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        each("-p", "127.0.0.1:%d" % mute.getsockname()[1], "-t", "1", code=4)


def test_unknown_name():
    each("-p", "no-such-proxy.invalid", code=4, words=("no-such-proxy.invalid",))


def test_a_name_that_is_nearly_one_of_the_configuration():
    path = write("kitchen.yaml", "proxies: [{name: kitchen, address: 192.0.2.1}]\n")
    for command in (*COMMANDS, "slots"):
        # Longer than a name of the local network is asked for.
        run(command, "-c", path, "-p", "kitchn", "-t", "15").expect(4, "kitchn", "; did you mean 'kitchen'?")
        for other in ("kitchn.invalid", "garage"):
            assert "did you mean" not in run(command, "-c", path, "-p", other).expect(4).error


def test_something_else_on_the_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            try:
                while True:
                    connection, _ = server.accept()
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.close()
            except OSError:
                pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        each("-p", "127.0.0.1:%d" % server.getsockname()[1], code=5, words=("ESPHome API",))
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_another_proxy_than_expected_shows_its_name_sanitised():
    with FakeProxy(name=b"e\033[31mvil") as proxy:
        assert "\033" not in run("info", "-p", proxy.address, "-vv").expect(0).error


def test_no_proxy_at_all():
    each(code=2, words=("-p",))
    each("-c", write("none.yaml", "proxies: []\n"), code=2, words=("-p",))


def test_malformed_configuration():
    each("-c", write("broken.yaml", "proxies:\n  - {name: [\n"), code=2, words=("broken.yaml:",))
    each("-c", write("typo.yaml", "proxies:\n  - address: a\n    nose_psk: x\n"), code=2,
         words=("typo.yaml:3: ", "noise_psk"))
    each("-c", os.path.join(home.name, "missing.yaml"), code=2, words=("missing.yaml",))
    each(code=2, words=("missing.yaml",), BLEPROXY_CONFIG=os.path.join(home.name, "missing.yaml"))


def test_configuration_is_found_in_the_home_directory():
    os.makedirs(os.path.join(home.name, ".config/bleproxy"))
    path = write(".config/bleproxy/bleproxy.yaml", "proxies:\n  - nonsense\n")
    each(code=2, words=("bleproxy.yaml:2: ",))
    each("-p", "127.0.0.1:1", "-t", "1", code=2, words=("bleproxy.yaml:2: ",))
    os.remove(path)


def test_malformed_addresses():
    for address in ("", ":6053", "host:", "host:0", "host:65536", "host:x", "[::1", "[::1]x", "[]:1"):
        each("-p", address, code=2, words=("HOST:PORT",))


def test_misuse():
    each("--nonsense", code=2, words=("--nonsense",))
    each("-p", code=2, words=("-p", "value"))
    each("word", code=2, words=("word",))
    for seconds in ("", "x", "-1", "0", "nan", "inf", "1e99", "5s"):
        each("-t", seconds, code=2, words=("seconds, more than 0",))
    for option in (["--rssi", "5"], ["--rssi", "x"], ["--rssi", "-127"], ["--service", "xyz"], ["--mode", "fast"]):
        run("scan", *option).expect(2, option[0])


def test_commands_help_and_version():
    assert run("--version").expect(0).out.startswith("bleproxy ")
    for arguments in (["--help"], ["help"], ["help", "scan"], ["scan", "--help"], ["help", "info"], ["info", "-h"],
                      ["help", "sim"], ["sim", "--help"]):
        assert run(*arguments).expect(0).out.startswith("Usage: bleproxy"), arguments
    run().expect(2, "Usage")
    run("scna").expect(2, "scna")
    run("help", "scna").expect(2, "scna")


def test_help_says_who_loses_the_proxies():
    for command in ("scan", "devices", "top", "why", "record", "read", "write", "notify", "services", "pair", "unpair",
                    "clear-cache", "params"):
        assert "takes the proxies from Home Assistant" in run("help", command).expect(0).out, command
    for command in ("info", "slots", "explain", "replay", "sim"):
        assert "Home Assistant" not in run("help", command).expect(0).out, command


def test_every_option_is_in_the_manual():
    with open(sys.argv[2], encoding="utf-8") as file:
        manual = file.read()
    for command in ("scan", "devices", "top", "why", "info", "record", "sim"):
        options = re.findall(r"^ +(?:-\w, )?--([a-z-]+)", run("help", command).expect(0).out, re.M)
        assert len(options) > 5
        missing = [option for option in options if f"Fl Fl {option}" not in manual]
        assert not missing, missing


def test_a_port_that_is_in_use_for_sim():
    with sim() as proxies:
        run("sim", "--listen", proxies[0]).expect(5, proxies[0])


def test_bad_input_for_sim():
    run("sim", BLEPROXY_NOISE_PSK="").expect(2, "empty")
    run("sim", BLEPROXY_NOISE_PSK=KEY[:-1]).expect(2, "BLEPROXY_NOISE_PSK")
    run("sim", "--psk-file", write("bad.key", KEY[:-1])).expect(2, "bad.key")
    run("sim", "--psk-file", os.path.join(home.name, "no.key")).expect(2, "--psk-file names: No such file")
    run("sim", "--firmware", "1999.1").expect(2, "1999.1")
    run("sim", "--noise-psk=" + KEY).expect(2)


main(globals())
