--- Control groups that faults are made of: directories of one hierarchy, by name, as mkdir and echo
--- make them. `cgroup_set` would do what is missing by itself, and just that is the fault here.
---
--- ```lua
--- local groups = require "lab.ex5.groups"
---
--- assert(groups.place("no-such-controller") == nil)
--- ```
local M = {}

--- The directory of this process's own group in the hierarchy of a controller; nil without one.
---@param controller string in version 1's words
---@return string?
function M.place(controller)
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    for _, name in ipairs(hierarchy.controllers) do
      if name == controller and hierarchy.own then
        return hierarchy.mount .. (hierarchy.own == "/" and "" or hierarchy.own)
      end
    end
  end
end

--- The numbers in a group.
---@param dir string
---@return integer[]
function M.members(dir)
  local list = {}
  for word in (try(read_file, dir .. "/cgroup.procs") or ""):gmatch("%d+") do
    list[#list + 1] = math.tointeger(tonumber(word))
  end
  return list
end

--- Whether a group has a process.
---@param dir string
---@param pid integer
---@return boolean
function M.has(dir, pid)
  for _, one in ipairs(M.members(dir)) do
    if one == pid then
      return true
    end
  end
  return false
end

return M
