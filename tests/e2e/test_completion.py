#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the shells offer: every command and every option that the manual and the sources know, and names of proxies and
devices of the configuration."""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

from support import BLEPROXY, PATIENCE_S, Skip, environment, home, main, run

ROOT = pathlib.Path(__file__).parents[2]
MANUAL = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
BLEPROXYD = sys.argv[3] if len(sys.argv) > 3 else None  # without D-Bus there is none, and no run
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
    name: thermometer
    prefer: kitchen
""", encoding="utf-8")

# Names that a shell would do something with; each begins otherwise. What the last two hold is in no name.
NAMES = ["attic lamp", "$(touch hit)", "`touch hit`", "; touch hit", "it's", "o\\$(touch hit)", "x|touch hit", "(touch hit)",
         "ha!!", "*", "~root", "<(touch hit)", "zoë", "say \"$(touch hit)\""]
REFUSED = ["v\x1b[31mv", "w\\e[31m"]
hostile = pathlib.Path(home.name, "hostile.yaml")
hostile.write_text("proxies:\n" + "".join(f"  - name: '{name}' # one\n" if "'" not in name else f'  - name: "{name}"\n'
                                           for name in NAMES)
                   + f"  - name: {REFUSED[0]}\n  - name: \"{REFUSED[1]}\"\n  - name: two words # no more\n", encoding="utf-8")
NAMES.append("two words")


def shell_environment(**more):
    path = os.pathsep.join([os.path.dirname(os.path.abspath(program)) for program in (BLEPROXY, BLEPROXYD) if program]
                           + [os.environ["PATH"]])
    if "LD_LIBRARY_PATH" in os.environ:
        more["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return environment(**{"PATH": path, "BLEPROXY_CONFIG": str(config), **more})


def ask(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL,
                          env=shell_environment()).stdout


class Typist:
    """Somebody at a shell, in an empty directory. What is typed first makes the prompt "ready>" of two pieces, so that it
    is told from its own echo."""

    def __init__(self, *command, begin):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=home.name))
        self.log = ""
        environ = shell_environment(BLEPROXY_CONFIG=str(hostile))
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(self.folder)
            os.execvpe(command[0], command, environ)
        self.send(begin + "\r")
        self.wait_for("ready>")

    def send(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern):
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.log, re.S)):
            assert select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0], self.log
            self.log += os.read(self.terminal, 65536).decode(errors="replace")
        self.log = self.log[found.end():]
        return found

    def completed(self, line):
        """The words that the shell makes of the line once the key for completion was struck at its end. They are only
        printed: the command that does it is put before them afterwards."""
        self.send(line + "\t")
        self.send(" end\x01printf '<%s>' begin \r")
        words = self.wait_for("<begin>(.*?)<end>.*?ready>")[1]
        return re.findall("<(.*?)>(?=<|$)", words, re.S)

    def considers(self, line):
        """Strikes the key for completion behind the line, and drops it."""
        self.send(line + "\t")
        self.send("\x15printf '<%s>' so far\r")
        self.wait_for("<so><far>.*?ready>")

    def ran(self):
        return [path.name for path in self.folder.iterdir()]

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.process, 0)


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
    if not BLEPROXYD:
        del commands["run"]
    return commands


def sources():
    """All options that getopt_long() is told of."""
    texts = [path.read_text(encoding="utf-8") for folder in ("cli", *(["daemon"] if BLEPROXYD else []))
             for path in (ROOT / folder).glob("*.[ch]")]
    return set(re.findall(r'\{?\s*"([a-z-]+)",\s*(?:no|required|optional)_argument', "\n".join(texts))) - HIDDEN


def offers_all(shell):
    commands = manual()
    names = sorted(commands)
    first, *rest = shell("bleproxy ", *(f"bleproxy {name} --" for name in names))
    daemon = shell("bleproxyd --")[0] if BLEPROXYD else set()
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
        "bleproxy read ": {"A4:C1:38:11:22:33", "thermometer"},
        "bleproxy scan --name ": {"thermometer"},
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


def completes_and_runs_nothing(typist, quote="", escape=lambda text: text, missing=()):
    """Each name is completed from a beginning that no other has, and is one word of the line then. The files are names that
    are in the way of a shell in the same manner."""
    try:
        for name in NAMES:
            if name not in missing:
                typed = f"bleproxy forget {quote}" + escape(name[:2 if name[0] in "xz" else 1])
                words = typist.completed(typed)
                assert words == ["bleproxy", "forget", name], (typed, words)
                assert not typist.ran(), (typed, typist.ran())
        for beginning in ("v", "w"):
            if not quote:
                assert not any(set(word) & {"\x1b", "\\"} for word in typist.completed("bleproxy forget " + beginning))
        for name in ("a file", "$(touch hit)", "it's"):
            (typist.folder / name).touch()
            words = typist.completed("bleproxy replay " + quote + escape(name[0]))
            assert words == ["bleproxy", "replay", name], words
            (typist.folder / name).unlink()
            assert not typist.ran(), (name, typist.ran())
        for line in ("$(touch hit)/bleproxy ", "bleproxy $(touch hit) ", "bleproxy '$(touch hit)' -", "bleproxy read;touch\\ hit -",
                     "bleproxy forget -c $(touch hit) k", "bleproxy forget -c '$(touch hit)' ", "bleproxy forget $(touch hit"):
            typist.considers(line)
            assert not typist.ran(), line
    finally:
        typist.close()


def backslashes(text):
    return re.sub(r"([^a-zë])", r"\\\1", text)


def test_the_manual_and_help_know_the_same_commands():
    told = set(re.findall(r"^  ([a-z][a-z-]*) ", run("--help").expect(0).out, re.M))
    assert told == {*manual(), "help"}, told ^ set(manual())


def test_the_manual_of_bleproxyd_knows_its_options():
    if not BLEPROXYD:
        raise Skip("built without D-Bus")
    told = set(re.findall(r"^ +(?:-[a-z], +)?--([a-z-]+)", ask(BLEPROXYD, "--help"), re.M))
    page = (ROOT / "man" / "bleproxyd.8").read_text(encoding="utf-8")
    known = flags(page.partition(".Sh SYNOPSIS")[2].partition(".Sh DESCRIPTION")[0]) | {"help"}
    assert told == known, told ^ known


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


def bash_typist():
    if not os.path.exists("/usr/share/bash-completion/bash_completion"):
        raise Skip("there is no bash-completion")
    return Typist("bash", "--norc", "--noprofile", "-i", begin=f". /usr/share/bash-completion/bash_completion; "
                  f". {COMPLETION}/bleproxy.bash; PS1=rea'dy>'")


def zsh_typist():
    need("zsh")
    return Typist("zsh", "-f", "-i", begin=f"fpath=({COMPLETION} $fpath); autoload -Uz compinit; compinit -D -u; "
                  "unsetopt zle_bracketed_paste; zstyle ':completion:*' insert-tab false; PS1=rea'dy>'")


def fish_typist():
    need("fish")
    return Typist("fish", "--no-config", "-i", begin=f"source {COMPLETION}/bleproxy.fish; function fish_prompt; "
                  "echo -n rea'dy>'; end")


def test_bash_completes_names_that_a_shell_would_run():
    completes_and_runs_nothing(bash_typist(), escape=backslashes)


def test_bash_completes_them_in_quotes():
    completes_and_runs_nothing(bash_typist(), "'", missing=["it's"])
    completes_and_runs_nothing(bash_typist(), '"', lambda text: re.sub(r"([$`])", r"\\\1", text), missing=["ha!!", 'say "$(touch hit)"'])


def test_zsh_completes_names_that_a_shell_would_run():
    completes_and_runs_nothing(zsh_typist(), escape=backslashes)


def test_fish_completes_names_that_a_shell_would_run():
    completes_and_runs_nothing(fish_typist(), escape=backslashes)


main(globals())
