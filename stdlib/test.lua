--- Cases that assert kernel state, each run in a process of its own.
---
--- ```lua
--- local test = require "test"
---
--- test.case("a name set in a new uts namespace stays there", { "root" }, function(t)
---   local before = sysctl_get("kernel.hostname")
---   local child <close> = spawn({ unshare = { "uts" } }, function()
---     sethostname("inside")
---   end)
---   t.eq(child:wait().code, 0)
---   t.eq(sysctl_get("kernel.hostname"), before)
--- end)
---
--- return test.run()
--- ```
---
--- The file answers `--list` (a line a case: name, tab, why it must be skipped) and
--- `--case NAME`. A case ends with status 0, or with its failure on standard error.
local M = {}

local cases = {}

--- What a case may need: each answers nil, or why the machine does not have it.
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
  local numbers = { sys_admin = 21, sys_resource = 24, net_admin = 12, mknod = 27, sys_nice = 23 }
  local mask = tonumber(status_field("CapBnd") or "0", 16)
  if mask & (1 << assert(numbers[name], name)) == 0 then
    return ("the capability '%s' is not to be had"):format(name)
  end
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

--- A case that may take longer than a minute: `minutes:3`.
function NEEDS.minutes() end

--- Declares a need of a file's own: the probe answers nil, or why the machine does not have it.
---
--- ```lua
--- local test = require "test"
---
--- test.need("hour", function(hour)
---   return os.date("%H") ~= hour and "it is another hour" or nil
--- end)
--- ```
---@param name string
---@param probe fun(argument: string): string? what stands behind the colon of "name:argument"
function M.need(name, probe)
  NEEDS[name] = probe
end

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

--- Why a need is not met here, or nil.
---
--- ```lua
--- local test = require "test"
---
--- print(test.unmet("program:tc") or "tc is there")
--- ```
---@param need string "root", "cgroup:memory"
---@return string? reason
function M.unmet(need)
  local word, rest = need:match("^(%w+):?(.*)$")
  local probe = NEEDS[word] or error(("no need is called '%s'"):format(need), 2)
  return probe(rest)
end

--- Declares a case: a sentence that must hold, what it needs, and the proof.
---@param name string
---@param needs string[]|function what it needs; the body, where that is nothing
---@param body? fun(t: table) the proof
function M.case(name, needs, body)
  if type(needs) == "function" then
    needs, body = {}, needs
  end
  cases[#cases + 1] = { name = name, needs = needs, body = body }
end

local function show(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  end
  if type(value) == "table" and not getmetatable(value) then
    local parts = {}
    for key, item in pairs(value) do
      parts[#parts + 1] = ("%s=%s"):format(tostring(key), show(item))
    end
    table.sort(parts)
    return "{" .. table.concat(parts, ", ") .. "}"
  end
  return tostring(value)
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

--- What a case's function is given.
local T = {}

--- Tables are compared by content.
function T.eq(found, expected, what)
  if not same(found, expected) then
    error(("%s: expected %s, found %s"):format(what or "value", show(expected), show(found)), 2)
  end
end

function T.ne(found, unwanted, what)
  if same(found, unwanted) then
    error(("%s: must not be %s"):format(what or "value", show(unwanted)), 2)
  end
end

function T.ok(value, what)
  if not value then
    error(("%s: expected something true, found %s"):format(what or "value", show(value)), 2)
  end
end

--- A Lua pattern, or a plain text with `plain`.
function T.match(text, pattern, plain)
  if not tostring(text):find(pattern, 1, plain) then
    error(("expected a text with %q, found %s"):format(pattern, show(text)), 2)
  end
end

--- The call must fail: with this errno, or with this text in its message. Answers the error.
function T.fails(expected, body, ...)
  local ok, err = pcall(body, ...)
  if ok then
    error(("expected a failure with %q, but it succeeded"):format(expected), 2)
  end
  local is_errno = expected:match("^E[A-Z0-9]+$")
  local shown = tostring(err)
  if type(err) == "table" and not getmetatable(err) then
    -- What the stdlib raises is a plain table until it has left the script.
    shown = ("%s: %s (%s)"):format(err.op, err.message, err.hint)
  end
  local found = is_errno and type(err) == "table" and err.errno or shown
  if is_errno and found ~= expected or not is_errno and not found:find(expected, 1, true) then
    error(("expected a failure with %q, found: %s"):format(expected, shown), 2)
  end
  return err
end

--- Runs `body` in a child with the namespaces `unshare`; its failure is this case's failure.
function T.inside(unshare, body)
  local child <close> = spawn({ unshare = unshare }, body)
  T.eq(child:wait().code, 0, "the child's status")
end

T.read = read
T.show = show

--- Lists or runs the cases of the file, as `arg` says.
function M.run()
  if arg[1] == "--list" then
    for _, case in ipairs(cases) do
      local reason, user, minutes
      for _, need in ipairs(case.needs) do
        user = user or need == "user"
        minutes = minutes or need:match("^minutes:(%d+)$")
        reason = reason or M.unmet(need)
      end
      print(table.concat({ case.name, reason or "", user and "user" or "", minutes or "1" }, "\t"))
    end
    return 0
  end
  for _, case in ipairs(cases) do
    if arg[1] == nil or arg[2] == case.name then
      case.body(T)
    end
  end
  return 0
end

return M
