---@meta inspect.report
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- Writes the facts and findings of a process for people: a section a topic, with a line that says
--- what it is, then what was read; the findings come first.
---
--- ```lua
--- local inspect = require "inspect"
---
--- local lines = inspect.report(inspect.process(proc_stat().pid), { width = 80 })
--- assert(lines[1]:find("process", 1, true))
--- ```
local M = {}

M.SHADES = {}

--- The findings as lines.
---
--- ```lua
--- local inspect = require "inspect"
--- local report = require "inspect.report"
---
--- local found = inspect.findings(inspect.process(1))
--- print(table.concat(report.findings(found, { width = 80 }), "\n"))
--- ```
---@param list inspect.Finding[]
---@param given? { width?: integer, colours?: boolean }
---@return string[]
function M.findings(list, given) end

--- Everything as lines; see `inspect.report`.
---
--- ```lua
--- local inspect = require "inspect"
--- local report = require "inspect.report"
---
--- print(table.concat(report.lines(inspect.process(1), { width = 80 }), "\n"))
--- ```
---@param facts table
---@param given? { width?: integer, colours?: boolean, sections?: string[] }
---@return string[]
function M.lines(facts, given) end

return M
