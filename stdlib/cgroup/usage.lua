--- What a group uses, in the same words on v1 and v2: amounts, shares of limits, rates.
---
--- Shares and rates lie between two samples: the usage from before goes in, so nothing here waits.
--- What the kernel does not count is nil, and `missing` has the reason.
---
--- ```lua
--- local usage = require "cgroup.usage"
---
--- local before = usage.of(1)
--- local now = usage.of(1, before)
--- print(now.memory and now.memory.used, now.missing.memory)
--- print(now.cpu and now.cpu.percent)
--- ```
local places = require "cgroup.places"

local M = {}

--- Bytes; `percent` is of the limit, 0 to 100.
---@class cgroup.Memory
---@field used? integer what counts against the limit, file cache included
---@field limit? integer nil where there is none
---@field percent? number
---@field peak? integer
---@field swap? integer
---@field swap_limit? integer
---@field anon? integer memory of the processes themselves
---@field file? integer file cache, which goes when memory is short

---@class cgroup.Cpu
---@field usec integer time since the group was made
---@field percent? number of one processor, since the usage from before
---@field limit? number in the same unit: "50%" is 50
---@field periods? integer periods of the limit in which the group ran
---@field throttled_periods? integer those in which it was stopped
---@field throttled_usec? integer how long it stood still
---@field throttled? number share of the periods, 0 to 1, since the usage from before or in all

---@class cgroup.Pids
---@field current? integer
---@field limit? integer
---@field percent? number
---@field peak? integer

---@class cgroup.Io
---@field read integer bytes
---@field written integer bytes
---@field reads integer requests
---@field writes integer requests
---@field read_rate? number bytes a second, since the usage from before
---@field write_rate? number

---@class cgroup.Usage
---@field at number seconds of the monotonic clock
---@field version "v1"|"v2"|"hybrid"
---@field memory? cgroup.Memory
---@field cpu? cgroup.Cpu
---@field pids? cgroup.Pids
---@field io? cgroup.Io
---@field oom_kills? integer
---@field limit_hits { memory: integer?, pids: integer? } how often each limit was reached
---@field pressure? table<string, { some: number, full: number? }> % of the last 10 s stood still
---@field frozen? boolean
---@field missing table<string, string> what is not counted, with the reason

--- What was read of a group at one moment; plain, so that it can be recorded.
---@class cgroup.Sample
---@field at number
---@field version "v1"|"v2"|"hybrid"
---@field stats table as `cgroup:stats` answers
---@field limits table as `cgroup:get` answers
---@field events table as `cgroup:events` answers
---@field missing table<string, string>

--- A limit as a number; "max" is none.
local function limit(value)
  return type(value) == "number" and value or nil
end

local function percent(part, whole)
  return part and whole and whole > 0 and part * 100 / whole or nil
end

--- The change of a counter, nil where it was not counted before or began anew.
local function change(now, before)
  return now and before and now >= before and now - before or nil
end

local function memory(stats, limits)
  local found = stats.memory
  if not found or not found.usage then
    return nil
  end
  local counts = found.stat or {}
  return {
    used = found.usage,
    limit = limit(limits.memory),
    percent = percent(found.usage, limit(limits.memory)),
    peak = found.peak,
    swap = found.swap,
    swap_limit = limit(limits.swap),
    -- v1 has its own members alone in `rss`, and the groups below too in `total_rss`.
    anon = counts.anon or counts.total_rss,
    file = counts.file or counts.total_cache,
  }
end

local function cpu(stats, limits, seconds, before)
  local found = stats.cpu or {}
  if not found.usage_usec then
    return nil
  end
  before = before or {}
  local allowed = limits.cpu or {}
  local quota = limit(allowed.quota)
  local spent = change(found.usage_usec, before.usec)
  local periods, throttled = found.nr_periods, found.nr_throttled
  local since = change(periods, before.periods)
  local share = percent(change(throttled, before.throttled_periods), since)
  if not before.periods then
    share = percent(throttled, periods)
  end
  return {
    usec = found.usage_usec,
    percent = spent and seconds and seconds > 0 and spent / seconds / 10000 or nil,
    limit = quota and percent(quota, allowed.period or 100000),
    periods = periods,
    throttled_periods = throttled,
    throttled_usec = found.throttled_usec,
    throttled = share and share / 100,
  }
end

local function pids(stats, limits)
  local found = stats.pids
  if not found or not found.current then
    return nil
  end
  local most = limit(limits.pids)
  local share = percent(found.current, most)
  return { current = found.current, limit = most, percent = share, peak = found.peak }
end

local function io(stats, seconds, before)
  if not stats.io then
    return nil
  end
  local out = { read = 0, written = 0, reads = 0, writes = 0 }
  for _, device in ipairs(stats.io) do
    out.read = out.read + (device.rbytes or 0)
    out.written = out.written + (device.wbytes or 0)
    out.reads = out.reads + (device.rios or 0)
    out.writes = out.writes + (device.wios or 0)
  end
  before = before or {}
  local read, written = change(out.read, before.read), change(out.written, before.written)
  if seconds and seconds > 0 then
    out.read_rate, out.write_rate = read and read / seconds, written and written / seconds
  end
  return out
end

local function pressure(stats)
  if not stats.pressure then
    return nil
  end
  local out = {}
  for name, kinds in pairs(stats.pressure) do
    out[name] = { some = (kinds.some or {}).avg10, full = (kinds.full or {}).avg10 }
  end
  return out
end

--- What a sample says.
---@param sample cgroup.Sample
---@param previous? cgroup.Usage of the same group, from before
---@return cgroup.Usage
function M.from(sample, previous)
  local stats, limits, events = sample.stats, sample.limits, sample.events
  local before = previous or {}
  local seconds = before.at and sample.at - before.at
  local memory_events, pids_events = events.memory or {}, events.pids or {}
  return {
    at = sample.at,
    version = sample.version,
    memory = memory(stats, limits),
    cpu = cpu(stats, limits, seconds, before.cpu),
    pids = pids(stats, limits),
    io = io(stats, seconds, before.io),
    oom_kills = memory_events.oom_kill,
    limit_hits = { memory = memory_events.max, pids = pids_events.max },
    pressure = pressure(stats),
    frozen = events.frozen,
    missing = sample.missing,
  }
end

--- What one of the group's methods answers; nil where the group is gone. Between two reads a group
--- may go; whatever else fails is raised.
local function read(group, method)
  local answer, err = try(group[method], group)
  if err and err.errno ~= "ENOENT" and err.errno ~= "ENODEV" then
    error(err, 0)
  end
  return answer
end

--- Reads a group's files once.
---@param target any as `places.open` takes it
---@return cgroup.Sample? sample nil where the group is gone
---@return string? reason
function M.sample(target)
  local group, opened = places.open(target)
  local closing <close> = opened and group or nil
  local stats = read(group, "stats")
  local limits = stats and read(group, "get")
  local events = limits and read(group, "events")
  if not events then
    return nil, "the group has been removed"
  end
  local sample = {
    at = clock("monotonic"),
    version = places.version(group),
    stats = stats,
    limits = limits,
    events = events,
    missing = {},
  }
  local shown = M.from(sample)
  local layout
  for _, name in ipairs { "memory", "cpu", "pids", "io", "pressure" } do
    if not shown[name] then
      layout = layout or cgroup_layout()
      sample.missing[name] = places.why(group, name, layout)
    end
  end
  return sample
end

--- What a group uses.
---@param target any a group's name, a process id, or a handle
---@param previous? cgroup.Usage from before, for rates
---@return cgroup.Usage? usage nil where the group is gone
---@return string? reason
function M.of(target, previous)
  local sample, reason = M.sample(target)
  if not sample then
    return nil, reason
  end
  return M.from(sample, previous)
end

return M
