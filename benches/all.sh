#!/bin/sh
# Runs what is measured of the whole program, and sums up the lines that have a limit: all.sh PROGRAM
#
# What a machine has not the programs or the rights for is named and left out.
set -eu
program=$1
here=$(dirname "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Runs a command where the programs that it needs are there: measure NAME "PROGRAM…" COMMAND…
measure() {
  name=$1
  needed=$2
  shift 2
  for one in $needed; do
    if ! command -v "$one" >/dev/null; then
      echo "$name: left out, '$one' is not installed"
      return
    fi
  done
  echo
  echo "== $name"
  "$@" 2>&1 | tee "$dir/out"
  sed -n "s/.*(limit .*/$name: &/p" "$dir/out" | tr -s ' ' >>"$dir/limits"
}

: >"$dir/limits"
measure "system calls" strace "$here/syscalls.sh" "$program"
measure "prompt" "" "$program" "$here/prompt.lua"
measure "repl" lua5.4 "$here/repl.sh" "$program"
measure "supervise" "${CC:-cc}" "$here/supervise.sh" "$program"
if [ "$(id -u)" = 0 ]; then
  measure "start" "${CC:-cc} bwrap" "$here/start.sh" "$program"
  measure "many" sleep "$program" "$here/many.lua"
  measure "unpack" "tar umoci" "$program" "$here/unpack.lua"
  measure "oci" "${CC:-cc} busybox" "$here/oci.sh" "$program"
else
  echo "start, many, unpack, oci: left out, they need root"
fi
echo
echo "== what was reached, and the limits"
cat "$dir/limits"
