#!/bin/sh
# Policies as the users of an engine meet them: Podman is told no, and passes the reason on.
#
# /etc is the case's own, so that its policies are nobody else's.
. "${0%/*}/it.sh"
needed="podman conmon busybox"

p() {
  podman --root "$TMPDIR/root" --runroot /run/podman --tmpdir /run/libpod \
    --cgroup-manager cgroupfs --events-backend file --runtime "$RUNTIME" "$@"
}

run() { p run --rm --network none "$@"; }

prepare() {
  pack
  p import "$TMPDIR/busybox.tar" box >/dev/null 2>&1
}

# Puts shipped policies into the directory: policies NAME…
policies() {
  mkdir "$TMPDIR/etc"
  mount -t tmpfs -o mode=0755 none "$TMPDIR/etc"
  mkdir "$TMPDIR/etc/upper" "$TMPDIR/etc/work"
  mount -t overlay -o "lowerdir=/etc,upperdir=$TMPDIR/etc/upper,workdir=$TMPDIR/etc/work" none /etc
  mkdir -p /etc/crun-lua/policy.d
  for name; do
    cp "$here/../../scripts/policy/$name.lua" /etc/crun-lua/policy.d
    chmod 0644 "/etc/crun-lua/policy.d/$name.lua"
  done
}

# The command fails, and says this: refuses TEXT COMMAND…
refuses() {
  text=$1
  shift
  if "$@" >/dev/null 2>&1; then fail "it was not refused: $*"; fi
  says "$text" "$@"
}

if it "a refusal's reason is what the engine's user reads"; then
  policies deny_host
  prints fine run box echo fine
  refuses "would share the host's pid namespace" run --pid host box true
  refuses "would share the host's ipc namespace" run --ipc host box true
  refuses "would be privileged" run --privileged box true
  refuses "would be privileged" run --cap-add sys_admin box true
  [ -z "$(p ps --all --quiet)" ] || fail "a container is left"
fi

if it "a policy that others may write stops the engine"; then
  policies deny_host
  chmod 0666 /etc/crun-lua/policy.d/deny_host.lua
  refuses "its group or others may write it" run box true
fi

if it "what policies add is in the container"; then
  policies ca_bundle limits
  mkdir -p /etc/ssl/certs
  echo certificates >/etc/ssl/certs/ca-certificates.crt
  prints certificates run box sh -c 'cat "$SSL_CERT_FILE"'
  refuses "Read-only" run box sh -c 'echo x >"$SSL_CERT_FILE"'
  # As root the engine asks for its own limit of files where it may raise one; a policy leaves that alone.
  if [ $((0x$(sed -n 's/^CapEff:.//p' /proc/self/status) >> 24 & 1)) = 0 ]; then
    prints 4096 run box sh -c 'ulimit -n'
  fi
fi

finish
