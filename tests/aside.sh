#!/bin/sh
# Runs a command, as root, on a machine of its own as far as tests can leave something on one: with mounts,
# a /tmp and a /run, network devices and control groups that nobody else sees. So two halves of the suite
# run at once, and what either leaves behind is known to be its own.
#
#   tests/aside.sh cargo test --test suite -- lab_course
#
# What it is given of the machine's control groups is a group in each hierarchy, called crun-lua-aside.PID,
# which looks like the root of it inside. `tests/suite/leaks.rs` does not look into these from outside.
# With a single word, `--can`, it tells by its status whether this machine lets it.
set -eu

if [ "${1:-}" != --inside ]; then
  # With pure version 2 a group whose parent has members gets no controllers.
  if [ "$(id -u)" != 0 ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || ! command -v unshare >/dev/null ||
    ! command -v ip >/dev/null; then
    [ "$*" = --can ] || echo "aside: root, control groups of version 1, unshare and ip are needed" >&2
    exit 1
  fi
  if [ "$*" = --can ]; then
    exec unshare --mount --net --cgroup true 2>/dev/null
  fi
  name=crun-lua-aside.$$
  dir=$(mktemp -d)
  groups=
  # HIERARCHY:CONTROLLERS:PATH; the second is empty for version 2, and name=systemd for a bare one.
  while IFS=: read -r _ controllers path; do
    case $controllers in
      '') mount=/sys/fs/cgroup/unified; [ -d "$mount" ] || mount=/sys/fs/cgroup ;;
      *) mount=/sys/fs/cgroup/${controllers#name=} ;;
    esac
    group=$mount${path%/}/$name
    [ -d "$mount" ] && mkdir "$group" 2>/dev/null || continue
    # A group of processors and memory begins without any, and takes nobody.
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$mount$path/$file" ] || cat "$mount$path/$file" >"$group/$file"
    done
    # As much of the processors as four others get: it is one group beside every single process.
    [ ! -e "$group/cpu.shares" ] || echo 4096 >"$group/cpu.shares"
    groups="$groups $mount:$group"
  done </proc/self/cgroup
  status=0
  sh -c '
    for one in $2; do echo $$ >"${one#*:}/cgroup.procs"; done
    exec unshare --mount --net --cgroup --propagation private "$0" --inside "$@"
  ' "$0" "$dir" "$groups" "$@" || status=$?
  # What a run that was interrupted has left in there ends with it, and the kernel takes a moment.
  for one in $groups; do
    group=${one#*:} tries=0
    while [ -d "$group" ] && [ "$tries" -lt 100 ]; do
      find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r pid; do
        kill -KILL "$pid" 2>/dev/null || true
      done
      find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
      tries=$((tries + 1))
    done
    [ ! -d "$group" ] || echo "aside: $group could not be removed" >&2
  done
  rm -rf --one-file-system "$dir"
  exit "$status"
fi

dir=$2 groups=$3
shift 3
mkdir "$dir/tmp" "$dir/run" "$dir/group"
chmod 1777 "$dir/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$dir/run"
# The tree itself and what builds it stay where they are, also where that is below one of the two.
for kept in "$PWD" "${HOME:-}" "${CARGO_HOME:-}" "${RUSTUP_HOME:-}" "${CARGO_TARGET_DIR:-}"; do
  case $kept in
    /tmp/*|/run/*) mkdir -p "$dir$kept" && mount --bind "$kept" "$dir$kept" ;;
  esac
done
# In their place and not over them: a learner's `grep cgroup2 /proc/self/mounts` finds one.
for one in $groups; do
  mount --bind "${one#*:}" "$dir/group"
  umount "${one%%:*}"
  mount --move "$dir/group" "${one%%:*}"
done
mount --rbind "$dir/run" /run
# Last: it hides the directory itself.
mount --rbind "$dir/tmp" /tmp
cd "$PWD"
ip link set lo up
exec "$@"
