#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the configuration calls devices: as which they are found and shown."""
import os
import re
import signal
import tempfile

from fake_proxy import FakeProxy
from support import Terminal, hear, home, main, run, sim, write

BATTERY, NAMELESS = "A4:C1:38:80:00:00", "C0:00:00:00:00:02"
LAMP_ADDRESS, LAMP, NO_NAME = "C0:00:00:00:00:01", b"\x05\x09Lamp", b"\x02\x01\x06"


def text_of(proxy, **names):
    """Keywords are names, with dashes where there are spaces; a string is the address."""
    host, port = proxy.split(":")
    entries = "".join(f"  - {{address: '{address}', name: \"{name.replace('_', ' ')}\"}}\n" for name, address in names.items())
    return f"proxies:\n  - {{name: kitchen, address: {host}, port: {port}}}\ndevices:\n{entries}"


def configure(proxy, **names):
    return write("names.yaml", text_of(proxy, **names))


def two_devices():
    return FakeProxy(payloads=[LAMP, NO_NAME])


def both(result):
    return result.code == 0 and LAMP_ADDRESS in result.out and NAMELESS in result.out


def rows(text):
    """What stands behind the address in each line."""
    return {match[1]: match[2] for match in re.finditer(r"^(?:\S+  )?((?:[0-9A-F]{2}:){5}[0-9A-F]{2})  +(.*)$", text, re.MULTILINE)}


def test_commands_find_a_device_by_it():
    with sim("--latency", "0") as [proxy]:
        config = configure(proxy, stair_sensor=BATTERY)
        found, = run("read", "-c", config, "stair sensor", "battery_level", "--json").expect(0).objects()
        assert found["address"] == BATTERY, found
        assert run("services", "-c", config, "stair sensor").expect(0).out.startswith(BATTERY)
        found, = run("why", "-c", config, "stair sensor", "--json").expect(0).objects()
        assert (found["address"], found["name"], found["configured_name"]) == (BATTERY, "Virtual Battery", "stair sensor"), found
        assert run("read", "-c", config, "Virtual Battery", "battery_level", "--json").expect(0).objects()[0]["address"] == BATTERY


def test_it_goes_before_a_name_that_another_device_advertises():
    with sim("--latency", "0") as [proxy]:
        config = configure(proxy, Virtual_Heart=BATTERY)
        found, = run("read", "-c", config, "Virtual Heart", "battery_level", "--json").expect(0).objects()
        assert found["address"] == BATTERY, found


def test_it_is_the_exact_name():
    with two_devices() as proxy:
        config = configure(proxy.address, cellar=NAMELESS)
        for other in ("Cellar", "cell", "cellar "):
            result = run("why", "-c", config, other, "-t", "1").expect(6)
            assert "no proxy has heard a device of that name" in result.out, result.out


def test_a_device_need_not_be_heard_nor_advertise_a_name():
    with two_devices() as proxy:
        config = configure(proxy.address, cellar=NAMELESS, garage="C0:00:00:00:00:99")
        found, = hear(lambda result: '"heard":true' in result.out.replace(" ", ""), "why", "-c", config, "cellar", "--json").objects()
        assert (found["address"], found["name"], found["configured_name"]) == (NAMELESS, None, "cellar"), found
        result = run("why", "-c", config, "garage", "-t", "1").expect(6)
        assert result.out.startswith("C0:00:00:00:00:99  garage   not heard"), result.out
    run("unpair", "-c", config, "--forget", "garage").expect(6, "garage: no bond of it is known here")
    run("unpair", "-c", config, "--forget", "Lamp").expect(2, "or its name in the configuration")


def test_people_see_it_and_programs_both():
    with two_devices() as proxy:
        config = configure(proxy.address, reading_light=LAMP_ADDRESS)
        shown = rows(hear(both, "devices", "-c", config).expect(0).out)
        assert shown[LAMP_ADDRESS].startswith("reading light  ") and not shown[NAMELESS].startswith("reading"), shown
        listed = {o["address"]: (o["name"], o["configured_name"]) for o in hear(both, "devices", "-c", config, "--json").objects()}
        assert listed == {LAMP_ADDRESS: ("Lamp", "reading light"), NAMELESS: (None, None)}, listed
        lines = hear(both, "scan", "-c", config).expect(0).out
        assert "kitchen  reading light" in lines and "Lamp" not in lines, lines
        assert rows(lines)[LAMP_ADDRESS].startswith("reading light  "), lines
        reports = hear(both, "scan", "-c", config, "--json").expect(0).objects()
        assert {o["name"] for o in reports if o["address"] == LAMP_ADDRESS} == {"Lamp"}, reports
        assert all("configured_name" not in o for o in reports), reports
        shown = rows(hear(both, "top", "-c", config).expect(0).out)
        assert shown[LAMP_ADDRESS].startswith("reading light  "), shown
        shown = hear(lambda result: "last heard" in result.out, "why", "-c", config, "Lamp").out
        assert shown.startswith(f"{LAMP_ADDRESS}  reading light   "), shown


def test_a_filter_takes_either_name():
    with two_devices() as proxy:
        config = configure(proxy.address, reading_light=LAMP_ADDRESS, cellar=NAMELESS)
        for prefix, wanted in (("reading", {LAMP_ADDRESS}), ("La", {LAMP_ADDRESS}), ("cell", {NAMELESS}), ("", {LAMP_ADDRESS, NAMELESS}),
                               ("Cell", set())):
            for command in ("devices", "scan"):
                heard = hear(lambda result, wanted=wanted: all(address in result.out for address in wanted),
                             command, "-c", config, "--json", "--name", prefix).expect(0).objects()
                assert {o["address"] for o in heard} == wanted, (prefix, command, heard)
        config = configure(proxy.address)
        heard = hear(lambda result: LAMP_ADDRESS in result.out, "devices", "-c", config, "--json", "--name", "").objects()
        assert {o["address"] for o in heard} == {LAMP_ADDRESS}, heard


def test_two_devices_of_one_name_are_a_mistake():
    text = "devices:\n- {address: C0:00:00:00:00:01, name: lamp}\n- address: C0:00:00:00:00:02\n  name: lamp\n"
    config = write("twice.yaml", "proxies: [{name: lamp, address: 192.0.2.1}]\n" + text)
    told = f"{config}:4: the name 'lamp' is already taken in line 3"
    result = run("check", "-c", config)
    assert result.code == 2 and told in result.out + result.error, (result.out, result.error)
    run("read", "-c", config, "lamp", "battery_level").expect(2, told)


def test_a_name_that_a_terminal_would_obey_is_a_mistake():
    config = write("hostile.yaml", 'devices:\n- address: C0:00:00:00:00:01\n  name: "a\\e[31mb"\n')
    run("read", "-c", config, "a", "battery_level").expect(2, ":3: 'name' holds a character that does not print")


def test_names_change_with_the_configuration():
    with two_devices() as proxy:
        path = os.path.join(tempfile.mkdtemp(dir=home.name), "bleproxy.yaml")

        def put(**names):
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write(text_of(proxy.address, **names))
            os.rename(path + ".new", path)

        def calls_it(name):
            return lambda frame: any(line.startswith(f"{LAMP_ADDRESS}  {name}  ") for line in frame)

        put(reading_light=LAMP_ADDRESS)
        top = Terminal("top", "-c", path)
        top.wait_for_frame(calls_it("reading light"))
        put(bedside=LAMP_ADDRESS)
        top.process.send_signal(signal.SIGHUP)
        top.wait_for_frame(calls_it("bedside"))
        put(cellar=NAMELESS)
        top.process.send_signal(signal.SIGHUP)
        top.wait_for_frame(calls_it("Lamp"))
        top.send("q")
        assert top.close() == 0


main(globals())
