--- The bridges that containers share: made when first needed, removed with the last container.
---
--- A bridge belongs to no single process, so neither it nor its NAT stands in a process's journal:
--- the devices are made through a handle of the namespace (`ns`), which the journal leaves alone,
--- and are kept. What says that they exist is `bridges/NAME/bridge.json`, written before them.
--- A bridge that the user has made is used as it is, and stays.
---
--- Every function here is called under the lock of `network.state`.
---
--- ```lua
--- local bridges = require "network.bridge"
---
--- assert(bridges.subnet6("crun-lua0"):find("^fd[%x:]+::/64$"))
--- ```
local address = require "network.address"
local options = require "options"
local ports = require "network.ports"
local state = require "network.state"

local M = {}

---@class network.Bridge
---@field name string
---@field made boolean made here; false for a user's
---@field ready boolean whether all of it has been made
---@field subnet? string
---@field gateway? string
---@field subnet6? string
---@field gateway6? string
---@field nat boolean
---@field nat6 boolean
---@field published? boolean whether ports have been published: see `network.ports`

--- A private IPv6 network that the name leads to: the same on each machine, unlike any other's.
---@param name string
---@return string
function M.subnet6(name)
  local hex = sha256("crun-lua bridge " .. name)
  return ("fd%s:%s:%s::/64")
    :format(hex:sub(1, 2), hex:sub(3, 6), hex:sub(7, 10))
    :gsub(":0+(%x)", ":%1")
end

--- The directory of a bridge's records.
function M.dir(scope, name)
  return ("%s/bridges/%s"):format(state.dir(scope), name)
end

--- Whether the device exists: one file, where a dump of all devices would grow with them.
local function exists(name)
  return sysctl_get(("net/ipv4/conf/%s/forwarding"):format(name)) ~= nil
end

--- Networks that the host reaches already, each with a word on where.
function M.reached()
  local list = {}
  for _, route in ipairs(routes()) do
    local net = address.cidr(route.to)
    if net and net.prefix > 0 then
      local way = ("the route %s by %s"):format(route.to, route.dev or route.via or "nobody")
      list[#list + 1] = { net = net, words = way, dev = route.dev }
    end
  end
  for _, row in ipairs(addresses()) do
    local net = address.cidr(row.address)
    local words = ("the address %s of %s"):format(row.address, row.link)
    list[#list + 1] = { net = net, words = words, dev = row.link }
  end
  return list
end

function M.in_the_way(net, list)
  for _, row in ipairs(list) do
    if address.overlap(net, row.net) then
      return row.words
    end
  end
end

--- The network that was wanted, or the first free one.
local function choose(wanted, list)
  if wanted then
    local words = M.in_the_way(address.network(wanted), list)
    if words then
      local what = ("subnet %s: it overlaps %s"):format(wanted, words)
      options.fail("network", what, "choose another subnet")
    end
    return wanted
  end
  for number = 89, 255 do
    local text = ("10.%d.0.0/24"):format(number)
    if not M.in_the_way(address.network(text), list) then
      return text
    end
  end
  options.fail("network", "no network of 10.89.0.0/24 to 10.255.0.0/24 is free", "say subnet = …")
end

local function first(subnet)
  return address.text(address.at(address.network(subnet), 1))
end

--- A bridge that does not exist yet, as it will be.
local function new(spec)
  local list = M.reached()
  local found = {
    name = spec.bridge,
    made = true,
    ready = false,
    subnet = choose(spec.subnet, list),
    nat = spec.nat ~= false,
    nat6 = spec.nat6 == true,
  }
  found.gateway = first(found.subnet)
  if spec.subnet6 then
    found.subnet6 = choose(spec.subnet6 == true and M.subnet6(spec.bridge) or spec.subnet6, list)
    found.gateway6 = first(found.subnet6)
  end
  return found
end

--- A bridge of the user's: its addresses say which networks it has.
local function theirs(name)
  for _, row in ipairs(links()) do
    if row.name == name and row.kind ~= "bridge" then
      local what = ("the device %q is no bridge (%s)"):format(name, row.kind or "a device")
      options.fail("network", what, "name another bridge")
    end
  end
  local found = { name = name, made = false, ready = true, nat = false, nat6 = false }
  for _, row in ipairs(addresses { link = name }) do
    local one = address.cidr(row.address)
    local key, way = "subnet", "gateway"
    if one.family == 6 then
      key, way = "subnet6", "gateway6"
    end
    if row.scope ~= "link" and not found[key] then
      found[key], found[way] = address.with_prefix(address.network(one)), address.text(one)
    end
  end
  if not found.subnet then
    local what = ("the bridge %q has no IPv4 address, so no subnet is known"):format(name)
    options.fail("network", what, ('address_add(%q, "10.89.0.1/24")'):format(name))
  end
  return found
end

--- Fails where a container wants another network than its bridge has.
local function agree(spec, found)
  for _, key in ipairs { "subnet", "subnet6" } do
    local wanted = spec[key]
    if wanted and (wanted ~= true and wanted ~= found[key] or not found[key]) then
      local has = found[key] or "none"
      local what = ("the bridge %q has the %s %s, not %s"):format(
        found.name,
        key,
        has,
        tostring(wanted)
      )
      options.fail("network", what, "leave it out, or name another bridge")
    end
  end
  for _, key in ipairs { "nat", "nat6" } do
    if found.made and spec[key] ~= nil and spec[key] ~= found[key] then
      local what = ("the bridge %q has %s = %s"):format(found.name, key, tostring(found[key]))
      options.fail("network", what, "all its containers share it: name another bridge")
    end
  end
end

--- Finds out which bridge a container gets. Nothing is made.
---@param spec network.Spec
---@param scope integer
---@return network.Bridge
function M.find(spec, scope)
  local known = state.read(M.dir(scope, spec.bridge) .. "/bridge.json")
  local there = exists(spec.bridge)
  if known and known.made and not (known.ready and there) then
    -- What a killed program has half made is made anew, as it was meant.
    known.ready = false
  elseif known and not there then
    known = nil
  end
  local found = known or (there and theirs(spec.bridge)) or new(spec)
  agree(spec, found)
  return found
end

--- The NAT of one network. A table that is there is of a program that was killed.
local function route_out(subnet, here)
  local wanted = { source = subnet, ns = here, host = true }
  local made, err = try(nat, wanted)
  if err and err.errno == "EEXIST" then
    M.drop_nat(subnet, here)
    made = nat(wanted)
  elseif err then
    error(err, 0)
  end
  made:keep()
end

--- Makes the bridge where it does not exist.
---@param found network.Bridge
---@param here any the host's network namespace
---@param publishes boolean whether a container is about to publish ports
function M.make(found, here, publishes)
  local dir = M.dir(here.inode, found.name)
  mkdir(dir .. "/leases", { parents = true, mode = "0700" })
  local known = stat(dir .. "/bridge.json") and found.ready
  if not known or (publishes and not found.published) then
    found.published = found.published or publishes
    state.write(dir .. "/bridge.json", found)
  end
  if found.ready then
    return
  end
  if exists(found.name) then
    link_delete(found.name, { ns = here, host = true })
  end
  local own = { found.gateway .. found.subnet:match("/%d+$") }
  if found.subnet6 then
    own[2] = found.gateway6 .. found.subnet6:match("/%d+$")
  end
  local mac = address.parse(found.gateway).lo
  local made = bridge(found.name, {
    ns = here,
    host = true,
    address = own,
    nodad = true,
    -- Without one of its own a bridge takes its ports' smallest, and changes it as they come.
    mac = M.mac(mac),
    up = true,
  })
  made:keep()
  if found.nat then
    route_out(found.subnet, here)
  end
  if found.nat6 then
    route_out(found.subnet6, here)
  end
  found.ready = true
  state.write(dir .. "/bridge.json", found)
end

--- The hardware address that goes with an IPv4 address: whoever gets the address next has the
--- same, so no neighbour's table is out of date.
---@param value integer the address as a number
---@return string
function M.mac(value)
  local a, b, c, d = value >> 24 & 255, value >> 16 & 255, value >> 8 & 255, value & 255
  return ("02:c1:%02x:%02x:%02x:%02x"):format(a, b, c, d)
end

--- Deletes the table of nftables that `nat` has made for a network; where there is none it is fine.
function M.drop_nat(subnet, here)
  local family = subnet:find(":", 1, true) and "ip6" or "ip"
  local name = ("%s crun-lua-%s"):format(family, subnet:gsub("[/:]", "-"))
  nft({ "table " .. name, "delete table " .. name }, { ns = here, host = true })
end

--- Removes the bridge where no container has an address of it any more.
---@param scope integer|string
---@param name string
---@param here any the host's network namespace, nil where it is gone
---@return boolean # whether it was removed
function M.drop_unused(scope, name, here)
  local dir = M.dir(scope, name)
  if not stat(dir) or #state.list(dir .. "/leases") > 0 then
    return false
  end
  local found = try(state.read, dir .. "/bridge.json")
  if found and found.published and here then
    ports.shut(name, here, not found.made)
  end
  if found and found.made and here then
    local _, err = try(link_delete, name, { ns = here, host = true })
    if err and err.errno ~= "ENODEV" then
      error(err, 0)
    end
    for _, key in ipairs { "nat", "nat6" } do
      local subnet = found[key == "nat" and "subnet" or "subnet6"]
      if found[key] and subnet then
        M.drop_nat(subnet, here)
      end
    end
  end
  remove(dir, { recursive = true })
  return true
end

return M
