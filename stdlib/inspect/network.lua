--- The network namespace of a process: devices, addresses, routes, and where the other ends of its
--- cables are.
---
--- It is asked from inside: through netlink where this user may enter the namespace, by a child
--- that enters the process's user namespace first where that is this user's own, and else from
--- /proc/PID/net, which tells names and routes only.
---
--- ```lua
--- local network = require "inspect.network"
---
--- local child <close> = spawn({ unshare = { "user", "net" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local found = network.read(child.pid)
--- assert(found.links[1].name == "lo" and found.links[1].up == false)
--- ```
local far = require "inspect.far"
local part = require "inspect.part"

local M = {}

local function tables(options)
  return { links = links(options), addresses = addresses(options), routes = routes(options) }
end

--- The length of a prefix that is written as a mask.
local function prefix(mask)
  local bits = 0
  for byte in mask:gmatch("%d+") do
    local rest = math.tointeger(byte)
    while rest > 0 do
      bits, rest = bits + (rest & 1), rest >> 1
    end
  end
  return bits
end

--- What /proc/PID/net has for everybody: the names of the devices, and routes of IPv4.
local function from_proc(pid, from)
  local devices = proc_net(pid, "dev", from)
  if not devices then
    return part.unreadable("ESRCH")
  end
  local answer = { source = "proc", links = {}, addresses = {}, routes = {} }
  for _, device in ipairs(devices) do
    table.insert(answer.links, { name = device.interface })
  end
  for _, route in ipairs(proc_net(pid, "route", from) or {}) do
    local default = route.destination == "0.0.0.0"
    table.insert(answer.routes, {
      to = default and "default" or ("%s/%d"):format(route.destination, prefix(route.mask)),
      via = route.gateway ~= "0.0.0.0" and route.gateway or nil,
      dev = route.iface,
      family = "inet",
    })
  end
  return answer
end

--- The tables of the network namespace that a process is in.
---@param pid integer
---@param from? table where the readers read
---@return table
function M.tables(pid, from)
  if from then
    return from_proc(pid, from)
  end
  local own, its = proc_ns(), part.known(part.read(proc_ns, pid))
  local here = its and its.net == own.net
  local found = part.read(tables, not here and { ns = pid } or nil)
  if not found.unreadable then
    found.source = "netlink"
    return found
  end
  if its and its.user ~= own.user then
    found = part.child({ join = { user = pid, net = pid } }, tables)
    if not found.unreadable then
      found.source = "joined"
      return found
    end
  end
  return from_proc(pid)
end

--- Puts the addresses to their devices.
local function with_addresses(found)
  local by_name = {}
  for _, link in ipairs(found.links) do
    link.addresses = json_array {}
    by_name[link.name] = link
  end
  for _, row in ipairs(found.addresses) do
    local link = by_name[row.link]
    if link then
      table.insert(link.addresses, { address = row.address, scope = row.scope, flags = row.flags })
    end
  end
end

--- `{ source, inode, links, routes, gateways, duplicates }`; each link has its `addresses`, and its
--- `peer` where it is one end of a veth.
---@param pid integer
---@param from? table where the readers read
---@return table
function M.read(pid, from)
  local found = M.tables(pid, from)
  if found.unreadable then
    return found
  end
  with_addresses(found)
  local spaces = part.known(part.read(proc_ns, pid, from))
  local answer = {
    source = found.source,
    inode = spaces and spaces.net,
    links = json_array(found.links),
    routes = json_array(found.routes),
    gateways = json_array {},
    duplicates = json_array {},
  }
  if found.source ~= "proc" then
    far.look(answer, pid, M.tables)
  end
  return answer
end

return M
