--- Mistakes in a script, found without running it: unknown options and words, wrong types, units
--- that do not parse, names that nobody declared, calls that cannot work, lines that are never
--- reached.
---
--- The text is parsed by full_moon and judged against the table of primitives, by the very code
--- that judges a call's arguments, and against the annotations of the stdlib. What is not certain
--- is not told: a value that is only known when the script runs fits everywhere.
---
--- ```lua
--- local check = require "check"
---
--- local found = check.text('unshare { "pid", "nett" }\n', "box.lua")
--- assert(found[1].line == 1 and found[1].column == 18 and found[1].code == "unknown-word")
--- assert(found[1].message:find('did you mean "net"?', 1, true))
--- ```
local _, host = ...

local M = {}

---@class check.Finding
---@field file string
---@field line integer
---@field column integer the first byte on the line, from 1
---@field last integer the last byte on the line
---@field code string "unknown-option"
---@field message string
---@field hint? string
---@field text string the line

--- Where lines begin in a text.
local function line_starts(text)
  local starts = { 1 }
  for place in text:gmatch "\n()" do
    starts[#starts + 1] = place
  end
  return starts
end

--- The line that a byte is on.
local function line_of(starts, at)
  local low, high = 1, #starts
  while low < high do
    local middle = (low + high + 1) // 2
    if starts[middle] <= at then
      low = middle
    else
      high = middle - 1
    end
  end
  return low
end

local function line_text(text, starts, line)
  return text:sub(starts[line], (starts[line + 1] or #text + 2) - 2)
end

--- Which codes the comments `---@diagnostic` turn off: for the file, and by line.
local function switched_off(text)
  local everywhere, lines, number = {}, {}, 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local what, codes = line:match "%-%-%-@diagnostic (disable[%a%-]*):?%s*(.*)$"
    local into = everywhere
    if what == "disable-line" or what == "disable-next-line" then
      local place = what == "disable-line" and number or number + 1
      lines[place] = lines[place] or {}
      into = lines[place]
    end
    for code in (what and (codes == "" and "*" or codes) or ""):gmatch "[%w_%-%*]+" do
      into[code] = true
    end
  end
  return function(code, line)
    local own = lines[line] or {}
    return everywhere[code] or everywhere["*"] or own[code] or own["*"]
  end
end

--- What Lua itself says of a text that it cannot load.
local function syntax_error(text, name, starts)
  local _, reason = load(text, "=" .. name)
  if not reason then
    return nil
  end
  local line, message = reason:match ":(%d+): (.*)$"
  line = math.min(tonumber(line) or 1, #starts)
  local near = message and (message:match "near '(.-)'$" or message:match "label '(.-)'")
  local shown = line_text(text, starts, line)
  local first, last = shown:find(near or "\0", 1, true)
  return {
    file = name,
    line = line,
    column = first or #shown:match "^%s*" + 1,
    last = last or #shown,
    code = "syntax-error",
    message = message or reason,
    text = shown,
  }
end

--- The findings in a text, in the order of their lines.
---@param text string
---@param name string what findings call it
---@return check.Finding[]
function M.text(text, name)
  local starts = line_starts(text)
  -- A first line for the kernel is a comment of the same length.
  local source = text:gsub("^#!", "--")
  local wrong = syntax_error(source, name, starts)
  if wrong then
    return { wrong }
  end
  local block, reason = host.parse(source)
  if not block then
    local what = "%s: the parser does not take what Lua takes: %s"
    error({ op = "check", message = what:format(name, reason) }, 0)
  end
  local found, seen, is_off = {}, {}, switched_off(text)
  local function report(node, code, message, hint)
    local line = line_of(starts, node.at)
    local shown = line_text(text, starts, line)
    local column = node.at - starts[line] + 1
    local key = ("%d:%d:%s"):format(line, column, message)
    if is_off(code, line) or seen[key] then
      return
    end
    seen[key] = true
    found[#found + 1] = {
      file = name,
      line = line,
      column = column,
      last = math.max(column, math.min(node.to - starts[line], #shown)),
      code = code,
      message = message,
      hint = hint,
      text = shown,
    }
  end
  require("check.walk").block(block, report)
  table.sort(found, function(a, b)
    return a.line < b.line or (a.line == b.line and a.column < b.column)
  end)
  return found
end

return M
