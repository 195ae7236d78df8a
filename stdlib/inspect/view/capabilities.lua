--- Capabilities as a grid: a row each, a column a set. ● has it, ◉ has it beyond the default of
--- containers, ○ lacks it of the default, · neither.
---
--- ```lua
--- local views = require "inspect.views"
---
--- local one = { pid = 7, name = "sh", capabilities = { effective = "400" } }
--- local lines = views.lines("capabilities", {
---   processes = { one },
---   rights = require("inspect.rights").words(),
--- })
--- assert(lines[2]:find("^ *bnd eff prm inh amb"))
--- ```
local names = require "inspect.names"
local rights = require "inspect.rights"
local text = require "view.text"

-- A name, the five cells, and the space between two columns of the page.
local NAME, CELL, GAP = 18, 4, 3

local function mark(row, set)
  local default = set ~= "inheritable" and set ~= "ambient" and row.default
  if row[set] then
    return default and "●" or "◉", default and "blue" or "yellow"
  end
  return default and "○" or "·", "dim"
end

local function cells(row)
  local out = { text.pad(row.name, NAME) }
  for _, set in ipairs(rights.SETS) do
    local sign, shade = mark(row, set.name)
    out[#out + 1] = { " " .. sign .. "  ", shade }
  end
  return out
end

---@param snapshot table
---@param pen inspect.Pen
return function(snapshot, pen)
  local known = names.of(snapshot)
  local column = NAME + CELL * #rights.SETS
  local columns = math.max(1, math.min(2, (pen.width + GAP) // (column + GAP)))
  local heading = {}
  for index, set in ipairs(rights.SETS) do
    heading[index] = set.short .. " "
  end
  local title = (" "):rep(NAME) .. table.concat(heading)
  for index, one in ipairs(rights.distinct(snapshot.processes)) do
    if index > 1 then
      pen:line { "" }
    end
    pen:line { { table.concat(names.list(one.pids, known, 6), ", "), "bold" } }
    pen:line { (title .. (" "):rep(GAP)):rep(columns) }
    local rows = rights.grid(snapshot.rights, one.sets)
    local height = math.ceil(#rows / columns)
    for place = 1, height do
      local pieces = cells(rows[place])
      local second = columns > 1 and rows[place + height]
      if second then
        pieces[#pieces + 1] = (" "):rep(GAP)
        table.move(cells(second), 1, 1 + #rights.SETS, #pieces + 1, pieces)
      end
      pen:line(pieces)
    end
  end
  pen:line { "" }
  pen:fill({
    "● has it, as by default;",
    "◉ has it, beyond the default;",
    "○ lacks it, of the default;",
    "· lacks it, as by default",
  }, "", "dim")
end
