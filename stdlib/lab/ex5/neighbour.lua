--- A wrong prefix: two ends of one cable that do not agree on how large their network is. Half of
--- the network can be reached, and that half is the one people try.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

return fault {
  id = "neighbour",
  title = "A neighbour that is too far",
  symptom = [[
The network is 10.77.5.0/24. The box of process given.pid is 10.77.5.130 in it and hangs on a
cable to its host (given.host), which is 10.77.5.1. Both ends are up, and the box is told that the
host's address is unreachable. Every address of the box on eth0 must fit the network.]],
  cause = "prefix",
  choices = {
    { "prefix", "the box takes its network for smaller than it is" },
    {
      "cable",
      "the cable's other end is down",
      why = "both ends are up: the state of eth0 is up, not lowerlayerdown",
    },
    {
      "address",
      "the box has the wrong address",
      why = "10.77.5.130 is what it should have; look at what stands behind it",
    },
    {
      "default-route",
      "it has no default route",
      why = "the host is in its own network: no router is needed to reach a neighbour",
    },
  },
  needs = { "userns" },
  setup = function(t)
    local host, said = boxes.world(function()
      return {
        box = boxes.neighbour(
          "to-box",
          { address = "10.77.5.1/24", peer_address = "10.77.5.130/25" }
        ),
      }
    end)
    t:give { host = host, pid = said.box }
  end,
  repair = function(t)
    boxes.enter(t.given.pid, { "user", "net" }, function()
      address_add("eth0", "10.77.5.130/24")
      address_del("eth0", "10.77.5.130/25")
    end)
  end,
  observe = {
    "nsenter -t $pid -U -n --preserve-credentials ip -4 address show eth0",
    "nsenter -t $pid -U -n --preserve-credentials ip route",
    "nsenter -t $host -U -n --preserve-credentials ip -4 address",
  },
  checks = {
    {
      "the box has its address, with the network's prefix",
      function(t)
        local see = ("nsenter -t %d -n ip -4 address show eth0"):format(t.given.pid)
        t:eq(boxes.addresses(t, t.given.pid), { "10.77.5.130/24" }, "the addresses of the box", see)
      end,
    },
    {
      "the host has its own still",
      function(t)
        t:has(boxes.addresses(t, t.given.host), "10.77.5.1/24", "the addresses of the host")
      end,
    },
    {
      "the box reaches its host",
      function(t)
        t:eq(
          boxes.reach(t, t.given.pid, "10.77.5.1"),
          "answered",
          "a packet from the box to 10.77.5.1"
        )
      end,
    },
  },
  hints = {
    "Compare both ends of the cable: not the addresses alone, also the number behind the slash.",
    "The route to the network comes from the address's prefix: /25 from .130 on is .128 to .255.",
    "In the box: take the address away and give it again with the prefix that the network has.",
  },
  decoys = {
    {
      "the right one is added, and the wrong one stays",
      function(t)
        boxes.enter(t.given.pid, { "user", "net" }, function()
          address_add("eth0", "10.77.5.130/24")
        end)
      end,
      says = "10.77.5.130/25",
    },
    {
      "a default route over the cable hides it",
      function(t)
        boxes.enter(t.given.pid, { "user", "net" }, function()
          route_add("default", { dev = "eth0" })
        end)
      end,
      says = "10.77.5.130/25",
    },
    {
      "the host is given the wrong prefix as well",
      function(t)
        boxes.enter(t.given.host, { "user", "net" }, function()
          address_add("to-box", "10.77.5.129/25")
        end)
      end,
      says = "10.77.5.130/25",
    },
  },
  lesson = [[
The prefix is what a host believes of its network: what is outside is sent to a router, and
without one refused at once (ENETUNREACH). Two ends that disagree reach each other in one
direction or not at all.]],
}
