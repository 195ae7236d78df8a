#!/bin/sh
# Counts the system calls of a start, by strace: syscalls.sh PROGRAM [SCRIPT…]
#
# Without scripts it takes an empty one, a bare spawn, and scripts/hardened.lua proving itself and
# running /bin/true.
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
  set -- "$dir/empty.lua" "$dir/spawn.lua" scripts/hardened.lua 'scripts/hardened.lua -- /bin/true'
fi
printf '%-22s %6s %7s %7s %7s %7s %7s\n' script calls errors clone3 execve mount write
for script; do
  # shellcheck disable=SC2086 # A script may come with arguments.
  strace -f -qq -c -o "$dir/counts" "$program" $script </dev/null >/dev/null || echo "$script: status $?" >&2
  awk -v name="$(printf %s "$script" | sed 's:^[^ ]*/::; s: -- .*/: -- :')" '
    NF >= 5 && $4 ~ /^[0-9]+$/ && $NF != "total" { calls += $4; count[$NF] = $4; if (NF == 6) errors += $5 }
    END {
      execs = count["execve"] + count["execveat"]
      mounts = count["mount"] + count["move_mount"] + count["fsmount"] + count["open_tree"] + count["mount_setattr"]
      printf "%-22s %6d %7d %7d %7d %7d %7d\n", name, calls, errors, count["clone3"], execs, mounts, count["write"]
    }' "$dir/counts"
done
