--- What a container may use: its control group, made where anything asks for one.
---
--- A limit that the user has named must be had; one that the profile brings along is set where this
--- user may set it, and left out elsewhere.
---
--- ```lua
--- local limits = require "container.limits"
---
--- assert(limits.group_name({ name = "web" }) == "crun-lua-web")
--- assert(limits.group_name({ name = "web", cgroup = "mine" }) == "mine")
--- ```
local M = {}

--- The limits that are set, and those of the profile that this user cannot set.
local function wanted_of(config)
  local wanted, skipped, may = {}, {}, {}
  local profile = config.profile.limits or {}
  if next(profile) or config.cgroup then
    for _, controller in ipairs(cgroup_may()) do
      may[controller] = true
    end
  end
  for key, value in pairs(profile) do
    local controller = key:match("^%a+")
    if may[controller == "swap" and "memory" or controller] then
      wanted[key] = value
    else
      skipped[#skipped + 1] = key
    end
  end
  for key, value in pairs(config.limits) do
    wanted[key] = value
  end
  if config.cgroup then
    -- A group that was asked for can be watched and changed later in every way that there is.
    for _, controller in ipairs { "memory", "cpu", "pids" } do
      wanted[controller] = wanted[controller] or may[controller] and "max" or nil
    end
  end
  return wanted, skipped
end

--- Whether a container gets a control group of its own.
---@param config table see `container.spec`
---@return boolean
function M.are_wanted(config)
  return config.cgroup ~= nil and config.cgroup ~= false or next((wanted_of(config))) ~= nil
end

--- The name of a container's group.
---@param config { name: string, cgroup: (boolean|string)? }
---@return string
function M.group_name(config)
  return type(config.cgroup) == "string" and config.cgroup or "crun-lua-" .. config.name
end

--- Makes the control group where anything asks for one, and notes it in the run: `group`, `name`,
--- `skipped`, and `watched` where the kernel tells of kills for want of memory.
---@param config table see `container.spec`
---@param run { undo: table }
function M.make(config, run)
  local wanted, skipped = wanted_of(config)
  run.skipped = skipped
  if not next(wanted) and not config.cgroup then
    return
  end
  local name = M.group_name(config)
  local group, err = try(cgroup_set, name, wanted)
  if err and err.errno == "EBUSY" and not config.userns then
    -- On cgroup v2 a group with processes shares out nothing; the root's own group may.
    name = "/" .. name
    group = cgroup_set(name, wanted)
  elseif err then
    error(err, 0)
  end
  run.group, run.name, run.watched = group, name, wanted.memory ~= nil
  run.undo:push("cgroup", function()
    group:close()
  end)
end

return M
