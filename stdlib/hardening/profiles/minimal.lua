--- The least that keeps a container in: for a program that an allow-list of system calls breaks.
---
--- Everything is made but what reaches past the container. A filter of this kind is weaker than
--- that of `default`: a call that nobody has thought of is allowed.
---
--- ```lua
--- local minimal = require "hardening.profiles.minimal"
---
--- assert(minimal.seccomp.default == "allow")
--- ```
local default = require "hardening.profiles.default"

--- The kernel reads 32 bits of a family and the filter sees 64, so the rest is masked away.
local function family(number)
  local args = { { index = 0, op = "masked_eq", value = number, mask = 0xffffffff } }
  return { names = { "socket" }, action = "errno", errno = "EAFNOSUPPORT", args = args }
end

return {
  summary = "system calls that reach past the container are refused, the rest is made",

  caps = default.caps,

  seccomp = {
    default = "allow",
    errno = {
      -- They change the one kernel that all containers share. A capability opens what a group
      -- refuses; what is written out stays refused until seccomp = { allow = { "+bpf" } }.
      "@clock",
      "@module",
      "@raw-io",
      "@reboot",
      "@swap",
      "acct",
      "bpf",
      "perf_event_open",
      "quotactl",
      "quotactl_fd",
      "syslog",
      -- Keyrings have no namespace.
      "@keyring",
      -- A new namespace or a mount is what an escape from a container begins with.
      "@mount",
      "setns",
      "unshare",
      -- A file by its number, past every mount (the "shocker" escape).
      "open_by_handle_at",
      -- A way to stop the kernel in the middle of a copy, which exploits are made of.
      "userfaultfd",
      -- Rings make calls that no filter sees.
      "io_uring_enter",
      "io_uring_register",
      "io_uring_setup",
    },
    rules = {
      -- CLONE_NEWUSER; the other kinds need a capability that nobody has here. The flags of clone3
      -- lie in memory, where a filter cannot look; without it libc takes clone.
      {
        names = { "clone" },
        action = "errno",
        args = { { index = 0, op = "masked_eq", value = 0x10000000, mask = 0x10000000 } },
      },
      { names = { "clone3" }, action = "errno", errno = "ENOSYS" },
      -- AF_ALG and AF_VSOCK, as in `default`; 32-bit programs ask through `socketcall`.
      family(38),
      family(40),
      { names = { "socketcall" }, action = "errno", errno = "ENOSYS" },
    },
    with_caps = default.seccomp.with_caps,
  },

  masked = default.masked,
  readonly_paths = default.readonly_paths,
  readonly_root = false,
  no_new_privs = true,
  landlock = false,
  tmpfs = {},
  limits = {},
  rlimits = {},
  env = { keep = {}, set = {} },
  volumes = {},
  secrets = {},
  requires = { "seccomp", "no_new_privs" },
}
