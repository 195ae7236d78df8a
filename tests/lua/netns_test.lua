-- Named network namespaces: netns_add, netns_open, netns_delete, netns_list, and `ns` by name.

local test = require "test"

local function lists(name)
  for _, other in ipairs(netns_list()) do
    if other == name then
      return true
    end
  end
  return false
end

local function link(name, ns)
  for _, row in ipairs(links { ns = ns }) do
    if row.name == name then
      return row
    end
  end
end

test.case("a name that leaves the directory is refused before anything is done", function(t)
  for _, name in ipairs {
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a b",
    "-n",
    ".hidden",
    "a\nb",
    ("x"):rep(256),
  } do
    t.fails("cannot name a network namespace", netns_add, name)
    t.fails("cannot name a network namespace", netns_open, name)
    t.fails("cannot name a network namespace", netns_delete, name)
  end
end)

test.case("a name that nobody has is ENOENT", { "root" }, function(t)
  t.fails("ENOENT", netns_open, "crl-nosuch")
  t.match(t.fails("ENOENT", netns_delete, "crl-nosuch", { host = true }).hint, "crl-nosuch", true)
end)

test.case("a name that is taken is EEXIST, and its owner keeps it", { "root" }, function(t)
  local blue <close> = netns_add "crl-blue"
  t.match(t.fails("EEXIST", netns_add, "crl-blue").hint, "crl-blue", true)
  t.eq(lists(blue.name), true)
end)

test.case("a name of somebody else's is not deleted", { "root" }, function(t)
  netns_add("crl-theirs"):keep()
  t.fails("would change the host", netns_delete, "crl-theirs")
  t.eq(lists "crl-theirs", true)
  netns_delete("crl-theirs", { host = true })
  t.eq(lists "crl-theirs", false)
end)

test.case("without rights nothing is made", { "user" }, function(t)
  local err = try(netns_add, "crl-user")
  t.eq(err, nil)
  t.eq(lists "crl-user", false)
end)

test.case("a named namespace is a new one, and the caller stays in its own", { "root" }, function(t)
  local before = ns_open("/proc/self/ns/net").inode
  local blue <close> = netns_add "crl-blue"
  t.eq(blue.path, "/run/netns/crl-blue")
  t.ne(ns_open(blue.path).inode, before)
  t.eq(ns_open("/proc/self/ns/net").inode, before)
  t.eq(#links { ns = blue }, #links { ns = "crl-blue" })
  t.eq(link("lo", blue).up, false)
  loopback_up { ns = "crl-blue" }
  t.eq(link("lo", blue.path).up, true)
  blue:close()
  t.eq(lists "crl-blue", false)
end)

test.case(
  "a device moves into a named namespace, and lives there without a process",
  { "root" },
  function(t)
    local blue <close> = netns_add "crl-blue"
    local green <close> = netns_add "crl-green"
    local pair = veth("eth0", "eth0", { ns = blue, peer_ns = green, up = true })
    t.eq(link("eth0", blue).up, true)
    t.eq(link("eth0", green).up, true)
    pair:set { to = green, name = "eth1" }
    t.eq(link("eth0", blue), nil)
    t.eq(link("eth1", green).kind, "veth")
    pair:close()
    t.eq(link("eth0", green), nil)
  end
)

test.case("a namespace is named by an open handle and by a pin", { "root" }, function(t)
  local child <close> = spawn({ unshare = { "net" } }, function()
    exec { "sleep", "60" }
  end)
  local open <close> = ns_open(child, "net")
  loopback_up { ns = open }
  t.eq(link("lo", child).up, true)
  t.fails("expected", links, { ns = ns_open("/proc/self/ns/uts") })
end)

test.case(
  "`ip netns` lists and enters what netns_add has made",
  { "root", "program:ip" },
  function(t)
    local blue <close> = netns_add "crl-blue"
    t.match(capture({ "ip", "netns", "list" }).stdout, "crl-blue", true)
    loopback_up { ns = blue }
    local inside = capture { "ip", "-n", "crl-blue", "-oneline", "link", "show", "lo" }
    t.match(inside.stdout, "LOOPBACK,UP")
    local entered = capture { "ip", "netns", "exec", "crl-blue", "readlink", "/proc/self/ns/net" }
    t.eq(entered.stdout, ("net:[%d]\n"):format(ns_open(blue.path).inode))
  end
)

test.case(
  "what `ip netns` has made is opened, and closing leaves it",
  { "root", "program:ip" },
  function(t)
    t.eq(capture({ "ip", "netns", "add", "crl-ip" }).code, 0)
    do
      local theirs <close> = netns_open "crl-ip"
      loopback_up { ns = theirs }
      t.eq(link("lo", "crl-ip").up, true)
    end
    t.eq(lists "crl-ip", true)
    netns_delete("crl-ip", { host = true })
    t.eq(lists "crl-ip", false)
  end
)

test.case(
  "what a script has made on the host it removes after it has left the host",
  { "root" },
  function(t)
    t.inside({}, function()
      local pair <close> = veth("crl-left0", "crl-left1")
      unshare { "net" }
      veth("crl-left0", "crl-left1", { mtu = 1400 }):keep()
      pair:set { mtu = 1300 }
      t.eq(link("crl-left0").mtu, 1400)
      link_delete "crl-left0"
      t.eq(pair.closed, false)
    end)
    t.eq(link "crl-left0", nil)
  end
)

test.case(
  "gc removes the name that a killed script has left, and the device in it",
  { "root" },
  function(t)
    local victim <close> = spawn(function()
      local blue = netns_add "crl-gc"
      veth("eth0", "eth1", { ns = blue })
      while true do
        links()
      end
    end)
    repeat
      local there = lists "crl-gc" and try(link, "eth0", "crl-gc")
    until there
    t.eq(capture({ "sh", "-c", "kill -9 " .. victim.pid }).code, 0)
    t.eq(victim:wait().signal, "kill")
    t.eq(lists "crl-gc", true)
    t.eq(capture({ "/proc/self/exe", "gc" }).code, 0)
    t.eq(lists "crl-gc", false)
  end
)

return test.run()
