--- A group drawn in the terminal: usage against the limit as bars and curves, then what is wrong.
---
--- Values come in, lines of text go out: a recorded run draws the same each time.
---
--- ```lua
--- local draw = require "cgroup.draw"
---
--- local usage = { memory = { used = 48 << 20, limit = 64 << 20, percent = 75 } }
--- local group = { name = "web", usage = usage, history = { memory = { 16 << 20, 48 << 20 } } }
--- for _, line in ipairs(draw.lines(group, { width = 40, height = 2 })) do
---   print(line)
--- end
--- ```
local bar = require "view.bar"
local colour = require "view.colour"
local options = require "options"
local spark = require "view.spark"
local text = require "view.text"
local units = require "view.units"

local M = {}

--- What a monitor knows of one group.
---@class cgroup.Drawn
---@field name string
---@field usage? cgroup.Usage
---@field history? table<string, (number|false)[]> by metric; `oom` counts kills between samples
---@field findings? cgroup.Finding[]
---@field gone? string why there is no usage any more

---@class cgroup.DrawOptions
---@field width? integer columns; 80
---@field height? integer lines of a chart; 4
---@field metrics? string[] which charts: "memory", "cpu", "pids"; all three
---@field style? "block"|"braille"|"ascii" block
---@field colours? boolean

local KNOWN = {
  width = "integer",
  height = "integer",
  metrics = "list",
  style = "=block|braille|ascii",
  colours = "boolean",
}

-- Left of a chart: an amount, right-aligned, and the axis.
local MARGIN, AXIS = 8, { block = "│", braille = "│", ascii = "|" }
local BAR = 20
local LEVELS = { error = "red", warning = "yellow", note = "dim" }

local function percent(value)
  return ("%.0f %%"):format(value)
end

--- How each metric is read and said: value, limit, what stands at the axis, and the sentence.
local METRICS = {}

function METRICS.memory(usage)
  local found = usage.memory
  if not found then
    return nil
  end
  local limit = found.limit and " of " .. units.size(found.limit) or ""
  local parts = { units.size(found.used) .. limit }
  parts[2] = found.percent and percent(found.percent) or "no limit"
  parts[3] = found.peak and "peak " .. units.size(found.peak)
  local said = table.concat(parts, ", ")
  return { value = found.used, limit = found.limit, text = said, show = units.size }
end

function METRICS.cpu(usage)
  local found = usage.cpu
  if not found then
    return nil
  end
  local parts = { found.percent and percent(found.percent) .. " of a processor" or "not known yet" }
  parts[2] = found.limit and "limit " .. percent(found.limit) or "no limit"
  if found.throttled and found.throttled > 0 then
    parts[3] = ("throttled %s"):format(percent(found.throttled * 100))
  end
  local said = table.concat(parts, ", ")
  return { value = found.percent, limit = found.limit, text = said, show = percent }
end

function METRICS.pids(usage)
  local found = usage.pids
  if not found then
    return nil
  end
  local said = tostring(found.current)
  said = said .. (found.limit and (" of %d"):format(found.limit) or ", no limit")
  local function show(value)
    return ("%.0f"):format(value)
  end
  return { value = found.current, limit = found.limit, text = said, show = show }
end

--- The columns that a chart has in a window of this width.
---@param width? integer
---@return integer
function M.columns(width)
  return math.max((width or 80) - MARGIN - 2, 1)
end

--- A metric's chart, with an amount at the top and at the bottom of its axis.
local function chart(values, metric, marks, given)
  local width = M.columns(given.width)
  local top = metric.limit or 0
  for index = math.max(1, #values - width * 2 + 1), #values do
    top = math.max(top, values[index] or 0)
  end
  local style = given.style or "block"
  local lines = spark.chart(values, {
    width = width,
    height = given.height or 4,
    limit = metric.limit,
    max = top > 0 and top or 1,
    style = style,
    marks = marks,
    colours = given.colours,
  })
  local out = {}
  for index, line in ipairs(lines) do
    local label = index == 1 and metric.show(top) or index == (given.height or 4) and "0" or ""
    local axis = index <= (given.height or 4) and AXIS[style] or " "
    local left = text.pad(label, MARGIN, "right") .. " " .. axis
    out[index] = (colour.paint(left, "dim", given.colours) .. line):gsub("%s+$", "")
  end
  return out
end

--- Below the memory's chart: where processes were killed.
local function kills(history)
  local marks, any = {}, false
  for index, count in ipairs(history.oom or {}) do
    if count and count > 0 then
      marks[index], any = "x", true
    end
  end
  return any and marks or nil
end

local function counters(usage)
  local out, io = {}, usage.io
  if io then
    local function rate(value)
      return value and (" (%s/s)"):format(units.size(math.floor(value))) or ""
    end
    out[#out + 1] = ("io      read %s%s, written %s%s"):format(
      units.size(io.read),
      rate(io.read_rate),
      units.size(io.written),
      rate(io.write_rate)
    )
  end
  local parts = {}
  for _, name in ipairs { "cpu", "memory", "io" } do
    local some = ((usage.pressure or {})[name] or {}).some
    parts[#parts + 1] = some and ("for %s %s"):format(name, percent(some))
  end
  if #parts > 0 then
    out[#out + 1] = ("waited  %s of the last 10 s"):format(table.concat(parts, ", "))
  end
  return out
end

local function heading(name, metric, given)
  local room = (given.width or 80) - 8
  local share = metric.value and metric.limit and metric.limit > 0 and metric.value / metric.limit
  local said = text.pad(name, 8)
  if share then
    local ascii = given.style == "ascii"
    local drawn = bar.render(share, { width = BAR, ascii = ascii, colours = given.colours })
    said, room = said .. drawn .. "  ", room - BAR - 2
  end
  return said .. text.fit(metric.text, math.max(room, 0))
end

local function remarks(group, add, given)
  local width = given.width or 80
  for _, finding in ipairs(group.findings or {}) do
    local said = text.fit("! " .. finding.text, width)
    add(colour.paint(said, LEVELS[finding.level], given.colours))
    if finding.hint then
      add(colour.paint(text.fit("  " .. finding.hint, width), "dim", given.colours))
    end
  end
  local missing = (group.usage or {}).missing or {}
  for _, name in ipairs(options.keys(missing)) do
    local said = text.fit(("no %s: %s"):format(name, missing[name]), width)
    add(colour.paint(said, "dim", given.colours))
  end
end

--- The lines of one group.
---@param group cgroup.Drawn
---@param given? cgroup.DrawOptions
---@return string[]
function M.lines(group, given)
  given = options.check("cgroup.draw.lines", given, KNOWN)
  local out = {}
  local function add(line)
    out[#out + 1] = line
  end
  local name = text.fit(text.clean(group.name), given.width or 80)
  add(colour.paint(name, "bold", given.colours))
  if not group.usage then
    add(colour.paint(group.gone or "not sampled yet", "dim", given.colours))
    return out
  end
  local history = group.history or {}
  for _, metric_name in ipairs(given.metrics or { "memory", "cpu", "pids" }) do
    options.expect("cgroup.draw.lines", "metrics", metric_name, "=memory|cpu|pids")
    local metric = METRICS[metric_name](group.usage)
    if metric then
      add(heading(metric_name, metric, given))
      local marks = metric_name == "memory" and kills(history) or nil
      for _, line in ipairs(chart(history[metric_name] or {}, metric, marks, given)) do
        add(line)
      end
    end
  end
  for _, line in ipairs(counters(group.usage)) do
    add(text.fit(line, given.width or 80))
  end
  if group.gone then
    add(colour.paint(group.gone, "yellow", given.colours))
  end
  remarks(group, add, given)
  return out
end

return M
