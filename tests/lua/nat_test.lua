-- nftables: nft, nft_list, nat.

local test = require "test"

local NFT = { "root", "program:nft" }
local TALK = { "root", "program:nft", "program:busybox", "program:bash" }

local function box(body)
  return spawn({ unshare = { "net" } }, function()
    if body then
      body()
    end
    exec { "sleep", "60" }
  end)
end

test.case("malformed options are refused before nft is run", function(t)
  t.fails("the network is 10.88.0.0/24", nat, { source = "10.88.0.1/24" })
  t.fails("expected ADDRESS:PORT", nat, {
    source = "10.88.0.0/24",
    publish = { { host = 80, to = "10.88.0.2" } },
  })
  t.fails("expected ADDRESS:PORT", nat, {
    source = "10.88.0.0/24",
    publish = { { host = 80, to = "[fd00::2]:80" } },
  })
  t.fails("1 to 65535", nat, {
    source = "10.88.0.0/24",
    publish = { { host = 0, to = "10.88.0.2:80" } },
  })
  t.fails("expected a letter", nat, { source = "10.88.0.0/24", table = "x; flush ruleset" })
  t.fails("is not a device's name", nat, { source = "10.88.0.0/24", out = 'eth0" accept' })
  t.fails("has no place", nft, { { add = { table = print } } })
  t.fails("expected a list", nft, { "add table ip x", {} })
end)

test.case("the host's tables are refused", { "root" }, function(t)
  t.match(t.fails("would change the host", nft, "add table ip crl").hint, 'unshare { "net" }', true)
  t.fails("would change the host", nat, { source = "10.88.0.0/24" })
end)

test.case(
  "a ruleset with a mistake is applied not at all, and nft's words are the hint",
  NFT,
  function(t)
    t.inside({ "net" }, function()
      local err = t.fails("EINVAL", nft, { "add table ip lab", "add chain ip lab" .. " {" })
      t.match(err.hint, "nft says: ")
      t.eq(nft_list(), "")
      t.fails("ENOENT", nft, "add rule ip nosuch c accept")
      t.fails("EEXIST", nft, { "create table ip lab", "create table ip lab" })
      t.eq(nft_list(), "")
    end)
  end
)

test.case("without rights over the namespace nft says so", { "user", "program:nft" }, function(t)
  t.inside({ "user" }, function()
    t.fails("EPERM", nft, "add table ip lab", { host = true })
  end)
end)

test.case("text, lines and JSON are rulesets", NFT, function(t)
  t.inside({ "net" }, function()
    nft "add table ip one\nadd table ip two"
    nft { "add table ip three", "delete table ip two" }
    nft {
      { add = { table = { family = "ip", name = "four" } } },
      { add = { chain = { family = "ip", table = "four", name = "c" } } },
      {
        add = {
          rule = { family = "ip", table = "four", chain = "c", expr = { { drop = {} } } },
        },
      },
    }
    local list = nft_list()
    t.match(list, "table ip one")
    t.match(list, "table ip three")
    t.match(list, "table ip four {\n\tchain c {\n\t\tdrop", true)
    t.eq(list:find "table ip two", nil)
  end)
end)

test.case("a ruleset goes to another namespace", NFT, function(t)
  local other <close> = box()
  nft("add table ip lab", { ns = other })
  t.match(nft_list { ns = other }, "table ip lab")
end)

test.case(
  "a table of nat goes with its handle, and a second of the name is EEXIST",
  NFT,
  function(t)
    t.inside({ "net" }, function()
      do
        local rules <close> = nat { source = "10.88.0.0/24", out = "eth0" }
        t.eq(rules.name, "crun-lua-10.88.0.0-24")
        t.match(nft_list(), 'oifname "eth0" masquerade', true)
        t.eq(sysctl_get "net.ipv4.ip_forward", "1")
        t.match(t.fails("EEXIST", nat, { source = "10.88.0.0/24" }).hint, "table", true)
        local six <close> =
          nat { source = "fd88::/64", publish = { { host = 80, to = "[fd88::2]:80" } } }
        t.match(nft_list(), "table ip6 " .. six.name, true)
        t.eq(sysctl_get "net.ipv6.conf.all.forwarding", "1")
      end
      t.eq(nft_list(), "")
    end)
  end
)

--- What `client` hears at an address, from a server in `server` that tells its connections.
local function view(server, client, address, port)
  -- Programs start in the namespaces of the boxes, which setns enters.
  local listen <close> = spawn(function()
    setns(server, { kinds = { "net" } })
    exec {
      "busybox",
      "nc",
      "-l",
      "-p",
      "7000",
      "-e",
      "cat",
      "/proc/self/net/tcp",
      "/proc/self/net/tcp6",
    }
  end)
  local heard <close> = spawn({ stdout = "pipe" }, function()
    setns(client, { kinds = { "net" } })
    local once = ("(exec 3<>/dev/tcp/%s/%d && cat <&3) 2>/dev/null && exit 0; "):format(
      address,
      port
    )
    local again = "busybox usleep 50000; done; exit 1"
    exec { "bash", "-c", "for i in $(seq 200); do " .. once .. again }
  end)
  return heard:output().stdout
end

--- An address as /proc/net/tcp writes it.
local function hex(address)
  local a, b, c, d = address:match "(%d+)%.(%d+)%.(%d+)%.(%d+)"
  return ("%02X%02X%02X%02X"):format(d, c, b, a)
end

--- inside (10.88.0.2) – router (10.88.0.1, 192.0.2.1) – outside (192.0.2.2)
local function three(body)
  local router <close> = box()
  local inside <close> = box()
  local outside <close> = box()
  veth("in", "eth0", {
    ns = router,
    peer_ns = inside,
    address = "10.88.0.1/24",
    peer_address = "10.88.0.2/24",
    up = true,
  })
  veth("out", "eth0", {
    ns = router,
    peer_ns = outside,
    address = "192.0.2.1/24",
    peer_address = "192.0.2.2/24",
    up = true,
  })
  route_add("default", { ns = inside, via = "10.88.0.1" })
  body(router, inside, outside)
end

test.case("a server outside sees the router's address, not the client's", TALK, function(t)
  three(function(router, inside, outside)
    nat { source = "10.88.0.0/24", out = "out", ns = router }
    local seen = view(outside, inside, "192.0.2.2", 7000)
    t.match(seen, hex "192.0.2.2" .. ":1B58 ", true)
    t.match(seen, ":1B58 %w*" .. hex "192.0.2.1" .. ":")
    t.eq(seen:find(hex "10.88.0.2", 1, true), nil)
  end)
end)

test.case("a published port of the router leads inside", TALK, function(t)
  three(function(router, inside, outside)
    nat {
      source = "10.88.0.0/24",
      ns = router,
      publish = { { host = 8080, to = "10.88.0.2:7000" } },
    }
    local seen = view(inside, outside, "192.0.2.1", 8080)
    t.match(seen, hex "10.88.0.2" .. ":1B58 ", true)
    t.match(seen, ":1B58 %w*" .. hex "192.0.2.2" .. ":")
    -- And from the router itself.
    t.match(view(inside, router, "192.0.2.1", 8080), hex "10.88.0.2" .. ":1B58 ", true)
  end)
end)

test.case(
  "gc removes the table that a killed script has left in a named namespace",
  NFT,
  function(t)
    local victim <close> = spawn(function()
      local blue = netns_add "crl-nat"
      nat { source = "10.88.0.0/24", ns = blue }
      while true do
        links()
      end
    end)
    repeat
      local there = try(nft_list, { ns = "crl-nat" })
    until there and there:find "masquerade"
    -- Held open, so that the table would outlive the name.
    local held <close> = ns_open "/run/netns/crl-nat"
    t.eq(capture({ "sh", "-c", "kill -9 " .. victim.pid }).code, 0)
    victim:wait()
    t.match(nft_list { ns = held }, "masquerade")
    t.eq(capture({ "/proc/self/exe", "gc" }).code, 0)
    t.eq(nft_list { ns = held }, "")
  end
)

return test.run()
