--- Three boxes in a row, for what can be missing between two networks: a client, a router, a
--- server. The router is the world's host; client and server hang on a cable each.
---
--- ```lua
--- local routed = require "lab.ex5.routed"
---
--- assert(routed.SERVER == "10.78.2.2")
--- ```
local boxes = require "lab.ex5.boxes"

local M = {}

M.CLIENT, M.SERVER = "10.78.1.2", "10.78.2.2"

--- The world; `forward` and `returns` say what is not missing.
---@param t scenario.Hand
---@param has { forward: boolean, returns: boolean }
function M.setup(t, has)
  local router, said = boxes.world(function()
    local client = boxes.neighbour("to-client", {
      address = "10.78.1.1/24",
      peer_address = M.CLIENT .. "/24",
    })
    local server = boxes.neighbour("to-server", {
      address = "10.78.2.1/24",
      peer_address = M.SERVER .. "/24",
    })
    route_add("default", { via = "10.78.1.1", ns = client })
    if has.returns then
      route_add("10.78.1.0/24", { via = "10.78.2.1", ns = server })
    end
    sysctl("net.ipv4.ip_forward", has.forward and 1 or 0)
    return { client = client, server = server }
  end)
  t:give { client = said.client, router = router, server = said.server }
end

M.OBSERVE = {
  "nsenter -t $client -U -n --preserve-credentials ip route get " .. M.SERVER,
  "nsenter -t $router -U -n --preserve-credentials cat /proc/sys/net/ipv4/ip_forward",
  "nsenter -t $server -U -n --preserve-credentials ip route get " .. M.CLIENT,
  "nsenter -t $server -U -n --preserve-credentials cat /proc/net/snmp",
}

--- The check that both tasks end with.
M.ANSWERED = {
  "the client is answered by the server",
  function(t)
    local see = ("nsenter -t %d -n ping -c 1 -W 1 %s"):format(t.given.client, M.SERVER)
    local what = "a packet from the client to " .. M.SERVER
    t:eq(boxes.reach(t, t.given.client, M.SERVER), "answered", what, see)
  end,
}

--- The check that both begin with: nobody has moved in next door.
M.APART = {
  "client and server have their addresses still",
  function(t)
    t:eq(boxes.addresses(t, t.given.client), { M.CLIENT .. "/24" }, "the addresses of the client")
    t:eq(boxes.addresses(t, t.given.server), { M.SERVER .. "/24" }, "the addresses of the server")
  end,
}

return M
