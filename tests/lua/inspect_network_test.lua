-- The faults that `inspect` finds in networks: each is made for real, between namespaces that the
-- test makes, and is not found in a network in which nothing is wrong.

local inspect = require "inspect"
local ip = require "inspect.ip"
local specimen = require "test.specimen"
local test = require "test"

local NEEDS = { "userns", "link:veth" }

-- What may be told of these boxes apart from the network: they are nothing but a network namespace.
local function of_network(list)
  local ids = {}
  for _, rule in ipairs(require "inspect.findings.network") do
    ids[rule.id] = true
  end
  local found, words = {}, {}
  for _, finding in ipairs(list) do
    if ids[finding.id] then
      found[finding.id] = finding
      words[#words + 1] = finding.id
    end
  end
  return found, words
end

--- A process in a network namespace of its own, whose eth0 is wired to r0 here.
local function wired(change)
  local given = { address = "10.99.0.1/24", up = true, peer_address = "10.99.0.2/24", nodad = true }
  for key, value in pairs(change.veth or {}) do
    given[key] = value or nil
  end
  local name = change.name or "r0"
  local ready = pipe()
  local child = spawn({
    unshare = { "net" },
    stdout = ready.write,
    parent = function(child)
      given.peer_ns = child
      veth(name, "eth0", given):keep()
    end,
  }, function()
    if change.lo ~= false then
      loopback_up()
    end
    if change.route ~= false then
      route_add("default", { via = change.route or "10.99.0.1" })
    end
    if change.inside then
      change.inside()
    end
    exec { "sh", "-c", "echo ready; exec sleep 60" }
  end)
  ready.write:close()
  if ready.read:read(6, { timeout = "60s" }) ~= "ready\n" then
    child:wait { timeout = "10s" }
    error("the box ended before it was ready")
  end
  return child
end

--- Runs `body` as the router: in a user and a network namespace of its own, which forwards.
local function router(t, body)
  t.inside({ "user", "net" }, function()
    loopback_up()
    sysctl("net.ipv4.ip_forward", 1)
    body()
  end)
end

--- Declares a case of one fault in a wired box.
local function fault(sentence, id, level, change, after)
  test.case(sentence, NEEDS, function(t)
    router(t, function()
      local box <close> = wired(change)
      if after then
        after(box)
      end
      local _, list = specimen.findings(box)
      local found, words = of_network(list)
      t.ok(found[id], ("%s among %s"):format(id, table.concat(words, " ")))
      t.eq(found[id].level, level)
      t.eq(words, { id }, "no other fault of the network")
    end)
  end)
end

test.case("nothing is found in a network in which nothing is wrong", NEEDS, function(t)
  router(t, function()
    local box <close> = wired {}
    local _, list, facts = specimen.findings(box)
    t.eq(select(2, of_network(list)), {})
    local eth0
    for _, link in ipairs(facts.network.links) do
      eth0 = link.name == "eth0" and link or eth0
    end
    t.eq({ eth0.peer.name, eth0.peer.host, eth0.peer.inode }, { "r0", true, proc_ns().net })
    t.eq(facts.network.inode, proc_ns(box).net)
    local gateway = facts.network.gateways[1]
    t.eq({ gateway.reachable, gateway.returns, gateway.forwarding }, { true, true, "1" })
  end)
end)

test.case("a namespace without any cable is left alone", { "userns" }, function(t)
  local box <close> = spawn({ unshare = { "user", "net" } }, function()
    loopback_up()
    exec { "sleep", "60" }
  end)
  box:started()
  local _, list, facts = specimen.findings(box)
  t.eq(select(2, of_network(list)), {})
  t.eq(facts.network.links[1].up, true)
  t.ok(facts.network.source ~= "proc", facts.network.source)
end)

fault("lo that is down is found", "lo-down", "warning", { lo = false })
fault("a device that is down is found", "link-down", "error", {
  inside = function()
    link_set("eth0", { up = false })
  end,
  route = false,
})
fault("the other end that is down is found", "peer-down", "error", {}, function()
  link_set("r0", { up = false })
end)
fault("a device without an address is found", "no-address", "warning", {
  veth = { peer_address = false },
  route = false,
})
fault("ends whose prefixes differ are found", "wrong-prefix", "error", {
  veth = { address = "10.99.0.1/16" },
})
fault("a missing way out is found", "no-default-route", "warning", { route = false })
fault("a router that is in no network of the device is found", "gateway-unreachable", "error", {
  route = false,
  inside = function()
    -- The route stays when the address that it was added by goes.
    address_add("eth0", "10.98.0.2/24")
    route_add("default", { via = "10.98.0.1" })
    address_del("eth0", "10.98.0.2/24")
  end,
})
fault("an address that the other end has too is found", "duplicate-address", "error", {
  veth = { address = { "10.99.0.1/24", "10.99.0.2/24" } },
})
fault("a router without a route back is found", "no-return-route", "error", {}, function()
  route_del("10.99.0.0/24", { dev = "r0" })
end)
fault("a router that does not forward is found", "forwarding-off", "warning", {}, function()
  sysctl("net.ipv4.ip_forward", 0)
end)

test.case("ends that are in two networks are found", NEEDS, function(t)
  router(t, function()
    local box <close> = wired { veth = { address = "10.97.0.1/24" }, route = false }
    local found = of_network(select(2, specimen.findings(box)))
    t.match(found["wrong-prefix"].what, "not one network", true)
  end)
end)

test.case("on a bridge the router is the bridge, and it must be up", {
  "userns",
  "link:veth",
  "link:bridge",
}, function(t)
  router(t, function()
    bridge("br0", { address = "10.99.0.1/24", up = true }):keep()
    local box <close> = wired { veth = { address = false, master = "br0" } }
    local _, list, facts = specimen.findings(box)
    t.eq(select(2, of_network(list)), {})
    t.eq(facts.network.gateways[1].returns, true)
    link_set("br0", { up = false })
    local found = of_network(select(2, specimen.findings(box)))
    t.match(found["peer-down"].what, "br0", true)
  end)
end)

test.case("an address that a neighbour on the bridge has too is found, with who it is", {
  "userns",
  "link:veth",
  "link:bridge",
}, function(t)
  router(t, function()
    bridge("br0", { address = "10.99.0.1/24", up = true }):keep()
    local port = { address = false, master = "br0" }
    local one <close> = wired { veth = port }
    local two <close> = wired { veth = port, name = "r1" }
    local found = of_network(select(2, specimen.findings(one)))
    t.match(found["duplicate-address"].what, ("process %d"):format(two.pid), true)
    local other = { address = false, master = "br0", peer_address = "10.99.0.3/24" }
    local three <close> = wired { veth = other, name = "r2" }
    t.eq(of_network(select(2, specimen.findings(three)))["duplicate-address"], nil)
  end)
end)

test.case("the same address on two devices of one namespace is found", NEEDS, function(t)
  router(t, function()
    local box <close> = wired {
      inside = function()
        veth("x0", "x1", { address = "10.99.0.2/32", up = true }):keep()
      end,
    }
    local found = of_network(select(2, specimen.findings(box)))
    t.match(found["duplicate-address"].what, "10.99.0.2", true)
  end)
end)

test.case("a router in a third namespace is asked for its way back and its forwarding", {
  "root",
  "link:veth",
}, function(t)
  local middle <close> = spawn({ unshare = { "net" } }, function()
    -- A new namespace begins with what the host's has.
    sysctl("net.ipv4.ip_forward", 0)
    exec { "sleep", "60" }
  end)
  middle:started()
  local box <close> = wired { veth = { ns = middle } }
  local _, list, facts = specimen.findings(box)
  local found = of_network(list)
  t.eq(facts.network.gateways[1].router.pid, middle.pid)
  t.match(found["forwarding-off"].what, ("process %d"):format(middle.pid), true)
  t.eq(found["no-return-route"], nil)
end)

test.case("devices and routes of a user's own box are read by who has no rights", {
  "user",
  "userns",
}, function(t)
  local box <close> = spawn({ unshare = { "user", "net" } }, function()
    loopback_up()
    veth("left", "right", { address = "10.99.0.1/24", up = true })
    exec { "sleep", "60" }
  end)
  box:started()
  local found = inspect.process(box).network
  t.eq(found.source, "joined")
  t.eq(found.links[1].addresses[1].address, "127.0.0.1/8")
end)

test.case("addresses are compared as numbers", function(t)
  for words, expected in pairs {
    ["10.0.0.0/8 10.255.255.255"] = true,
    ["10.0.0.0/8 11.0.0.0"] = false,
    ["10.0.0.129/25 10.0.0.200"] = true,
    ["10.0.0.129/25 10.0.0.127"] = false,
    ["10.0.0.1/32 10.0.0.1"] = true,
    ["0.0.0.0/0 192.0.2.1"] = true,
    ["fd00::/8 fd12:3456::1"] = true,
    ["fd00:0:0:1::/64 fd00:0:0:2::1"] = false,
    ["::1/128 ::1"] = true,
    ["::/0 10.0.0.1"] = false,
  } do
    local network, address = words:match("(%S+) (%S+)")
    t.eq(ip.contains(network, address), expected, words)
  end
  local routes = {
    { to = "default", family = "inet", dev = "a" },
    { to = "10.0.0.0/8", family = "inet", dev = "b", metric = 5 },
    { to = "10.0.0.0/8", family = "inet", dev = "c", metric = 1 },
    { to = "10.1.0.0/16", family = "inet", dev = "d" },
  }
  t.eq(ip.route(routes, "10.1.2.3/24").dev, "d")
  t.eq(ip.route(routes, "10.2.2.3/24").dev, "c")
  t.eq(ip.route(routes, "192.0.2.1").dev, "a")
  t.eq(ip.route(routes, "fd00::1"), nil)
end)

return test.run()
