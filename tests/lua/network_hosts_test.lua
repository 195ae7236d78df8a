-- stdlib/network: several hosts over VXLAN, partition and healing.

local test = require "test"
local network = require "network"
local state = require "network.state"
local net = require "test.network"

local words, sleep, serve, ask_from = net.words, net.sleep, net.serve, net.ask_from
local link = net.link

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

test.case(
  "hosts hear each other over a VXLAN, and partition and heal do what they say",
  VXLAN,
  function(t)
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
  end
)

test.case(
  "loss is what the kernel does, or an error that names netem, and heals",
  VXLAN,
  function(t)
    local lab <close> = network.hosts { "a", "b" }
    local cable = lab:link("b", "a")
    local ok, err = pcall(cable.loss, cable, "100%")
    if ok then
      t.eq(hears(lab, "a", lab.b.address), false)
      lab:heal()
    else
      t.match(tostring(err) .. words(type(err) == "table" and err or {}), "netem")
    end
    t.ok(hears(lab, "a", lab.b.address) or hears(lab, "a", lab.b.address), "healed")
  end
)

test.case(
  "containers of two hosts are in one network, with addresses of their own hosts",
  VXLAN,
  function(t)
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
    t.eq({ server, client }, { "10.88.1.254", "10.88.2.254" })
    t.eq(ask_from(two, server, 7000), "across\n")
    one:kill("kill")
    two:kill("kill")
  end
)

test.case("a container on a host's bridge gets an address of that host's part", VXLAN, function(t)
  local lab <close> = network.hosts { "a", "b" }
  for _, host in ipairs { lab.a, lab.b } do
    host:run(function()
      local one, attachment = net.box("one", host.network, sleep)
      t.eq(attachment.record.addresses, { ("10.88.%d.2/16"):format(host.index) })
      t.eq(link("eth0", one).mtu, 1450)
      net.finish(one, attachment)
      t.eq(link("br0").up, true)
    end)
  end
  remove(state.base(), { recursive = true })
end)

for _, who in ipairs { "root", "user" } do
  local needs = { who, "userns", "link:vxlan", "program:busybox" }
  test.case(("scripts/multi_host.lua shows what it says, as %s"):format(who), needs, function(t)
    local result = capture(net.program("scripts/multi_host.lua"), { timeout = "50s" })
    t.eq(result.code, 0, result.stdout .. result.stderr)
    t.match(result.stdout, "hello from the container on red", true)
  end)
end

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
