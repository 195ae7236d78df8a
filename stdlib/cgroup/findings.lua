--- What a group's counters mean: limits that were reached, kills, standing still, as data.
---
--- A finding is a sentence with a number and what to do about it. Counters start when the group is
--- made; with a usage from before only what has happened since counts.
---
--- ```lua
--- local findings = require "cgroup.findings"
---
--- local usage = { limit_hits = { memory = 3 }, oom_kills = 1, memory = { limit = 64 << 20 } }
--- local found = findings.of(usage)
--- assert(found[1].id == "oom_kill" and found[1].count == 1)
--- assert(found[2].text == "the memory limit of 64M was reached 3 times")
--- ```
local units = require "view.units"

local M = {}

---@class cgroup.Finding
---@field id string oom_kill, memory_limit, memory_near, pids_limit, pids_near, throttled,
--- pressure_memory, pressure_cpu, pressure_io or frozen
---@field level "error"|"warning"|"note"
---@field text string what happened
---@field hint? string what to do
---@field count? integer how often
---@field share? number 0 to 1

-- From which share on something is worth a line: what is drawn red, and what a person would feel.
local NEAR, THROTTLED, PRESSURE = 90, 0.25, 10

local function times(count)
  return count == 1 and "once" or ("%d times"):format(count)
end

--- How often something has happened since `before`.
local function since(now, before)
  return (now or 0) - math.min(before or 0, now or 0)
end

local function memory(usage, before, add)
  local found = usage.memory or {}
  local limit = found.limit and " of " .. units.size(found.limit) or ""
  local kills = since(usage.oom_kills, before.oom_kills)
  if kills > 0 then
    local what = kills == 1 and "1 process was" or ("%d processes were"):format(kills)
    add("oom_kill", "error", ("%s killed at the memory limit%s"):format(what, limit), {
      count = kills,
      hint = "give the group more memory, or find out what takes it: memory.anon and memory.file",
    })
  end
  local hits = since((usage.limit_hits or {}).memory, (before.limit_hits or {}).memory)
  if hits > 0 then
    local text = ("the memory limit%s was reached %s"):format(limit, times(hits))
    add("memory_limit", "warning", text, {
      count = hits,
      hint = kills == 0 and "the kernel took file cache back each time, which costs time" or nil,
    })
  end
  if found.percent and found.percent >= NEAR then
    local text = ("memory stands at %.0f %% of the limit%s"):format(found.percent, limit)
    add("memory_near", "warning", text, { share = found.percent / 100 })
  end
end

local function cpu(usage, before, add)
  local found, earlier = usage.cpu or {}, before.cpu or {}
  local periods = since(found.periods, earlier.periods)
  local stopped = since(found.throttled_periods, earlier.throttled_periods)
  local share = periods > 0 and stopped / periods or 0
  if share < THROTTLED then
    return
  end
  local text = ("throttled in %.0f %% of the periods (%d of %d)"):format(
    share * 100,
    stopped,
    periods
  )
  local hint = found.limit
    and ("the group wants more than its %.0f %% of a processor"):format(found.limit)
  add("throttled", "warning", text, { count = stopped, share = share, hint = hint })
end

local function pids(usage, before, add)
  local found = usage.pids or {}
  local limit = found.limit and (" of %d processes"):format(found.limit) or " of processes"
  local hits = since((usage.limit_hits or {}).pids, (before.limit_hits or {}).pids)
  if hits > 0 then
    add("pids_limit", "warning", ("the limit%s was reached %s"):format(limit, times(hits)), {
      count = hits,
      hint = "fork failed with EAGAIN: threads count as processes here",
    })
  end
  if found.percent and found.percent >= NEAR then
    local text = ("%d processes, with a limit of %d"):format(found.current, found.limit)
    add("pids_near", "warning", text, { share = found.percent / 100 })
  end
end

local function pressure(usage, add)
  for _, name in ipairs { "memory", "cpu", "io" } do
    local some = ((usage.pressure or {})[name] or {}).some or 0
    if some >= PRESSURE then
      local text = ("processes waited for %s during %.0f %% of the last 10 s"):format(name, some)
      add("pressure_" .. name, "note", text, { share = some / 100 })
    end
  end
end

--- What there is to say of a group, the gravest first.
---@param usage cgroup.Usage
---@param before? cgroup.Usage only what has happened since
---@return cgroup.Finding[]
function M.of(usage, before)
  local found = {}
  local function add(id, level, text, more)
    found[#found + 1] = {
      id = id,
      level = level,
      text = text,
      hint = more.hint or nil,
      count = more.count,
      share = more.share,
    }
  end
  before = before or {}
  memory(usage, before, add)
  pids(usage, before, add)
  cpu(usage, before, add)
  pressure(usage, add)
  if usage.frozen then
    add("frozen", "note", "the group is frozen", { hint = "cgroup:thaw() lets it go on" })
  end
  return found
end

return M
