# SPDX-License-Identifier: MIT
# For the other scripts: where things are, and how what is missing gets installed.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-$top/build}

# What building and testing takes, by Debian's names.
build_packages="gcc libc6-dev meson ninja-build pkg-config libuv1-dev libsodium-dev libprotobuf-c-dev protobuf-c-compiler \
libyaml-dev libjson-c-dev libsystemd-dev binutils"
# What programs of BlueZ's take: bluetoothctl, bleak, and a message bus for them.
program_packages="dbus-daemon bluez python3-bleak"
test_packages="g++ libglib2.0-dev libcmocka-dev clang libclang-rt-14-dev valgrind python3 python3-gi mandoc iproute2 \
$program_packages bash-completion fish zsh"

# need_packages PACKAGE...: installs those that are not there, as root or through sudo.
need_packages() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        sudo=sudo
        command -v sudo >/dev/null || { echo "these packages are missing, and there is no sudo:$missing" >&2; exit 1; }
    fi
    echo "installing:$missing"
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# build_in DIR MESON-OPTION...: configures once, builds.
build_in() {
    dir=$1
    shift
    if [ ! -f "$dir/build.ninja" ]; then
        meson setup "$@" "$dir" "$top" >"$dir.log" 2>&1 || { cat "$dir.log" >&2; exit 1; }
        rm -f "$dir.log"
    fi
    ninja -C "$dir" --quiet
}
