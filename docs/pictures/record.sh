#!/bin/sh
# Records the terminal pictures of the README and the book from real runs: sh docs/pictures/record.sh
#
# Needs python3, and root for the namespaces. CRUN_LUA is the program; what cargo has built without
# it. The numbers of processes and namespaces are those of the run.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
target=$(find "$here/../../target" -maxdepth 3 -type f -name crun-lua -perm -u+x 2>/dev/null | head -n 1)
program=${CRUN_LUA:-$target}
if [ -z "$program" ]; then
  echo "record.sh: no program; run cargo build first, or set CRUN_LUA" >&2
  exit 1
fi
program=$(realpath "$program")
cd "$here"

# Nobody's history and nobody's containers get into a picture.
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export HOME="$place" CRUN_LUA_STATE="$place/state" CRUN_LUA_DATA="$place/data" XDG_STATE_HOME="$place/xdg"

python3 terminal.py -o explain.svg --columns 80 --show "crun-lua --explain explain.lua" -- "$program" --explain explain.lua
python3 terminal.py -o plan.svg --columns 80 --show "crun-lua --dry-run explain.lua" -- "$program" --dry-run explain.lua
python3 terminal.py -o repl.svg --columns 104 --title crun-lua --keys repl.keys -- "$program"
