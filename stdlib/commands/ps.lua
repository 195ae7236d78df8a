--- `crun-lua ps`: the containers of this machine's user, as a table, as names, or as JSON.
---
--- As with other engines those that have no process are left out unless all are asked for.
---
--- ```lua
--- local ps = require "commands.ps"
---
--- local function list()
---   return { { name = "web", status = "running", pid = 7, command = { "httpd" }, created = 0 } }
--- end
--- assert(ps({ "--quiet" }, { list = list }) == 0) -- web
--- ```
local arguments = require "commands.arguments"
local grid = require "view.table"
local units = require "view.units"

local SPEC = {
  name = "crun-lua ps",
  usage = [[
usage: crun-lua ps [-a] [-q] [--json] [--no-trunc]

  -a, --all      containers that are created or stopped, too
  -q, --quiet    names only
  --json         the records, as a list
  --no-trunc     does not cut commands and roots]],
  flags = { "all", "quiet", "json", "no-trunc" },
  short = { a = "all", q = "quiet" },
}

-- What a container without a process may be.
local IDLE = { created = true, stopped = true }

local function ago(moment, now)
  return moment and units.time(math.max(now - moment, 0) // 1) .. " ago" or nil
end

--- How a container ended: its status, and what ended it.
local function ending(exit)
  if not exit then
    return "exited"
  end
  local what = exit.oom and "out of memory" or exit.signal and "SIG" .. exit.signal:upper()
  local code = exit.code and tostring(exit.code) or "?"
  return ("exited (%s%s)"):format(code, what and ", " .. what or "")
end

--- The state in words, with a colour.
local function state(record, now)
  if record.status == "stopped" then
    local when = ago(record.finished, now)
    local shade = record.exit and record.exit.code == 0 and "dim" or "red"
    return { text = ending(record.exit) .. (when and " " .. when or ""), colour = shade }
  elseif record.status == "restarting" then
    return { text = ("restarting (%d times)"):format(record.restarts or 0), colour = "yellow" }
  elseif record.status == "created" then
    return { text = "created", colour = "dim" }
  end
  local up = record.started and "up " .. units.time(math.max(now - record.started, 0) // 1) or "up"
  local extra = record.status == "paused" and "paused" or record.health
  local shade = (record.status == "paused" or record.health == "starting") and "yellow"
    or record.health == "unhealthy" and "red"
    or "green"
  return { text = up .. (extra and (" (%s)"):format(extra) or ""), colour = shade }
end

--- Published ports as they are written: "127.0.0.1:8080:80/tcp".
local function ports(network)
  local shown = {}
  for _, port in ipairs((network or {}).ports or {}) do
    if type(port) == "table" then
      local ip = port.ip and (port.ip:find(":", 1, true) and "[" .. port.ip .. "]" or port.ip)
      local outer = (ip and ip .. ":" or "") .. tostring(port.host)
      port = ("%s:%s/%s"):format(outer, port.container, port.proto or "tcp")
    end
    shown[#shown + 1] = port
  end
  return #shown > 0 and table.concat(shown, ", ") or nil
end

local function row(record, now)
  return {
    name = record.name,
    status = state(record, now),
    pid = record.pid,
    command = record.command and table.concat(record.command, " "),
    rootfs = record.rootfs,
    created = ago(record.created, now),
    ports = ports(record.network),
  }
end

local function columns(cut)
  return {
    { key = "name" },
    { key = "status" },
    { key = "pid", align = "right" },
    { key = "command", max = cut and 32 or nil },
    { key = "rootfs", title = "ROOT", max = cut and 28 or nil },
    { key = "created" },
    { key = "ports" },
  }
end

--- The containers that are shown, in the order in which they were made.
local function chosen(records, all)
  local list = {}
  for _, record in ipairs(records) do
    if all or not IDLE[record.status] then
      list[#list + 1] = record
    end
  end
  table.sort(list, function(a, b)
    if (a.created or 0) ~= (b.created or 0) then
      return (a.created or 0) < (b.created or 0)
    end
    return a.name < b.name
  end)
  return list
end

---@class commands.PsContext
---@field list? fun(): table[] records; those of `require "container"` without it
---@field now? number the time of day in seconds

---@param args string[]
---@param context? commands.PsContext
---@return integer status
local function ps(args, context)
  local given, status = arguments.parse(args, SPEC)
  if not given then
    return status or 2
  elseif given.json and given.quiet then
    return arguments.refuse(SPEC, "--json and --quiet do not go together")
  end
  context = context or {}
  local records = chosen((context.list or require("container").list)(), given.all)
  if given.json then
    io.write(json_encode(json_array(records), { pretty = true }))
    return 0
  elseif given.quiet then
    for _, record in ipairs(records) do
      print(record.name)
    end
    return 0
  end
  local rows, now = {}, context.now or clock("realtime")
  for index, record in ipairs(records) do
    rows[index] = row(record, now)
  end
  local cut = not given["no-trunc"]
  local how = { columns = columns(cut) }
  if not cut then
    -- Wider than any window: nothing gives way.
    how.width = math.maxinteger
  end
  grid.print(rows, how)
  return 0
end

return ps
