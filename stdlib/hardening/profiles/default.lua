--- What Docker does to a container without options, and the two socket families closed that have
--- let containers out since. Images are built against these rules, so nearly all of them run.
---
--- ```lua
--- local default = require "hardening.profiles.default"
---
--- assert(#default.caps == 14 and default.no_new_privs)
--- ```
return {
  summary = "Docker's defaults, without AF_ALG and AF_VSOCK, and no new rights on exec",

  -- Enough for an image's start script: it may change owners and users, bind ports below 1024.
  -- None of these reaches past the container, as long as it has namespaces of its own.
  caps = {
    "audit_write",
    "chown",
    "dac_override",
    "fowner",
    "fsetid",
    "kill",
    "mknod",
    "net_bind_service",
    "net_raw",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_chroot",
  },

  -- An allow-list: what the kernel learns next year is refused until somebody has looked at it.
  -- @default knows Docker's conditions: no clone into new namespaces, no AF_ALG (a large surface;
  -- CVE-2026-31431 left containers through it) and no AF_VSOCK (it leads to a virtual machine's
  -- host), a few personalities. 32-bit programs are killed; { architectures = … } admits them.
  seccomp = {
    default = "errno",
    allow = { "@default" },
    with_caps = require "hardening.calls",
  },

  -- Files that tell about the host or slow it down, whoever reads them.
  masked = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/system/cpu/cpu*/thermal_throttle",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
  },

  -- Of the host's kernel, and writable for uid 0 without any capability.
  readonly_paths = {
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
  },

  readonly_root = false,

  -- Docker leaves this off. With it set-user-ID programs give nothing, and the filter can be
  -- loaded last, when all rights are gone. An image that needs sudo says no_new_privs = false.
  no_new_privs = true,

  -- An image may write wherever it likes in its own root, so there is nothing to restrict.
  landlock = false,

  tmpfs = {},
  limits = {},
  rlimits = {},
  env = { keep = {}, set = {} },
  volumes = {},
  secrets = {},
  requires = { "seccomp", "no_new_privs" },
}
