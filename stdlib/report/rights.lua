--- Capabilities as a grid: a row each, a column a set, and the difference to what containers have
--- by default.
---
--- ```lua
--- local rights = require "report.rights"
---
--- local words = require("inspect.rights").words()
--- local one = { pid = 7, name = "sh", capabilities = { effective = "0" } }
--- assert(tostring(rights.draw { processes = { one }, rights = words }):find("chown", 1, true))
--- ```
local grid = require "inspect.rights"
local html = require "report.html"
local names = require "inspect.names"

local M = {}

local h = html.element
-- So many different sets are drawn: those of a container are few.
local MOST = 8
local COLUMNS = 3

-- By default the inheritable and the ambient set are empty.
local HAS_DEFAULT = { bounding = true, effective = true, permitted = true }

--- The mark of a cell: ● has it, ◉ has it beyond the default, ○ lacks it of the default, · neither.
---@param row table of `inspect.rights`
---@param set string
---@return string mark
---@return string? class
function M.mark(row, set)
  local expected = HAS_DEFAULT[set] and row.default
  if row[set] then
    return expected and "●" or "◉", expected and "good" or "bad strong"
  end
  return expected and "○" or "·", "soft"
end

local function chunk(rows, from, to)
  local head, body = { h("th", { scope = "col" }, "") }, {}
  for _, set in ipairs(grid.SETS) do
    head[#head + 1] = h("th", { scope = "col", title = set.name }, set.short)
  end
  for index = from, math.min(to, #rows) do
    local cells = { h("td", nil, rows[index].name) }
    for _, set in ipairs(grid.SETS) do
      local mark, class = M.mark(rows[index], set.name)
      cells[#cells + 1] = h("td", { class = class }, mark)
    end
    body[#body + 1] = h("tr", nil, cells)
  end
  return h("table", { class = "caps" }, h("thead", nil, h("tr", nil, head)), h("tbody", nil, body))
end

local function draw_one(one, words, known, open)
  local rows, tables = grid.grid(words, one.sets), {}
  local height = math.ceil(#rows / COLUMNS)
  for column = 1, COLUMNS do
    tables[column] = chunk(rows, (column - 1) * height + 1, column * height)
  end
  local counts = {}
  for index, set in ipairs(grid.SETS) do
    counts[index] = ("%s %d"):format(set.short, grid.count(one.sets[set.name]))
  end
  return h(
    "details",
    { open = open and "open" },
    h(
      "summary",
      nil,
      h("code", nil, table.concat(names.list(one.pids, known, 4), ", ")),
      "  ",
      h("span", { class = "soft" }, table.concat(counts, "  "))
    ),
    h("div", { class = "sets" }, tables)
  )
end

---@param snapshot table
---@return report.Piece?
function M.draw(snapshot)
  if not snapshot.rights or #snapshot.processes == 0 then
    return nil
  end
  local known, out = names.of(snapshot), {}
  local distinct = grid.distinct(snapshot.processes)
  -- The most confined is what a reader is after.
  table.sort(distinct, function(a, b)
    local first, second = grid.count(a.sets.effective), grid.count(b.sets.effective)
    return first == second and a.pids[1] < b.pids[1] or first < second
  end)
  for index, one in ipairs(distinct) do
    if index <= MOST then
      out[index] = draw_one(one, snapshot.rights, known, index == 1)
    end
  end
  local legend = h(
    "ul",
    { class = "legend" },
    h("li", nil, h("b", { class = "good" }, "●"), " has it, as by default"),
    h("li", nil, h("b", { class = "bad" }, "◉"), " has it, beyond the default"),
    h("li", nil, h("b", nil, "○"), " lacks it, of the default"),
    h("li", nil, h("b", nil, "·"), " lacks it, as by default")
  )
  return html.join(legend, table.unpack(out))
end

return M
