--- The networks as a list of wires: each namespace with its devices, and where each cable leads.
---
--- ```lua
--- local views = require "inspect.views"
---
--- local lines = views.lines("network", { processes = {}, networks = {
---   { inode = 2, pid = 7, links = { { name = "lo", up = true, addresses = {} } } },
--- } })
--- assert(lines[1] == "net 2  7" and lines[2] == "  ● lo")
--- ```
local names = require "inspect.names"
local wiring = require "inspect.wiring"

--- What is at the other end: its name, the namespace's, the bridge.
local function far_ends(graph, known)
  local by_id, out = {}, {}
  for _, node in ipairs(graph.nodes) do
    by_id[node.id] = node
  end
  local function words(stop)
    local node, master = by_id[stop.node], ""
    for _, link in ipairs(node.links) do
      if link.name == stop.link and link.master then
        master = " (port of " .. link.master .. ")"
      end
    end
    local who = node.host and "the host"
      or node.pid and names.one(node.pid, known)
      or "net " .. node.inode
    return ("  ⇄ %s@%s%s"):format(stop.link, who, master)
  end
  for _, wire in ipairs(graph.wires) do
    out[wire.from.node .. wire.from.link] = words(wire.to)
    out[wire.to.node .. wire.to.link] = words(wire.from)
  end
  return out
end

---@param snapshot table
---@param pen inspect.Pen
return function(snapshot, pen)
  local known = names.of(snapshot)
  local graph = wiring.of(snapshot)
  local ends = far_ends(graph, known)
  for index, node in ipairs(graph.nodes) do
    if index > 1 then
      pen:line { "" }
    end
    local heading = ("net %d  %s"):format(node.inode, names.whose(node, known))
    pen:line { { heading, "bold" } }
    for _, link in ipairs(node.links) do
      local mark = link.up == nil and "?" or link.up and "●" or "○"
      pen:line({
        link.port and "    " or "  ",
        { mark .. " ", link.up and "blue" or "yellow" },
        link.name,
        { link.kind and "  " .. link.kind or "", "dim" },
        { link.up == false and "  down" or "", "yellow" },
        ends[node.id .. link.name] or "",
        #link.addresses > 0 and "  " .. table.concat(link.addresses, " ") or "",
      }, 7)
    end
    for _, route in ipairs(node.routes or {}) do
      local via = route.via and "via " .. route.via or "on the link"
      pen:line { "  ", { ("→ %s %s dev %s"):format(route.to, via, route.dev or "?"), "dim" } }
    end
    if node.left_out > 0 then
      pen:line { ("  and %d more devices"):format(node.left_out) }
    end
  end
end
