#!/bin/sh
# Counts the system calls of a start, by strace: syscalls.sh PROGRAM [SCRIPT…]
#
# Without scripts it takes an empty one and a bare spawn, and scripts/hardened.lua where there is one.
set -eu
program=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
: >"$dir/empty.lua"
cat >"$dir/spawn.lua" <<'LUA'
local child <close> = spawn(function() exec { "/bin/true" } end)
os.exit(child:wait().code)
LUA
if [ $# = 0 ]; then
  set -- "$dir/empty.lua" "$dir/spawn.lua"
  [ ! -e scripts/hardened.lua ] || set -- "$@" scripts/hardened.lua
fi
printf '%-16s %6s %7s %7s %7s %7s %7s\n' script calls errors clone3 execve mount write
for script; do
  strace -f -qq -c -o "$dir/counts" "$program" "$script" </dev/null >/dev/null || echo "$script: status $?" >&2
  awk -v name="$(basename "$script")" '
    NF >= 5 && $4 ~ /^[0-9]+$/ && $NF != "total" { calls += $4; count[$NF] = $4; if (NF == 6) errors += $5 }
    END {
      execs = count["execve"] + count["execveat"]
      mounts = count["mount"] + count["move_mount"] + count["fsmount"] + count["open_tree"] + count["mount_setattr"]
      printf "%-16s %6d %7d %7d %7d %7d %7d\n", name, calls, errors, count["clone3"], execs, mounts, count["write"]
    }' "$dir/counts"
done
