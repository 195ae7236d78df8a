# What the files of this directory share; they source it. Such a file is a row of
#
#   if it "a sentence that must hold"; then
#     commands, of which the first that fails ends the case
#   fi
#
# FILE --list prints the sentences, each with the reason why it is skipped here (tests/suite/callers.rs
# makes tests of them). FILE --case SENTENCE runs one in a box (tests/box.sh), where RUNTIME is the
# runtime that is tested. FILE alone runs all, FILE --match WORD those with the word in it.
#
# shellcheck shell=sh
set -eu
here=$(cd "${0%/*}" && pwd)
mode=${1---match}
wanted=${2-}
ran=no
# What the processor of a guest takes longer (tests/vm).
slow=${CRUN_LUA_TEST_SLOW:-1}
if [ "$mode" != --list ]; then
  RUNTIME=$(command -v "${RUNTIME:?is to be the runtime that is tested, a path or a name}")
  export RUNTIME
fi

# The reason why the cases of this file are skipped, or nothing: skipped PROGRAM…
skipped() {
  if [ "$(id -u)" != 0 ]; then echo "it needs root" && return; fi
  if ! unshare --mount --pid --net --cgroup --fork true 2>/dev/null; then
    echo "no namespaces can be made here" && return
  fi
  for program; do
    if ! command -v "$program" >/dev/null; then echo "'$program' is not installed" && return; fi
  done
}

# Runs one case of this file in a box, with a directory for it that is removed.
boxed() {
  dir=$(mktemp -d "${TMPDIR:-/tmp}/crun-lua-caller-XXXXXX")
  added=
  if [ "${RUNTIME##*/}" = crun ]; then added=hugetlb; fi
  # A signal must not leave the directory: the box ends by itself when this shell does.
  trap 'rm -rf "$dir"' EXIT
  trap 'exit 143' HUP INT TERM
  status=0
  TMPDIR=$dir "$here/../box.sh" --seconds "${SECONDS_EACH:-$((110 * slow))}" --v1 "$added" "$here/${0##*/}" --boxed "$1" || status=$?
  rm -rf "$dir"
  trap - EXIT HUP INT TERM
  return $status
}

# Whoever asks for one of the known runtimes gets the one that is tested: nothing is run by another
# unnoticed (`ctr` forgets --runc-binary where identities are mapped). The mounts are the box's.
replace_others() {
  for name in crun runc; do
    other=$(command -v $name) || continue
    if [ "$other" != "$RUNTIME" ]; then mount --bind "$RUNTIME" "$other"; fi
  done
}

# Whether the case of this sentence is to run now; the other words are programs that it needs too.
it() {
  sentence=$1
  shift
  case $mode in
    --list)
      # shellcheck disable=SC2154 # Each file sets what it needs.
      printf '%s\t%s\n' "$sentence" "$(skipped $needed "$@")"
      return 1
      ;;
    --boxed)
      if [ "$sentence" != "$wanted" ]; then return 1; fi
      ran=yes
      # Engines write into the current directory too.
      cd "$TMPDIR"
      # The root of a user namespace has to reach what lies in it.
      chmod 755 "$TMPDIR"
      replace_others
      prepare
      return 0
      ;;
    --case) if [ "$sentence" != "$wanted" ]; then return 1; fi ;;
    --match) case $sentence in *"$wanted"*) ;; *) return 1 ;; esac ;;
  esac
  ran=yes
  # shellcheck disable=SC2086
  reason=$(skipped $needed "$@")
  if [ -n "$reason" ]; then
    echo "skipped: $sentence ($reason)"
  elif boxed "$sentence"; then
    passed=$((${passed:-0} + 1))
    echo "ok: $sentence"
  else
    failed=$((${failed:-0} + 1))
    echo "FAILED: $sentence"
  fi
  return 1
}

# The last line of each file.
finish() {
  case $mode in
    --list | --boxed) ;;
    --match) echo "${passed:-0} passed, ${failed:-0} failed" ;;
  esac
  if [ "$mode" != --list ] && [ $ran = no ]; then fail "no such case: $wanted"; fi
  [ "${failed:-0}" = 0 ] || exit 1
}

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# The command ends with this status: ends 7 COMMAND…
ends() {
  expected=$1
  shift
  got=0
  "$@" || got=$?
  [ "$got" = "$expected" ] || fail "$*: expected status $expected, got $got"
}

# The command succeeds, and its standard output is this text: prints TEXT COMMAND…
prints() {
  expected=$1
  shift
  got=$("$@") || fail "$*: status $?: $got"
  # A terminal ends lines with a carriage return too.
  got=$(printf %s "$got" | tr -d '\r')
  [ "$got" = "$expected" ] || fail "$*: expected '$expected', got '$got'"
}

# The command's output, on both streams, has this text in it, in upper or lower case, whatever its
# status: says TEXT COMMAND…
says() {
  expected=$(printf %s "$1" | tr '[:upper:]' '[:lower:]')
  shift
  got=$("$@" 2>&1 | tr '[:upper:]' '[:lower:]') || true
  case $got in *"$expected"*) ;; *) fail "$*: expected '$expected' in '$got'" ;; esac
}

# The command succeeds within ten seconds: comes COMMAND…
comes() {
  for _ in $(seq $((100 * slow))); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  "$@" || fail "$*: not in ten seconds"
}

# The processor time that a process has used, in clock ticks (proc_pid_stat(5)).
ticks() { cut -d ' ' -f 14 "/proc/$1/stat"; }

# A busy process uses processor time, or none: moves PID, stands PID
moves() {
  before=$(ticks "$1")
  sleep 0.3
  [ "$(ticks "$1")" != "$before" ]
}
stands() {
  if moves "$1"; then fail "$1 runs on"; fi
}

# A tar file of a small root: busybox, with all its names.
pack() {
  program=$(readlink -f "$(command -v busybox)")
  mkdir -p "$TMPDIR/tree/bin" "$TMPDIR/tree/etc" "$TMPDIR/tree/tmp" "$TMPDIR/tree${program%/*}"
  cp "$program" "$TMPDIR/tree$program"
  "$program" --install -s "$TMPDIR/tree/bin" 2>/dev/null
  printf 'root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000:Ann:/:/bin/sh\n' >"$TMPDIR/tree/etc/passwd"
  printf 'root:x:0:\nann:x:1000:\nstaff:x:50:ann\n' >"$TMPDIR/tree/etc/group"
  chmod 1777 "$TMPDIR/tree/tmp"
  tar -C "$TMPDIR/tree" -cf "$TMPDIR/busybox.tar" .
  rm -r "$TMPDIR/tree"
}
