-- stdlib/network: the way out, published ports, and the allow-list, with real packets.

local test = require "test"
local network = require "network"
local net = require "test.network"

local on_host, plan, box, finish = net.on_host, net.plan, net.box, net.finish
local sleep, serve, ask, ask_from = net.sleep, net.serve, net.ask, net.ask_from
local link, outside = net.link, net.outside

local TALK = { "root", "program:nft", "program:busybox" }

test.case(
  "packets to the outside leave under the host's address, IPv6 only when asked",
  TALK,
  function(t)
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
  end
)

test.case(
  "a published port leads in from outside, from the host, from its loopback and from a neighbour",
  TALK,
  function(t)
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
        local loop = ("for i in $(seq %d); do "):format(tries) .. once .. again
        return capture({ "sh", "-c", loop }).code
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
  end
)

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

test.case(
  "two containers publish on one bridge, a range of ports and IPv6 among them",
  TALK,
  function(t)
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
  end
)

test.case(
  "a published UDP port takes datagrams",
  { "program:python3", table.unpack(TALK) },
  function(t)
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
  end
)

test.case(
  "a port in use is refused before anything is made, and who has it is said",
  TALK,
  function(t)
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
  end
)

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

test.case(
  "an ordinary user's container without a network keeps to its list too",
  { "user", "userns", "program:nft" },
  function(t)
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
  end
)

return test.run()
