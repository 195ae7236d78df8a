---@meta needs
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- What a test, a scenario or an exercise needs of the machine and the user: words such as "root",
--- "cgroup:memory" and "kernel:5.12", each with a probe that answers why it is not to be had here.
---
--- A probe changes nothing that stays: what has to be tried is tried in a child of its own.
---
--- ```lua
--- local needs = require "needs"
---
--- print(needs.unmet("program:tc") or "tc is there")
--- assert(needs.fault("cgroup:memory") == nil)
--- assert(needs.fault("rot"):find('did you mean "root"?', 1, true))
--- ```
local M = {}

--- Adds a need.
---
--- ```lua
--- local needs = require "needs"
---
--- needs.add("hour", function(hour)
---   return os.date("%H") ~= hour and "it is another hour" or nil
--- end)
--- ```
---@param name string
---@param probe? fun(argument: string): string what stands behind the colon of "name:argument"
function M.add(name, probe) end

--- What is wrong with how a need is written, or nil.
---@param need any
---@return string? # fault
function M.fault(need) end

--- Why a need is not met here, or nil.
---@param need string "root", "cgroup:memory"
---@return string? # reason
function M.unmet(need) end

--- Why some needs are not met here: a reason each, none where all is there.
---
--- ```lua
--- local needs = require "needs"
---
--- assert(#needs.all { "program:sh", "program:no-such-program" } == 1)
--- ```
---@param list? string[]
---@return string[] # reasons
function M.all(list) end

return M
