--- Which system calls the filters of processes let through: a dot a call, in groups; the rule shows
--- on hover, and the names are a list below, for fingers and for paper.
---
--- ```lua
--- local calls = require "report.calls"
---
--- local shown = calls.draw { processes = {}, seccomp = {
---   { pids = { 7 }, calls = { { name = "read", answers = { { action = "allow" } } } } },
--- } }
--- assert(tostring(shown):find("read: allow", 1, true))
--- ```
local calls = require "inspect.calls"
local html = require "report.html"
local people = require "inspect.names"

local M = {}

local h = html.element

M.CLASSES = { ["●"] = "good", ["○"] = "strong", ["×"] = "bad" }

local function by_name(map)
  local names, rows = {}, {}
  for index, row in ipairs(map.calls) do
    names[index], rows[row.name] = row.name, row
  end
  return names, rows
end

local function dots(group, rows)
  local out, open = {}, 0
  for index, name in ipairs(group.names) do
    local mark = calls.mark(rows[name])
    open = open + (mark == "●" and 1 or 0)
    local title = name .. ": " .. calls.rule(rows[name])
    out[index] = h("span", { class = M.CLASSES[mark], title = title }, mark)
  end
  local count = ("%d of %d"):format(open, #group.names)
  return h(
    "div",
    nil,
    h("h4", nil, group.group, h("span", nil, count)),
    h("div", { class = "dots" }, out)
  )
end

--- The names with one mark, by group.
local function names(groups, rows, mark)
  local out = {}
  for _, group in ipairs(groups) do
    local found = {}
    for _, name in ipairs(group.names) do
      if calls.mark(rows[name]) == mark then
        local rule = mark == "○" and " (" .. calls.rule(rows[name]) .. ")" or ""
        found[#found + 1] = name .. rule
      end
    end
    if #found > 0 then
      local words = table.concat(found, mark == "○" and ", " or " ")
      out[#out + 1] = h("p", nil, h("strong", nil, group.group), " ", h("code", nil, words))
    end
  end
  return out
end

local function draw_one(map, who)
  local title = h("h3", nil, h("code", nil, table.concat(who, ", ")))
  if not map.calls then
    local words = "The kernel does not say what the filter answers: "
    return html.join(title, h("p", { class = "none" }, words, map.hint or map.unreadable or "?"))
  end
  local all, rows = by_name(map)
  local groups, cells, count = calls.groups(all), {}, calls.count(map)
  for index, group in ipairs(groups) do
    cells[index] = dots(group, rows)
  end
  local lists = {}
  for _, item in ipairs {
    { "×", "refused" },
    { "○", "by their arguments" },
    { "●", "allowed" },
  } do
    if count[item[1]] > 0 then
      lists[#lists + 1] = h(
        "details",
        nil,
        h("summary", nil, ("%s %d %s, by name"):format(item[1], count[item[1]], item[2])),
        h("div", { class = "names" }, names(groups, rows, item[1]))
      )
    end
  end
  return html.join(title, h("div", { class = "map" }, cells), lists)
end

---@param snapshot table
---@return report.Piece?
function M.draw(snapshot)
  if #(snapshot.seccomp or {}) == 0 then
    return nil
  end
  local known, out = people.of(snapshot), {}
  for index, map in ipairs(snapshot.seccomp) do
    out[index] = draw_one(map, people.list(map.pids, known, 4))
  end
  local legend = h(
    "ul",
    { class = "legend" },
    h("li", nil, h("b", { class = "good" }, "●"), " allowed"),
    h("li", nil, h("b", nil, "○"), " depends on its arguments"),
    h("li", nil, h("b", { class = "bad" }, "×"), " refused")
  )
  return html.join(legend, table.unpack(out))
end

return M
