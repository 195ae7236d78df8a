#!/bin/sh
# Runs the validation suite against a runtime and sums up: run.sh SUITE RUNTIME CRUN-LUA [PATTERN]
#
# SUITE is build.sh's directory. The programs (those whose name has PATTERN in it) run one after the
# other in a box (tests/box.sh); what each prints stays in SUITE/results/RUNTIME. CRUN-LUA reads that
# and compares it with what is expected of this runtime (tally.lua).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# A guest's emulated processors need their time (tests/vm).
slow=${CRUN_LUA_VM_GUEST:+4}
slow=${slow:-1}

if [ "$1" = --boxed ]; then
  cd "$2/src/github.com/opencontainers/runtime-tools"
  results=$3
  RUNTIME=$4
  export RUNTIME
  # A program takes the machine's second link for its priorities.
  ip link add eth0 type bridge
  for program in $(find validation -name '*.t' | sort); do
    name=$(basename "$program" .t)
    case $name in *"$5"*) ;; *) continue ;; esac
    status=0
    timeout -k 5 $((180 * slow)) "./$program" >"$results/$name.tap" 2>"$results/$name.err" </dev/null || status=$?
    echo "$status" >"$results/$name.status"
  done
  exit
fi

suite=$(cd "$1" && pwd)
runtime=$(readlink -f "$(command -v "$2")")
program=$3
name=${runtime##*/}
results=$suite/results/$name
rm -rf "$results"
mkdir -p "$results"
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/crun-lua-conformance-XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 143' HUP INT TERM
# A program names a profile of AppArmor's, and leaves it to the machine to have it.
if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
  profile='profile acme_secure_profile flags=(attach_disconnected, mediate_deleted) {
    capability, file, mount, network, pivot_root, ptrace, signal, umount, unix, }'
  echo "$profile" | apparmor_parser --replace --skip-cache
  trap 'rm -rf "$TMPDIR"; echo "$profile" | apparmor_parser --remove' EXIT
fi
# The root of a user namespace has to reach the bundles.
chmod 755 "$TMPDIR"
# Programs of the suite set limits in hierarchies that hardly a machine mounts.
"$here/../box.sh" --seconds $((1800 * slow)) --v1 "hugetlb net_cls net_prio" "$here/run.sh" --boxed "$suite" "$results" "$runtime" "${4-}"
version=v1
[ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] || version=v2
"$program" "$here/tally.lua" "$results" "${4-}" "$here/expected/$name.txt" "$here/expected/$name.$version.txt"
