--- Gives back what dead programs have left: connections, addresses, ports, bridges, tables.
---
--- A connection is left over when neither the program that made it nor the container's first
--- process runs any more. Namespaces, and pairs of devices into them, are the kernel's to remove:
--- they go with the last process.
---
--- ```lua
--- local gc = require "network.gc"
---
--- for _, text in ipairs(gc.run(function() end)) do
---   print(text)
--- end
--- ```
local bridges = require "network.bridge"
local state = require "network.state"

local M = {}

--- Removes what a program was writing when it was killed. Under the lock nobody else is writing.
local function sweep(dir)
  for _, name in ipairs(try(list_dir, dir) or {}) do
    if name:find("%.new$") then
      remove(dir .. "/" .. name, { missing = true })
    end
  end
end

--- Removes leases of connections that are not there: a lease is written after its connection and
--- removed before it, so under the lock such a one is nobody's.
local function stray(scope, dir)
  for _, name in ipairs(state.list(dir)) do
    local lease = try(state.read, dir .. "/" .. name)
    if lease and lease.id and not stat(state.attachment(scope, lease.id)) then
      remove(dir .. "/" .. name, { missing = true })
    end
  end
end

--- The connections of one host whose owners are dead.
local function connections(scope, release, told)
  local dir = state.dir(scope) .. "/attachments"
  for _, file in ipairs(state.list(dir)) do
    local path = dir .. "/" .. file
    local record, err = nil, nil
    if file:find("%.json$") then
      record, err = try(state.read, path)
    end
    if record and not state.held(record) then
      local _, failure = try(release, record)
      local what = ("%s network of %s"):format(record.mode, record.name)
      told[#told + 1] = failure and ("%s: %s"):format(what, failure.message) or what
    elseif err then
      told[#told + 1] = err.message
    end
  end
end

--- Bridges that were made, or begun, for a container that never came to be.
local function leftover_bridges(scope, here, told)
  for _, name in ipairs(state.list(state.dir(scope) .. "/bridges")) do
    sweep(bridges.dir(scope, name) .. "/leases")
    stray(scope, bridges.dir(scope, name) .. "/leases")
    if bridges.drop_unused(scope, name, here) then
      told[#told + 1] = "bridge " .. name
    end
  end
end

--- Cleans every host that has records.
---@param release fun(record: table) gives a connection back; not under the lock
---@return string[] # what was removed
function M.run(release)
  local told = {}
  for _, scope in ipairs(state.list(state.base())) do
    if scope:find("^%d+$") then
      connections(scope, release, told)
      local here = state.enter(scope)
      state.locked(function()
        sweep(state.dir(scope) .. "/attachments")
        sweep(state.dir(scope) .. "/ports")
        stray(scope, state.dir(scope) .. "/ports")
        leftover_bridges(scope, here, told)
        state.tidy(scope)
      end)
      if here then
        here:close()
      end
    end
  end
  return told
end

return M
