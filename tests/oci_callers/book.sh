#!/bin/sh
# The engines with the very settings that docs/oci.md shows: each block is taken out of the page and
# given to its engine as the file that the page names, with the runtime at the path that it names.
. "${0%/*}/it.sh"
needed="busybox"

page="$here/../../docs/oci.md"
installed=/usr/local/bin/crun-lua

# The first block of a language that has this text in it: block LANGUAGE TEXT
block() {
  awk -v start="\`\`\`$1" -v text="$2" '
    $0 == start { inside = 1; body = ""; next }
    inside && $0 == "```" { inside = 0; if (index(body, text)) { printf "%s", body; exit } next }
    inside { body = body $0 "\n" }
  ' "$page" | grep . || fail "docs/oci.md has no block of $1 with '$2'"
}

# The mounts are the box's: what the machine has in this directory is hidden, and not touched.
prepare() {
  touch "$TMPDIR/runtime"
  mount --bind "$RUNTIME" "$TMPDIR/runtime"
  mount -t tmpfs -o mode=0755 none "${installed%/*}"
  touch "$installed"
  mount --bind "$TMPDIR/runtime" "$installed"
  pack
}

if it "Podman takes the runtime from its configuration as the book has it" podman conmon; then
  block toml engine.runtimes >"$TMPDIR/containers.conf"
  export CONTAINERS_CONF="$TMPDIR/containers.conf"
  p() {
    podman --root "$TMPDIR/root" --runroot /run/podman --tmpdir /run/libpod --cgroup-manager cgroupfs \
      --events-backend file "$@"
  }
  prints "crun-lua $installed" p info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
  p import "$TMPDIR/busybox.tar" box >/dev/null 2>&1
  prints hello p run --rm --network none box echo hello
  # The other way that the page names.
  prints again p --runtime "$installed" run --rm --network none box echo again
  p create --name one --network none box true >/dev/null
  prints crun-lua p inspect --format '{{.OCIRuntime}}' one
fi

if it "containerd has the runtime from its configuration as the book has it" containerd containerd-shim-runc-v2 ctr; then
  block toml io.containerd.runc.v2 >"$TMPDIR/config.toml"
  # Every path of its own, so that the file is the page's and nothing else.
  places="--root $TMPDIR/root --state /run/containerd-state --address /run/containerd.sock"
  # shellcheck disable=SC2086
  containerd --config "$TMPDIR/config.toml" $places >"$TMPDIR/containerd.log" 2>&1 &
  c() { ctr --address /run/containerd.sock --timeout "$((30 * slow))s" "$@"; }
  comes c version
  containerd --config "$TMPDIR/config.toml" config dump >"$TMPDIR/dump"
  grep -q 'containerd.runtimes.crun-lua\]' "$TMPDIR/dump" || fail "containerd does not know the runtime"
  grep -q "BinaryName = \"$installed\"" "$TMPDIR/dump" || fail "containerd does not know the runtime's path"
  mkdir "$TMPDIR/tree"
  tar -C "$TMPDIR/tree" -xf "$TMPDIR/busybox.tar"
  # shellcheck disable=SC2046
  prints hello c run --rm --runc-binary "$installed" --rootfs --env PATH=/bin "$TMPDIR/tree" one /bin/echo hello
fi

if it "Docker has the runtime from its configuration as the book has it" dockerd docker containerd; then
  block json runtimes >"$TMPDIR/daemon.json"
  export DOCKER_CONFIG="$TMPDIR/client"
  dockerd --config-file "$TMPDIR/daemon.json" --host unix:///run/docker.sock --data-root "$TMPDIR/data" \
    --exec-root /run/docker-exec --pidfile /run/docker.pid --bridge none --iptables=false --ip6tables=false \
    >"$TMPDIR/dockerd.log" 2>&1 &
  d() { docker --host unix:///run/docker.sock "$@"; }
  for _ in $(seq 100); do
    if d version >/dev/null 2>&1; then break; fi
    kill -0 $! 2>/dev/null || fail "dockerd does not start here: $(tail -n 2 "$TMPDIR/dockerd.log")"
    sleep 0.1
  done
  prints "$installed" d info --format '{{(index .Runtimes "crun-lua").Path}}'
  d import "$TMPDIR/busybox.tar" box >/dev/null
  prints hello d run --rm --network none --runtime crun-lua box echo hello
  d create --name one --network none --runtime crun-lua box true >/dev/null
  prints crun-lua d inspect --format '{{.HostConfig.Runtime}}' one
fi

finish
