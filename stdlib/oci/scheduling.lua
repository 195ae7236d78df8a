--- Where and when a process runs: scheduler, priority of its input and output, processors, memory
--- nodes, and what the machine looks like to it.
---
--- ```lua
--- local scheduling = require "oci.scheduling"
---
--- local child <close> = spawn(function()
---   scheduling.apply({ ioPriority = { class = "IOPRIO_CLASS_BE", priority = 6 } }, {})
---   assert(scheduler_get().io.level == 6)
--- end)
--- assert(child:wait().code == 0)
--- ```
local M = {}

--- SCHED_FLAG_RESET_ON_FORK and the like as the primitives have them.
local function words(list, prefix)
  local made = {}
  for index, text in ipairs(list or {}) do
    made[index] = text:gsub("^" .. prefix, ""):lower()
  end
  return made
end

local FLAGS = {
  dl_overrun = true,
  keep_policy = true,
  keep_params = true,
  reclaim = true,
  reset_on_fork = true,
}

local function set_scheduler(given)
  local policy = given.policy:gsub("^SCHED_", ""):lower()
  local real_time = policy == "fifo" or policy == "rr"
  local flags = {}
  for _, flag in ipairs(words(given.flags, "SCHED_FLAG_")) do
    if FLAGS[flag] then
      flags[#flags + 1] = flag
    end
  end
  local function time(value)
    return value and value ~= 0 and ("%dns"):format(value) or nil
  end
  scheduler {
    policy = policy,
    priority = real_time and given.priority or nil,
    nice = (policy == "other" or policy == "batch") and given.nice or nil,
    flags = flags,
    runtime = policy == "deadline" and time(given.runtime) or nil,
    deadline = policy == "deadline" and time(given.deadline) or nil,
    period = policy == "deadline" and time(given.period) or nil,
  }
end

--- Applies what is there; in the child.
---@param given table `process` of config.json
---@param plan { affinity: string?, memory_policy: table?, personality: table? }
function M.apply(given, plan)
  if plan.personality then
    personality(plan.personality.domain:lower() == "linux32" and "linux32" or "linux")
  end
  if plan.affinity then
    cpu_affinity(plan.affinity)
  end
  if plan.memory_policy then
    local policy = plan.memory_policy
    mem_policy {
      mode = policy.mode:gsub("^MPOL_", ""):lower(),
      nodes = policy.nodes ~= "" and policy.nodes or nil,
      flags = words(policy.flags, "MPOL_F_"),
    }
  end
  if given.scheduler then
    set_scheduler(given.scheduler)
  end
  if given.ioPriority then
    local class = given.ioPriority.class:gsub("^IOPRIO_CLASS_", ""):lower()
    io_priority { class = class, level = class ~= "idle" and given.ioPriority.priority or nil }
  end
end

return M
