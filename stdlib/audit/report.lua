--- A result of the audit as lines for people: a row a property by topic, then what to do first,
--- then the total.
---
--- ```lua
--- local report = require "audit.report"
---
--- local row = { id = "pid", topic = "isolation", name = "pid namespace", answer = "no",
---   weight = 6, lost = 6, now = "the host's", remedy = "unshare it", cost = "none", see = "x(7)" }
--- local lines = report.lines { subject = "x", total = 0, word = "open", rows = { row },
---   unknown = 0, doors = {} }
--- assert(table.concat(lines, "\n"):find("unshare it", 1, true))
--- ```
local colour = require "view.colour"
local grid = require "view.table"
local options = require "options"
local text = require "view.text"

local M = {}

local MARKS = {
  yes = { text = "✓", colour = "green" },
  partly = { text = "~", colour = "yellow" },
  no = { text = "✗", colour = "red" },
  ["n/a"] = { text = "·", colour = "grey" },
  unknown = { text = "?", colour = "grey" },
}

local SAID = { ["n/a"] = "does not apply: ", unknown = "unknown: " }

local COLOURS = { tight = "green", good = "green", fair = "yellow", weak = "red", open = "red" }

local function split(shown, lines)
  for line in shown:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
end

--- The lines.
---@param result audit.Result
---@param given? { width?: integer, colours?: boolean, all?: boolean }
---@return string[]
function M.lines(result, given)
  given = options.check("audit.report", given, {
    width = "integer",
    colours = "boolean",
    all = "boolean",
  })
  local look = { header = false, indent = 2, colours = given.colours or false, width = given.width }
  look.columns = {
    { key = "mark" },
    { key = "name" },
    { key = "lost", align = "right" },
    { key = "now" },
  }
  local lines, topic, drawn = { text.clean(result.subject) }, nil, {}
  local function flush()
    if #drawn > 0 then
      lines[#lines + 1] = colour.paint(topic, "bold", given.colours)
      split(grid.render(drawn, look), lines)
    end
    drawn = {}
  end
  for _, row in ipairs(result.rows) do
    if row.topic ~= topic then
      flush()
      topic = row.topic
    end
    drawn[#drawn + 1] = {
      mark = MARKS[row.answer],
      name = row.name,
      lost = row.lost > 0 and ("-%g/%d"):format(row.lost, row.weight) or ("%d"):format(row.weight),
      now = (SAID[row.answer] or "") .. row.now,
    }
  end
  flush()
  M.remedies(result, given, lines)
  return lines
end

-- What to do first: so many rows.
local FIRST = 8

--- What to do, what weighs most first, and the total; appends to `lines`.
---@param result audit.Result
---@param given { colours?: boolean, all?: boolean }
---@param lines string[]
function M.remedies(result, given, lines)
  local list, order = {}, {}
  for index, row in ipairs(result.rows) do
    order[row] = index
    list[#list + 1] = row.lost > 0 and row or nil
  end
  table.sort(list, function(a, b)
    return a.lost > b.lost or a.lost == b.lost and order[a] < order[b]
  end)
  if #list > 0 then
    lines[#lines + 1] = colour.paint("what to do, what weighs most first", "bold", given.colours)
  end
  for index, row in ipairs(list) do
    if index > FIRST and not given.all then
      lines[#lines + 1] = ("  and %d more (--all)"):format(#list - FIRST)
      break
    end
    lines[#lines + 1] = ("  %s: %s"):format(row.id, row.remedy)
    lines[#lines + 1] = ("    costs: %s; see %s"):format(row.cost, row.see)
  end
  for _, id in ipairs(result.doors) do
    lines[#lines + 1] = ("an open door: with %s nothing else holds"):format(id)
  end
  if result.unknown > 0 then
    lines[#lines + 1] = ("%d rows could not be judged and count for nothing"):format(result.unknown)
  end
  local total = ("%d of 100: %s"):format(result.total, result.word)
  lines[#lines + 1] = colour.paint(total, COLOURS[result.word], given.colours)
end

return M
