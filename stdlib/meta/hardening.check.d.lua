---@meta hardening.check
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- One row of the report.
---@class hardening.Row
---@field name string the property
---@field wanted string what the box promises
---@field found string what the kernel says
---@field holds boolean|nil whether the promise is kept; nil where the host does not allow it
local hardening_Row = {}

--- What the box was built with.
---@class hardening.Wanted
---@field name string its host name
---@field uid integer its user
---@field gid integer its group
---@field limits table memory, cpu and pids as asked for
---@field allowed table which of these three the host lets this user set
local hardening_Wanted = {}

--- Proves a hardened box: each property read back from the kernel, from inside and from outside,
--- and each forbidden thing tried.
---
--- A row is a property: what was wanted, what was found, and whether that is so. What the host
--- does not let this user have is a row of its own kind, neither kept nor broken.
---
--- ```lua
--- local check = require "hardening.check"
---
--- -- Inside the box, when everything is in force: scripts/hardened.lua has the rest of it.
--- local function in_the_box(wanted, found, started)
---   found.write:write(check.encode(check.inside(wanted)))
---   started.write:write(tostring(check.strain(wanted)))
---   check.burn()
--- end
---
--- -- Outside, while it runs, and when it has ended.
--- local function outside(child, group, wanted, text, count)
---   local rows = {}
---   check.decode(text, rows)
---   local more = check.outside(child.pid, group, wanted)
---   table.move(more, 1, #more, #rows + 1, rows)
---   local last = check.counted(child, count, group, wanted)
---   table.move(last, 1, #last, #rows + 1, rows)
---   return rows
--- end
---
--- local rows, row = check.report()
--- row("answer", "42", "42")
--- assert(check.print(rows) == 0 and in_the_box ~= outside)
--- ```
local M = {}

--- Takes rows and remembers them, in order.
---@return hardening.Row[] # rows
---@return fun(name: string, wanted: any, found: any, holds: boolean?) # row adds one; it holds where both are equal
---@return fun(name: string, wanted: any, reason: string) # cannot adds what the host does not allow
function M.report() end

--- Rows as text, a line each, to cross a pipe.
---@param rows hardening.Row[]
---@return string
function M.encode(rows) end

--- The reverse of `encode`; appends to `rows`.
---@param text string
---@param rows hardening.Row[] where they are put
function M.decode(text, rows) end

--- Runs in the box, as its first process, when everything is in force.
---@param wanted hardening.Wanted
---@return hardening.Row[]
function M.inside(wanted) end

--- Runs in the box: takes what the limits must refuse. What happened shows in the counters.
---@param wanted hardening.Wanted
---@return integer # children that could be started at once
function M.strain(wanted) end

--- Runs in the box: takes all of the processor, until the parent ends the box.
function M.burn() end

--- Runs in the parent while the box waits.
---@param pid integer the box's first process, as the host sees it
---@param group any the cgroup, or nil
---@param wanted hardening.Wanted
---@return hardening.Row[]
function M.outside(pid, group, wanted) end

--- Runs in the parent after `strain`, and during `burn`: what the kernel has counted.
---@param box any the process
---@param children integer that `strain` could start
---@param group any the cgroup, or nil
---@param wanted hardening.Wanted
---@return hardening.Row[]
function M.counted(box, children, group, wanted) end

--- Prints the rows as a table.
---@param rows hardening.Row[]
---@return integer # broken promises
function M.print(rows) end

return M
