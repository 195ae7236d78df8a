#!/bin/sh
# `make test`: the format, the lints, the tests; at the end what has failed, and the sum of all counts.
#
# AGAIN=N runs up to N cases that have failed once more, each alone. One that passes then is counted as
# passed and told as unsteady, with what it said the first time: the build server's machine has other
# work to do as well, and a case that fails there one time in thousands is mended by its message, not
# by everybody's waiting for the next turn. More than N failures are what they are.
set -eu
cd "$(dirname "$0")/.."

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

# The tests of cargo's, with all that they print, as it comes; the status is left in $notes.
tests() {
  { cargo test --locked "$@" </dev/null 2>&1 || echo $? >"$notes/status"; } | awk -v times="$notes/times" '
    { print; fflush() }
    /^test .* \.\.\. / { print systime() - last, $0 >> times }
    /^(test|running) / { last = systime() }
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

# Prints what tests print, and leaves in $notes the counts, the names of failed cases, and the beginning
# of what each has said: a log may be kept by its last lines only.
told() {
  awk -v notes="$notes" '
    { print; fflush() }
    /^---- .* ----$/ {
      name = substr($0, 6, length($0) - 10)
      print name > (notes "/failed")
      print "\nfailed: " name > (notes "/told")
      left = 8
      next
    }
    /^(failures:|test result:)/ { left = 0 }
    left > 0 && NF { print "  " substr($0, 1, 200) > (notes "/told"); left-- }
    /^test result:/ {
      for (i = 2; i < NF; i++) {
        if ($(i + 1) ~ /^passed/) passed += $i
        if ($(i + 1) ~ /^failed/) failed += $i
        if ($(i + 1) ~ /^ignored/) skipped += $i
      }
    }
    END { print passed + 0, failed + 0, skipped + 0 > (notes "/counts") }
  '
}

halves "$@" | told
read -r passed failed skipped <"$notes/counts"
code=$(cat "$notes/status" 2>/dev/null || echo 0)
told=$(cat "$notes/told" 2>/dev/null || true)

if [ "$code" != 0 ] && [ "$failed" -gt 0 ] && [ "$failed" -le "${AGAIN:-0}" ]; then
  mv "$notes/failed" "$notes/again"
  code=0
  while read -r name; do
    rm -f "$notes/status" "$notes/counts"
    echo "== again: $name" >&2
    tests --test suite -- --exact "$name" | told
    read -r once _ <"$notes/counts"
    if [ ! -e "$notes/status" ] && [ "$once" = 1 ]; then
      passed=$((passed + 1)) failed=$((failed - 1))
      told="$told
unsteady: $name: it passed when it was run again"
    else
      code=101
    fi
  done <"$notes/again"
fi

if [ "${SLOWEST:-0}" != 0 ]; then
  sort -rn "$notes/times" | head -n "$SLOWEST"
fi
[ -z "$told" ] || printf '%s\n' "$told"
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
exit "$code"
