#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The static library is put together by the tools of the processor that is built for, which the compiler knows.

usage: test_localise.py LOCALISE.SH COMPILER...
"""
import pathlib
import subprocess
import sys
import tempfile

SCRIPT, COMPILER = sys.argv[1], sys.argv[2:]
SOURCE = "int inner(void); int inner(void) { return 1; } int bleproxy_outer(void); int bleproxy_outer(void) { return inner(); }"


def tried(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)


def tool(compiler, name):
    return tried(*compiler, f"-print-prog-name={name}").stdout.strip()


def symbols_after(compiler, place):
    """What nm says of the joined library, by name; or what went wrong."""
    (place / "a.c").write_text(SOURCE, encoding="utf-8")
    for command in ([*compiler, "-c", "-o", "a.o", "a.c"], [tool(compiler, "ar"), "rcs", "a.a", "a.o"],
                    [SCRIPT, "joined.a", "work", "a.a", "--", *compiler]):
        run = tried(*command, cwd=place)
        if run.returncode:
            return f"{command[0]}: {run.stderr}"
    lines = tried(tool(compiler, "nm"), "joined.a", cwd=place).stdout.splitlines()
    return {words[2]: words[1] for words in map(str.split, lines) if len(words) == 3 and not words[2].startswith("__x86")}


def builds(compiler):
    with tempfile.TemporaryDirectory() as place:
        return tried(*compiler, "-c", "-x", "c", "-o", "nothing.o", "-", input="", cwd=place).returncode == 0


def check(number, name, compiler):
    with tempfile.TemporaryDirectory() as place:
        symbols = symbols_after(compiler, pathlib.Path(place))
    held = symbols == {"inner": "t", "bleproxy_outer": "T"}
    print(f"{'ok' if held else 'not ok'} {number} - {name}")
    if not held:
        print("# " + str(symbols).replace("\n", "\n# "))
    return held


print("1..2")
done = check(1, "only the public functions leave it", COMPILER)
NARROW = [*COMPILER, "-m32"]
if tried("uname", "-m").stdout.strip() != "x86_64" or not builds(NARROW):
    print("ok 2 - so with another processor's objects # SKIP this compiler knows none")
else:
    done = check(2, "so with another processor's objects", NARROW) and done
sys.exit(not done)
