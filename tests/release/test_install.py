#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What `meson install` puts in place is enough to build and run programs: the examples, with pkg-config, against the
shared and the static library, on virtual proxies served by the installed command.

usage: test_install.py SOURCE-ROOT BUILD-ROOT
"""
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT, BUILD = map(pathlib.Path, sys.argv[1:3])
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ADDRESS = "127.0.53.1"  # usage.c and the Python stack know only port 6053; this address is for this test

results = []


def check(name, fine, note=""):
    results.append(bool(fine))
    print(f"{'ok' if fine else 'not ok'} {len(results)} - {name}", flush=True)
    if not fine and note:
        print("\n".join(f"# {line}" for line in note.splitlines()), flush=True)


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, **options)


def main(work):
    installed = run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", work)
    check("meson install", installed.returncode == 0, installed.stderr)
    pc = next(work.rglob("bleproxy.pc"))
    libdir = pc.parent.parent
    prefix = work / "usr/local"
    env = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(work),
           "LD_LIBRARY_PATH": str(libdir), "BLEPROXY_NOISE_PSK": KEY}
    command = prefix / "bin/bleproxy"
    version = run(command, "--version", env=env)
    check("the installed command runs", version.returncode == 0 and "0.1.0" in version.stdout, version.stderr)
    for page in ("man1/bleproxy.1", "man5/bleproxy-record.5", "man5/bleproxy.yaml.5", "man3/libbleproxy.3"):
        check(f"{page} is installed", (prefix / "share/man" / page).exists())

    units = list(work.rglob("bleproxyd.service"))
    keys = work / "etc/bleproxy/keys"
    check("where the unit is, there is a directory for keys, which only root enters",
          bool(units) == keys.is_dir() and (not units or keys.stat().st_mode & 0o777 == 0o700), f"{units}")

    def flags(*arguments):
        return shlex.split(run("pkg-config", *arguments, "bleproxy", env=env).stdout)

    programs = {}
    systemd = shlex.split(run("pkg-config", "--cflags", "--libs", "libsystemd").stdout)  # nothing without it
    glib = shlex.split(run("pkg-config", "--cflags", "--libs", "glib-2.0").stdout)  # nothing without GLib
    for name, extra in (("usage", []), ("poll", []), ("uv", ["-luv"]), ("heart_rate", []), ("extensions", []),
                        *([("sd_event", systemd)] if systemd else []), *([("glib", glib)] if glib else [])):
        programs[name] = work / name
        built = run("gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", ROOT / f"examples/{name}.c", "-o", programs[name],
                    *flags("--cflags", "--libs"), *extra)
        check(f"example {name} builds with pkg-config", built.returncode == 0, built.stderr)
    static = [flag if flag != "-lbleproxy" else f"{libdir}/libbleproxy.a" for flag in flags("--static", "--cflags", "--libs")]
    programs["static"] = work / "static"
    built = run("gcc", "-std=gnu11", ROOT / "examples/usage.c", "-o", programs["static"], *static)
    check("example usage builds with the static library", built.returncode == 0, built.stderr)
    check("example usage has at most 40 lines", len((ROOT / "examples/usage.c").read_text().splitlines()) <= 40)

    sim = subprocess.Popen([command, "sim", "--listen", f"{ADDRESS}:6053", "--seed", "5"], env=env,
                           stdout=subprocess.PIPE, text=True)
    try:
        sim.stdout.readline()
        for name in ("usage", "static"):
            heard = run(programs[name], ADDRESS, env=env)
            check(f"example {name} hears the virtual house", heard.returncode == 0 and len(heard.stdout.splitlines()) > 20,
                  heard.stdout + heard.stderr)
        found = run(programs["uv"], ADDRESS, "ATC_000000", env=env)
        check("example uv finds a device by its name", found.returncode == 0 and "dBm" in found.stdout,
              found.stdout + found.stderr)
        beats = run(programs["heart_rate"], ADDRESS, "5", env=env)
        check("example heart_rate monitors a strap", beats.returncode == 0 and " bpm" in beats.stdout,
              beats.stdout + beats.stderr)
        with subprocess.Popen([programs["poll"], ADDRESS], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as poll:
            line = poll.stdout.readline()
            poll.stdin.close()
            poll.stdout.read()
            poll.wait(timeout=60)
        check("example poll prints changes and ends with its input", "dBm through" in line and poll.returncode == 0, line)
    finally:
        sim.terminate()
        sim.wait()


with tempfile.TemporaryDirectory() as folder:
    main(pathlib.Path(folder))
print(f"1..{len(results)}")
sys.exit(0 if all(results) else 1)
