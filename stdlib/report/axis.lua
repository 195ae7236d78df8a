--- An axis of time for a run: stretches in which nothing happens are cut short, for a script waits
--- a hundred times longer than it works.
---
--- ```lua
--- local axis = require "report.axis"
---
--- local line = axis.new({ 0, 0.001, 0.002, 5, 5.001 }, {})
--- assert(#line.gaps == 1 and line.gaps[1].seconds > 4.9)
--- assert(line:place(5) - line:place(0.002) < 5 and line:place(0.001) > 20)
--- ```
local M = {}

-- A gap takes so much of the width, in percent; it is worth cutting above this share of the run.
local WIDTH, SHARE, TIMES, MOST = 3, 0.02, 20, 12
-- The ends stay free, so that a mark has room.
local MARGIN = 1

---@class report.Axis
---@field gaps { from: number, to: number, seconds: number, looked: boolean }[]
local Axis = {}
Axis.__index = Axis

local function within(pauses, from, to)
  local seconds = 0
  for _, pause in ipairs(pauses) do
    seconds = seconds + math.max(0, math.min(to, pause.to) - math.max(from, pause.from))
  end
  return seconds
end

--- An axis on which these moments are.
---@param times number[] seconds
---@param pauses { from: number, to: number }[] when somebody looked at the script
---@return report.Axis
function M.new(times, pauses)
  local sorted, all = table.move(times, 1, #times, 1, {}), {}
  table.sort(sorted)
  local first, last = sorted[1] or 0, sorted[#sorted] or 1
  for index = 2, #sorted do
    local from, to = sorted[index - 1], sorted[index]
    all[#all + 1] = { from = from, to = to, seconds = to - from }
  end
  table.sort(all, function(a, b)
    return a.seconds == b.seconds and a.from < b.from or a.seconds > b.seconds
  end)
  -- The longest ones are cut: those that are long beside the usual distance of two moments, and a
  -- part of what is left that would be missed.
  local usual = all[#all // 2 + 1] and all[#all // 2 + 1].seconds or 0
  local gaps, rest = {}, last - first
  for _, gap in ipairs(all) do
    if #gaps >= MOST or gap.seconds <= usual * TIMES or gap.seconds < rest * SHARE then
      break
    end
    gaps[#gaps + 1], rest = gap, rest - gap.seconds
  end
  table.sort(gaps, function(a, b)
    return a.from < b.from
  end)
  local cut = 0
  for _, gap in ipairs(gaps) do
    gap.looked = within(pauses, gap.from, gap.to) > gap.seconds / 2
    cut = cut + gap.seconds
  end
  local room = 100 - 2 * MARGIN - #gaps * WIDTH
  local scale = room / math.max(last - first - cut, 1e-9)
  return setmetatable({ first = first, last = last, gaps = gaps, scale = scale }, Axis)
end

--- Where a moment is, in percent of the width.
---@param time number
---@return number
function Axis:place(time)
  time = math.min(math.max(time, self.first), self.last)
  local place, at = MARGIN, self.first
  for _, gap in ipairs(self.gaps) do
    if time < gap.from then
      break
    end
    place = place + (gap.from - at) * self.scale
    if time < gap.to then
      return place + WIDTH * (time - gap.from) / gap.seconds
    end
    place, at = place + WIDTH, gap.to
  end
  return place + (time - at) * self.scale
end

return M
