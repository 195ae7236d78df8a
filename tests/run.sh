#!/bin/sh
# `make test`: the format, the lints, the tests; the last line is the sum of all counts.
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
status=$(mktemp)
trap 'rm -f "$status"' EXIT
# A test binary that fails must not hide the counts of the next one.
{
  cargo test --locked --lib --bins --tests --no-fail-fast -- "$@" </dev/null 2>&1 || echo $? >"$status"
} | awk '
  { print; fflush() }
  /^test result:/ {
    for (i = 2; i < NF; i++) {
      if ($(i + 1) ~ /^passed/) passed += $i
      if ($(i + 1) ~ /^failed/) failed += $i
      if ($(i + 1) ~ /^ignored/) skipped += $i
    }
  }
  END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped }
'
code=$(cat "$status")
exit "${code:-0}"
