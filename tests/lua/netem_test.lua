-- A bad network on purpose: what packets meet, what is refused, and what a kernel without it says.

local test = require "test"

--- Runs `body` beside another network namespace that is reached at 10.9.0.2.
local function wired(t, body)
  t.inside({ "net" }, function()
    loopback_up()
    local far <close> = spawn({ unshare = { "net" } }, function()
      exec { "sleep", "1000" }
    end)
    far:started()
    local pair <close> = veth("near", "far", {
      address = "10.9.0.1/24",
      up = true,
      peer_ns = far,
      peer_address = "10.9.0.2/24",
    })
    body(pair, far)
  end)
end

--- How many of so many pings come back, and how long it took.
local function ping(count, wait)
  local before = clock("monotonic")
  local line = { "busybox", "ping", "-c", tostring(count), "-W", wait or "1", "10.9.0.2" }
  local result = capture(line)
  return tonumber(result.stdout:match("(%d+) packets received")), clock("monotonic") - before
end

-- What is wrong

test.case("settings that mean nothing are refused before anything is run", function(t)
  for settings, reason in pairs {
    [{ jitter = "1ms" }] = "need a delay",
    [{ reorder = "5%" }] = "need a delay",
    [{ delay = "2h" }] = "an hour is the most",
    [{ loss = "5" }] = 'such as "0.5%"',
    [{ loss = "101%" }] = "from",
    [{ loss = "-1%" }] = "from",
    [{ loss = "nan%" }] = "from",
    [{ corrupt = "1e1%" }] = "from",
    [{ rate = "1Mbps" }] = "bits in a second",
    [{ rate = "0" }] = "bits in a second",
    [{ rate = 0 }] = "settings.rate",
    [{ limit = 0 }] = "settings.limit",
    [{ dealy = "1ms" }] = 'did you mean "delay"?',
  } do
    t.fails(reason, netem, "lo", settings, { host = true })
  end
end)

test.case("a device of the host's is left alone unless it is meant", { "root" }, function(t)
  t.match(t.fails("would change the host", netem, "lo", { loss = "1%" }).hint, "net", true)
end)

test.case("a device that there is not is named", { "root", "program:tc" }, function(t)
  t.inside({ "net" }, function()
    t.match(t.fails("ENODEV", netem, "none0", { loss = "1%" }).hint, "none0", true)
  end)
end)

test.case(
  "a kernel without it says so and what to do instead, another does it",
  { "root", "program:tc" },
  function(t)
    t.inside({ "net" }, function()
      local _, err = pcall(netem, "lo", { delay = "1ms" })
      if test.unmet("qdisc:netem") then
        t.eq(err.errno, "ENOENT")
        t.match(err.hint, "no sch_netem", true)
        t.match(err.hint, "up = false", true)
      else
        t.eq(err, nil)
      end
      -- Nothing to be taken away is no error on either.
      netem("lo")
      netem("lo", {})
    end)
  end
)

test.case("without the program the package is named", { "root", "userns" }, function(t)
  t.inside({ "net", "mnt" }, function()
    for _, path in ipairs { "/usr/sbin/tc", "/sbin/tc", "/usr/bin/tc", "/usr/local/sbin/tc" } do
      if stat(path) then
        mount("tmpfs", path:match("^(.*)/"), { type = "tmpfs" })
      end
    end
    t.match(t.fails("ENOENT", netem, "lo", { loss = "1%" }).hint, "package iproute2", true)
  end)
end)

-- What packets meet

local NEEDS = { "root", "program:tc", "program:busybox", "qdisc:netem" }

test.case("all packets are lost, until it is taken away", NEEDS, function(t)
  wired(t, function(pair)
    t.eq((ping(2)), 2)
    netem(pair, { loss = "100%" })
    t.eq((ping(2)), 0)
    netem(pair)
    t.eq((ping(2)), 2)
  end)
end)

test.case("packets are held back as long as was said, at both ends", NEEDS, function(t)
  wired(t, function(_, far)
    netem("near", { delay = "150ms" })
    netem("far", { delay = "100ms", jitter = "1ms" }, { ns = far })
    local back, time = ping(1, "5")
    t.eq(back, 1)
    t.ok(time >= 0.24, ("took %s s"):format(time))
  end)
end)

test.case("a call replaces what an earlier one has set", NEEDS, function(t)
  wired(t, function(pair)
    netem(pair, { loss = "100%" })
    netem(pair, { delay = "1ms", reorder = "5%", duplicate = "1%", corrupt = "0.1%", limit = 500 })
    t.ok(ping(3) >= 2, "packets come back")
    netem(pair, { rate = "1Mbit" })
    t.eq((ping(1)), 1)
  end)
end)

test.case("a slow device takes its time", NEEDS, function(t)
  wired(t, function(pair)
    -- A ping of 1028 bytes at 32 kbit/s is under way for a quarter of a second.
    netem(pair, { rate = "32k" })
    local before = clock("monotonic")
    capture { "busybox", "ping", "-c", "1", "-s", "1000", "-W", "5", "10.9.0.2" }
    t.ok(clock("monotonic") - before >= 0.2, "took its time")
  end)
end)

return test.run()
