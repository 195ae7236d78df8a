---@meta view.text
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- Text for a terminal: how many columns it takes, made to fit, and safe to print.
---
--- A process chooses its own name, and a container its arguments: what is shown of them must not
--- move the cursor, change colours or hide a row. So control characters, and bytes that are not
--- UTF-8, are written as escapes before anything is measured.
---
--- ```lua
--- local text = require "view.text"
---
--- assert(text.width("日本") == 4 and text.width("e\u{301}") == 1)
--- assert(text.fit("container", 6) == "conta…")
--- assert(text.middle("/var/lib/container", 9) == "/va…ainer")
--- assert(text.clean("a\27[31mb") == "a\\27[31mb")
--- ```
local M = {}

--- The text without anything that a terminal would obey: control characters, characters that
--- change the direction, and broken UTF-8 become `\27`, as Lua would write them.
---@param value any
---@return string
function M.clean(value) end

--- How many columns a text takes; it must be clean.
---@param text string
---@return integer
function M.width(text) end

--- The text in exactly this many columns: cut with an ellipsis, or filled with blanks.
---
--- ```lua
--- local text = require "view.text"
---
--- assert(text.pad("日本", 6) == "日本  " and text.pad("7", 3, "right") == "  7")
--- ```
---@param text string
---@param columns integer
---@param align? "left"|"right" where the text stands; left
---@return string
function M.pad(text, columns, align) end

--- The text, cut with an ellipsis where it takes more columns.
---@param text string
---@param columns integer
---@return string
function M.fit(text, columns) end

--- The text, with an ellipsis in its middle where it takes more columns: of a path both ends tell
--- something.
---@param text string
---@param columns integer
---@return string
function M.middle(text, columns) end

return M
