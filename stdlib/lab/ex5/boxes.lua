--- Boxes that faults are made in: processes in namespaces of their own that stand still, and a
--- small world of several of them. Each lies in a user namespace, so an ordinary user can make and
--- mend it.
---
--- ```lua
--- local boxes = require "lab.ex5.boxes"
---
--- local pid = boxes.sleeper({ "user", "net" })
--- assert(proc_ns(pid).net ~= proc_ns().net)
--- kill(pid, "kill")
--- ```
local M = {}

--- A process in new namespaces that sleeps; it dies with the caller. `before` runs inside first.
---@param kinds string[]
---@param before? fun()
---@param more? table further options of `spawn`
---@return integer pid
function M.sleeper(kinds, before, more)
  local given = { unshare = kinds, die_with_parent = true, stdin = "null" }
  for key, value in pairs(more or {}) do
    given[key] = value
  end
  local child = spawn(given, function()
    if before then
      before()
    end
    exec { "sleep", "86400" }
  end)
  child:started()
  return child:keep().pid
end

--- A process that stays in Lua after `body`, which may say something; it needs no program of its
--- root. Answers its number and what was said.
---@param given table options of `spawn`
---@param body fun(): table?
---@return integer pid
---@return table said
function M.stayer(given, body)
  local said = pipe()
  local child = spawn(given, function()
    said.write:write(json_encode(body() or {}) .. "\n")
    said.write:close()
    while true do
      poll({}, { timeout = "1h" })
    end
  end)
  said.write:close()
  local text = said.read:read("64K", { timeout = "30s" })
  said.read:close()
  if not text or text == "" then
    -- It has ended before it was ready; this raises why.
    child:wait()
  end
  return child:keep().pid, json_decode(text)
end

--- A world with a host of its own, in a user and a network namespace: `build` runs there and
--- answers numbers by name.
---@param build fun(): table<string, integer>
---@return integer host
---@return table<string, integer> pids
function M.world(build)
  return M.stayer(
    { unshare = { "user", "net" }, die_with_parent = true, stdin = "null" },
    function()
      loopback_up()
      return build()
    end
  )
end

--- A process of a world in a network namespace of its own, with a cable to the caller's.
---@param link string the caller's end
---@param cable table further options of `veth`
---@return integer pid
function M.neighbour(link, cable)
  return M.sleeper({ "net" }, loopback_up, {
    parent = function(child)
      local given = { peer_ns = child, up = true }
      for key, value in pairs(cable) do
        given[key] = value
      end
      veth(link, "eth0", given):keep()
    end,
  })
end

--- Runs a function in a box, as its root: what `nsenter -U …` does. Not every call needs a
--- program there, so this works where nothing can be started.
---@param pid integer
---@param kinds string[]
---@param body fun()
function M.enter(pid, kinds, body)
  local own, theirs, join = proc_ns(), proc_ns(pid), {}
  for _, kind in ipairs(kinds) do
    join[kind] = theirs[kind] ~= own[kind] and pid or nil
  end
  local child <close> = spawn({ join = join, die_with_parent = true }, body)
  child:wait()
end

-- Discard: nobody listens there, and that is an answer as well.
local PORT = 9

--- What becomes of a packet to an address, asked in a box: "answered", or the error's name.
---@param t scenario.Facts
---@param pid integer
---@param address string
---@return string
function M.reach(t, pid, address)
  return t:inside(pid, { "net" }, function()
    local socket, err = try(tcp_connect, address, PORT, { timeout = "1s" })
    return (socket or err.errno == "ECONNREFUSED") and "answered" or err.errno
  end, { user = true })
end

--- The addresses of a box's devices, but those of lo and link-local ones.
---@param t scenario.Facts
---@param pid integer
---@return string[]
function M.addresses(t, pid)
  local list = t:inside(pid, { "net" }, function()
    local found = json_array {}
    for _, row in ipairs(addresses()) do
      if row.link ~= "lo" and not row.address:find("^fe80:") then
        found[#found + 1] = row.address
      end
    end
    return found
  end, { user = true })
  -- A plain list, as checks compare and show it.
  return table.move(list, 1, #list, 1, {})
end

--- Runs a program again and again, as a service manager would: each end is a line of `log`, with
--- the status as a shell tells it. Answers the number of the process that does so.
---@param log string
---@param start fun(): any the handle of the child that was started
---@return integer pid
function M.restarter(log, start)
  local child = spawn({ die_with_parent = true, stdin = "null" }, function()
    while true do
      local _, err = try(function()
        local worker <close> = start()
        local line = "%s  started %d\n"
        write_file(log, line:format(os.date("%H:%M:%S"), worker.pid), { append = true })
        local ended = worker:wait()
        line = "%s  ended with status %d\n"
        write_file(log, line:format(os.date("%H:%M:%S"), ended.code), { append = true })
      end)
      if err then
        local text = type(err) == "table" and err.message or tostring(err)
        write_file(log, ("%s  %s\n"):format(os.date("%H:%M:%S"), text), { append = true })
      end
      poll({}, { timeout = "200ms" })
    end
  end)
  return child:keep().pid
end

--- The first check of a task whose manager must not be replaced: it is there still.
---@return table check
function M.manager_lives()
  return {
    "the manager runs",
    function(t)
      local one = proc_stat(t.given.manager)
      local found = one and one.state ~= "Z" and "running" or "ended"
      t:eq(found, "running", "the manager, which must go on as it is", "ps -p " .. t.given.manager)
    end,
  }
end

--- The restarter's present child, where it has lived for a while; else nil.
---@param t scenario.Facts
---@param restarter integer
---@param seconds number
---@return integer?
function M.settled(t, restarter, seconds)
  local worker = t:descendants(restarter)[1]
  local one = worker and proc_stat(worker)
  -- Ticks of a hundredth of a second (USER_HZ).
  if one and one.state ~= "Z" and clock("boottime") - one.starttime / 100 >= seconds then
    return worker
  end
end

return M
