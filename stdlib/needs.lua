--- What a test, a scenario or an exercise needs of the machine and the user: words such as "root",
--- "cgroup:memory" and "kernel:5.12", each with a probe that answers why it is not to be had here.
---
--- A probe changes nothing that stays: what has to be tried is tried in a child of its own.
---
--- ```lua
--- local needs = require "needs"
---
--- print(needs.unmet("program:tc") or "tc is there")
--- assert(needs.fault("cgroup:memory") == nil)
--- assert(needs.fault("rot"):find('did you mean "root"?', 1, true))
--- ```
local options = require "options"

local M = {}

--- Each answers nil, or why the machine does not have it.
local NEEDS = {}

local function read(path)
  local file <close> = io.open(path)
  return file and file:read("a")
end

local function status_field(name)
  return (read("/proc/self/status") or ""):match(name .. ":%s*(%S+)")
end

function NEEDS.root()
  if status_field("Uid") ~= "0" then
    return "not run as root"
  end
end

--- The harness runs such a case as an unprivileged user.
function NEEDS.user() end

function NEEDS.userns()
  local limit = tonumber(read("/proc/sys/user/max_user_namespaces") or "0")
  if limit == 0 then
    return "this kernel allows no user namespaces"
  end
  if (read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") or "0"):match("1") then
    return "AppArmor restricts user namespaces here"
  end
end

--- `cgroup:memory`: a controller, on v1 or v2; `cgroup:v1` and `cgroup:v2`: a layout.
function NEEDS.cgroup(what)
  local mounts = read("/proc/self/mountinfo") or ""
  if what == "v1" then
    return not mounts:find(" - cgroup ", 1, true) and "no cgroup v1 hierarchy is mounted" or nil
  end
  local unified = read("/sys/fs/cgroup/cgroup.controllers")
  if what == "v2" then
    return not unified and "/sys/fs/cgroup is not cgroup v2" or nil
  end
  if unified and (" " .. unified:gsub("\n", " ")):find(" " .. what .. " ", 1, true) then
    return
  end
  if not mounts:find(" %- cgroup [^\n]*[,%s]" .. what .. "[,\n]") then
    return ("no cgroup controller '%s' here"):format(what)
  end
end

--- `lsm:apparmor`, `lsm:landlock`
function NEEDS.lsm(name)
  for _, active in ipairs(lsm_status().active) do
    if active == name then
      return
    end
  end
  if name ~= "landlock" or landlock_abi() == 0 then
    return ("the security module '%s' is not active"):format(name)
  end
end

--- `kernel:5.12`: at least this version.
function NEEDS.kernel(version)
  local function number(text)
    local major, minor = text:match("^(%d+)%.(%d+)")
    return tonumber(major) * 1000 + tonumber(minor)
  end
  local here = read("/proc/sys/kernel/osrelease") or "0.0"
  if number(here) < number(version) then
    return ("kernel %s, %s is needed"):format(here:match("%S+"), version)
  end
end

--- `program:busybox`: a program in one of the usual directories.
function NEEDS.program(name)
  for _, dir in ipairs { "/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin" } do
    local file = io.open(dir .. "/" .. name)
    if file then
      file:close()
      return
    end
  end
  return ("the program '%s' is not installed"):format(name)
end

--- `file:/dev/net/tun`: a path that can be opened.
function NEEDS.file(path)
  local file = io.open(path)
  if not file then
    return path .. " cannot be opened"
  end
  file:close()
end

--- `cap:sys_resource`: in the bounding set.
function NEEDS.cap(name)
  for _, held in ipairs(caps_get(nil, { sets = { "bounding" } }).bounding) do
    if held == name then
      return
    end
  end
  return ("the capability '%s' is not to be had"):format(name)
end

--- `fs:overlay`: a file system that the kernel knows, without loading a module.
function NEEDS.fs(name)
  if not (read("/proc/filesystems") or ""):find("\t" .. name .. "\n", 1, true) then
    return ("this kernel does not list the file system '%s'"):format(name)
  end
end

--- `link:vlan`: a kind of network device, tried in a namespace of its own.
function NEEDS.link(kind)
  local child <close> = spawn({ unshare = { "user", "net" } }, function()
    local on_another = kind == "vlan" or kind == "macvlan" or kind == "ipvlan"
    if on_another then
      veth("base0", "base1")
    end
    link_add("probe0", {
      type = kind,
      parent = on_another and "base0" or nil,
      id = (kind == "vlan" or kind == "vxlan") and 5 or nil,
      peer = kind == "veth" and "probe1" or nil,
    })
  end)
  if not try(child.wait, child) then
    return ("this kernel has no network devices of kind '%s'"):format(kind)
  end
end

--- A way out of the machine, which pasta takes over.
function NEEDS.route()
  local v4, v6 = read("/proc/net/route") or "", read("/proc/net/ipv6_route") or ""
  local nowhere = ("0"):rep(32)
  for line in v6:gmatch("[^\n]+") do
    if line:find("^" .. nowhere .. " 00 ") and not line:find("%slo$") then
      return
    end
  end
  if not v4:find("\n%S+%s+00000000%s") then
    return "no default route leads out of this machine"
  end
end

--- A case that may take longer than a minute: `minutes:3`.
function NEEDS.minutes() end

--- `qdisc:netem`: a kind of queue, tried in a namespace of its own.
function NEEDS.qdisc(kind)
  local child <close> = spawn({ unshare = { "user", "net" } }, function()
    return capture({ "tc", "qdisc", "add", "dev", "lo", "root", kind }).code
  end)
  local ended = try(child.wait, child)
  if not ended or ended.code ~= 0 then
    return ("this kernel has no queues of kind '%s'"):format(kind)
  end
end

-- What stands behind the colon, where there has to be something.
local OPERAND = {
  cap = "cap:sys_admin",
  cgroup = "cgroup:memory",
  file = "file:/dev/net/tun",
  fs = "fs:overlay",
  kernel = "kernel:5.12",
  link = "link:vlan",
  lsm = "lsm:apparmor",
  minutes = "minutes:3",
  program = "program:busybox",
  qdisc = "qdisc:netem",
}

-- The need and its operand: names are Lua's, so that "my_need:5" is one.
local WORD = "^([%w_]+):?(.*)$"

--- Adds a need.
---
--- ```lua
--- local needs = require "needs"
---
--- needs.add("hour", function(hour)
---   return os.date("%H") ~= hour and "it is another hour" or nil
--- end)
--- ```
---@param name string
---@param probe fun(argument: string): string? what stands behind the colon of "name:argument"
function M.add(name, probe)
  NEEDS[name] = probe
end

--- What is wrong with how a need is written, or nil.
---@param need any
---@return string? fault
function M.fault(need)
  if type(need) ~= "string" then
    return ('expected a word such as "root", got %s'):format(type(need))
  end
  local word, rest = need:match(WORD)
  if not word or not NEEDS[word] then
    local near = options.nearest(word or need, options.keys(NEEDS))
    local hint = near and ("; did you mean %q?"):format(near)
      or "; there are: " .. table.concat(options.keys(NEEDS), ", ")
    return ("no need is called %q%s"):format(need, hint)
  elseif OPERAND[word] and rest == "" then
    return ("%q says not which: write %q"):format(need, OPERAND[word])
  end
end

--- Why a need is not met here, or nil.
---@param need string "root", "cgroup:memory"
---@return string? reason
function M.unmet(need)
  local fault = M.fault(need)
  if fault then
    options.fail("needs", fault)
  end
  local word, rest = need:match(WORD)
  return NEEDS[word](rest)
end

--- Why some needs are not met here: a reason each, none where all is there.
---
--- ```lua
--- local needs = require "needs"
---
--- assert(#needs.all { "program:sh", "program:no-such-program" } == 1)
--- ```
---@param list? string[]
---@return string[] reasons
function M.all(list)
  local reasons = {}
  for _, need in ipairs(list or {}) do
    reasons[#reasons + 1] = M.unmet(need)
  end
  return reasons
end

return M
