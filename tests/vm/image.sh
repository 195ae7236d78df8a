#!/usr/bin/env bash
# Makes what a guest starts from, and prints its directory: image.sh KERNEL, where KERNEL is `stable`
# (Debian 12's 6.1) or `backports`.
#
#   vmlinux    Debian's kernel, unpacked: nothing is spent on that in the guest
#   initrd     busybox, a few modules, and guest/init, which finds the root file system
#   disk.img   what lies over the machine's own tree: the kernel's modules, kmod, AppArmor's parser and
#              criu, which the machine need not have; and room for what the guest writes
#
# apt downloads with a state of its own, below target/vm as all else here, and installs nothing. The
# image is made anew when this file or guest/init has changed.
set -euo pipefail

here=$(realpath "${BASH_SOURCE[0]%/*}")
kernel=${1:?image.sh KERNEL}
cache=${CRUN_LUA_VM:?is to be the directory of all that is made for guests}
key=$kernel-$(cat "$here/image.sh" "$here/guest/init" | sha256sum | cut -c1-12)
image=$cache/$key
# Over the machine's tree, with the libraries that they need and the machine may not have.
layer=(kmod libkmod2 apparmor libapparmor1 criu libnet1 libnl-3-200 libprotobuf-c1 libnftables1 libnftnl11
  libbsd0 libmd0)

fail() {
  echo "vm: $*" >&2
  exit 1
}
trap 'echo "vm: the image could not be made (${BASH_SOURCE[0]}:$LINENO)" >&2' ERR

# A signed source of this machine's own, where it is Debian; for others Debian's.
mirrors() {
  main=${CRUN_LUA_VM_MIRROR:-} security=
  if [[ -z $main ]] && grep -q '^ID=debian' /etc/os-release; then
    local sites
    # shellcheck disable=SC2016 # apt's own variable.
    sites=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | sort -u)
    main=$(grep -v security <<<"$sites" | head -n 1) || true
    security=$(grep security <<<"$sites" | head -n 1) || true
  fi
  main=${main:-http://deb.debian.org/debian}
  local key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  echo "deb $key $main bookworm main"
  echo "deb $key $main bookworm-backports main"
  if [[ -n $security ]]; then echo "deb $key $security bookworm-security main"; fi
}

# Downloads the kernel and these packages into ./deb.
download() {
  local apt=$cache/apt meta=linux-image-cloud-amd64 where='!/backports/' version package
  mkdir -p "$apt"/{lists,archives}/partial deb
  mirrors >"$apt/sources.list"
  local options=(-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives"
    -o APT::Architecture=amd64 -o APT::Default-Release= -o Acquire::Languages=none -o APT::Sandbox::User=root)
  apt-get "${options[@]}" -qq update >&2 || fail "apt-get update failed: $main cannot be reached, or the disk is full"
  if [[ $kernel = backports ]]; then where=/backports/; fi
  version=$(apt-cache "${options[@]}" madison $meta | awk "$where && !v { v = \$3 } END { print v }")
  package=$(apt-cache "${options[@]}" show "$meta=$version" | sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p')
  [[ -n $package ]] || fail "$main has no $meta of '$kernel'"
  (cd deb && apt-get "${options[@]}" -qq download "$package" busybox-static "${layer[@]}" >&2) ||
    fail "apt-get could not download $package and what goes with it"
}

# The kernel inside of a bzImage, by the offsets that its header has (Documentation/arch/x86/boot.rst).
unpack_kernel() {
  local file=$1 setup offset length
  number() { od -An -t "u$2" -j "$1" -N "$2" "$file" | tr -d ' '; }
  setup=$(number $((0x1f1)) 1) offset=$(number $((0x248)) 4) length=$(number $((0x24c)) 4)
  offset=$(((setup + 1) * 512 + offset))
  # Without the four bytes that end it: the length of what is packed.
  payload() { dd if="$file" bs=1M iflag=skip_bytes,count_bytes skip=$offset count=$((length - 4)) status=none; }
  case $(od -An -t x1 -j $offset -N 4 "$file" | tr -d ' ') in
    fd377a58) payload | xz -dc ;;
    02214c18) payload | lz4 -dcq ;;
    28b52ffd) payload | zstd -dcq ;;
    *) fail "the kernel is packed in a way that is not known here" ;;
  esac
}

# A tool of kmod's, run on the modules.
kmod() {
  LD_LIBRARY_PATH=$PWD/disk/up/usr/lib/x86_64-linux-gnu bash -c 'exec -a "$0" "$@"' "$1" disk/up/usr/bin/kmod "${@:2}"
}

# disk/up lies over the machine's tree, where /bin, /sbin and /lib are links that it must not hide.
fill_disk() {
  local package dir
  mkdir -p disk/up/{usr,scratch,var/lib/containers} disk/work disk/data/{tmp,scratch,containers}
  for package in "${layer[@]}"; do dpkg -x deb/"${package}"_*.deb disk/up; done
  for dir in bin sbin lib; do
    mkdir -p disk/up/usr/$dir
    if [[ -d disk/up/$dir ]]; then cp -a disk/up/$dir/. disk/up/usr/$dir/ && rm -r disk/up/$dir; fi
  done
  rm -rf disk/up/usr/share/{doc,man,locale}
  mv kernel/lib/modules disk/up/usr/lib/
  find disk/up/usr/lib/modules -name '*.ko.xz' -print0 | xargs -0 -r -P "$(nproc)" -n 64 xz -d
  kmod depmod -b disk/up/usr "$version"
  chmod 1777 disk/data/{tmp,scratch}
}

# The first file system, with the modules in the order in which they have to be loaded.
fill_initrd() {
  local module applet
  mkdir -p initial/{bin,proc,dev,sys,modules,host,disk,new}
  for module in virtio_pci virtio_blk virtio_console virtiofs ext4 overlay; do
    kmod modprobe -d disk/up/usr -S "$version" -D $module
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >modules
  while read -r module; do
    cp "$module" initial/modules/
    basename "$module"
  done <modules >initial/modules/order
  cp busybox/bin/busybox initial/bin/
  for applet in $(busybox/bin/busybox --list); do
    if ! [[ -e initial/bin/$applet ]]; then ln -s busybox "initial/bin/$applet"; fi
  done
  install -m 0755 "$here/guest/init" initial/init
  (cd initial && find . | ../busybox/bin/busybox cpio -o -H newc 2>/dev/null) >initrd
}

make_image() {
  echo "vm: making the image of the kernel '$kernel'" >&2
  rm -rf "$image.new" && mkdir -p "$image.new" && cd "$image.new"
  download
  mkdir kernel busybox
  dpkg -x deb/linux-image-*.deb kernel
  dpkg -x deb/busybox-static_*.deb busybox
  unpack_kernel kernel/boot/vmlinuz-* >vmlinux
  [[ $(head -c 4 vmlinux) = $'\x7fELF' ]] || fail "the kernel could not be unpacked"
  version=$(ls kernel/lib/modules)
  fill_disk
  fill_initrd
  truncate -s 16G disk.img
  PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -d disk disk.img
  echo "$version" >version
  rm -rf deb kernel busybox disk initial modules
  cd "$cache"
  # Those of files that have changed since are of no use any more.
  find . -maxdepth 1 -name "$kernel-????????????" -exec rm -rf {} +
  mv "$image.new" "$image"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if ! [[ -e $image/version ]]; then
  command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
    fail "the guest's kernel is Debian's, and is downloaded by apt-get: this machine has none (Debian and Ubuntu do)"
  room=$(df --output=avail -k "$cache" | tail -n 1)
  ((room > 2 << 20)) || fail "$cache has $((room >> 10)) MB left, and an image needs 2048: make room, or set CARGO_TARGET_DIR"
  make_image
fi
echo "$image"
