#!/bin/sh
# Installs the system packages that building (`run`), testing (`test`), measuring (`bench`), the OCI
# conformance suite (`conformance`), testing under container engines (`callers`) or in a virtual machine (`vm`) needs and
# this machine lacks. Where all is there it does nothing and prints nothing. Debian and Ubuntu are
# installed on (as root, or with sudo); on Fedora, Arch and Alpine the command is printed for you.
#
# A package counts as present when what it is needed for can be found, whoever put it there.
set -eu

# Where a name has changed, `new|old` takes the first that the system has.
# A dash stands where the system has no such package; the tests that want it are skipped there.
# probe               Debian            Fedora             Arch         Alpine
build='
command:cc            gcc               gcc                gcc          gcc
command:make          make              make               make         make
archive:libc.a        libc6-dev         glibc-static       glibc        musl-dev
archive:libseccomp.a  libseccomp-dev    libseccomp-static  libseccomp   libseccomp-static
'
tests='
command:luacheck      lua-check         -                  luacheck     -
static:busybox        busybox-static    busybox            busybox      busybox-static
command:nft           nftables          nftables           nftables     nftables
command:ip            iproute2          iproute            iproute2     iproute2
command:strace        strace            strace             strace       strace
command:unshare       util-linux        util-linux         util-linux   util-linux
command:getcap        libcap2-bin       libcap             libcap       libcap-getcap
command:newuidmap     uidmap            shadow-utils       shadow       shadow-subids
command:python3       python3           python3            python       python3
python:jsonschema     python3-jsonschema python3-jsonschema python-jsonschema py3-jsonschema
command:zstd          zstd              zstd               zstd         zstd
command:mmdebstrap    mmdebstrap        -                  -            -
command:debootstrap   debootstrap       debootstrap        debootstrap  debootstrap
command:pasta         passt             passt              passt        passt
command:slirp4netns   slirp4netns       slirp4netns        slirp4netns  slirp4netns
cni:bridge            containernetworking-plugins containernetworking-plugins cni-plugins cni-plugins
'
benches='
command:bwrap         bubblewrap        bubblewrap         bubblewrap   bubblewrap
command:lua5.4        lua5.4            -                  -            lua5.4
command:strace        strace            strace             strace       strace
command:umoci         umoci             umoci              -            umoci
command:crun          crun              crun               crun         crun
command:runc          runc              runc               runc         runc
static:busybox        busybox-static    busybox            busybox      busybox-static
program:/usr/share/containers/seccomp.json golang-github-containers-common containers-common containers-common containers-common
'
# Engines bring services, so they are not put on a machine where somebody only runs the tests: those
# that want them are skipped there. The build server installs them all.
callers='
command:podman        podman            podman             podman       podman
command:conmon        conmon            conmon             conmon       conmon
command:buildah       buildah           buildah            buildah      buildah
command:crun          crun              crun               crun         crun
program:/usr/lib/podman/netavark netavark netavark         netavark     netavark
command:iptables      iptables          iptables-nft       iptables     iptables
command:containerd    containerd        containerd         containerd   containerd
command:ctr           containerd        containerd         containerd   containerd-ctr
command:runc          runc              runc               runc         runc
command:dockerd       docker.io         moby-engine        docker       docker-engine
command:docker        docker.io         moby-engine        docker       docker-cli
command:newuidmap     uidmap            shadow-utils       shadow       shadow-subids
command:script        bsdutils          util-linux-script  util-linux   util-linux-misc
'
# The guest's kernel is Debian's, and comes by apt.
vm='
command:qemu-system-x86_64 qemu-system-x86 qemu-system-x86-core qemu-system-x86 qemu-system-x86_64
virtiofsd             virtiofsd|qemu-system-common virtiofsd virtiofsd virtiofsd
command:mkfs.ext4     e2fsprogs         e2fsprogs          e2fsprogs    e2fsprogs
command:findmnt       util-linux        util-linux         util-linux   util-linux
command:lz4           lz4               lz4                lz4          lz4
command:zstd          zstd              zstd               zstd         zstd
command:xz            xz-utils          xz                 xz           xz
program:/usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring - - -
program:/lib/systemd/systemd systemd    systemd            systemd      -
command:dbus-daemon   dbus              dbus-daemon        dbus         dbus
program:/usr/lib/systemd/user/dbus.socket dbus-user-session - - -
'
# The suite is built from Debian's source package, so elsewhere there is none.
conformance='
command:go            golang-go         -                  -            -
command:xz            xz-utils          -                  -            -
go:blang/semver       golang-github-blang-semver-dev - - -
go:google/uuid        golang-github-google-uuid-dev - - -
go:hashicorp/go-multierror golang-github-hashicorp-go-multierror-dev - - -
go:mrunalp/fileutils  golang-github-mrunalp-fileutils-dev - - -
go:opencontainers/selinux golang-github-opencontainers-selinux-dev - - -
go:opencontainers/runtime-spec golang-github-opencontainers-specs-dev - - -
go:urfave/cli         golang-github-urfave-cli-dev - - -
go:xeipuuv/gojsonschema golang-github-xeipuuv-gojsonschema-dev - - -
go:syndtr/gocapability golang-gocapability-dev - - -
go:sirupsen/logrus    golang-github-sirupsen-logrus-dev - - -
program:/usr/share/gocode/src/golang.org/x/sys/unix golang-golang-x-sys-dev - - -
'

fail() {
  echo "packages: $*" >&2
  exit 1
}

present() {
  case $1 in
    # The directories of root's programs are not in every user's path.
    command:*) PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "${1#command:}" >/dev/null ;;
    python:*) python3 -c "import ${1#python:}" 2>/dev/null ;;
    cni:*) [ -x "/usr/lib/cni/${1#cni:}" ] || [ -x "/opt/cni/bin/${1#cni:}" ] || [ -x "/usr/libexec/cni/${1#cni:}" ] ;;
    go:*) [ -d "/usr/share/gocode/src/github.com/${1#go:}" ] ;;
    program:*) [ -e "${1#program:}" ] ;;
    virtiofsd) [ -x /usr/lib/qemu/virtiofsd ] || [ -x /usr/libexec/virtiofsd ] || [ -x /usr/lib/virtiofsd ] ;;
    static:*) program=$(command -v "${1#static:}") && ! ldd "$program" >/dev/null 2>&1 ;;
    # The compiler answers with a path where it finds the file, and with the bare name elsewhere.
    archive:*) case $(cc -print-file-name="${1#archive:}" 2>/dev/null) in */*) ;; *) return 1 ;; esac ;;
  esac
}

case ${1-} in
  run) wanted=$build ;;
  test) wanted=$build$tests ;;
  bench) wanted=$build$benches ;;
  callers) wanted=$callers ;;
  vm) wanted=$vm ;;
  conformance) wanted=$build$conformance ;;
  *) fail "expected 'run', 'test', 'bench', 'callers', 'vm' or 'conformance'" ;;
esac

if command -v apt-get >/dev/null; then
  column=2 install='apt-get install -y --no-install-recommends'
elif command -v dnf >/dev/null; then
  column=3 install='dnf install -y'
elif command -v pacman >/dev/null; then
  column=4 install='pacman -S --needed'
elif command -v apk >/dev/null; then
  column=5 install='apk add'
else
  column=2 install=''
fi

missing=$(
  echo "$wanted" | while read -r probe names; do
    if [ -n "$probe" ] && ! present "$probe"; then
      # shellcheck disable=SC2086
      set -- "$probe" $names
      eval "echo \"\$$column\""
    fi
  done | grep -vx -e - | sort -u | tr '\n' ' '
)
missing=${missing% }
[ -n "$missing" ] || exit 0

if [ -z "$install" ]; then
  fail "missing, by Debian's names: $missing. Install them with this system's package manager."
fi
if [ "$column" != 2 ]; then
  fail "missing: $missing. Run, as root:
  $install $missing"
fi

root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail "missing: $missing. Without root or sudo, ask an administrator to run:
  $install $missing"
  root=sudo
  # A build machine has nobody to type a password.
  if [ -n "${CI-}" ] || [ ! -t 0 ]; then root='sudo -n'; fi
fi

export DEBIAN_FRONTEND=noninteractive
# A list that cannot be refreshed may still be good enough to install from.
$root apt-get update -qq >&2 || echo "packages: apt-get update failed; trying with the lists as they are" >&2
missing=$(
  for names in $missing; do
    name=${names%%|*}
    apt-cache show "$name" >/dev/null 2>&1 || name=${names##*|}
    printf '%s ' "$name"
  done
)
echo "packages: installing $missing" >&2
# shellcheck disable=SC2086
$root env DEBIAN_FRONTEND=noninteractive $install -qq -o Dpkg::Use-Pty=0 $missing </dev/null >/dev/null ||
  fail "could not install: $missing"
