--- Which capability a call needed, inferred from the call, its arguments and the files that it
--- names: what capabilities(7) says of it, not what the kernel has checked.
---
--- The kernel tells nobody which capability it has asked for. So this can be wrong in both ways: a
--- check that depends on what no argument shows (a limit that is raised, a message of netlink over
--- sendmmsg) is missed, and a call that would have failed anyway counts. `--bisect` finds out by
--- running the command again without each.
---
--- ```lua
--- local rights = require "learn.rights"
---
--- local who = { uid = 0, gid = 0, groups = {} }
--- local low, high = { family = "inet", port = 80 }, { family = "inet", port = 8080 }
--- assert(rights.of("bind", { addr = low }, who)[1] == "net_bind_service")
--- assert(#rights.of("bind", { addr = high }, who) == 0)
--- local file = { uid = 5, gid = 5, mode = 384, type = "file" }
--- assert(rights.file(file, "read", who) == "dac_read_search")
--- ```
local M = {}

-- By call: what it always needs.
local PLAIN = {
  acct = "sys_pacct",
  bpf = "bpf",
  chroot = "sys_chroot",
  clock_settime = "sys_time",
  delete_module = "sys_module",
  finit_module = "sys_module",
  fsmount = "sys_admin",
  fsopen = "sys_admin",
  init_module = "sys_module",
  ioperm = "sys_rawio",
  iopl = "sys_rawio",
  kexec_file_load = "sys_boot",
  kexec_load = "sys_boot",
  mount = "sys_admin",
  mount_setattr = "sys_admin",
  move_mount = "sys_admin",
  open_by_handle_at = "dac_read_search",
  perf_event_open = "perfmon",
  pivot_root = "sys_admin",
  reboot = "sys_boot",
  setdomainname = "sys_admin",
  setgroups = "setgid",
  sethostname = "sys_admin",
  setns = "sys_admin",
  settimeofday = "sys_time",
  swapoff = "sys_admin",
  swapon = "sys_admin",
  syslog = "syslog",
  umount2 = "sys_admin",
  vhangup = "sys_tty_config",
}

local NAMESPACES, NEWUSER = 0x6e020000, 0x10000000
local RULES = {}

local function unshares(flags)
  return flags & NAMESPACES ~= 0 and flags & NEWUSER == 0 and { "sys_admin" } or {}
end

function RULES.unshare(args)
  return unshares(args[1])
end

RULES.clone = RULES.unshare

function RULES.socket(args)
  local raw = args.type == "raw" or args.domain == "packet"
  local audit = args.domain == "netlink" and args.protocol == 9
  return raw and { "net_raw" } or audit and { "audit_write" } or {}
end

function RULES.bind(args)
  local to = args.addr
  local first = tonumber(try(sysctl_get, "net.ipv4.ip_unprivileged_port_start") or "1024")
  local low = to and to.port and to.port > 0 and to.port < first
  return low and { "net_bind_service" } or {}
end

-- The requests that set something of a network device (netdevice(7)), and of routes.
local SETS = {
  [0x890b] = true,
  [0x890c] = true,
  [0x8914] = true,
  [0x8916] = true,
  [0x8918] = true,
  [0x891a] = true,
  [0x891c] = true,
  [0x891e] = true,
  [0x8922] = true,
  [0x8923] = true,
  [0x8924] = true,
  [0x8930] = true,
  [0x8943] = true,
  [0x8955] = true,
  [0x89a0] = true,
  [0x89a1] = true,
  [0x89a2] = true,
  [0x89a3] = true,
}

function RULES.ioctl(args)
  return SETS[args[2] & 0xffffffff] and { "net_admin" } or {}
end

local S_IFCHR, S_IFBLK, S_IFMT = 0x2000, 0x6000, 0xf000

local function device(mode)
  local kind = mode & S_IFMT
  return (kind == S_IFCHR or kind == S_IFBLK) and { "mknod" } or {}
end

function RULES.mknod(args)
  return device(args.raw[2])
end

function RULES.mknodat(args)
  return device(args.raw[3])
end

local NONE = 0xffffffff

--- A change of ids needs the right unless each is one that the process has already.
local function changes(name, ids, own)
  for _, id in ipairs(ids) do
    id = id & 0xffffffff
    local known = id == NONE
    for _, mine in ipairs(own) do
      known = known or mine == id
    end
    if not known then
      return { name }
    end
  end
  return {}
end

for _, call in ipairs { "setuid", "setreuid", "setresuid", "setfsuid" } do
  RULES[call] = function(args, who)
    local count = call == "setresuid" and 3 or call == "setreuid" and 2 or 1
    return changes("setuid", table.move(args.raw, 1, count, 1, {}), who.uids or { who.uid })
  end
end

for _, call in ipairs { "setgid", "setregid", "setresgid", "setfsgid" } do
  RULES[call] = function(args, who)
    local count = call == "setresgid" and 3 or call == "setregid" and 2 or 1
    return changes("setgid", table.move(args.raw, 1, count, 1, {}), who.gids or { who.gid })
  end
end

function RULES.kill(args, who)
  local pid = args.pid
  local other = type(pid) == "number" and pid > 0 and try(proc_status, pid)
  return other and other.uid.real ~= who.uid and { "kill" } or {}
end

function RULES.ptrace(args, who)
  local pid = args.pid
  local other = type(pid) == "number" and pid > 0 and try(proc_status, pid)
  return other and other.uid.real ~= who.uid and { "sys_ptrace" } or {}
end

local PR_CAPBSET_DROP, PR_SET_SECUREBITS = 24, 28

function RULES.prctl(args)
  local option = args.option
  return (option == PR_CAPBSET_DROP or option == PR_SET_SECUREBITS) and { "setpcap" } or {}
end

function RULES.sched_setscheduler(args)
  -- Anything but SCHED_OTHER, SCHED_BATCH and SCHED_IDLE.
  local policy = args.raw[2] & 0xff
  return policy ~= 0 and policy ~= 3 and policy ~= 5 and { "sys_nice" } or {}
end

function RULES.setpriority(args)
  local value = args.raw[3] & 0xffffffff
  return value >= 0x80000000 and { "sys_nice" } or {}
end

function RULES.setxattr(args)
  local name = args.name or ""
  return name == "security.capability" and { "setfcap" }
    or (name:find "^trusted%." or name:find "^security%.") and { "sys_admin" }
    or {}
end

--- What a call needs whatever files it names.
---@param name string
---@param args table as `supervise` decodes them, with `raw`
---@param who { uid: integer, gid: integer, groups: integer[] } the caller
---@return string[]
function M.of(name, args, who)
  if PLAIN[name] then
    return { PLAIN[name] }
  end
  return RULES[name] and RULES[name](args, who) or {}
end

--- Whether a call can need a capability by itself.
---@param name string
---@return boolean
function M.known(name)
  return PLAIN[name] ~= nil or RULES[name] ~= nil
end

local BITS = { read = 4, write = 2, exec = 1, search = 1 }

--- What a use of a file needs beyond its permission bits; nil where they grant it.
---@param file table as `stat` answers
---@param use "read"|"write"|"exec"|"search"
---@param who table
---@return string?
function M.file(file, use, who)
  local shift = file.uid == who.uid and 6 or file.gid == who.gid and 3 or nil
  for _, group in ipairs(shift and {} or who.groups or {}) do
    shift = group == file.gid and 3 or shift
  end
  local granted = (file.mode >> (shift or 0)) & 7
  if granted & BITS[use] ~= 0 then
    return nil
  elseif use == "exec" and file.mode & 73 == 0 then
    -- Nobody may execute what is not executable for anybody.
    return nil
  end
  return (use == "read" or use == "search") and "dac_read_search" or "dac_override"
end

--- What a change of owner or mode needs.
---@param name string
---@param file table
---@param args table
---@param who table
---@return string?
function M.change(name, file, args, who)
  if name:find "chmod" then
    return file.uid ~= who.uid and "fowner" or nil
  elseif name:find "utime" then
    return file.uid ~= who.uid and "fowner" or nil
  end
  local function differs(id, now)
    return id and id & 0xffffffff ~= NONE and id & 0xffffffff ~= now
  end
  local own = file.uid == who.uid
  local joins = differs(args.group, file.gid)
  for _, gid in ipairs(own and { who.gid, table.unpack(who.groups or {}) } or {}) do
    joins = joins and gid ~= args.group
  end
  return (differs(args.owner, file.uid) or joins) and "chown" or nil
end

return M
