#!/bin/sh
# Docker drives the runtime: dockerd --add-runtime, on private directories and without a bridge of its
# own, where the machine lets the daemon start. Docker knows a runtime's errors by runc's wording.
. "${0%/*}/it.sh"
needed="dockerd docker containerd busybox"

d() { docker --host "unix:///run/docker.sock" "$@"; }

# What a case needs before it: the daemon, and an image.
prepare() {
  export DOCKER_CONFIG="$TMPDIR/client"
  dockerd --host "unix:///run/docker.sock" --data-root "$TMPDIR/data" --exec-root /run/docker-exec \
    --pidfile /run/docker.pid --add-runtime "tested=$RUNTIME" --default-runtime tested \
    --bridge none --iptables=false --ip6tables=false >"$TMPDIR/dockerd.log" 2>&1 &
  pack
  for _ in $(seq 100); do
    if d version >/dev/null 2>&1; then break; fi
    kill -0 $! 2>/dev/null || fail "dockerd does not start here: $(tail -n 2 "$TMPDIR/dockerd.log")"
    sleep 0.1
  done
  d import "$TMPDIR/busybox.tar" box >/dev/null
}

run() { d run --rm --network none "$@"; }

# A container in the background, which goes on until it is stopped: start NAME OPTION…
start() {
  name=$1
  shift
  d run --detach --name "$name" --network none "$@" box sh -c \
    'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
  comes logged "$name" ready
}

logged() { d logs "$1" 2>&1 | grep -q "$2"; }
state() { d inspect --format '{{.State.Status}}' "$1"; }
is() { [ "$(state "$1")" = "$2" ]; }

if it "a container's output and status are those of run"; then
  prints hello run box echo hello
  ends 7 run box sh -c 'exit 7'
  got=$(echo through | run --interactive box cat)
  [ "$got" = through ] || fail "got '$got'"
fi

if it "what is not there is status 127, what cannot be run 126"; then
  ends 127 run box /no/such/program
  ends 127 run box no-such-program
  ends 126 run box /etc/passwd
  start one
  # Docker 20.10 gives 126 where runc cannot find what is to be executed, later ones 127.
  says "executable file not found in \$PATH" d exec one no-such-program
  ends 126 d exec one /etc/passwd
fi

if it "exec has the user, directory, environment and status that are asked for"; then
  start one
  ends 9 d exec one sh -c 'exit 9'
  prints "1000 /tmp 2" d exec -u ann -w /tmp -e SECOND=2 one sh -c 'echo $(id -u) $(pwd) $SECOND'
  for kind in mnt pid uts ipc net; do
    prints "$(d exec one readlink /proc/1/ns/$kind)" d exec one readlink /proc/self/ns/$kind
  done
fi

if it "a terminal is the container's own" script; then
  script -qec "docker --host unix:///run/docker.sock run --rm -it --network none box tty" \
    "$TMPDIR/typescript" </dev/null >/dev/null
  says "/dev/pts/0" cat "$TMPDIR/typescript"
  start one
  script -qec "docker --host unix:///run/docker.sock exec -it one tty" "$TMPDIR/typescript" \
    </dev/null >/dev/null
  says "/dev/pts/0" cat "$TMPDIR/typescript"
fi

if it "stop, kill, start and restart do what they say"; then
  start one
  d stop --time 10 one >/dev/null
  prints "exited 5" d inspect --format '{{.State.Status}} {{.State.ExitCode}}' one
  d start one >/dev/null
  comes is one running
  d restart --time 5 one >/dev/null
  comes is one running
  d kill one >/dev/null
  prints 137 d wait one
fi

if it "a paused container stands still until it goes on"; then
  d run --detach --name one --network none box sh -c 'while :; do :; done' >/dev/null
  pid=$(d inspect --format '{{.State.Pid}}' one)
  comes moves "$pid"
  d pause one >/dev/null
  prints paused state one
  stands "$pid"
  d unpause one >/dev/null
  comes moves "$pid"
fi

if it "limits are in the container's control groups, and can be changed"; then
  start one --memory 64m --cpus 0.5 --pids-limit 55
  pid=$(d inspect --format '{{.State.Pid}}' one)
  limit() {
    path=$(sed -n "s/^[0-9]*:\(${1%%/*}\|\)://p" "/proc/$pid/cgroup" | head -n 1)
    cat "/sys/fs/cgroup/${1%%/*}$path/${1#*/}" 2>/dev/null || cat "/sys/fs/cgroup$path/${2#*/}"
  }
  prints 67108864 limit memory/memory.limit_in_bytes memory/memory.max
  prints 55 limit pids/pids.max pids/pids.max
  says 50000 limit cpu/cpu.cfs_quota_us cpu/cpu.max
  d update --memory 96m --memory-swap 96m --pids-limit 66 one >/dev/null
  prints 100663296 limit memory/memory.limit_in_bytes memory/memory.max
  prints 66 limit pids/pids.max pids/pids.max
fi

if it "a container that takes more memory than it may is killed, and the engine knows why"; then
  ends 137 d run --name one --network none --memory 24m box tail /dev/zero
  prints true d inspect --format '{{.State.OOMKilled}}' one
fi

if it "root, capabilities and filter are as asked"; then
  says "Read-only file system" run --read-only box touch /x
  prints ok run --read-only --tmpfs /tmp box sh -c 'touch /tmp/x && echo ok'
  status() { run "$@" box sh -c 'echo $(grep -E "^(CapBnd|Seccomp|NoNewPrivs):" /proc/self/status | cut -f 2)'; }
  prints "00000000a80425fb 0 2" status
  prints "0000000000000400 1 2" status --cap-drop all --cap-add net_bind_service \
    --security-opt no-new-privileges
  says " 0 0" status --security-opt seccomp=unconfined
  # Docker asks for every capability that it knows (20.10 the first 38), whether this machine's root has it
  # or not.
  if grep -q "CapBnd:.*ffffffff$" /proc/self/status; then says "ffffffff 0 0" status --privileged; fi
fi

if it "volumes, temporary file systems and devices are as asked"; then
  mkdir "$TMPDIR/vol"
  echo content >"$TMPDIR/vol/file"
  prints content run -v "$TMPDIR/vol:/vol:ro" box cat /vol/file
  says "Read-only file system" run -v "$TMPDIR/vol:/vol:ro" box touch /vol/x
  run -v named:/vol box sh -c 'echo kept >/vol/x'
  prints kept run -v named:/vol box cat /vol/x
  says "size=1024k" run --tmpfs /t:size=1m box grep ' /t ' /proc/mounts
  prints "1:5" run --device /dev/zero:/dev/nought box stat -c '%t:%T' /dev/nought
  prints 555 run --ulimit nofile=555:555 box sh -c 'ulimit -n'
fi

if it "namespaces are shared with the host or with another container when asked"; then
  prints "$(readlink /proc/self/ns/net)" d run --rm --network host box readlink /proc/self/ns/net
  prints "$(readlink /proc/self/ns/pid)" run --pid host box readlink /proc/self/ns/pid
  start one
  prints "$(d exec one readlink /proc/self/ns/net)" d run --rm --network container:one box \
    readlink /proc/self/ns/net
fi

if it "a health check, stats, top and logs see the container"; then
  start one --memory 64m --health-cmd 'test -e /tmp/healthy' --health-interval 200ms --health-retries 1
  healthy() { [ "$(d inspect --format '{{.State.Health.Status}}' one)" = "$1" ]; }
  comes healthy unhealthy
  d exec one touch /tmp/healthy
  comes healthy healthy
  says "64MiB" d stats --no-stream --format '{{.MemUsage}}' one
  says "while :" d top one
  prints ready d logs one
fi

if it "an image is built, with commands that run in the runtime"; then
  mkdir "$TMPDIR/context"
  printf '%s\n' 'FROM box' 'ENV WORD=built' 'RUN echo $WORD >/made' 'CMD cat /made' \
    >"$TMPDIR/context/Dockerfile"
  export DOCKER_BUILDKIT=0
  d build --network none --tag built "$TMPDIR/context" >"$TMPDIR/build.log" 2>&1 ||
    fail "$(cat "$TMPDIR/build.log")"
  prints built run built
fi

finish
