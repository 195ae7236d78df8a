--- Where a lesson is printed: lines with colours where they are wanted, filled to the terminal.
---
--- ```lua
--- local paper = require "scenario.paper"
---
--- local out = paper.new { write = function(text) assert(text == "one two\n") end }
--- out:text "one\ntwo"
--- ```
local colour = require "view.colour"
local text = require "view.text"
local words = require "scenario.words"

local M = {}

-- Longer lines are hard to read; without a terminal nothing says how wide it is.
local WIDEST, USUAL = 100, 80

---@class scenario.Paper
---@field colours boolean
---@field width integer
local Paper = {}
Paper.__index = Paper

--- Writes a line.
---@param line string
---@param name? string a colour
function Paper:line(line, name)
  self.write(colour.paint(text.clean(line), name, self.colours) .. "\n")
end

--- Writes a text, filled.
---@param source string
function Paper:text(source)
  for _, line in ipairs(words.fill(source, self.width)) do
    self:line(line)
  end
end

--- A line with blanks in place of its tabs, as a terminal would show it.
---@param line string
---@return string
function M.expand(line)
  while true do
    local before, rest = line:match("^([^\t]*)\t(.*)$")
    if not before then
      return line
    end
    line = before .. (" "):rep(8 - text.width(before) % 8) .. rest
  end
end

--- Writes lines that stay as they are, set off from the margin.
---@param block string
---@param margin? string
---@param name? string a colour
function Paper:block(block, margin, name)
  for line in (block:gsub("\n+$", "") .. "\n"):gmatch "(.-)\n" do
    self:line((margin or "  ") .. M.expand(line), name)
  end
end

--- Writes Lua.
---@param source string
function Paper:lua(source)
  for line in (source .. "\n"):gmatch "(.-)\n" do
    local shown = text.clean(line)
    if self.colours then
      shown = require("repl.highlight").line({}, shown)
    end
    self.write("  " .. shown .. "\n")
  end
end

--- A mark and a sentence.
---@param state "passed"|"failed"|"open"
---@param sentence string
function Paper:mark(state, sentence)
  local marks = { passed = { "✓", "green" }, failed = { "✗", "red" }, open = { "–", "dim" } }
  local mark = marks[state]
  self.write(colour.paint(mark[1], mark[2], self.colours) .. " " .. text.clean(sentence) .. "\n")
end

--- Why it has not passed: what differs, expected and found, and the command that shows it.
---@param verdict scenario.Verdict
function Paper:verdict(verdict)
  local list = require("scenario.judge").lines(verdict)
  for index = 2, #list do
    self:line("  " .. list[index], index > 2 and "dim" or nil)
  end
end

--- A paper: standard output, unless something else writes.
---@param given? { write?: fun(text: string), colours?: boolean, width?: integer }
---@return scenario.Paper
function M.new(given)
  given = given or {}
  local width = given.width
  if not width then
    local columns = is_tty(1) and window_size(1).columns or 0
    width = columns > 0 and math.min(columns, WIDEST) or USUAL
  end
  local function to_stdout(line)
    io.stdout:write(line)
    io.stdout:flush()
  end
  local colours = given.colours
  if colours == nil then
    colours = not given.write and colour.wanted(1)
  end
  return setmetatable({
    write = given.write or to_stdout,
    colours = colours,
    width = width,
  }, Paper)
end

return M
