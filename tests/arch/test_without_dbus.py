#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A build without D-Bus takes nothing of libsystemd, and nothing of what is left out of it. It is configured here, and not
built: what its targets are made of is looked through, and the objects of this build stand for its own.

usage: test_without_dbus.py SOURCE-ROOT BUILD-ROOT MESON
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT, BUILD = map(pathlib.Path, sys.argv[1:3])
MESON = sys.argv[3]
STAND_IN = "remote_none.c"  # compiled in that build alone

results = []


def check(name, problems):
    results.append(not problems)
    print(f"{'ok' if not problems else 'not ok'} {len(results)} - {name}")
    for problem in problems:
        print(f"# {problem}")


def output_of(*command):
    run = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{command[0]} fails: {run.stdout}{run.stderr}")
    return run.stdout


def compiled(targets):
    """Each source with its compiler's command."""
    for target in targets:
        for group in target["target_sources"]:
            for source in group["sources"]:
                if source.endswith(".c"):
                    yield pathlib.Path(source), [*group["compiler"], *group["parameters"]]


def headers(path, command):
    """All that it includes, by itself and through headers of ours: the names, as they are written there."""
    folders = [pathlib.Path(word[2:]) for word in command if word.startswith("-I")]
    found, seen, ahead = set(), {path}, [path]
    while ahead:
        file = ahead.pop()
        for quote, name in re.findall(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', file.read_text(encoding="utf-8"), re.M):
            found.add(name)
            places = [file.parent, *folders] if quote == '"' else folders
            inner = next((place / name for place in places if (place / name).is_file()), None)
            if inner and inner.resolve() not in seen:
                seen.add(inner.resolve())
                ahead.append(inner)
    return found


def of_systemd(path, command):
    return sorted(name for name in headers(path, command) if name.startswith("systemd/"))


def symbols(objects, *options):
    lines = output_of("nm", "-A", *options, *objects).splitlines() if objects else []
    return {line.split()[-1] for line in lines}


def lacking(sources, stand_in):
    """What the command of that build would miss when it is linked: what only those objects have that are not in it."""
    names = {f"{path.name}.o" for path in sources}
    ours = [path for folder in ("libcli_common.a.p", "bleproxy.p") for path in (BUILD / "cli" / folder).glob("*.c.o")]
    inside = [path for path in ours if path.name in names] + [stand_in]
    outside = [path for path in ours if path not in inside]
    missed = symbols(inside, "-u") - symbols(inside, "-g", "--defined-only")
    return len(inside), missed & symbols(outside, "-g", "--defined-only")


def main(work):
    output_of(MESON, "setup", work, ROOT, "-Ddbus=disabled")
    targets = json.loads(output_of(MESON, "introspect", "--targets", work))
    pairs = list(compiled(targets))
    commands = dict(pairs)
    check("no source of a build without D-Bus includes <systemd/...>",
          [f"{path.relative_to(ROOT)}: {name}" for path, command in pairs for name in of_systemd(path, command)])
    check("nor is it linked with libsystemd",
          ["build.ninja names it"] if "libsystemd" in (work / "build.ninja").read_text(encoding="utf-8") else [])
    check("the command and the library are in it, and the daemon is not",
          [name for name in ("bleproxy", "bleproxyd") if (name == "bleproxyd") == any(
              target["name"] == name and target["type"] == "executable" for target in targets)])
    check("an include is found through a header of ours",
          [] if of_systemd(ROOT / "cli" / "remote_lines.c", commands[ROOT / "cli" / "main.c"]) else ["not in cli/remote_lines.c"])

    stand_in = work / f"{STAND_IN}.o"
    source = ROOT / "cli" / STAND_IN
    output_of(*commands[source], "-c", source, "-o", stand_in)
    sources = [path for target in targets if target["name"] in ("bleproxy", "cli_common")
               for path, _ in compiled([target]) if path.parent == ROOT / "cli"]
    n, missed = lacking(sources, stand_in)
    check("all that is linked in it is there", sorted(missed) + ([] if n >= len(sources) else [f"only {n} objects"]))


with tempfile.TemporaryDirectory() as folder:
    main(pathlib.Path(folder))
print(f"1..{len(results)}")
sys.exit(0 if all(results) else 1)
