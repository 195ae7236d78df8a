---@meta report
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- Draws a snapshot, or a run, as one page of HTML: nothing is loaded, no script is needed, light
--- and dark, for a screen, a phone and paper.
---
--- The same table as JSON is what programs want; `mermaid` writes its two graphs as text for a
--- README.
---
--- ```lua
--- local report = require "report"
---
--- local child <close> = spawn({ unshare = { "user", "uts" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local snapshot = require("inspect").snapshot(child.pid)
--- local page = report.page(snapshot)
--- assert(page:find("^<!DOCTYPE html>") and not page:find("<script", 1, true))
--- assert(report.mermaid(snapshot):find("^flowchart"))
--- ```
local M = {}

--- The parts of a page: what each is called, what it tells, and what is said where there is none.
M.PARTS = {}

--- The page.
---@param snapshot table what `inspect.snapshot` answered, or a part of it
---@return string
function M.page(snapshot) end

--- The namespaces and the wiring as Mermaid text.
---@param snapshot table
---@return string
function M.mermaid(snapshot) end

return M
