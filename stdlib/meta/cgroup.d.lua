---@meta cgroup
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- One controller: where it is, or why it is not.
---@class cgroup.Controller
---@field name string v2's name
---@field version? "v1"|"v2"
---@field mount? string where its hierarchy is mounted
---@field own? string this process's group in it; nil where the mount does not show it
---@field reason? string why there is none
local cgroup_Controller = {}

--- One file of each dialect; a side without a file is nil.
---@class cgroup.Dialect
---@field limit string the limit's name, as `cgroup_set` takes it
---@field v1_file? string
---@field v1_text? string what is written
---@field v2_file? string
---@field v2_text? string
---@field note? string where the two differ, or one has none
local cgroup_Dialect = {}

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
local cgroup_Usage = {}

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
local cgroup_Memory = {}

---@class cgroup.Cpu
---@field usec integer time since the group was made
---@field percent? number of one processor, since the usage from before
---@field limit? number in the same unit: "50%" is 50
---@field periods? integer periods of the limit in which the group ran
---@field throttled_periods? integer those in which it was stopped
---@field throttled_usec? integer how long it stood still
---@field throttled? number share of the periods, 0 to 1, since the usage from before or in all
local cgroup_Cpu = {}

---@class cgroup.Pids
---@field current? integer
---@field limit? integer
---@field percent? number
---@field peak? integer
local cgroup_Pids = {}

---@class cgroup.Io
---@field read integer bytes
---@field written integer bytes
---@field reads integer requests
---@field writes integer requests
---@field read_rate? number bytes a second, since the usage from before
---@field write_rate? number
local cgroup_Io = {}

--- Percent of the last 10, 60 and 300 seconds, and microseconds in all.
---@class cgroup.Stall
---@field avg10 number
---@field avg60 number
---@field avg300 number
---@field total integer
local cgroup_Stall = {}

---@class cgroup.Finding
---@field id string oom_kill, memory_limit, memory_near, pids_limit, pids_near, throttled, pressure_memory, pressure_cpu, pressure_io or frozen
---@field level "error"|"warning"|"note"
---@field text string what happened
---@field hint? string what to do
---@field count? integer how often
---@field share? number 0 to 1
local cgroup_Finding = {}

---@class cgroup.MonitorOptions
---@field groups table a list of groups, or a table from name to group: a group's name, a process id, the handle of a process or of a group, or a function from the last usage to the next
---@field interval? string|number how long `wait` lets pass between two samples; "1s"
---@field history? integer so many samples are kept; 120
local cgroup_MonitorOptions = {}

--- Control groups that are sampled again and again.
---@class cgroup.Monitor
---@field interval number seconds
local cgroup_Monitor = {}

--- Takes a sample of each group.
---@return cgroup.Watched[] # in the order of the groups
function cgroup_Monitor:sample() end

--- Sleeps until the next sample is due: one interval after the last.
function cgroup_Monitor:wait() end

--- The last samples of a group, the oldest first; what was not known is `false`.
---@param name string
---@param metric string "memory" and "swap" (bytes), "cpu" (% of a processor), "throttled" (0 to 1), "pids", "io" (bytes a second), "pressure" (% waited for memory), "oom" (kills)
---@return (number|false)[] # a copy, of at most as many values as the monitor keeps
function cgroup_Monitor:history(name, metric) end

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
function cgroup_Monitor:get(name) end

--- Lines of text that draw each group against its limits.
---@param given? cgroup.DrawOptions `colours` are the terminal's choice where it is left out
---@return string[]
function cgroup_Monitor:draw(given) end

--- Closes what the monitor has opened; the groups stay.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local monitor = cgroup.monitor { groups = {} }
--- monitor:close()
--- ```
function cgroup_Monitor:close() end

---@class cgroup.Watched
---@field name string
---@field usage? cgroup.Usage the last one
---@field gone? string why there is none any more
---@field findings cgroup.Finding[] what has happened since the first sample
local cgroup_Watched = {}

---@class cgroup.DrawOptions
---@field width? integer columns; 80
---@field height? integer lines of a chart; 4
---@field metrics? string[] which charts: "memory", "cpu", "pids"; all three
---@field style? "block"|"braille"|"ascii" block
---@field colours? boolean
local cgroup_DrawOptions = {}

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
local M = {}

--- The columns in which `view.table` shows what `dialects` answers.
M.COLUMNS = {}

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
---@return any # group closing it removes it
function M.make(name, limits) end

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
function M.controllers(layout) end

--- What each limit is called, and which value it gets, on v1 and on v2.
---@param limits table as `cgroup_set` takes them
---@return cgroup.Dialect[] # rows for `view.table` with `COLUMNS`
function M.dialects(limits) end

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
---@return cgroup.Usage? # usage nil where the group is gone
---@return string? # reason
function M.usage(group, previous) end

--- How long was waited for cpu, memory and io: by a group's processes, or on the whole machine.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local pressure, reason = cgroup.pressure()
--- print(pressure and pressure.cpu.some.avg10 or reason)
--- ```
---@param group? any
---@return table<string, table<string, cgroup.Stall>>? # pressure
---@return string? # reason why there is none
function M.pressure(group) end

--- How often things have happened to a group, and how it stands.
---
--- ```lua
--- local cgroup = require "cgroup"
---
--- local group <close> = cgroup.make("events-example", { memory = "64M" })
--- print(cgroup.events(group).populated)
--- ```
---@param group any
---@return table # events as `cgroup:events` answers: memory, pids, populated, frozen
function M.events(group) end

--- What there is to say of a usage: limits that were reached, kills, standing still.
---@param now cgroup.Usage
---@param before? cgroup.Usage only what has happened since
---@return cgroup.Finding[] # the gravest first
function M.findings(now, before) end

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
function M.monitor(given) end

return M
