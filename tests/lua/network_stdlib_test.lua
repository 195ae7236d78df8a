-- stdlib/network: spec, plan, connect, release and gc of containers' networks, in pretended hosts.

local test = require "test"
local network = require "network"
local state = require "network.state"

local TALK = { "root", "program:nft", "program:busybox" }

--- Text of an error object that was raised inside of a child or here.
local function words(err)
  return ("%s (%s)"):format(err.message or "", err.hint or "")
end

--- Runs `body` in a namespace that plays the host, and looks that no record stays.
local function on_host(t, body)
  local child <close> = spawn({ unshare = { "net", "mnt" } }, function()
    loopback_up()
    body()
  end)
  t.eq(child:wait().code, 0, "the host's status")
  t.eq(#network.gc(), 0, "what was left for gc")
  local left = stat(state.base()) and list_dir(state.base()) or {}
  t.eq(left, #left > 0 and { "lock" } or {}, "records")
  remove(state.base(), { recursive = true, missing = true })
end

local function plan(name, given)
  return network.plan(network.parse(given), { name = name, root = true })
end

--- A container-like process on a network; answers it and what releases it.
local function box(name, given, body)
  local attachment = plan(name, given)
  local process = spawn({
    unshare = { "net" },
    parent = function(process)
      network.connect(attachment, process)
    end,
  }, function()
    network.inside(attachment)
    return body(attachment)
  end)
  return process, attachment
end

local function finish(process, attachment)
  process:kill("kill")
  process:wait()
  network.release(attachment)
end

local function sleep()
  exec { "sleep", "60" }
end

--- A server that tells one text to each who asks, over and over.
local function serve(port, text)
  return function()
    exec { "busybox", "nc", "-ll", "-p", tostring(port), "-e", "echo", text }
  end
end

--- What somebody hears at an address, asking until there is an answer; "" where there is none.
local function ask(ip, port, tries)
  -- Some user-mode networks forget to tell that the other side has closed.
  local once = ('out=$(busybox timeout 2 busybox nc -w 1 %s %d </dev/null 2>/dev/null); '):format(
    ip,
    port
  )
  local loop = 'for i in $(seq %d); do %s test -n "$out" && echo "$out" && exit 0; sleep 0.05; done'
  return capture({ "sh", "-c", loop:format(tries or 40, once) }).stdout
end

--- The same out of another namespace.
local function ask_from(process, ip, port, tries)
  local child <close> = spawn({ join = { net = process }, stdout = "pipe" }, function()
    io.stdout:write(ask(ip, port, tries))
  end)
  return child:output().stdout
end

local function ip_of(attachment, index)
  return attachment.record.addresses[index or 1]:match("^[^/]+")
end

local function link(name, ns)
  for _, row in ipairs(links { ns = ns }) do
    if row.name == name then
      return row
    end
  end
end

--- A second namespace behind a router's device "out": 192.0.2.1 here, 192.0.2.2 there.
local function outside(body)
  return spawn({
    unshare = { "net" },
    parent = function(process)
      veth("out", "eth0", {
        peer_ns = process,
        address = { "192.0.2.1/24", "2001:db8::1/64" },
        peer_address = { "192.0.2.2/24", "2001:db8::2/64" },
        nodad = true,
        up = true,
      })
    end,
  }, body or sleep)
end

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

test.case("a network namespace that does not exist is named, and the nearest", { "root" }, function(t)
  local blue <close> = netns_add("crl-blue")
  local err = t.fails("no network namespace", network.join, network.parse {
    mode = "netns",
    name = "crl-blu",
  })
  t.match(err.hint, 'did you mean "crl-blue"', true)
  t.eq(network.join(network.parse { mode = "netns", name = "crl-blue" }), blue.path)
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

test.case("none has lo up and nothing else, and asks the kernel for nothing before", { "root" }, function(t)
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
end)

test.case("an ordinary user has none and is refused the bridge with a remedy", { "user", "userns" }, function(t)
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
end)

test.case("an ordinary user has a bridge in namespaces of its own", { "user", "userns" }, function(t)
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
end)

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

test.case("two containers of a bridge talk, by IPv4, by IPv6 and know each other's names", TALK, function(t)
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
end)

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
    local one, a = box("one", { mode = "bridge", bridge = "mine", publish = "8080:7000" }, serve(7000, "x"))
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

test.case("packets to the outside leave under the host's address, IPv6 only when asked", TALK, function(t)
  on_host(t, function()
    local away <close> = outside(serve(7000, "outside"))
    local six = { mode = "bridge", subnet6 = "fd00:89::/64", nat6 = true }
    local one, a = box("one", six, sleep)
    t.eq(ask_from(one, "192.0.2.2", 7000), "outside\n")
    t.eq(ask_from(one, "2001:db8::2", 7000), "outside\n")
    finish(one, a)
    local two, b = box("two", { mode = "bridge", subnet6 = "fd00:89::/64" }, sleep)
    t.eq(ask_from(two, "192.0.2.2", 7000), "outside\n")
    t.eq(ask_from(two, "2001:db8::2", 7000, 1), "")
    finish(two, b)
  end)
end)

test.case("a published port leads in from outside, from the host, from its loopback and from a neighbour", TALK, function(t)
  on_host(t, function()
    local away <close> = outside()
    local web, a = box("web", { mode = "bridge", publish = "8080:7000" }, serve(7000, "web"))
    local near, b = box("near", "bridge", sleep)
    t.eq(ask_from(away, "192.0.2.1", 8080), "web\n")
    t.eq(ask("192.0.2.1", 8080), "web\n")
    t.eq(ask("127.0.0.1", 8080), "web\n")
    t.eq(ask_from(near, "192.0.2.1", 8080), "web\n")
    -- The switch that lets the loopback's answers in lets in nothing else.
    local secret <close> = spawn(function()
      exec { "busybox", "httpd", "-f", "-p", "127.0.0.1:7500", "-h", "/proc/self" }
    end)
    local function reaches(tries)
      local once = "busybox nc -w 1 127.0.0.1 7500 </dev/null >/dev/null 2>&1 && exit 0; "
      local again = "sleep 0.05; done; exit 1"
      return capture({ "sh", "-c", ("for i in $(seq %d); do "):format(tries) .. once .. again }).code
    end
    t.eq(reaches(40), 0)
    local inside <close> = spawn({ join = { net = near } }, function()
      -- The neighbour sends what is for 127.0.0.1 to the bridge.
      sysctl("net/ipv4/conf/eth0/route_localnet", 1)
      address_del("lo", "127.0.0.1/8")
      route_add("127.0.0.1", { via = "10.89.0.1", dev = "eth0", src = "10.89.0.3" })
      return reaches(1)
    end)
    t.eq(inside:wait().code, 1)
    -- It was the guard that stopped it: without it the loopback lies open.
    local name = nft_list():match("table ip (crun%-lua%-guard%-%x+)")
    nft("flush table ip " .. name, { host = true })
    local open <close> = spawn({ join = { net = near } }, function()
      return reaches(1)
    end)
    t.eq(open:wait().code, 0)
    secret:kill("kill")
    finish(web, a)
    finish(near, b)
    t.eq(nft_list(), "")
  end)
end)

test.case("a port of the loopback alone is not reached from outside", TALK, function(t)
  on_host(t, function()
    local away <close> = outside()
    local given = { mode = "bridge", publish = { "127.0.0.1:8080:7000", "192.0.2.1:8081:7000" } }
    local web, a = box("web", given, serve(7000, "web"))
    t.eq(ask("127.0.0.1", 8080), "web\n")
    t.eq(ask_from(away, "192.0.2.1", 8081), "web\n")
    t.eq(ask_from(away, "192.0.2.1", 8080, 1), "")
    t.eq(ask("127.0.0.1", 8081, 1), "")
    finish(web, a)
  end)
end)

test.case("two containers publish on one bridge, a range of ports and IPv6 among them", TALK, function(t)
  on_host(t, function()
    local away <close> = outside()
    local six = { mode = "bridge", subnet6 = "fd00:89::/64", nat6 = true }
    six.publish = { "8000-8002:7000-7002" }
    local one, a = box("one", six, serve(7001, "one"))
    six.publish = { "8010:7000", "[2001:db8::1]:8011:7000" }
    local two, b = box("two", six, serve(7000, "two"))
    t.eq(ask_from(away, "192.0.2.1", 8001), "one\n")
    t.eq(ask_from(away, "192.0.2.1", 8010), "two\n")
    t.eq(ask_from(away, "2001:db8::1", 8001), "one\n")
    t.eq(ask_from(away, "2001:db8::1", 8011), "two\n")
    t.eq(ask_from(away, "192.0.2.1", 8011, 1), "")
    finish(one, a)
    t.eq(ask_from(away, "192.0.2.1", 8010), "two\n")
    finish(two, b)
  end)
end)

test.case("a published UDP port takes datagrams", { "program:python3", table.unpack(TALK) }, function(t)
  local server = [[
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7000))
while True:
    data, peer = s.recvfrom(100)
    s.sendto(b"heard " + data, peer)
]]
  local client = [[
import socket
for i in range(50):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.2)
    try:
        s.sendto(b"token", ("192.0.2.1", 5353))
        print(s.recv(100).decode())
        break
    except OSError:
        pass
]]
  on_host(t, function()
    local away <close> = outside()
    local web, a = box("web", { mode = "bridge", publish = "5353:7000/udp" }, function()
      exec { "/usr/bin/python3", "-c", server }
    end)
    local asks <close> = spawn({ join = { net = away }, stdout = "pipe" }, function()
      exec { "/usr/bin/python3", "-c", client }
    end)
    t.eq(asks:output().stdout, "heard token\n")
    t.fails('udp port 5353 is published by the container "web"', plan, "two", {
      mode = "bridge",
      publish = "127.0.0.1:5353:53/udp",
    })
    finish(web, a)
  end)
end)

test.case("a port in use is refused before anything is made, and who has it is said", TALK, function(t)
  on_host(t, function()
    local taken <close> = spawn(serve(8080, "host"))
    t.eq(ask("127.0.0.1", 8080), "host\n")
    local err = t.fails("tcp port 8080 is in use by", plan, "one", {
      mode = "bridge",
      publish = "8080:80",
    })
    t.match(err.message, ("process %d"):format(taken.pid), true)
    t.eq({ link("crun-lua0"), nft_list() }, { nil, "" })
    taken:kill("kill")
    taken:wait()
    local one = plan("one", { mode = "bridge", nat = false, publish = "8080:80" })
    t.fails('published by the container "one"', plan, "two", {
      mode = "bridge",
      publish = "192.0.2.1:8080:80",
    })
    t.fails("does not route IPv6", plan, "two", {
      mode = "bridge",
      publish = "[::2]:8081:80",
    })
    network.release(one)
  end)
end)

test.case("twenty containers of several processes at once get twenty addresses", TALK, function(t)
  on_host(t, function()
    local workers, seen, count = {}, {}, 0
    for worker = 1, 5 do
      workers[worker] = spawn({ stdout = "pipe" }, function()
        local all = {}
        for number = 1, 4 do
          all[number] = plan(("box%d-%d"):format(worker, number), { mode = "bridge", nat = false })
          print(ip_of(all[number]))
        end
        -- Until all have theirs.
        local dir = state.dir(all[1].record.scope) .. "/bridges/crun-lua0/leases"
        while #list_dir(dir) < 20 and not stat(dir .. "/done") do
          capture { "sleep", "0.05" }
        end
        touch(dir .. "/done")
        for _, attachment in ipairs(all) do
          network.release(attachment)
        end
      end)
    end
    for _, process in ipairs(workers) do
      local output = process:output()
      t.eq(output.code, 0)
      for address in output.stdout:gmatch("%S+") do
        t.eq(seen[address], nil, address)
        seen[address], count = true, count + 1
      end
    end
    t.eq(count, 20)
    local left = state.dir(ns_list().net.inode) .. "/bridges/crun-lua0/leases/done"
    remove(left)
    t.eq(network.gc(), { "bridge crun-lua0" })
  end)
end)

test.case("a destination off the list is refused at once, one on it is reached", TALK, function(t)
  on_host(t, function()
    local away <close> = outside(serve(7000, "outside"))
    local other <close> = spawn({ join = { net = away } }, serve(7001, "other"))
    local given = { mode = "bridge", allow = { "192.0.2.0/24:7000/tcp" }, dns = { "192.0.2.2" } }
    local one, a = box("one", given, sleep)
    t.eq(ask_from(one, "192.0.2.2", 7000), "outside\n")
    t.eq(ask_from(one, "192.0.2.2", 7001, 1), "")
    t.match(nft_list { ns = one }, "policy drop", true)
    -- DNS to the configured resolver only.
    t.match(nft_list { ns = one }, "ip daddr 192.0.2.2 meta l4proto { tcp, udp } th dport 53", true)
    -- Without CAP_NET_ADMIN the filter cannot be lifted.
    local inside <close> = spawn({ join = { net = one } }, function()
      drop_caps { "net_admin", "net_raw" }
      t.fails("EPERM", nft, "flush ruleset")
      t.eq(ask("192.0.2.2", 7001, 1), "")
    end)
    t.eq(inside:wait().code, 0)
    finish(one, a)
    t.eq(ask("192.0.2.2", 7001), "other\n")
    t.fails("has no address now", plan, "two", { mode = "bridge", allow = "no-such.invalid:443" })
    other:kill("kill")
  end)
end)

test.case("an ordinary user's container without a network keeps to its list too", { "user", "userns", "program:nft" }, function(t)
  local spec = network.parse { mode = "none", allow = {} }
  local attachment = network.plan(spec, { name = "box", root = false })
  local child <close> = spawn({
    unshare = { "user", "net" },
    parent = function(process)
      network.connect(attachment, process)
    end,
  }, function()
    network.inside(attachment)
    t.match(nft_list(), "policy drop", true)
  end)
  t.eq(child:wait().code, 0)
end)

--- A conflist of bridge and host-local, with its files in a directory of the test's.
local function conflist(dir, more)
  local plugins = {
    {
      type = "bridge",
      bridge = "cni9",
      isGateway = true,
      ipam = {
        type = "host-local",
        dataDir = dir,
        ranges = { { { subnet = "10.99.0.0/24" } } },
        routes = { { dst = "0.0.0.0/0" } },
      },
      dns = { nameservers = { "10.99.0.1" } },
    },
  }
  plugins[2] = more
  return { cniVersion = "1.0.0", name = "crl-lab", plugins = plugins }
end

local CNI = { "file:/usr/lib/cni/bridge", table.unpack(TALK) }

test.case("CNI plugins connect a container and take everything back", CNI, function(t)
  local dir <close> = temp_dir()
  on_host(t, function()
    local one, a = box("one", { mode = "cni", conf = conflist(dir.path) }, serve(7000, "cni"))
    t.eq(a.record.addresses, { "10.99.0.2/24" })
    t.match(a.files["/etc/resolv.conf"], "nameserver 10.99.0.1", true)
    t.eq(ask("10.99.0.2", 7000), "cni\n")
    network.check(a, one)
    address_del("eth0", "10.99.0.2/24", { ns = one })
    t.fails('CHECK of the plugin "bridge"', network.check, a, one)
    finish(one, a)
    network.release(a.record)
    t.eq(stat(dir.path .. "/crl-lab/10.99.0.2"), nil, "host-local's lease")
    local ports = 0
    for _, row in ipairs(links()) do
      ports = ports + (row.master == "cni9" and 1 or 0)
    end
    t.eq(ports, 0)
  end)
end)

test.case("CNI publishes ports by the capability, and refuses them without", { "program:iptables", table.unpack(CNI) }, function(t)
  local dir <close> = temp_dir()
  on_host(t, function()
    local given = { mode = "cni", conf = conflist(dir.path), publish = "8080:7000" }
    t.fails("has the capability portMappings", plan, "one", given)
    given.conf = conflist(dir.path, {
      type = "portmap",
      capabilities = { portMappings = true },
      snat = true,
    })
    local away <close> = outside()
    local one, a = box("one", given, serve(7000, "mapped"))
    t.eq(ask_from(away, "192.0.2.1", 8080), "mapped\n")
    finish(one, a)
    t.eq(nft_list():find("10.99.0.2", 1, true), nil)
    t.eq(stat(dir.path .. "/crl-lab/10.99.0.2"), nil, "host-local's lease")
  end)
end)

test.case("what a CNI plugin says of its failure is the error, and what came before is taken back", CNI, function(t)
  local dir <close> = temp_dir()
  on_host(t, function()
    t.fails("is in none of", plan, "one", {
      mode = "cni",
      conf = { cniVersion = "1.0.0", name = "x", plugins = { { type = "nosuch" } } },
    })
    t.fails("does not know version 9.9.9", plan, "one", {
      mode = "cni",
      conf = { cniVersion = "9.9.9", name = "x", plugins = { { type = "bridge" } } },
    })
    t.fails("no such file", plan, "one", { mode = "cni", conf = "/nosuch.conflist" })
    local conf = conflist(dir.path, { type = "vlan", master = "nosuch", vlanId = 5 })
    local attachment = plan("one", { mode = "cni", conf = conf })
    local ok, err = pcall(spawn, {
      unshare = { "net" },
      parent = function(process)
        network.connect(attachment, process)
      end,
    }, sleep)
    t.eq(ok, false)
    t.match(err.message, 'ADD of the plugin "vlan"', true)
    t.match(err.message, "not found")
    network.release(attachment)
    t.eq(stat(dir.path .. "/crl-lab/10.99.0.2"), nil, "host-local's lease")
  end)
end)

--- Runs a body as an ordinary user who may use /dev/net/tun, on a host with one route out.
local function as_user(t, body)
  local child <close> = spawn({ unshare = { "net", "mnt" } }, function()
    loopback_up()
    local away <close> = outside(serve(7000, "outside"))
    route_add("default", { via = "192.0.2.2" })
    mount("tmpfs", "/dev/net", { type = "tmpfs" })
    local dev <close> = rootfs_open("/dev/net")
    dev:mknod("/tun", { type = "c", major = 10, minor = 200, mode = "0666" })
    mount("tmpfs", state_dir(), { type = "tmpfs", data = { uid = 65534, mode = "0700" } })
    local user <close> = spawn(function()
      setuser("65534:65534", { groups = {} })
      -- A change of user closes the process's files in /proc to the user itself.
      dumpable(true)
      body()
    end)
    t.eq(user:wait().code, 0)
  end)
  t.eq(child:wait().code, 0)
end

--- An ordinary user's container.
local function user_box(name, given, body)
  local attachment = network.plan(network.parse(given), { name = name, root = false })
  local process = spawn({
    unshare = { "user", "net" },
    parent = function(process)
      network.connect(attachment, process)
    end,
  }, function()
    network.inside(attachment)
    return body(attachment)
  end)
  return process, attachment
end

local function ask_user(process, ip, port, tries)
  local join = { user = process, net = process }
  local child <close> = spawn({ join = join, stdout = "pipe" }, function()
    io.stdout:write(ask(ip, port, tries))
  end)
  return child:output().stdout
end

for _, mode in ipairs { "pasta", "slirp4netns" } do
  local needs = { "root", "userns", "program:busybox", "program:" .. mode, "file:/dev/net/tun" }
  test.case(("%s carries an ordinary user's packets, and ends with the network"):format(mode), needs, function(t)
    as_user(t, function()
      local one, a = user_box("one", mode, sleep)
      local helper = a.record.helper.pid
      t.match(ask_user(one, "192.0.2.2", 7000), "outside\n")
      t.ok(state.alive(a.record.helper))
      finish(one, a)
      t.eq(state.alive(a.record.helper), false, helper)
      network.release(a.record)
      t.eq(list_dir(state.base()), { "lock" })
    end)
  end)

  test.case(("gc ends the %s of a dead owner"):format(mode), needs, function(t)
    as_user(t, function()
      local owner <close> = spawn({ stdout = "pipe" }, function()
        local one, a = user_box("one", mode, sleep)
        one:kill("kill")
        one:wait()
        print(a.record.helper.pid, a.record.helper.starttime)
        io.stdout:flush()
        kill(proc_stat().pid, "kill")
      end)
      local pid, start = owner:output().stdout:match("(%d+)%s+(%d+)")
      local helper = { pid = math.tointeger(pid), starttime = math.tointeger(start) }
      t.eq(state.alive(helper), true)
      t.eq(network.gc(), { mode .. " network of one" })
      t.eq(state.alive(helper), false)
      t.eq(list_dir(state.base()), { "lock" })
    end)
  end)
end

test.case("pasta publishes ports, and keeps to an allow-list", {
  "root",
  "userns",
  "program:nft",
  "program:busybox",
  "program:pasta",
  "file:/dev/net/tun",
}, function(t)
  as_user(t, function()
    local given = { mode = "pasta", publish = "127.0.0.1:8080:7000", allow = { "192.0.2.2:7999" } }
    local one, a = user_box("one", given, serve(7000, "user"))
    t.eq(ask("127.0.0.1", 8080), "user\n")
    t.eq(ask_user(one, "192.0.2.2", 7000, 1), "")
    t.fails("tcp port 8080 is in use", network.plan, network.parse(given), {
      name = "two",
      root = false,
    })
    finish(one, a)
  end)
end)

--- Kills a process that holds networks, at a moment of its own choice, and answers when it is dead.
local function killed(t, body)
  local victim <close> = spawn(function()
    body()
    kill(proc_stat().pid, "kill")
  end)
  t.eq(victim:wait().signal, "kill")
end

test.case("after SIGKILL of the owner gc leaves no link, table, lease or record", TALK, function(t)
  on_host(t, function()
    killed(t, function()
      local six = { mode = "bridge", subnet6 = true, nat6 = true, publish = "8080:80" }
      local one, a = box("one", six, sleep)
      one:kill("kill")
      one:wait()
      plan("two", { mode = "bridge", bridge = "second" })
      t.ok(a)
    end)
    t.ok(link("crun-lua0") and link("second"))
    local removed = network.gc()
    t.eq(#removed, 2)
    t.eq(#links(), 1)
    t.eq(nft_list(), "")
    t.eq(network.gc(), {})
  end)
end)

test.case("a container that lives on keeps its network when its maker has died", TALK, function(t)
  on_host(t, function()
    local pid
    local victim <close> = spawn({ stdout = "pipe" }, function()
      local one, a = box("one", { mode = "bridge", nat = false }, serve(7000, "alive"))
      one:keep()
      print(one.pid, a.record.id)
      io.stdout:flush()
      kill(proc_stat().pid, "kill")
    end)
    pid = math.tointeger(victim:output().stdout:match("%d+"))
    t.eq(network.gc(), {})
    t.eq(ask("10.89.0.2", 7000), "alive\n")
    t.fails('the container "one" has it', plan, "two", {
      mode = "bridge",
      address = "10.89.0.2",
    })
    local left <close> = process_open(pid)
    left:kill("kill")
    while left:alive() do
      capture { "sleep", "0.01" }
    end
    local two = plan("two", { mode = "bridge", nat = false, address = "10.89.0.2" })
    network.release(two)
    t.eq(link("crun-lua0"), nil)
  end)
end)

test.case("killed at any moment of planning and connecting, gc leaves nothing", TALK, function(t)
  local program = [[
    local network = require "network"
    local spec = network.parse { mode = "bridge", subnet6 = true, publish = "8080:80" }
    local a = network.plan(spec, { name = "one", root = true })
    local box = spawn({
      unshare = { "net" },
      parent = function(process) network.connect(a, process) end,
    }, function() return 0 end)
    box:wait()
    network.release(a)
  ]]
  on_host(t, function()
    local file = os.getenv("TMPDIR") .. "/killed.lua"
    write_file(file, program)
    local env = { CRUN_LUA_STATE = state_dir(), PATH = os.getenv("PATH") }
    local moments, ended = 0, false
    while not ended do
      moments = moments + 1
      local fault = ("%d:KILL"):format(moments)
      local run = { "/proc/self/exe", "--allow-host", "--fault", fault, file }
      local result = capture(run, { env = env, timeout = "20s" })
      ended = result.code == 0
      t.ok(ended or result.signal == "kill", result.stderr)
      network.gc()
      t.eq(#links(), 1, "devices after call " .. moments)
      t.eq(nft_list(), "", "rules after call " .. moments)
      t.eq(list_dir(state.base()), { "lock" }, "records after call " .. moments)
    end
    t.ok(moments > 20, moments)
    remove(file)
  end)
end)

test.case("a record that is torn or newer is left, said, and hurts nobody else", TALK, function(t)
  on_host(t, function()
    local one = plan("one", { mode = "bridge", nat = false })
    local dir = state.dir(one.record.scope) .. "/attachments/"
    write_file(dir .. "torn.json", '{"version":1,"owner"')
    write_file(dir .. "newer.json", '{"version":99}')
    local told = table.concat(network.gc(), "\n")
    t.match(told, "torn.json: the record cannot be read", true)
    t.match(told, "newer.json: the record is of a newer version", true)
    local two = plan("two", { mode = "bridge", nat = false })
    t.eq(ip_of(two), "10.89.0.3")
    network.release(one)
    network.release(two)
    remove(dir .. "torn.json")
    remove(dir .. "newer.json")
    network.gc()
  end)
end)

test.case("a disk that is full is an error, and nothing is half made", TALK, function(t)
  on_host(t, function()
    mount("tmpfs", state_dir(), { type = "tmpfs", data = { nr_inodes = 12, mode = "0700" } })
    local made, err = {}, nil
    for index = 1, 12 do
      made[index], err = try(plan, "box" .. index, { mode = "bridge", nat = false })
      if err then
        break
      end
    end
    t.eq(err.errno, "ENOSPC")
    for _, attachment in ipairs(made) do
      network.release(attachment)
    end
    t.eq(link("crun-lua0"), nil)
    t.eq(list_dir(state.base()), { "lock" })
    umount(state_dir(), { detach = true })
  end)
end)

local VXLAN = { "root", "link:vxlan", "program:busybox" }

--- Whether one host hears another in the overlay.
local function hears(lab, from, address)
  local command = { "busybox", "ping", "-c", "1", "-W", "1", address }
  local body = function()
    exec(command)
  end
  return lab[from]:run(body, { stdout = "null" }).code == 0
end

test.case("names that cannot be hosts, and hosts that are not there, are refused", function(t)
  t.fails("2 to 64", network.hosts, { "a" })
  t.fails("two hosts are called", network.hosts, { "a", "a" })
  t.fails("cannot name a host", network.hosts, { "a", "B c" })
  t.fails("cannot name a host", network.hosts, { "a", "link" })
  t.fails("no option is called", network.hosts, { "a", "b", overlai = "10.0.0.0/16" })
end)

test.case("hosts hear each other over a VXLAN, and partition and heal do what they say", VXLAN, function(t)
  local before = #links()
  do
    local lab <close> = network.hosts { "a", "b", "c" }
    t.ok(hears(lab, "a", lab.b.address), "a hears b")
    t.ok(hears(lab, "b", lab.c.address), "b hears c")
    t.eq(link("vx0", lab.a.ns).kind, "vxlan")
    lab:partition({ "a" }, { "b" })
    t.eq(hears(lab, "a", lab.b.address), false)
    t.ok(hears(lab, "a", lab.c.address), "a hears c")
    lab:heal()
    t.ok(hears(lab, "a", lab.b.address) or hears(lab, "a", lab.b.address), "healed")
    lab:link("b", "c"):down()
    t.eq(hears(lab, "c", lab.b.address), false)
    t.fails('no host "d"', lab.link, lab, "a", "d")
    t.fails("in two groups", lab.partition, lab, { "a" }, { "a", "b" })
  end
  t.eq(#links(), before)
end)

test.case("containers of two hosts are in one network, with addresses of their own hosts", VXLAN, function(t)
  local lab <close> = network.hosts { "a", "b" }
  local server, client
  local one <close> = spawn({
    unshare = { "net" },
    parent = function(process)
      server = lab.a:attach(process)
    end,
  }, serve(7000, "across"))
  local two <close> = spawn({
    unshare = { "net" },
    parent = function(process)
      client = lab.b:attach(process)
    end,
  }, sleep)
  t.eq({ server, client }, { "10.88.1.2", "10.88.2.2" })
  t.eq(ask_from(two, server, 7000), "across\n")
  one:kill("kill")
  two:kill("kill")
end)

test.case("a lab is gone when its script is killed", VXLAN, function(t)
  local before = #links()
  local inode
  local victim <close> = spawn({ stdout = "pipe" }, function()
    local lab = network.hosts { "a", "b" }
    print(lab.a.ns.inode)
    io.stdout:flush()
    kill(proc_stat().pid, "kill")
  end)
  inode = victim:output().stdout:match("%d+")
  t.eq({ state.enter(inode), #links() }, { nil, before })
end)

return test.run()
