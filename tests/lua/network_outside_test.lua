-- stdlib/network: networks of other programs: CNI plugins, pasta, slirp4netns.

local test = require "test"
local network = require "network"
local state = require "network.state"
local net = require "test.network"

local on_host, plan, box, finish = net.on_host, net.plan, net.box, net.finish
local sleep, serve, ask, ask_from = net.sleep, net.serve, net.ask, net.ask_from
local outside = net.outside

local TALK = { "root", "program:nft", "program:busybox" }

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
    -- The bridge is the plugin's to keep; its port goes with the container's namespace.
    local function ports()
      local count = 0
      for _, row in ipairs(links()) do
        count = count + (row.master == "cni9" and 1 or 0)
      end
      return count
    end
    for _ = 1, 100 do
      if ports() > 0 then
        capture { "sleep", "0.05" }
      end
    end
    t.eq(ports(), 0)
  end)
end)

test.case(
  "CNI publishes ports by the capability, and refuses them without",
  { "program:iptables", table.unpack(CNI) },
  function(t)
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
  end
)

test.case(
  "what a CNI plugin says of its failure is the error, and what came before is taken back",
  CNI,
  function(t)
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
  end
)

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
  test.case(
    ("%s carries an ordinary user's packets, and ends with the network"):format(mode),
    needs,
    function(t)
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
    end
  )

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

test.case("root's container has pasta in a user namespace, and an error without one", {
  "root",
  "program:nft",
  "program:busybox",
  "program:pasta",
  "file:/dev/net/tun",
}, function(t)
  on_host(t, function()
    local away <close> = outside(serve(7000, "outside"))
    route_add("default", { via = "192.0.2.2" })
    local attachment = plan("one", "pasta")
    local function connect(process)
      network.connect(attachment, process)
    end
    local ok, err = pcall(spawn, { unshare = { "net" }, parent = connect }, sleep)
    t.eq(ok, false)
    t.match(net.words(err), 'as root use network = "bridge"', true)
    local one <close> = spawn({ unshare = { "user", "net" }, parent = connect }, sleep)
    t.match(ask_user(one, "192.0.2.2", 7000), "outside\n")
    net.finish(one, attachment)
  end)
end)

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

return test.run()
