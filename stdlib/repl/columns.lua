--- Records of the same kind as columns: what `links()` or `container.list()` answers is a table,
--- and looks like one.
---
--- ```lua
--- local columns = require "repl.columns"
---
--- local given = { width = 40, rows = 2 }
--- local list = { { a = 1 }, { a = 20 }, { a = 3 } }
--- assert(columns.of(list, given) == "#   A\n1   1\n2  20\n… 1 more")
--- assert(columns.of({ { a = 1 }, { b = 2 } }, given) == nil)
--- ```
local colour = require "view.colour"
local grid = require "view.table"
local leaves = require "repl.leaves"
local options = require "options"

local M = {}

-- More columns than this are read more easily one below the other.
local MOST = 12

--- The names of a plain record's fields; nil of anything else.
local function fields(record)
  if type(record) ~= "table" or getmetatable(record) ~= nil or rawlen(record) > 0 then
    return nil
  end
  for key in next, record do
    if type(key) ~= "string" then
      return nil
    end
  end
  return next(record) ~= nil and options.keys(record) or nil
end

--- The fields of all records; nil where they are not of one kind: where one lacks more than half of
--- the fields that there are, or where there are too few records.
local function common(records)
  local seen, counts = {}, {}
  for index, record in ipairs(records) do
    local own = fields(record)
    if not own then
      return nil
    end
    counts[index] = #own
    for _, name in ipairs(own) do
      seen[name] = true
    end
  end
  local names = options.keys(seen)
  for _, count in ipairs(counts) do
    if 2 * count <= #names and count < #names then
      return nil
    end
  end
  return #records > 1 and #names > 0 and #names <= MOST and names or nil
end

--- The records of a table, of so many at most, with what each is reached by; nil where it is not
--- either a list or a table of names.
local function records_of(value, most)
  local length, rows, records = rawlen(value), {}, {}
  if getmetatable(value) ~= nil then
    return nil
  end
  local keys = {}
  if length > 0 then
    for index = 1, math.min(length, most) do
      keys[index] = index
    end
    -- A list with names beside it is more than its records.
    local after = next(value, length)
    if after ~= nil then
      return nil
    end
  else
    local count = 0
    for key in next, value do
      count = count + 1
      if type(key) ~= "string" or count > most then
        return nil
      end
      keys[count] = key
    end
    table.sort(keys)
    length = count
  end
  for index, key in ipairs(keys) do
    records[index] = rawget(value, key)
    rows[index] = { ["#"] = key }
  end
  return rows, records, length
end

--- A field in a cell: a string needs no quotes there, and a table is as long as its list.
local function cell(value, self)
  if type(value) == "string" or value == nil then
    return value
  end
  local leaf = leaves.of(value)
  if leaf then
    return leaf.text
  end
  local shown = self.line and self:line(value, 40, 3)
  if shown then
    return shown
  end
  local length = rawlen(value)
  return length > 0 and ("{ %d … }"):format(length) or "{ … }"
end

--- The table as columns, without a line's end after the last; nil where its records differ, or
--- where they are wider than the window.
---@param value table
---@param self { width: integer, rows: integer, colour?: boolean }
---@return string?
function M.of(value, self)
  local rows, records, count = records_of(value, self.rows)
  local names = rows and common(records)
  if not names then
    return nil
  end
  local shown = { { key = "#", title = "#", colour = "dim" } }
  if type(rows[1]["#"]) == "number" then
    shown[1].align = "right"
  end
  local plain = setmetatable({ colour = false }, { __index = self })
  for index, name in ipairs(names) do
    local numeric = true
    for place, record in ipairs(records) do
      local field = rawget(record, name)
      numeric = numeric and (field == nil or type(field) == "number")
      rows[place][index] = cell(field, plain)
    end
    shown[index + 1] = { key = index, title = name:upper(), align = numeric and "right" or nil }
  end
  local text = grid.render(rows, { columns = shown, width = self.width, colours = self.colour })
  text = text:gsub("\n$", "")
  if count > #rows then
    local more = ("… %d more"):format(count - #rows)
    text = text .. "\n" .. colour.paint(more, "dim", self.colour)
  end
  return not M.is_too_wide(text, self.width) and text or nil
end

--- Whether a line takes more columns than there are; colours take none.
function M.is_too_wide(shown, width)
  local clean = shown:gsub("\27%[[%d;]*m", "")
  for line in clean:gmatch("[^\n]+") do
    if require("view.text").width(line) > width then
      return true
    end
  end
  return false
end

return M
