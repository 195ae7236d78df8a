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

# Runs tests, prints what they print, and leaves in $notes the counts, the names of failed cases, and
# the beginning of what each has said: a log may be kept by its last lines only.
run() {
  { cargo test --locked "$@" </dev/null 2>&1 || echo $? >"$notes/status"; } | awk -v notes="$notes" '
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

# A test binary that fails must not hide the counts of the next one.
run --lib --bins --tests --no-fail-fast -- "$@"
read -r passed failed skipped <"$notes/counts"
code=$(cat "$notes/status" 2>/dev/null || echo 0)
told=$(cat "$notes/told" 2>/dev/null || true)

if [ "$code" != 0 ] && [ "$failed" -gt 0 ] && [ "$failed" -le "${AGAIN:-0}" ]; then
  mv "$notes/failed" "$notes/again"
  code=0
  while read -r name; do
    rm -f "$notes/status" "$notes/counts"
    echo "== again: $name" >&2
    run --test suite -- --exact "$name"
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

[ -z "$told" ] || printf '%s\n' "$told"
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
exit "$code"
