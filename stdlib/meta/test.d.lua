---@meta test
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- Cases that assert kernel state, each run in a process of its own.
---
--- ```lua
--- local test = require "test"
---
--- test.case("a name set in a new uts namespace stays there", { "root" }, function(t)
---   local before = sysctl_get("kernel.hostname")
---   local child <close> = spawn({ unshare = { "uts" } }, function()
---     sethostname("inside")
---   end)
---   t.eq(child:wait().code, 0)
---   t.eq(sysctl_get("kernel.hostname"), before)
--- end)
---
--- return test.run()
--- ```
---
--- The file answers `--list` (a line a case: name, tab, why it must be skipped) and
--- `--case NAME`. A case ends with status 0, or with its failure on standard error.
local M = {}

--- Declares a need of a file's own: the probe answers nil, or why the machine does not have it.
---
--- ```lua
--- local test = require "test"
---
--- test.need("hour", function(hour)
---   return os.date("%H") ~= hour and "it is another hour" or nil
--- end)
--- ```
---@param name string
---@param probe? fun(argument: string): string what stands behind the colon of "name:argument"
function M.need(name, probe) end

--- Why a need is not met here, or nil.
---
--- ```lua
--- local test = require "test"
---
--- print(test.unmet("program:tc") or "tc is there")
--- ```
---@param need string "root", "cgroup:memory"
---@return string? # reason
function M.unmet(need) end

--- Declares a case: a sentence that must hold, what it needs, and the proof.
---@param name string
---@param needs string[]|function what it needs; the body, where that is nothing
---@param body? fun(t: table) the proof
function M.case(name, needs, body) end

--- Lists or runs the cases of the file, as `arg` says.
function M.run() end

return M
