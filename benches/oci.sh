#!/bin/sh
# Measures the OCI runtime against crun, runc, bwrap and C: oci.sh PROGRAM [PART…], as root.
#
# All run in one box (tests/box.sh), where Debian's crun finds the hierarchy that it wants and whatever
# a runtime leaves is removed. Bundles and states lie in memory, as /run does on most machines.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$(readlink -f "$1")
shift
dir=$(mktemp -d "${TMPDIR:-/tmp}/crun-lua-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM
${CC:-cc} -O2 -static -o "$dir/oci" "$here/oci.c"
# shellcheck disable=SC2016 # The inner shell's variables.
"$here/../tests/box.sh" --seconds 3600 --v1 hugetlb sh -c '
  export CRUN_LUA_STATE=/run/crun-lua-bench
  mkdir $CRUN_LUA_STATE
  exec "$@"' sh "$program" "$here/oci.lua" "$dir/oci" "$program" "$@"
