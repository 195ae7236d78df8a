--- Writes the facts and findings of a process for people: a section a topic, with a line that says
--- what it is, then what was read; the findings come first.
---
--- ```lua
--- local inspect = require "inspect"
---
--- local lines = inspect.report(inspect.process(proc_stat().pid), { width = 80 })
--- assert(lines[1]:find("process", 1, true))
--- ```
local colour = require "view.colour"
local options = require "options"
local sections = require "inspect.sections"
local text = require "view.text"

local M = {}

M.SHADES = { error = "red", warning = "yellow", note = "cyan" }

local MARKS = { error = "✗", warning = "!", note = "·" }

--- Breaks a text at blanks; the lines after the first are indented.
local function wrap(words, width, indent)
  local lines, line = {}, ""
  for word in words:gmatch("%S+") do
    if line ~= "" and text.width(line) + 1 + text.width(word) > width - #indent then
      lines[#lines + 1] = indent .. line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = indent .. line
  return lines
end

local function append(lines, more)
  for _, line in ipairs(more) do
    lines[#lines + 1] = line
  end
end

--- The findings as lines.
---
--- ```lua
--- local inspect = require "inspect"
--- local report = require "inspect.report"
---
--- local found = inspect.findings(inspect.process(1))
--- print(table.concat(report.findings(found, { width = 80 }), "\n"))
--- ```
---@param list inspect.Finding[]
---@param given? { width?: integer, colours?: boolean }
---@return string[]
function M.findings(list, given)
  given = given or {}
  local width, lines = given.width or 100, {}
  for _, finding in ipairs(list) do
    local head = ("%s %s: %s"):format(MARKS[finding.level], finding.level, text.clean(finding.what))
    for index, line in ipairs(wrap(head, width - 2, "  ")) do
      line = index == 1 and line:sub(3) or line
      lines[#lines + 1] = colour.paint(line, M.SHADES[finding.level], given.colours)
    end
    append(lines, wrap(finding.why, width, "    "))
    local remedy = finding.remedy and "→ " .. finding.remedy
    append(lines, remedy and wrap(text.clean(remedy), width, "    ") or {})
    local see = ("see %s · %s"):format(finding.see, finding.id)
    append(lines, { colour.paint("    " .. see, "dim", given.colours) })
  end
  return lines
end

--- Everything as lines; see `inspect.report`.
---
--- ```lua
--- local inspect = require "inspect"
--- local report = require "inspect.report"
---
--- print(table.concat(report.lines(inspect.process(1), { width = 80 }), "\n"))
--- ```
---@param facts table
---@param given? { width?: integer, colours?: boolean, sections?: string[] }
---@return string[]
function M.lines(facts, given)
  given = options.check(
    "inspect.report",
    given,
    { width = "integer", colours = "boolean", sections = "list" }
  )
  local names = given.sections or require("inspect").SECTIONS
  local wanted = {}
  for index, name in ipairs(names) do
    options.expect("inspect.report", ("sections[%d]"):format(index), name, sections.words())
    wanted[name] = true
  end
  local lines = {}
  append(lines, sections.title(facts, given))
  if not given.sections then
    local list = require("inspect").findings(facts)
    lines[#lines + 1] = ""
    local heading = #list > 0 and ("findings: %d"):format(#list) or "findings: none"
    lines[#lines + 1] = colour.paint(heading, "bold", given.colours)
    append(lines, M.findings(list, given))
  end
  for _, name in ipairs(require("inspect").SECTIONS) do
    if wanted[name] and facts[name] then
      lines[#lines + 1] = ""
      append(lines, sections.section(name, facts, given))
    end
  end
  if not given.sections and facts.env then
    lines[#lines + 1] = ""
    append(lines, sections.section("env", facts, given))
  end
  return lines
end

return M
