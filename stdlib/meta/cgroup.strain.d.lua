---@meta cgroup.strain
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- Loads that run into limits, in Lua: memory that is taken, processors that are kept busy,
--- processes that are started. To show limits and to test them; no program of the host is needed.
---
--- Each runs in a group that its caller has limited, is bounded, and calls `look` meanwhile, which
--- is where a monitor samples.
---
--- ```lua
--- local cgroup = require "cgroup"
--- local strain = require "cgroup.strain"
---
--- local group <close> = cgroup.make("strain-example", { pids = 4 })
--- local made = strain.pids(group, 16)
--- assert(made < 4 and group:events().pids.max >= 1)
--- ```
local M = {}

--- Takes memory, a megabyte a step, and keeps it.
---
--- ```lua
--- local cgroup = require "cgroup"
--- local strain = require "cgroup.strain"
---
--- local group <close> = cgroup.make("strain-memory-example", { memory = "32M" })
--- local result = strain.memory(group, 8)
--- assert(result.code == 0)
--- ```
---@param group any a handle
---@param megabytes integer where it ends by itself
---@param look? fun() called after each step, while the process stands still
---@return table # result as `process:wait` answers it: `signal` is "kill" where the limit has bitten
---@return integer # taken megabytes
function M.memory(group, megabytes, look) end

--- Keeps processors busy until `enough` says so.
---
--- ```lua
--- local cgroup = require "cgroup"
--- local strain = require "cgroup.strain"
---
--- local group <close> = cgroup.make("strain-cpu-example", { cpu = "50%" })
--- local rounds = 0
--- strain.cpu(group, 1, function()
---   rounds = rounds + 1
---   poll({}, { timeout = "10ms" })
---   return rounds == 2
--- end)
--- ```
---@param group any a handle
---@param count integer how many processes compute
---@param enough fun(): boolean called again and again; it is what waits
function M.cpu(group, count, enough) end

--- Starts processes that stay, until the limit stops it.
---@param group any a handle
---@param most integer where it stops by itself
---@param look? fun() called while all of them live
---@return integer # made besides the process that makes them
function M.pids(group, most, look) end

return M
