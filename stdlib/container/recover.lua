--- Gives back what a container holds whose owner can do it no more.
---
--- Everything is found by what stands in the record, each step may find its work done, and the
--- record is changed last: so it may be cut off anywhere and be done again.
---
--- ```lua
--- local recover = require "container.recover"
---
--- for _, text in ipairs(recover.all()) do
---   print("removed", text)
--- end
--- ```
local owner = require "container.owner"
local state = require "container.state"

local M = {}

--- Removes the group and whoever is left in it.
local function end_group(record)
  -- On cgroup v2 it may have been made below the root's own group.
  for _, name in ipairs(record.cgroup and { record.cgroup, "/" .. record.cgroup } or {}) do
    local group <close> = try(cgroup_open, name)
    if group then
      try(group.remove, group, { host = true })
    end
  end
end

--- Cleans up behind a container whose owner is dead, and writes that it has stopped.
---
--- Two programs may be at it at once, and a third may start the container again. So the lock of its
--- owners is taken, and then the record is read once more: somebody else may have it by now.
---@param record container.Record
---@param forget? boolean the container goes as well
---@return boolean whether there was anything to do
function M.one(record, forget)
  if state.alive(record.owner) then
    return false
  end
  -- The first process, which takes those of its pid namespace with it, shares the lock until it has
  -- ended. The group goes by its name: not before the lock is held.
  owner.finish(record)
  local lock <close> = state.lock(record.name)
  record = lock and state.get(record.name)
  if not record or state.alive(record.owner) then
    return false
  end
  owner.finish(record)
  end_group(record)
  if record.network then
    try(require("network").release, record.network, record.owner)
  end
  if record.release then
    try(require("rootfs").release, record.release)
  end
  if record.image then
    try(require("image").release, record.image, record.name)
  end
  if forget then
    state.forget(record.name)
    return true
  end
  record.status, record.pid, record.starttime, record.lost = "stopped", nil, nil, nil
  record.cgroup, record.network, record.release, record.image = nil, nil, nil, nil
  state.save(record)
  return true
end

--- Removes a container whose state cannot be read: by its name, which its group has as well.
---@param name string
function M.damaged(name)
  local group <close> = try(cgroup_open, "crun-lua-" .. name)
  if group then
    try(group.remove, group, { host = true })
  end
  state.forget(name)
end

--- Cleans up behind every owner that is dead. A detached container stays, stopped, with its log and
--- without its processes; one of a script goes with the script.
---@return string[] what was removed
function M.all()
  local removed = {}
  for _, name in ipairs(state.sweep()) do
    removed[#removed + 1] = "unfinished container " .. name
  end
  for _, record in ipairs(state.list()) do
    if record.lost and record.status ~= "damaged" then
      if M.one(record, not record.detached or record.remove) then
        removed[#removed + 1] = "container " .. record.name
      end
    end
  end
  return removed
end

return M
