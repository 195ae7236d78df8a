--- Values for whoever sits at a prompt: tables as tables, cut where they would fill the window.
---
--- A table is shown in one line where it fits, a list of records as columns, a long list in filled
--- lines, anything else with a line a key. No metamethod of a table is called but `__tostring`.
---
--- ```lua
--- local show = require "repl.print"
---
--- assert(show.value { 1, "two", nested = { true } } == [[{ 1, "two", nested = { true } }]])
--- assert(show.value({ { pid = 1, name = "init" }, { pid = 7, name = "sh" } }) ==
---   "#  NAME  PID\n1  init    1\n2  sh      7")
--- ```
local colour = require "view.colour"
local leaves = require "repl.leaves"
local options = require "options"
local text = require "view.text"

local M = {}

--- How values are shown.
---@class repl.print.Options
---@field width? integer the window's columns; 80
---@field depth? integer how deep tables are shown; 4
---@field rows? integer how many entries of a table are shown; 40
---@field colour? boolean with colours; false

local KNOWN = { width = "integer", depth = "integer", rows = "integer", colour = "boolean" }

--- What must not be taken for the text of a table itself.
local DEEPER, CYCLE = "{ … }", "(cycle)"

local RANK = { number = 1, string = 2, boolean = 3 }

--- Keys in the order in which they are shown: numbers, texts, the rest. A place in memory says
--- nothing, and a key's metamethods are not asked.
local function order(a, b)
  local left, right = RANK[type(a)] or 4, RANK[type(b)] or 4
  if left ~= right then
    return left < right
  elseif left <= 2 then
    return a < b
  end
  return left == 3 and b and not a
end

--- Walks over a table; those two of the program show what they stand for.
local function entries(value)
  local meta = getmetatable(value)
  if meta == "environment" or meta == "primitives" then
    return pairs(value)
  end
  return next, value
end

--- The first keys of a table that are not its list's, sorted, and how many there are. One of many
--- thousands is walked over once, and never sorted as a whole; with `all` it is nil where there are
--- more than that.
local function keys_of(value, length, most, all)
  local kept, count = {}, 0
  for key in entries(value) do
    if not (math.type(key) == "integer" and key >= 1 and key <= length) then
      count = count + 1
      if all and count > most then
        return nil
      end
      if #kept < most or order(key, kept[#kept]) then
        local low, high = 1, #kept + 1
        while low < high do
          local middle = (low + high) // 2
          if order(key, kept[middle]) then
            high = middle
          else
            low = middle + 1
          end
        end
        table.insert(kept, low, key)
        kept[most + 1] = nil
      end
    end
  end
  return kept, count
end

---@class repl.Printer
---@field width integer
---@field depth integer
---@field rows integer
---@field colour boolean
---@field open table<table, true> the tables that are being shown
local Printer = {}
Printer.__index = Printer

function Printer:paint(leaf)
  return colour.paint(leaf.text, leaf.colour, self.colour), text.width(leaf.text)
end

--- A value in one line of at most so many columns, with its width; nil where it does not fit.
function Printer:line(value, columns, level)
  local leaf = leaves.of(value, columns)
  if leaf then
    local shown, width = self:paint(leaf)
    return width <= columns and shown or nil, width
  elseif self.open[value] then
    return CYCLE, #CYCLE
  end
  local length = rawlen(value)
  if length == 0 and entries(value)(value) == nil then
    return "{}", 2
  elseif level > self.depth then
    return DEEPER, 5
  end
  local keys = length <= self.rows and keys_of(value, length, self.rows - length, true)
  if not keys then
    return nil
  end
  self.open[value] = true
  local shown, width = self:pieces(value, length, keys, columns - 4, level)
  self.open[value] = nil
  if shown then
    return "{ " .. shown .. " }", width + 4
  end
end

--- The entries of a table that fit in a line, with commas.
function Printer:pieces(value, length, keys, columns, level)
  local parts, total = {}, 0
  local function add(prefix, item)
    local shown, width = self:line(item, columns - total - #prefix, level + 1)
    -- A string that had to be cut tells less than one with a line of its own.
    local cut = type(item) == "string"
      and shown
      and shown:find("…", 1, true)
      and not item:find("…", 1, true)
    if not shown or cut then
      return false
    end
    total = total + text.width(prefix) + width + (#parts > 0 and 2 or 0)
    parts[#parts + 1] = prefix .. shown
    return total <= columns
  end
  for index = 1, length do
    if not add("", rawget(value, index)) then
      return nil
    end
  end
  for _, key in ipairs(keys) do
    if not add(leaves.key(key) .. " = ", M.at(value, key)) then
      return nil
    end
  end
  return table.concat(parts, ", "), total
end

--- A field without a metamethod, but for the program's own two tables.
function M.at(value, key)
  local meta = getmetatable(value)
  if meta == "environment" or meta == "primitives" then
    return value[key]
  end
  return rawget(value, key)
end

--- A list of short values in filled lines: a thousand names are no thousand lines.
function Printer:filled(value, length, indent, out)
  local room = self.width - indent - 2
  local line, used, rows = {}, 0, 0
  for index = 1, length do
    local item = rawget(value, index)
    local leaf = leaves.of(item, room)
    if not leaf or type(item) == "string" and text.width(leaf.text) > room // 2 then
      return nil
    end
    local shown, width = self:paint(leaf)
    if used > 0 and used + width + 2 > room then
      out[#out + 1] = (" "):rep(indent + 2) .. table.concat(line, " ")
      line, used, rows = {}, 0, rows + 1
      if rows >= self.rows then
        return length - index + 1
      end
    end
    line[#line + 1] = shown .. ","
    used = used + width + 2
  end
  if #line > 0 then
    out[#out + 1] = (" "):rep(indent + 2) .. table.concat(line, " ")
  end
  return 0
end

function Printer:more(count, indent, out)
  if count > 0 then
    local note = { text = ("… %d more"):format(count), colour = "dim" }
    out[#out + 1] = (" "):rep(indent + 2) .. self:paint(note)
  end
end

--- A table over several lines. `head` stands before its bracket, and a comma after it, if any.
function Printer:block(value, indent, level, out, head, comma)
  local columns = self.width - indent - text.width(head) - #comma
  local shown = self:line(value, columns, level)
  if shown then
    out[#out + 1] = (" "):rep(indent) .. head .. shown .. comma
    return
  elseif type(value) ~= "table" or leaves.of(value) then
    -- A name that leaves no room for its value is followed by what fits.
    local leaf = leaves.of(value, math.max(columns, 8))
    leaf.text = leaves.middle(leaf.text, math.max(columns, 8))
    out[#out + 1] = (" "):rep(indent) .. head .. self:paint(leaf) .. comma
    return
  end
  self.open[value] = true
  local length = rawlen(value)
  out[#out + 1] = (" "):rep(indent) .. head .. "{"
  local left = self.rows
  if length > 0 then
    local mark = #out
    local unseen = length > 4 and self:filled(value, length, indent, out)
    if not unseen then
      for index = #out, mark + 1, -1 do
        out[index] = nil
      end
      for index = 1, math.min(length, left) do
        self:block(rawget(value, index), indent + 2, level + 1, out, "", ",")
      end
      unseen = length - math.min(length, left)
    end
    left = math.max(left - length, unseen > 0 and 0 or 1)
    self:more(unseen, indent, out)
  end
  local keys, count = keys_of(value, length, math.max(left, 1))
  for _, key in ipairs(keys) do
    self:block(M.at(value, key), indent + 2, level + 1, out, leaves.key(key) .. " = ", ",")
  end
  self:more(count - #keys, indent, out)
  out[#out + 1] = (" "):rep(indent) .. "}" .. comma
  self.open[value] = nil
end

local function printer(given)
  given = options.check("p", given, KNOWN)
  return setmetatable({
    width = math.max(given.width or 80, 20),
    depth = given.depth or 4,
    rows = math.max(given.rows or 40, 1),
    colour = given.colour == true,
    open = {},
  }, Printer)
end

--- A text of several lines as such, in the brackets that Lua has for it; nil of another string.
local function long_string(value, rows)
  local _, breaks = value:gsub("\n", "")
  if breaks < 2 and not value:find("\n.") or value:find("[%z\1-\8\11-\31\127]") then
    return nil
  end
  local level = ""
  while value:find("]" .. level .. "]", 1, true) do
    level = level .. "="
  end
  local out = { "[" .. level .. "[" }
  for line, ending in value:gmatch("([^\n]*)(\n?)") do
    if #out > rows then
      out[#out + 1] = ("… %d more lines"):format(breaks - rows)
      break
    elseif line ~= "" or ending ~= "" then
      local cells = {}
      for cell in (line .. "\t"):gmatch("([^\t]*)\t") do
        cells[#cells + 1] = text.clean(cell)
      end
      out[#out + 1] = table.concat(cells, "\t") .. (ending == "" and "]" .. level .. "]" or "")
    end
  end
  if value:sub(-1) == "\n" then
    out[#out + 1] = "]" .. level .. "]"
  end
  return table.concat(out, "\n")
end

--- What is alone may take more than a line.
local function alone(value, self)
  local long = type(value) == "string" and long_string(value, self.rows)
  if long then
    return colour.paint(long, "green", self.colour)
  end
  local leaf = leaves.of(value, self.width * self.rows)
  return leaf and colour.paint(leaf.text, leaf.colour, self.colour)
end

--- A value as text, without a line's end after the last line.
---@param value any
---@param given? repl.print.Options
---@return string
function M.value(value, given)
  local self = printer(given)
  local shown = alone(value, self) or require("repl.columns").of(value, self)
  if shown then
    return shown
  end
  local out = {}
  self:block(value, 0, 1, out, "", "")
  return table.concat(out, "\n")
end

--- The results of a call: in one line where they fit, or each in lines of its own.
---@param values table as `table.pack` makes it
---@param given? repl.print.Options
---@return string
function M.values(values, given)
  local shown, total, plain = {}, 0, printer(given)
  for index = 1, values.n or #values do
    shown[index] = M.value(values[index], given)
    local _, width = plain:line(values[index], plain.width, 1)
    total = total + (width or plain.width) + 2
  end
  local all = table.concat(shown, "  ")
  local fits = total - 2 <= plain.width and not all:find("\n", 1, true)
  return fits and all or table.concat(shown, "\n")
end

--- The function `p` of the prompt: writes a value on standard output.
---@param defaults? repl.print.Options
---@return fun(value: any, given?: repl.print.Options)
function M.printer(defaults)
  return function(value, given)
    local full = options.check("p", given, KNOWN)
    local merged = {}
    for key in pairs(KNOWN) do
      merged[key] = full[key]
      if merged[key] == nil then
        merged[key] = (defaults or {})[key]
      end
    end
    io.write(M.value(value, merged), "\n")
  end
end

return M
