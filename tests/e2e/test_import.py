#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proxies are taken over from their ESPHome configurations."""
import os
import stat
import tempfile

from support import KEY, OTHER_KEY, home, main, run, sim


def place(**files):
    directory = tempfile.mkdtemp(dir=home.name)
    for name, text in files.items():
        with open(os.path.join(directory, name + ".yaml"), "w", encoding="utf-8") as file:
            file.write(text)
    return directory


def proxy(name, address="192.0.2.1", port=6053, key="!secret attic_key"):
    return (f"substitutions:\n  devicename: {name}\nesphome:\n  name: $devicename\n  on_boot:\n    - lambda: !lambda 'return;'\n"
            f"wifi:\n  ssid: !secret ssid\n  use_address: {address}\napi:\n  port: {port}\n  encryption:\n    key: {key}\n"
            "bluetooth_proxy:\n  active: true\n")


def read(directory, name):
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        return file.read()


def test_proxies_are_imported_and_work():
    with sim("--name", "attic", BLEPROXY_NOISE_PSK=KEY) as [address]:
        host, port = address.split(":")
        directory = place(attic=proxy("attic", host, port), hall=proxy("hall", key=OTHER_KEY), secrets=f"attic_key: {KEY}\n",
                          bleproxy="# mine\nproxies:\n  - address: 192.0.2.9\n")
        config = os.path.join(directory, "bleproxy.yaml")
        result = run("import", "-c", config, os.path.join(directory, "attic.yaml"), os.path.join(directory, "hall.yaml"))
        result.expect(0)
        assert result.out == (f"attic ({host}, encrypted) added from {directory}/attic.yaml\n"
                              f"hall (192.0.2.1, encrypted) added from {directory}/hall.yaml\n")
        assert read(directory, "bleproxy.yaml") == (
            f"# mine\nproxies:\n  - address: 192.0.2.9\n  - name: attic\n    address: {host}\n    port: {port}\n"
            "    noise_psk_file: attic.key\n  - name: hall\n    address: 192.0.2.1\n    noise_psk_file: hall.key\n")
        assert read(directory, "attic.key") == KEY + "\n" and read(directory, "hall.key") == OTHER_KEY + "\n"
        assert stat.S_IMODE(os.stat(os.path.join(directory, "attic.key")).st_mode) == 0o600
        run("info", "-c", config, "-p", "attic").expect(0)
        run("check", "-c", config).expect(0)
        again = run("import", "-c", config, os.path.join(directory, "attic.yaml"))
        again.expect(0, "attic: is in the configuration already")


def test_a_configuration_that_is_not_there_is_made():
    directory = place(hall=proxy("hall", key=OTHER_KEY))
    config = os.path.join(directory, "new", "mine.yaml")
    run("import", "-c", config, os.path.join(directory, "hall.yaml")).expect(0)
    assert read(directory, "new/mine.yaml").startswith("proxies:\n  - name: hall\n")
    assert read(directory, "new/hall.key") == OTHER_KEY + "\n"
    assert stat.S_IMODE(os.stat(config).st_mode) == 0o600
    os.symlink("nowhere.yaml", os.path.join(directory, "lost.yaml"))
    run("import", "-c", os.path.join(directory, "lost.yaml"), os.path.join(directory, "hall.yaml")).expect(1, "cannot be written")
    run("check", "-c", os.path.join(directory, "other.yaml")).expect(2, "there is no such file")


def test_what_cannot_be_an_entry_is_told_before_its_key_is_written():
    directory = place(hall=proxy("hall", address="10.0.0.1:6053", key=OTHER_KEY), bleproxy="",
                      attic=proxy("a" * 300, key=OTHER_KEY))
    config = os.path.join(directory, "bleproxy.yaml")
    run("import", "-c", config, os.path.join(directory, "hall.yaml")).expect(
        2, f"{directory}/hall.yaml gives a proxy 'hall' at '10.0.0.1:6053', which cannot be: 'address' holds no port")
    run("import", "-c", config, os.path.join(directory, "attic.yaml")).expect(2, "'name' is longer than 253 bytes")
    assert sorted(os.listdir(directory)) == ["attic.yaml", "bleproxy.yaml", "hall.yaml"]


def test_others_are_left_out():
    directory = place(lamp="esphome: {name: lamp}\napi:\n", bleproxy="")
    config, lamp = os.path.join(directory, "bleproxy.yaml"), os.path.join(directory, "lamp.yaml")
    run("import", "-c", config, lamp).expect(0, "lamp: left out", "--all")
    assert read(directory, "bleproxy.yaml") == ""
    run("import", "-c", config, "--all", lamp).expect(0)
    assert read(directory, "bleproxy.yaml") == "proxies:\n  - name: lamp\n    address: lamp.local\n"


def test_what_is_wrong_with_one_does_not_keep_the_others_out():
    directory = place(attic=proxy("attic"), hall=proxy("hall", key=OTHER_KEY), bleproxy="")
    config = os.path.join(directory, "bleproxy.yaml")
    files = [os.path.join(directory, name) for name in ("attic.yaml", "lost.yaml", "hall.yaml")]
    result = run("import", "-c", config, *files)
    result.expect(2, f"{directory}/attic.yaml:13: there is no file with the secrets", "lost.yaml: No such file")
    assert "name: hall" in read(directory, "bleproxy.yaml") and "attic" not in read(directory, "bleproxy.yaml")
    run("import", "-c", config, "--secrets", os.path.join(directory, "bleproxy.yaml"), files[0]).expect(
        2, "the secret 'attic_key' is not in")


def test_key_files_are_never_replaced():
    directory = place(hall=proxy("hall", key=OTHER_KEY), bleproxy="")
    with open(os.path.join(directory, "hall.key"), "w", encoding="utf-8") as file:
        file.write(KEY)
    config, hall = os.path.join(directory, "bleproxy.yaml"), os.path.join(directory, "hall.yaml")
    run("import", "-c", config, hall).expect(2, "holds another key; a key file is never replaced")
    assert read(directory, "hall.key") == KEY and read(directory, "bleproxy.yaml") == ""


def test_keys_go_to_their_own_directory_where_there_is_one():
    directory = place(hall=proxy("hall", key=OTHER_KEY), porch=proxy("porch", key=KEY), bleproxy="")
    os.mkdir(os.path.join(directory, "keys"))
    with open(os.path.join(directory, "porch.key"), "w", encoding="utf-8") as file:
        file.write(KEY)
    os.chmod(file.name, 0o600)
    config = os.path.join(directory, "bleproxy.yaml")
    run("import", "-c", config, *(os.path.join(directory, name) for name in ("hall.yaml", "porch.yaml"))).expect(0)
    text = read(directory, "bleproxy.yaml")
    assert "noise_psk_file: keys/hall.key\n" in text and "noise_psk_file: porch.key\n" in text, text
    assert read(directory, "keys/hall.key") == OTHER_KEY + "\n" and os.listdir(os.path.join(directory, "keys")) == ["hall.key"]
    run("check", "-c", config).expect(0)


def test_the_key_of_an_entry_that_lacks_it_is_told():
    text = "proxies:\n  - name: hall\n    address: 192.0.2.1\n"
    directory = place(hall=proxy("hall", key=OTHER_KEY), bleproxy=text)
    config, hall = os.path.join(directory, "bleproxy.yaml"), os.path.join(directory, "hall.yaml")
    result = run("import", "-c", config, hall).expect(0)
    assert result.out == (f"hall is in the configuration already, without its key: add to its entry, {config}:2: "
                          "noise_psk_file: hall.key\n")
    assert read(directory, "bleproxy.yaml") == text and read(directory, "hall.key") == OTHER_KEY + "\n"
    with open(config, "a", encoding="utf-8") as file:
        file.write("    noise_psk_file: hall.key\n")
    again = run("import", "-c", config, hall).expect(0, "hall: is in the configuration already")
    assert "another key" not in again.error
    with open(hall, "w", encoding="utf-8") as file:
        file.write(proxy("hall", key=KEY))
    run("import", "-c", config, hall).expect(0, "hall: is in the configuration already, with another key")
    assert read(directory, "hall.key") == OTHER_KEY + "\n"


def test_what_is_left_to_do_is_told():
    directory = place(attic="esphome: {name: attic}\napi: {encryption: , password: x}\nbluetooth_proxy:\n", bleproxy="")
    run("import", "-c", os.path.join(directory, "bleproxy.yaml"), os.path.join(directory, "attic.yaml")).expect(
        0, "'bleproxy adopt attic' gives it one", "it has an API password")


def test_usage():
    run("import").expect(2, "usage: bleproxy import")


main(globals())
