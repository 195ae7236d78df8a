--- A run as a picture: a lane for each process, a mark for each call, where it was made in time.
---
--- Places are shares of the width and texts are not scaled, so the same drawing is read on a phone
--- and on a desk, and zooming is nothing but making it wider.
---
--- ```lua
--- local timeline = require "report.timeline"
---
--- local run = { calls = { { number = 1, pid = 7, call = "getpid()", at_us = 10, us = 2 } } }
--- assert(tostring(timeline.draw { run = run, processes = {} }):find("<svg", 1, true))
--- ```
local axis = require "report.axis"
local html = require "report.html"
local names = require "inspect.names"
local text = require "view.text"

local M = {}

local h = html.element
local LANE, LABEL, BAR = 44, 16, 18
-- What fits a phone's width in the drawing's letters.
local COLUMNS = 44
local MOST_LANES = 40

local function short(seconds)
  if seconds < 0.001 then
    return ("%.0f µs"):format(seconds * 1e6)
  elseif seconds < 1 then
    return ("%.1f ms"):format(seconds * 1e3)
  end
  return ("%.2f s"):format(seconds)
end

M.short = short

--- When a call was made, in seconds; a trace without times has its order.
local function time_of(row, index)
  return row.at_us and row.at_us / 1e6 or index / 1e6
end

local function key_of(row)
  return row.pid and tostring(row.pid) or "in " .. (row["in"] or "")
end

--- The lanes, in the order in which processes were started: `{ key, pid, inside, calls }`.
local function lanes_of(run)
  local lanes, by_key = {}, {}
  for index, row in ipairs(run.calls) do
    local key = key_of(row)
    local lane = by_key[key]
    if not lane then
      lane = { key = key, pid = row.pid, inside = row["in"], calls = {}, row = #lanes }
      by_key[key], lanes[#lanes + 1] = lane, lane
    end
    table.insert(lane.calls, { row = row, at = time_of(row, index) })
    lane.errors = (lane.errors or 0) + (row.errno and 1 or 0)
  end
  return lanes, by_key
end

local function label(lane, known)
  local words = { lane.pid and tostring(lane.pid) or "process" }
  words[#words + 1] = lane.inside and lane.inside ~= "" and lane.inside or "the script"
  local name = lane.pid and known[lane.pid]
  local shown = table.concat(words, "  ")
  return name and shown .. "  " .. name or shown
end

--- The words that a mark shows when a pointer rests on it.
local function title(call)
  local row = call.row
  local lines = { ("%s %s"):format(row.number or "", row.call or row.primitive or "?") }
  if row.ret and row.ret ~= "" or row.errno then
    lines[1] = lines[1] .. " = " .. (row.ret or row.errno)
  end
  if row.at_us then
    local took = row.us and ("  took " .. short(row.us / 1e6)) or ""
    lines[#lines + 1] = "at " .. short(call.at) .. took
  end
  if row.file then
    lines[#lines + 1] = ("%s:%s  %s"):format(row.file, row.line or "?", row.lua or "")
  end
  lines[#lines + 1] = row.note or nil
  for index, line in ipairs(lines) do
    lines[index] = text.middle(text.clean(line), 160)
  end
  return table.concat(lines, " · ")
end

local function percent(value)
  return ("%.3f%%"):format(value)
end

--- One call: a bar as long as it took; below it × for an error, ▸ for exec, ! for what cannot be
--- undone. A sign that would lie on the one before it is left out; `last` is where that was.
local function mark(call, line, top, last)
  local row = call.row
  local from = line:place(call.at)
  local to = line:place(call.at + (row.us or 0) / 1e6)
  local class = row.errno and "call error" or row.irreversible and "call final" or "call"
  local out = {
    h("rect", {
      class = class,
      x = percent(from),
      y = top + LABEL + 4,
      width = percent(math.max(to - from, 0.05)),
      height = BAR - 8,
    }, h("title", nil, title(call))),
  }
  local exec = (row.call or ""):find("^execve") and not row.errno
  local symbol = row.errno and "×" or exec and "▸" or row.irreversible and "!"
  if symbol and (row.errno or exec or from - last > 1.2) then
    last = from
    out[#out + 1] = h("text", {
      class = row.errno and "bad strong" or "good strong",
      x = percent(from),
      y = top + LABEL + BAR + 8,
      ["text-anchor"] = "middle",
    }, symbol)
  end
  return out, last
end

--- Lines from the call that starts a process to the first call of its lane.
local function starts(lanes, by_key, line)
  local out = {}
  for _, lane in ipairs(lanes) do
    for _, call in ipairs(lane.calls) do
      local child = call.row.child and by_key[tostring(call.row.child)]
      if child and child.row > lane.row and child.calls[1] then
        local x = percent(line:place(call.at))
        local from, to = lane.row * LANE + LABEL + BAR - 4, child.row * LANE + LABEL + 4
        out[#out + 1] = h("line", { class = "start", x1 = x, x2 = x, y1 = from, y2 = to })
        out[#out + 1] = h("circle", { class = "start", cx = x, cy = to, r = 2.5 })
      end
    end
  end
  return out
end

local function gaps(line, shown)
  local out = {}
  for _, gap in ipairs(line.gaps) do
    local from, to = line:place(gap.from), line:place(gap.to)
    local what = gap.looked and "this report looked at it" or "nothing was asked of the kernel"
    local words = ("%s: %s"):format(short(gap.seconds), what)
    for lane = 0, shown - 1 do
      out[#out + 1] = h("rect", {
        class = "wait",
        x = percent(from),
        y = lane * LANE + LABEL,
        width = percent(to - from),
        height = BAR,
      }, h("title", nil, words))
    end
    out[#out + 1] = h("text", {
      class = "label",
      x = percent((from + to) / 2),
      y = shown * LANE + 13,
      ["text-anchor"] = "middle",
    }, gap.looked and "◇" or "…", h("title", nil, words))
  end
  return out
end

--- The table of calls, which says in words what the picture shows.
local function table_of(run)
  local rows = {}
  for index, row in ipairs(run.calls) do
    local where = row.file and ("%s:%s"):format(row.file, row.line or "?") or ""
    rows[#rows + 1] = h(
      "tr",
      nil,
      h("td", { class = "number" }, row.number or index),
      h("td", { class = "number soft" }, row.at_us and short(row.at_us / 1e6) or ""),
      h("td", { class = "soft" }, row["in"] and row["in"] ~= "" and row["in"] or "the script"),
      h(
        "td",
        { class = "wide" },
        h("code", nil, text.middle(text.clean(row.call or ""), 400)),
        (row.ret or row.errno)
          and h(
            "code",
            { class = row.errno and "bad" or "soft" },
            " = ",
            text.middle(text.clean(row.ret or row.errno), 120)
          ),
        where ~= "" and h("span", { class = "soft" }, "  ", where)
      )
    )
  end
  local head = {}
  for _, name in ipairs { "#", "at", "process", "call" } do
    head[#head + 1] = h("th", { scope = "col" }, name)
  end
  return h(
    "details",
    nil,
    h("summary", nil, ("All %d calls as a table"):format(#run.calls)),
    h("table", { class = "calls" }, h("thead", nil, h("tr", nil, head)), h("tbody", nil, rows))
  )
end

local function zooms()
  local out = {}
  for index, factor in ipairs { 1, 2, 4, 8 } do
    out[#out + 1] = h("input", {
      type = "radio",
      name = "zoom",
      id = "zoom" .. factor,
      checked = index == 1 and "checked",
      class = "zoomer",
    })
    out[#out + 1] = h("label", { ["for"] = "zoom" .. factor, class = "zoomer" }, factor .. "×")
  end
  return out
end

--- The drawing of a snapshot's run; nil where it has none.
---@param snapshot table
---@return report.Piece?
function M.draw(snapshot)
  local run = snapshot.run
  if not run or #run.calls == 0 then
    return nil
  end
  local lanes, by_key = lanes_of(run)
  local known, times = names.of(snapshot), {}
  for _, lane in ipairs(lanes) do
    for _, call in ipairs(lane.calls) do
      times[#times + 1] = call.at
      times[#times + 1] = call.at + (call.row.us or 0) / 1e6
    end
  end
  local line = axis.new(times, run.pauses or {})
  local shown = math.min(#lanes, MOST_LANES)
  local height, bars, marks = shown * LANE, {}, {}
  for index = 1, shown do
    local lane, top = lanes[index], (index - 1) * LANE
    bars[#bars + 1] =
      h("rect", { class = "lane", x = 0, y = top + LABEL, width = "100%", height = BAR, rx = 3 })
    local full = text.clean(label(lane, known))
    marks[#marks + 1] = h(
      "text",
      { class = "name", x = 0, y = top + LABEL - 5 },
      text.middle(full, COLUMNS),
      h("title", nil, full)
    )
    local signs, last = {}, -1
    for place, call in ipairs(lane.calls) do
      signs[place], last = mark(call, line, top, last)
    end
    marks[#marks + 1] = signs
  end
  local visible = table.move(lanes, 1, shown, 1, {})
  local svg = h(
    "svg",
    {
      class = "time",
      width = "100%",
      height = height + 36,
      role = "img",
      ["aria-label"] = ("%d calls of %d processes"):format(#run.calls, #lanes),
    },
    bars,
    gaps(line, shown),
    h("line", { class = "tick", x1 = 0, x2 = "100%", y1 = height, y2 = height }),
    starts(visible, by_key, line),
    marks,
    h("text", { class = "label", x = 0, y = height + 30 }, short(line.first)),
    h(
      "text",
      { class = "label", x = "100%", y = height + 30, ["text-anchor"] = "end" },
      short(line.last)
    )
  )
  local legend = {
    { "▮", "a call, as long as it took" },
    { "×", "an error" },
    { "▸", "a program takes over" },
    { "!", "cannot be undone" },
    { "│", "a process is started" },
    { "…", "nothing was asked of the kernel; cut short" },
    { "◇", "this report looked; cut short" },
  }
  local items = {}
  for index, item in ipairs(legend) do
    items[index] = h("li", nil, h("b", nil, item[1]), " ", item[2])
  end
  local more = {}
  if #lanes > shown then
    more[1] =
      h("p", { class = "none" }, ("%d more processes are in the table."):format(#lanes - shown))
  end
  if (run.left_out or 0) > 0 then
    more[#more + 1] =
      h("p", { class = "none" }, ("%d later calls are left out."):format(run.left_out))
  end
  return html.join(
    h("div", { class = "zoombox" }, zooms(), h("div", { class = "scroll" }, svg)),
    h("ul", { class = "legend" }, items),
    more,
    table_of(run)
  )
end

return M
