# SPDX-License-Identifier: MIT
# Sourced by scripts/interop and scripts/bench, after scripts/lib.sh.

# interop_python: makes or reuses a virtual environment with the pinned Python stack and prints its interpreter.
# Fails, with the reason on stderr, when there is no Python 3.11 or newer, no venv, or no package index.
interop_python() {
    requirements=$top/tests/interop/requirements.txt
    venv=${BLEPROXY_VENV:-$build/interop-venv}
    if ! /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' >&2; then
        echo "no Python 3.11 or newer" >&2
        return 1
    fi
    # The copy in the environment is written last: it says that what it lists is installed.
    if ! cmp -s "$requirements" "$venv/requirements.txt"; then
        need_packages python3-venv >&2
        /usr/bin/python3 -m venv "$venv" >&2 || { echo "no virtual environment can be made in $venv" >&2; return 1; }
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check --requirement "$requirements" >&2 ||
            { echo "the Python packages cannot be installed: is there no package index?" >&2; return 1; }
        cp "$requirements" "$venv/requirements.txt"
    fi
    echo "$venv/bin/python"
}
