---@meta inspect.views
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- A snapshot as pictures for a terminal: trees, a grid, a map of dots, a list of wires, bars.
---
--- They are drawn from the same table as the page of `crun-lua report`, in the same words and with
--- the same symbols; colours repeat what the symbols say. No line is longer than 100 columns: what
--- is longer is cut in its middle.
---
--- ```lua
--- local views = require "inspect.views"
---
--- local child <close> = spawn({ unshare = { "user", "uts" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local snapshot = require("inspect").snapshot(child.pid)
--- for _, line in ipairs(views.lines("namespaces", snapshot, { width = 80 })) do
---   print(line)
--- end
--- ```
local M = {}

--- The pictures, in the order in which they are listed.
M.NAMES = {}

--- What each needs of a snapshot, so that no more is read.
M.PARTS = {}

M.MOST = nil ---@type any

--- The lines of a picture.
---@param name string one of `NAMES`
---@param snapshot table
---@param given? { width?: integer, colours?: boolean }
---@return string[]
function M.lines(name, snapshot, given) end

return M
