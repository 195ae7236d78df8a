#!/usr/bin/env bash
# `make test-vm`: builds once, and runs the tests in guests (run.sh) as root, a guest for each two
# processors, each with its part of them: what a test leaves behind is only its own while no other
# runs beside it. The last line is the sum of all counts, as of `make test`.
#
#   tests/vm/suite.sh [PART-OF-A-NAME]      SYSTEMD=1: with systemd as process 1
#                                           TOPICS="cgroups lsm", or TOPICS=kernel: those of tests/vm/topics
#                                           KERNEL=backports, GUESTS=1, SECONDS_LIMIT=7200
set -euo pipefail

here=$(realpath "${BASH_SOURCE[0]%/*}")
cd "$here/../.."
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
mapfile -t binaries < <(cargo test --locked --lib --test suite --no-run 2>&1 | tee /dev/stderr |
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
for pid in "${running[@]}"; do wait "$pid" || status=$?; done

for ((number = 1; number <= guests; number++)); do
  tail -n 5 "$logs/suite-$number.log" | grep -q '^test result:\|^skipped:\|^$' ||
    echo "vm: guest $number ended in the middle: $logs/suite-$number.log" >&2
done
logs=("$logs"/suite-*.log)
awk -v guests="$guests" '
  /^test result:/ {
    results += 1
    for (i = 2; i < NF; i++) {
      if ($(i + 1) ~ /^passed/) passed += $i
      if ($(i + 1) ~ /^failed/) failed += $i
      if ($(i + 1) ~ /^ignored/) skipped += $i
    }
  }
  /^test .* FAILED$/ { print }
  /^skipped: / { print }
  END {
    printf "\nin the guest: %d passed, %d failed, %d skipped\n", passed, failed, skipped
    if (results < guests || passed == 0) { print "vm: not every guest has come to its end"; exit 1 }
  }
' "${logs[@]:0:guests}" || status=1
exit $status
