#!/bin/sh
# containerd drives the runtime through its shim (io.containerd.runc.v2), as Kubernetes does; `ctr` is
# the client. Each case has a daemon of its own, on private directories.
. "${0%/*}/it.sh"
needed="containerd containerd-shim-runc-v2 ctr busybox"

c() { ctr --address /run/containerd.sock --timeout "$((30 * slow))s" "$@"; }

# What a case needs before it: the daemon, and a directory that serves as root.
prepare() {
  cat >"$TMPDIR/containerd.toml" <<CONF
version = 2
root = "$TMPDIR/root"
state = "/run/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "/run/containerd.sock"
CONF
  containerd --config "$TMPDIR/containerd.toml" >"$TMPDIR/containerd.log" 2>&1 &
  pack
  mkdir "$TMPDIR/tree"
  tar -C "$TMPDIR/tree" -xf "$TMPDIR/busybox.tar"
  comes c version
}

# run OPTION… -- ID COMMAND…
run() {
  options=
  while [ "$1" != -- ]; do options="$options $1" && shift; done
  shift
  id=$1
  shift
  # shellcheck disable=SC2086 # Options of these cases have no blanks.
  c run --runc-binary "$RUNTIME" --rootfs --env PATH=/bin $options "$TMPDIR/tree" "$id" "$@"
}

# The same in the background, which goes on until it is killed: start ID OPTION…
start() {
  id=$1
  shift
  run --detach "$@" -- "$id" /bin/sh -c 'while :; do sleep 0.1; done'
}

state() { c task list | awk -v id="$1" '$1 == id { print $3 }'; }
is() { [ "$(state "$1")" = "$2" ]; }
inside() { c task exec --exec-id "e$((count = ${count:-0} + 1))" "$@"; }

# An image, written by hand: a layer, the settings, and the list of both, as `docker save` writes it.
image() {
  layer=$(sha256sum "$TMPDIR/busybox.tar" | cut -d ' ' -f 1)
  mkdir "$TMPDIR/image"
  mv "$TMPDIR/busybox.tar" "$TMPDIR/image/layer.tar"
  printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin","WORD=image"],
    "Cmd":["/bin/sh","-c","echo from the $WORD"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$layer" >"$TMPDIR/image/config.json"
  printf '[{"Config":"config.json","RepoTags":["example.org/box:1"],"Layers":["layer.tar"]}]' \
    >"$TMPDIR/image/manifest.json"
  tar -C "$TMPDIR/image" -cf "$TMPDIR/image.tar" manifest.json config.json layer.tar
  c image import "$TMPDIR/image.tar" >/dev/null
}

if it "a task's output and status are those of run"; then
  prints hello run --rm -- one /bin/echo hello
  ends 7 run --rm -- two /bin/sh -c 'exit 7'
  prints "" c task list --quiet
fi

if it "what cannot be run is an error that names it, and leaves no task"; then
  says "no such file or directory" run --rm -- one /no/such/program
  says "permission denied" run --rm -- two /etc/passwd
  prints "" c task list --quiet
  left=$(find /run /sys/fs/cgroup -path '*default/*' -name one)
  [ -z "$left" ] || fail "left: $left"
fi

if it "an image is unpacked and run with its settings"; then
  image
  prints "from the image" c run --rm --runc-binary "$RUNTIME" example.org/box:1 one
  prints "by hand" c run --rm --read-only --runc-binary "$RUNTIME" example.org/box:1 two echo by hand
fi

if it "exec gives its status, and stands in the task's namespaces"; then
  start one
  ends 9 inside one /bin/sh -c 'exit 9'
  for kind in mnt pid uts ipc net; do
    want=$(inside one readlink /proc/1/ns/$kind)
    prints "$want" inside one readlink /proc/self/ns/$kind
  done
  prints 1000 inside --user 1000 one id -u
  prints /tmp inside --cwd /tmp one pwd
  says "no such file or directory" inside one /no/such/program
  inside --detach one /bin/sh -c 'echo made >/tmp/made'
  comes test -s "$TMPDIR/tree/tmp/made"
fi

if it "tasks are listed with their processes and their states"; then
  start one
  prints RUNNING state one
  pid=$(c task list | awk '$1 == "one" { print $2 }')
  says "$pid" c task ps one
  c task pause one
  prints PAUSED state one
  c task resume one
  prints RUNNING state one
  c task kill --signal KILL one
  comes is one STOPPED
  says "code 137" c task delete one
  prints "" c task list --quiet
fi

if it "a paused task stands still"; then
  run --detach -- one /bin/sh -c 'while :; do :; done'
  pid=$(c task list | awk '$1 == "one" { print $2 }')
  comes moves "$pid"
  c task pause one
  stands "$pid"
  c task resume one
  comes moves "$pid"
fi

if it "signals reach the payload, and all processes with --all"; then
  run --detach -- one /bin/sh -c 'trap "exit 5" USR1; touch /tmp/ready; while :; do sleep 0.1; done'
  comes test -e "$TMPDIR/tree/tmp/ready"
  c task kill --signal USR1 one
  comes is one STOPPED
  says "code 5" c task delete one
  start two
  inside --detach two sleep 1000
  c task kill --all --signal KILL two
  comes is two STOPPED
fi

if it "metrics have the memory and the processes of the task"; then
  start one --memory-limit 67108864
  says 67108864 c task metrics one
  says pids.current c task metrics one
fi

if it "limits are those of the task's control groups"; then
  start one --memory-limit 67108864 --cpus 0.5
  pid=$(c task list | awk '$1 == "one" { print $2 }')
  group() { sed -n "s/^[0-9]*:\($1\|\)://p" "/proc/$pid/cgroup" | head -n 1; }
  memory=$(group memory)
  says 67108864 cat /sys/fs/cgroup/memory"$memory"/memory.limit_in_bytes /sys/fs/cgroup"$memory"/memory.max
  cpu=$(group cpu)
  says 50000 cat /sys/fs/cgroup/cpu"$cpu"/cpu.cfs_quota_us /sys/fs/cgroup"$cpu"/cpu.max
fi

if it "a task that takes more memory than it may is killed, and an event says so"; then
  c events >"$TMPDIR/events" &
  ends 137 run --rm --memory-limit 16777216 -- one tail /dev/zero
  comes grep -q /tasks/oom "$TMPDIR/events"
fi

if it "a terminal is the task's own" script; then
  script -qec "ctr --address /run/containerd.sock run --rm --tty --env PATH=/bin --runc-binary \
    $RUNTIME --rootfs $TMPDIR/tree one /bin/sh -c 'tty; stty size'" "$TMPDIR/typescript" </dev/null >/dev/null
  says "/dev/pts/0" cat "$TMPDIR/typescript"
  start two
  script -qec "ctr --address /run/containerd.sock task exec --exec-id x --tty two tty" \
    "$TMPDIR/typescript" </dev/null >/dev/null
  says "/dev/pts/0" cat "$TMPDIR/typescript"
fi

if it "capabilities, filter and privileges are as asked"; then
  field() { grep "^$1:" "$TMPDIR/tree/tmp/status" | cut -f 2; }
  status() { run "$@" -- "s$((count = ${count:-0} + 1))" cp /proc/self/status /tmp/status; }
  status --rm
  prints 0 field Seccomp
  prints 1 field NoNewPrivs
  status --rm --seccomp
  prints 2 field Seccomp
  status --rm --cap-drop CAP_CHOWN
  says 00000000a80425fa field CapBnd
  status --rm --allow-new-privs
  prints 0 field NoNewPrivs
  status --rm --privileged
  prints "$(grep ^CapBnd: /proc/self/status | cut -f 2)" field CapBnd
fi

if it "mounts, directory and environment are as asked"; then
  mkdir "$TMPDIR/data"
  echo content >"$TMPDIR/data/file"
  mkdir "$TMPDIR/tree/data"
  mount="type=bind,src=$TMPDIR/data,dst=/data,options=rbind:ro"
  prints content run --rm --mount "$mount" -- one cat /data/file
  says "Read-only file system" run --rm --mount "$mount" -- two touch /data/x
  says "Read-only file system" run --rm --read-only -- three touch /x
  prints "/tmp there" run --rm --cwd /tmp --env WHERE=there -- four \
    /bin/sh -c 'echo $(pwd) $WHERE'
fi

if it "a user namespace maps the task's root to another user"; then
  image
  prints "0 100000 65536" c run --rm --runc-binary "$RUNTIME" --uidmap 0:100000:65536 \
    --gidmap 0:100000:65536 example.org/box:1 one sh -c 'echo $(cat /proc/self/uid_map)'
fi

if it "namespaces of another task are joined"; then
  start one
  pid=$(c task list | awk '$1 == "one" { print $2 }')
  prints "$(readlink "/proc/$pid/ns/net")" run --rm \
    --with-ns "network:/proc/$pid/ns/net" -- two readlink /proc/self/ns/net
  prints "$(readlink /proc/self/ns/net)" run --rm --net-host -- three readlink /proc/self/ns/net
fi

if it "the daemon finds its tasks again after it was killed"; then
  start one
  kill -KILL $!
  c version >/dev/null 2>&1 && fail "the daemon still lives"
  containerd --config "$TMPDIR/containerd.toml" >>"$TMPDIR/containerd.log" 2>&1 &
  comes c version
  comes is one RUNNING
  ends 3 inside one /bin/sh -c 'exit 3'
  c task kill --signal KILL one
  comes is one STOPPED
fi

finish
