# What test runners print, counted, and cases that have failed run once more. Sourced by run.sh and
# vm/suite.sh, which set `notes` to a directory of their own: `tests | told` leaves there `counts` (three
# numbers: passed, failed, skipped), `failed` (names) and `told` (the beginning of what each has said).
#
# shellcheck shell=sh
# shellcheck disable=SC2154 # `notes`

# Prints what comes and leaves that: a log may be kept by its last lines only.
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

# Sets `passed`, `failed`, `skipped` and `text` (what was told) from what is there.
recall() {
  read -r passed failed skipped <"$notes/counts"
  text=$(cat "$notes/told" 2>/dev/null || true)
}

# Runs the failed cases again, each alone, by `COMMAND… NAME`, where they are at most AGAIN, and at least
# one: is true if all of them pass then.
#
# One that passes then is counted as passed and told as unsteady, with what it said the first time: the
# build server's machine has other work to do as well, and a case that fails there one time in thousands
# is mended by its message, not by everybody's waiting for the next turn. More than AGAIN failures are
# what they are.
again() {
  if [ "$failed" = 0 ] || [ "$failed" -gt "${AGAIN:-0}" ]; then return 1; fi
  mv "$notes/failed" "$notes/again"
  all=true
  while read -r name; do
    rm -f "$notes/counts"
    echo "== again: $name" >&2
    { "$@" "$name" </dev/null 2>&1 || echo $? >"$notes/again-failed"; } | told
    read -r once others _ <"$notes/counts"
    if [ ! -e "$notes/again-failed" ] && [ "$once $others" = "1 0" ]; then
      passed=$((passed + 1)) failed=$((failed - 1))
      text="$text
unsteady: $name: it passed when it was run again"
    else
      all=false
    fi
    rm -f "$notes/again-failed"
  done <"$notes/again"
  $all
}
