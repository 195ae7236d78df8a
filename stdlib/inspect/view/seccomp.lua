--- What the filters answer to every system call, as dots in groups: ● allowed, ○ by its arguments,
--- × refused; below it the refused and the conditional ones by name.
---
--- ```lua
--- local views = require "inspect.views"
---
--- local lines = views.lines("seccomp", { processes = {}, seccomp = { { pids = { 7 }, filters = 1,
---   calls = { { name = "mount", answers = { { action = "errno", errno = "EPERM" } } } } } } })
--- assert(lines[2]:find("^@mount +0 of 1  ×$"))
--- ```
local calls = require "inspect.calls"
local names = require "inspect.names"
local text = require "view.text"

local SHADES = { ["●"] = "blue", ["○"] = "bold", ["×"] = "yellow" }
local NAME, COUNT = 16, 9

local function dots(pen, group, rows)
  local marks, open = {}, 0
  for index, name in ipairs(group.names) do
    marks[index] = calls.mark(rows[name])
    open = open + (marks[index] == "●" and 1 or 0)
  end
  local head = text.pad(group.group, NAME)
    .. text.pad(("%d of %d"):format(open, #marks), COUNT, "right")
    .. "  "
  local room = math.max(pen.width - text.width(head), 8)
  for from = 1, #marks, room do
    local pieces = { from == 1 and head or (" "):rep(text.width(head)) }
    local at = from
    while at <= math.min(from + room - 1, #marks) do
      local same = at
      while same < math.min(from + room - 1, #marks) and marks[same + 1] == marks[at] do
        same = same + 1
      end
      pieces[#pieces + 1] = { marks[at]:rep(same - at + 1), SHADES[marks[at]] }
      at = same + 1
    end
    pen:line(pieces)
  end
end

local function draw(pen, map, known)
  local heading = table.concat(names.list(map.pids, known, 6), ", ")
  if not map.calls then
    pen:line { { heading, "bold" }, "  unreadable: ", map.hint or map.unreadable or "?" }
    return
  end
  local count = calls.count(map)
  local sums = ("  ● %d allowed  ○ %d by arguments  × %d refused"):format(
    count["●"],
    count["○"],
    count["×"]
  )
  pen:line({ { heading, "bold" }, sums }, 1)
  local all, rows = {}, {}
  for index, row in ipairs(map.calls) do
    all[index], rows[row.name] = row.name, row
  end
  for _, group in ipairs(calls.groups(all)) do
    dots(pen, group, rows)
  end
  for _, mark in ipairs { "×", "○" } do
    local found = {}
    for _, row in ipairs(map.calls) do
      if calls.mark(row) == mark then
        found[#found + 1] = mark == "○" and ("%s (%s)"):format(row.name, calls.rule(row))
          or row.name
      end
    end
    if #found > 0 then
      pen:line { mark == "×" and "× refused" or "○ by arguments" }
      pen:fill(found, "  ", "dim")
    end
  end
end

---@param snapshot table
---@param pen inspect.Pen
return function(snapshot, pen)
  local known = names.of(snapshot)
  for index, map in ipairs(snapshot.seccomp) do
    if index > 1 then
      pen:line { "" }
    end
    draw(pen, map, known)
  end
  if #snapshot.seccomp == 0 then
    pen:line { "no process has a filter: every system call is allowed" }
  end
end
