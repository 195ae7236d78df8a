--- System calls: whether a filter is there, and which doors of the kernel it leaves open.
---
--- What the filters of a process answer is read back from the kernel (`seccomp_map`). A call that
--- needs a capability which the process lacks is less of a door, and a door all the same: most
--- faults of the kernel were behind such a check.
---
--- ```lua
--- local properties = require "audit.properties.calls"
---
--- local facts = { security = { seccomp = { mode = "disabled" } }, contained = true }
--- assert(properties[1].judge(facts).answer == "no")
--- assert(properties[1].judge({}).answer == "unknown")
--- ```
local judge = require "audit.judge"

-- By door: the calls, the capability that the kernel asks for, the weight, what is behind, and who
-- misses it.
local DOORS = {
  {
    "mount",
    {
      "mount",
      "umount2",
      "pivot_root",
      "move_mount",
      "open_tree",
      "fsopen",
      "fsconfig",
      "fsmount",
      "mount_setattr",
    },
    "sys_admin",
    4,
    "mounts",
    "mounts inside, and containers in it, must come from outside",
  },
  {
    "namespaces",
    { "unshare", "setns" },
    nil,
    4,
    "new user namespaces: a root, and with it much of the kernel that only root gets to",
    "browsers and builders that sandbox themselves, and containers in it",
  },
  {
    "modules",
    { "init_module", "finit_module", "delete_module" },
    "sys_module",
    3,
    "kernel modules",
    "none",
  },
  {
    "reboot",
    { "reboot", "kexec_load", "kexec_file_load" },
    "sys_boot",
    2,
    "other kernels",
    "none",
  },
  { "bpf", { "bpf" }, "bpf", 3, "programs in the kernel", "tracing tools" },
  {
    "perf",
    { "perf_event_open" },
    "perfmon",
    2,
    "counters, which tell others' secrets",
    "profilers",
  },
  {
    "io_uring",
    { "io_uring_setup", "io_uring_enter", "io_uring_register" },
    nil,
    3,
    "a second way to all file and network calls, and a source of faults",
    "databases and servers that use it fall back to slower calls",
  },
  {
    "keyring",
    { "add_key", "keyctl", "request_key" },
    nil,
    2,
    "keyrings, which belong to a user and not to a container",
    "NFS and AFS clients, some logins",
  },
  {
    "userfaultfd",
    { "userfaultfd" },
    nil,
    2,
    "page faults that wait, with which races are won",
    "migration of virtual machines",
  },
  {
    "handles",
    { "open_by_handle_at" },
    "dac_read_search",
    3,
    "files by their number, past every mount (the shocker exploit)",
    "file servers",
  },
  {
    "ptrace",
    { "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd" },
    nil,
    2,
    "the memory of other processes of the same user",
    "debuggers, strace",
  },
  {
    "clock",
    { "clock_settime", "settimeofday" },
    "sys_time",
    2,
    "the machine's clock",
    "time servers",
  },
  { "raw-io", { "ioperm", "iopl" }, "sys_rawio", 2, "ports of the hardware", "X servers" },
  { "swap", { "swapon", "swapoff" }, "sys_admin", 1, "swap", "none" },
  { "log", { "syslog" }, "syslog", 1, "the kernel's log, with its addresses", "dmesg inside" },
  {
    "obsolete",
    { "modify_ldt", "uselib", "ustat", "sysfs" },
    nil,
    1,
    "calls that nobody has looked after for years",
    "very old programs; Wine needs modify_ldt",
  },
}

-- A door that also a capability locks.
local LOCKED = 0.3

local properties = {
  {
    id = "filter",
    name = "filter of system calls",
    weight = 8,
    remedy = 'seccomp { default = "errno", allow = { "@default" } } (OCI: linux.seccomp)',
    cost = "none to ordinary programs: it is what Docker and Podman allow",
    see = "seccomp(2)",
    judge = judge.finding("no-seccomp", "there is one", 1),
  },
  {
    id = "unlisted",
    name = "unknown calls refused",
    weight = 3,
    remedy = 'a list of what is allowed: default = "errno" (OCI: defaultAction)',
    cost = "a new program may ask for calls that the list lacks: crun-lua learn tells which",
    see = "seccomp(2)",
    judge = function(facts)
      local security, missing = judge.section(facts, "security")
      if not security then
        return missing
      elseif security.seccomp.mode == "disabled" then
        return judge.none "there is no filter"
      end
      local calls, unread = judge.section(facts, "calls")
      if not calls or not calls.count then
        return unread or judge.unknown()
      end
      local share = calls.open / calls.count
      local now = ("%d of %d calls are open"):format(calls.open, calls.count)
      -- Docker's list lets most calls through; a list of what is forbidden nearly all.
      return judge.partly(now, share > 0.97 and 1 or share > 0.9 and 0.5 or 0)
    end,
  },
}

local function judge_door(names, capability, behind)
  return function(facts)
    local security, missing = judge.section(facts, "security")
    if not security then
      return missing
    end
    local open = {}
    if security.seccomp.mode == "disabled" then
      open = names
    else
      local calls, unread = judge.section(facts, "calls")
      if not calls then
        return unread
      end
      for _, name in ipairs(names) do
        open[#open + 1] = calls.reach[name] and name or nil
      end
    end
    if #open == 0 then
      return judge.yes "refused"
    end
    local share, locked = 0.5 + 0.5 * #open / #names, ""
    local sets = security.capabilities
    if capability and sets then
      local has = judge.set(sets.permitted and sets.permitted.names)[capability]
        or not security.no_new_privs
          and judge.set(sets.bounding and sets.bounding.names)[capability]
      if not has or judge.own(facts, "user") then
        share = share * LOCKED
        locked = has and ", for what its own user namespace owns"
          or (", and lacks %s to use it"):format(capability)
      end
    end
    local list = table.concat(open, ", ", 1, math.min(#open, 3)) .. (#open > 3 and ", …" or "")
    return judge.partly(("it reaches %s%s: %s"):format(list, locked, behind), share)
  end
end

for _, door in ipairs(DOORS) do
  -- The third may be nil.
  local id, names, capability, weight, behind, cost = table.unpack(door, 1, 6)
  properties[#properties + 1] = {
    id = "calls-" .. id,
    name = "no calls for " .. id,
    weight = weight,
    remedy = ("leave %s out of the filter's list"):format(table.concat(names, ", ")),
    cost = cost,
    see = names[1] .. "(2)",
    judge = judge_door(names, capability, behind),
  }
end

return properties
