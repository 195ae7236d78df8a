--- What control groups use against their limits: over time where a script was watched, else as it
--- is now; with marks where the kernel has killed for memory, held back, or refused a process.
---
--- ```lua
--- local usage = require "report.usage"
---
--- local samples = { { at = 0, memory = 10, memory_limit = 20 }, { at = 1, memory = 15, oom = 1 } }
--- local shown = usage.draw { run = { series = { { path = "/box", samples = samples } } } }
--- assert(tostring(shown):find("memory", 1, true))
--- ```
local html = require "report.html"
local text = require "view.text"
local timeline = require "report.timeline"
local units = require "view.units"

local M = {}

local h = html.element
-- The curve's own units; it is stretched to the width of the page.
local WIDE, HIGH = 1000, 90
local TOP, BOTTOM = 20, 34

local function count(value)
  return ("%d"):format(math.floor(value + 0.5))
end

local function share(value)
  return ("%.0f %%"):format(value)
end

--- A chart each: what is drawn, its limit, how it is written, and which events are marked.
local CHARTS = {
  {
    key = "memory",
    title = "memory",
    show = units.size,
    event = "oom",
    symbol = "×",
    word = "killed for memory",
  },
  {
    key = "cpu",
    title = "processor",
    show = share,
    event = "throttled",
    symbol = "▮",
    word = "held back",
  },
  {
    key = "pids",
    title = "processes",
    show = count,
    event = "refused",
    symbol = "×",
    word = "refused",
  },
}

local function largest(samples, key)
  local top
  for _, sample in ipairs(samples) do
    local value = sample[key]
    top = value and math.max(top or value, value) or top
  end
  return top
end

local function events(samples, key)
  local total, places = 0, {}
  for _, sample in ipairs(samples) do
    if (sample[key] or 0) > 0 then
      total = total + sample[key]
      places[#places + 1] = { at = sample.at, count = sample[key] }
    end
  end
  return total, places
end

--- The curve as the path of a polygon's upper side; gaps are passed over.
local function path(samples, key, x, y)
  local points = {}
  for _, sample in ipairs(samples) do
    if sample[key] then
      points[#points + 1] = ("%.1f %.1f"):format(x(sample.at), y(sample[key]))
    end
  end
  return points
end

local function chart(spec, samples)
  local peak = largest(samples, spec.key)
  if not peak or #samples < 2 then
    return nil
  end
  local limit = largest(samples, spec.key .. "_limit")
  local first, last = samples[1].at, samples[#samples].at
  local top = math.max(peak, limit or 0) * 1.08
  top = top > 0 and top or 1
  local function x(at)
    return (at - first) / math.max(last - first, 1e-9) * WIDE
  end
  local function y(value)
    return HIGH - value / top * HIGH
  end
  local points = path(samples, spec.key, x, y)
  local line = "M" .. table.concat(points, " L")
  local began, ended = points[1]:match("^%S+"), points[#points]:match("^%S+")
  local area = ("%s L%s %d L%s %d Z"):format(line, ended, HIGH, began, HIGH)
  local curve = {
    h("path", { class = "area", d = area }),
    h("path", { class = "curve", d = line }),
  }
  if limit then
    local at = ("%.1f"):format(y(limit))
    curve[#curve + 1] = h("line", { class = "limit", x1 = 0, x2 = WIDE, y1 = at, y2 = at })
  end
  local total, places = events(samples, spec.event)
  local marks = {}
  for index, place in ipairs(places) do
    if index <= 200 then
      local left = ("%.2f%%"):format(x(place.at) / WIDE * 100)
      local title = h("title", nil, ("%s %d times"):format(spec.word, place.count))
      local at = { class = "bad strong", x = left, y = TOP + HIGH + 13, ["text-anchor"] = "middle" }
      marks[#marks + 1] = h("text", at, spec.symbol, title)
    end
  end
  local words = limit and ("most %s of %s"):format(spec.show(peak), spec.show(limit))
    or ("most %s, no limit"):format(spec.show(peak))
  return h(
    "div",
    nil,
    h(
      "svg",
      {
        width = "100%",
        height = TOP + HIGH + BOTTOM,
        role = "img",
        ["aria-label"] = spec.title .. ": " .. words,
      },
      h("text", { class = "strong", x = 0, y = 12 }, spec.title),
      h("text", { class = "label", x = "100%", y = 12, ["text-anchor"] = "end" }, words),
      h("svg", {
        x = 0,
        y = TOP,
        width = "100%",
        height = HIGH,
        viewBox = ("0 0 %d %d"):format(WIDE, HIGH),
        preserveAspectRatio = "none",
      }, curve),
      h("line", { class = "base", x1 = 0, x2 = "100%", y1 = TOP + HIGH, y2 = TOP + HIGH }),
      marks,
      h("text", { class = "label", x = 0, y = TOP + HIGH + 30 }, timeline.short(first)),
      total > 0
        and h("text", {
          class = "bad",
          x = "50%",
          y = TOP + HIGH + 30,
          ["text-anchor"] = "middle",
        }, ("%s %s: %d"):format(spec.symbol, spec.word, total)),
      h("text", {
        class = "label",
        x = "100%",
        y = TOP + HIGH + 30,
        ["text-anchor"] = "end",
      }, timeline.short(last))
    )
  )
end

--- A group as it is now, where nobody has watched: a bar against each limit.
local function bars(group)
  local used, limit = group.usage or {}, group.effective or {}
  local rows = {}
  local function add(title, value, most, show)
    if value then
      local full = most and math.min(value / most, 1) * 100 or 0
      local words = most and ("%s of %s"):format(show(value), show(most))
        or ("%s, no limit"):format(show(value))
      rows[#rows + 1] = h(
        "svg",
        { width = "100%", height = 34, role = "img", ["aria-label"] = title .. ": " .. words },
        h("text", { class = "strong", x = 0, y = 12 }, title),
        h("text", { class = "label", x = "100%", y = 12, ["text-anchor"] = "end" }, words),
        h("rect", { class = "lane", x = 0, y = 18, width = "100%", height = 8, rx = 3 }),
        most
          and h("rect", {
            class = full > 90 and "call error" or "call",
            x = 0,
            y = 18,
            width = ("%.2f%%"):format(full),
            height = 8,
            rx = 3,
          })
      )
    end
  end
  add("memory", (used.memory or {}).usage, (limit.memory or {}).limit, units.size)
  add("processes", (used.pids or {}).current, (limit.pids or {}).limit, count)
  local kills = group.events and group.events.memory and group.events.memory.oom_kill
  local cpu = used.cpu or {}
  local words = {}
  if (kills or 0) > 0 then
    words[#words + 1] = ("× killed for memory: %d"):format(kills)
  end
  if (cpu.nr_throttled or 0) > 0 then
    words[#words + 1] = ("▮ held back in %d of %d periods"):format(
      cpu.nr_throttled,
      cpu.nr_periods
    )
  end
  if #words > 0 then
    rows[#rows + 1] = h("p", { class = "bad" }, table.concat(words, ", "))
  end
  return rows
end

---@param snapshot table
---@return report.Piece?
function M.draw(snapshot)
  local out = {}
  for _, one in ipairs(snapshot.run and snapshot.run.series or {}) do
    local charts = {}
    for _, spec in ipairs(CHARTS) do
      charts[#charts + 1] = chart(spec, one.samples)
    end
    if #charts > 0 then
      out[#out + 1] = h("h3", nil, h("code", nil, text.clean(one.path)))
      out[#out + 1] = h("div", { class = "charts" }, charts)
    end
  end
  if not snapshot.run then
    for _, group in ipairs(snapshot.cgroups or {}) do
      out[#out + 1] = h("h3", nil, h("code", nil, text.clean(group.path or "?")))
      out[#out + 1] = group.unreadable
          and h("p", { class = "none" }, group.hint or group.unreadable)
        or h("div", { class = "charts" }, h("div", nil, bars(group)))
    end
  end
  if #out == 0 then
    return nil
  end
  out[#out + 1] = snapshot.run
    and h(
      "ul",
      { class = "legend" },
      h("li", nil, h("b", { class = "good" }, "━"), " used"),
      h("li", nil, h("b", { class = "bad" }, "╍"), " limit"),
      h("li", nil, h("b", { class = "bad" }, "×"), " killed for memory, or a process refused"),
      h("li", nil, h("b", { class = "bad" }, "▮"), " held back")
    )
  return html.join(table.unpack(out))
end

return M
