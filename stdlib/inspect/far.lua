--- The far ends: whose the other end of a veth is, what the router on it knows, and who else has
--- the same address. The kernel gives the other end's number in its own namespace, and not which
--- namespace that is; so the namespaces of all processes are searched for a veth that points back.
---
--- ```lua
--- local network = require "inspect.network"
---
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   local pair <close> = veth("left", "right", { address = "10.0.0.1/24", up = true })
---   local found = network.read(proc_stat().pid)
---   assert(#found.links == 3 and found.links[3].peer.here)
--- end)
--- assert(box:wait().code == 0)
--- ```
local ip = require "inspect.ip"
local part = require "inspect.part"

local M = {}

-- A host with more namespaces than these is not searched through for a cable's end.
local MOST = 128

local NOT_FOUND = "no process is in sight whose network namespace has the other end"

--- A process for each network namespace in sight, this program's own first.
local function namespaces()
  local own, seen, list = proc_ns().net, {}, {}
  list[1], seen[own] = { inode = own, pid = proc_stat().pid, host = true }, true
  for _, pid in ipairs(pids()) do
    local spaces = part.known(part.read(proc_ns, pid))
    if spaces and spaces.net and not seen[spaces.net] and #list < MOST then
      seen[spaces.net] = true
      list[#list + 1] = { inode = spaces.net, pid = pid }
    end
  end
  return list
end

--- Reads each namespace once, when it is asked for.
local function searcher(tables)
  local list
  local S = {}
  function S.all()
    list = list or namespaces()
    return list
  end
  function S.tables(space)
    if space.tables == nil then
      space.tables = part.known(tables(space.pid)) or false
    end
    return space.tables
  end
  return S
end

--- The veth that has this number, and whose other end has that one.
local function find(links, index, back)
  for _, link in ipairs(links) do
    if link.index == index and link.kind == "veth" and link.link == back then
      return link
    end
  end
end

local function addresses_of(tables, name)
  local list = json_array {}
  for _, row in ipairs(tables.addresses) do
    if row.link == name then
      table.insert(list, row.address)
    end
  end
  return list
end

--- The other end of a veth: where it is and how it stands. Two namespaces can hold devices with the
--- same two numbers; then `ambiguous` says so, and nothing is concluded from it.
local function peer_of(link, own_inode, search)
  local found
  for _, space in ipairs(search.all()) do
    local tables = space.inode ~= own_inode and search.tables(space)
    local other = tables and find(tables.links, link.link, link.index)
    if other then
      if found then
        found.ambiguous = true
        return found
      end
      found = {
        space = space,
        tables = tables,
        link = other,
        shown = {
          inode = space.inode,
          pid = space.pid,
          host = space.host,
          name = other.name,
          index = other.index,
          up = other.up,
          state = other.state,
          master = other.master,
          addresses = addresses_of(tables, other.name),
        },
      }
    end
  end
  return found
end

--- The names under which the far side can hold addresses: the end itself and its bridge.
local function far_names(peer)
  local names = { [peer.link.name] = true }
  if peer.link.master then
    names[peer.link.master] = true
    peer.shown.bridge_addresses = addresses_of(peer.tables, peer.link.master)
    for _, link in ipairs(peer.tables.links) do
      if link.name == peer.link.master then
        peer.shown.bridge_up = link.up
      end
    end
  end
  return names
end

--- Addresses of the link that somebody else on the same wire has: the other end, its bridge, and
--- the other containers on that bridge.
local function duplicates(link, peer, answer, search)
  local function compare(list, where)
    for _, row in ipairs(link.addresses) do
      for _, other in ipairs(list) do
        if ip.bare(row.address) == ip.bare(other) and row.scope ~= "host" then
          table.insert(answer.duplicates, { address = other, link = link.name, other = where })
        end
      end
    end
  end
  compare(peer.shown.addresses, peer.link.name .. " at the other end")
  compare(peer.shown.bridge_addresses or {}, "the bridge " .. tostring(peer.link.master))
  for _, port in ipairs(peer.link.master and peer.tables.links or {}) do
    local neighbour = port.master == peer.link.master
      and port.name ~= peer.link.name
      and math.type(port.link) == "integer"
      and peer_of(port, peer.space.inode, search)
    if neighbour and not neighbour.ambiguous then
      local where = ("%s of process %d, on the same bridge"):format(
        neighbour.link.name,
        neighbour.space.pid
      )
      compare(neighbour.shown.addresses, where)
    end
  end
end

--- Whether the far namespace forwards: asked by a child that enters it, as /proc/sys/net is that of
--- the reader's namespace.
local function forwarding(space, family)
  local name = family == "inet6" and "net.ipv6.conf.all.forwarding" or "net.ipv4.ip_forward"
  if space.host then
    return sysctl_get(name)
  end
  return part.known(part.child({ join = { net = space.pid } }, function()
    return sysctl_get(name) or ""
  end))
end

--- A router that packets are sent to: whether it can be reached, whose it is, and what it does.
local function gateway(route, link, answer)
  local row = { to = route.to, via = route.via, dev = route.dev, family = route.family }
  row.reachable = false
  for _, own in ipairs(link and link.addresses or {}) do
    row.reachable = row.reachable or ip.contains(own.address, route.via)
  end
  for _, other in ipairs(answer.routes) do
    if not other.via and other.dev == route.dev and other.to ~= "default" then
      row.reachable = row.reachable or ip.contains(other.to, route.via)
    end
  end
  return row
end

--- What the router at the far end knows: whether it forwards, and the way back to the address.
local function ask_router(row, link, peer, names)
  local holds = false
  for _, list in ipairs { peer.shown.addresses, peer.shown.bridge_addresses or {} } do
    for _, address in ipairs(list) do
      holds = holds or ip.bare(address) == row.via
    end
  end
  if not holds then
    return
  end
  row.router = { inode = peer.space.inode, pid = peer.space.pid, host = peer.space.host }
  if not peer.link.up then
    -- Its routes are gone with the device; that it is down is the fault.
    return
  end
  row.forwarding = forwarding(peer.space, row.family)
  for _, own in ipairs(link.addresses) do
    if ip.family(own.address) == row.family and own.scope == "universe" then
      local back = ip.route(peer.tables.routes, own.address)
      row.returns = back ~= nil and names[back.dev] == true
      row.returns_for = ip.bare(own.address)
    end
  end
end

--- Addresses that two devices of the namespace have.
local function twice(answer)
  local seen = {}
  for _, link in ipairs(answer.links) do
    for _, row in ipairs(link.addresses) do
      local bare = ip.bare(row.address)
      local failed = table.concat(row.flags or {}, " "):find("dadfailed", 1, true)
      if failed then
        local other = "a neighbour, which answered when the kernel asked"
        table.insert(answer.duplicates, { address = bare, link = link.name, other = other })
      elseif seen[bare] and row.scope ~= "link" then
        table.insert(
          answer.duplicates,
          { address = bare, link = link.name, other = seen[bare] .. " of the same namespace" }
        )
      end
      seen[bare] = seen[bare] or link.name
    end
  end
end

--- Adds to the facts of a namespace what lies at the other ends.
---@param answer table what `inspect.network` found so far; changed
---@param pid integer a process in the namespace
---@param tables fun(pid: integer): table reads another namespace
function M.look(answer, pid, tables)
  local search, by_name = searcher(tables), {}
  local inode = answer.inode or proc_ns(pid).net
  local peers = {}
  for _, link in ipairs(answer.links) do
    by_name[link.name] = link
    if link.kind == "veth" and type(link.link) == "string" then
      link.peer = { here = true, name = link.link }
    elseif link.kind == "veth" and math.type(link.link) == "integer" then
      local peer = peer_of(link, inode, search)
      link.peer = peer and peer.shown or part.unreadable("ENOENT", NOT_FOUND)
      if peer and not peer.ambiguous then
        peers[link.name] = { peer = peer, names = far_names(peer) }
        duplicates(link, peer, answer, search)
      elseif peer then
        link.peer.ambiguous = true
      end
    end
  end
  twice(answer)
  for _, route in ipairs(answer.routes) do
    if route.via then
      local link = by_name[route.dev]
      local row = gateway(route, link, answer)
      local far = peers[route.dev]
      if far then
        ask_router(row, link, far.peer, far.names)
      end
      table.insert(answer.gateways, row)
    end
  end
end

return M
