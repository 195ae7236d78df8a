#!/bin/sh
# The whole rig with its figures: each variant at each place, races of so many seconds, and all of it
# again without each of the younger system calls. `tests/hostile/rig.sh PROGRAM SECONDS [FILE…]`
set -eu
cd "$(dirname "$0")/../.."
program=$(realpath "$1") seconds=$2
shift 2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -m 0700 "$place/state" "$place/data" "$place/tmp"
export CRUN_LUA_STATE="$place/state" CRUN_LUA_DATA="$place/data" TMPDIR="$place/tmp"
export CRUN_LUA_TEST_PROGRAM="$program" CRUN_LUA_TEST_RIG="$seconds"
[ $# -gt 0 ] || set -- canary handle container race fallback
status=0
for file; do
  "$program" "tests/hostile/${file}_test.lua" --list | cut -f1 >"$place/cases"
  while read -r name; do
    echo "$file: $name"
    "$program" "tests/hostile/${file}_test.lua" --case "$name" </dev/null || { status=1 && echo "  FAILED"; }
  done <"$place/cases"
done
exit "$status"
