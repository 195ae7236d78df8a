--- Curves of a terminal: a line of blocks, or a chart some lines high with a limit and marks.
---
--- Nothing here samples or writes: values come in, lines of text go out, so that a recorded run
--- draws the same each time. A value that is not known (a `false`) is a gap.
---
--- ```lua
--- local spark = require "view.spark"
---
--- assert(spark.line({ 0, 1, 2, 4, 8 }) == "▁▁▂▄█")
--- for _, line in ipairs(spark.chart({ 1, 2, 3, 4 }, { height = 2, limit = 4, width = 4 })) do
---   print(line)
--- end
--- ```
local colour = require "view.colour"
local options = require "options"

local M = {}

local BLOCKS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
-- How many dots of a braille character's left and right column are set, from below.
local LEFT = { [0] = 0, 0x40, 0x44, 0x46, 0x47 }
local RIGHT = { [0] = 0, 0x80, 0xA0, 0xB0, 0xB8 }

local function largest(values, least)
  local top = least or 0
  for _, value in ipairs(values) do
    top = math.max(top, value or 0)
  end
  return top > 0 and top or 1
end

--- The last `count` of the values.
local function tail(values, count)
  return table.move(values, math.max(1, #values - count + 1), #values, 1, {})
end

---@class view.LineOptions
---@field max? number what a full character stands for; the largest value
---@field width? integer at most so many values, the last ones
---@field ascii? boolean only ASCII

--- One line: a character a value.
---@param values (number|false)[]
---@param given? view.LineOptions
---@return string
function M.line(values, given)
  given = options.check(
    "view.spark.line",
    given,
    { max = "number", width = "integer", ascii = "boolean" }
  )
  local shown = given.width and tail(values, given.width) or values
  local top = given.max or largest(shown)
  local out = {}
  for index, value in ipairs(shown) do
    local share = math.min(math.max((value or 0) / top, 0), 1)
    if not value then
      out[index] = " "
    elseif given.ascii then
      local scale = "_.-=+*#@"
      local level = math.max(1, math.ceil(share * #scale))
      out[index] = scale:sub(level, level)
    else
      out[index] = BLOCKS[math.max(1, math.ceil(share * #BLOCKS))]
    end
  end
  return table.concat(out)
end

--- How much of a chart's row a value fills, in parts of the row: 0 to `parts`.
local function filled(value, row, geometry)
  local parts = geometry.parts
  local level = value / geometry.top * geometry.height * parts
  -- What is used at all is seen: at least one part of the lowest row.
  if value > 0 and row == 1 then
    level = math.max(level, 1)
  end
  return math.floor(math.min(math.max(level - (row - 1) * parts, 0), parts) + 0.5)
end

local function block_cell(values, index, row, geometry)
  local value = values[index]
  local part = value and filled(value, row, geometry) or 0
  return part > 0 and BLOCKS[part] or nil
end

local function ascii_cell(values, index, row, geometry)
  local value = values[index]
  local part = value and filled(value, row, geometry) or 0
  return part > 4 and "#" or part > 0 and "." or nil
end

local function braille_cell(values, index, row, geometry)
  local left, right = values[2 * index - 1], values[2 * index]
  local dots = LEFT[left and filled(left, row, geometry) or 0]
    | RIGHT[right and filled(right, row, geometry) or 0]
  return dots > 0 and utf8.char(0x2800 + dots) or nil
end

local STYLES = {
  block = { cell = block_cell, parts = 8, per_cell = 1, rule = "╌" },
  braille = { cell = braille_cell, parts = 4, per_cell = 2, rule = "╌" },
  ascii = { cell = ascii_cell, parts = 8, per_cell = 1, rule = "-" },
}

---@class view.ChartOptions
---@field width integer characters
---@field height? integer lines; 4
---@field limit? number drawn as a line over the free cells of its row
---@field max? number what the top stands for; the limit, or the largest value
---@field style? "block"|"braille"|"ascii" braille shows two values in a character; block
---@field marks? table<integer, string> characters below the chart by the value's number
---@field colours? boolean

local CHART = {
  width = "integer",
  height = "integer",
  limit = "number",
  max = "number",
  style = "=block|braille|ascii",
  marks = "table",
  colours = "boolean",
}

--- The line of marks: where several values share a cell the last one's mark is shown.
local function mark_line(marks, first, geometry, on)
  local cells, any = {}, false
  for index = 1, geometry.width do
    cells[index] = " "
    for offset = 0, geometry.per_cell - 1 do
      local mark = marks[first + (index - 1) * geometry.per_cell + offset]
      if mark then
        cells[index], any = colour.paint(mark, "red", on), true
      end
    end
  end
  return any and (table.concat(cells):gsub("%s+$", "")) or ""
end

--- A chart, from the top line to the lowest; with `marks` one more line below.
--- New values stand on the right; fewer than fit leave the left empty.
---@param values (number|false)[]
---@param given view.ChartOptions
---@return string[]
function M.chart(values, given)
  options.check("view.spark.chart", given, CHART)
  options.expect("view.spark.chart", "width", given.width, "integer")
  local style = STYLES[given.style or "block"]
  local room = given.width * style.per_cell
  local shown = tail(values, room)
  local first = #values - #shown + 1
  local missing = room - #shown
  -- Moved to the right, with gaps before them.
  table.move(shown, 1, #shown, missing + 1)
  for index = 1, missing do
    shown[index] = false
  end
  local geometry = {
    top = given.max or largest(shown, given.limit),
    height = given.height or 4,
    width = given.width,
    parts = style.parts,
    per_cell = style.per_cell,
  }
  local limit_row = given.limit and math.ceil(given.limit / geometry.top * geometry.height)
  limit_row = limit_row and math.min(math.max(limit_row, 1), geometry.height)
  local lines = {}
  for row = geometry.height, 1, -1 do
    local cells = {}
    for index = 1, given.width do
      local cell = style.cell(shown, index, row, geometry)
      local rule = row == limit_row and colour.paint(style.rule, "red", given.colours)
      cells[index] = cell or rule or " "
    end
    lines[#lines + 1] = (table.concat(cells):gsub("%s+$", ""))
  end
  if given.marks then
    lines[#lines + 1] = mark_line(given.marks, first - missing, geometry, given.colours)
  end
  return lines
end

return M
