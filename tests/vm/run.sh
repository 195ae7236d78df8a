#!/usr/bin/env bash
# Runs a command as root in a virtual machine of its own, which has Debian's kernel, cgroup v2 with
# every controller, and AppArmor, and sees this machine's files: what is built here runs there.
#
#   tests/vm/run.sh [OPTION…] -- COMMAND…
#     --systemd          systemd is process 1, D-Bus runs, and the command is a service
#     --kernel NAME      stable (6.1) or backports
#     --seconds N        the time limit (600)
#     --memory SIZE      2G
#     --processors N     2
#     --name NAME        what the console's log is called: target/vm/NAME.console (guest)
#     --append WORDS     more words for the kernel
#
# The command has this environment and directory, and no input. What it writes is dropped, but for its
# output and its status, which are this program's. 124: it has not ended in time; 125: there was no
# guest. Both show the end of the console's log.
set -euo pipefail

here=$(realpath "${BASH_SOURCE[0]%/*}")
project=$(realpath "$here/../..")
fail() {
  echo "vm: $*" >&2
  exit 125
}

systemd='' kernel=stable seconds=600 memory=2G processors=2 name=guest append=''
while (($#)); do
  case $1 in
    --systemd) systemd=1 ;;
    --kernel | --seconds | --memory | --processors | --name | --append)
      (($# > 1)) || fail "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    --) break ;;
    *) fail "unknown option '$1'; usage: tests/vm/run.sh [--systemd] [--kernel NAME] [--seconds N] … -- COMMAND…" ;;
  esac
  shift
done
(($# > 1)) || fail "no command: tests/vm/run.sh [OPTION…] -- COMMAND…"
shift
[[ $kernel = stable || $kernel = backports ]] || fail "unknown kernel '$kernel': stable or backports"
[[ $(uname -m) = x86_64 ]] || fail "guests are x86_64 machines, and this one is $(uname -m)"
[[ $(id -u) = 0 ]] || fail "a guest is started by root, who alone may show it all files: sudo make test-vm"

target=${CARGO_TARGET_DIR:-$project/target}
mkdir -p "$target/vm" || fail "$target/vm cannot be made"
cache=$(realpath "$target/vm")
"$here/../packages.sh" vm || fail "QEMU, or what goes with it, is missing and could not be installed (see above)"
image=$(CRUN_LUA_VM=$cache "$here/image.sh" "$kernel") || exit 125
# shellcheck source=tests/vm/boot.sh
. "$here/boot.sh"

run=$(mktemp -d "$cache/run.XXXXXX")
console=$cache/$name.console
started=()
clean() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$run"
  # So that whoever has called sudo can still clean up.
  if [[ ${SUDO_UID-} ]]; then chown -R "$SUDO_UID" "$cache"; fi
}
trap clean EXIT
trap 'exit 143' INT TERM HUP

room=$(df --output=avail -k "$cache" | tail -n 1)
((room > 1 << 20)) || fail "$cache has $((room >> 10)) MB left, and a guest's disk may need 1024: make room"

# What the guest finds in /run/vm: the scripts of its start, and the command.
cp -r "$here/guest" "$run/guest"
{
  export -p
  printf 'unset OLDPWD TMPDIR\nexport CRUN_LUA_VM_GUEST=1\ncd %q || exit 125\nexec' "$PWD"
  printf ' %q' "$@"
  echo
} >"$run/guest/command"

# What QEMU writes to a pipe goes on to a stream of ours.
readers=()
pass_on() {
  mkfifo "$run/$1"
  cat <"$run/$1" >&"$2" &
  readers+=($!)
  started+=($!)
}
pass_on out 1
pass_on err 2

accelerator=$(choose_accelerator)
prepare_qemu "$accelerator"
if [[ $accelerator = tcg ]]; then know_clock; fi
share_files
: >"$console"
add_devices
kernel_words+=" vm.run=$run vm.keep=$project,$cache vm.files=$(ulimit -Hn) $append"
if [[ $systemd ]]; then kernel_words+=" vm.systemd=1 systemd.unit=vm.target systemd.show_status=false"; fi
status=0
TMPDIR=$run timeout -k 2 "$seconds" "${qemu[@]}" -append "$kernel_words" </dev/null >"$run/qemu.log" 2>&1 &
started+=($!)
wait $! || status=$?

# The readers end even where QEMU has never opened their pipes.
for pipe in out err; do { exec 8<>"$run/$pipe" && exec 8>&-; }; done
wait "${readers[@]}" || true
if [[ -s $run/status ]]; then exit "$(<"$run/status")"; fi
echo "vm: the end of the console's log, $console:" >&2
tail -n 20 "$console" "$run/qemu.log" "$run/virtiofsd.log" >&2 || true
if [[ $status = 124 ]]; then
  echo "vm: the guest has not ended after $seconds seconds (${accelerator}), and was stopped" >&2
  exit 124
fi
fail "the guest has ended without a result (QEMU: $status)"
