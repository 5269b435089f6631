#!/bin/sh
# SPDX-License-Identifier: MIT
# Joins archives into one whose only global symbols are bleproxy_*: localise.sh OUTPUT WORKDIR ARCHIVE...
set -eu
output=$1
work=$2
shift 2
mkdir -p "$work"
${LD:-ld} -r -o "$work/all.o" --whole-archive "$@"
${OBJCOPY:-objcopy} --wildcard --keep-global-symbol='bleproxy_*' "$work/all.o"
rm -f "$output"
${AR:-ar} rcs "$output" "$work/all.o"
