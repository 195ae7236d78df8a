#!/bin/sh
# Measures a container's start against C and bwrap: start.sh PROGRAM, as root.
#
# The state lies in memory where it can, as /run does on most machines.
set -eu
here=$(dirname "$0")
parent=/dev/shm
[ -w $parent ] || parent=${TMPDIR:-/tmp}
CRUN_LUA_STATE=$(mktemp -d $parent/crun-lua-bench-XXXXXX)
export CRUN_LUA_STATE
trap 'rm -rf "$CRUN_LUA_STATE"' EXIT
${CC:-cc} -O2 -static -o "$CRUN_LUA_STATE/limit" "$here/start.c"
"$1" "$here/start.lua" "$CRUN_LUA_STATE/limit" "$1"
