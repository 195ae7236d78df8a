--- The group of a task as its checks see it: found by its name in whichever hierarchy it was made,
--- by whatever tool, and read in the dialect that is spoken there.
---
--- ```lua
--- local cgroup = require "cgroup"
--- local facts = require "scenario.facts"
--- local groups = require "lab.ex2.groups"
---
--- local made <close> = cgroup.make("groups-example", { pids = 7 })
--- local t = facts.new { answers = {}, given = { group = "groups-example" }, own = {} }
--- local found <close> = groups.find(t, "pids")
--- assert(found.handle:get().pids == 7 and #found.members() == 0)
--- ```
local places = require "cgroup.places"

local M = {}

--- One group, open for reading.
---@class lab.Group
---@field dir string its directory in the controller's hierarchy
---@field dirs string[] its directories in all hierarchies
---@field dialect "v1"|"v2"
---@field handle any as `cgroup_open` answers
---@field members fun(): integer[]

--- Where a name may be meant: below the group that this program is in, or below the root.
local function directories(name)
  local found = {}
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    local own = hierarchy.own and hierarchy.own ~= "/" and hierarchy.own or ""
    for _, above in ipairs { hierarchy.mount .. own, hierarchy.mount } do
      local dir = above .. "/" .. name
      if stat(dir) then
        found[#found + 1] = { dir = dir, mount = hierarchy.mount }
        break
      end
    end
  end
  return found
end

local function numbers(text)
  local list = {}
  for word in (text or ""):gmatch("%d+") do
    list[#list + 1] = math.tointeger(word)
  end
  return list
end

--- The group that the task has named (`t.given.group`), where a controller is.
---@param t scenario.Facts
---@param controller string "memory"
---@return lab.Group
function M.find(t, controller)
  local name, place = t.given.group, places.controllers()[controller]
  local dirs, own = {}, nil
  for _, one in ipairs(directories(name)) do
    dirs[#dirs + 1] = one.dir
    own = one.mount == place.mount and one.dir or own
  end
  local base = place.mount .. (place.own and place.own ~= "/" and place.own or "")
  if not own then
    t:fail {
      what = ("there is no group '%s' where the controller '%s' is"):format(name, controller),
      expected = ("a directory %s/%s"):format(base, name),
      found = #dirs > 0 and dirs or "no group of this name",
      see = ("ls -d /sys/fs/cgroup/*/%s %s/%s"):format(name, base, name),
    }
  end
  local handle = cgroup_open(dirs)
  return setmetatable({
    dir = own,
    dirs = dirs,
    dialect = place.version,
    handle = handle,
    members = function()
      return numbers(t:read(own .. "/cgroup.procs"))
    end,
  }, {
    __close = function()
      handle:close()
    end,
  })
end

--- A shell that somebody types into leads its session, and has a terminal.
local function typed_into(process)
  return process.session == process.pid and process.tty_nr ~= 0
end

--- The answered process is in the group, and neither this program nor the shell that started it is.
---@param t scenario.Facts
---@param group lab.Group
---@param pid integer
---@param how? { nested: boolean? } nested: what it was started by may be a load itself
function M.holds(t, group, pid, how)
  local inside, members = {}, group.members()
  for _, member in ipairs(members) do
    inside[member] = true
  end
  local see = ("cat %s/cgroup.procs"):format(group.dir)
  if not inside[pid] then
    t:fail {
      what = ("the process %d is not in the group"):format(pid),
      expected = pid .. " among the members",
      found = #members == 0 and "no member" or members,
      see = see,
    }
  end
  for _, own in ipairs(t.own) do
    if inside[own] then
      t:fail { what = "this program itself is in the group", expected = "only the load", see = see }
    end
  end
  local process = proc_stat(pid) or {}
  while how and how.nested and inside[process.ppid] do
    process = proc_stat(process.ppid) or {}
  end
  if inside[process.ppid] or typed_into(process) then
    t:fail {
      what = "your shell is in the group as well",
      expected = "only the load: the limit is its, not yours",
      found = ("%d is limited too"):format(typed_into(process) and process.pid or process.ppid),
      see = see,
    }
  end
end

return M
