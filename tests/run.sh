#!/bin/sh
# `make test`: the format, the lints, the tests; at the end what has failed, and the sum of all counts.
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
  # Told again at the end, the beginning of each: a log may be kept by its last lines only.
  /^---- .* ----$/ { told = told "\nfailed: " substr($0, 6, length($0) - 10) "\n"; left = 8; next }
  /^(failures:|test result:)/ { left = 0 }
  left > 0 && NF { told = told "  " substr($0, 1, 200) "\n"; left-- }
  /^test result:/ {
    for (i = 2; i < NF; i++) {
      if ($(i + 1) ~ /^passed/) passed += $i
      if ($(i + 1) ~ /^failed/) failed += $i
      if ($(i + 1) ~ /^ignored/) skipped += $i
    }
  }
  END { printf "%s\n%d passed, %d failed, %d skipped\n", told, passed, failed, skipped }
'
code=$(cat "$status")
exit "${code:-0}"
