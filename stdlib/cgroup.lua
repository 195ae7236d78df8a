--- Control groups in one vocabulary: limits in both dialects, usage, pressure, findings, a monitor.
---
--- Groups are made, limited and removed by the primitives (`cgroup_set`, `cgroup_open`,
--- `cgroup_of`, `cgroup_layout`, `cgroup_may`); this module explains and measures them, with the
--- same words on cgroup v1, on v2, on a hybrid of both and where there is none. What a machine does
--- not have is nil, with the reason.
---
--- ```lua
--- local cgroup = require "cgroup"
--- local grid = require "view.table"
---
--- -- What a limit is called, and what is written, on v1 and on v2.
--- grid.print(cgroup.dialects { memory = "64M", cpu = "50%" }, { columns = cgroup.COLUMNS })
---
--- -- What a group uses, and what is wrong with it.
--- local usage = cgroup.usage(1)
--- print(usage.memory and usage.memory.used or usage.missing.memory)
--- for _, finding in ipairs(cgroup.findings(usage)) do
---   print(finding.level, finding.text, finding.hint)
--- end
--- ```
local dialects = require "cgroup.dialects"
local findings = require "cgroup.findings"
local monitor = require "cgroup.monitor"
local places = require "cgroup.places"
local pressure = require "cgroup.pressure"
local usage = require "cgroup.usage"

local M = {}

--- The columns in which `view.table` shows what `dialects` answers.
M.COLUMNS = dialects.COLUMNS

--- Makes a group with limits. Where this process stands in a v2 group with processes, which may
--- not share out controllers, it moves down first; closing the group does not move it back.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local group <close> = cgroup.make("make-example", { memory = "64M" })
--- print(group)
--- ```
---@param name string
---@param limits table as `cgroup_set` takes them
---@return any group closing it removes it
function M.make(name, limits)
  return places.make(name, limits)
end

--- Where each controller is, by v2's names, or the reason why it is nowhere.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local memory = cgroup.controllers().memory
--- print(memory.version or memory.reason)
--- ```
---@param layout? table what `cgroup_layout` answers: of a recorded machine
---@return table<string, cgroup.Controller>
function M.controllers(layout)
  return places.controllers(layout)
end

--- What each limit is called, and which value it gets, on v1 and on v2.
---@param limits table as `cgroup_set` takes them
---@return cgroup.Dialect[] rows for `view.table` with `COLUMNS`
function M.dialects(limits)
  return dialects.of(limits)
end

--- What a group uses now.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local before = cgroup.usage(1)
--- local now = cgroup.usage(1, before)
--- print(now.cpu and now.cpu.percent)
--- ```
---@param group any a group's name, a process id, the handle of a process or of a group
---@param previous? cgroup.Usage from before: rates and shares are since then
---@return cgroup.Usage? usage nil where the group is gone
---@return string? reason
function M.usage(group, previous)
  return usage.of(group, previous)
end

--- How long was waited for cpu, memory and io: by a group's processes, or on the whole machine.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local pressure, reason = cgroup.pressure()
--- print(pressure and pressure.cpu.some.avg10 or reason)
--- ```
---@param group? any
---@return table<string, table<string, cgroup.Stall>>? pressure
---@return string? reason why there is none
function M.pressure(group)
  return pressure.of(group)
end

--- How often things have happened to a group, and how it stands.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local group <close> = cgroup.make("events-example", { memory = "64M" })
--- print(cgroup.events(group).populated)
--- ```
---@param group any
---@return table events as `cgroup:events` answers: memory, pids, populated, frozen
function M.events(group)
  local handle, opened = places.open(group)
  local closing <close> = opened and handle or nil
  return handle:events()
end

--- What there is to say of a usage: limits that were reached, kills, standing still.
---@param now cgroup.Usage
---@param before? cgroup.Usage only what has happened since
---@return cgroup.Finding[] the gravest first
function M.findings(now, before)
  return findings.of(now, before)
end

--- Watches groups: `:sample()`, `:wait()`, `:history(name, metric)`, `:draw(options)`.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local group <close> = cgroup.make("monitor-example", { memory = "64M" })
--- local monitor <close> = cgroup.monitor { groups = { box = group } }
--- monitor:sample()
--- print(monitor:get("box").usage.memory.used)
--- ```
---@param given cgroup.MonitorOptions
---@return cgroup.Monitor
function M.monitor(given)
  return monitor.new(given)
end

return M
