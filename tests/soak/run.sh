#!/bin/sh
# The soak: containers made, started, entered, ended and removed by the thousand, with a fault in one of
# ten; see soak.lua. As root: run.sh PROGRAM [NAME=VALUE…]
#
#   N=10000     containers        FAULTS=10  a fault in one of that many; 0 for none
#   EVERY=100   between two looks for what is left; 20 with STRIDE, 1 with ONLY
#   SEED=NUMBER of an earlier run: the same containers with the same faults again
#   LEAK=WORDS  leave something behind on purpose: fd,memory,cgroup,state,mount,link,process
#   STRIDE=1    instead: each call of each command and kind fails once; every so manieth
#   ONLY=W,W    instead: each call with one of these words in it fails once
#   KINDS=WORDS of containers: host plain dir detached network
#   LIMIT=N   end early, with the figures so far
#   TELL=1      print what each fault has come to
#   PATIENCE=30 how many seconds what is left may take to go
#
# All run in one box (tests/box.sh): whatever is left is removed with it, and every process that is seen
# in it is the soak's own. The state lies on a small file system in memory, so that it can be full.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$(readlink -f "$1")
shift
for setting in "$@"; do export "${setting?}"; done
[ -z "${STDLIB:-}" ] || STDLIB=$(readlink -f "$STDLIB")
dir=$(mktemp -d "${TMPDIR:-/tmp}/crun-lua-soak-XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM
export TMPDIR="$dir" CRUN_LUA_STATE=/run/soak
"$here/../box.sh" --seconds 14400 "$program" ${STDLIB:+--stdlib "$STDLIB"} "$here/soak.lua" "$program" \
  "$here/owner.lua" "$dir"
