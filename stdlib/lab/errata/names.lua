--- Erratum: devices called veth-NAME and veth-NAME-peer. A device's name has 15 characters at most.
local boxes = require "lab.ex5.boxes"

local FIRST, SECOND = "mycontainer-frontend", "mycontainer-frontdesk"

--- The devices of a namespace, as far as they matter here.
local function devices(t, pid)
  return t:inside(pid, { "net" }, function()
    local found = json_array {}
    for _, one in ipairs(links()) do
      local row =
        { name = one.name, index = one.index, kind = one.kind, link = one.link, up = one.up }
      found[#found + 1] = row
    end
    return found
  end, { user = true })
end

--- The answered device is the host's end of a cable to the box.
local function judge(t, answer)
  local name, host, box = tostring(t.answers[answer]), t.given.host, t.given[answer]
  local see = ("nsenter -t %d -n ip link"):format(host)
  local own
  for _, link in ipairs(devices(t, host)) do
    own = link.name == name and link or own
  end
  t:ok(own and own.kind == "veth", ("the host has no veth device called %s"):format(name), see)
  t:ok(own.up, ("%s is down"):format(name), see)
  for _, link in ipairs(devices(t, box)) do
    if link.kind == "veth" and link.link == own.index and own.link == link.index then
      return
    end
  end
  t:fail {
    what = ("the other end of %s is not in the box of process %d"):format(name, box),
    see = ("nsenter -t %d -n ip link"):format(box),
  }
end

local function pair(t, name, peer, box)
  boxes.enter(t.given.host, { "user", "net" }, function()
    try(function()
      veth(name, peer, { peer_ns = box, up = true }):keep()
    end)
  end)
end

return {
  id = "names",
  title = "Devices are called after their containers, says the course",
  text = [[
create_network of the course's runtime makes the pair veth-NAME and veth-NAME-peer. Two containers
are called mycontainer-frontend and mycontainer-frontdesk here; their boxes are given.first and
given.second, their host is given.host. Give each a cable to the host, both ends up, and hand over
how its end on the host is called.]],
  needs = { "userns" },
  answers = { first = "the host's end of the first box's cable", second = "that of the second's" },
  setup = function(t)
    local host, said = boxes.world(function()
      return { first = boxes.sleeper { "net" }, second = boxes.sleeper { "net" } }
    end)
    t:give { host = host, first = said.first, second = said.second }
  end,
  observe = {
    ("nsenter -t $host -U -n --preserve-credentials ip link add veth-%s type dummy"):format(FIRST),
    "nsenter -t $host -U -n --preserve-credentials ip link",
  },
  action = function(t)
    for _, name in ipairs { "first", "second" } do
      pair(t, "v" .. t.given[name], "eth0", t.given[name])
      t:answer { [name] = "v" .. t.given[name] }
    end
  end,
  checks = {
    {
      "the first box has its cable",
      function(t)
        judge(t, "first")
      end,
    },
    {
      "the second box has its cable",
      function(t)
        judge(t, "second")
      end,
    },
    {
      "they are two cables",
      function(t)
        t:ne(t.answers.first, t.answers.second, "the two names")
      end,
    },
  },
  hints = {
    "What does the kernel say to a name of 25 characters? How many may it have?",
    "Cutting long names makes two of them equal. The end in the box may be called as you like.",
    "Derive a short name from something short and unique, such as the number of the box's process.",
  },
  decoys = {
    {
      "the course's names",
      function(t)
        pair(t, "veth-" .. FIRST, "veth-" .. FIRST .. "-peer", t.given.first)
        pair(t, "veth-" .. SECOND, "veth-" .. SECOND .. "-peer", t.given.second)
        t:answer { first = "veth-" .. FIRST, second = "veth-" .. SECOND }
      end,
      says = "the host has no veth device called veth-mycontainer-frontend",
      course = true,
    },
    {
      "the course's names, cut after 15 characters",
      function(t)
        local name = ("veth-" .. FIRST):sub(1, 15)
        pair(t, name, "eth0", t.given.first)
        pair(t, ("veth-" .. SECOND):sub(1, 15), "eth0", t.given.second)
        t:answer { first = name, second = name }
      end,
      says = "is not in the box of process",
    },
  },
  lesson = [[
`veth-mycontainer-peer` has 21 characters and the limit is 15 (IFNAMSIZ): the course's runtime ends
there, for the very name that its own examples use. Engines hash a name, or count.]],
}
