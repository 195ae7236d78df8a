--- How the networks of a snapshot are wired: a node for each network namespace, with its devices
--- and addresses, and a wire for each pair of ends.
---
--- The host's devices are many; of them only those count that a wire ends at, and the bridge that
--- such an end is a port of.
---
--- ```lua
--- local wiring = require "inspect.wiring"
---
--- local found = wiring.of {
---   networks = {
---     { inode = 2, links = { { name = "eth0", kind = "veth", up = true, addresses = {},
---       peer = { inode = 1, host = true, name = "web0", up = true, addresses = {} } } } },
---   },
--- }
--- assert(#found.nodes == 2 and found.nodes[1].host and found.wires[1].from.link == "eth0")
--- ```
local M = {}

-- Of a namespace with more devices than these only the first are drawn.
local MOST = 24

local function addresses_of(list)
  local out = {}
  for index, one in ipairs(list or {}) do
    out[index] = type(one) == "table" and one.address or one
  end
  return out
end

local function link_row(link)
  return {
    name = link.name,
    kind = link.kind,
    up = link.up,
    mtu = link.mtu,
    master = link.master,
    addresses = addresses_of(link.addresses),
  }
end

--- The graph under construction.
local Graph = {}
Graph.__index = Graph

function Graph:node(id, inode, fields)
  local node = self.by_id[id]
  if not node then
    node = { id = id, inode = inode, links = {}, by_name = {}, left_out = 0 }
    self.by_id[id] = node
    -- The kernel uses numbers again: what leads to one leads to the youngest that has it.
    self.youngest[inode] = id
    self.nodes[#self.nodes + 1] = node
  end
  for key, value in pairs(fields) do
    node[key] = value
  end
  return node
end

local function add(node, row)
  if node.by_name[row.name] then
    return
  elseif #node.links >= MOST then
    node.left_out = node.left_out + 1
    return
  end
  node.by_name[row.name] = row
  node.links[#node.links + 1] = row
end

function Graph:wire(from, to)
  local ends = { from.node .. from.link, to.node .. to.link }
  table.sort(ends)
  local key = table.concat(ends, " ")
  if not self.seen[key] then
    self.seen[key] = true
    self.wires[#self.wires + 1] = { from = from, to = to, up = from.up and to.up }
  end
end

--- What is known of the far end of a link: its namespace, the end, the bridge it is a port of.
function Graph:far(id, link)
  local peer = link.peer
  if not peer or peer.unreadable then
    return
  elseif peer.here then
    local to = { node = id, link = peer.name, up = link.up }
    self:wire({ node = id, link = link.name, up = link.up }, to)
    return
  end
  local far = self.youngest[peer.inode] or "net" .. peer.inode
  local node = self:node(far, peer.inode, { pid = peer.pid, host = peer.host })
  if peer.master then
    add(node, {
      name = peer.master,
      kind = "bridge",
      up = peer.bridge_up,
      addresses = addresses_of(peer.bridge_addresses),
    })
  end
  add(node, {
    name = peer.name,
    kind = "veth",
    up = peer.up,
    master = peer.master,
    addresses = addresses_of(peer.addresses),
  })
  self:wire(
    { node = id, link = link.name, up = link.up },
    { node = node.id, link = peer.name, up = peer.up }
  )
end

--- Bridges before their ports, everything else by its order.
local function arrange(node)
  local ports, out = {}, {}
  for _, link in ipairs(node.links) do
    if link.master and node.by_name[link.master] then
      ports[link.master] = ports[link.master] or {}
      table.insert(ports[link.master], link)
    end
  end
  for _, link in ipairs(node.links) do
    if not (link.master and node.by_name[link.master]) then
      out[#out + 1] = link
      for _, port in ipairs(ports[link.name] or {}) do
        port.port = true
        out[#out + 1] = port
      end
    end
  end
  node.links, node.by_name = out, nil
end

--- `{ nodes, wires }`: a node has `id`, `inode`, `host`, `pid`, `links`, `routes`; a wire `from`
--- and `to` (`{ node, link, up }`) and `up`. The host comes first.
---@param snapshot table
---@return table
function M.of(snapshot)
  local graph = { nodes = {}, wires = {}, by_id = {}, youngest = {}, seen = {} }
  setmetatable(graph, Graph)
  local function id_of(network)
    return network.id or "net" .. network.inode
  end
  for _, network in ipairs(snapshot.networks or {}) do
    if network.links then
      local node = graph:node(
        id_of(network),
        network.inode,
        { pid = network.pid, host = network.host, source = network.source }
      )
      for _, link in ipairs(network.links) do
        add(node, link_row(link))
      end
      node.routes = network.routes
    end
  end
  for _, network in ipairs(snapshot.networks or {}) do
    for _, link in ipairs(network.links or {}) do
      graph:far(id_of(network), link)
    end
  end
  table.sort(graph.nodes, function(a, b)
    if (a.host or false) ~= (b.host or false) then
      return a.host or false
    end
    return a.id < b.id
  end)
  for _, node in ipairs(graph.nodes) do
    arrange(node)
  end
  return { nodes = graph.nodes, wires = graph.wires }
end

return M
