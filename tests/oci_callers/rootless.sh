#!/bin/sh
# Podman as an ordinary user: the runtime is root in a user namespace of Podman's and nobody outside.
#
# The user is made for the box alone: its name, and the range of ids that is its, stand in files that
# are mounted over the machine's. The network is left out: slirp4netns needs /dev/net/tun.
. "${0%/*}/it.sh"
needed="podman conmon busybox setpriv newuidmap newgidmap"

home=/run/rootless
user() {
  setpriv --reuid 4000 --regid 4000 --init-groups env -i "PATH=$PATH" HOME=$home/ann USER=ann \
    XDG_RUNTIME_DIR=/run/user/4000 "CONTAINERS_CONF=${CONTAINERS_CONF-/dev/null}" "$@"
}
p() {
  user podman --storage-driver vfs --cgroup-manager cgroupfs --events-backend file \
    --runtime $home/runtime "$@" 2>"$TMPDIR/said" || { status=$?; cat "$TMPDIR/said" >&2; return $status; }
}
run() { p run --rm --network none "$@"; }

prepare() {
  mkdir -p $home/ann /run/user/4000
  cp /etc/passwd /etc/group $home
  echo "ann:x:4000:4000:Ann:$home/ann:/bin/sh" >>$home/passwd
  echo 'ann:x:4000:' >>$home/group
  echo 'ann:200000:65536' >$home/ids
  for file in passwd group; do mount --bind $home/$file /etc/$file; done
  for file in subuid subgid; do
    [ -e /etc/$file ] || fail "/etc/$file is missing: the package uidmap is not whole"
    mount --bind $home/ids /etc/$file
  done
  # The program may lie where only root comes to.
  touch $home/runtime
  mount --bind "$RUNTIME" $home/runtime
  pack
  cp "$TMPDIR/busybox.tar" $home/ann
  chown -R 4000:4000 $home/ann /run/user/4000
  chmod 700 /run/user/4000
  cd $home/ann
  p import $home/ann/busybox.tar box >/dev/null
}

if it "an ordinary user's container has its root mapped to the user, and gives its status"; then
  prints hello run box echo hello
  ends 7 run box sh -c 'exit 7'
  ends 127 run box no-such-program
  prints "0 4000 1 1 200000 65536" run box sh -c 'echo $(cat /proc/self/uid_map)'
  prints "1000 50 1000" run --user ann --group-add 50 box sh -c 'echo $(id -u) $(id -G | tr " " "\n" | sort -n)'
fi

if it "with keep-id the user has its own number inside"; then
  prints "4000 4000" run --userns keep-id box sh -c 'echo $(id -u) $(id -g)'
  prints "0 1 4000 4000 0 1 4001 4001 61536" run --userns keep-id box sh -c 'echo $(cat /proc/self/uid_map)'
  prints 4000 run --userns keep-id --volume $home/ann:/mine box sh -c 'echo >/mine/kept; stat -c %u /mine/kept'
  prints 4000 stat -c %u $home/ann/kept
fi

if it "exec runs in an ordinary user's container, and stop ends it"; then
  p run --detach --name c --network none box sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done' >/dev/null
  ends 9 p exec c sh -c 'exit 9'
  for kind in user mnt pid uts ipc net; do
    prints "$(p exec c readlink /proc/1/ns/$kind)" p exec c readlink /proc/self/ns/$kind
  done
  prints 1000 p exec --user ann c id -u
  p exec c ls /proc | grep -q '^1$'
  ends 0 p stop --time 10 c
  prints "exited 5" p inspect --format '{{.State.Status}} {{.State.ExitCode}}' c
  ends 0 p rm c
  left=$(find /run/user/4000 -name state.json)
  [ -z "$left" ] || fail "left: $left"
fi

if it "volumes and temporary file systems are an ordinary user's"; then
  run --volume $home/ann:/mine box sh -c 'echo made >/mine/made'
  prints "4000 made" sh -c "echo \$(stat -c %u $home/ann/made) \$(cat $home/ann/made)"
  ends 1 run --volume $home/ann:/mine:ro box touch /mine/no
  prints 1024 run --tmpfs /t:size=1m box sh -c 'df -k /t | tail -n 1 | tr -s " " | cut -d " " -f 2'
  ends 1 run --read-only box touch /no
  p volume create v >/dev/null
  run --volume v:/v box sh -c 'echo kept >/v/file'
  prints kept run --volume v:/v box cat /v/file
fi

if it "what an ordinary user may not, its container may not"; then
  echo secret >$home/secret
  chmod 600 $home/secret
  ends 1 run --volume $home:/h box cat /h/secret
  ends 1 run --privileged box mknod /tmp/disk b 8 0
  says "seccomp:	2" run box grep -i seccomp: /proc/self/status
  prints "0000000000000000" run --user ann box sh -c 'grep CapEff /proc/self/status | cut -f 2'
fi

finish
