--- Containers on a bridge: an address of their own, names of each other, NAT out, published ports.
---
--- Planning is done under the lock and before the container exists: the record, the ports, the
--- bridge, the address. Connecting makes the pair of devices, one end a port of the bridge and the
--- other straight inside of the container. A failure on the way gives all of it back.
---
--- ```lua
--- local bridged = require "network.bridged"
---
--- local child <close> = spawn(function()
---   drop_caps { "net_admin" }
---   local _, err = try(bridged.may, "bridge")
---   assert(err.hint:find("pasta", 1, true))
--- end)
--- assert(child:wait().code == 0)
--- ```
local address = require "network.address"
local bridges = require "network.bridge"
local files = require "network.files"
local leases = require "network.leases"
local options = require "options"
local ports = require "network.ports"
local state = require "network.state"

local M = {}

--- Fails where this process has no right to make devices here.
---@param op string what it is to make
function M.may(op)
  for _, name in ipairs(caps_get().effective) do
    if name == "net_admin" then
      return
    end
  end
  local hint = 'use network = "pasta", or be root: unshare { "user", "net" } gives an own network'
  options.fail("network", ("a %s needs CAP_NET_ADMIN"):format(op), hint)
end

--- Which of the bridge's networks a wanted address belongs to; the others get one of their own.
local function sort_wanted(spec, bridge)
  local wanted = {}
  for _, text in ipairs(spec.address or {}) do
    local one = address.parse(text)
    if one.family == 6 and not bridge.subnet6 then
      local what = ("address %s: the bridge %q has no IPv6"):format(text, bridge.name)
      options.fail("network", what, "say subnet6 = true")
    elseif wanted[one.family] then
      options.fail("network", "address: two addresses of one family are wanted")
    end
    wanted[one.family] = one
  end
  return wanted
end

--- Gives back what a dead process has left; false where somebody still answers for it.
local function give_back(scope, here)
  return function(id)
    local record = state.read(state.attachment(scope, id))
    if record and state.held(record) then
      return false
    elseif record then
      M.release(record, here)
    end
    return true
  end
end

local function choose(record, spec, bridge, here)
  local back = give_back(record.scope, here)
  local wanted = sort_wanted(spec, bridge)
  for _, key in ipairs { "subnet", "subnet6" } do
    local net = bridge[key]
    if net then
      local family = key == "subnet" and 4 or 6
      local range = family == 4 and spec.range or nil
      local one = leases.choose(bridge, record.scope, net, range, wanted[family], back)
      table.insert(record.addresses, one .. net:match("/%d+$"))
      table.insert(record.networks, net)
    end
  end
end

--- Takes an address, in the parent, before the container exists.
---@param spec network.Spec
---@param record table id, name and owner; the rest is filled in here
---@param here any the host's network namespace
function M.plan(spec, record, here)
  M.may("bridge")
  state.locked(function()
    record.bridge, record.link = spec.bridge, "cl" .. record.id
    record.addresses, record.networks = {}, {}
    record.ports, record.mtu = ports.parse(spec.publish or {}), spec.mtu
    local bridge = bridges.find(spec, record.scope)
    choose(record, spec, bridge, here)
    record.gateway = bridge.gateway
    -- Without routing IPv6 stays on the bridge: neither the way out nor published ports.
    record.gateway6 = bridge.nat6 and bridge.gateway6 or nil
    ports.check(record)
    local _, err = try(function()
      mkdir(state.dir(record.scope) .. "/attachments", { parents = true, mode = "0700" })
      state.write(state.attachment(record.scope, record.id), record)
      if #record.ports > 0 then
        ports.take(record, record.ports, give_back(record.scope, here))
      end
      bridges.make(bridge, here, #record.ports > 0)
      leases.take(record)
    end)
    if err then
      M.release(record, here)
      -- The bridge may not have been made, and then nobody was its last.
      state.tidy(record.scope)
      error(err, 0)
    end
  end)
end

--- The files of a container: its own name and those of all others on the bridge. `live` are files
--- that change as containers come and go: mounted instead of written they are never out of date.
---@param spec network.Spec
---@param record table
---@return table<string, string> texts, table<string, string>|nil live
function M.names(spec, record)
  local path = bridges.dir(record.scope, record.bridge) .. "/hosts"
  local text = (read_file(path) or files.LOCAL):gsub("#[^\n]*\n", "")
  if spec.hosts then
    return text .. files.hosts(spec.hosts):sub(#files.LOCAL + 1), nil
  end
  return text, path
end

--- Connects the container, in the parent, while its first process waits.
---@param record table
---@param process any its handle
---@param here any the host's network namespace
function M.connect(record, process, here)
  local made = veth(record.link, "eth0", {
    ns = here,
    host = true,
    peer_ns = process,
    peer_address = record.addresses,
    peer_mac = bridges.mac(address.cidr(record.addresses[1]).lo),
    nodad = true,
    mtu = record.mtu,
    master = record.bridge,
    up = true,
  })
  made:keep()
  if record.mtu then
    link_set("eth0", { ns = process, mtu = record.mtu })
  end
  route_add("default", { ns = process, via = record.gateway })
  if record.gateway6 then
    route_add("::/0", { ns = process, via = record.gateway6 })
  end
  if #record.ports > 0 then
    ports.publish(record, here)
  end
end

--- Gives everything back, under the lock: the device first, so that nobody answers any more at an
--- address that the next container gets. Doing it twice is fine.
---@param record table
---@param here any the host's network namespace, nil where it is gone
function M.release(record, here)
  if here then
    local _, err = try(link_delete, record.link, { ns = here, host = true })
    if err and err.errno ~= "ENODEV" then
      error(err, 0)
    end
    if #(record.ports or {}) > 0 then
      ports.withdraw(record, here)
    end
  end
  ports.give(record)
  leases.give(record)
  local last = bridges.drop_unused(record.scope, record.bridge, here)
  remove(state.attachment(record.scope, record.id), { missing = true })
  if last then
    state.tidy(record.scope)
  end
end

return M
