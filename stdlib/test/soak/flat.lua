--- Whether a process that works for long stays as it is: as many descriptors, as much memory, as
--- large a heap. It is looked at now and then, and a line is fitted to what was seen, and another
--- one to the later half: what is loaded once, and what an allocator keeps, is in the first.
---
--- ```lua
--- local flat = require "test.soak.flat"
---
--- local watch = flat.new("script")
--- for index = 0, 40 do
---   local heap = 300 + index * 10
---   watch:add { made = index * 100, descriptors = 5, open = 9, memory = 2000, heap = heap }
--- end
--- local complaints = watch:judge()
--- assert(complaints[1]:find "^the script grows: heap")
--- ```
local remains = require "test.remains"

local M = {}

--- After so many containers an allocator has as much as it needs.
M.SETTLED = 1000

--- By how much it may grow, in KiB: the unrest of what is measured, the same where all has settled,
--- and something each thousand. An object of Lua's that is kept with each container is 40 each
--- thousand at the least, a page 4,000. `open` are descriptors before Lua has collected what nobody
--- has closed.
local GROWTH = {
  { field = "descriptors", unrest = 0.5, settled = 0.5, each = 0 },
  { field = "open", unrest = 64, settled = 64, each = 0 },
  { field = "memory", unrest = 2048, settled = 256, each = 20 },
  { field = "heap", unrest = 64, settled = 8, each = 4 },
}

local LINE =
  "%-7s %-12s first %8.1f  last %8.1f  most %8.1f  a thousand %+9.3f, of the later half %+9.3f"

--- The memory of a process that is no file's, also what was swapped out, in KiB; to the page, which
--- `RssAnon` is not since Linux 6.2 (proc_pid_smaps(5)).
---@param pid integer|string
---@return integer
function M.memory(pid)
  local text = read_file(("/proc/%s/smaps_rollup"):format(pid))
  local sum = 0
  for _, field in ipairs { "Anonymous", "Swap" } do
    sum = sum + math.tointeger(tonumber(text:match("\n" .. field .. ":%s+(%d+)")))
  end
  return sum
end

--- The open descriptors of a process.
---@param pid integer|string
---@return integer
function M.descriptors(pid)
  return #list_dir(("/proc/%s/fd"):format(pid))
end

---@class test.soak.Look
---@field made integer how much it had done
---@field descriptors integer
---@field open integer the same, before it has collected
---@field memory integer in KiB, as `heap`
---@field heap number

--- The driver's looks lie in the heap that it looks at: a list for each number takes a fifth of
--- what a table for each look would.
---@class test.soak.Watch
---@field who string
---@field looks table<string, number[]> by the look's field
local Watch = {}
Watch.__index = Watch

---@param who string
---@return test.soak.Watch
function M.new(who)
  return setmetatable({ who = who, looks = { made = {} } }, Watch)
end

---@param one test.soak.Look
function Watch:add(one)
  local index = #self.looks.made + 1
  for field, number in pairs(one) do
    self.looks[field] = self.looks[field] or {}
    self.looks[field][index] = number
  end
end

--- Looks at a process.
---@param made integer how much it has done
---@param pid integer|string
---@param heap number its Lua heap, in KiB
---@param open? integer its descriptors before it has collected
function Watch:look(made, pid, heap, open)
  local fds = M.descriptors(pid)
  self:add {
    made = made,
    descriptors = fds,
    open = open or fds,
    memory = M.memory(pid),
    heap = heap,
  }
end

local function points(looks, field, from, to)
  local found = {}
  for index = from, to do
    found[#found + 1] = { looks.made[index] / 1000, looks[field][index] }
  end
  return found
end

--- How much it has grown between two looks: by the line through all of them, and by the two at its
--- ends. A single look may meet something that is just open, so the smaller one counts.
local function grown(looks, field, from, to)
  local all = points(looks, field, from, to)
  local slope, span = remains.slope(all), all[#all][1] - all[1][1]
  return math.min(slope * span, all[#all][2] - all[1][2]), slope, span
end

--- Prints how it went, and answers what has grown: from when the first are made to the end, and in
--- the second half of that, where so much is made that nothing has to settle any more.
---@return string[] complaints
function Watch:judge()
  local looks, complaints = self.looks, {}
  local made = looks.made
  -- What the first ones load and keep for the next is no growth.
  local first = math.max(1, #made // 5)
  local middle = (first + #made) // 2
  local function check(rule, from, unrest)
    local more, slope, span = grown(looks, rule.field, from, #made)
    if more > unrest + rule.each * span then
      local text = "the %s grows: %s, %.1f more from %d to %d"
      complaints[#complaints + 1] = text:format(self.who, rule.field, more, made[from], made[#made])
    end
    return slope
  end
  for _, rule in ipairs(GROWTH) do
    local seen, most = looks[rule.field], 0
    for _, number in ipairs(seen) do
      most = math.max(most, number)
    end
    local settled = made[middle] >= M.SETTLED
    local slope = check(rule, first, rule.unrest)
    local later = check(rule, middle, settled and rule.settled or rule.unrest)
    print(LINE:format(self.who, rule.field, seen[first], seen[#made], most, slope, later))
  end
  return complaints
end

return M
