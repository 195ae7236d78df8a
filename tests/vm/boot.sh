# What starting a guest takes: how QEMU runs it, which of the machine's directories it sees. Sourced by
# run.sh, which has `here`, `image`, `cache` and `run` (directories) and calls these in their order.
#
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # The variables are run.sh's.

# Sets `qemu`, the words that every start has, and `kernel_words`, for ACCELERATOR.
prepare_qemu() {
  # Emulated: page tables of five levels cost time, and with QEMU 7.2's CMPXCHG16B Linux 6.12 panics.
  local processor=max,la57=off,cx16=off accelerator=tcg,thread=multi,tb-size=512
  if [[ $1 = kvm ]]; then processor=host accelerator=kvm; fi
  qemu=(qemu-system-x86_64 -accel "$accelerator" -cpu "$processor" -M "q35,usb=off,vmport=off,smbus=off"
    -nodefaults -no-user-config -display none -no-reboot -kernel "$image/vmlinux" -initrd "$image/initrd")
  # norandmaps: emulation translates a program anew at each new address, which makes exec thrice as slow.
  kernel_words="console=ttyS0 quiet panic=-1 reboot=t tsc=reliable no_timer_check nokaslr norandmaps"
  kernel_words+=" mitigations=off random.trust_cpu=on init_on_alloc=0 cryptomgr.notests=1"
  kernel_words+=" rcupdate.rcu_expedited=1 cgroup_no_v1=all apparmor=1 security=apparmor"
}

# Prints `kvm` where that starts this kernel, else `tcg`: a nested KVM can be there and fail. What came
# of the trial is kept beside the image.
choose_accelerator() {
  local answer=$image/accelerator
  if ! [[ -w /dev/kvm ]]; then
    echo tcg
    return
  fi
  if ! [[ -e $answer ]]; then
    prepare_qemu kvm
    if timeout -k 1 10 "${qemu[@]}" -m 512 -serial stdio -append "$kernel_words vm.probe=1" \
      </dev/null 2>/dev/null | grep -q PROBE-OK; then
      echo kvm >"$answer"
    else
      echo "vm: KVM does not start the kernel here: it is emulated, which takes ten times as long" >&2
      echo tcg >"$answer"
    fi
  fi
  cat "$answer"
}

# Tells an emulated guest's kernel how fast its time stamp counter is (tsc.c says why). Where there is no
# compiler it measures that itself.
know_clock() {
  if ! [[ -x $image/tsc ]]; then
    "${CC:-cc}" -O2 -o "$run/tsc" "$here/tsc.c" 2>/dev/null && mv "$run/tsc" "$image/tsc" || return 0
  fi
  kernel_words+=" tsc_early_khz=$("$image/tsc")"
}

# Debian 12 has virtiofsd in C, later ones have it in Rust: both take the words below.
find_virtiofsd() {
  local path
  for path in /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd /usr/lib/virtiofsd; do
    if [[ -x $path ]]; then echo "$path" && return; fi
  done
  return 1
}

# Shows the machine's file systems to the guest, in a mount namespace where they are read-only: not
# even virtiofsd could write to them. Its directories of the kernel's and of what runs are its own.
share_files() {
  local socket=$run/files.sock i
  mkdir "$run/files"
  # shellcheck disable=SC2016 # The inner shell's variables.
  unshare --mount --propagation private bash -c '
    bind() { mount --bind "$1" "$2" && mount -o remount,bind,ro "$2"; }
    bind / "$1" || exit 1
    findmnt -rno TARGET,FSTYPE | while read -r dir type; do
      case $dir:$type in
        /:* | /proc*:* | /sys*:* | /dev*:* | /run*:* | "$1"*) ;;
        *:ext[234] | *:xfs | *:btrfs | *:zfs | *:overlay | *:tmpfs) if [[ -e $1$dir ]]; then bind "$dir" "$1$dir"; fi ;;
      esac
    done
    exec "$2" --socket-path="$3" -o source="$1" -o cache=always,no_xattr,no_readdirplus -f
  ' - "$run/files" "$(find_virtiofsd)" "$socket" >"$run/virtiofsd.log" 2>&1 &
  started+=($!)
  for ((i = 0; i < 500; i++)); do
    if [[ -S $socket ]]; then break; fi
    sleep 0.02
  done
  [[ -S $socket ]] || fail "virtiofsd does not start: $(tail -n 3 "$run/virtiofsd.log")"
  qemu+=(-chardev "socket,id=files,path=$socket" -device "vhost-user-fs-pci,chardev=files,tag=host,queue-size=1024")
}

# Processors, memory, console, disk, and the ports through which output and status come.
add_devices() {
  qemu+=(-m "$memory" -smp "$processors"
    -object "memory-backend-memfd,id=memory,size=$memory,share=on" -numa node,memdev=memory
    -chardev "file,id=console,path=$console" -serial chardev:console
    # What the guest writes goes into a file of QEMU's in TMPDIR, and is dropped. A full disk is an error there.
    -drive "if=none,id=disk,file=$image/disk.img,format=raw,snapshot=on,discard=unmap,werror=report"
    -device "virtio-blk-pci,drive=disk"
    -device virtio-serial-pci
    -chardev "file,id=out,path=$run/out,append=on" -device "virtserialport,chardev=out,nr=1"
    -chardev "file,id=err,path=$run/err,append=on" -device "virtserialport,chardev=err,nr=2"
    -chardev "file,id=status,path=$run/status" -device "virtserialport,chardev=status,nr=3")
}
