-- Network devices, addresses and routes: veth, bridge, link_add, link_set, address_add, route_add.

local test = require "test"

local TALK = { "root", "program:busybox", "program:bash" }
local OUT = os.getenv "TMPDIR" .. "/out"

--- A child in a network namespace of its own that only holds it open.
local function pinned(body)
  return spawn({ unshare = { "net" } }, function()
    if body then
      body()
    end
    exec { "sleep", "60" }
  end)
end

local function find(list, key, value)
  for _, row in ipairs(list) do
    if row[key] == value then
      return row
    end
  end
end

local function link(name, ns)
  return find(links { ns = ns }, "name", name)
end

--- A server and a client, each in a namespace of its own, which `wire(server, client)` connects:
--- the client must hear at `address` what only the server knows.
local function talk(t, address, wire)
  local token = ("%x"):format(math.random(1 << 40))
  local server <close> = spawn({ unshare = { "net" } }, function()
    exec { "sh", "-c", ("printf %s | exec busybox nc -l -p 7000"):format(token) }
  end)
  local function connect(client)
    wire(server, client)
  end
  local client <close> = spawn({ unshare = { "net" }, parent = connect }, function()
    local try_once = "(exec 3<>/dev/tcp/%s/7000 && cat <&3 >%s) 2>/dev/null && exit 0; "
    local command = "for i in $(seq 200); do " .. try_once .. "busybox usleep 50000; done; exit 1"
    exec { "bash", "-c", command:format(address, OUT) }
  end)
  t.eq(client:wait().code, 0, "the client's status")
  t.eq(t.read(OUT), token, "the token")
  os.remove(OUT)
end

test.case("a device's name of 21 bytes is refused before the kernel is asked", function(t)
  local err = t.fails("has 21 bytes", veth, "veth-mycontainer-peer", "eth0")
  t.match(err.message, "at most 15")
  t.eq(err.errno, nil)
  t.fails("has 16 bytes", veth, "eth0", "a234567890123456")
end)

test.case("a device's name with a slash, a blank, a colon or a pattern is refused", function(t)
  for _, name in ipairs { "", ".", "..", "a/b", "a b", "a\tb", "a:1", "veth%d" } do
    t.fails("name: ", veth, name, "eth0")
    t.fails("link: ", link_set, name, { up = true })
    t.fails("name: ", link_add, name, { type = "bridge" })
  end
end)

test.case("a malformed address is refused, and what was expected is said", function(t)
  t.fails("expected ADDRESS/PREFIX", address_add, "lo", "10.0.0.1")
  t.fails("from 0 to 32", address_add, "lo", "10.0.0.1/33")
  t.fails("from 0 to 128", address_add, "lo", "fd00::1/129")
  t.fails("neither an IPv4 nor an IPv6", address_add, "lo", "10.0.0/24")
  t.fails("the network is 10.0.0.0/24", route_add, "10.0.0.5/24", { dev = "lo" })
  t.fails("without prefix", route_add, "default", { via = "10.0.0.1/24" })
  t.fails("only IPv6", address_add, "lo", "10.0.0.1/8", { nodad = true })
  t.fails("expected via", route_add, "default", {})
  t.fails("hardware address", veth, "a", "b", { mac = "02:00:00:00:00" })
  t.fails("multicast", veth, "a", "b", { mac = "01:00:00:00:00:01" })
  t.fails("68 to 65535", veth, "a", "b", { mtu = 10 })
end)

test.case("options that a kind of device does not have are refused", function(t)
  t.fails("a bridge has none", link_add, "x", { type = "bridge", id = 5 })
  t.fails("a veth has none", link_add, "x", { type = "veth", peer = "y", parent = "lo" })
  t.fails('"parent" is missing', link_add, "x", { type = "macvlan" })
  t.fails('"id" is missing', link_add, "x", { type = "vxlan" })
  t.fails("1 to 4094", link_add, "x", { type = "vlan", parent = "lo", id = 4095 })
  t.fails(
    "a macvlan has the modes",
    link_add,
    "x",
    { type = "macvlan", parent = "lo", mode = "l2" }
  )
  t.fails("must both be IPv4", link_add, "x", {
    type = "vxlan",
    id = 1,
    remote = "10.0.0.1",
    local_address = "fd00::1",
  })
  t.fails("nothing is to be changed", link_set, "lo", {})
end)

test.case("the host's own devices, addresses and routes are refused", { "root" }, function(t)
  local before = t.read "/proc/net/fib_trie"
  local err = t.fails("would change the host", link_set, "lo", { mtu = 1500 })
  t.match(err.hint, 'unshare { "net" }', true)
  t.fails("would change the host", address_add, "lo", "10.9.9.9/32")
  t.fails("would change the host", address_del, "lo", "127.0.0.1/8")
  t.fails("would change the host", route_add, "10.9.9.0/24", { dev = "lo" })
  t.fails("would change the host", route_del, "default")
  t.fails("would change the host", link_delete, "lo")
  t.fails("would change the host", loopback_up)
  t.fails("would change the host", loopback_up, { ns = "/proc/self/ns/net" })
  t.eq(t.read "/proc/net/fib_trie", before)
end)

test.case("a device of one's own may be changed on the host, but not take its default route", {
  "root",
}, function(t)
  local pair <close> = veth("crl-own0", "crl-own1", { up = true })
  pair:set { mtu = 1400 }
  address_add("crl-own0", "169.254.231.1/30")
  link_set("crl-own1", { mtu = 1400 })
  route_add("169.254.232.0/30", { dev = pair })
  t.eq(link("crl-own0").mtu, 1400)
  t.fails("would change the host", route_add, "default", { dev = pair })
end)

test.case("a bridge of somebody else's on the host gets no port", { "root" }, function(t)
  local theirs <close> = spawn(function()
    bridge("crl-their-br"):keep()
  end)
  t.eq(theirs:wait().code, 0)
  local ok, err = pcall(function()
    t.fails("would change the host", veth, "crl-port0", "crl-port1", { master = "crl-their-br" })
    t.eq(link "crl-port0", nil)
    local own <close> = veth("crl-port0", "crl-port1", { master = "crl-their-br", host = true })
    t.eq(link(own.name).master, "crl-their-br")
  end)
  link_delete("crl-their-br", { host = true })
  t.ok(ok, tostring(err))
end)

test.case("a name that is taken is EEXIST, and nothing is half made", { "root" }, function(t)
  t.inside({ "net" }, function()
    local first <close> = veth("a0", "a1")
    t.match(t.fails("EEXIST", veth, "a0", "b1").hint, '"a0"', true)
    t.match(t.fails("EEXIST", veth, "b0", "a1").hint, '"a1"', true)
    t.fails("EEXIST", bridge, "a0")
    t.fails("EEXIST", link_set, "a0", { name = "a1" })
    t.eq(link "b0", nil)
    t.eq(link "b1", nil)
    t.eq(first.closed, false)
  end)
end)

test.case("a device that is not there is ENODEV, and the hint names it", { "root" }, function(t)
  t.inside({ "net" }, function()
    t.match(t.fails("ENODEV", link_set, "nosuch", { up = true }).hint, '"nosuch"', true)
    t.match(t.fails("ENODEV", link_delete, "nosuch").hint, '"nosuch"', true)
    t.match(t.fails("ENODEV", address_add, "nosuch", "10.0.0.1/8").hint, '"nosuch"', true)
    t.match(t.fails("ENODEV", route_add, "10.0.0.0/8", { dev = "nosuch" }).hint, "nosuch")
    local options = { type = "macvlan", parent = "nosuch" }
    t.match(t.fails("ENODEV", link_add, "m0", options).hint, '"nosuch"', true)
    t.match(t.fails("ENETUNREACH", route_add, "default", { via = "10.0.0.1" }).hint, "10.0.0.1")
    t.fails("ESRCH", route_del, "10.0.0.0/8")
    t.fails("EADDRNOTAVAIL", address_del, "lo", "10.0.0.1/8")
  end)
end)

test.case("a failure in the middle takes back what was made", { "root" }, function(t)
  t.inside({ "net" }, function()
    t.fails("ENODEV", veth, "a0", "a1", { master = "nosuch" })
    t.eq(link "a0", nil)
    t.fails("ENODEV", bridge, "br0", { ports = { "nosuch" } })
    t.eq(link "br0", nil)
    -- IPv6 needs packets of 1280 bytes, so the address is what fails here.
    try(veth, "a0", "a1", { mtu = 1000, peer_address = "fd00::1/64", up = true })
    t.eq(link "a0", nil)
    t.eq(link "a1", nil)
  end)
end)

test.case("a namespace that is no namespace, or whose process has ended, is named", function(t)
  t.match(t.fails("EINVAL", links, { ns = "/etc/passwd" }).call, "/etc/passwd", true)
  t.fails("ENOENT", links, { ns = "/nosuch/net" })
  t.fails("ENOENT", links, { ns = "crl-nosuch" })
  t.fails("cannot name a network namespace", links, { ns = "a b" })
  local child = spawn(function() end)
  child:wait()
  t.fails("ESRCH", links, { ns = child })
  child:close()
  t.fails("is closed", links, { ns = child })
end)

test.case(
  "without rights over the namespace the hint says which are missing",
  { "user" },
  function(t)
    local err = t.fails("EPERM", veth, "crl-user0", "crl-user1")
    t.match(err.hint, "CAP_NET_ADMIN")
    t.match(err.hint, 'unshare { "user", "net" }', true)
    t.eq(link "crl-user0", nil)
  end
)

test.case("a token goes through a veth pair", TALK, function(t)
  talk(t, "10.77.0.1", function(server, client)
    veth("left", "right", {
      ns = server,
      peer_ns = client,
      address = "10.77.0.1/24",
      peer_address = "10.77.0.2/24",
      up = true,
    }):keep()
  end)
end)

test.case("a token goes through a veth pair over IPv6", TALK, function(t)
  talk(t, "fd00:77::1", function(server, client)
    veth("left", "right", {
      ns = server,
      peer_ns = client,
      address = "fd00:77::1/64",
      peer_address = "fd00:77::2/64",
      nodad = true,
      up = true,
    }):keep()
  end)
end)

test.case("a token goes through a bridge between two others", TALK, function(t)
  local switch <close> = pinned()
  talk(t, "10.77.1.1", function(server, client)
    local br = bridge("br0", { ns = switch, up = true })
    for index, box in ipairs { server, client } do
      veth("port" .. index, "eth0", {
        ns = switch,
        peer_ns = box,
        peer_address = ("10.77.1.%d/24"):format(index),
        master = br,
        up = true,
      })
    end
    t.eq(link("port1", switch).master, "br0")
  end)
end)

test.case("a token goes through a router, where forwarding is on", TALK, function(t)
  local router <close> = pinned(function()
    sysctl("net.ipv4.ip_forward", 1)
  end)
  talk(t, "10.77.2.2", function(server, client)
    for index, box in ipairs { server, client } do
      veth("to" .. index, "eth0", {
        ns = router,
        peer_ns = box,
        address = ("10.77.%d.1/24"):format(index + 1),
        peer_address = ("10.77.%d.2/24"):format(index + 1),
        up = true,
      })
      route_add("default", { via = ("10.77.%d.1"):format(index + 1), ns = box })
    end
  end)
end)

test.case(
  "a token goes through a vxlan over a veth pair",
  { "link:vxlan", table.unpack(TALK) },
  function(t)
    talk(t, "10.77.5.1", function(server, client)
      veth("under", "under", {
        ns = server,
        peer_ns = client,
        address = "10.77.4.1/24",
        peer_address = "10.77.4.2/24",
        up = true,
      })
      for index, box in ipairs { server, client } do
        link_add("vx0", {
          ns = box,
          type = "vxlan",
          id = 42,
          parent = "under",
          local_address = "10.77.4." .. index,
          remote = "10.77.4." .. 3 - index,
          address = ("10.77.5.%d/24"):format(index),
          up = true,
        })
      end
      t.eq(link("vx0", server).mtu, 1450)
    end)
  end
)

for _, kind in ipairs { "macvlan", "ipvlan" } do
  local needs = { "link:" .. kind, table.unpack(TALK) }
  test.case(("a token goes between two %s of one device"):format(kind), needs, function(t)
    local base <close> = pinned()
    talk(t, "10.77.6.1", function(server, client)
      veth("under", "far", { ns = base, up = true })
      for index, box in ipairs { server, client } do
        local sub = link_add("sub" .. index, { ns = base, type = kind, parent = "under" })
        sub:set { to = box, name = "eth0" }
        address_add(sub, ("10.77.6.%d/24"):format(index))
        sub:set { up = true }
        t.eq(link("eth0", box).kind, kind)
      end
    end)
  end)
end

test.case(
  "a token goes through a vlan of a veth pair",
  { "link:vlan", table.unpack(TALK) },
  function(t)
    talk(t, "10.77.7.1", function(server, client)
      veth("under", "under", { ns = server, peer_ns = client, up = true })
      for index, box in ipairs { server, client } do
        local address = ("10.77.7.%d/24"):format(index)
        local options = { ns = box, type = "vlan", parent = "under", id = 7 }
        options.address, options.up = address, true
        link_add("vlan7", options)
      end
    end)
  end
)

test.case("a dummy device is made and goes with its handle", { "root", "link:dummy" }, function(t)
  t.inside({ "net" }, function()
    local dummy <close> = link_add("d0", { type = "dummy", address = "10.0.0.1/8", up = true })
    t.eq(link("d0").kind, "dummy")
    dummy:close()
    t.eq(link "d0", nil)
  end)
end)

test.case("what a device is made with is what the kernel shows", { "root" }, function(t)
  local box <close> = pinned()
  t.inside({ "net" }, function()
    veth("left", "eth0", {
      peer_ns = box,
      mac = "02:00:00:00:00:0a",
      peer_mac = "02:00:00:00:00:0b",
      mtu = 1300,
      address = { "10.0.0.1/24", "fd00::1/64" },
      nodad = true,
    })
    local left, right = link "left", link("eth0", box)
    t.eq({ left.mac, left.mtu, left.up }, { "02:00:00:00:00:0a", 1300, false })
    t.eq({ right.mac, right.mtu, right.up }, { "02:00:00:00:00:0b", 1300, false })
    t.eq(link "eth0", nil)
    t.eq(link("left", box), nil)
    t.eq(addresses({ link = "left" })[1].address, "10.0.0.1/24")
    t.eq(addresses({ link = "left" })[2].address, "fd00::1/64")
    link_set("left", { alias = "to the box", txqlen = 77, up = true })
    left = link "left"
    t.eq({ left.alias, left.txqlen, left.up }, { "to the box", 77, true })
  end)
end)

test.case("a device is renamed, moved and followed by its handle", { "root" }, function(t)
  local box <close> = pinned()
  t.inside({ "net" }, function()
    local pair = veth("left", "right")
    pair:set { name = "newname" }
    t.eq(pair.name, "newname")
    t.eq(link "left", nil)
    pair:set { to = box, name = "eth7", up = true, mtu = 1234 }
    t.eq(link "newname", nil)
    local moved = link("eth7", box)
    t.eq({ moved.mtu, moved.up }, { 1234, true })
    pair:close()
    t.eq(link("eth7", box), nil)
    t.eq(link "right", nil)
  end)
end)

test.case("a port is taken out of its bridge again", { "root" }, function(t)
  t.inside({ "net" }, function()
    local pair = veth("a0", "a1")
    bridge("br0", { ports = { pair, "a1" } })
    t.eq({ link("a0").master, link("a1").master }, { "br0", "br0" })
    link_set(pair, { master = false })
    t.eq({ link("a0").master, link("a1").master }, { nil, "br0" })
    t.match(t.fails("EOPNOTSUPP", link_set, "a0", { master = "lo" }).hint, "bridge")
    link_delete "br0"
    t.eq(link "br0", nil)
  end)
end)

test.case("routes are added, listed and removed, IPv4 and IPv6", { "root" }, function(t)
  t.inside({ "net" }, function()
    veth("eth0", "far", { address = { "10.0.0.2/24", "fd00::2/64" }, nodad = true, up = true })
    route_add("default", { via = "10.0.0.1", metric = 7, src = "10.0.0.2" })
    route_add("default", { via = "fd00::1" })
    route_add("192.0.2.1", { dev = "eth0" })
    route_add("198.51.100.0/24", { dev = "eth0", table = 1000 })
    t.eq(#routes { table = 1000 }, 1)
    local default = find(routes(), "to", "default")
    t.eq(
      { default.via, default.dev, default.metric, default.src },
      { "10.0.0.1", "eth0", 7, "10.0.0.2" }
    )
    t.eq(find(routes(), "via", "fd00::1").family, "inet6")
    t.eq(find(routes(), "to", "192.0.2.1/32").scope, "link")
    t.fails("EEXIST", route_add, "192.0.2.1", { dev = "eth0" })
    route_del "default"
    route_del("::/0")
    route_del("192.0.2.1/32", { dev = "eth0" })
    t.eq(find(routes(), "to", "default"), nil)
    t.eq(find(routes(), "to", "192.0.2.1/32"), nil)
  end)
end)

test.case("lo answers once it is up, here and in another namespace", { "root" }, function(t)
  local box <close> = pinned()
  t.inside({ "net" }, function()
    t.eq(link("lo").up, false)
    loopback_up()
    t.eq(link("lo").up, true)
    t.eq(link("lo", box).up, false)
    loopback_up { ns = box }
    t.eq(link("lo", box).up, true)
    t.eq(addresses({ ns = box })[1].address, "127.0.0.1/8")
  end)
end)

test.case("working in another namespace leaves the caller in its own", { "root" }, function(t)
  local box <close> = pinned()
  local before = links()
  loopback_up { ns = box.pid }
  veth("crl-move0", "eth0", { ns = box, up = true })
  t.fails("ENODEV", link_set, "nosuch", { ns = box, up = true })
  t.eq(links(), before)
end)

test.case(
  "an unprivileged user has all of it in namespaces of its own",
  { "user", "userns" },
  function(t)
    t.inside({ "user", "net" }, function()
      local box <close> = pinned()
      loopback_up { ns = box }
      local pair = veth("left", "eth0", { peer_ns = box, address = "10.0.0.1/24", up = true })
      bridge("br0", { ports = { pair }, up = true })
      address_add("eth0", "10.0.0.2/24", { ns = box })
      route_add("default", { ns = box, via = "10.0.0.1" })
      t.eq(find(routes { ns = box }, "to", "default").via, "10.0.0.1")
      t.eq(link("left").master, "br0")
    end)
  end
)

test.case("a device on the host is gone when its handle is closed", { "root" }, function(t)
  do
    local pair <close> = veth("crl-host0", "crl-host1")
    t.ok(link(pair.name), "the device")
    t.ok(link(pair.peer), "the other end")
  end
  t.eq(link "crl-host0", nil)
end)

test.case("a device whose other end's namespace has gone closes in peace", { "root" }, function(t)
  local box = pinned()
  local pair = veth("crl-gone0", "eth0", { peer_ns = box })
  box:close()
  for _ = 1, 200 do
    if not link "crl-gone0" then
      break
    end
  end
  pair:close()
  t.eq(link "crl-gone0", nil)
end)

test.case("no thread is left of a request", { "root" }, function(t)
  t.inside({ "net" }, function()
    veth("a0", "a1", { up = true })
    t.match(t.read "/proc/self/status", "Threads:%s*1\n")
  end)
end)

--- Kills a script while it holds `made`, and lets gc take back what it has left.
local function killed(t, body, made, between)
  local victim <close> = spawn(function()
    body()
    while true do
      links()
    end
  end)
  while not made() do
    t.eq(victim.closed, false)
  end
  local kill <close> = spawn(function()
    exec { "sh", "-c", "kill -9 " .. victim.pid }
  end)
  kill:wait()
  t.eq(victim:wait().signal, "kill")
  t.ok(made(), "what is left over")
  if between then
    between()
  end
  local gc <close> = spawn(function()
    exec { "/proc/self/exe", "gc" }
  end)
  t.eq(gc:wait().code, 0)
end

test.case("gc removes the device that a killed script has left on the host", { "root" }, function(t)
  killed(t, function()
    local pair = veth("crl-gc0", "crl-gc1")
    pair:set { name = "crl-gc2" }
  end, function()
    return link "crl-gc2"
  end)
  t.eq(link "crl-gc2", nil)
  t.eq(link "crl-gc1", nil)
end)

test.case("gc leaves a later device of the same name alone", { "root" }, function(t)
  local later
  killed(t, function()
    veth("crl-gc3", "crl-gc4")
  end, function()
    return link "crl-gc3"
  end, function()
    link_delete("crl-gc3", { host = true })
    later = veth("crl-gc3", "crl-gc4")
  end)
  t.ok(link "crl-gc3", "the later device")
  later:close()
end)

return test.run()
