--- The namespaces of a configuration, as `spawn` takes them.
---
--- A namespace is new, or joined by the path that its entry has; one that is not listed is the
--- runtime's own. Words differ: the specification says "network" and "mount" where the kernel says
--- "net" and "mnt".
---
--- ```lua
--- local namespaces = require "oci.namespaces"
---
--- local plan = namespaces.plan { linux = { namespaces = { { type = "mount" }, { type = "network",
---   path = "/run/netns/a" } } } }
--- assert(plan.unshare[1] == "mnt" and plan.join.net == "/run/netns/a" and plan.new.mnt)
--- ```
local options = require "options"

local M = {}

local KIND = { mount = "mnt", network = "net" }

--- Id mappings as `id_map` takes them.
local function ranges(mappings)
  local list = {}
  for index, range in ipairs(mappings or {}) do
    list[index] = { inside = range.containerID, outside = range.hostID, count = range.size }
  end
  return list
end

local function offsets(given)
  local made
  for _, clock_name in ipairs { "monotonic", "boottime" } do
    local offset = given and given[clock_name]
    if offset then
      made = made or {}
      made[clock_name] = ("%dns"):format((offset.secs or 0) * 1000000000 + (offset.nanosecs or 0))
    end
  end
  return made
end

---@class oci.NamespacePlan
---@field unshare string[] new ones
---@field new table<string, boolean>
---@field join table<string, string> paths by kind
---@field kinds string[] all that are listed: what `exec` enters
---@field id_map? table
---@field time_offsets? table

--- What `spawn` is to make and to enter.
---@param spec table
---@return oci.NamespacePlan
function M.plan(spec)
  local linux = spec.linux or {}
  local plan = { unshare = {}, new = {}, join = {}, kinds = {} }
  for _, namespace in ipairs(linux.namespaces or {}) do
    local kind = KIND[namespace.type] or namespace.type
    plan.kinds[#plan.kinds + 1] = kind
    if namespace.path and namespace.path ~= "" then
      plan.join[kind] = namespace.path
    else
      plan.unshare[#plan.unshare + 1] = kind
      plan.new[kind] = true
    end
  end
  if plan.new.user then
    plan.id_map = { uid = ranges(linux.uidMappings), gid = ranges(linux.gidMappings) }
    if #plan.id_map.uid == 0 or #plan.id_map.gid == 0 then
      options.fail("oci", "a user namespace needs linux.uidMappings and linux.gidMappings")
    end
  end
  if plan.new.time then
    plan.time_offsets = offsets(linux.timeOffsets)
  end
  return plan
end

--- Whether this program's user namespace is the host's.
---@return boolean
function M.initial_users()
  local map = try(uid_map)
  return not map or #map == 1 and map[1].count >= 0xffffffff
end

--- Whether root here is an ordinary user's root, as runc decides it: whoever has entered a user
--- namespace of their own, as Podman does, is still called what they are called outside.
---@return boolean
function M.users_root()
  return os.getenv "USER" ~= "root" and not M.initial_users()
end

--- Whether the container's processes stand in a user namespace that is not the runtime's.
---@param plan oci.NamespacePlan
---@return boolean
function M.has_users(plan)
  return plan.new.user or plan.join.user ~= nil
end

return M
