--- The control group of an OCI container: made at create, found again by every later command.
---
--- The group is made in every hierarchy that this user may use, as runc and crun do: a container
--- that stood in its parent's group somewhere could be counted and limited only together with it.
--- What is remembered of a group (`group.record`) are its directories, because on v1 the same name
--- may lie below another group in each hierarchy; whoever opens it needs nothing else.
---
--- ```lua
--- local cgroup = require "oci.cgroup"
---
--- local group = cgroup.make({}, { id = "oci-cgroup-example" })
--- group:apply { pids = { limit = 5 } }
--- local again = cgroup.open(group.record)
--- assert(not again.handle or again.handle:get().pids == 5)
--- group:remove()
--- ```
local Group = require "oci.cgroup.group"
local options = require "options"

local M = {}

local OP = "cgroup"

--- Whether a config asks for anything that only a group can give.
local function wanted(resources)
  for key, value in pairs(resources or {}) do
    -- Every caller sends a list of devices; without the right to make a group there is none to
    -- make a device either.
    if key ~= "devices" and (type(value) ~= "table" or next(value) ~= nil) then
      return true
    end
  end
  return false
end

--- A group that was there before must be fit for a container: a program that starts in a frozen one
--- would never run, and processes that are in it would be ended with the container.
local function check_fitness(handle, path)
  if #handle.made == #handle.dirs then
    return
  end
  local members = handle:pids { nested = true }
  if #members > 0 then
    local message = "container's cgroup is not empty: %d process(es) found in %s"
    options.fail(OP, message:format(#members, path), "name another group in linux.cgroupsPath")
  elseif handle:events().frozen then
    local hint = "thaw it, or name another group in linux.cgroupsPath"
    options.fail(OP, ("container's cgroup %s is frozen"):format(path), hint)
  end
end

--- No group at all: what is then asked of it is answered as by an empty one.
local function without(manager, ctx)
  return Group.new({ manager = manager, dirs = json_array {}, above = json_array {} }, nil, ctx)
end

local NO_RIGHTS = { EACCES = true, EPERM = true, EROFS = true }

--- Whether an error says that this user may not have a group.
local function no_rights(err)
  return NO_RIGHTS[err.errno] or (not err.errno and (err.message or ""):find("this user cannot"))
end

--- The directories that were there before: what create has not made, delete must not remove.
local function kept_of(handle)
  if #handle.made == #handle.dirs then
    return nil
  end
  local made, kept = {}, json_array {}
  for _, dir in ipairs(handle.made) do
    made[dir] = true
  end
  for _, dir in ipairs(handle.dirs) do
    if not made[dir] then
      kept[#kept + 1] = dir
    end
  end
  return kept
end

local function make_files(linux, ctx)
  local name = require("oci.cgroup.place").name(linux.cgroupsPath, ctx.id)
  local how = { controllers = "all", host = true, journal = not ctx.noted }
  local handle, err = try(cgroup_set, name, how)
  if not handle then
    local lenient = ctx.rootless or ctx.auto and require("oci.namespaces").users_root()
    if lenient and no_rights(err) and not wanted(linux.resources) then
      return without("none", ctx)
    end
    error(err, 0)
  end
  local _, unfit = try(check_fitness, handle, name)
  if unfit then
    handle:close()
    error(unfit, 0)
  end
  return Group.new({
    manager = "cgroupfs",
    path = name,
    dirs = json_array(handle.dirs),
    kept = kept_of(handle),
    above = json_array(handle.above),
  }, handle, ctx)
end

--- On v2 a container with a cgroup namespace of its own may make groups below its own, if its
--- config mounts them writable: what /sys/kernel/cgroup/delegate lists becomes its root's.
local function delegate(group, spec)
  local linux = spec.linux or {}
  local own, writable = false, false
  for _, namespace in ipairs(linux.namespaces or {}) do
    own = own or namespace.type == "cgroup" and (namespace.path or "") == ""
  end
  for _, mount in ipairs(own and spec.mounts or {}) do
    if mount.type == "cgroup" or mount.type == "cgroup2" then
      writable = true
      for _, option in ipairs(mount.options or {}) do
        writable = writable and option ~= "ro"
      end
    end
  end
  if not writable or group.opened.layout ~= "v2" then
    return
  end
  local uid = spec.process and spec.process.user and spec.process.user.uid or 0
  for _, map in ipairs(linux.uidMappings or {}) do
    if uid >= map.containerID and uid < map.containerID + map.size then
      uid = uid - map.containerID + map.hostID
      break
    end
  end
  if uid ~= 0 then
    -- Only the owner changes (chown(2): -1 leaves the group as it is).
    group.opened:delegate(uid, 0xffffffff, { host = true })
  end
end

---@class oci.cgroup.Context
---@field id string the container's
---@field manager? "cgroupfs"|"systemd"|"disabled" "cgroupfs"
---@field noted? boolean whether who makes it has written down where: the journal is not needed then
---@field rootless? boolean whether it is fine to go without a group that cannot be made
---@field auto? boolean whether that is also to be so for an ordinary user's root (--rootless auto)
---@field undo? any a list of `container.undo`: the group is removed when it runs

--- Makes the group. Its limits are not set yet: `group:apply`.
---@param spec table config.json
---@param ctx oci.cgroup.Context
---@return oci.cgroup.Group
function M.make(spec, ctx)
  local linux = spec.linux or {}
  local manager = ctx.manager or "cgroupfs"
  local group
  if manager == "disabled" then
    group = without("disabled", ctx)
  elseif manager == "systemd" then
    group = require("oci.systemd").make(spec, ctx)
  elseif manager == "cgroupfs" then
    group = make_files(linux, ctx)
  else
    local near = options.nearest(manager, { "cgroupfs", "systemd", "disabled" })
    local hint = near and ("did you mean %q?"):format(near) or "cgroupfs, systemd or disabled"
    options.fail("--cgroup-manager", ("%q is no manager"):format(manager), hint)
  end
  if ctx.undo then
    ctx.undo:push("cgroup", function()
      group:remove()
    end)
  end
  local _, err = try(function()
    if group.opened then
      delegate(group, spec)
    end
    if linux.intelRdt then
      local rdt = require "oci.cgroup.rdt"
      group.record.rdt = rdt.make(linux.intelRdt, ctx.id)
    end
  end)
  if err then
    if not ctx.undo then
      group:remove()
    end
    error(err, 0)
  end
  return group
end

--- The group of a record, to be removed and nothing else: nothing is opened.
---@param record table `group.record`
---@return oci.cgroup.Group
function M.named(record)
  return Group.new(record)
end

--- The group of a record; without a handle where it has been removed meanwhile.
---@param record? table `group.record`
---@return oci.cgroup.Group
function M.open(record)
  record = record or { manager = "none", dirs = {} }
  local handle = #record.dirs > 0 and try(cgroup_open, record.dirs) or nil
  return Group.new(record, handle)
end

return M
