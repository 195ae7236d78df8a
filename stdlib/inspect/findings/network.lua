--- Faults of a network namespace, in the order in which one looks for them: the device, its cable,
--- its address, the way out, the way back.
---
--- ```lua
--- local rules = require "inspect.findings.network"
---
--- assert(rules[1].id == "lo-down")
--- ```
local ip = require "inspect.ip"

--- Only what lies in a namespace of its own, read through netlink, is judged.
local function links_of(facts)
  local net = facts.namespaces.net
  if net and net.shared == false and facts.network.source ~= "proc" then
    return facts.network.links
  end
  return {}
end

local function real(link)
  return link.peer and not link.peer.unreadable and not link.peer.here and not link.peer.ambiguous
end

local function global(link, family)
  for _, row in ipairs(link.addresses or {}) do
    if row.scope == "universe" and (not family or ip.family(row.address) == family) then
      return row.address
    end
  end
end

local function prefix(address)
  return address:match("/(%d+)$")
end

--- The addresses of the far side: the end itself and the bridge that it is a port of.
local function far_addresses(peer)
  local list = {}
  for _, address in ipairs(peer.addresses or {}) do
    list[#list + 1] = address
  end
  for _, address in ipairs(peer.bridge_addresses or {}) do
    list[#list + 1] = address
  end
  return list
end

--- Why two addresses on one wire do not fit together, or nil.
local function mismatch(own, others)
  local fits, wrong = false, nil
  for _, other in ipairs(others) do
    local same = ip.family(own) == ip.family(other) and not other:find("^fe80:")
    if same and ip.contains(own, other) and ip.contains(other, own) then
      fits = true
      if prefix(own) ~= prefix(other) then
        wrong = ("%s, and the other end %s: their prefixes differ"):format(own, other)
      end
    elseif same then
      wrong = wrong or ("%s, and the other end %s: not one network"):format(own, other)
    end
  end
  return (not fits or wrong and wrong:find("differ")) and wrong or nil
end

return {
  {
    id = "lo-down",
    level = "warning",
    needs = { "network", "namespaces" },
    see = "network_namespaces(7)",
    why = "127.0.0.1 and ::1 do not answer; a new network namespace starts so",
    remedy = "loopback_up() inside (ip link set lo up)",
    find = function(facts)
      for _, link in ipairs(links_of(facts)) do
        if link.name == "lo" and not link.up then
          return "lo is down"
        end
      end
    end,
  },
  {
    id = "link-down",
    level = "error",
    needs = { "network", "namespaces" },
    see = "ip-link(8)",
    why = "nothing is sent or received by it, and its routes do not count",
    remedy = 'link_set("NAME", { up = true }) inside (ip link set NAME up)',
    find = function(facts)
      local found = {}
      for _, link in ipairs(links_of(facts)) do
        if link.name ~= "lo" and not link.up and (global(link) or link.kind == "veth") then
          found[#found + 1] = { what = link.name .. " is down" }
        end
      end
      return found
    end,
  },
  {
    id = "peer-down",
    level = "error",
    needs = { "network", "namespaces" },
    see = "veth(4)",
    why = "a cable carries nothing unless both ends are up",
    remedy = "set the other end, and the bridge that it is a port of, up in its own namespace",
    find = function(facts)
      local found = {}
      for _, link in ipairs(links_of(facts)) do
        if real(link) and link.up and not link.peer.up then
          local text = "the other end of %s, %s (process %d), is down"
          found[#found + 1] = { what = text:format(link.name, link.peer.name, link.peer.pid) }
        elseif real(link) and link.up and link.peer.bridge_up == false then
          local text = "the bridge %s, which the other end of %s is a port of, is down"
          found[#found + 1] = { what = text:format(link.peer.master, link.name) }
        elseif link.up and link.state == "lowerlayerdown" and not real(link) then
          found[#found + 1] = { what = "the other end of " .. link.name .. " is down" }
        end
      end
      return found
    end,
  },
  {
    id = "no-address",
    level = "warning",
    needs = { "network", "namespaces" },
    see = "ip-address(8)",
    why = "it can neither send nor be reached",
    remedy = 'address_add("NAME", "10.0.0.2/24") inside',
    find = function(facts)
      local found = {}
      for _, link in ipairs(links_of(facts)) do
        if link.kind == "veth" and link.up and not link.master and not global(link) then
          found[#found + 1] = { what = link.name .. " is up and has no address" }
        end
      end
      return found
    end,
  },
  {
    id = "wrong-prefix",
    level = "error",
    needs = { "network", "namespaces" },
    see = "ip-address(8)",
    why = "each end thinks that a part of the network lies elsewhere, and does not ask for it on "
      .. "the wire",
    remedy = "give both ends addresses of one network with the same prefix length",
    find = function(facts)
      local found = {}
      for _, link in ipairs(links_of(facts)) do
        for _, row in ipairs(real(link) and link.addresses or {}) do
          local text = row.scope == "universe" and mismatch(row.address, far_addresses(link.peer))
          if text then
            found[#found + 1] = { what = ("%s has %s"):format(link.name, text) }
          end
        end
      end
      return found
    end,
  },
  {
    id = "gateway-unreachable",
    level = "error",
    needs = { "network", "namespaces" },
    see = "ip-route(8)",
    why = "packets wait for the answer of a router that is on no network of the device",
    remedy = "give the device an address in the router's network, or name a router that is in its",
    find = function(facts)
      local found = {}
      for _, row in ipairs(#links_of(facts) > 0 and facts.network.gateways or {}) do
        if not row.reachable then
          local text = "the router %s of the route to %s is in no network of %s"
          found[#found + 1] = { what = text:format(row.via, row.to, row.dev) }
        end
      end
      return found
    end,
  },
  {
    id = "no-default-route",
    level = "warning",
    needs = { "network", "namespaces" },
    see = "ip-route(8)",
    why = "what is not on its own networks is unreachable (ENETUNREACH)",
    remedy = 'route_add("default", { via = "ROUTER" }) inside; leave it where no way out is meant',
    find = function(facts)
      local out
      for _, link in ipairs(links_of(facts)) do
        local address = link.name ~= "lo" and link.up and global(link, "inet")
        -- A bridge is the router's end of its network, not a host on one.
        out = out or (address and link.kind ~= "bridge" and address or nil)
      end
      for _, route in ipairs(facts.network.routes) do
        if route.to == "default" and route.kind ~= "unreachable" then
          return nil
        end
      end
      return out and ("it has the address %s and no default route"):format(out) or nil
    end,
  },
  {
    id = "duplicate-address",
    level = "error",
    needs = { "network", "namespaces" },
    see = "arp(7)",
    why = "answers go to whoever was heard last: connections hang or break by turns",
    remedy = "give each its own address",
    find = function(facts)
      local found = {}
      for _, row in ipairs(#links_of(facts) > 0 and facts.network.duplicates or {}) do
        local text = "the address %s of %s is also that of %s"
        found[#found + 1] = { what = text:format(ip.bare(row.address), row.link, row.other) }
      end
      return found
    end,
  },
  {
    id = "no-return-route",
    level = "error",
    needs = { "network", "namespaces" },
    see = "ip-route(8)",
    why = "packets arrive there, and the answers go elsewhere or nowhere",
    remedy = "add the network to the router's device (address_add), or a route to it (route_add)",
    find = function(facts)
      local found = {}
      for _, row in ipairs(#links_of(facts) > 0 and facts.network.gateways or {}) do
        if row.router and row.returns == false then
          local text = "the router %s (process %d) has no route back to %s by this cable"
          found[#found + 1] = { what = text:format(row.via, row.router.pid, row.returns_for) }
        end
      end
      return found
    end,
  },
  {
    id = "forwarding-off",
    level = "warning",
    needs = { "network", "namespaces" },
    see = "ip-sysctl (kernel documentation)",
    why = "the router drops what is not for itself: the container reaches it and nothing beyond",
    remedy = 'sysctl("net.ipv4.ip_forward", 1) in the router\'s namespace; nat { source = … } does '
      .. "it, with the addresses",
    find = function(facts)
      for _, row in ipairs(#links_of(facts) > 0 and facts.network.gateways or {}) do
        if row.to == "default" and row.forwarding == "0" then
          return ("the router %s does not forward (process %d)"):format(row.via, row.router.pid)
        end
      end
    end,
  },
}
