--- Level 7: an address for each box, and a way out.
---
--- ```lua
--- assert(require("lab.ex4.network").id == "network")
--- ```
local host = require "lab.ex4.host"
local level = require "lab.ex4.level"

local SLEEP = "echo ready; sleep 30; :"

--- The addresses of a process's namespace, without those of lo.
local function addresses_of(pid)
  local list = {}
  for _, row in ipairs(addresses { ns = pid }) do
    if row.link ~= "lo" and row.address:find("^%d+%.") then
      list[#list + 1] = row.address:match("^[^/]+")
    end
  end
  return list
end

--- How a connection to an address ends that nobody listens at: ECONNREFUSED where it is reached.
local function reach(pid, address)
  local child <close> = spawn({ join = { net = pid }, stdout = "pipe" }, function()
    local _, err = try(tcp_connect, address, 9, { timeout = "1s" })
    io.stdout:write(err and err.errno or "open")
  end)
  return child:output().stdout
end

--- Runs boxes with these names at the same time, and looks at each.
local function boxes(t, names)
  return level.on_host(t, function(place)
    local found = {}
    for index, name in ipairs(names) do
      local word = t.token .. index
      local run = place:run({ "/bin/sh", "-c", SLEEP, word }, { name = name(place.name) })
      local ready = run:hear("ready", 8)
      local pid = ready and place:find(word, 2)
      found[index] = { name = name(place.name), ready = ready, pid = pid }
    end
    for _, box in ipairs(found) do
      if box.pid then
        box.addresses = addresses_of(box.pid)
        box.far = reach(box.pid, host.FAR)
        local default
        for _, route in ipairs(routes { ns = box.pid }) do
          default = default or route.to == "default" and (route.via or route.dev)
        end
        box.default = default
      end
    end
    return found
  end)
end

local function plain(name)
  return name .. "1"
end

local function other(name)
  return name .. "2"
end

local function long(name)
  return name .. ("x"):rep(20 - #name)
end

local function running(t, box)
  if not box.ready or not box.pid then
    t:fail {
      what = ("the box %s runs"):format(box.name),
      expected = "its command, in a network namespace of its own",
      found = level.complaint(t),
      see = "RUNTIME run " .. box.name .. " …",
    }
  end
  return box
end

return level.step {
  id = "network",
  title = "An address of its own, and a way out",
  after = { "root" },
  text = [[
Every box gets an IPv4 address that no other box has at the time, on a wire to the host, and a
default route over it. Names of boxes may have 20 characters, and more. (Getting from the host
into the world is another matter: forwarding and NAT, see stdlib/network.)]],
  checks = {
    {
      "a box has an address",
      function(t)
        local box = running(t, boxes(t, { plain })[1])
        t:ge(
          #box.addresses,
          1,
          "IPv4 addresses of the box besides lo's",
          "nsenter -t PID -n ip addr"
        )
      end,
    },
    {
      "a second box at the same time has another",
      function(t)
        local found = boxes(t, { plain, other })
        local one, two = running(t, found[1]), running(t, found[2])
        t:ge(#two.addresses, 1, "IPv4 addresses of the second box", "nsenter -t PID -n ip addr")
        t:ne(
          two.addresses[1],
          one.addresses[1],
          "the second box's address",
          "nsenter -t PID -n ip addr"
        )
      end,
    },
    {
      "both reach the host's other addresses, so a route leads out",
      function(t)
        for index, box in ipairs(boxes(t, { plain, other })) do
          running(t, box)
          local what = ("the default route of box %d"):format(index)
          t:ok(box.default, what .. " is missing", "nsenter -t PID -n ip route")
          -- "Refused" comes from there: nobody listens, but it was reached, and found the way back.
          local to = ("connecting from box %d to %s, where nobody listens"):format(index, host.FAR)
          t:eq(box.far, "ECONNREFUSED", to, "nsenter -t PID -n ping " .. host.FAR)
        end
      end,
    },
    {
      "a name of 20 characters will do",
      function(t)
        local box = running(t, boxes(t, { long })[1])
        t:eq(#box.name, 20, "the name's length")
        t:ge(#box.addresses, 1, "IPv4 addresses of the box", "nsenter -t PID -n ip addr")
      end,
    },
  },
  hints = {
    "A pair of virtual Ethernet devices is a wire: one end here, the other in the box. Who "
      .. "decides which address is free?",
    "Device names have at most 15 bytes and are there once on a host: a number in the name, "
      .. "taken or not, can say which addresses are free.",
    "spawn's `parent` is called with the child before its function runs; veth makes the other"
      .. " end in there with `peer_ns`; a route can be added with `ns`.",
  },
  decoys = {
    {
      "the course's own: the same address for every box",
      level.instead(
        '("10.89.%d.%d/30"):format(slot // 64, slot % 64 * 4 + 1)',
        '"172.18.0.1/16"',
        '("10.89.%d.%d/30"):format(slot // 64, slot % 64 * 4 + 2)',
        '"172.18.0.2/16"'
      ),
      says = "the second box's address",
      course = true,
    },
    {
      "the course's own: no route out",
      level.instead(
        'route_add("default", { via = ends.address:match("^[^/]+"), ns = child, host = true })',
        ""
      ),
      says = "is missing",
      course = true,
    },
    {
      "the course's own: the box's name in a device's name",
      level.instead('try(veth, "box" .. slot,', 'try(veth, "veth-" .. arg[2] .. "-peer",'),
      says = "runs",
      course = true,
    },
    { "lo alone", level.without("network"), says = "IPv4 addresses of the box besides lo's" },
  },
  observe = {
    "crun-lua $runtime run box $rootfs /bin/ip addr",
    "crun-lua --explain $runtime run box $rootfs /bin/ip route",
  },
  lesson = [[
"The kernel knows" beats any table of one's own: a device's name is taken or free, whoever was
killed in between, and the device goes with the box's namespace. A bridge, names and NAT:
stdlib/network.]],
}
