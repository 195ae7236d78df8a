--- Flags of the filters that answer system calls: a signal must not make a call come twice, where
--- the kernel can see to that (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19).
---
--- ```lua
--- local flags = require "learn.flags"
---
--- local wanted = flags()
--- assert(wanted == nil or wanted[1] == "wait_killable_recv")
--- ```

---@return string[]?
return function()
  local major, minor = (sysctl_get "kernel.osrelease" or "0.0"):match "^(%d+)%.(%d+)"
  local version = tonumber(major) * 1000 + tonumber(minor)
  return version >= 5019 and { "wait_killable_recv" } or nil
end
