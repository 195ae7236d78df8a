--- Proves a hardened box: each property read back from the kernel, from inside and from outside,
--- and each forbidden thing tried.
---
--- A row is a property: what was wanted, what was found, and whether that is so. What the host
--- does not let this user have is a row of its own kind, neither kept nor broken.
---
--- ```lua
--- local check = require "hardening.check"
---
--- -- Inside the box, when everything is in force: scripts/hardened.lua has the rest of it.
--- local function in_the_box(wanted, found, started)
---   found.write:write(check.encode(check.inside(wanted)))
---   started.write:write(tostring(check.strain(wanted)))
---   check.burn()
--- end
---
--- -- Outside, while it runs, and when it has ended.
--- local function outside(child, group, wanted, text, count)
---   local rows = {}
---   check.decode(text, rows)
---   local more = check.outside(child.pid, group, wanted)
---   table.move(more, 1, #more, #rows + 1, rows)
---   local last = check.counted(child, count, group, wanted)
---   table.move(last, 1, #last, #rows + 1, rows)
---   return rows
--- end
---
--- local rows, row = check.report()
--- row("answer", "42", "42")
--- assert(check.print(rows) == 0 and in_the_box ~= outside)
--- ```
-- Before the box has a root of its own, in which the stdlib may not be.
local inside = require "hardening.check.inside"

local M = {}

--- One row of the report.
---@class hardening.Row
---@field name string the property
---@field wanted string what the box promises
---@field found string what the kernel says
---@field holds boolean|nil whether the promise is kept; nil where the host does not allow it

--- What the box was built with.
---@class hardening.Wanted
---@field name string its host name
---@field uid integer its user
---@field gid integer its group
---@field limits table memory, cpu and pids as asked for
---@field allowed table which of these three the host lets this user set

local MARKS = { [true] = "✓", [false] = "✗" }

--- Limits as `cgroup:get` reads them, in the words in which they are asked for.
local function in_words(limits)
  local cpu = limits.cpu
  return {
    memory = limits.memory and ("%d bytes"):format(limits.memory),
    cpu = cpu and ("%d%%"):format(cpu.quota * 100 // cpu.period),
    pids = limits.pids,
  }
end

--- Whether a limit that was read back is the one that was asked for: "128M" is 134217728 bytes.
local function same_amount(name, asked, found)
  if name ~= "memory" then
    return tostring(asked) == tostring(found)
  end
  local powers = { K = 10, M = 20, G = 30, T = 40 }
  local number, unit = tostring(asked):match("^(%d+)(%u?)")
  return found == ("%d bytes"):format(tonumber(number) << (powers[unit] or 0))
end

--- Takes rows and remembers them, in order.
---@return hardening.Row[] rows
---@return fun(name: string, wanted: any, found: any, holds: boolean?) row adds one; it holds where
--- both are equal
---@return fun(name: string, wanted: any, reason: string) cannot adds what the host does not allow
function M.report()
  local rows = {}

  local function row(name, wanted, found, holds)
    wanted, found = tostring(wanted), tostring(found)
    if holds == nil then
      holds = wanted == found
    end
    rows[#rows + 1] = { name = name, wanted = wanted, found = found, holds = holds }
  end

  local function cannot(name, wanted, reason)
    rows[#rows + 1] = { name = name, wanted = tostring(wanted), found = reason }
  end

  return rows, row, cannot
end

--- Rows as text, a line each, to cross a pipe.
---@param rows hardening.Row[]
---@return string
function M.encode(rows)
  local lines = {}
  for _, row in ipairs(rows) do
    lines[#lines + 1] = ("%s\t%s\t%s\t%s\n"):format(row.name, row.wanted, row.found, row.holds)
  end
  return table.concat(lines)
end

--- The reverse of `encode`; appends to `rows`.
---@param text string
---@param rows hardening.Row[] where they are put
function M.decode(text, rows)
  for name, wanted, found, holds in text:gmatch("([^\t\n]*)\t([^\t\n]*)\t([^\t\n]*)\t(%a+)\n") do
    rows[#rows + 1] = { name = name, wanted = wanted, found = found, holds = holds == "true" }
  end
end

--- Runs in the box, as its first process, when everything is in force.
---@param wanted hardening.Wanted
---@return hardening.Row[]
function M.inside(wanted)
  local rows, row = M.report()
  inside.properties(wanted, row)
  return rows
end

--- Runs in the box: takes what the limits must refuse. What happened shows in the counters.
---@param wanted hardening.Wanted
---@return integer children that could be started at once
function M.strain(wanted)
  return inside.strain(wanted)
end

--- Runs in the box: takes all of the processor, until the parent ends the box.
function M.burn()
  inside.burn()
end

--- Runs in the parent while the box waits.
---@param pid integer the box's first process, as the host sees it
---@param group any the cgroup, or nil
---@param wanted hardening.Wanted
---@return hardening.Row[]
function M.outside(pid, group, wanted)
  local rows, row, cannot = M.report()

  local mine, theirs = proc_ns(), proc_ns(pid)
  local shared = {}
  for _, kind in ipairs { "cgroup", "ipc", "mnt", "net", "pid", "uts" } do
    if mine[kind] == theirs[kind] then
      shared[#shared + 1] = kind
    end
  end
  row(
    "namespaces shared with the host",
    "none",
    #shared == 0 and "none" or table.concat(shared, " ")
  )

  local status = proc_status(pid)
  row("root on the host", "no", status.uid.effective == 0 and "yes" or "no")
  row("no_new_privs, from outside", 1, status.no_new_privs)
  row(
    "seccomp filters, from outside",
    "at least 1",
    status.seccomp_filters,
    status.seccomp_filters >= 1
  )

  local writable = {}
  for _, entry in ipairs(mountinfo(pid)) do
    local readonly = false
    for _, option in ipairs(entry.mount_options) do
      readonly = readonly or option == "ro"
    end
    if not readonly then
      writable[#writable + 1] = entry.mount_point
    end
    if entry.mount_point == "/" then
      row("root", "read-only", readonly and "read-only" or "writable")
    end
  end
  table.sort(writable)
  local list = table.concat(writable, " ")
  local others = list:gsub("/dev/%S*", ""):gsub("/proc%S*", ""):gsub("/tmp", ""):gsub("%s", "")
  row("writable mounts", "in /dev and /proc; /tmp", list, others == "")

  local limits = group and in_words(group:get()) or {}
  for _, name in ipairs { "memory", "cpu", "pids" } do
    local asked = wanted.limits[name]
    if wanted.allowed[name] then
      row("limit: " .. name, asked, limits[name], same_amount(name, asked, limits[name]))
    else
      cannot("limit: " .. name, asked, "the host does not let this user set it")
    end
  end
  return rows
end

--- How much of one processor a group uses while its box burns, in percent, and in how many periods
--- it was stopped.
local function processor_share(group, box)
  local function now()
    local cpu = group:stats().cpu
    return clock("monotonic"), cpu.usage_usec / 1e6, cpu.nr_throttled
  end
  local start, used_before, throttled_before = now()
  box:wait { timeout = "2s" }
  local moment, used, throttled = now()
  return (used - used_before) / (moment - start) * 100, throttled - throttled_before
end

--- Runs in the parent after `strain`, and during `burn`: what the kernel has counted.
---@param box any the process
---@param children integer that `strain` could start
---@param group any the cgroup, or nil
---@param wanted hardening.Wanted
---@return hardening.Row[]
function M.counted(box, children, group, wanted)
  local rows, row = M.report()
  if wanted.allowed.pids then
    local below = ("less than %d"):format(wanted.limits.pids)
    row("children at once", below, children, children < wanted.limits.pids)
  end
  if wanted.allowed.memory then
    local kills = group:events().memory.oom_kill
    row("memory beyond the limit", "killed", kills >= 1 and "killed" or "granted")
  end
  if wanted.allowed.cpu then
    local share, throttled = processor_share(group, box)
    local percent = tonumber(wanted.limits.cpu:match("^%d+"))
    local found = ("%.0f%%, throttled in %d periods"):format(share, throttled)
    -- The kernel grants by slices of 5 ms in periods of 100 ms.
    row("processor beyond the limit", "at most " .. wanted.limits.cpu, found, share < percent + 10)
  end
  return rows
end

--- Prints the rows as a table.
---@param rows hardening.Row[]
---@return integer broken promises
function M.print(rows)
  local name_width, wanted_width = 8, 6
  for _, row in ipairs(rows) do
    name_width = math.max(name_width, utf8.len(row.name))
    wanted_width = math.max(wanted_width, utf8.len(row.wanted))
  end
  local function pad(text, width)
    return text .. (" "):rep(width - utf8.len(text))
  end
  print(("   %s  %s  found"):format(pad("property", name_width), pad("wanted", wanted_width)))
  local kept, broken, absent = 0, 0, 0
  for _, row in ipairs(rows) do
    local mark = MARKS[row.holds] or "–"
    local line = (" %s %s  %s  %s"):format(
      mark,
      pad(row.name, name_width),
      pad(row.wanted, wanted_width),
      row.found
    )
    print(line)
    if row.holds then
      kept = kept + 1
    elseif row.holds == false then
      broken = broken + 1
    else
      absent = absent + 1
    end
  end
  print(("\n%d properties hold, %d do not, %d cannot be had here"):format(kept, broken, absent))
  return broken
end

return M
