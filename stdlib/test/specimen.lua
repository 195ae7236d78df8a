--- A box for tests in which nothing is wrong, and the same with one fault: what `inspect` must
--- find, and what it must not.
---
--- ```lua
--- local specimen = require "test.specimen"
---
--- local box <close> = specimen.box()
--- assert(proc_status(box).no_new_privs == 1)
--- ```
local M = {}

local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "uts" }

-- A first process that ends when it is asked to.
local SCRIPT = "trap 'exit 0' TERM; echo ready; sleep 300 & wait"

local MASKED = { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi", "/proc/scsi" }

local function is_root()
  return proc_status().uid.effective == 0
end

local function without(list, left_out)
  local out, has = {}, {}
  for _, word in ipairs(left_out or {}) do
    has[word] = true
  end
  for _, word in ipairs(list) do
    out[#out + 1] = not has[word] and word or nil
  end
  return out
end

local function add_programs(root)
  for _, file in ipairs(program_files { "sh", "sleep", "true" }) do
    local parent = file.path:match("^(.+)/")
    if parent then
      root:mkdir(parent, { parents = true })
    end
    if file.target then
      root:symlink(file.target, file.path)
    else
      root:bind(file.source, file.path, { readonly = true, nosuid = true, nodev = true })
    end
  end
end

--- Makes a root of its own and goes into it.
local function enter_root(fault)
  local root = rootfs_new { size = "4M" }
  add_programs(root)
  root:mkdir("/proc")
  root:mkdir("/tmp")
  if fault.proc ~= false then
    root:proc()
    for _, path in ipairs(fault.mask ~= false and MASKED or {}) do
      root:mask(path)
    end
    for _, path in ipairs { "/proc/sysrq-trigger", "/proc/sys" } do
      if fault.readonly ~= false then
        root:readonly(path)
      end
    end
  end
  root:dev { shm_size = "1M" }
  if fault.root then
    fault.root(root)
  end
  root:readonly("/")
  root:pivot()
end

--- Gives up every right but those that the fault leaves.
local function confine(fault)
  if fault.bounding ~= false then
    if fault.users and fault.user ~= false then
      caps_set { bounding = fault.keep or {} }
      setuser("65534:65534", { groups = {} })
    end
    drop_caps { keep = fault.keep or {} }
  end
  if fault.rights then
    fault.rights()
  end
  if fault.no_new_privs ~= false then
    no_new_privs()
  end
  if fault.seccomp ~= false then
    seccomp { default = "errno", allow = { "@default" } }
  end
end

---@class test.Fault
---@field without? string[] kinds of namespaces that it shares with the host
---@field host_root? boolean it stays in the host's root
---@field proc? boolean false: nothing is mounted at /proc
---@field mask? boolean false: nothing is hidden
---@field readonly? boolean false: /proc/sys is writable
---@field root? fun(root: any) changes the root before it is entered
---@field late? function runs inside, before the rights are given up
---@field rights? function runs after the capabilities are gone
---@field keep? string[] capabilities that stay
---@field bounding? boolean false: all capabilities stay
---@field user? boolean false: it stays root
---@field no_new_privs? boolean
---@field seccomp? boolean
---@field script? string what the shell runs; it must print "ready"
---@field stay? boolean the box stays in Lua and calls no exec
---@field cgroup? any
---@field parent? function
---@field preserve? function what it answers are fds for the program

--- Starts the box, and waits until it is ready.
---@param fault? test.Fault nothing is wrong without it
---@return any process
function M.box(fault)
  fault = fault or {}
  fault.users = is_root()
  local kinds = without(KINDS, fault.without)
  if not fault.users then
    kinds[#kinds + 1] = "user"
  end
  local ready = pipe()
  local has_net = table.concat(kinds, " "):find("net", 1, true)
  local child = spawn({
    unshare = kinds,
    cgroup = fault.cgroup,
    parent = fault.parent,
    stdin = "null",
    stdout = not fault.stay and ready.write or nil,
  }, function()
    local preserved = fault.preserve and { fault.preserve() } or nil
    if has_net then
      loopback_up()
    end
    if not fault.host_root then
      enter_root(fault)
    end
    if fault.late then
      fault.late()
    end
    confine(fault)
    if fault.stay then
      ready.write:write("ready\n")
      local silent = pipe()
      silent.read:read(1)
      silent.write:close()
    end
    exec {
      "sh",
      "-c",
      fault.script or SCRIPT,
      env = { PATH = "/usr/bin:/bin" },
      preserve_fds = preserved,
    }
  end)
  ready.write:close()
  if (ready.read:read(16, { timeout = "60s" }) or "") == "" then
    child:wait { timeout = "10s" }
    error("the box ended before it was ready")
  end
  return child
end

--- The findings of a process, by id.
---@param process any
---@param given? table options of `inspect.process`
---@return table<string, table> by_id
---@return table[] list
---@return table facts
function M.findings(process, given)
  local inspect = require "inspect"
  local facts = inspect.process(process, given)
  local by_id, list = {}, inspect.findings(facts)
  for _, finding in ipairs(list) do
    by_id[finding.id] = finding
  end
  return by_id, list, facts
end

--- A finding of a process, once it is there: counters may come a moment after what they count.
---@param t table the case's
---@param process any
---@param id string
---@return table
function M.found(t, process, id)
  return t.eventually(id, function()
    return M.findings(process)[id]
  end)
end

return M
