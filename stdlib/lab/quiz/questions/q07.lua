--- Question 7, measures for production: not a list to recite but a box to harden. What the learner
--- writes is made, and ten properties are read from the kernel, a point each.
local KEYS = {
  profile = "string",
  user = "string",
  memory = { "string", "integer" },
  pids = "integer",
  network = "string",
  readonly = "boolean",
  userns = "boolean",
}

--- The ten: what the box should be, and whether the kernel says so.
local MEASURES = {
  {
    "root inside is not root on the host",
    function(facts)
      return facts.security.user.uid.effective ~= 0
    end,
  },
  {
    "the bounding set is small (at most 3 capabilities)",
    function(facts)
      return #facts.security.capabilities.bounding.names <= 3
    end,
  },
  {
    "system calls are filtered",
    function(facts)
      return facts.security.seccomp.mode == "filter"
    end,
  },
  {
    "no_new_privs is on",
    function(facts)
      return facts.security.no_new_privs
    end,
  },
  {
    "the root is read-only",
    function(facts)
      local top = require("inspect.mounts").top(facts.mounts.list, "/")
      return top ~= nil and top.readonly
    end,
  },
  {
    "/proc/sys cannot be written",
    function(facts)
      local top = require("inspect.mounts").top(facts.mounts.list, "/proc/sys")
      return top ~= nil and top.readonly
    end,
  },
  {
    "the network is its own",
    function(facts)
      return facts.namespaces.net.shared == false
    end,
  },
  {
    "no descriptor leads out",
    function(facts)
      return #(facts.fds.outside or {}) == 0
    end,
  },
  {
    "memory is limited",
    function(facts)
      return facts.cgroup.effective.memory ~= nil
    end,
  },
  {
    "processes are limited",
    function(facts)
      return facts.cgroup.effective.pids ~= nil
    end,
  },
}

return {
  title = "Eight of ten",
  form = "score",
  course = "What security measures should be implemented when running containers in production?",
  text = [[
Write the options with which this box gets 8 points of 10. It is made with them, and what the kernel
says of it counts. Options: profile, user, memory, pids, network, readonly, userns.]],
  given = [[
container.new {
  rootfs = "host",
  profile = "minimal",
  network = "host",
  userns = false,
}]],
  explain = [[
A point is a property that the kernel shows, not a word in a configuration: "run as non-root",
"drop capabilities", "read-only" and "limits" of the course's list are in here. Scanning of images
is not: it says nothing about what a running box may do. A low number is a finding; a high one is
not a proof.]],
  see = { "ex3.score", "ex3.mounts" },
  needs = { "userns" },
  deadline = "30s",
  keys = KEYS,
  least = 8,
  of = 10,
  right = 'profile = "strict", network = "none", userns = true',
  why = "the weak profile, the host's network, and no user namespace each cost points",
  judge = function(t, options)
    local given = { name = t.prefix .. "q7", rootfs = "host", profile = "minimal" }
    given.network, given.userns = "host", false
    for key, value in pairs(options) do
      given[key] = value
    end
    given.command = { "/bin/sleep", "60" }
    local box <close> = require("container").create(given)
    box:start()
    local facts = require("inspect").process(box:status().pid)
    local points, findings = 0, {}
    for _, measure in ipairs(MEASURES) do
      local ok, holds = pcall(measure[2], facts)
      points = points + (ok and holds and 1 or 0)
      findings[#findings + 1] = not (ok and holds) and "not so: " .. measure[1] or nil
    end
    return points, findings
  end,
}
