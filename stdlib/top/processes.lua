--- What a tree of processes uses, for a container without a control group of its own.
---
--- An ordinary user to whom nobody has delegated a group has such containers. /proc tells memory
--- and time of the processes that live; what has ended is not counted any more.
---
--- ```lua
--- local processes = require "top.processes"
---
--- local usage = processes.usage(proc_stat().pid)
--- assert(usage.pids.current >= 1 and usage.memory.used > 0)
--- ```
local M = {}

local WHY = "the container has no control group of its own"
-- proc_pid_stat(5) counts in clock ticks, of which Linux shows 100 a second everywhere.
local TICK_USEC = 10000

--- A process and all below it.
local function tree(pid, found)
  found[#found + 1] = pid
  for _, child in ipairs(try(proc_children, pid) or {}) do
    tree(child, found)
  end
  return found
end

--- What the process and all below it use, in the words of `cgroup.usage`.
---@param pid integer
---@param previous? cgroup.Usage from before, for the share of a processor
---@return cgroup.Usage? usage nil where the process is gone
function M.usage(pid, previous)
  local memory, ticks, threads = 0, 0, 0
  for _, one in ipairs(tree(pid, {})) do
    local status, counts = try(proc_status, one), try(proc_stat, one)
    if status and counts then
      memory = memory + (status.vm_rss or 0) * 1024
      ticks = ticks + counts.utime + counts.stime
      threads = threads + counts.num_threads
    end
  end
  if threads == 0 then
    return nil
  end
  local at, usec = clock("monotonic"), ticks * TICK_USEC
  local before = previous and previous.cpu and usec >= previous.cpu.usec and previous
  local percent = before and at > before.at and (usec - before.cpu.usec) / (at - before.at) / 10000
  return {
    at = at,
    version = "none",
    memory = { used = memory },
    cpu = { usec = usec, percent = percent or nil },
    pids = { current = threads },
    limit_hits = {},
    missing = { io = WHY, pressure = WHY },
  }
end

return M
