--- Samples the control groups of processes while they run: what each uses against its limits, and
--- when the kernel has killed or held back.
---
--- Groups appear and go while a script runs, so they are found anew each time; one that has gone
--- keeps its samples. The group that this program itself is in is not the script's doing, and left
--- out.
---
--- ```lua
--- local groups = require "report.groups"
---
--- local watched = groups.new()
--- watched:find {}
--- watched:sample()
--- assert(#watched:series(0) == 0)
--- watched:close()
--- ```
local part = require "inspect.part"
local usage = require "cgroup.usage"

local M = {}

-- Samples of a group; a longer run keeps every second one, then every fourth, and so on.
local MOST = 600

---@class report.Groups
local Groups = {}
Groups.__index = Groups

--- The paths of a process's groups by their controllers.
local function paths_of(pid)
  local paths = {}
  for _, row in ipairs(part.known(part.read(proc_cgroup, pid)) or {}) do
    paths[table.concat(row.controllers, ",")] = row.path
  end
  return paths
end

---@return report.Groups
function M.new()
  local own = paths_of(proc_stat().pid)
  return setmetatable({ own = own, seen = {}, by_path = {}, list = {} }, Groups)
end

--- In which of its groups a process is apart from this one: a key, the longest path, and which
--- controllers count there. On version 1 each has a path of its own.
function Groups:apart(pid)
  local words, longest, counts = {}, nil, {}
  for controllers, path in pairs(paths_of(pid)) do
    if path ~= self.own[controllers] and path ~= "/" then
      words[#words + 1] = controllers .. "=" .. path
      longest = #path > #(longest or "") and path or longest
      for name in controllers:gmatch("[^,]+") do
        counts[name] = true
      end
      counts.all = counts.all or controllers == ""
    end
  end
  table.sort(words)
  return table.concat(words, " "), longest, counts
end

local function descendants(pid, list)
  list[#list + 1] = pid
  for _, child in ipairs(part.known(part.read(proc_children, pid)) or {}) do
    descendants(child, list)
  end
  return list
end

--- Watches one group; on version 1 a process enters one hierarchy after the other, so what was
--- opened before it had entered all of them is opened anew.
function Groups:watch(pid, key, path, counts)
  local one = self.by_path[path]
  self.seen[key] = true
  local handle = try(cgroup_of, pid)
  if handle and one then
    one.handle:close()
    one.key, one.handle, one.counts = key, handle, counts
    one.usage, one.samples, one.gone = nil, {}, nil
  elseif handle then
    one = { key = key, path = path, counts = counts, handle = handle }
    one.samples, one.every, one.count = {}, 1, 0
    self.by_path[path], self.list[#self.list + 1] = one, one
  end
end

--- Begins to watch the groups of these processes and of those below them.
---@param targets integer[]
function Groups:find(targets)
  for _, target in ipairs(targets) do
    for _, pid in ipairs(descendants(target, {})) do
      local key, path, counts = self:apart(pid)
      if path and not self.seen[key] then
        self:watch(pid, key, path, counts)
      end
    end
  end
end

--- What a picture needs of a usage.
local function row(now, before, counts)
  local function own(name)
    return (counts.all or counts[name]) and now[name] or {}
  end
  local memory, cpu, pids = own "memory", own "cpu", own "pids"
  local was, held = before and before.cpu or {}, nil
  if cpu.throttled_periods then
    held = cpu.throttled_periods - (was.throttled_periods or 0)
  end
  return {
    at = clock("realtime"),
    memory = memory.used,
    memory_limit = memory.limit,
    cpu = cpu.percent,
    cpu_limit = cpu.limit,
    pids = pids.current,
    pids_limit = pids.limit,
    throttled = held,
    oom = memory.used and now.oom_kills and now.oom_kills - (before and before.oom_kills or 0),
    refused = now.limit_hits.pids
      and now.limit_hits.pids - (before and before.limit_hits.pids or 0),
  }
end

--- Two samples as one: amounts of the later, events of both.
local function both(first, second)
  for _, name in ipairs { "throttled", "oom", "refused" } do
    second[name] = (second[name] or 0) + (first[name] or 0)
  end
  return second
end

local function thin(samples)
  local out = {}
  for index = 2, #samples, 2 do
    out[#out + 1] = both(samples[index - 1], samples[index])
  end
  return out
end

--- Takes a sample of each group that is there.
function Groups:sample()
  for _, one in ipairs(self.list) do
    local now = not one.gone and try(usage.of, one.handle, one.usage)
    if now then
      local new = row(now, one.usage, one.counts)
      local last = one.samples[#one.samples]
      one.count = one.count + 1
      if last and (one.count - 1) % one.every ~= 0 then
        one.samples[#one.samples] = both(last, new)
      else
        one.samples[#one.samples + 1] = new
      end
      one.usage = now
      if #one.samples > MOST then
        one.samples, one.every = thin(one.samples), one.every * 2
      end
    else
      one.gone = true
    end
  end
end

--- What was sampled: `{ key, path, samples }` a group, with times since `start`.
---@param start number seconds since 1970
---@return table[]
function Groups:series(start)
  local out = json_array {}
  for index, one in ipairs(self.list) do
    for _, sample in ipairs(one.samples) do
      sample.at = sample.at - start
    end
    out[index] = { key = one.key, path = one.path, samples = json_array(one.samples) }
  end
  return out
end

--- Lets go of the groups; they stay.
function Groups:close()
  for _, one in ipairs(self.list) do
    one.handle:close()
  end
end

return M
