--- Erratum: 172.18.0.1 and 172.18.0.2 for every container of the course's runtime.
local boxes = require "lab.ex5.boxes"

--- A cable from the host to a box.
local function plug(t, name, near, far)
  boxes.enter(t.given.host, { "user", "net" }, function()
    local cable = { peer_ns = t.given[name], address = near, peer_address = far, up = true }
    veth(name, "eth0", cable):keep()
  end)
end

--- The one address of a box, without its prefix, and the command that shows it.
local function address_of(t, name)
  local found = boxes.addresses(t, t.given[name])
  local see = ("nsenter -t %d -n ip -4 address"):format(t.given[name])
  if #found ~= 1 then
    t:fail {
      what = ("the addresses of the %s box"):format(name),
      expected = "one",
      found = found,
      see = see,
    }
  end
  return found[1]:match("^[^/]+"), see
end

return {
  id = "addresses",
  title = "172.18.0.2 for everybody, says the course",
  text = [[
create_network of the course's runtime gives the host's end of each cable 172.18.0.1/16 and the
container 172.18.0.2/16. Two boxes, given.first and given.second, have no network yet; their host
is given.host. Connect both to it, by a cable each or by a bridge, so that the host reaches both
at once.]],
  needs = { "userns" },
  setup = function(t)
    local host, said = boxes.world(function()
      return { first = boxes.sleeper { "net" }, second = boxes.sleeper { "net" } }
    end)
    t:give { host = host, first = said.first, second = said.second }
  end,
  observe = {
    "nsenter -t $host -U -n --preserve-credentials ip route",
    "nsenter -t $first -U -n --preserve-credentials ip -4 address",
    "nsenter -t $second -U -n --preserve-credentials ip -4 address",
  },
  action = function(t)
    plug(t, "first", "172.18.1.1/24", "172.18.1.2/24")
    plug(t, "second", "172.18.2.1/24", "172.18.2.2/24")
  end,
  checks = {
    {
      "each box has an address",
      function(t)
        address_of(t, "first")
        address_of(t, "second")
      end,
    },
    {
      "they are two addresses",
      function(t)
        local second, see = address_of(t, "second")
        t:ne(second, (address_of(t, "first")), "the address of the second box", see)
      end,
    },
    {
      "the host reaches both",
      function(t)
        for _, name in ipairs { "first", "second" } do
          local address = address_of(t, name)
          local see = ("nsenter -t %d -n ip route get %s"):format(t.given.host, address)
          local what = "a packet from the host to " .. address
          t:eq(boxes.reach(t, t.given.host, address), "answered", what, see)
        end
      end,
    },
  },
  hints = {
    "The host looks routes up by address. What does it do when two devices have the same network?",
    "Two cables are two networks, with two addresses of the host; a bridge makes one of them.",
    "A /24 for each cable is enough: the host has .1 in each of them, the box .2.",
  },
  decoys = {
    {
      "the course's addresses, twice",
      function(t)
        plug(t, "first", "172.18.0.1/16", "172.18.0.2/16")
        plug(t, "second", "172.18.0.1/16", "172.18.0.2/16")
      end,
      says = "the address of the second box",
      course = true,
    },
    {
      "another address in the box, and the same network on both cables",
      function(t)
        plug(t, "first", "172.18.0.1/16", "172.18.0.2/16")
        plug(t, "second", "172.18.0.1/16", "172.18.0.3/16")
      end,
      says = "a packet from the host to 172.18.0.3",
    },
  },
  lesson = [[
Of two routes to 172.18.0.0/16 the first counts: the second container is never reached, also with
another address of its own. The course's runtime works for one container, once: it does not clean
up.]],
}
