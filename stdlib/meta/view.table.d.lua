---@meta view.table
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

---@class view.TableOptions
---@field columns view.Column[]
---@field header? boolean false leaves the headings out
---@field colours? boolean false without it; `print` asks the terminal
---@field width? integer the terminal's columns; the widest left column gives way
---@field gap? integer blanks between columns; 2
---@field indent? integer blanks before each line; 0
---@field empty? string what is shown in place of a table without rows
local view_TableOptions = {}

---@class view.Column
---@field key? any the row's field; the column's number without it
---@field title? string the heading; the key in capitals without it
---@field align? "left"|"right" left without it
---@field max? integer at most so many columns; longer cells are cut
---@field colour? string|fun(value: any, row: table): string the cell's colour, or what tells it
local view_Column = {}

--- Tables for a terminal: columns aligned by what the characters really take.
---
--- ```lua
--- local grid = require "view.table"
---
--- local text = grid.render({
---   { name = "web", memory = 12 },
---   { name = "日本", memory = 3 },
--- }, {
---   columns = { { key = "name" }, { key = "memory", title = "MiB", align = "right" } },
--- })
--- assert(text == "NAME  MiB\nweb    12\n日本    3\n")
--- ```
local M = {}

--- The table as text, with a line's end after each line.
---@param rows table[] lists, or tables with the columns' keys
---@param given view.TableOptions
---@return string
function M.render(rows, given) end

--- Prints the table on standard output, in colours and no wider than the window where that is a
--- terminal.
---
--- ```lua
--- local grid = require "view.table"
---
--- grid.print({ { name = "web", pid = 7 } }, { columns = { { key = "name" }, { key = "pid" } } })
--- ```
---@param rows table[]
---@param given view.TableOptions
function M.print(rows, given) end

return M
