--- Rows of containers as lines of text: a table with bars and curves, then what is wrong.
---
--- ```lua
--- local lines = require "top.lines"
---
--- local row = { name = "web", status = "running", findings = {} }
--- row.cpu_history, row.memory_history = {}, {}
--- for _, line in ipairs(lines.of({ row }, { width = 100 })) do
---   print(line)
--- end
--- ```
local bar = require "view.bar"
local colour = require "view.colour"
local grid = require "view.table"
local options = require "options"
local spark = require "view.spark"
local text = require "view.text"
local units = require "view.units"

local M = {}

---@class top.LineOptions
---@field width? integer columns; 80
---@field sort? string by what the rows are sorted, for the first line
---@field ascii? boolean only ASCII in bars and curves
---@field colours? boolean

local KNOWN = { width = "integer", sort = "string", ascii = "boolean", colours = "boolean" }

local STATUS = { running = "green", paused = "yellow", restarting = "yellow", stopped = "dim" }
local LEVELS = { error = "red", warning = "yellow", note = "dim" }

-- Characters of a bar and of a curve.
local BAR, CURVE = 8, 10

local function share(percent)
  return percent and percent / 100
end

local function memory_of(found)
  if not found then
    return nil
  end
  local limit = found.limit and "/" .. units.size(found.limit) or ""
  return { text = units.size(found.used) .. limit, colour = bar.shade(share(found.percent)) }
end

local function pids_of(found)
  if not found then
    return nil
  end
  local limit = found.limit and "/" .. found.limit or ""
  return { text = found.current .. limit, colour = bar.shade(share(found.percent)) }
end

--- Two amounts, a second where a rate is known.
local function both(first, second, first_rate, second_rate)
  if first_rate then
    local one, two = math.floor(first_rate), math.floor(second_rate or 0)
    return ("%s/%s/s"):format(units.size(one), units.size(two))
  end
  return first and ("%s/%s"):format(units.size(first), units.size(second))
end

local function cpu_of(found)
  if not found or not found.percent then
    return nil
  end
  local used = found.limit and found.limit > 0 and found.percent / found.limit
  local throttled = (found.throttled or 0) >= 0.25
  return {
    text = ("%.0f%%"):format(found.percent),
    colour = throttled and "red" or used and bar.shade(used) or nil,
  }
end

--- A row as the cells of the table.
local function cells(row, given)
  local usage = row.usage or {}
  local memory, cpu, io, net = usage.memory, usage.cpu, usage.io or {}, row.network or {}
  local curve = { width = CURVE, ascii = given.ascii }
  local drawn = memory and memory.percent
  local kills = usage.oom_kills
  return {
    name = row.name,
    status = { text = row.status, colour = STATUS[row.status] },
    pid = row.pid,
    cpu = cpu_of(cpu),
    cpu_curve = spark.line(row.cpu_history, {
      width = CURVE,
      ascii = given.ascii,
      max = cpu and cpu.limit or 100,
    }),
    memory = memory_of(memory),
    bar = {
      text = drawn and bar.render(share(drawn), { width = BAR, ascii = given.ascii }) or "",
      colour = bar.shade(share(drawn)),
    },
    memory_curve = spark.line(row.memory_history, curve),
    pids = pids_of(usage.pids),
    net = both(net.received, net.sent, net.receive_rate, net.send_rate),
    io = both(io.read, io.written, io.read_rate, io.write_rate),
    oom = kills and { text = kills, colour = kills > 0 and "red" or nil },
  }
end

-- In the order in which they are shown; where the window is narrow the last in `LEAST` go first.
local COLUMNS = {
  { key = "name", max = 24 },
  { key = "status" },
  { key = "pid", align = "right" },
  { key = "cpu", align = "right" },
  { key = "cpu_curve", title = "" },
  { key = "memory", align = "right" },
  { key = "bar", title = "" },
  { key = "memory_curve", title = "" },
  { key = "pids", align = "right" },
  { key = "net", title = "RX/TX", align = "right" },
  { key = "io", title = "READ/WRITTEN", align = "right" },
  { key = "oom", title = "OOM", align = "right" },
}
local LEAST = { "memory_curve", "cpu_curve", "bar", "pid", "net", "io", "status", "oom" }

local function without(columns, key)
  local out = {}
  for _, column in ipairs(columns) do
    if column.key ~= key then
      out[#out + 1] = column
    end
  end
  return out
end

--- The table's lines, with as many columns as the width has room for.
local function table_lines(rows, given)
  local shown = {}
  for index, row in ipairs(rows) do
    shown[index] = cells(row, given)
  end
  local columns, wide = COLUMNS, given.width or 80
  local rendered
  for step = 0, #LEAST do
    columns = step > 0 and without(columns, LEAST[step]) or columns
    rendered = grid.render(shown, { columns = columns })
    local widest = 0
    for line in rendered:gmatch("[^\n]+") do
      widest = math.max(widest, text.width(line))
    end
    if widest <= wide then
      break
    end
  end
  local how = { columns = columns, width = wide, colours = given.colours }
  local out = {}
  for line in grid.render(shown, how):gmatch("[^\n]+") do
    out[#out + 1] = line
  end
  return out
end

local function summary(rows, given)
  local running = 0
  for _, row in ipairs(rows) do
    running = running + (row.status == "running" and 1 or 0)
  end
  local count = #rows == 1 and "1 container" or ("%d containers"):format(#rows)
  local sorted = given.sort and #rows > 1 and ", sorted by " .. given.sort or ""
  return ("%s, %d running%s"):format(count, running, sorted)
end

--- The lines of a view of all containers.
---@param rows top.Row[]
---@param given? top.LineOptions
---@return string[]
function M.of(rows, given)
  given = options.check("top.lines.of", given, KNOWN)
  local width = given.width or 80
  local out = { text.fit(summary(rows, given), width) }
  if #rows == 0 then
    return out
  end
  table.move(table_lines(rows, given), 1, #rows + 1, 2, out)
  for _, row in ipairs(rows) do
    for _, finding in ipairs(row.findings) do
      local said = ("! %s: %s"):format(text.clean(row.name), finding.text)
      out[#out + 1] = colour.paint(text.fit(said, width), LEVELS[finding.level], given.colours)
    end
  end
  return out
end

return M
