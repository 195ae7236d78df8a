--- Forwarding off: the router is reached, and nothing behind it. A kernel is no router until it is
--- told.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"
local routed = require "lab.ex5.routed"

return fault {
  id = "beyond",
  title = "As far as the router, and no further",
  symptom = [[
A client (given.client, 10.78.1.2) reaches both addresses of its router (given.router), 10.78.1.1
and 10.78.2.1. It does not reach the server behind it (given.server, 10.78.2.2), which reaches the
router too. All routes are there.]],
  cause = "no-forwarding",
  choices = {
    { "no-forwarding", "the router keeps packets that are for others" },
    {
      "no-return-route",
      "the server does not know the way back",
      why = "ask it: `ip route get 10.78.1.2` in the server names the router",
    },
    {
      "wrong-prefix",
      "the two networks overlap",
      why = "10.78.1.0/24 and 10.78.2.0/24 have no address in common",
    },
    {
      "cable",
      "the cable between router and server is down",
      why = "the server reaches the router over it",
    },
  },
  needs = { "userns" },
  setup = function(t)
    routed.setup(t, { forward = false, returns = true })
  end,
  repair = function(t)
    boxes.enter(t.given.router, { "user", "net" }, function()
      sysctl("net.ipv4.ip_forward", 1)
    end)
  end,
  observe = routed.OBSERVE,
  checks = { routed.APART, routed.ANSWERED },
  hints = {
    "Which of the three boxes is the last that has the packet? What does it do with packets "
      .. "for others?",
    "A kernel takes a packet for itself or drops it, unless it is a router: a sysctl of its "
      .. "namespace.",
    "In the network namespace of the router, net.ipv4.ip_forward must be 1.",
  },
  decoys = {
    {
      "forwarding is switched on in the client",
      function(t)
        boxes.enter(t.given.client, { "user", "net" }, function()
          sysctl("net.ipv4.ip_forward", 1)
        end)
      end,
      says = "a packet from the client",
    },
    {
      "more routes",
      function(t)
        boxes.enter(t.given.client, { "user", "net" }, function()
          route_add("10.78.2.0/24", { via = "10.78.1.1" })
        end)
      end,
      says = "a packet from the client",
    },
  },
  lesson = [[
net.ipv4.ip_forward belongs to a network namespace and is off in a new one, and on many hosts. Own
addresses of a router answer all the same, which makes it look like a fault of what lies behind.]],
}
