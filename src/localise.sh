#!/bin/sh
# SPDX-License-Identifier: MIT
# Joins archives into one whose only global symbols are bleproxy_*: localise.sh OUTPUT WORKDIR ARCHIVE... -- COMPILER...
# The compiler, in one word or several, knows the tools of the processor that it builds for.
set -eu
output=$1
work=$2
shift 2
archives=
while [ "$1" != -- ]; do
    archives="$archives $1"
    shift
done
shift
mkdir -p "$work"
# shellcheck disable=SC2086 # a list of paths, relative ones
"$@" -r -nostdlib -o "$work/all.o" -Wl,--whole-archive $archives
"$("$@" -print-prog-name=objcopy)" --wildcard --keep-global-symbol='bleproxy_*' "$work/all.o"
rm -f "$output"
"$("$@" -print-prog-name=ar)" rcs "$output" "$work/all.o"
