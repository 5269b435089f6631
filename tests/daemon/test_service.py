#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxyd as a service: what the service manager and the journal are told, and how it leaves."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from e2e import PATIENCE_S, Skip, environment, home, main, module, sim
from support import ADAPTER, BLEPROXYD, DEVICE, HCI0, LEAVES_S, House, house

closed_port, write = module.closed_port, module.write


class Manager:
    """What would be systemd: a socket for notifications."""

    def __init__(self):
        self.path = os.path.join(tempfile.mkdtemp(dir=home.name), "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.told = []

    def wait_for(self, *words, patience_s=PATIENCE_S):
        """Until one notification has all of them; it."""
        end = time.monotonic() + patience_s
        while True:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                message = self.socket.recv(65536).decode()
            except socket.timeout:
                raise AssertionError(f"not told {words}: {self.told}") from None
            self.told.append(message)
            if all(word in message for word in words):
                return message


@contextlib.contextmanager
def served(*proxies, options=(), **more):
    """A house whose daemon has a manager."""
    manager, it = Manager(), House(proxies, options)
    it.state = {**it.state, "NOTIFY_SOCKET": manager.path, **more}
    try:
        it.start_daemon()
        yield it, manager
        if it.daemon:
            it.stop_daemon()
    finally:
        it.close()
        manager.socket.close()


def test_it_is_ready_when_the_name_is_there_whatever_the_proxies_do():
    with closed_port() as nobody, served(nobody) as (it, manager):
        manager.wait_for("READY=1")
        client = it.client()
        assert client.get(HCI0, ADAPTER, "Powered") is False
        manager.wait_for("STATUS=0 of 1 proxies connected, 0 devices connected")


def test_the_status_says_how_many_proxies_and_devices_are_connected():
    with sim(count=2) as proxies, closed_port() as nobody, served(*proxies, nobody) as (it, manager):
        manager.wait_for("STATUS=2 of 3 proxies connected, 0 devices connected")
        client = it.client()
        client.discover()
        path = client.wait_for(lambda told: told.kind == "InterfacesAdded" and
                               told.interfaces.get(DEVICE, {}).get("Name") == "Virtual Battery").path
        client.call(path, DEVICE, "Connect")
        manager.wait_for("STATUS=2 of 3 proxies connected, 1 device connected")
        client.call(path, DEVICE, "Disconnect")
        manager.wait_for("STATUS=2 of 3 proxies connected, 0 devices connected")


def test_the_watchdog_is_fed_for_as_long_as_the_loop_turns():
    with sim() as proxies, served(*proxies, WATCHDOG_USEC="300000") as (it, manager):
        for _ in range(5):
            manager.wait_for("WATCHDOG=1")
        it.daemon.send_signal(signal.SIGSTOP)
        manager.socket.settimeout(0.6)
        end = time.monotonic() + PATIENCE_S
        with contextlib.suppress(socket.timeout):
            while manager.socket.recv(65536):  # what was sent before
                assert time.monotonic() < end, "it is fed although nothing turns"
        it.daemon.send_signal(signal.SIGCONT)
        manager.wait_for("WATCHDOG=1")


def test_without_a_watchdog_none_is_fed():
    with sim() as proxies, served(*proxies) as (it, manager):
        manager.wait_for("1 of 1")
        it.daemon.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        it.daemon.wait(PATIENCE_S)
        it.stop_daemon()
    assert not any("WATCHDOG" in told for told in manager.told), manager.told


def test_it_leaves_within_two_seconds_and_announces_that_everything_is_gone():
    with sim() as proxies, served(*proxies) as (it, manager):
        manager.wait_for("1 of 1")
        client = it.client()
        client.watch_owner()
        client.discover()
        path = client.wait_for(lambda told: told.kind == "InterfacesAdded" and
                               told.interfaces.get(DEVICE, {}).get("Name") == "Virtual Battery").path
        client.call(path, DEVICE, "Connect")
        client.wait_for_change(path, "ServicesResolved", True)
        mark, begun, objects = client.mark(), time.monotonic(), set(client.objects())
        it.daemon.send_signal(signal.SIGTERM)
        assert it.daemon.wait(PATIENCE_S) == 0
        took_s = time.monotonic() - begun
        client.wait_for(lambda told: told.kind == "NameOwnerChanged", mark)
        kinds = client.kinds(mark)
        removed = [path for kind, path in kinds if kind == "InterfacesRemoved"]
        assert took_s < LEAVES_S, took_s
        assert kinds[-1][0] == "NameOwnerChanged", kinds[-1]
        assert set(removed) >= {path for path in objects if path.startswith(HCI0)}, objects - set(removed)
        assert removed.index(path) < removed.index(HCI0)
        assert client.wait_for_change(path, "Connected", False, mark)
        it.stop_daemon()


def test_it_leaves_within_two_seconds_with_proxies_and_programs_that_do_not_answer():
    with sim() as proxies, sim() as silent, served(*proxies, *silent) as (it, manager):
        manager.wait_for("2 of 2")
        victim = it.victim()
        assert victim.call(HCI0, ADAPTER, "StartDiscovery") == "ok"
        for number in our_sims():
            os.kill(number, signal.SIGSTOP)
        victim.process.send_signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            it.daemon.send_signal(signal.SIGTERM)
            assert it.daemon.wait(PATIENCE_S) == 0
            assert time.monotonic() - begun < LEAVES_S
        finally:
            victim.kill()
            for number in our_sims():
                os.kill(number, signal.SIGCONT)
        it.stop_daemon()


def our_sims():
    """Our own virtual proxies."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{number}/stat", encoding="ascii") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{number}/cmdline", "rb") as file:
                if parent == os.getpid() and b"\0sim\0" in file.read():
                    found.append(int(number))
    return found


def proxies_of(*addresses):
    text = "proxies:\n"
    for number, address in enumerate(addresses):
        host, port = address.rsplit(":", 1)
        text += f"  - {{name: proxy{number}, address: {host}, port: {port}}}\n"
    return text


def test_a_hangup_makes_it_read_the_configuration_anew():
    with sim(count=2) as proxies:
        path = write("served.yaml", proxies_of(proxies[0]))
        with served(options=("-c", path)) as (it, manager):
            manager.wait_for("1 of 1")
            client = it.client()
            write("served.yaml", proxies_of(*proxies))
            it.daemon.send_signal(signal.SIGHUP)
            manager.wait_for("2 of 2")
            write("served.yaml", "proxies: [{adress: nowhere}]\n")
            it.daemon.send_signal(signal.SIGHUP)
            until(lambda: "what was in force stays" in it.said())
            assert it.said().splitlines()[0] == "bleproxyd: configuration read anew: 2 proxies", it.said()
            assert client.get(HCI0, ADAPTER, "Powered") is True


def until(holds):
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_in_the_journal_each_line_has_its_priority():
    with closed_port() as nobody:
        it = House([nobody], ["-v"])
        with open(os.path.join(it.folder, "log"), "w+b") as log:
            status = os.fstat(log.fileno())
        it.state["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
        try:
            it.start_daemon()
            until(lambda: "Connection refused" in it.said())
            lines = it.said().splitlines()
            assert lines and all(line[:3] in ("<3>", "<4>", "<6>") for line in lines), lines
            assert any(line.startswith("<4>") for line in lines), lines
            it.stop_daemon()
        finally:
            it.close()


def test_with_v_it_begins_with_what_it_is_and_without_says_nothing():
    with sim(count=2) as proxies:
        path = write("introduced.yaml", proxies_of(*proxies))
        with served(options=("-c", path, "-v")) as (it, manager):
            manager.wait_for("2 of 2")
            pattern = rf"bleproxyd: version [\d.]+\S* serves {re.escape(it.address)} with 2 proxies, configuration {path}"
            assert re.fullmatch(pattern, it.said().splitlines()[0]), it.said()
        with served(options=("-c", path)) as (it, manager):
            manager.wait_for("2 of 2")
            assert it.said() == "", it.said()


def test_its_version_begins_with_that_of_the_bluez_that_it_is_taken_for_and_has_its_own():
    version, text = (subprocess.run([BLEPROXYD, word], capture_output=True, text=True, check=True, timeout=PATIENCE_S,
                                    env=environment()).stdout for word in ("--version", "--help"))
    command = subprocess.run([sys.argv[1], "--version"], capture_output=True, text=True, check=True, timeout=PATIENCE_S,
                             env=environment()).stdout
    # Qt runs the program that has the name org.bluez for it, and does without Low Energy when that is no version.
    assert version == "5.66 (BlueZ's interface), " + command.replace("bleproxy ", "bleproxyd "), (version, command)
    assert text.endswith("\nSee bleproxyd(8).\n"), text


def test_a_bus_that_is_no_address_and_a_system_without_one_are_told_what_to_do():
    code, said = ended("--bus", "/run/bus")
    assert code == 2 and "a bus is given as unix:path=/path" in said, (code, said)
    with sim() as proxies:
        code, said = ended("-p", proxies[0])
        assert code == 4 and "the system bus" in said and "--private" in said and "bleproxy run" in said, (code, said)


def ended(*options, **more):
    """How the daemon ends by itself: its code and what it says."""
    result = subprocess.run([BLEPROXYD, *options], capture_output=True, timeout=PATIENCE_S, check=False,
                            env=environment(**more))
    return result.returncode, result.stderr.decode()


def test_a_name_that_another_has_is_told_with_who_it_is():
    with sim(count=2) as proxies, house(proxies[0]) as it:
        code, said = ended("--bus", it.address, "-p", proxies[1])
        assert code == 5 and f"bleproxyd (process {it.daemon.pid}) serves org.bluez" in said, (code, said)


def test_a_name_that_one_has_whom_it_cannot_see_is_told_with_the_process():
    # As the unit has it, where other users' processes do not show in /proc.
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=invisible,gid=4242 proc /proc && exec "$@"', "sh",
              "setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    if os.geteuid() != 0 or subprocess.run([*hidden, "true"], capture_output=True, check=False).returncode != 0:
        raise Skip("no /proc of our own can be mounted")
    with sim(count=2) as proxies, house(proxies[0]) as it:
        result = subprocess.run([*hidden, BLEPROXYD, "--bus", it.address, "-p", proxies[1]], capture_output=True, text=True,
                                timeout=PATIENCE_S, check=False, env=environment())
        assert result.returncode == 5, result
        assert f"process {it.daemon.pid}, probably bluetoothd, serves org.bluez" in result.stderr, result


def test_a_bus_that_forbids_the_name_is_told():
    folder = tempfile.mkdtemp(dir=home.name)
    config = write("strict.conf", f"""<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><deny own="*"/><allow send_destination="*"/>
<allow receive_type="*"/></policy></busconfig>""")
    bus = subprocess.Popen(["dbus-daemon", "--nofork", "--print-address", "--config-file=" + config], stdout=subprocess.PIPE)
    try:
        bus.stdout.readline()
        with sim() as proxies:
            code, said = ended("-p", proxies[0], DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={folder}/bus")
        assert code == 5 and "the system bus does not let us serve org.bluez" in said and "bleproxyd(8)" in said, (code, said)
    finally:
        bus.kill()
        bus.wait()
        bus.stdout.close()


def test_a_bus_that_is_not_there_or_goes_is_told():
    with sim() as proxies:
        code, said = ended("--bus", "unix:path=" + home.name + "/nowhere", "-p", proxies[0])
        assert code == 4 and "cannot connect to" in said, (code, said)
        with served(*proxies) as (it, manager):
            manager.wait_for("1 of 1")
            it.bus.kill()
            assert it.daemon.wait(PATIENCE_S) == 4
            assert "the connection to the bus is lost" in it.said(), it.said()
            it.log.close()
            it.daemon = None


# As Debian's system.conf has it: nobody owns anything, and no call goes anywhere, unless a policy says so.
SYSTEM = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><deny own="*"/><deny send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>
<allow receive_type="signal"/><allow send_destination="org.freedesktop.DBus"/></policy>
<include>%s</include></busconfig>"""


def test_with_the_policy_that_is_installed_it_serves_other_users_on_a_strict_bus():
    folder = tempfile.mkdtemp(prefix="bleproxy-strict-")
    os.chmod(folder, 0o755)
    with open(sys.argv[3], encoding="utf-8") as file:
        policy = file.read().replace('user="bleproxy"', f'user="{os.geteuid()}"')
    paths = write("policy.conf", policy), write("system.conf", SYSTEM % (folder, os.path.join(home.name, "policy.conf")))
    bus = subprocess.Popen(["dbus-daemon", "--nofork", "--print-address", "--config-file=" + paths[1]],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    other = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        bus.stdout.readline()
        with sim() as proxies:
            it = House(proxies, [])
            it.address = f"unix:path={folder}/bus"
            try:
                it.start_daemon()
                ask = ["busctl", "--address=" + it.address, "get-property", "org.bluez", HCI0, ADAPTER, "Powered"]
                until(lambda: subprocess.run(ask, capture_output=True, check=False, **other).stdout == b"b true\n")
                taking = subprocess.run(["busctl", "--address=" + it.address, "call", "org.freedesktop.DBus", "/",
                                         "org.freedesktop.DBus", "RequestName", "su", "org.bleproxy1", "0"],
                                        capture_output=True, check=False, **other)
                assert not other or b"Access denied" in taking.stderr, taking
                it.stop_daemon()
            finally:
                it.close()
    finally:
        bus.kill()
        bus.wait()
        bus.stdout.close()
        shutil.rmtree(folder)


def unit():
    """The unit that is installed, as a file that starts the built bleproxyd."""
    with open(os.path.join(os.path.dirname(sys.argv[3]), "bleproxyd.service"), encoding="utf-8") as file:
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=" + os.path.abspath(BLEPROXYD), file.read())
    return text, write("bleproxyd.service", text)


def analyze(*arguments):
    if not shutil.which("systemd-analyze"):
        raise Skip("there is no systemd-analyze")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE_S)


def test_bluetoothd_has_left_before_the_unit_starts():
    lines = unit()[0].splitlines()
    assert "Conflicts=bluetooth.service" in lines and "After=bluetooth.service" in lines, lines


def test_the_unit_can_tell_users_apart():
    # In a user namespace of its own all others are nobody to it, and share the places that one has in the lobby.
    assert not re.search("(?m)^PrivateUsers=(?!no$)", unit()[0])


def test_a_start_without_a_configuration_is_told():
    lines = unit()[0].splitlines()
    assert "AssertPathExists=/etc/bleproxy/bleproxy.yaml" in lines and not any("Condition" in line.split("=")[0] for line in lines)


def test_the_unit_starts_without_keys():
    lines = unit()[0].splitlines()
    loaded = [line.split("=")[1].split(":")[0] for line in lines if line.startswith("LoadCredential=")]
    assert loaded and all(any(line.startswith(f"SetCredential={name}:") for line in lines) for name in loaded), lines


def test_systemd_knows_all_that_the_unit_says():
    result = analyze("verify", "--man=no", unit()[1])
    ours = [line for line in result.stderr.splitlines() if "bleproxyd" in line]
    assert not ours, ours


def test_the_unit_is_as_closed_as_the_manual_says():
    result = analyze("security", "--offline=true", "--no-pager", unit()[1])
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", result.stdout)
    assert exposure, result
    root = pathlib.Path(__file__).resolve().parents[2]
    for page, words in (("man/bleproxyd.8", "exposure %s on"), ("README.md", "security`: %s)")):
        assert words % exposure[1] in (root / page).read_text(encoding="utf-8"), (page, exposure[1])


def test_two_buses_at_once_are_refused():
    code, said = ended("--system", "--bus", "unix:path=/nowhere")
    assert code == 2 and "only one of" in said, (code, said)


def serve_once(path, proxy):
    """A whole life of a daemon with a bus of its own there."""
    daemon = subprocess.Popen([BLEPROXYD, "--private", path, "-p", proxy], env=environment())
    try:
        until(lambda: os.path.exists(os.path.join(path, "lobby")))
    finally:
        daemon.terminate()
    assert daemon.wait(PATIENCE_S) == 0


def test_a_directory_that_was_there_stays_and_one_that_it_made_does_not():
    folder = tempfile.mkdtemp(dir=home.name)
    theirs, its_own = os.path.join(folder, "theirs"), os.path.join(folder, "its_own")
    os.mkdir(theirs, 0o700)
    before = os.stat(theirs).st_ino
    with sim() as proxies:
        for path in (theirs, its_own, theirs, its_own):
            serve_once(path, proxies[0])
    assert os.stat(theirs).st_ino == before and os.listdir(theirs) == [], os.listdir(theirs)
    assert os.listdir(folder) == ["theirs"], os.listdir(folder)


def test_an_empty_directory_where_the_socket_belongs_is_removed_and_another_is_told():
    """A container engine makes it when it starts before the daemon does, to mount it."""
    folder = tempfile.mkdtemp(dir=home.name)
    path = os.path.join(folder, "socket")
    os.mkdir(path)
    with sim() as proxies:
        serve_once(folder, proxies[0])
        assert os.listdir(folder) == [], os.listdir(folder)
        os.makedirs(os.path.join(path, "precious"))
        result = subprocess.run([BLEPROXYD, "--private", folder, "-p", proxies[0]], capture_output=True, text=True,
                                timeout=PATIENCE_S, check=False, env=environment())
    assert result.returncode == 5 and path in result.stderr and "Directory not empty" in result.stderr, result
    assert os.listdir(folder) == ["socket"] and os.listdir(path) == ["precious"], (os.listdir(folder), os.listdir(path))


if __name__ == "__main__":
    main(globals())
