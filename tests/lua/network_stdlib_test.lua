-- stdlib/network: what a user writes, the modes, addresses and names on a bridge.

local test = require "test"
local network = require "network"
local state = require "network.state"
local net = require "test.network"

local words, on_host, plan, box = net.words, net.on_host, net.plan, net.box
local finish, sleep, serve, ask = net.finish, net.sleep, net.serve, net.ask
local ask_from, ip_of, link = net.ask_from, net.ip_of, net.link

local TALK = { "root", "program:nft", "program:busybox" }

test.case("an unknown mode, an unknown option and a wrong value are named", function(t)
  t.match(words(t.fails("expected", network.parse, "bridged")), 'did you mean "bridge"', true)
  t.fails("did you mean 'publish'?", network.parse, { mode = "bridge", publich = "80" })
  t.fails("no option is called 'publish'", network.parse, { mode = "none", publish = "80" })
  t.fails("bits behind its prefix", network.parse, { mode = "bridge", subnet = "10.9.0.1/24" })
  t.fails("no network such as", network.parse, { mode = "bridge", subnet = "fd00::/64" })
  t.fails("no room", network.parse, { mode = "bridge", subnet = "10.9.0.0/31" })
  t.fails("no part of", network.parse, {
    mode = "bridge",
    subnet = "10.9.0.0/24",
    range = "10.10.0.0/24",
  })
  t.fails("the bridge has no IPv6", network.parse, { mode = "bridge", nat6 = true })
  t.fails("1 to 15 bytes", network.parse, { mode = "bridge", bridge = "a-very-long-bridge" })
  t.fails("is no address", network.parse, { mode = "bridge", hosts = { db = "10.0.0" } })
  t.fails("no address of a server", network.parse, { mode = "bridge", dns = { "one.one" } })
  t.fails("no container's name", network.parse, "container:../etc")
  t.fails("option 'conf' is missing", network.parse, { mode = "cni" })
  t.fails('the mode "pasta" publishes', network.parse, { mode = "slirp4netns", publish = "80" })
end)

test.case("ports that make no sense are refused, each with what was expected", function(t)
  for text, why in pairs {
    ["0:80"] = "no port from 1 to 65535",
    ["80:70000"] = "no port from 1 to 65535",
    ["80:80/sctp"] = "tcp or udp",
    ["8000-8003:80-81"] = "not of one length",
    ["1.2.3:80:80"] = "is no address",
    ["90-80"] = "no port from 1 to 65535",
    ["web"] = "no port from 1 to 65535",
    ["1-2000"] = "at most 1024",
  } do
    t.fails(why, network.parse, { mode = "bridge", publish = text })
  end
  t.fails("published twice", network.parse, {
    mode = "bridge",
    publish = { "8080:80", "127.0.0.1:8080:81" },
  })
end)

test.case("destinations that make no sense are refused", function(t)
  for text, why in pairs {
    ["10.0.0.0/33"] = "no address",
    ["10.0.0.1:"] = "no port stands",
    ["10.0.0.1:99999"] = "no port from 1 to 65535",
    ["10.0.0.1/icmp"] = "tcp or udp",
    ["-x"] = "no name",
  } do
    t.fails(why, network.parse, { mode = "bridge", allow = { text } })
  end
end)

test.case("each mode has its own namespace or joins one, and parsing twice is fine", function(t)
  for _, mode in ipairs { "none", "private", "bridge", "pasta", "slirp4netns" } do
    t.eq(network.unshare(network.parse(mode)), true, mode)
  end
  for _, value in ipairs { "host", "container:web", { mode = "netns", name = "blue" } } do
    t.eq(network.unshare(network.parse(value)), false)
  end
  t.eq(network.unshare(network.parse(nil)), true)
  local spec = network.parse { mode = "bridge", publish = "80", allow = "*:443", dns = "192.0.2.5" }
  t.eq(network.parse(spec), spec)
  t.eq(network.join(network.parse("bridge")), nil)
end)

test.case(
  "a network namespace that does not exist is named, and the nearest",
  { "root" },
  function(t)
    local blue <close> = netns_add("crl-blue")
    local err = t.fails(
      "no network namespace",
      network.join,
      network.parse {
        mode = "netns",
        name = "crl-blu",
      }
    )
    t.match(err.hint, 'did you mean "crl-blue"', true)
    t.eq(network.join(network.parse { mode = "netns", name = "crl-blue" }), blue.path)
  end
)

test.case("a container joins a namespace by its name", { "root" }, function(t)
  local blue <close> = netns_add("crl-blue")
  local spec = network.parse { mode = "netns", name = "crl-blue" }
  local attachment = network.plan(spec, { name = "box", root = true })
  local child <close> = spawn({ join = { net = network.join(spec) } }, function()
    network.inside(attachment)
    t.eq(ns_list().net.inode, ns_open("/run/netns/crl-blue").inode)
  end)
  t.eq(child:wait().code, 0)
  t.eq(attachment.record, { mode = "netns" })
  network.release(attachment.record)
  t.eq(netns_list(), { blue.name })
end)

test.case("on the host's network the host's resolv.conf is the container's", function(t)
  local attachment = plan("box", "host")
  t.eq(attachment.files["/etc/resolv.conf"], read_file("/etc/resolv.conf"))
  t.match(attachment.files["/etc/hosts"], "127.0.0.1\tbox", true)
  local own = plan("box", { mode = "host", dns = { "192.0.2.5" } })
  t.match(own.files["/etc/resolv.conf"], "nameserver 192.0.2.5\n", true)
end)

test.case("the stub resolver of the host is replaced, and a search list stays", function(t)
  local files = require "network.files"
  local dns = files.parse("# a\nnameserver 127.0.0.53\noptions edns0\nsearch lab example.org\n")
  t.eq(dns, {
    servers = { "127.0.0.53" },
    search = { "lab", "example.org" },
    options = { "edns0" },
  })
  local none = plan("box", "none").files["/etc/resolv.conf"]
  t.eq(none:find("\nnameserver", 1, true), nil)
  local text = plan("box", { mode = "none", dns = { "192.0.2.5" } }).files["/etc/resolv.conf"]
  t.match(text, "nameserver 192.0.2.5", true)
end)

test.case("a resolver on the loopback gives way to the servers behind it", { "root" }, function(t)
  t.inside({ "mnt" }, function()
    mount("tmpfs", "/run", { type = "tmpfs" })
    local stub, behind = "/run/stub", "/run/systemd/resolve"
    write_file(stub, "nameserver 127.0.0.53\nsearch lab\n")
    mount(stub, readlink("/etc/resolv.conf") or "/etc/resolv.conf", { bind = true })
    local files = require "network.files"
    t.eq(files.resolvers(nil).servers, {})
    mkdir(behind, { parents = true })
    write_file(behind .. "/resolv.conf", "nameserver 192.0.2.53\nnameserver ::1\n")
    t.eq(files.resolvers(nil).servers, { "192.0.2.53" })
    t.eq(files.resolvers(nil).search, { "lab" })
  end)
end)

test.case(
  "none has lo up and nothing else, and asks the kernel for nothing before",
  { "root" },
  function(t)
    local attachment = plan("box", "none")
    t.eq(stat(state.base()), nil)
    local child <close> = spawn({ unshare = { "net" } }, function()
      network.inside(attachment)
      local rows = links()
      t.eq({ #rows, rows[1].name, rows[1].up }, { 1, "lo", true })
    end)
    t.eq(child:wait().code, 0)
    network.release(attachment)
    t.match(attachment.files["/etc/hosts"], "127.0.0.1\tbox", true)
  end
)

test.case(
  "an ordinary user has none and is refused the bridge with a remedy",
  { "user", "userns" },
  function(t)
    local attachment = network.plan(network.parse("none"), { name = "box", root = false })
    local child <close> = spawn({ unshare = { "user", "net" } }, function()
      network.inside(attachment)
      t.eq(links()[1].up, true)
    end)
    t.eq(child:wait().code, 0)
    for _, mode in ipairs { "bridge", "private" } do
      local err = t.fails("CAP_NET_ADMIN", network.plan, network.parse(mode), {
        name = "box",
        root = false,
      })
      t.match(err.hint, "pasta")
    end
    t.eq(stat(state.base()), nil)
  end
)

test.case(
  "an ordinary user has a bridge in namespaces of its own",
  { "user", "userns" },
  function(t)
    t.inside({ "user", "net", "mnt" }, function()
      local one, a = box("one", { mode = "bridge", nat = false }, sleep)
      local two, b = box("two", { mode = "bridge", nat = false }, sleep)
      t.eq({ ip_of(a), ip_of(b) }, { "10.89.0.2", "10.89.0.3" })
      t.eq(link("eth0", two).up, true)
      finish(one, a)
      finish(two, b)
      t.eq(link("crun-lua0"), nil)
    end)
    remove(state.base(), { recursive = true })
  end
)

test.case("private is a pair of devices that goes with the container", TALK, function(t)
  on_host(t, function()
    local ends = { mode = "private", address = "10.7.0.2/30", peer_address = "10.7.0.1/30" }
    ends.mtu, ends.gateway = 1400, "10.7.0.1"
    local one, a = box("one", ends, serve(7000, "private"))
    t.match(ask("10.7.0.2", 7000), "private")
    t.eq({ link("eth0", one).mtu, link(a.record.link).mtu }, { 1400, 1400 })
    t.eq(stat(state.base()), nil, "a record")
    t.fails("overlaps the", plan, "two", { mode = "private", peer_address = "10.7.0.9/24" })
    finish(one, a)
    t.eq(link(a.record.link), nil)
  end)
end)

test.case(
  "two containers of a bridge talk, by IPv4, by IPv6 and know each other's names",
  TALK,
  function(t)
    on_host(t, function()
      local given = { mode = "bridge", subnet6 = "fd00:89::/64", nat = false }
      local web, a = box("web", given, serve(7000, "hello"))
      local other, b = box("other", given, sleep)
      t.eq(ask_from(other, ip_of(a), 7000), "hello\n")
      t.eq(ask_from(other, ip_of(a, 2), 7000), "hello\n")
      t.eq({ ip_of(a), ip_of(a, 2) }, { "10.89.0.2", "fd00:89::2" })
      t.match(b.files["/etc/hosts"], "10.89.0.2\tweb\n", true)
      -- The one that came first learns of the second by the file that it has mounted.
      t.eq(a.files["/etc/hosts"]:find("other", 1, true), nil)
      t.match(read_file(a.live["/etc/hosts"]), "\n10.89.0.3\tother\n", true)
      local before = stat(a.live["/etc/hosts"]).ino
      finish(other, b)
      t.eq(read_file(a.live["/etc/hosts"]):find("\n10.89.0.3", 1, true), nil)
      t.eq(stat(a.live["/etc/hosts"]).ino, before, "the file's inode")
      finish(web, a)
      t.eq(link("crun-lua0"), nil)
    end)
  end
)

test.case("the bridge's hosts file does not say whose hosts another was given", TALK, function(t)
  on_host(t, function()
    local one = plan("one", { mode = "bridge", nat = false, hosts = { db = "192.0.2.9" } })
    local two = plan("two", { mode = "bridge", nat = false })
    t.match(one.files["/etc/hosts"], "192.0.2.9\tdb\n", true)
    t.eq(one.live, nil)
    t.eq(two.files["/etc/hosts"]:find("db", 1, true), nil)
    network.release(one)
    network.release(two)
  end)
end)

test.case("an address that is taken is refused, and who has it is said", TALK, function(t)
  on_host(t, function()
    local one = plan("one", { mode = "bridge", address = "10.89.0.7", nat = false })
    t.eq(one.record.addresses, { "10.89.0.7/24" })
    local function wanted(address)
      return { mode = "bridge", nat = false, address = address }
    end
    t.fails('the container "one" has it', plan, "two", wanted("10.89.0.7"))
    t.fails("the host itself has it, on crun-lua0", plan, "two", wanted("10.89.0.1"))
    t.fails("has the subnet 10.89.0.0/24", plan, "two", wanted("10.90.0.7"))
    t.fails("is no host's", plan, "two", wanted("10.89.0.255"))
    t.fails("has no IPv6", plan, "two", wanted("fd00::7"))
    t.fails("two addresses of one family", plan, "two", wanted { "10.89.0.8", "10.89.0.9" })
    t.eq(#state.list(state.dir(one.record.scope) .. "/attachments"), 1)
    network.release(one)
    network.release(one)
    network.release(one.record)
  end)
end)

test.case("a subnet that a route of the host leads to is refused, or passed over", TALK, function(t)
  on_host(t, function()
    veth("up0", "up1", { address = { "10.89.3.1/16", "fd00:89::1/64" }, up = true, nodad = true })
    t.fails("overlaps the route 10.89.0.0/16", plan, "one", {
      mode = "bridge",
      subnet = "10.89.0.0/24",
    })
    t.fails("overlaps the", plan, "one", { mode = "bridge", subnet6 = "fd00:89::/48" })
    local one = plan("one", { mode = "bridge", nat = false })
    t.eq(one.record.addresses, { "10.90.0.2/24" })
    t.fails("has the subnet 10.90.0.0/24, not 10.91.0.0/24", plan, "two", {
      mode = "bridge",
      subnet = "10.91.0.0/24",
    })
    t.fails("has nat = false", plan, "two", { mode = "bridge", nat = true })
    network.release(one)
  end)
end)

test.case("a full subnet says so, and room is made by the dead", TALK, function(t)
  on_host(t, function()
    local small = { mode = "bridge", subnet = "10.9.0.0/29", nat = false }
    local all = {}
    for index = 1, 5 do
      all[index] = plan("box" .. index, small)
    end
    t.fails("no address of 10.9.0.0/29 is free", plan, "more", small)
    -- One of them belongs to a process that is gone.
    local dead <close> = spawn(function() end)
    local owner = state.owner(dead.pid)
    dead:wait()
    local record = all[3].record
    record.owner = owner
    state.write(state.attachment(record.scope, record.id), record)
    local more = plan("more", small)
    t.eq(ip_of(more), ip_of(all[3]))
    network.release(more)
    for _, attachment in ipairs(all) do
      network.release(attachment)
    end
  end)
end)

test.case("a device of the name that is no bridge is refused", TALK, function(t)
  on_host(t, function()
    veth("br9", "other")
    t.fails('"br9" is no bridge', plan, "one", { mode = "bridge", bridge = "br9" })
    bridge("br8")
    t.fails("has no IPv4 address", plan, "one", { mode = "bridge", bridge = "br8" })
  end)
end)

test.case("a bridge that the user has made is used, and stays", TALK, function(t)
  on_host(t, function()
    bridge("mine", { address = "172.30.0.1/24", up = true })
    local given = { mode = "bridge", bridge = "mine", publish = "8080:7000" }
    local one, a = box("one", given, serve(7000, "x"))
    t.eq(a.record.addresses, { "172.30.0.2/24" })
    t.eq(link(a.record.link).master, "mine")
    t.eq(ask("127.0.0.1", 8080), "x\n")
    finish(one, a)
    t.eq(link("mine").up, true)
    t.eq(sysctl_get("net/ipv4/conf/mine/route_localnet"), "0")
    t.eq(nft_list(), "")
  end)
end)

test.case("two bridges have networks of their own, each with its NAT", TALK, function(t)
  on_host(t, function()
    local one = plan("one", "bridge")
    local two = plan("two", { mode = "bridge", bridge = "second" })
    t.eq({ ip_of(one), ip_of(two) }, { "10.89.0.2", "10.90.0.2" })
    t.match(nft_list(), "crun-lua-10.89.0.0-24", true)
    t.match(nft_list(), "crun-lua-10.90.0.0-24", true)
    network.release(one)
    t.eq({ link("crun-lua0") == nil, link("second").up }, { true, true })
    t.eq(nft_list():find("crun-lua-10.89.0.0-24", 1, true), nil)
    network.release(two)
    t.eq(nft_list(), "")
  end)
end)

return test.run()
