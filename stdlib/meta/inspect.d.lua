---@meta inspect
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

---@class inspect.Options
---@field root? string a directory laid out like /proc: a recorded process
---@field env? boolean show the environment too
---@field container? table the record that the container's state has of it
local inspect_Options = {}

---@class inspect.SnapshotOptions
---@field subject? table what it is a snapshot of, for headings: { kind, name, … }
---@field parts? string[] only these of "mounts", "networks", "seccomp", "cgroups"; all
local inspect_SnapshotOptions = {}

---@class inspect.Finding
---@field level "error"|"warning"|"note"
---@field id string the same for the same fault
---@field what string what is so
---@field why string what follows from it
---@field remedy string what to do
---@field see string where to read on
local inspect_Finding = {}

--- Looks into a running process as a container: what it sees, what it may do, what it uses, and
--- what looks wrong.
---
--- `process` answers plain tables that fit into JSON. What cannot be read says why, in place of the
--- part: `{ unreadable = "EACCES", hint = "…" }`. `findings` judges them: the troubleshooting guide
--- as code. `report` writes them for people.
---
--- ```lua
--- local inspect = require "inspect"
---
--- local child <close> = spawn({ unshare = { "user", "pid" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local facts = inspect.process(child.pid)
--- assert(facts.namespaces.pid.shared == false and facts.processes.list[1].inside == 1)
--- local ids = {}
--- for _, finding in ipairs(inspect.findings(facts)) do
---   ids[finding.id] = finding.remedy
--- end
--- -- /proc is still that of the host: ps in there would list its processes.
--- assert(ids["stale-proc"])
--- print(table.concat(inspect.report(facts, { width = 80 }), "\n"))
--- ```
local M = {}

M.VERSION = nil ---@type any

--- The sections, in the order in which a report has them.
M.SECTIONS = {}

--- Everything there is to know about a process, as plain tables.
---@param process any a number as /proc has it, or the handle of a process
---@param given? inspect.Options
---@return table # facts
function M.process(process, given) end

--- A process and all that descends from it at this moment, as one plain table that every picture is
--- drawn from: processes, namespaces and who owns them, mounts, networks, filters, control groups.
---
--- ```lua
--- local inspect = require "inspect"
---
--- local found = inspect.snapshot(proc_stat().pid, { parts = { "networks" } })
--- assert(found.processes[1].namespaces.net == proc_ns().net and #found.networks == 1)
--- ```
---@param process any a number, or the handle of a process
---@param given? inspect.SnapshotOptions
---@return table
function M.snapshot(process, given) end

--- Two processes side by side: `{ pids, kinds, same, different }`; a row of kinds is
--- `{ kind, first, second, same }`.
---
--- ```lua
--- local inspect = require "inspect"
---
--- local child <close> = spawn({ unshare = { "uts" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local both = inspect.compare(child, proc_stat().pid)
--- print(table.concat(both.different, ", "))
--- ```
---@param first any a number, or the handle of a process
---@param second any
---@return table
function M.compare(first, second) end

--- What looks wrong, errors first, each with its remedy.
---@param facts table what `process` answered
---@return inspect.Finding[]
function M.findings(facts) end

--- The facts and the findings as lines for people.
---@param facts table what `process` answered
---@param given? { width?: integer, colours?: boolean, sections?: string[] }
---@return string[]
function M.report(facts, given) end

return M
