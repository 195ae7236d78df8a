#!/usr/bin/env bash
# `make test-vm`: builds once, and runs the tests in guests (run.sh) as root, a guest for each two
# processors, each with its part of them: what a test leaves behind is only its own while no other
# runs beside it. The last line is the sum of all counts, as of `make test`.
#
#   tests/vm/suite.sh [PART-OF-A-NAME]      SYSTEMD=1: with systemd as process 1
#                                           TOPICS="cgroups lsm", or TOPICS=kernel: those of tests/vm/topics
#                                           KERNEL=backports, GUESTS=1, SECONDS_LIMIT=7200
#                                           AGAIN=3: up to three failed cases once more (tests/counts.sh)
set -euo pipefail

here=$(realpath "${BASH_SOURCE[0]%/*}")
cd "$here/../.."
# shellcheck source=tests/counts.sh
. tests/counts.sh
notes=$(mktemp -d)
trap 'rm -rf "$notes"' EXIT
guests=${GUESTS:-2}
limit=${SECONDS_LIMIT:-7200}
topics=${TOPICS:-}
if [[ $topics = kernel ]]; then topics=$(sed 's/#.*//' "$here/topics${SYSTEMD:+.systemd}" | tr '\n' ' '); fi
options=(--kernel "${KERNEL:-stable}" --seconds "$limit")
if [[ ${SYSTEMD-} ]]; then options+=(--systemd); fi

fail() {
  echo "vm: $*" >&2
  exit 1
}

# The suite, and the unit tests: what cargo would run. Emulated processors need their time.
mapfile -t binaries < <(cargo test --locked --lib --test suite --no-run 2>&1 | tee >(cat >&2) |
  sed -n 's/^ *Executable .*(\(.*\))$/\1/p')
((${#binaries[@]} == 2)) || fail "the tests could not be built"
export CRUN_LUA_TEST_SLOW=${CRUN_LUA_TEST_SLOW:-20}
if [[ $topics ]]; then export CRUN_LUA_TEST_TOPICS=$topics; fi

logs=${CARGO_TARGET_DIR:-target}/vm
mkdir -p "$logs"
# Once, before there are two who would do it.
tests/packages.sh vm
CRUN_LUA_VM=$(realpath "$logs") "$here/image.sh" "${KERNEL:-stable}" >/dev/null

# One guest: its part of the suite, and in the first one the unit tests. Lines are passed on whole.
part() {
  local words=("${binaries[1]}" "$@")
  CRUN_LUA_TEST_PART=$number/$guests "$here/run.sh" "${options[@]}" --name "suite-$number" -- bash -c '
    status=0
    if [[ $1 = 1 && -z $2 && $# = 4 ]]; then "$3" || status=$?; fi
    "${@:4}" || status=$?
    exit $status' - "$number" "$topics" "${binaries[0]}" "${words[@]}" 2>&1 |
    grep --line-buffered '' | tee "$logs/suite-$number.log"
}

running=()
for ((number = 1; number <= guests; number++)); do
  part "$@" &
  running+=($!)
done
status=0
for pid in "${running[@]}"; do
  code=0 && wait "$pid" || code=$?
  status=$((code > status ? code : status))
done
written=()
for ((number = 1; number <= guests; number++)); do
  written+=("$logs/suite-$number.log")
  if [[ $(grep -o '^running \|^test result:' "${written[-1]}" | tail -n 1) != 'test result:' ]]; then
    echo "vm: guest $number has ended in the middle: ${written[-1]}" >&2
    status=125
  fi
done
cat "${written[@]}" | told >/dev/null
recall
# 101: a test has failed, and nothing else has. A guest that was stopped is no matter of one test.
once() { "$here/run.sh" "${options[@]}" --name suite-again -- "${binaries[1]}" --exact "$1"; }
if ((status == 101)) && again once; then status=0; fi
if ((status == 0 && passed == 0)); then
  echo "vm: no test has run" >&2
  status=1
fi
grep -h '^skipped: ' "${written[@]}" || true
if [[ $text ]]; then printf '%s\n' "$text"; fi
printf '\nin the guest%s: %d passed, %d failed, %d skipped\n' "${SYSTEMD:+ with systemd}" "$passed" "$failed" "$skipped"
exit $status
