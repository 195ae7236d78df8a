--- A monitor: samples groups, keeps a bounded history, and draws it.
---
--- Nothing runs by itself: who calls `sample` decides when, and `wait` sleeps until the next one is
--- due. A group that goes meanwhile keeps its history and says so.
---
--- ```lua
--- local monitor = require "cgroup.monitor"
---
--- local watched <close> = monitor.new { groups = { init = 1 }, interval = "10ms", history = 60 }
--- for _ = 1, 2 do
---   watched:sample()
---   watched:wait()
--- end
--- assert(#watched:history("init", "cpu") == 2)
--- print(table.concat(watched:draw { width = 60 }, "\n"))
--- ```
local colour = require "view.colour"
local draw = require "cgroup.draw"
local findings = require "cgroup.findings"
local options = require "options"
local places = require "cgroup.places"
local units = require "view.units"
local usage = require "cgroup.usage"

local M = {}

---@class cgroup.MonitorOptions
---@field groups table a list of groups, or a table from name to group: a group's name, a process
--- id, the handle of a process or of a group, or a function from the last usage to the next
---@field interval? string|number how long `wait` lets pass between two samples; "1s"
---@field history? integer so many samples are kept; 120

---@class cgroup.Watched
---@field name string
---@field usage? cgroup.Usage the last one
---@field gone? string why there is none any more
---@field findings cgroup.Finding[] what has happened since the first sample

--- Control groups that are sampled again and again.
---@class cgroup.Monitor
---@field interval number seconds
local Monitor = {}
Monitor.__index = Monitor

local KNOWN = { groups = "table", interval = { "string", "number" }, history = "integer" }

--- What is kept of each sample; nil is kept as a gap.
local METRICS = {
  memory = function(now)
    return (now.memory or {}).used
  end,
  swap = function(now)
    return (now.memory or {}).swap
  end,
  cpu = function(now)
    return (now.cpu or {}).percent
  end,
  throttled = function(now)
    return (now.cpu or {}).throttled
  end,
  pids = function(now)
    return (now.pids or {}).current
  end,
  io = function(now)
    local io = now.io or {}
    return io.read_rate and io.write_rate and io.read_rate + io.write_rate
  end,
  pressure = function(now)
    return ((now.pressure or {}).memory or {}).some
  end,
  oom = function(now, before)
    local kills = now.oom_kills
    return kills and math.max(kills - ((before or {}).oom_kills or kills), 0)
  end,
}

--- What a group of a list is called.
local function label(target)
  if type(target) == "string" then
    return target
  elseif math.type(target) == "integer" then
    return ("process %d"):format(target)
  end
  local name = try(function()
    return target.name
  end)
  return name or tostring(target)
end

local function watch(name, target)
  local group, opened = target, false
  if type(target) ~= "function" then
    group, opened = places.open(target)
  end
  local history = {}
  for metric in pairs(METRICS) do
    history[metric] = {}
  end
  return { name = name, group = group, opened = opened, history = history }
end

--- Starts to watch; the first sample is the caller's.
---@param given cgroup.MonitorOptions
---@return cgroup.Monitor
function M.new(given)
  local op = "cgroup.monitor"
  options.check(op, given, KNOWN)
  options.expect(op, "groups", given.groups, "table")
  local interval = units.seconds(given.interval or "1s")
  if not interval or interval <= 0 then
    local message = ('interval: expected a time such as "1s", got %s'):format(given.interval)
    options.fail(op, message)
  elseif given.history and given.history < 2 then
    options.fail(op, "history: a curve needs at least 2 samples")
  end
  local self = { interval = interval, kept = given.history or 120, list = {}, by_name = {} }
  for index, target in ipairs(given.groups) do
    self.list[index] = watch(label(target), target)
  end
  for _, name in ipairs(#given.groups == 0 and options.keys(given.groups) or {}) do
    self.list[#self.list + 1] = watch(name, given.groups[name])
  end
  for _, one in ipairs(self.list) do
    self.by_name[one.name] = one
  end
  return setmetatable(self, Monitor)
end

--- Adds to a list that never gets longer than `most`.
local function push(list, value, most)
  if value == nil then
    value = false
  end
  list[#list + 1] = value
  if #list > most then
    table.remove(list, 1)
  end
end

local function sample(one, most)
  if one.gone then
    return
  end
  local before = one.usage
  local look = type(one.group) == "function" and one.group
  local now, reason
  if look then
    now, reason = look(before)
  else
    now, reason = usage.of(one.group, before)
  end
  if not now then
    one.gone = reason or "it is gone"
    return
  end
  one.usage = now
  one.first = one.first or now
  for metric, value in pairs(METRICS) do
    push(one.history[metric], value(now, before), most)
  end
end

local function shown(one)
  return {
    name = one.name,
    usage = one.usage,
    gone = one.gone,
    findings = one.usage and findings.of(one.usage, one.first) or {},
  }
end

--- Takes a sample of each group.
---@return cgroup.Watched[] in the order of the groups
function Monitor:sample()
  self.last = clock("monotonic")
  local out = {}
  for index, one in ipairs(self.list) do
    sample(one, self.kept)
    out[index] = shown(one)
  end
  return out
end

--- Sleeps until the next sample is due: one interval after the last.
function Monitor:wait()
  local left = (self.last or clock("monotonic")) + self.interval - clock("monotonic")
  if left <= 0 then
    return
  end
  -- Nobody writes to this pipe: the time is all that comes.
  local never = pipe()
  local timeout = ("%dus"):format(math.ceil(left * 1000000))
  local _, err = try(never.read.read, never.read, 1, { timeout = timeout })
  never.read:close()
  never.write:close()
  if err and err.errno ~= "ETIMEDOUT" then
    error(err, 0)
  end
end

local function find(self, op, name)
  local one = self.by_name[name]
  if not one then
    local near = options.nearest(tostring(name), options.keys(self.by_name))
    local hint = near and ("did you mean %q?"):format(near) or nil
    options.fail(op, ("no group called '%s' is watched"):format(tostring(name)), hint)
  end
  return one
end

--- The last samples of a group, the oldest first; what was not known is `false`.
---@param name string
---@param metric string "memory" and "swap" (bytes), "cpu" (% of a processor), "throttled" (0 to 1),
--- "pids", "io" (bytes a second), "pressure" (% waited for memory), "oom" (kills)
---@return (number|false)[] a copy, of at most as many values as the monitor keeps
function Monitor:history(name, metric)
  local op = "monitor:history"
  local one = find(self, op, name)
  options.expect(op, "metric", metric, "=" .. table.concat(options.keys(METRICS), "|"))
  return table.move(one.history[metric], 1, #one.history[metric], 1, {})
end

--- What is known of a group without a new sample.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local group <close> = cgroup.make("get-example", { memory = "64M" })
--- local monitor <close> = cgroup.monitor { groups = { box = group } }
--- monitor:sample()
--- print(monitor:get("box").usage.memory.used)
--- ```
---@param name string
---@return cgroup.Watched
function Monitor:get(name)
  return shown(find(self, "monitor:get", name))
end

--- Lines of text that draw each group against its limits.
---@param given? cgroup.DrawOptions `colours` are the terminal's choice where it is left out
---@return string[]
function Monitor:draw(given)
  local how = {}
  for key, value in pairs(given or {}) do
    how[key] = value
  end
  if how.colours == nil then
    how.colours = colour.wanted(1)
  end
  local out = {}
  for _, one in ipairs(self.list) do
    local group = shown(one)
    group.history = one.history
    if #out > 0 then
      out[#out + 1] = ""
    end
    local lines = draw.lines(group, how)
    table.move(lines, 1, #lines, #out + 1, out)
  end
  return out
end

--- Closes what the monitor has opened; the groups stay.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local monitor = cgroup.monitor { groups = {} }
--- monitor:close()
--- ```
function Monitor:close()
  for _, one in ipairs(self.list) do
    if one.opened then
      one.group:close()
    end
  end
end

Monitor.__close = Monitor.close

return M
