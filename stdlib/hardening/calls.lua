--- System calls that are opened together with a capability, as in Docker's default profile.
---
--- Without the capability the kernel would refuse these calls anyway. The filter refuses them too,
--- because most of the kernel's holes were behind a check that a user namespace passes: `mount`,
--- `bpf`, `unshare`. A profile that is given the capability gets the calls with it, or the
--- capability would be worth nothing.
---
--- ```lua
--- local calls = require "hardening.calls"
---
--- assert(calls.sys_chroot[1] == "chroot")
--- ```
return {
  bpf = { "bpf" },
  dac_read_search = { "open_by_handle_at" },
  perfmon = { "perf_event_open" },
  -- `clone` and `clone3` are here without the condition that no namespace is made.
  sys_admin = {
    "bpf",
    "clone",
    "clone3",
    "fanotify_init",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "lookup_dcookie",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "perf_event_open",
    "quotactl",
    "quotactl_fd",
    "setdomainname",
    "sethostname",
    "setns",
    "syslog",
    "umount",
    "umount2",
    "unshare",
  },
  sys_boot = { "reboot" },
  sys_chroot = { "chroot" },
  sys_module = { "delete_module", "finit_module", "init_module" },
  sys_nice = { "get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node" },
  sys_pacct = { "acct" },
  sys_ptrace = {
    "kcmp",
    "pidfd_getfd",
    "process_madvise",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
  },
  sys_rawio = { "ioperm", "iopl" },
  sys_time = { "clock_settime", "clock_settime64", "settimeofday", "stime" },
  sys_tty_config = { "vhangup" },
  syslog = { "syslog" },
}
