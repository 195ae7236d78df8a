--- lo that is down: what every new network namespace is born with, and the first thing that breaks
--- in a container that somebody has made by hand.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

return fault {
  id = "localhost",
  title = "It does not reach itself",
  symptom = [[
A service in the box of process given.pid talks to another one in the same box, at 127.0.0.1, and is
told "Network is unreachable". No packet leaves the box for it, so no cable can be the reason.]],
  cause = "lo-down",
  choices = {
    { "lo-down", "the device lo is down" },
    {
      "no-listener",
      "nobody listens on the port",
      why = 'that would be "Connection refused": an answer, so the network would have worked',
    },
    {
      "no-route",
      "there is no default route",
      why = "127.0.0.0/8 is local and needs none: the kernel knows it from lo's own address",
    },
    {
      "filter",
      "a packet filter drops it",
      why = "the namespace has no rules; and a dropped packet is answered by silence, not at once",
    },
  },
  needs = { "userns" },
  setup = function(t)
    t:give { pid = boxes.sleeper { "user", "net" } }
  end,
  repair = function(t)
    boxes.enter(t.given.pid, { "user", "net" }, function()
      loopback_up()
    end)
  end,
  observe = {
    "nsenter -t $pid -U -n --preserve-credentials ip address",
    "nsenter -t $pid -U -n --preserve-credentials ip route show table local",
    "crun-lua inspect --section network $pid",
  },
  checks = {
    {
      "lo is up",
      function(t)
        local pid = t.given.pid
        local up = t:inside(pid, { "net" }, function()
          return links()[1].up
        end, { user = true })
        t:eq(
          up and "up" or "down",
          "up",
          "lo in the box",
          ("nsenter -t %d -n ip link show lo"):format(pid)
        )
      end,
    },
    {
      "it reaches itself",
      function(t)
        t:eq(
          boxes.reach(t, t.given.pid, "127.0.0.1"),
          "answered",
          "a packet to 127.0.0.1 in the box"
        )
      end,
    },
  },
  hints = {
    "Which devices does the box have, and in which state?",
    "A new network namespace has one device, and nobody has switched it on. Its addresses come "
      .. "with that.",
    "Enter user and net namespace of the process, and set the device lo up.",
  },
  decoys = {
    {
      "an address is added to lo, which stays down",
      function(t)
        boxes.enter(t.given.pid, { "user", "net" }, function()
          address_add("lo", "127.0.0.2/8")
        end)
      end,
      says = "down",
    },
    {
      "lo is set up in a new namespace instead of the box's",
      function()
        local other <close> = spawn({ unshare = { "user", "net" } }, function()
          loopback_up()
        end)
        other:wait()
      end,
      says = "down",
    },
  },
  lesson = [[
A network namespace starts with lo alone, and that down. Not even 127.0.0.1 answers until somebody
says `ip link set lo up` in there; the error is ENETUNREACH and comes at once.]],
}
