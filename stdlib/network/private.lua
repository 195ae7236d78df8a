--- A network of the container's own, joined to the caller's by one pair of devices.
---
--- Nothing is written down: the pair goes with the container's namespace, whoever dies first. The
--- other end is where the calling process stands: on the host, or in a user's own namespaces.
---
--- ```lua
--- local network = require "network"
---
--- local host <close> = spawn({ unshare = { "net" } }, function()
---   local ends = { mode = "private", address = "10.7.0.2/30", peer_address = "10.7.0.1/30" }
---   local attachment = network.plan(network.parse(ends), { name = "box", root = true })
---   local box <close> = spawn({
---     unshare = { "net" },
---     parent = function(process) network.connect(attachment, process) end,
---   }, function()
---     network.inside(attachment)
---     assert(addresses({ link = "eth0" })[1].address == "10.7.0.2/30")
---   end)
---   assert(box:wait().code == 0)
--- end)
--- assert(host:wait().code == 0)
--- ```
local address = require "network.address"
local bridged = require "network.bridged"
local bridges = require "network.bridge"
local options = require "options"

local M = {}

--- Checks what can be checked before the container exists.
---@param spec network.Spec
---@param record table
function M.plan(spec, record)
  bridged.may("pair of devices")
  record.addresses = spec.address or {}
  for _, text in ipairs(spec.peer_address or {}) do
    local words = bridges.in_the_way(address.network(text), bridges.reached())
    if words then
      local what = ("peer_address %s: it overlaps %s"):format(text, words)
      options.fail("network", what, "choose another network")
    end
  end
end

--- Makes the pair, in the parent, while the container's first process waits.
---@param spec network.Spec
---@param record table
---@param process any
function M.connect(spec, record, process)
  local pid = process.pid
  -- In a plan there is no number yet.
  record.link = spec.peer or (math.type(pid) == "integer" and ("cp%d"):format(pid) or "cp0")
  local here <close> = ns_open("/proc/self/ns/net", "net")
  record.scope = here.inode
  local made = veth(record.link, "eth0", {
    -- Through a handle, so that the pair is not this process's but the container's.
    ns = here,
    host = true,
    peer_ns = process,
    address = spec.peer_address,
    peer_address = spec.address,
    peer_mac = spec.mac,
    mtu = spec.mtu,
    nodad = true,
    up = true,
  })
  made:keep()
  if spec.mtu then
    link_set("eth0", { ns = process, mtu = spec.mtu })
  end
  if spec.gateway then
    local to = spec.gateway:find(":", 1, true) and "::/0" or "default"
    route_add(to, { ns = process, via = spec.gateway })
  end
end

--- Removes the pair where the container's namespace is still held by somebody.
---@param record table
---@param here any the host's network namespace, nil where it is gone
function M.release(record, here)
  if here and record.link then
    local _, err = try(link_delete, record.link, { ns = here, host = true })
    if err and err.errno ~= "ENODEV" then
      error(err, 0)
    end
  end
end

return M
