--- Processes as records name them: by number and start, because a number is given to another
--- process when the first is dead.
---
--- ```lua
--- local owner = require "container.owner"
---
--- assert(owner.alive(owner.self()))
--- assert(not owner.alive { pid = owner.self().pid, starttime = 1 })
--- ```
local M = {}

---@class container.Owner
---@field pid integer
---@field starttime integer in ticks since boot, as proc_pid_stat(5) has it

-- This process; a fork makes it another one.
local me

--- This process.
---@return container.Owner
function M.self()
  if not me then
    local found = proc_stat()
    me = { pid = found.pid, starttime = found.starttime }
  end
  return me
end

--- To be called in a forked child that becomes an owner.
function M.forked()
  me = nil
end

-- PF_EXITING of the kernel's sched.h, among the flags of proc_pid_stat(5): it has come to its end,
-- and gives back what it has open before anybody sees it dead.
local EXITING = 4

--- Whether a process still lives: the same number may be another's by now.
---@param process? { pid: integer?, starttime: integer? }
---@return boolean
function M.alive(process)
  if not process or not process.pid then
    return false
  end
  local found = try(proc_stat, process.pid)
  return found ~= nil
    and found.starttime == process.starttime
    and found.state ~= "Z"
    and found.state ~= "X"
    and found.flags & EXITING == 0
end

return M
