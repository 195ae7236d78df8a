--- Where the controllers are on this machine or on a recorded one, and why one is missing.
---
--- Controllers have v2's names: what v1 calls `blkio` is `io`. A machine of kind "hybrid" has both
--- versions mounted; a controller is on one of the two, never on both.
---
--- ```lua
--- local places = require "cgroup.places"
---
--- local found = places.controllers()
--- if found.memory.version then
---   print("memory is on " .. found.memory.version .. ", mounted at " .. found.memory.mount)
--- else
---   print("no memory controller: " .. found.memory.reason)
--- end
--- ```
local options = require "options"

local M = {}

--- The controllers that this module tells of, in the order in which they are shown.
M.NAMES = { "memory", "cpu", "pids", "io", "cpuset", "hugetlb", "devices", "freezer" }

-- What v2 has in every group without a controller: device programs, and `cgroup.freeze`.
local IN_CORE = { devices = true, freezer = true }

--- One controller: where it is, or why it is not.
---@class cgroup.Controller
---@field name string v2's name
---@field version? "v1"|"v2"
---@field mount? string where its hierarchy is mounted
---@field own? string this process's group in it; nil where the mount does not show it
---@field reason? string why there is none

local function v1_name(name)
  return name == "io" and "blkio" or name
end

local function lists(words, word)
  for _, other in ipairs(words) do
    if other == word then
      return true
    end
  end
  return false
end

--- Whether a file of v2 lists a controller.
local function file_lists(path, name)
  return (" " .. (read_file(path) or ""):gsub("\n", " ")):find(" " .. name .. " ", 1, true) ~= nil
end

--- Why a machine has no such controller for this process.
local function reason(layout, name)
  if layout.kind == "none" then
    return "no hierarchy of control groups is mounted here"
  elseif layout.kind == "v1" then
    return ("no cgroup v1 hierarchy with the controller '%s' is mounted"):format(v1_name(name))
  end
  for _, hierarchy in ipairs(layout.hierarchies) do
    local root = hierarchy.mount .. "/cgroup.controllers"
    if hierarchy.version == "v2" and file_lists(root, name) then
      local above = "a group above does not share out '%s' (see its cgroup.subtree_control)"
      return above:format(name)
    end
  end
  return ("no mounted hierarchy has the controller '%s'"):format(name)
end

--- Where each controller is.
---@param layout? table what `cgroup_layout` answers; that of this machine without it
---@return table<string, cgroup.Controller> by the names of `NAMES`
function M.controllers(layout)
  layout = layout or cgroup_layout()
  local found = {}
  for _, name in ipairs(M.NAMES) do
    local one = { name = name }
    for _, hierarchy in ipairs(layout.hierarchies) do
      local wanted = hierarchy.version == "v1" and v1_name(name) or name
      local core = hierarchy.version == "v2" and layout.kind == "v2" and IN_CORE[name]
      if not one.version and (core or lists(hierarchy.controllers, wanted)) then
        one.version, one.mount, one.own = hierarchy.version, hierarchy.mount, hierarchy.own
      end
    end
    one.reason = not one.version and reason(layout, name) or nil
    found[name] = one
  end
  return found
end

-- What a kernel that does not count it lacks.
local PSI = "the kernel counts no pressure: it was built without PSI, or started with psi=0"

--- Why a group shows nothing of a controller, or of "pressure".
---@param group any a handle
---@param name string
---@param layout? table what `cgroup_layout` answers
---@return string
function M.why(group, name, layout)
  local unified = group.paths.unified
  if name == "pressure" then
    return unified and PSI or "cgroup v1 counts no pressure; /proc/pressure has the machine's"
  end
  local one = M.controllers(layout)[name]
  if one.version == "v1" and group.paths[v1_name(name)] == one.mount then
    return "the kernel neither limits nor counts the root group"
  elseif one.version == "v1" or not unified then
    return one.reason or ("the group has no place in the hierarchy of '%s'"):format(v1_name(name))
  elseif not stat(unified .. "/cgroup.type") then
    return "the kernel neither limits nor counts the root group"
  elseif not file_lists(unified .. "/cgroup.controllers", name) then
    local above = "the group above does not share out '%s' (see its cgroup.subtree_control)"
    return one.reason or above:format(name)
  end
  return ("the kernel shows nothing of '%s' here"):format(name)
end

--- Whether a group lies on v1, on v2, or with a controller each on both.
---@param group any a handle
---@return "v1"|"v2"|"hybrid"
function M.version(group)
  local unified, others = group.paths.unified, false
  for _, path in pairs(group.paths) do
    others = others or path ~= unified
  end
  return not unified and "v1" or others and "hybrid" or "v2"
end

--- Opens a control group for reading.
---@param target string|integer|any a group's name as `cgroup_set` takes it, a process id, the
--- handle of a process or of a group
---@return any group
---@return boolean opened whether the caller has to close it
function M.open(target)
  if math.type(target) == "integer" then
    return cgroup_of(target), true
  elseif type(target) == "string" then
    return cgroup_open(target), true
  elseif type(target) == "userdata" then
    local text = tostring(target)
    if text:find("^cgroup ") then
      return target, false
    end
    return cgroup_of(target), true
  end
  local message = ("group: expected a name, a process id or a handle, got %s"):format(type(target))
  options.fail("cgroup", message, 'cgroup.usage("web"), cgroup.usage(child)')
end

--- Makes a group with limits, also from within a v2 group that has processes.
---
--- v2 lets only groups without processes share out controllers: where this process stands in such
--- a group it moves down first, into a group beside the new one, until the script ends.
---@param name string
---@param limits table as `cgroup_set` takes them
---@return any group closing it removes it
function M.make(name, limits)
  local group, err = try(cgroup_set, name, limits)
  if group then
    return group
  elseif err.errno ~= "EBUSY" then
    error(err, 0)
  end
  local main = cgroup_set(name .. "-main", {})
  main:enter()
  group, err = try(cgroup_set, name, limits)
  if group then
    return group
  end
  main:close()
  local message = ("%s: the group of this process has other processes, too"):format(name)
  local hint = "give the script a group of its own: `systemd-run --user --scope -p Delegate=yes`"
  options.fail("cgroup.make", message, hint, err)
end

return M
