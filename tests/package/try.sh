#!/bin/sh
# SPDX-License-Identifier: MIT
# What the packages in a directory hold works, put in place without dpkg's database: the commands start, a program that is
# built as pkg-config says hears a virtual proxy, and the service is neither lost nor left by dpkg. usage: try.sh DIRECTORY
set -eu
root=$1/root
rm -rf "$root"
for package in libbleproxy0 libbleproxy-dev bleproxy bleproxyd; do
    dpkg -x "$1/${package}"_*.deb "$root"
done
libdir=$(dirname "$(find "$root/usr/lib" -name 'libbleproxy.so.0' | head -n 1)")
export LD_LIBRARY_PATH="$libdir" PKG_CONFIG_PATH="$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
# What dpkg does with the service: one that runs goes on with the new version, none is started, and it ends with the package.
dpkg-deb -e "$1"/bleproxyd_*.deb "$root/control"
grep -q "deb-systemd-invoke try-restart 'bleproxyd.service'" "$root/control/postinst"
grep -B 1 'deb-systemd-invoke stop bleproxyd.service' "$root/control/prerm" | grep -q '= remove'
if cat "$root"/control/p* | grep -E 'deb-systemd-invoke (start|restart|\$)' || grep -s 'deb-systemd-invoke stop' "$root/control/preinst"; then
    echo "an upgrade stops the service, or starts one that was stopped" >&2
    exit 1
fi
state=$(mktemp -d)
sim=
cleanup() {
    [ -z "$sim" ] || kill "$sim" 2>/dev/null || true
    rm -rf "$state"
}
trap cleanup EXIT
export XDG_RUNTIME_DIR="$state" XDG_STATE_HOME="$state" HOME="$state"

"$root/usr/bin/bleproxy" --version
"$root/usr/bin/bleproxyd" --help >/dev/null
# shellcheck disable=SC2046 # words
gcc -Wall -Werror "$root/usr/share/doc/libbleproxy-dev/examples/usage.c" -o "$state/usage" \
    $(pkg-config --cflags --libs bleproxy)
# The example knows only the usual port; the address is for this test.
mkfifo "$state/ready"
"$root/usr/bin/bleproxy" sim --listen 127.0.53.2:6053 >"$state/ready" &
sim=$!
exec 3<"$state/ready"
read -r _ <&3
heard=$("$state/usage" 127.0.53.2 | wc -l)
echo "the example hears $heard devices"
[ "$heard" -gt 20 ]
