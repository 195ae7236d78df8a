--- Several hosts in one machine: network namespaces joined by cables, with a VXLAN over them.
---
--- Each pair of hosts has a cable of its own, so that links fail one by one. On each host the
--- cables are ports of the bridge `under0`, the underlay; over it the device `vx0` carries the
--- frames of the bridge `br0`, to which containers are attached: all of them are in one Ethernet,
--- wherever they run. Frames for all go to a multicast group of the underlay, so no host knows the
--- others. The cables' ports are isolated from each other: else three hosts would be a circle.
---
--- ```text
---   container ── br0 ── vx0 ┄ under0 ── to-b ══════ to-a ── under0 ┄ vx0 ── br0 ── container
--- ```
---
--- The namespaces have no names and are held open by handles only: however the script ends, the
--- kernel takes all of it away.
---
--- ```lua
--- local network = require "network"
---
--- local lab <close> = network.hosts { "a", "b" }
--- local status = lab.a:run(function()
---   exec { "busybox", "ping", "-c", "1", "-W", "5", lab.b.address }
--- end)
--- assert(status.code == 0)
--- ```
---
--- ```lua
--- local network = require "network"
---
--- local lab <close> = network.hosts { "a", "b" }
--- local cable = lab:link("a", "b")
--- cable:down()
--- lab:partition({ "a" }, { "b" })
--- lab:heal()
--- local child <close> = lab.a:spawn(function()
---   return 0
--- end)
--- assert(child:wait().code == 0)
--- lab:close()
--- ```
local address = require "network.address"
local cable = require "network.cable"
local options = require "options"
local state = require "network.state"

local M = {}

--- A lab: its hosts are fields by their names.
---@class network.Lab
---@field names string[]
---@field closed boolean
---@field [string] network.Host
local Lab = {}
Lab.__index = Lab

--- A pretended host of a lab with several: a network namespace with a bridge of its own.
---@class network.Host
---@field name string
---@field ns any handle of the network namespace
---@field address string the host's address in the overlay, on br0
---@field underlay string the host's address in the underlay, on under0
---@field network table for a container's `network`: br0, with addresses of this host's own part
local Host = {}
Host.__index = Host

--- A namespace without a process.
local function namespace(name)
  local found
  local child <close> = spawn({
    name = name,
    unshare = { "net" },
    parent = function(process)
      found = ns_open(process, "net")
    end,
  }, function() end)
  child:wait()
  return found
end

--- Runs a function in a host's namespace, to its end; an error in it is raised here.
---@param body function a number that it returns is the status; it may `exec`
---@param given? table options of `spawn`, without `join`
---@return table # what `process:wait` answers
function Host:run(body, given)
  local child <close> = self:spawn(body, given)
  return child:wait()
end

--- Starts a function in a host's namespace.
---@param body function
---@param given? table options of `spawn`
---@return any process
function Host:spawn(body, given)
  local all = { join = { net = self.ns } }
  for key, value in pairs(given or {}) do
    all[key] = value
  end
  return spawn(all, body)
end

--- Attaches a process with a network namespace of its own to the host's bridge: its eth0 gets an
--- address of this host's part of the overlay, from the last down; containers with this host's
--- `network` get theirs from the first up. For `spawn`'s option `parent`.
---
--- ```lua
--- local network = require "network"
---
--- local lab <close> = network.hosts { "a", "b" }
--- local child <close> = spawn({ unshare = { "net" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- print(lab.a:attach(child))
--- ```
---@param process any
---@return string # the address
function Host:attach(process)
  self.given = self.given + 1
  local net = address.network(self.network.range)
  local own = address.at(net, 255 - self.given)
  if self.given > 250 then
    options.fail("network.hosts", ("host %q has no address left"):format(self.name))
  end
  local made = veth(("c%d"):format(self.given), "eth0", {
    ns = self.ns,
    peer_ns = process,
    peer_address = ("%s/%d"):format(address.text(own), self.prefix),
    master = "br0",
    up = true,
  })
  made:keep()
  -- The frames of a VXLAN are longer by 50 bytes on the underlay.
  link_set("eth0", { ns = process, mtu = self.network.mtu })
  loopback_up { ns = process }
  return address.text(own)
end

--- A host by its name; an unknown name is an error.
local function host_of(lab, name)
  local found = type(name) == "string" and rawget(lab, "by_name")[name]
  if not found then
    local near = type(name) == "string" and options.nearest(name, lab.names)
    local hint = near and ("did you mean %q?"):format(near) or nil
    options.fail("network.hosts", ("there is no host %q"):format(tostring(name)), hint)
  end
  return found
end

--- The cable between two hosts.
---@param a string
---@param b string
---@return network.Link
function Lab:link(a, b)
  local one, other = host_of(self, a), host_of(self, b)
  if one == other then
    options.fail("network.hosts", ("%q has no link to itself"):format(a))
  end
  return self.links[one.index < other.index and a .. " " .. b or b .. " " .. a]
end

--- Parts the hosts: the cables between hosts of different groups are taken down, others stay.
---@param ... string[] groups of names
function Lab:partition(...)
  local group = {}
  for number, names in ipairs { ... } do
    for _, name in ipairs(names) do
      host_of(self, name)
      if group[name] then
        options.fail("network.hosts", ("the host %q is in two groups"):format(name))
      end
      group[name] = number
    end
  end
  for _, link in pairs(self.links) do
    local one, other = group[link.ends[1].name], group[link.ends[2].name]
    if one and other and one ~= other then
      link:down()
    end
  end
end

--- Brings every cable up, without loss and delay.
function Lab:heal()
  for _, link in pairs(self.links) do
    link:heal()
  end
end

--- Lets go of the namespaces: devices and addresses go with them.
function Lab:close()
  for _, name in ipairs(self.closed and {} or self.names) do
    self.by_name[name].ns:close()
  end
  self.closed = true
end
Lab.__close = Lab.close

--- Frames that come in by one cable do not go out by another.
local function isolate(lab, host)
  local child <close> = host:spawn(function()
    -- The flag is a file of sysfs, which shows the namespace it was mounted in.
    mount("sysfs", "/sys", { type = "sysfs" })
    for _, name in ipairs(lab.names) do
      if name ~= host.name then
        write_file(("/sys/class/net/to-%s/brport/isolated"):format(name), "1")
      end
    end
  end, { unshare = { "mnt" } })
  child:wait()
end

--- The two bridges of a host; the cables come next.
local function build(host, given)
  host.ns = namespace(host.name)
  loopback_up { ns = host.ns }
  bridge("under0", {
    ns = host.ns,
    address = ("%s/%d"):format(host.underlay, address.cidr(given.underlay).prefix),
    up = true,
  })
  local above = { ns = host.ns, address = ("%s/%d"):format(host.address, host.prefix), up = true }
  above.mtu = host.network.mtu
  bridge("br0", above)
end

local function overlay(host, given)
  link_add("vx0", {
    ns = host.ns,
    type = "vxlan",
    id = given.id,
    parent = "under0",
    local_address = host.underlay,
    -- Of a multicast group: frames for all, and for whoever is not known yet, go to all hosts.
    remote = "239.77.77.77",
    master = "br0",
    mtu = host.network.mtu,
    up = true,
  })
end

local function new_host(index, name, given)
  local net, below = address.network(given.overlay), address.network(given.underlay)
  local part = address.at(net, index << 8)
  local host = {
    name = name,
    index = index,
    given = 0,
    prefix = net.prefix,
    address = address.text(address.at(part, 1)),
    underlay = address.text(address.at(below, index)),
    network = {
      mode = "bridge",
      bridge = "br0",
      range = address.text(part) .. "/24",
      mtu = 1450,
    },
  }
  return setmetatable(host, Host)
end

--- Checks the list of names and the options.
local function check(given)
  local names, named = {}, {}
  for key, value in pairs(type(given) == "table" and given or { given }) do
    if math.type(key) == "integer" then
      local fine = type(value) == "string" and value:find("^%l[%w_]*$") and #value <= 12
      if not fine or Lab[value] or named[value] then
        local what = ("%q cannot name a host"):format(tostring(value))
        local hint = "a small letter, then letters, digits and _, at most 12, each name once"
        options.fail("network.hosts", what, hint)
      end
      names[key] = value
    end
  end
  for key, value in pairs(given) do
    named[key] = math.type(key) ~= "integer" and value or nil
  end
  options.check("network.hosts", named, {
    overlay = "string",
    underlay = "string",
    id = "integer",
  })
  if #names < 2 or #names > 64 then
    options.fail("network.hosts", ("%d hosts: 2 to 64 can be joined"):format(#names))
  end
  for index, name in ipairs(names) do
    for before = 1, index - 1 do
      if names[before] == name then
        options.fail("network.hosts", ("two hosts are called %q"):format(name))
      end
    end
  end
  named.overlay, named.underlay = named.overlay or "10.88.0.0/16", named.underlay or "10.77.0.0/24"
  named.id = named.id or 42
  return names, named
end

--- Makes hosts and joins each with each.
---@param given table names; `overlay` ("10.88.0.0/16"), `underlay` ("10.77.0.0/24"), `id` of the
--- VXLAN (42)
---@return network.Lab
function M.new(given)
  local names, settings = check(given)
  local lab = { names = names, by_name = {}, links = {}, closed = false }
  for index, name in ipairs(names) do
    lab.by_name[name] = new_host(index, name, settings)
    lab[name] = lab.by_name[name]
  end
  setmetatable(lab, Lab)
  for _, name in ipairs(names) do
    build(lab[name], settings)
  end
  for index, name in ipairs(names) do
    for after = index + 1, #names do
      lab.links[name .. " " .. names[after]] = cable.lay(lab[name], lab[names[after]])
    end
  end
  for _, name in ipairs(names) do
    if #names > 2 then
      isolate(lab, lab[name])
    end
    overlay(lab[name], settings)
  end
  return lab
end

return M
