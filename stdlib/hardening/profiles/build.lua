--- Compilers and package tools: may own files, may not reach the network or administer anything.
---
--- ```lua
--- local hardening = require "hardening"
---
--- local build = hardening.resolve("build")
--- assert(build.network == "none" and #build.caps == 7)
--- ```
return {
  summary = "Docker's defaults with rights over files alone, no network, room to work",
  extends = "default",

  -- Unpacking and installing files of several owners, and no more. Not net_raw, not mknod, not
  -- setfcap: what is built must not carry capabilities out.
  caps = { "chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid" },

  -- What a build fetches it should fetch before, by digest.
  network = "none",

  tmpfs = { ["/tmp"] = { size = "2G", mode = "1777" } },
  limits = { pids = 4096 },
  rlimits = { core = 0, nofile = 65536 },
  oom_score = 500,
  -- What makes the result the same on each machine, and nothing that identifies this one.
  env = { keep = { "LANG", "LC_ALL", "MAKEFLAGS", "SOURCE_DATE_EPOCH" } },
}
