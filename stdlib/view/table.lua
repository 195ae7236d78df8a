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
local colour = require "view.colour"
local options = require "options"
local text = require "view.text"

local M = {}

--- A cell: a value, or a value with the colour it is shown in. A nil is a dash.
---@class view.Cell
---@field text any
---@field colour? string a name of `view.colour`

---@class view.Column
---@field key? any the row's field; the column's number without it
---@field title? string the heading; the key in capitals without it
---@field align? "left"|"right" left without it
---@field max? integer at most so many columns; longer cells are cut
---@field colour? string|fun(value: any, row: table): string? the cell's colour, or what tells it

---@class view.TableOptions
---@field columns view.Column[]
---@field header? boolean false leaves the headings out
---@field colours? boolean false without it; `print` asks the terminal
---@field width? integer the terminal's columns; the widest left column gives way
---@field gap? integer blanks between columns; 2
---@field indent? integer blanks before each line; 0
---@field empty? string what is shown in place of a table without rows

local KNOWN = {
  columns = "list",
  header = "boolean",
  colours = "boolean",
  width = "integer",
  gap = "integer",
  indent = "integer",
  empty = "string",
}
local COLUMN = {
  key = "any",
  title = "string",
  align = "=left|right",
  max = "integer",
  colour = { "string", "function" },
}

--- A cell's clean text and its colour.
local function cell(column, value, row)
  local shade = column.colour
  if type(value) == "table" and value.text ~= nil then
    value, shade = value.text, value.colour or shade
  end
  if type(shade) == "function" then
    shade = shade(value, row)
  end
  local shown = value == nil and "–" or text.clean(value)
  return { text = column.max and text.fit(shown, column.max) or shown, colour = shade }
end

--- All cells, headings first, and how wide each column is.
local function measure(rows, given)
  local lines, widths = {}, {}
  if given.header ~= false then
    local heading = {}
    for index, column in ipairs(given.columns) do
      local title = column.title or tostring(column.key or index):upper():gsub("_", " ")
      heading[index] = { text = title, colour = "bold" }
    end
    lines[1] = heading
  end
  for _, row in ipairs(rows) do
    local line = {}
    for index, column in ipairs(given.columns) do
      local key = column.key == nil and index or column.key
      line[index] = cell(column, row[key], row)
    end
    lines[#lines + 1] = line
  end
  for index in ipairs(given.columns) do
    widths[index] = 0
    for _, line in ipairs(lines) do
      widths[index] = math.max(widths[index], text.width(line[index].text))
    end
  end
  return lines, widths
end

--- Takes columns from the widest text column until the table fits.
local function shrink(widths, given, gap)
  local total = (given.indent or 0) + gap * (#widths - 1)
  for _, width in ipairs(widths) do
    total = total + width
  end
  while given.width and total > given.width do
    local widest
    for index, width in ipairs(widths) do
      local movable = given.columns[index].align ~= "right" and width > 4
      if movable and (not widest or width > widths[widest]) then
        widest = index
      end
    end
    if not widest then
      return
    end
    widths[widest] = widths[widest] - 1
    total = total - 1
  end
end

--- The table as text, with a line's end after each line.
---@param rows table[] lists, or tables with the columns' keys
---@param given view.TableOptions
---@return string
function M.render(rows, given)
  options.check("view.table.render", given, KNOWN)
  options.expect("view.table.render", "columns", given.columns, "list")
  for index, column in ipairs(given.columns) do
    options.check(("view.table.render: columns[%d]"):format(index), column, COLUMN)
  end
  if #rows == 0 and given.empty then
    return given.empty .. "\n"
  end
  local gap = given.gap or 2
  local lines, widths = measure(rows, given)
  shrink(widths, given, gap)
  local out = {}
  for number, line in ipairs(lines) do
    local pieces = {}
    for index, column in ipairs(given.columns) do
      local one = line[index]
      local shown = text.pad(one.text, widths[index], column.align)
      if index == #given.columns and column.align ~= "right" then
        -- Blanks at a line's end would wrap in a narrow window.
        shown = text.fit(one.text, widths[index])
      end
      pieces[index] = colour.paint(shown, one.colour, given.colours)
    end
    local joined = table.concat(pieces, (" "):rep(gap))
    joined = given.colours and joined or joined:gsub("%s+$", "")
    out[number] = (" "):rep(given.indent or 0) .. joined
  end
  return table.concat(out, "\n") .. "\n"
end

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
function M.print(rows, given)
  local full = {}
  for key, value in pairs(given) do
    full[key] = value
  end
  if full.colours == nil then
    full.colours = colour.wanted(1)
  end
  if full.width == nil and is_tty(1) then
    local columns = window_size(1).columns
    full.width = columns > 0 and columns or nil
  end
  io.write(M.render(rows, full))
end

return M
