--- The systemd driver: a container's control group as a scope (or slice) that systemd has made.
---
--- Where systemd is the one writer of the tree, others may write only below what it has delegated.
--- So it is asked, over D-Bus, for a transient scope with `Delegate`, and told every limit that it
--- has a property for; the rest, and the same once more, is written into the files of the group.
---
--- A scope is born with a process in it and ends with its last one. The container does not exist
--- yet, so a helper process holds the scope open until the container's own first process is in
--- (`group:joined`); it dies with the runtime at the latest.
---
--- ```lua
--- local systemd = require "oci.systemd"
---
--- local sockets = systemd.sockets(true, { XDG_RUNTIME_DIR = "/run/user/1000" })
--- assert(sockets[1].path == "/run/user/1000/bus")
--- ```
local options = require "options"

local M = {}

local NAME, ROOT = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
local MANAGER = { NAME, ROOT, NAME .. ".Manager" }
local OP = "systemd"

-- How long a job may take.
local PATIENCE = 30

--- Where systemd can be reached: the system's, or that of the user's own instance.
---@param user boolean
---@param environment? table<string, string>
---@return { path: string, private: boolean? }[]
function M.sockets(user, environment)
  if not user then
    return {
      { path = "/run/dbus/system_bus_socket" },
      { path = "/run/systemd/private", private = true },
    }
  end
  local get = environment and function(name)
    return environment[name]
  end or os.getenv
  local found = {}
  local address = (get("DBUS_SESSION_BUS_ADDRESS") or ""):match("unix:path=([^,;]+)")
  local directory = get("XDG_RUNTIME_DIR")
  if address then
    found[1] = { path = address }
  end
  if directory and directory ~= "" then
    found[#found + 1] = { path = directory .. "/bus" }
    found[#found + 1] = { path = directory .. "/systemd/private", private = true }
  end
  return found
end

local function connect(user)
  -- sd_booted(3)
  if not stat("/run/systemd/system") then
    local hint = "--cgroup-manager cgroupfs needs no systemd"
    options.fail(OP, "systemd is not running as system manager here", hint)
  end
  local bus, err = require("oci.systemd.bus").connect(M.sockets(user))
  if bus then
    return bus
  end
  local who = user and "the user's systemd" or "systemd"
  local hint = user and "XDG_RUNTIME_DIR must lead to /run/user/UID, where the user has logged in"
    or "is the bus running? --cgroup-manager cgroupfs needs no systemd"
  options.fail(OP, "cannot reach " .. who .. " over D-Bus", hint, err)
end

--- Calls the manager; an error of systemd's is raised with its words.
local function manager(bus, member, signature, arguments, what)
  local answer, refused = bus:call(MANAGER, member, signature, arguments)
  if answer then
    return answer
  end
  error({
    op = OP,
    message = ("systemd cannot %s: %s"):format(what, refused.message),
    name = refused.name,
  }, 0)
end

--- A property of a unit.
local function property(bus, unit, interface, name)
  local path = manager(bus, "LoadUnit", "s", { unit }, "find " .. unit)[1]
  local target = { NAME, path, "org.freedesktop.DBus.Properties" }
  local answer = bus:call(target, "Get", "ss", { NAME .. "." .. interface, name })
  return answer and answer[1]
end

--- Waits until a unit is in one of some states.
local function await(bus, unit, states)
  local deadline = clock("monotonic") + PATIENCE
  while true do
    local state = property(bus, unit, "Unit", "ActiveState")
    if states[state] then
      return state
    elseif state == "failed" or clock("monotonic") > deadline then
      local message = ("unit %s is %s"):format(unit, tostring(state))
      options.fail(OP, message, ("systemctl status %s, journalctl -u %s"):format(unit, unit))
    end
    poll({}, { timeout = "2ms" })
  end
end

local function properties_of(unit, slice, pid, annotations, id)
  local is_slice = unit:find("%.slice$") ~= nil
  local found = {
    { "Description", { "s", "crun-lua container " .. id } },
    { is_slice and "Wants" or "Slice", is_slice and { "as", { slice } } or { "s", slice } },
    { "DefaultDependencies", { "b", false } },
    { "MemoryAccounting", { "b", true } },
    { "CPUAccounting", { "b", true } },
    { cgroup_layout().kind == "v2" and "IOAccounting" or "BlockIOAccounting", { "b", true } },
    { "TasksAccounting", { "b", true } },
  }
  if not is_slice then
    found[#found + 1] = { "Delegate", { "b", true } }
    found[#found + 1] = { "PIDs", { "au", { pid } } }
  end
  for _, one in ipairs(require("oci.systemd.properties").annotations(annotations)) do
    found[#found + 1] = one
  end
  return found
end

local function start(bus, unit, properties)
  local arguments = { unit, "replace", properties, {} }
  local function try_once()
    return try(manager, bus, "StartTransientUnit", "ssa(sv)a(sa(sv))", arguments, "start " .. unit)
  end
  local job, err = try_once()
  if not job and err.name == NAME .. ".UnitExists" then
    -- One that has failed stays loaded until somebody resets it.
    bus:call(MANAGER, "ResetFailedUnit", "s", { unit })
    job, err = try_once()
  end
  if not job then
    error(err, 0)
  end
end

--- A process that does nothing, so that a scope can be.
local function new_helper()
  return spawn({ name = "scope", die_with_parent = true }, function()
    close_fds {}
    while true do
      poll({}, { timeout = "60s" })
    end
  end)
end

--- The group that systemd has made; on v1 with its places in the other hierarchies.
local function open_group(path)
  if cgroup_layout().kind == "v2" then
    return cgroup_open(path)
  end
  return cgroup_set(path, { controllers = "all", host = true })
end

--- Makes the unit and answers its group.
---@param spec table config.json
---@param ctx oci.cgroup.Context
---@return oci.cgroup.Group
function M.make(spec, ctx)
  local user = ctx.rootless
    or proc_status().uid.effective ~= 0
    or ctx.auto and require("oci.namespaces").users_root()
  local named = require("oci.cgroup.place").unit((spec.linux or {}).cgroupsPath, ctx.id, user)
  local bus <close> = connect(user)
  local unit = named.unit
  local kind = unit:find("%.slice$") and "Slice" or "Scope"
  local helper = kind == "Scope" and new_helper() or nil
  local group = require("oci.cgroup.group").new({
    manager = "systemd",
    user = user or nil,
    dirs = json_array {},
    above = json_array {},
  }, nil, ctx)
  group.helper = helper
  local _, err = try(function()
    local pid = helper and helper.pid
    start(bus, unit, properties_of(unit, named.slice, pid, spec.annotations, ctx.id))
    -- From here on it is this container's; before, it may be another's of the same name.
    group.record.unit = unit
    await(bus, unit, { active = true })
    local path = property(bus, unit, kind, "ControlGroup")
    if not path or path == "" then
      options.fail(OP, ("systemd tells no control group of %s"):format(unit))
    end
    group:use(open_group(path))
    group.record.path = path
    group.record.dirs = json_array(group.opened.dirs)
  end)
  if err then
    group:remove()
    error(err, 0)
  end
  return group
end

--- Tells systemd the limits.
---@param group oci.cgroup.Group
---@param resources table `linux.resources`
function M.apply(group, resources)
  local version = cgroup_layout().kind == "v2" and "v2" or "v1"
  local properties = require("oci.systemd.properties").of(resources, version)
  if #properties == 0 then
    return
  end
  local unit = group.record.unit
  local bus <close> = connect(group.record.user)
  local arguments = { unit, true, properties }
  manager(bus, "SetUnitProperties", "sba(sv)", arguments, "set the limits of " .. unit)
end

--- Whether this process may move another into a group itself: on v2 that needs write rights on the
--- nearest group above both. A user's session lies beside the part of the tree that is the user's.
---@param handle any
---@return boolean
function M.may_enter(handle)
  local unified = handle.paths.unified
  for _, hierarchy in ipairs(handle.layout == "v2" and cgroup_layout().hierarchies or {}) do
    local own = hierarchy.mount .. (hierarchy.own or "/"):gsub("/$", "") .. "/"
    local above = unified .. "/"
    while own:sub(1, #above) ~= above do
      above = above:match("^(.*/)[^/]+/$")
    end
    local file = try(open, above .. "cgroup.procs", { write = true })
    if not file then
      return false
    end
    file:close()
  end
  return true
end

--- Has systemd move a process into the group's unit.
---@param group oci.cgroup.Group
---@param pid integer
function M.attach(group, pid)
  local bus <close> = connect(group.record.user)
  local arguments = { group.record.unit, "", { pid } }
  manager(bus, "AttachProcessesToUnit", "ssau", arguments, "move the container into its unit")
end

--- Stops the unit; one that is gone is fine.
---@param group oci.cgroup.Group
function M.stop(group)
  local unit = group.record.unit
  local bus = try(connect, group.record.user)
  if not bus then
    return
  end
  local closing <close> = bus
  local answer = bus:call(MANAGER, "StopUnit", "ss", { unit, "replace" })
  if answer then
    try(await, bus, unit, { inactive = true, failed = true })
  end
  bus:call(MANAGER, "ResetFailedUnit", "s", { unit })
end

return M
