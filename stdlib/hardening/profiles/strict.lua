--- No rights at all: for a program that computes, serves or converts, and administers nothing.
---
--- It is `default` with the changes below, so that each line is one thing taken away.
---
--- ```lua
--- local strict = require "hardening.profiles.strict"
---
--- assert(strict.extends == "default" and #strict.caps == 0)
--- ```
return {
  summary = "an unprivileged user without capabilities, a read-only root, Landlock, limits",
  extends = "default",

  caps = {},
  -- "nobody": owns no file of the root and no process outside.
  user = "65534:65534",

  -- Looking into other processes, old modes of the processor, and becoming another user: a program
  -- without capabilities that does it has been taken over.
  seccomp = {
    allow = {
      "-@setuid",
      "-io_setup",
      "-modify_ldt",
      "-process_vm_readv",
      "-process_vm_writev",
      "-ptrace",
    },
  },

  -- What is written stays in memory, is bounded, and is gone with the container.
  readonly_root = true,
  tmpfs = {
    ["/run"] = { size = "16M", mode = "0755" },
    ["/tmp"] = { size = "64M", mode = "1777" },
    ["/var/tmp"] = { size = "64M", mode = "1777" },
  },

  -- The second lock behind the mounts: it holds also where a mount was forgotten. Volumes and
  -- tmpfs that are writable are added to `rw`. In /dev are those devices that the container has.
  landlock = {
    exec = { "/" },
    rw = { "/dev" },
    scope = { "abstract_unix_socket", "signal" },
  },

  limits = { memory = "512M", cpu = "100%", pids = 128 },
  -- A core file would carry the program's memory out.
  rlimits = { core = 0, nofile = 1024 },
  -- When memory runs out, this goes before what the host needs.
  oom_score = 500,
  network = "none",
}
