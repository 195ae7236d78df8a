--- Two boxes with one address: what the course's runtime makes of its second container, which gets
--- 172.18.0.2 as the first did.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

--- The address without the prefix, where a box has just one on the network.
local function own_address(t, pid, name)
  local found = boxes.addresses(t, pid)
  local see = ("nsenter -t %d -n ip -4 address show eth0"):format(pid)
  local address = #found == 1 and found[1]:match("^(172%.18%.%d+%.%d+)/16$")
  if not address then
    t:fail {
      what = "the addresses of " .. name,
      expected = "one of 172.18.0.0/16, with this prefix",
      found = found,
      see = see,
    }
  end
  return address, see
end

return fault {
  id = "twins",
  title = "By turns",
  symptom = [[
A bridge at 172.18.0.1/16 (in given.host) has two boxes, given.first and given.second. Alone, each
works. Since both run, connections to the first end up at the second, hang, or come through after
a while. The first is to keep its address; both are to be reached.]],
  cause = "duplicate",
  choices = {
    { "duplicate", "two of them have one address" },
    {
      "bridge-down",
      "the bridge is down",
      why = "then neither would ever be reached; it is up, and so are its ports",
    },
    {
      "same-mac",
      "both have one hardware address",
      why = "their hardware addresses differ: compare `ip link` in both",
    },
    {
      "same-name",
      "both call their device eth0",
      why = "names are each namespace's own: all containers have an eth0",
    },
  },
  needs = { "userns" },
  setup = function(t)
    local host, said = boxes.world(function()
      bridge("br0", { address = "172.18.0.1/16", up = true }):keep()
      local cable = { peer_address = "172.18.0.2/16", master = "br0" }
      return { first = boxes.neighbour("first", cable), second = boxes.neighbour("second", cable) }
    end)
    t:give { host = host, first = said.first, second = said.second }
  end,
  repair = function(t)
    boxes.enter(t.given.second, { "user", "net" }, function()
      address_del("eth0", "172.18.0.2/16")
      address_add("eth0", "172.18.0.3/16")
    end)
  end,
  observe = {
    "nsenter -t $first -U -n --preserve-credentials ip address show eth0",
    "nsenter -t $second -U -n --preserve-credentials ip address show eth0",
    "nsenter -t $host -U -n --preserve-credentials ip neighbour",
  },
  checks = {
    {
      "the first box has kept its address",
      function(t)
        local address, see = own_address(t, t.given.first, "the first box")
        t:eq(address, "172.18.0.2", "the address of the first box", see)
      end,
    },
    {
      "the second has one that nobody else has",
      function(t)
        local address, see = own_address(t, t.given.second, "the second box")
        for _, taken in ipairs { "172.18.0.1", "172.18.0.2" } do
          t:ne(address, taken, "the address of the second box", see)
        end
      end,
    },
    {
      "the host reaches both",
      function(t)
        for _, name in ipairs { "first", "second" } do
          local address = own_address(t, t.given[name], name)
          t:eq(
            boxes.reach(t, t.given.host, address),
            "answered",
            "a packet from the host to " .. address
          )
        end
      end,
    },
    {
      "the boxes reach each other",
      function(t)
        local address = own_address(t, t.given.second, "the second box")
        t:eq(
          boxes.reach(t, t.given.first, address),
          "answered",
          "a packet from the first to " .. address
        )
      end,
    },
  },
  hints = {
    "Whom does the host ask before it sends to 172.18.0.2, and who may answer?",
    "The neighbour table maps an address to one hardware address: that of whoever answered last.",
    "In the second box: take the address away, and give one of 172.18.0.0/16 that is free.",
  },
  decoys = {
    {
      "the network of the course's runtime once more: .1 for the host, .2 for each container",
      function(t)
        boxes.enter(t.given.second, { "user", "net" }, function()
          try(address_add, "eth0", "172.18.0.2/16")
        end)
      end,
      says = "172.18.0.2",
      course = true,
    },
    {
      "the second is given the bridge's address",
      function(t)
        boxes.enter(t.given.second, { "user", "net" }, function()
          address_del("eth0", "172.18.0.2/16")
          address_add("eth0", "172.18.0.1/16")
        end)
      end,
      says = "172.18.0.1",
    },
    {
      "the second is switched off",
      function(t)
        boxes.enter(t.given.second, { "user", "net" }, function()
          address_del("eth0", "172.18.0.2/16")
          address_add("eth0", "172.18.0.3/16")
          link_set("eth0", { up = false })
        end)
      end,
      says = "a packet from the host to 172.18.0.3",
    },
  },
  lesson = [[
An address that two have is answered by whoever is quicker, and the table of neighbours keeps that
for a while: it works by turns. Somebody has to give addresses out; a constant cannot.]],
}
