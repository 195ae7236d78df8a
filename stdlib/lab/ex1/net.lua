--- Task: the proof of a network namespace, a loopback device of one's own that has to be set up.
---
--- ```lua
--- assert(require("lab.ex1.net").id == "net")
--- ```
local boxes = require "lab.ex1.boxes"

return {
  id = "net",
  title = "Proof: a network",
  needs = { "userns" },
  after = { "kinds" },
  text = [[
Give a process a network of its own, with nothing in it but lo, and let 127.0.0.1 answer there.]],
  answers = { pid = "the process with the network" },
  action = function(t)
    t:answer { pid = boxes.hold({ "net" }, loopback_up) }
  end,
  observe = {
    "ip link",
    "nsenter -t $pid -U -n ip addr   # without -U as root",
    "cat /proc/$pid/net/dev",
  },
  checks = {
    {
      "it is in a network namespace of its own",
      function(t)
        t:ns_differs(t:pid "pid", "net")
      end,
    },
    {
      "there is no device but lo",
      function(t)
        local names = {}
        for _, row in ipairs(proc_net(t:pid "pid", "dev")) do
          names[#names + 1] = row.interface
        end
        t:eq(table.concat(names, " "), "lo", "the devices in there", "cat /proc/$pid/net/dev")
      end,
    },
    {
      "127.0.0.1 answers",
      function(t)
        -- Nobody listens: a refusal is an answer, and comes from there.
        local answer = boxes.inside(t, t:pid "pid", { "net" }, function()
          local _, err = try(tcp_connect, "127.0.0.1", 1, { timeout = "1s" })
          return err and err.errno or "open"
        end)
        t:eq(
          answer,
          "ECONNREFUSED",
          "connecting to 127.0.0.1 in there",
          "nsenter -t $pid -n ip link show lo"
        )
      end,
    },
  },
  hints = {
    "A new network namespace has one device. In what state?",
    "lo exists and is down. ip link says so in capital letters, and every 127.0.0.1 is "
      .. "unreachable.",
    "In the function of spawn, after the kind net: loopback_up. Else: ip link set lo …",
  },
  decoys = {
    {
      "the course's own: lo is there, and nobody looks whether it is up",
      function(t)
        t:answer { pid = boxes.hold { "net" } }
      end,
      says = "connecting to 127.0.0.1 in there",
      course = true,
    },
    {
      "the host's network",
      function(t)
        t:answer { pid = boxes.hold { "uts" } }
      end,
      says = "the same net namespace",
    },
    {
      "a device too many",
      function(t)
        t:answer {
          pid = boxes.hold({ "net" }, function()
            loopback_up()
            veth("left", "right"):keep()
          end),
        }
      end,
      says = "the devices in there",
    },
  },
  lesson = [[
A database that talks to itself over localhost fails in a box whose lo is down, with a message
about the network. It is the first thing to look at.]],
}
