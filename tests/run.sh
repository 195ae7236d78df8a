#!/bin/sh
# `make test`: the format, the lints, the tests; at the end what has failed, and the sum of all counts.
#
# AGAIN=N runs up to N cases that have failed once more, each alone (counts.sh).
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=tests/counts.sh
. tests/counts.sh

# A machine with rustup's minimal profile has neither of the two.
for component in rustfmt clippy; do
  case $component in rustfmt) command=fmt ;; *) command=$component ;; esac
  cargo "$command" --version >/dev/null 2>&1 || rustup component add "$component"
done

echo "== format" >&2
cargo fmt --check
echo "== lints" >&2
cargo clippy --locked --all-targets -- -D warnings
echo "== tests" >&2
notes=$(mktemp -d)
trap 'rm -rf "$notes"' EXIT

# Topics whose cases make nothing that another process of the machine could meet: their own boxes,
# stages and groups. Together they take about half of all the time.
ASIDE=${ASIDE-crash lab lab_course lab_ex23 lab_ex5 lab_questions lab_progress scenario scenario_command
  scenario_format scenario_judge scenario_stage solutions_14 solutions_23 solution_debug}
if [ $# -gt 0 ] || [ -n "${CRUN_LUA_TEST_TOPICS:-}" ] || ! tests/aside.sh --can; then
  ASIDE=
fi

# The tests of cargo's, with all that they print, as it comes; the status is left in $notes, and `broken` where
# a test program has not come to its end.
tests() {
  { cargo test --locked "$@" </dev/null 2>&1 || echo $? >"$notes/status"; } | awk -v notes="$notes" '
    { print; fflush() }
    /^test .* \.\.\. / { print systime() - last, $0 >> (notes "/times") }
    /^(test|running) / { last = systime() }
    /^running [0-9]+ test/ { begun++ }
    /^test result:/ { ended++ }
    END { if (!begun || ended < begun) print begun + 0, ended + 0 > (notes "/broken") }
  '
}

# Both halves: what is run aside is printed when the other half is through.
halves() {
  if [ -n "$ASIDE" ]; then
    # Built once, before there are two who would do it.
    cargo test --locked --lib --bins --tests --no-run 2>&1 || { echo 101 >"$notes/status"; return; }
    (
      export CRUN_LUA_TEST_TOPICS="$ASIDE"
      cargo() { tests/aside.sh cargo "$@"; }
      tests --test suite >"$notes/aside"
    ) &
    others=$(printf ' -%s' $ASIDE)
    export CRUN_LUA_TEST_TOPICS="$others"
  fi
  # A test binary that fails must not hide the counts of the next one.
  tests --lib --bins --tests --no-fail-fast -- "$@"
  if [ -n "$ASIDE" ]; then
    wait
    echo "== aside: $ASIDE"
    cat "$notes/aside"
  fi
}

halves "$@" | told
recall
code=$(cat "$notes/status" 2>/dev/null || echo 0)
once() {
  rm -f "$notes/status"
  tests --test suite -- --exact "$1"
  [ ! -e "$notes/status" ]
}
if [ -e "$notes/broken" ]; then
  text="$text
a test program has ended in the middle"
  code=101
elif [ "$code" != 0 ] && again once; then
  code=0
fi

if [ "${SLOWEST:-0}" != 0 ]; then
  sort -rn "$notes/times" | head -n "$SLOWEST"
fi
[ -z "$text" ] || printf '%s\n' "$text"
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
exit "$code"
