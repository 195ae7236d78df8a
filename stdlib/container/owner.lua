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

--- Kills a process by its number, where no handle of it can be had (Linux before 5.3, a filter):
--- that it is still the same was seen a moment ago, and what must end is not left alive for want of
--- a better way.
---@param process { pid: integer, starttime: integer }
---@return boolean whether it is gone
function M.end_by_number(process)
  if M.alive(process) then
    try(kill, process.pid, "kill")
  end
  for _ = 1, 500 do
    if not M.alive(process) then
      return true
    end
    poll({}, { timeout = "20ms" })
  end
  return false
end

--- Kills a process and waits until it is gone, ten seconds at most.
---
--- ```lua
--- local owner = require "container.owner"
---
--- local child <close> = spawn(function()
---   exec { "sleep", "100" }
--- end)
--- child:started()
--- assert(owner.finish { pid = child.pid, starttime = proc_stat(child.pid).starttime })
--- ```
---@param process? { pid: integer?, starttime: integer? }
---@return boolean whether it is gone
function M.finish(process)
  if not process or not M.alive(process) then
    return true
  end
  local handle <close>, err = try(process_open, process.pid)
  if not handle then
    return err.errno == "ESRCH" or M.end_by_number(process)
  elseif M.alive(process) then
    -- Asked again: by now the number can be another's, and the handle cannot.
    try(handle.kill, handle, "kill")
    poll({ handle }, { timeout = "10s" })
  end
  return not M.alive(process)
end

return M
