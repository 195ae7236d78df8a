#!/bin/sh
# Runs a command in a machine of its own, as root: box.sh [--seconds N] [--v1 NAMES] COMMAND…
#
# Engines and runtimes write to many places (/run, /dev/shm, /etc/cni, links, mounts, control groups)
# and leave processes behind that no parent waits for. In the box they may: it has its own mounts,
# processes, links, host name, IPC and control groups, with /run and /dev/shm empty. Its first
# process is the command's parent, so when it ends, the kernel ends everything else and drops the
# mounts; a group of this box in each hierarchy is all that remains, and is removed here. What a box
# that was killed has left is removed by the next one.
#
# --v1 adds hierarchies of v1 where the machine has not mounted them and no other program uses their
# controllers: Debian's crun starts nothing without hugetlb. Meanwhile every process of the machine has
# a line for them in /proc/PID/cgroup, and containerd has no metrics in a box that has them not: do not
# run both at once. The directory for files is TMPDIR, which is the caller's to make and to remove.
set -eu

# The groups that this process is in, a line each: hierarchy (v2 is `unified`) and directory.
own_groups() {
  while IFS=: read -r _ kind path; do
    kind=${kind:-unified}
    dir=/sys/fs/cgroup/${kind#name=}
    if [ "$kind" = unified ] && [ -e /sys/fs/cgroup/cgroup.controllers ]; then dir=/sys/fs/cgroup; fi
    if [ -d "$dir" ]; then echo "$kind $dir${path%/}"; fi
  done </proc/self/cgroup
}

# Removes a box's groups, the innermost first; the kernel may need a moment to let the last go.
remove_groups() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    left=
    for dir in $(own_groups | sed 's/^[^ ]* //'); do
      if [ -d "$dir/$1" ]; then
        find "$dir/$1" -depth -type d -exec rmdir {} + 2>/dev/null || left=$dir/$1
      fi
    done
    [ -n "$left" ] || return 0
    sleep 0.1
  done
  echo "box: $left could not be removed" >&2
}

# The same in a hierarchy that only boxes mount: remove_added GROUP KIND. It goes when its last mount
# is dropped and it has no group, of which the kernel is sure a moment after the last was removed.
remove_added() {
  for _ in 1 2 3 4 5; do
    # shellcheck disable=SC2016 # The inner shell's variables.
    unshare --mount sh -c '
      mount -t tmpfs tmpfs /run && mount -t cgroup -o "$1" cgroup /run 2>/dev/null || exit 0
      if [ -d "/run/$0" ]; then find "/run/$0" -depth -type d -exec rmdir {} +; fi' "$1" "$2"
    sleep 0.1
    if ! grep -q ":$2:" /proc/self/cgroup; then return; fi
  done
}

# Removes what boxes have left that are no more.
sweep() {
  for dir in $(own_groups | sed 's/^[^ ]* //'); do
    for group in "$dir"/crun-lua-box-*; do
      if [ -d "$group" ] && ! [ -d "/proc/${group##*-}" ]; then remove_groups "${group##*/}"; fi
    done
  done
}

# Mounts a hierarchy. One that another box has just left is on its way out for a moment.
mount_v1() {
  for _ in 1 2 3 4 5; do
    if mount -t cgroup -o "$1" cgroup "$2" 2>/dev/null; then return; fi
    sleep 0.2
  done
  return 1
}

# In the new namespaces, but for that of control groups: makes the box's groups and enters them.
enter() {
  mount -t tmpfs -o mode=755 tmpfs /run
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  mkdir /run/lock
  ip link set lo up
  own_groups >/run/groups
  mkdir /run/v1
  for kind in $2; do
    mkdir "/run/v1/$kind"
    if mount_v1 "$kind" "/run/v1/$kind"; then
      echo "$kind /run/v1/$kind" >>/run/groups
    else
      echo "box: no hierarchy $kind, the controller is used in v2" >&2
      rmdir "/run/v1/$kind"
    fi
  done
  while read -r kind dir; do
    mkdir "$dir/$1"
    if [ "$kind" = cpuset ]; then
      # A new group has no processor and no memory node, and lets nobody in.
      cat "$dir/cpuset.cpus" >"$dir/$1/cpuset.cpus"
      cat "$dir/cpuset.mems" >"$dir/$1/cpuset.mems"
    fi
    echo 0 >"$dir/$1/cgroup.procs"
  done </run/groups
}

# In the box's groups, which are now the roots: shows no other.
show_groups() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    # The same file system cannot be mounted over itself, though it has another root here.
    umount -R /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    # A group with processes cannot give controllers to groups below it.
    mkdir /sys/fs/cgroup/init
    echo 0 >/sys/fs/cgroup/init/cgroup.procs
    for name in $(cat /sys/fs/cgroup/cgroup.controllers); do
      echo "+$name" >/sys/fs/cgroup/cgroup.subtree_control || echo "box: no controller $name" >&2
    done
    return
  fi
  umount -R /sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  while read -r kind dir; do
    case $kind in
      unified) type=cgroup2 name=unified options=rw ;;
      name=*) type=cgroup name=${kind#name=} options=none,$kind ;;
      *) type=cgroup name=$kind options=$kind ;;
    esac
    mkdir "/sys/fs/cgroup/$name"
    mount -t $type -o "$options" $type "/sys/fs/cgroup/$name"
  done </run/groups
  for dir in /run/v1/*; do
    if [ -d "$dir" ]; then umount "$dir" && rmdir "$dir"; fi
  done
  rmdir /run/v1
  rm /run/groups
}

case ${1-} in
  --enter)
    enter "$2" "$3"
    shift 3
    exec unshare --cgroup "$0" --show "$@"
    ;;
  --show)
    show_groups
    shift
    status=0
    "$@" || status=$?
    exit $status
    ;;
esac

seconds=600
added=
while :; do
  case ${1-} in
    --seconds) seconds=$2 && shift 2 ;;
    --v1)
      for kind in $2; do
        if grep -q "^$kind\b.*1$" /proc/cgroups && ! [ -d "/sys/fs/cgroup/$kind" ] &&
          ! [ -e /sys/fs/cgroup/cgroup.controllers ]; then added="$added $kind"; fi
      done
      shift 2
      ;;
    *) break ;;
  esac
done
sweep
name=crun-lua-box-$$
clean() {
  remove_groups "$name"
  for kind in $added; do remove_added "$name" "$kind"; done
}
trap clean EXIT
trap 'exit 143' HUP INT TERM
status=0
timeout --foreground --signal=KILL "$seconds" unshare --mount --propagation private --pid --fork \
  --kill-child --mount-proc --net --uts --ipc "$0" --enter "$name" "$added" "$@" || status=$?
exit $status
