--- No way back: the request arrives, and its answer has no route. From the client it looks as if
--- nothing had been sent.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"
local routed = require "lab.ex5.routed"

return fault {
  id = "oneway",
  title = "Requests arrive, answers do not",
  symptom = [[
Three boxes in a row: a client (given.client, 10.78.1.2), a router (given.router), a server
(given.server, 10.78.2.2). The client's requests are seen on the server's eth0, and the client
waits until it gives up.]],
  cause = "no-return-route",
  choices = {
    { "no-return-route", "the server does not know the way to the client's network" },
    {
      "no-forwarding",
      "the router does not forward",
      why = "then nothing of the client's would arrive at the server; its ip_forward is 1",
    },
    {
      "no-default-route",
      "the client does not know the way",
      why = "its requests arrive; and without a route it would be told at once, not wait",
    },
    {
      "server-down",
      "nobody listens at the server",
      why = 'its kernel would answer with a reset: "Connection refused" arrives like any answer',
    },
  },
  needs = { "userns" },
  setup = function(t)
    routed.setup(t, { forward = true, returns = false })
  end,
  repair = function(t)
    boxes.enter(t.given.server, { "user", "net" }, function()
      route_add("10.78.1.0/24", { via = "10.78.2.1" })
    end)
  end,
  observe = routed.OBSERVE,
  checks = { routed.APART, routed.ANSWERED },
  hints = {
    "A connection needs two ways. Ask each of the three boxes how it would reach the far end.",
    "`ip route get ADDRESS` in a box says which way a packet would take from there, or that "
      .. "there is none.",
    "In the server: a route to the client's network, 10.78.1.0/24, by the router's address on "
      .. "its side.",
  },
  decoys = {
    {
      "the client is given one more route",
      function(t)
        boxes.enter(t.given.client, { "user", "net" }, function()
          route_add("10.78.2.0/24", { via = "10.78.1.1" })
        end)
      end,
      says = "ETIMEDOUT",
    },
    {
      "the server is given a route by a router that it has no cable to",
      function(t)
        boxes.enter(t.given.server, { "user", "net" }, function()
          route_add("10.78.1.0/24", { dev = "eth0" })
        end)
      end,
      says = "a packet from the client",
    },
  },
  lesson = [[
Routes are looked up for each packet on its own, and the answer is another packet. Either the far
side knows the way back, or the router puts its own address into the packets (masquerade). The
course's runtime has neither: packets leave its containers under an address that the world does
not know.]],
}
