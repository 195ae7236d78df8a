--- Task: two boxes talk over a wire, and the kernel tells of the connection on both sides.
---
--- ```lua
--- assert(require("lab.ex1.wire").id == "wire")
--- ```
local boxes = require "lab.ex1.boxes"

local PORT = 7107

--- The established TCP connections of a process's namespace: a set of "here there" ports. A server
--- that listens on IPv6 takes IPv4 as well, and stands in tcp6 then.
local function connections(pid)
  local found = {}
  for _, family in ipairs { "tcp", "tcp6" } do
    for _, row in ipairs(proc_net(pid, family) or {}) do
      if row.st == "established" then
        found[#found + 1] = { here = row.local_port, there = row.rem_port }
      end
    end
  end
  return found
end

--- A server in a box that writes down what it hears, and a client in another, or in the same; the
--- wire between them has no end on the host.
local function talk(t, given)
  local b = spawn({ unshare = { "net" }, stdin = "pipe", stdout = t.given.heard }, function()
    loopback_up()
    exec { "busybox", "nc", "-l", "-p", tostring(PORT) }
  end)
  b:started()
  local function connect(child)
    veth("wire", "wire", {
      ns = b,
      peer_ns = child,
      address = "10.92.0.1/30",
      peer_address = "10.92.0.2/30",
      up = true,
      host = true,
    }):keep()
  end
  local apart = { unshare = { "net" }, parent = connect }
  local a = spawn(given.together and { join = { net = b } } or apart, function()
    local line
    repeat
      line = try(tcp_connect, given.together and "127.0.0.1" or "10.92.0.1", PORT)
    until line or poll({}, { timeout = "20ms" })[1]
    line:write(given.word or t.token)
    poll({}, { timeout = "600s" })
  end)
  t:answer { a = a, b = b }
end

return {
  id = "wire",
  title = "Talk: over a wire",
  needs = { "root", "program:busybox" },
  after = { "net" },
  text = [[
Two processes, each with a network of its own that is not yours, and a wire between them: one
sends the word $word to the other over TCP, which writes what it hears to $heard. The connection
has to stand while it is looked at.]],
  answers = { a = "the process that sends", b = "the process that hears" },
  setup = function(t)
    t:give { word = t.token, heard = t.dir .. "/heard" }
  end,
  action = function(t)
    talk(t, {})
  end,
  observe = {
    "nsenter -t $a -n ip addr",
    "nsenter -t $b -n ss -tnp",
    "cat /proc/$a/net/tcp",
    "cat $heard",
  },
  checks = {
    {
      "both have a network of their own",
      function(t)
        local a, b = t:pid "a", t:pid "b"
        t:ns_differs(a, "net", "the sender is in your network namespace")
        t:ns_differs(b, "net", "the hearer is in your network namespace")
        local see = ("readlink /proc/%d/ns/net /proc/%d/ns/net"):format(a, b)
        t:ne(t:ns(b, "net"), t:ns(a, "net"), "the hearer's network namespace", see)
      end,
    },
    {
      "one TCP connection stands in both",
      function(t)
        local a, b = t:pid "a", t:pid "b"
        local both = false
        for _, one in ipairs(connections(a)) do
          for _, two in ipairs(connections(b)) do
            both = both or one.here == two.there and one.there == two.here
          end
        end
        local see = ("cat /proc/%d/net/tcp /proc/%d/net/tcp6"):format(a, b)
        t:ok(both, "no established connection has the same two ports on both sides", see)
      end,
    },
    {
      "the word has arrived",
      function(t)
        t:has(
          t:read(t.given.heard) or "nothing",
          t.token,
          "what the hearer has written down",
          "cat " .. t.given.heard
        )
      end,
    },
  },
  hints = {
    "Which device has two ends, and can have them in different namespaces?",
    "A veth pair; each end needs an address in the same network, and must be up. The host "
      .. "needs neither address nor route.",
    "veth with `ns` and `peer_ns`, or ip link add … type veth peer name … and ip link set … "
      .. "netns. busybox nc hears with -l -p, and talks as long as its input is open.",
  },
  decoys = {
    {
      "both in one namespace, over lo",
      function(t)
        talk(t, { together = true })
      end,
      says = "the hearer's network namespace",
    },
    {
      "the word is written down, and nothing was said",
      function(t)
        write_file(t.given.heard, t.token)
        t:answer { a = boxes.hold { "net" }, b = boxes.hold { "net" } }
      end,
      says = "no established connection",
    },
    {
      "another word",
      function(t)
        talk(t, { word = "hello" })
      end,
      says = "what the hearer has written down",
    },
  },
  lesson = [[
This is all that a bridge, CNI and VXLAN are made of: pairs of devices whose ends lie in
different places. /proc/PID/net is the network of that process, not yours.]],
}
