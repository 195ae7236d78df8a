--- What control groups use against their limits, as bars.
---
--- ```lua
--- local views = require "inspect.views"
---
--- local lines = views.lines("cgroup", { processes = {}, cgroups = { {
---   path = "/box", members = { 7 }, effective = { memory = { limit = 100, at = "/box" } },
---   usage = { memory = { usage = 50 } },
--- } } }, { width = 60 })
--- assert(lines[2]:find("memory", 1, true) and lines[2]:find("50 of 100", 1, true))
--- ```
local text = require "view.text"
local units = require "view.units"

local NAME = 12

local function bar(pen, title, used, limit, show)
  if not used then
    return
  end
  local words = limit and ("%s of %s"):format(show(used), show(limit)) or show(used) .. ", no limit"
  local head = "  " .. text.pad(title, NAME)
  local room = math.max(math.min(pen.width - text.width(head) - text.width(words) - 2, 40), 5)
  if not limit then
    pen:line { head, (" "):rep(room), "  ", words }
    return
  end
  local full = math.min(math.floor(used / limit * room + 0.5), room)
  pen:line {
    head,
    { ("█"):rep(full), used > 0.9 * limit and "yellow" or "blue" },
    { ("░"):rep(room - full), "dim" },
    "  ",
    words,
  }
end

local function number(value)
  return ("%d"):format(value)
end

local function events(pen, group)
  local counted = group.events or {}
  local kills = counted.memory and counted.memory.oom_kill or 0
  local refused = counted.pids and counted.pids.max or 0
  local cpu = group.usage and group.usage.cpu or {}
  if kills > 0 then
    pen:line { "  ", { ("× killed for memory: %d"):format(kills), "yellow" } }
  end
  if type(refused) == "number" and refused > 0 then
    pen:line { "  ", { ("× processes refused: %d"):format(refused), "yellow" } }
  end
  if (cpu.nr_throttled or 0) > 0 then
    local words = ("▮ held back in %d of %d periods"):format(
      cpu.nr_throttled,
      cpu.nr_periods or 0
    )
    pen:line { "  ", { words, "yellow" } }
  end
end

---@param snapshot table
---@param pen inspect.Pen
return function(snapshot, pen)
  for index, group in ipairs(snapshot.cgroups) do
    if index > 1 then
      pen:line { "" }
    end
    pen:line { { group.path or "?", "bold" } }
    local usage, limits = group.usage or {}, group.effective or {}
    if group.unreadable or usage.unreadable then
      pen:line { "  unreadable: ", group.hint or usage.hint or "?" }
    else
      bar(pen, "memory", (usage.memory or {}).usage, (limits.memory or {}).limit, units.size)
      bar(pen, "processes", (usage.pids or {}).current, (limits.pids or {}).limit, number)
      local rate, cpu = limits.cpu, usage.cpu or {}
      if cpu.usage_usec then
        local most = rate and units.percent(rate.limit) .. " of a processor" or "no limit"
        local words = ("%s used, %s"):format(units.time(cpu.usage_usec / 1e6), most)
        pen:line { "  " .. text.pad("processor", NAME), words }
      end
      events(pen, group)
    end
  end
  if #snapshot.cgroups == 0 then
    pen:line { "no control group is in sight" }
  end
end
