--- Containers on networks, in a namespace that plays the host: nothing reaches the machine's own.
local container = require "container"
local net = require "test.network"
local network = require "network"
local test = require "test"

local NEEDS = { "root", "program:busybox", "program:nft" }

--- Runs `body` on a pretended host, and looks that nothing of any network stays there.
local function on_host(t, body)
  local host <close> = spawn({ unshare = { "net", "mnt" } }, function()
    loopback_up()
    body()
    t.eq(network.gc(), {}, "what was left for gc")
    for _, row in ipairs(links()) do
      t.ok(not row.name:find("^c[rl]"), "the link " .. row.name)
    end
    local tables = capture { "nft", "list", "tables" }
    t.eq(tables.stdout, "", "packet filter tables")
  end)
  t.eq(host:wait().code, 0, "the host's status")
end

local function address(box)
  return box:status().network.addresses[1]:match("^[^/]+")
end

--- A container that answers everybody who asks at port 8000.
local function server(given, text)
  local box = container.new(given)
  box:start { "busybox", "nc", "-ll", "-p", "8000", "-e", "echo", text or given.name }
  return box
end

--- What a container hears at an address; "" where there is none. Some user-mode networks forget to
--- tell that the other side has closed, so each question has its time.
local function hears(box, host, port, tries)
  local once = "busybox timeout 2 busybox nc -w 1 %s %d </dev/null 2>/dev/null"
  local loop = "for i in $(seq %d); do out=$(%s); "
    .. 'test -n "$out" && echo "$out" && exit 0; sleep 0.05; done'
  local line = loop:format(tries or 40, once:format(host, port or 8000))
  return box:exec({ "/bin/sh", "-c", line }, { capture = true }).stdout
end

local function sleeper(given)
  local box = container.new(given)
  box:start { "sleep", "1000" }
  return box
end

-- What is refused.

test.case("a port that is taken is an error, and the first container goes on", NEEDS, function(t)
  on_host(t, function()
    local ports = { mode = "bridge", publish = { "127.0.0.1:8070:8000" } }
    local one <close> = server { name = "one", network = ports }
    local two = container.new { name = "two", network = ports }
    t.fails("8070 is published", two.start, two, { "sleep", "1000" })
    t.eq(net.ask("127.0.0.1", 8070), "one\n")
    t.eq(two:status().pid, nil)
    two:close()
    t.eq(#container.list(), 1)
    local _ = one
  end)
end)

test.case("an address that another has is refused", NEEDS, function(t)
  on_host(t, function()
    local given = { mode = "bridge", address = "10.89.0.77" }
    local one <close> = sleeper { name = "one", network = given }
    local two <close> = container.new { name = "two", network = given }
    local err = t.fails("10.89.0.77", two.start, two, { "sleep", "1000" })
    t.ok(err.message)
    t.eq(address(one), "10.89.0.77")
  end)
end)

test.case("the network of a container that is not there cannot be joined", NEEDS, function(t)
  on_host(t, function()
    local box <close> = container.new { network = "container:nobody" }
    t.fails("nobody", box.start, box, { "sleep", "1000" })
  end)
end)

-- What holds.

test.case("without a network there is loopback, and nothing else", { "userns" }, function(t)
  local box <close> = container.new {}
  local line = "cut -d: -f1 /proc/net/dev | tail -n +3; cat /etc/hosts; cat /etc/resolv.conf"
  local out = box:run({ "/bin/sh", "-c", line }, { capture = true }).stdout
  t.match(out, "^ *lo\n")
  t.match(out, "127.0.0.1%s+" .. box.name:gsub("%-", "%%-"))
  t.ok(not out:find("nameserver", 1, true), out)
end)

test.case("two on a bridge have two addresses and hear each other, also by name", NEEDS, function(t)
  on_host(t, function()
    local one <close> = server { name = "one", network = "bridge" }
    local two <close> = server { name = "two", network = "bridge" }
    t.ne(address(one), address(two))
    t.eq(hears(two, address(one)), "one\n")
    -- The first one knows who came after it.
    t.eq(hears(one, "two"), "two\n")
    t.eq(hears(two, "one"), "one\n")
    two:stop { timeout = "0s" }
    t.eq(hears(one, "two", 8000, 2), "")
  end)
end)

test.case("nobody in a container can change the names of all", NEEDS, function(t)
  on_host(t, function()
    local one <close> = sleeper { name = "one", network = "bridge" }
    local two <close> = sleeper { name = "two", network = "bridge" }
    local line = "echo 192.0.2.9 one 2>/dev/null >>/etc/hosts || echo refused"
    t.eq(two:exec({ "/bin/sh", "-c", line }, { capture = true }).stdout, "refused\n")
    local hosts = one:exec({ "cat", "/etc/hosts" }, { capture = true }).stdout
    t.ok(not hosts:find("192.0.2.9", 1, true), hosts)
  end)
end)

test.case("a published port leads in as long as the container runs", NEEDS, function(t)
  on_host(t, function()
    local given = { mode = "bridge", publish = { "127.0.0.1:8071:8000" } }
    local box <close> = server { name = "published", network = given }
    t.eq(net.ask("127.0.0.1", 8071), "published\n")
    t.ok(box:status().network.ports)
    box:stop { timeout = "0s" }
    t.eq(net.ask("127.0.0.1", 8071, 2), "")
    box:start { "busybox", "nc", "-ll", "-p", "8000", "-e", "echo", "again" }
    t.eq(net.ask("127.0.0.1", 8071), "again\n")
  end)
end)

test.case(
  "another container's network is joined, with its address and its names",
  NEEDS,
  function(t)
    on_host(t, function()
      local one <close> = server { name = "one", network = "bridge" }
      local guest <close> = sleeper { name = "guest", network = "container:one" }
      t.eq(proc_ns(guest:status().pid).net, proc_ns(one:status().pid).net)
      t.eq(hears(guest, "127.0.0.1"), "one\n")
      t.ne(proc_ns(guest:status().pid).mnt, proc_ns(one:status().pid).mnt)
    end)
  end
)

test.case("an allow-list lets through what it names, and nothing else", NEEDS, function(t)
  on_host(t, function()
    local outside <close> = net.outside(function()
      spawn({ die_with_parent = true }, net.serve(7000, "allowed"))
      net.serve(7001, "refused")()
    end)
    t.eq(net.ask("192.0.2.2", 7000) .. net.ask("192.0.2.2", 7001), "allowed\nrefused\n")
    local given = { mode = "bridge", allow = { "192.0.2.2/32:7000" } }
    local box <close> = sleeper { name = "narrow", network = given }
    t.eq(hears(box, "192.0.2.2", 7000), "allowed\n")
    t.eq(hears(box, "192.0.2.2", 7001, 2), "")
    local open <close> = sleeper { name = "open", network = "bridge" }
    t.eq(hears(open, "192.0.2.2", 7001), "refused\n")
    local _ = outside
  end)
end)

test.case("root of a user namespace is on the bridge as well", NEEDS, function(t)
  on_host(t, function()
    local one <close> = server { name = "one", network = "bridge" }
    local two <close> = sleeper { name = "two", network = "bridge", userns = true }
    t.eq(hears(two, "one"), "one\n")
    local _ = one
  end)
end)

test.case(
  "the host's network is the host's, and only where it was asked for",
  { "root" },
  function(t)
    local box <close> = sleeper { network = "host" }
    t.eq(proc_ns(box:status().pid).net, proc_ns().net)
    box:stop { timeout = "0s" }
    t.fails("", container.new, { share = { "net" } })
  end
)

test.case("a killed owner's address, port and bridge are given back by gc", NEEDS, function(t)
  on_host(t, function()
    local told = pipe()
    local owner <close> = fork(function()
      local given = { mode = "bridge", publish = { "127.0.0.1:8072:8000" } }
      server { name = "orphan", network = given }
      told.write:write("up")
      poll({}, { timeout = "100s" })
    end)
    told.write:close()
    told.read:read(2)
    owner:kill("kill")
    owner:wait()
    poll({}, { timeout = "50ms" })
    container.gc()
    network.gc()
    t.eq(container.get("orphan"), nil)
    local next_one <close> = server {
      name = "next",
      network = { mode = "bridge", publish = { "127.0.0.1:8072:8000" } },
    }
    t.eq(net.ask("127.0.0.1", 8072), "next\n")
    local _ = next_one
  end)
end)

test.case("a container in a user namespace has a network through pasta", {
  "root",
  "userns",
  "program:pasta",
  "program:busybox",
  "program:nft",
  "file:/dev/net/tun",
}, function(t)
  on_host(t, function()
    local outside <close> = net.outside(net.serve(7000, "outside"))
    route_add("default", { via = "192.0.2.2" })
    local given = { mode = "pasta", publish = { "127.0.0.1:8073:8000" } }
    local box <close> = server { name = "rootless", network = given, userns = true }
    t.eq(net.ask("127.0.0.1", 8073), "rootless\n")
    t.match(hears(box, "192.0.2.2", 7000), "^outside\n")
    t.eq(box:status().network.mode, "pasta")
    local _ = outside
  end)
end)

return test.run()
