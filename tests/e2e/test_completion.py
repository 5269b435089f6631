#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the shells offer: every command and every option that the manual and the sources know, and names of proxies and
devices of the configuration."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from support import BLEPROXY, PATIENCE_S, Skip, environment, home, main, run

ROOT = pathlib.Path(__file__).parents[2]
MANUAL = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
BLEPROXYD = sys.argv[3]
COMPLETION, HERE = ROOT / "completion", pathlib.Path(__file__).parent
SHORT = {"c": "config", "f": "firmware", "h": "help", "l": "listen", "n": "count", "p": "proxy", "t": "timeout",
         "v": "verbose"}
HIDDEN = {"guest"}  # by which one program of ours starts another

config = pathlib.Path(home.name, "complete.yaml")
config.write_text("""proxies:
  - name: kitchen
    address: 192.0.2.10
  - address: attic.local
devices:
  - address: A4:C1:38:11:22:33
    prefer: kitchen
""", encoding="utf-8")


def ask(*command):
    path = os.pathsep.join([os.path.dirname(os.path.abspath(program)) for program in (BLEPROXY, BLEPROXYD)]
                           + [os.environ["PATH"]])
    more = {"LD_LIBRARY_PATH": os.environ["LD_LIBRARY_PATH"]} if "LD_LIBRARY_PATH" in os.environ else {}
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL,
                          env=environment(PATH=path, BLEPROXY_CONFIG=str(config), **more)).stdout


def need(program):
    if not shutil.which(program):
        raise Skip(f"there is no {program}")


def bash(*lines):
    if not os.path.exists("/usr/share/bash-completion/bash_completion"):
        raise Skip("there is no bash-completion")
    return [set(line.split()) for line in
            ask("bash", HERE / "complete.bash", COMPLETION / "bleproxy.bash", *lines).splitlines()]


def fish(*lines):
    need("fish")
    return [set(line.split()) for line in
            ask("fish", "--no-config", HERE / "complete.fish", COMPLETION / "bleproxy.fish", *lines).splitlines()]


def zsh(*lines):
    need("zsh")
    return [set(ask("zsh", "-f", HERE / "complete.zsh", COMPLETION, line).split()) for line in lines]


def flags(text):
    """The options that a piece of the manual names, without what explains them."""
    longs = set(re.findall(r"Fl Fl ([a-z-]+)", text))
    return longs | {SHORT[letter] for letter in re.findall(r"Fl ([a-z])\b", text)}


def manual():
    """The options of each command, by the manual: its synopsis, and for the sim its own section."""
    synopsis = MANUAL.partition(".Sh SYNOPSIS")[2].partition(".Sh DESCRIPTION")[0]
    commands = {}
    for entry in synopsis.split("\n.Nm\n"):
        head = re.match(r"\.Cm ([a-z| -]+)\n", entry)
        for name in head[1].split(" | ") if head else ():
            commands[name] = flags(entry) | {"help"}
    section = MANUAL.partition("\n.Ss bleproxy sim\n")[2].partition("\n.S")[0]
    commands["sim"] |= flags("\n".join(re.findall(r"^\.It (Fl .*)$", section, re.M)))
    del commands["help"]
    return commands


def sources():
    """All options that getopt_long() is told of."""
    texts = [path.read_text(encoding="utf-8") for folder in ("cli", "daemon") for path in (ROOT / folder).glob("*.[ch]")]
    return set(re.findall(r'\{?\s*"([a-z-]+)",\s*(?:no|required|optional)_argument', "\n".join(texts))) - HIDDEN


def offers_all(shell):
    commands = manual()
    names = sorted(commands)
    first, daemon, *rest = shell("bleproxy ", "bleproxyd --", *(f"bleproxy {name} --" for name in names))
    assert first - {"--help", "--version"} == {*names, "help"}, first
    for name, offered in zip(names, rest, strict=True):
        wanted = {f"--{option}" for option in commands[name]}
        assert offered == wanted, f"{name}: {offered ^ wanted}"
    offered = {option[2:] for option in daemon.union(*rest)}
    assert offered == sources(), offered ^ sources()


def offers_values(shell):
    cases = {
        "bleproxy scan -p ": {"kitchen", "192.0.2.10", "attic.local"},
        "bleproxy forget k": {"kitchen"},
        "bleproxy read ": {"A4:C1:38:11:22:33"},
        "bleproxy scan --mode ": {"passive", "active", "auto"},
        "bleproxy sim --payload ": {"repeat", "changing", "mix"},
        "bleproxy sim --deaf ": {"mode", "subscribe", "connect", "reboot", "never"},
        "bleproxy sim --firmware ": {"2022.12", "2023.6", "2025.8", "2026.8"},
        "bleproxy sim --step ": {"port", "address"},
        "bleproxy help re": {"read", "record", "replay"},
    }
    for (line, wanted), offered in zip(cases.items(), shell(*cases), strict=True):
        assert offered == wanted, f"{line!r}: {offered}"


def offers_files(shell):
    lines = [f"bleproxy {words} {home.name}/compl" for words in ("scan -c", "replay", "sim --key-store")]
    for line, offered in zip(lines, shell(*lines), strict=True):
        assert {os.path.basename(name) for name in offered} == {"complete.yaml"}, f"{line!r}: {offered}"


def test_the_manual_and_help_know_the_same_commands():
    told = set(re.findall(r"^  ([a-z][a-z-]*) ", run("--help").expect(0).out, re.M))
    assert told == {*manual(), "help"}, told ^ set(manual())


def test_bash_offers_every_command_and_option():
    offers_all(bash)


def test_bash_offers_names_and_values():
    offers_values(bash)


def test_bash_offers_files():
    offers_files(bash)


def test_bash_goes_on_behind_a_colon_and_an_equals_sign():
    assert bash("bleproxy read A4:C1:", "bleproxy scan --mode=a") == [{"38:11:22:33"}, {"active", "auto"}]


def test_zsh_offers_every_command_and_option():
    offers_all(zsh)


def test_zsh_offers_names_and_values():
    offers_values(zsh)


def test_zsh_offers_files():
    offers_files(zsh)


def test_fish_offers_every_command_and_option():
    offers_all(fish)


def test_fish_offers_names_and_values():
    offers_values(fish)


def test_fish_offers_files():
    offers_files(fish)


main(globals())
