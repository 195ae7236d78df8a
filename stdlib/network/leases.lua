--- Addresses given out without collision: a file an address, made under the lock.
---
--- A file names the connection that has the address. When its owner has died, the address is taken
--- back by whoever needs it: the connection is released as a whole, so that the device which still
--- answers at the address goes first.
---
--- ```lua
--- local leases = require "network.leases"
---
--- local names = "127.0.0.1\tlocalhost\n10.89.0.2\tweb\n"
--- assert(leases.line_of(names, "10.89.0.2", "web") == #"127.0.0.1\tlocalhost\n")
--- ```
local address = require "network.address"
local bridges = require "network.bridge"
local options = require "options"
local state = require "network.state"

local M = {}

--- A file of names longer than this is written anew without those that have gone.
local LONG = 1 << 16

local function taken_by(dir, name, give_back)
  local lease = state.read(dir .. "/" .. name)
  if lease and give_back(lease.id) then
    return nil
  end
  return lease and lease.name or "somebody"
end

--- Fails where the wanted address cannot be had.
local function claim(wanted, bridge, net, dir, give_back)
  local text = address.text(wanted)
  local function refuse(why, hint)
    options.fail("network", ("address %s: %s"):format(text, why), hint)
  end
  if not address.contains(net, wanted) then
    refuse(("the bridge %q has the subnet %s"):format(bridge.name, address.with_prefix(net)))
  end
  local edge = address.same(wanted, net)
    or (net.family == 4 and wanted.lo == net.lo + (1 << (32 - net.prefix)) - 1)
  if edge then
    refuse("it is no host's: the first and the last of a subnet name all of it")
  end
  for _, row in ipairs(addresses()) do
    if address.same(address.cidr(row.address), wanted) then
      refuse(("the host itself has it, on %s"):format(row.link), "choose another address")
    end
  end
  if text == bridge.gateway or text == bridge.gateway6 then
    refuse(("it is the bridge %q's own"):format(bridge.name), "choose another address")
  end
  if stat(dir .. "/" .. text) then
    local name = taken_by(dir, text, give_back)
    if name then
      refuse(("the container %q has it"):format(name), "choose another, or delete that container")
    end
  end
  return text
end

--- An address that nobody has, as low as possible; nil where all are taken.
local function lowest(net, from, bridge, dir)
  local taken, count = { [bridge.gateway or ""] = true, [bridge.gateway6 or ""] = true }, 0
  for _, name in ipairs(state.list(dir)) do
    taken[name] = true
    count = count + ((name:find(":", 1, true) ~= nil) == (net.family == 6) and 1 or 0)
  end
  local start = from.lo - net.lo
  local function free(offset)
    local candidate = address.at(net, start + offset)
    local text = address.text(candidate)
    local last = net.family == 4 and candidate.lo == net.lo + (1 << (32 - net.prefix)) - 1
    return not taken[text] and not last and address.contains(from, candidate) and text or nil
  end
  -- Where none has gone before its time the next is as far on as there are leases.
  local found = free(count + (start == 0 and 2 or 1))
  for offset = 1, found and 0 or count + 3 do
    found = found or free(offset)
  end
  return found
end

--- Chooses one address of a network.
---@param bridge network.Bridge
---@param net string the bridge's subnet
---@param range? string the part of it that is given out
---@param wanted? network.Address
---@param give_back fun(id: string): boolean releases a dead connection
---@return string
function M.choose(bridge, scope, net, range, wanted, give_back)
  local dir = bridges.dir(scope, bridge.name) .. "/leases"
  local whole = address.network(net)
  if wanted then
    return claim(wanted, bridge, whole, dir, give_back)
  end
  local from = range and address.network(range) or whole
  local found = lowest(whole, from, bridge, dir)
  if not found then
    for _, name in ipairs(state.list(dir)) do
      taken_by(dir, name, give_back)
    end
    found = lowest(whole, from, bridge, dir)
  end
  if not found then
    local what = ("no address of %s is free on the bridge %q"):format(range or net, bridge.name)
    options.fail("network", what, "delete containers, or use a bridge with a larger subnet")
  end
  return found
end

--- Takes the addresses of a connection, and adds its name to the bridge's file of names.
---@param record table
function M.take(record)
  local dir = bridges.dir(record.scope, record.bridge)
  local lines = {}
  for _, text in ipairs(record.addresses) do
    local one = text:match("^[^/]+")
    local lease = { id = record.id, name = record.name, owner = record.owner }
    state.write(("%s/leases/%s"):format(dir, one), lease)
    lines[#lines + 1] = ("%s\t%s\n"):format(one, record.name)
  end
  if not stat(dir .. "/hosts") then
    write_file(dir .. "/hosts", require("network.files").LOCAL)
    -- Whatever the umask: users of the containers read it.
    chmod(dir .. "/hosts", "0644")
  end
  write_file(dir .. "/hosts", table.concat(lines), { append = true })
end

--- Where the line of a name begins in a file of names, counted from 0.
---@param text string
---@return integer?
function M.line_of(text, one, name)
  local at = ("\n" .. text):find(("\n%s\t%s\n"):format(one, name), 1, true)
  return at and at - 1
end

--- Takes a name out, without a moment at which a reader sees only a part of the others: its line
--- becomes a comment by one byte. Containers have this very file mounted, so it is not replaced.
local function strike(path, one, name)
  local text = read_file(path)
  local at = text and M.line_of(text, one, name)
  if not at then
    return
  end
  if #text > LONG then
    local kept = (text:sub(1, at) .. "#" .. text:sub(at + 2)):gsub("#[^\n]*\n", "")
    write_file(path, kept)
    return
  end
  local file <close> = assert(io.open(path, "r+"))
  file:seek("set", at)
  file:write("#")
end

--- Gives the addresses back. One that another connection has by now stays.
---@param record table
function M.give(record)
  local dir = bridges.dir(record.scope, record.bridge)
  for _, text in ipairs(record.addresses or {}) do
    local one = text:match("^[^/]+")
    local path = ("%s/leases/%s"):format(dir, one)
    local lease = try(state.read, path)
    if lease and lease.id == record.id then
      strike(dir .. "/hosts", one, record.name)
      remove(path, { missing = true })
    end
  end
end

return M
