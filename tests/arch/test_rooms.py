#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The layout holds: includes go downward, pure rooms touch nothing of the world, only bleproxy_* leaves the library.

usage: test_rooms.py SOURCE-ROOT BUILD-ROOT
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
BUILD = pathlib.Path(sys.argv[2])

# What each room of src/ may include: itself and those below it.
BELOW = {
    "base": set(),
    "names": {"base"},
    "config": {"base", "names"},
    "wire": {"base", "names"},
    "noise": {"base", "names", "wire"},
    "discovery": {"base", "names"},
    "server": {"base", "names", "wire", "noise"},
    "session": {"base", "names", "wire", "noise"},
    "proxy": {"base", "names", "wire", "noise", "session"},
    "hub": {"base", "names", "wire", "noise", "session", "proxy"},
    "central": {"base", "names", "wire", "noise", "session", "proxy", "hub"},
    "engine": {"base", "names", "wire", "noise", "discovery", "session", "proxy", "hub", "central"},
}
# replay/ stands beside src/ and sees no more than it needs.
REPLAY_BELOW = {"base", "names", "wire", "hub"}
# What writes a recording: for the command, which sees the installed headers only.
REPLAY_OPEN = {"replay/trace.h", "replay/structures.h", "replay/trace_reader.h"}
PURE = ["base", "names", "wire", "noise", "discovery", "server", "session", "proxy", "hub", "central"]

# libc that depends on nothing but its arguments.
PURE_LIBC = set("""
bcmp memchr memcmp memcpy memmove memset memrchr strchr strcmp strcpy strlen strncmp strnlen strrchr strstr strtol strtoul
strcspn strspn strpbrk strncpy strcasecmp strncasecmp snprintf vsnprintf qsort bsearch abs labs
__snprintf_chk __vsnprintf_chk __memcpy_chk __memset_chk __memmove_chk __strcpy_chk __stack_chk_fail __ctype_b_loc
__isoc23_strtol __isoc23_strtoul __assert_fail explicit_bzero
""".split())
SODIUM = re.compile(r"^(crypto_|sodium_memzero$|sodium_memcmp$|sodium_is_zero$)")
# DNS messages: libresolv's, in libc on some systems.
RESOLV = re.compile(r"^(__)?(ns_initparse|ns_parserr|dn_expand|dn_skipname|dn_comp)$")
PROTOBUF = re.compile(r"^protobuf_c_")
SANITISER = re.compile(r"^(__asan_|__ubsan_|__sanitizer_|_GLOBAL_OFFSET_TABLE_$)")

results = []


def check(name, problems):
    results.append(not problems)
    print(f"{'ok' if not problems else 'not ok'} {len(results)} - {name}")
    for problem in problems:
        print(f"# {problem}")


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match[1], match[2]


def sources(folder):
    return sorted(p for p in (ROOT / folder).rglob("*.[ch]") if p.is_file())


def layers():
    problems = []
    for room, below in BELOW.items():
        for path in sources(f"src/{room}"):
            for number, quote, name in includes(path):
                target = name.split("/")[0]
                if quote == '"' and target in BELOW and target != room and target not in below:
                    problems.append(f"{path.relative_to(ROOT)}:{number} includes {name}")
                if name in ("bleproxy/uv.h", "uv.h") and room != "engine":
                    problems.append(f"{path.relative_to(ROOT)}:{number} includes {name}")
    check("rooms include only rooms below them", problems)


def replay():
    problems = []
    for path in sources("replay"):
        name = str(path.relative_to(ROOT))
        for number, quote, target in includes(path):
            room = target.split("/")[0]
            if quote == '"' and room not in REPLAY_BELOW | {"replay"}:
                problems.append(f"{name}:{number} includes {target}")
            if name in REPLAY_OPEN and (quote == '"' and target not in REPLAY_OPEN or target == "bleproxy/uv.h"):
                problems.append(f"{name}:{number} includes {target}")
    check("traces know the hub and what is below it", problems)


def users():
    """The command, the examples and the benches use what is installed; sim/ and replay/ alone see the inside, and the
    benches of what has no door of its own."""
    problems = []
    for folder in ("cli", "examples", "bench"):
        for path in sources(folder):
            if path.stem in ("sim", "sim_options", "replay", "cipher") or path.name.startswith("hub") and folder == "bench":
                continue
            for number, quote, name in includes(path):
                room = name.split("/")[0] if quote == '"' and "/" in name else None
                inside = room in BELOW and room != "config" or room in ("sim", "replay")
                if inside and not (path.name in ("events.c", "events.h", "remote_lines.c") and name in REPLAY_OPEN):
                    problems.append(f"{path.relative_to(ROOT)}:{number} includes {name}")
    check("command, examples and benches use the installed headers", problems)


def archive(room):
    folder = {"base": "src", "replay": "replay"}.get(room, f"src/{room}")
    return str(BUILD / folder / f"lib{room}.a")


def undefined(room):
    output = subprocess.run(["nm", "-u", archive(room)],
                            capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines() if re.match(r"\s+[Uw] ", line)}


def defined(room):
    output = subprocess.run(["nm", "--defined-only", "-g", archive(room)],
                            capture_output=True, text=True, check=True).stdout
    return {line.split()[-1] for line in output.splitlines() if re.match(r"[0-9a-f]+ ", line)}


def pure():
    for room in PURE + ["replay"]:
        below = REPLAY_BELOW if room == "replay" else BELOW[room]
        ours = set().union(*(defined(r) for r in {room} | below))
        foreign = {s for s in undefined(room) - ours - PURE_LIBC if not SANITISER.match(s)}
        foreign = {s for s in foreign if not (room in ("noise",) and SODIUM.match(s))}
        foreign = {s for s in foreign if not (room in ("discovery",) and RESOLV.match(s))}
        foreign = {s for s in foreign if not (room in ("wire", "session", "server", "hub", "proxy", "central") and PROTOBUF.match(s))}
        check(f"room {room} is pure", [f"needs {s}" for s in sorted(foreign)])


def declared():
    names = set()
    for path in sources("include/bleproxy"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
        text = re.sub(r"\btypedef\b[^;]*;", "", text)
        names |= set(re.findall(r"\b(bleproxy_\w+)\s*\(", text))
    return names


def exported(path, *options):
    output = subprocess.run(["nm", *options, "--defined-only", str(path)], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines() if re.match(r"[0-9a-f]+ [A-Z] ", line)}


def symbols():
    wanted = declared()
    for name, got in (("shared", exported(BUILD / "src/libbleproxy.so", "-D")),
                      ("static", exported(BUILD / "src/libbleproxy.a", "-g"))):
        got = {s for s in got if not SANITISER.match(s)}
        check(f"the {name} library exports what the headers declare",
              [f"declared, not exported: {s}" for s in sorted(wanted - got)] +
              [f"exported, not declared: {s}" for s in sorted(got - wanted)])


def headers():
    problems = []
    for path in sources("include/bleproxy"):
        for compiler, language, standard in (("gcc", "c", "gnu11"), ("g++", "c++", "gnu++11")):
            run = subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                                  f"-I{ROOT}/include", "-x", language, "-"], input=f"#include <bleproxy/{path.name}>\n",
                                 capture_output=True, text=True)
            if run.returncode:
                problems.append(f"{path.name} as {language}: {run.stderr.splitlines()[0]}")
    check("each installed header stands alone, in C and in C++", problems)


def sizes():
    """Hardly a file over 600 lines: what is larger has become two things."""
    problems = []
    for folder in ("src", "cli", "sim", "replay", "include"):
        for path in sources(folder):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > 600:
                problems.append(f"{path.relative_to(ROOT)}: {lines} lines")
    check("no source file is over 600 lines", problems)


layers()
replay()
users()
pure()
symbols()
headers()
sizes()
print(f"1..{len(results)}")
sys.exit(0 if all(results) else 1)
