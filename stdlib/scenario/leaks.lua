--- What is there before and after: processes, mounts, control groups, links, named network
--- namespaces and files, so that what a reset has left can be named.
---
--- Others use the machine meanwhile. What carries a stage's prefix, token or directory is always
--- its own; anything else counts where it is still there after a while, and no process of anybody
--- else's lives in it.
---
--- ```lua
--- local leaks = require "scenario.leaks"
---
--- local before = leaks.snapshot()
--- assert(#leaks.left(before, {}) == 0)
--- ```
local remains = require "scenario.remains"
local warden = require "scenario.warden"

local M = {}

-- The kernel removes groups and namespaces a while after their last process; others' things pass.
local PATIENCE, PAUSE = 4, "50ms"

-- Directories in which a file of a stage's would lie, and the state's, which has rows of its own.
local function directories()
  local list = { "/tmp" }
  local state = state_dir()
  for _, name in ipairs { "", "/containers", "/scenario", "/network" } do
    list[#list + 1] = state .. name
  end
  return list
end

--- What there is now, by what it is called.
---@return table<string, string> what to its name, which tells whose it is
function M.snapshot()
  local found = {}
  for _, pid in ipairs(warden.descendants(proc_stat().pid)) do
    local one = try(proc_stat, pid)
    if one and one.state ~= "Z" and one.state ~= "X" then
      found[("the process %d (%s)"):format(pid, one.comm or one.name or "?")] = "own"
    end
  end
  for _, row in ipairs(mountinfo() or {}) do
    found[("the mount %s (%s)"):format(row.mount_point, row.fs_type)] = row.mount_point
  end
  for _, link in ipairs(try(links) or {}) do
    found["the link " .. link.name] = link.name
  end
  for _, name in ipairs(try(netns_list) or {}) do
    found["the network namespace " .. name] = name
  end
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    for _, dir in ipairs { hierarchy.mount, hierarchy.own } do
      for _, path in ipairs(remains.groups("", dir, 1)) do
        found["the control group " .. path] = path
      end
    end
  end
  for _, dir in ipairs(directories()) do
    for _, name in ipairs(try(list_dir, dir) or {}) do
      found[("the file %s/%s"):format(dir, name)] = "file " .. name
    end
  end
  return found
end

--- Whether somebody lives in a group or below it: nobody of ours does any more.
local function is_lived_in(path)
  local all = remains.groups("", path, 3)
  all[#all + 1] = path
  for _, one in ipairs(all) do
    if (try(read_file, one .. "/cgroup.procs") or ""):find("%d") then
      return true
    end
  end
  return false
end

local function is_ours(what, name, stages)
  if name == "own" then
    return true
  end
  for _, stage in ipairs(stages) do
    local inside = what:find(stage.token, 1, true) or what:find(stage.dir, 1, true)
    local last = name:gsub("^file ", ""):match("([^/]*)$")
    if inside or last:sub(1, #stage.prefix) == stage.prefix then
      return true
    end
  end
  if name:find("^file ") or what:find("^the mount .*/crun%-lua%-") then
    -- Files of others come and go at any time, and so do mounts in directories of theirs.
    return false
  end
  return not (what:find("^the control group") and is_lived_in(name))
end

--- What is there now and was not before.
---@param before table<string, string>
---@param stages { prefix: string, token: string, dir: string }[]
---@return string[]
function M.left(before, stages)
  local deadline = clock("monotonic") + PATIENCE
  while true do
    local left = {}
    for what, name in pairs(M.snapshot()) do
      if not before[what] and is_ours(what, name, stages) then
        left[#left + 1] = what
      end
    end
    if #left == 0 or clock("monotonic") > deadline then
      table.sort(left)
      return left
    end
    poll({}, { timeout = PAUSE })
  end
end

return M
