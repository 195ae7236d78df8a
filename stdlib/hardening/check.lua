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

--- The answers by which the kernel, or a missing name in the box, refuses.
local REFUSALS = {
  EACCES = true,
  EINVAL = true,
  ENOENT = true,
  ENOSYS = true,
  EPERM = true,
  EROFS = true,
}

--- What io.open says for the same errors.
local ERRNO_OF = {
  ["No such file or directory"] = "ENOENT",
  ["Operation not permitted"] = "EPERM",
  ["Permission denied"] = "EACCES",
  ["Read-only file system"] = "EROFS",
}

--- Prints every open descriptor from 3 on; opens none to find out.
local FIND_DESCRIPTORS = [[
fd=3
while [ $fd -lt 256 ]; do
  [ ! -e /proc/self/fd/$fd ] || printf ' %s' $fd
  fd=$((fd + 1))
done]]

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

--- The errno of a call that must fail, or that it was done. A child tries, so that what is not
--- refused does not change the box.
local function attempt(body, ...)
  local arguments = table.pack(...)
  local child <close> = fork(function()
    body(table.unpack(arguments, 1, arguments.n))
  end)
  local ok, err = pcall(child.wait, child)
  if ok then
    return "it was done"
  end
  return type(err) == "table" and err.errno or tostring(err)
end

--- The errno of opening a file. Where it is not refused, nothing is changed by having asked: a file
--- is not cut, and one that was not there goes again.
local function attempt_open(path, mode)
  local there = try(stat, path)
  local file, reason = io.open(path, mode)
  if file then
    file:close()
    if not there then
      try(remove, path)
    end
    return "it was opened"
  end
  reason = reason:gsub("^.*: ", "")
  return ERRNO_OF[reason] or reason
end

--- Whether a path can be read and has nothing in it: a masked file or directory.
local function is_empty(path)
  local text = try(read_file, path)
  local names = try(list_dir, path)
  return text == "" or (names and #names == 0) or (not stat(path))
end

--- Runs in the box, as its first process, when everything is in force.
---@param wanted hardening.Wanted
---@return hardening.Row[]
function M.inside(wanted)
  local rows, row = M.report()
  local status = proc_status()

  local function forbidden(name, found)
    row("refused: " .. name, "an error", found, REFUSALS[found] or false)
  end

  row("first process", "pid 1", "pid " .. status.pid)
  row("host name", wanted.name, sysctl_get("kernel.hostname"))
  row(
    "user, group, other groups",
    ("%d, %d, none"):format(wanted.uid, wanted.gid),
    ("%d, %d, %s"):format(
      status.uid.effective,
      status.gid.effective,
      #status.groups == 0 and "none" or table.concat(status.groups, " ")
    )
  )
  for _, set in ipairs { "inh", "prm", "eff", "bnd", "amb" } do
    row("capabilities, Cap" .. set, ("0"):rep(16), status["cap_" .. set])
  end
  row("no_new_privs", 1, status.no_new_privs)
  row("seccomp mode", 2, status.seccomp)

  for _, path in ipairs { "/new", "/etc/passwd", "/bin/new", "/dev/new" } do
    forbidden("write " .. path, attempt_open(path, "a"))
  end
  write_file("/tmp/mine", "#!/bin/sh\nexit 0\n", { mode = "0755" })
  row("private /tmp", "mine", table.concat(list_dir("/tmp"), " "))
  forbidden(
    "exec a file of /tmp",
    attempt(function()
      local child <close> = spawn(function()
        exec { "/tmp/mine" }
      end)
      child:wait()
    end)
  )
  remove("/tmp/mine")

  for _, path in ipairs { "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern" } do
    forbidden("write " .. path, attempt_open(path, "r+"))
  end
  for _, path in ipairs { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi" } do
    row("masked: " .. path, "empty", is_empty(path) and "empty" or "readable")
  end

  forbidden("make a message queue (Landlock)", attempt_open("/dev/mqueue/new", "a"))
  forbidden("mount", attempt(mount, "none", "/tmp", { type = "tmpfs" }))
  forbidden("unshare a user namespace", attempt(unshare, { "user" }))
  forbidden("become root", attempt(setuser, "0:0"))
  forbidden("chroot", attempt(chroot, "/tmp"))
  forbidden("set the host name", attempt(sethostname, "other"))
  forbidden("join a session keyring", attempt(session_keyring, "mine"))

  local names = {}
  for _, device in ipairs(proc_net(nil, "dev")) do
    names[#names + 1] = device.interface
  end
  row("network devices", "lo", table.concat(names, " "))

  local inherited = capture { "/bin/sh", "-c", FIND_DESCRIPTORS }
  row("descriptors a program gets", "0 1 2", "0 1 2" .. inherited.stdout)

  local child <close> = spawn(function()
    exec { "/bin/sh", "-c", "exit 42" }
  end)
  row("a program runs", "status 42", "status " .. child:wait().code)
  return rows
end

--- Runs in the box: takes what the limits must refuse. What happened shows in the counters.
---@param wanted hardening.Wanted
---@return integer children that could be started at once
function M.strain(wanted)
  local count = 0
  if wanted.allowed.pids then
    local children = {}
    for _ = 1, wanted.limits.pids + 8 do
      local hold = pipe()
      local child = try(spawn, function()
        hold.write:close()
        hold.read:read()
      end)
      if not child then
        break
      end
      count = count + 1
      children[count] = { child = child, hold = hold }
    end
    for _, entry in ipairs(children) do
      entry.hold.write:close()
      entry.child:close()
      entry.hold.read:close()
    end
  end
  if wanted.allowed.memory then
    local hog <close> = spawn(function()
      local blocks = {}
      while #blocks < 1 << 20 do
        table.insert(blocks, ("x"):rep(1 << 20) .. #blocks)
      end
    end)
    try(hog.wait, hog)
  end
  return count
end

--- Runs in the box: takes all of the processor, until the parent ends the box.
function M.burn()
  for _ = 1, 4 do
    fork(function()
      while true do
      end
    end)
  end
  while true do
  end
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
