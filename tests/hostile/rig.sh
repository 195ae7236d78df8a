#!/bin/sh
# The whole rig with its figures: each variant at each place, races of so many seconds, and all of it
# again without each of the younger system calls. `tests/hostile/rig.sh PROGRAM SECONDS [FILE…]`, with
# STDLIB=DIRECTORY where the program's own stdlib is not the one that is tried.
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
if [ -n "${STDLIB:-}" ]; then
  STDLIB=$(realpath "$STDLIB")
  export CRUN_LUA_TEST_STDLIB="$STDLIB"
fi
status=0
cases() { "$program" ${STDLIB:+--stdlib "$STDLIB"} "tests/hostile/${1}_test.lua" "$2" ${3+"$3"} </dev/null; }
for file; do
  cases "$file" --list | cut -f1 >"$place/cases"
  while read -r name; do
    echo "$file: $name"
    cases "$file" --case "$name" >"$place/said" 2>&1 || { status=1 && echo "  FAILED"; }
    cat "$place/said"
    cat "$place/said" >>"$place/all"
  done <"$place/cases"
done
awk '
  / roots, [0-9]+ calls, / { calls += $3; roots += $1 }
  / containers ran$| containers, .* lived$/ { containers += $1; lived += $3 }
  / layers, / { layers += $1 }
  /in all: exchanges/ { gsub(",", ""); exchanges += $4; tries += $6 }
  END {
    printf "the whole rig: %d calls of handles on %d roots, %d containers (%d lived), %d layers, ", calls, roots, containers, lived, layers
    printf "%d exchanges with %d tries\n", exchanges, tries
  }' "$place/all"
exit "$status"
