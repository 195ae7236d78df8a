--- Id-mapped mounts: a user namespace with a mount's own mappings, held as a descriptor.
---
--- The kernel takes the mapping of a mount from a user namespace, and a namespace is made by a
--- process that stands in it. That process ends as soon as the descriptor is open.
---
--- ```lua
--- local idmap = require "oci.mounts.idmap"
---
--- local map = { { containerID = 0, hostID = 100000, size = 65536 } }
--- local namespace <close> = idmap.namespace(map, map)
--- assert(namespace.kind == "user")
--- ```
local options = require "options"

local M = {}

local function ranges(mappings)
  local list = {}
  for index, map in ipairs(mappings) do
    list[index] = { inside = map.containerID, outside = map.hostID, count = map.size }
  end
  return list
end

--- A user namespace with these mappings.
---@param uid table[] as in the configuration: { containerID, hostID, size }
---@param gid table[]
---@return any namespace
function M.namespace(uid, gid)
  local opened
  local child <close> = spawn({
    unshare = { "user" },
    id_map = { uid = ranges(uid), gid = ranges(gid) },
    parent = function(process)
      opened = ns_open(process, "user")
    end,
  }, function()
    return 0
  end)
  child:wait()
  return opened
end

local function same(one, other)
  if #one ~= #other then
    return false
  end
  for index, map in ipairs(one) do
    local twin = other[index]
    if
      map.containerID ~= twin.containerID
      or map.hostID ~= twin.hostID
      or map.size ~= twin.size
    then
      return false
    end
  end
  return true
end

--- The user namespace of an id-mapped mount, or nil where it has none. The mounts of a container
--- that have the same mappings share one.
---@param mount table of the configuration
---@param words oci.MountWords
---@param linux table the configuration's `linux`
---@param made table[] what was made before
---@return any namespace
function M.wanted(mount, words, linux, made)
  local uid, gid = mount.uidMappings, mount.gidMappings
  local asked = uid and #uid > 0 or gid and #gid > 0
  if not asked and not words.id_map then
    return nil
  end
  if not asked then
    for _, namespace in ipairs(linux.namespaces or {}) do
      if namespace.type == "user" and namespace.path and namespace.path ~= "" then
        local opened = ns_open(namespace.path, "user")
        made[#made + 1] = { uid = {}, gid = {}, namespace = opened }
        return opened
      end
    end
    uid, gid = linux.uidMappings, linux.gidMappings
  end
  if not (uid and gid and #uid > 0 and #gid > 0) then
    local hint = "uidMappings and gidMappings go together, at the mount or at the user namespace"
    options.fail("mount", mount.destination .. " is to be id-mapped without mappings", hint)
  end
  for _, one in ipairs(made) do
    if same(one.uid, uid) and same(one.gid, gid) then
      return one.namespace
    end
  end
  made[#made + 1] = { uid = uid, gid = gid, namespace = M.namespace(uid, gid) }
  return made[#made].namespace
end

return M
