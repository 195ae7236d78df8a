--- Which arguments of a system call a learnt filter looks at, and which calls no recording can see.
---
--- Only numbers can be judged by a filter, and most of them are sizes and descriptors. What is left
--- decides what the call is: the family of a socket, the request of an ioctl, the flags of a clone.
---
--- ```lua
--- local calls = require "learn.calls"
---
--- assert(calls.key("socket", { 2, 0x80001, 0 }) == "0=0x2,1=0x1&0xf,2=0x0")
--- assert(calls.key("read", { 3, 4096, 10 }) == "")
--- local rule = calls.rule("socket", "0=0x2,1=0x1&0xf,2=0x0")
--- assert(rule.args[2].op == "masked_eq" and rule.args[2].mask == 0xf)
--- ```
local M = {}

-- An argument of 32 bits leaves the upper half of its register undefined.
local INT = 0xffffffff

-- The flags of clone(2) and unshare(2) that make namespaces; the others are a program's own matter.
local NAMESPACES = 0x7e020080

-- PROT_READ, PROT_WRITE, PROT_EXEC: that memory is never both written and executed is a property.
local PROTECTION = 0x7

--- By call: places of arguments, from 0, and the bits that count.
M.ARGUMENTS = {
  arch_prctl = { { 0, INT } },
  bpf = { { 0, INT } },
  -- CLONE_NEWTIME is 0x80, which lies in the signal's byte here and in unshare's flags there.
  clone = { { 0, NAMESPACES & ~0xff } },
  fcntl = { { 1, INT } },
  getsockopt = { { 1, INT }, { 2, INT } },
  ioctl = { { 1, INT } },
  keyctl = { { 0, INT } },
  mmap = { { 2, PROTECTION } },
  mprotect = { { 2, PROTECTION } },
  personality = { { 0, INT } },
  pkey_mprotect = { { 2, PROTECTION } },
  prctl = { { 0, INT } },
  ptrace = { { 0, INT } },
  quotactl = { { 0, INT } },
  reboot = { { 2, INT } },
  seccomp = { { 0, INT } },
  setns = { { 1, INT } },
  setsockopt = { { 1, INT }, { 2, INT } },
  socket = { { 0, INT }, { 1, 0xf }, { 2, INT } },
  socketpair = { { 0, INT }, { 1, 0xf }, { 2, INT } },
  syslog = { { 0, INT } },
  unshare = { { 0, INT } },
}

--- Calls that say in memory, or in a ring that is shared with the kernel, what they are to do. No
--- filter sees that. They are answered ENOSYS, in the recording as later; programs have another way
--- then, as under Docker's profile.
M.UNSEEN = {
  clone3 = "its flags stand in memory; programs fall back to clone",
  io_uring_enter = "what it does stands in memory",
  io_uring_register = "what it does stands in memory",
  io_uring_setup = "what is done through it is no call; programs fall back to plain calls",
}

--- Calls that a run may make or not without being another one: the vDSO answers them mostly, and
--- the kernel makes them after a signal. They are always allowed.
M.ALWAYS = {
  "clock_getres",
  "clock_gettime",
  "exit",
  "exit_group",
  "getcpu",
  "gettimeofday",
  "restart_syscall",
  "rt_sigreturn",
  "time",
}

--- What a container's start does between the filter and the program, beyond a plain exec.
M.CONTAINER = { "chdir", "getcwd" }

--- What runc, a program with threads of its own, does between the filter and the program; crun and
--- this program need less. Without these a filter would stop the runtime, not the container.
M.RUNTIME = {
  "capget",
  "capset",
  "chdir",
  "close",
  "dup3",
  "epoll_create1",
  "epoll_ctl",
  "epoll_pwait",
  "eventfd2",
  "faccessat",
  "faccessat2",
  "fchdir",
  "fcntl",
  "fstat",
  "fstatfs",
  "futex",
  "getcwd",
  "getdents64",
  "getgid",
  "getpid",
  "getppid",
  "getuid",
  "gettid",
  "lseek",
  "madvise",
  "mmap",
  "mprotect",
  "munmap",
  "nanosleep",
  "newfstatat",
  "openat",
  "pipe2",
  "prctl",
  "pread64",
  "read",
  "readlinkat",
  "rt_sigaction",
  "rt_sigprocmask",
  "sched_getaffinity",
  "sched_yield",
  "setgid",
  "setgroups",
  "setuid",
  "sigaltstack",
  "statfs",
  "statx",
  "tgkill",
  "write",
}

--- What of the arguments counts, as a text that is the same for the same; empty where nothing does.
---@param name string
---@param raw integer[] the six registers
---@return string
function M.key(name, raw)
  local wanted = M.ARGUMENTS[name]
  if not wanted then
    return ""
  end
  local parts = {}
  for index, one in ipairs(wanted) do
    local place, mask = one[1], one[2]
    local value = raw[place + 1] & mask
    parts[index] = mask == INT and ("%d=0x%x"):format(place, value)
      or ("%d=0x%x&0x%x"):format(place, value, mask)
  end
  return table.concat(parts, ",")
end

--- The conditions that a key stands for, or nil where it is none.
---@param name string
---@param key string
---@return table[]?
function M.conditions(name, key)
  local args = {}
  for place, value, mask in key:gmatch "(%d+)=0x(%x+)&?([0x%x]*)" do
    local index = tonumber(place)
    if index > 5 or #value > 16 then
      return nil
    end
    args[#args + 1] = {
      index = index,
      op = "masked_eq",
      value = tonumber(value, 16),
      mask = mask ~= "" and tonumber(mask) or INT,
    }
  end
  return #args > 0 and #args == #(M.ARGUMENTS[name] or {}) and args or nil
end

--- A key as a rule of `seccomp`.
---@param name string
---@param key string
---@return table
function M.rule(name, key)
  return { names = { name }, action = "allow", args = M.conditions(name, key) }
end

return M
