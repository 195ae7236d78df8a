#!/bin/sh
# Podman drives the runtime: what a user does with containers, pods and builds, seen from inside.
#
# Each case has storage of its own, with one image: a tar of busybox, imported; no registry is asked. What has short
# limits for its path lies in the box's own /run.
. "${0%/*}/it.sh"
needed="podman conmon busybox"

p() {
  podman --root "$TMPDIR/root" --runroot /run/podman --tmpdir /run/libpod \
    --cgroup-manager cgroupfs --events-backend file --runtime "$RUNTIME" "$@"
}

# What a case needs before it: the settings that tell Podman what the runtime can do, and the image.
prepare() {
  cat >"$TMPDIR/containers.conf" <<CONF
[engine]
runtime_supports_json = ["${RUNTIME##*/}"]
runtime_supports_nocgroup = ["${RUNTIME##*/}"]
CONF
  export CONTAINERS_CONF="$TMPDIR/containers.conf"
  pack
  p import "$TMPDIR/busybox.tar" box >/dev/null 2>&1
}

# A container that is removed at its end, without a network: run OPTION… box COMMAND…
run() { p run --rm --network none "$@"; }

# The same in the background, which goes on until it is stopped: start NAME OPTION…
start() {
  name=$1
  shift
  p run --detach --name "$name" --network none "$@" box sh -c \
    'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done' >/dev/null
  comes logged "$name" ready
}

logged() { p logs "$1" 2>&1 | grep -q "$2"; }
state() { p inspect --format '{{.State.Status}}' "$1"; }
is() { [ "$(state "$1")" = "$2" ]; }

if it "a container's output and status are those of run"; then
  prints hello run box echo hello
  ends 7 run box sh -c 'exit 7'
  ends 143 run box sh -c 'sh -c "kill -TERM \$\$"; exit $?'
fi

if it "what is not there is status 127, what cannot be run 126"; then
  ends 127 run box /no/such/program
  ends 127 run box no-such-program
  ends 126 run box /etc/passwd
  ends 126 run box /etc
fi

if it "run passes its standard input on"; then
  got=$(echo through | run --interactive box cat)
  [ "$got" = through ] || fail "got '$got'"
fi

if it "user, groups, directory, environment and host name are as asked"; then
  prints "1000 1000" run --user ann box sh -c 'echo $(id -u) $(id -g)'
  prints "7 50 1000" run --user ann --group-add 7 box sh -c 'echo $(id -G | tr " " "\n" | sort -n)'
  prints /tmp run --workdir /tmp box pwd
  prints "here" run --env WHERE=here box sh -c 'echo $WHERE'
  prints "named named" run --hostname named box sh -c 'echo $(hostname) $HOSTNAME'
fi

if it "a terminal is the container's own and has the size of the user's" script; then
  prints "/dev/pts/0" run --tty box tty
  script -qec "stty rows 33 cols 77; $(command -v podman) --root $TMPDIR/root --runroot /run/podman \
    --tmpdir /run/libpod --cgroup-manager cgroupfs --runtime $RUNTIME run --rm -it --network none \
    box sh -c 'sleep 0.5; stty size'" "$TMPDIR/typescript" </dev/null >/dev/null
  says "33 77" cat "$TMPDIR/typescript"
fi

if it "the files of a runtime's state are gone with the container"; then
  run box true
  left=$(find /run -name '*.json' -path "*${RUNTIME##*/}*")
  [ -z "$left" ] || fail "left: $left"
  left=$(find /sys/fs/cgroup -type d -path '*libpod-*')
  [ -z "$left" ] || fail "left: $left"
fi

if it "exec runs in the container's namespaces and gives the status"; then
  start c
  ends 9 p exec c sh -c 'exit 9'
  for kind in mnt pid uts ipc net cgroup; do
    prints "$(p exec c readlink /proc/1/ns/$kind)" p exec c readlink /proc/self/ns/$kind
  done
  ends 127 p exec c no-such-program
  ends 126 p exec c /etc/passwd
  ends 255 p exec c sh -c 'exit 255'
fi

if it "exec has the user, directory, environment and input that are asked for"; then
  start c --env FIRST=1
  prints "1000 /tmp 1 2" p exec -u ann -w /tmp -e SECOND=2 c sh -c 'echo $(id -u) $(pwd) $FIRST $SECOND'
  got=$(echo through | p exec -i c cat)
  [ "$got" = through ] || fail "got '$got'"
  prints "/dev/pts/0" p exec -t c tty
  p exec --detach c sh -c 'echo made >/tmp/made'
  comes p exec c test -s /tmp/made
fi

if it "executions leave nothing in the container"; then
  start c
  processes() { p exec c ls /proc | grep -c '^[0-9]'; }
  before=$(processes)
  for _ in 1 2 3 4 5; do p exec c true; done
  prints "$before" processes
fi

if it "stop sends the signal of the image and waits for the end"; then
  start c
  ends 0 p stop --time 10 c
  prints "exited 5" p inspect --format '{{.State.Status}} {{.State.ExitCode}}' c
fi

if it "stop kills what does not listen"; then
  p run --detach --name c --network none box sh -c 'trap "" TERM; while :; do sleep 0.1; done' >/dev/null
  says "" p stop --time 1 c
  prints "exited 137" p inspect --format '{{.State.Status}} {{.State.ExitCode}}' c
fi

if it "kill sends any signal, and says so where there is no container"; then
  p run --detach --name c --network none box sh -c \
    'trap "echo got-usr1" USR1; echo ready; while :; do sleep 0.1; done' >/dev/null
  comes logged c ready
  p kill --signal USR1 c
  comes logged c got-usr1
  p kill c
  prints 137 p wait c
  ends 125 p kill nobody
fi

if it "a stopped container starts again, and restart is stop and start"; then
  start c
  p stop --time 10 c
  p start c
  comes is c running
  p restart --time 5 c
  comes is c running
  [ "$(p logs c | grep -c ready)" = 3 ] || fail "$(p logs c)"
fi

if it "a paused container stands still until it goes on"; then
  p run --detach --name c --network none box sh -c 'while :; do :; done' >/dev/null
  pid=$(p inspect --format '{{.State.Pid}}' c)
  comes moves "$pid"
  p pause c
  prints paused state c
  stands "$pid"
  ends 255 p exec c true
  p unpause c
  prints running state c
  comes moves "$pid"
fi

if it "limits are in the container's control groups"; then
  # v1 and v2 have different files: the first that is there is read.
  start c --memory 64m --memory-reservation 32m --cpus 0.5 --pids-limit 55 --cpuset-cpus 0
  pid=$(p inspect --format '{{.State.Pid}}' c)
  limit() {
    for file; do
      path=$(sed -n "s/^[0-9]*:\(${file%%/*}\|\):\(.*\)/\2/p" "/proc/$pid/cgroup" | head -n 1)
      for dir in "/sys/fs/cgroup/${file%%/*}$path" "/sys/fs/cgroup$path"; do
        if [ -e "$dir/${file#*/}" ]; then cat "$dir/${file#*/}" && return; fi
      done
    done
    fail "none of $*"
  }
  prints 67108864 limit memory/memory.limit_in_bytes memory/memory.max
  prints 33554432 limit memory/memory.soft_limit_in_bytes memory/memory.low
  prints 55 limit pids/pids.max
  prints 0 limit cpuset/cpuset.cpus
  says 50000 limit cpu/cpu.cfs_quota_us cpu/cpu.max
  p update --memory 96m --cpus 0.25 c >/dev/null
  prints 100663296 limit memory/memory.limit_in_bytes memory/memory.max
  says 25000 limit cpu/cpu.cfs_quota_us cpu/cpu.max
fi

if it "a container that takes more memory than it may is killed, and the engine knows why"; then
  ends 137 p run --name c --network none --memory 24m box tail /dev/zero
  # Podman 4.3's monitor leaves its note in the current directory, where Podman does not look.
  [ -e oom ] || prints true p inspect --format '{{.State.OOMKilled}}' c
fi

if it "more processes than allowed cannot be made"; then
  says "can't fork" run --pids-limit 5 box sh -c 'for i in 1 2 3 4 5 6 7; do sleep 1 & done; wait'
fi

if it "resource limits, priorities and sysctls are set"; then
  prints 555 run --ulimit nofile=555:555 --ulimit nproc=999:999 box sh -c 'ulimit -n'
  prints "1" run --sysctl net.ipv4.ip_forward=1 box cat /proc/sys/net/ipv4/ip_forward
  prints "777" run --oom-score-adj 777 box cat /proc/self/oom_score_adj
fi

if it "a read-only root refuses writes, and its temporary directories take them"; then
  says "Read-only file system" run --read-only box touch /x
  prints ok run --read-only box sh -c 'touch /tmp/x /run/x /dev/shm/x && echo ok'
  says "Read-only file system" run --read-only --read-only-tmpfs=false box touch /run/x
fi

if it "capabilities are those that were kept"; then
  bounding() { run "$@" box sh -c 'grep CapBnd /proc/self/status | cut -f 2'; }
  prints 0000000000000000 bounding --cap-drop all
  prints 0000000000000400 bounding --cap-drop all --cap-add net_bind_service
  says "not permitted" run --cap-drop chown box chown ann /tmp
  prints "1000 0000000000000000" run --user ann box sh -c \
    'echo $(id -u) $(grep CapEff /proc/self/status | cut -f 2)'
fi

if it "a filter of system calls is loaded, also one of one's own"; then
  filter() { run "$@" box sh -c 'grep ^Seccomp: /proc/self/status | cut -f 2'; }
  prints 2 filter
  prints 0 filter --security-opt seccomp=unconfined
  echo '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],"syscalls":
    [{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":95}]}' >"$TMPDIR/filter.json"
  says "not supported" run --security-opt seccomp="$TMPDIR/filter.json" box mkdir /tmp/x
  prints 1 run --security-opt no-new-privileges box sh -c \
    'grep NoNewPrivs /proc/self/status | cut -f 2'
fi

if it "a user namespace maps the container's root to another user"; then
  prints "0 100000 65536" run --uidmap 0:100000:65536 --gidmap 0:100000:65536 box sh -c \
    'echo $(cat /proc/self/uid_map)'
  p run --detach --name c --network none --uidmap 0:100000:65536 box sleep 100 >/dev/null
  pid=$(p inspect --format '{{.State.Pid}}' c)
  prints 100000 stat -c %u "/proc/$pid"
  prints 0 p exec c id -u
  prints "$(readlink "/proc/$pid/ns/user")" p exec c readlink /proc/self/ns/user
fi

if it "volumes are there, writable or not, named or bound"; then
  mkdir "$TMPDIR/data"
  echo content >"$TMPDIR/data/file"
  prints content run -v "$TMPDIR/data:/data" box cat /data/file
  says "Read-only file system" run -v "$TMPDIR/data:/data:ro" box touch /data/x
  run -v "$TMPDIR/data:/data" box touch /data/made
  [ -e "$TMPDIR/data/made" ] || fail "nothing was made"
  run -v named:/data box sh -c 'echo kept >/data/x'
  prints kept run -v named:/data:ro box cat /data/x
  prints content run -v "$TMPDIR/data/file:/etc/one:ro" box cat /etc/one
fi

if it "a volume may have its owners mapped"; then
  mkdir "$TMPDIR/data"
  chown 100005 "$TMPDIR/data"
  prints 5 run --uidmap 0:100000:65536 -v "$TMPDIR/data:/data" box stat -c %u /data
  chown 5 "$TMPDIR/data"
  prints 5 run --uidmap 0:100000:65536 -v "$TMPDIR/data:/data:idmap" box stat -c %u /data
fi

if it "a mount may propagate into the container"; then
  mkdir -p "$TMPDIR/data/sub"
  mount --bind "$TMPDIR/data" "$TMPDIR/data"
  mount --make-shared "$TMPDIR/data"
  start c -v "$TMPDIR/data:/data:rslave"
  mount -t tmpfs tmpfs "$TMPDIR/data/sub"
  touch "$TMPDIR/data/sub/seen"
  p exec c test -e /data/sub/seen
fi

if it "temporary file systems have their size and mode, and keep what the image has there"; then
  says "size=1024k" run --tmpfs /data:size=1m,mode=1770 box grep ' /data ' /proc/mounts
  prints 1770 run --tmpfs /data:size=1m,mode=1770 box stat -c %a /data
  says "size=2048k" run --shm-size 2m box grep ' /dev/shm ' /proc/mounts
  prints root run --tmpfs /etc box sh -c 'head -n 1 /etc/passwd | cut -d : -f 1'
fi

if it "devices are made and allowed, others are not"; then
  prints "1:5" run --device /dev/zero:/dev/nought box stat -c '%t:%T' /dev/nought
  prints 3 run --device /dev/zero:/dev/nought:r box sh -c 'head -c 3 /dev/nought | wc -c'
  says "not permitted" run --cap-add mknod box sh -c 'mknod /tmp/mem c 1 1 && cat /tmp/mem'
fi

if it "paths of the kernel are masked unless the user unmasks them"; then
  prints 0 run box sh -c 'cat /proc/kcore | wc -c'
  says "Read-only file system" run box sh -c 'echo 1 >/proc/sys/kernel/domainname'
  says "" run --security-opt unmask=ALL box sh -c 'test ! -s /proc/timer_list'
  prints rw run --privileged box sh -c "grep ' /sys ' /proc/mounts | cut -d ' ' -f 4 | cut -d , -f 1"
fi

if it "namespaces are shared with the host or with another container when asked"; then
  prints "$(readlink /proc/self/ns/net)" p run --rm --network host box readlink /proc/self/ns/net
  prints "$(readlink /proc/self/ns/pid)" run --pid host box readlink /proc/self/ns/pid
  prints "$(readlink /proc/self/ns/uts)" run --uts host box readlink /proc/self/ns/uts
  start c
  prints "$(p exec c readlink /proc/self/ns/net)" p run --rm --network container:c box \
    readlink /proc/self/ns/net
  prints "$(p exec c readlink /proc/self/ns/pid)" run --pid container:c box readlink /proc/self/ns/pid
fi

if it "containers on a bridge reach each other"; then
  p run --detach --name server box sh -c 'echo page >/tmp/p; exec httpd -f -p 80 -h /tmp' >/dev/null
  address=$(p inspect --format '{{.NetworkSettings.IPAddress}}' server)
  comes p run --rm box wget -q -O - "http://$address/p"
  prints page p run --rm box wget -q -O - "http://$address/p"
fi

if it "the containers of a pod share what the pod has"; then
  p pod create --name pod --network none --infra-image box --infra-command "sleep 1000" >/dev/null
  p run --detach --pod pod --name one box sleep 1000 >/dev/null
  p run --detach --pod pod --name two box sleep 1000 >/dev/null
  for kind in net ipc uts; do
    prints "$(p exec one readlink /proc/self/ns/$kind)" p exec two readlink /proc/self/ns/$kind
  done
  [ "$(p exec one readlink /proc/self/ns/pid)" != "$(p exec two readlink /proc/self/ns/pid)" ] ||
    fail "they share their processes"
  p pod pause pod >/dev/null
  prints paused state one
  p pod unpause pod >/dev/null
  p pod stop --time 1 pod >/dev/null
  comes is one exited
  p pod rm --force pod >/dev/null
  prints "" p ps --all --quiet
fi

if it "a health check runs in the container"; then
  start c --health-cmd 'test -e /tmp/healthy' --health-interval disable --health-retries 1
  ends 1 p healthcheck run c
  p exec c touch /tmp/healthy
  ends 0 p healthcheck run c
  prints healthy p inspect --format '{{.State.Healthcheck.Status}}' c
fi

if it "stats has the memory and the processes"; then
  start c --memory 64m
  prints "c" p stats --no-stream --format '{{.Name}}' c
  says "67.11MB" p stats --no-stream --format '{{.MemUsage}}' c
  [ "$(p stats --no-stream --format '{{.PIDs}}' c)" -ge 1 ] || fail "no processes"
fi

if it "top lists the container's processes, and those only"; then
  p run --detach --name c --network none box sleep 1234 >/dev/null
  processes() { p top c args | tail -n +2 | tr -d ' '; }
  prints sleep1234 processes
fi

if it "logs keep both streams, also after the end"; then
  p run --name c --network none box sh -c 'echo out; echo err >&2' >/dev/null 2>&1
  [ "$(p logs c 2>/dev/null)" = out ] || fail "$(p logs c)"
  says err p logs c
fi

if it "attach reaches a running container"; then
  p run --detach --interactive --name c --network none box sh -c 'read line; echo "got $line"' >/dev/null
  got=$(echo word | p attach c)
  [ "$got" = "got word" ] || fail "got '$got'"
fi

if it "files are copied in and out, and changes are committed"; then
  start c
  echo in >"$TMPDIR/in"
  p cp "$TMPDIR/in" c:/tmp/in
  prints in p exec c cat /tmp/in
  p cp c:/etc/passwd "$TMPDIR/out"
  says ann cat "$TMPDIR/out"
  p commit --quiet c made >/dev/null 2>&1
  prints in run made cat /tmp/in
fi

if it "hooks run at their time, and one that fails stops the start"; then
  mkdir "$TMPDIR/hooks"
  hook() {
    printf '{"version":"1.0.0","hook":{"path":"/bin/sh","args":["sh","-c","%s"]},"when":{"always":true},
      "stages":["%s"]}' "$2" "$1" >"$TMPDIR/hooks/$1.json"
  }
  hook prestart "cat >$TMPDIR/prestart"
  hook poststop "cat >$TMPDIR/poststop"
  p --hooks-dir "$TMPDIR/hooks" run --rm --network none box true
  says '"ociVersion"' cat "$TMPDIR/prestart"
  comes test -s "$TMPDIR/poststop"
  hook prestart "exit 3"
  ends 126 p --hooks-dir "$TMPDIR/hooks" run --rm --network none box touch /tmp/x
fi

if it "descriptors are passed on"; then
  echo through >"$TMPDIR/file"
  prints through run --preserve-fds 1 box sh -c 'cat <&3' 3<"$TMPDIR/file"
fi

if it "a container may do without control groups"; then
  prints ok run --cgroups disabled box echo ok
  left=$(find /sys/fs/cgroup -type d -name 'libpod-*')
  [ -z "$left" ] || fail "left: $left"
fi

if it "an image is built, with commands that run in the runtime"; then
  mkdir "$TMPDIR/context"
  cp "$TMPDIR/busybox.tar" "$TMPDIR/context"
  printf '%s\n' 'FROM scratch' 'ADD busybox.tar /' 'ENV WORD=built' 'RUN echo $WORD >/made && mkdir /d' \
    'USER ann' 'RUN test $(id -u) = 1000' 'CMD cat /made' >"$TMPDIR/context/Containerfile"
  p build --isolation oci --network none --tag built "$TMPDIR/context" >/dev/null 2>&1 ||
    fail "$(p build --isolation oci --network none --tag built "$TMPDIR/context" 2>&1)"
  prints built run built
  printf '%s\n' 'FROM built' 'RUN exit 7' >"$TMPDIR/context/Containerfile"
  says "7" p build --isolation oci --network none "$TMPDIR/context"
fi

if it "buildah makes an image from nothing and runs commands in it" buildah; then
  b() { buildah --root "$TMPDIR/root" --runroot /run/podman "$@"; }
  b from --name work scratch >/dev/null
  b add work "$TMPDIR/busybox.tar" / >/dev/null 2>&1
  inside() { b run --isolation oci --runtime "$RUNTIME" --network none work -- "$@"; }
  prints hello inside echo hello
  inside sh -c 'echo made >/made'
  b commit work scratched >/dev/null 2>&1
  prints made run scratched cat /made
fi

finish
