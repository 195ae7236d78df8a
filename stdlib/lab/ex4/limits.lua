--- Level 6: a control group with the memory that was asked for.
---
--- ```lua
--- assert(require("lab.ex4.limits").id == "limits")
--- ```
local host = require "lab.ex4.host"
local level = require "lab.ex4.level"
local places = require "cgroup.places"

local FILES = { v1 = "memory.limit_in_bytes", v2 = "memory.max" }

--- What the group of the command says of its memory.
local function look(t, size)
  local where = places.controllers().memory
  return level.on_host(t, function(place)
    local script = { "/bin/sh", "-c", "echo ready; sleep 30; :", t.token }
    local run = place:run(script, { options = { "--memory", size } })
    if not run:hear("ready", 8) then
      local ended = run:wait(1)
      return { runs = false, status = ended and ended.code or "it hangs" }
    end
    local pid = place:find(t.token, 2)
    local group <close> = pid and cgroup_of(pid) or nil
    local own <close> = cgroup_of(proc_stat().pid)
    local function dir(of)
      return of and (where.version == "v1" and of.paths.memory or of.paths.unified)
    end
    local path = dir(group)
    return {
      runs = true,
      path = path,
      same = path == dir(own),
      limit = path and (read_file(path .. "/" .. FILES[where.version]) or ""):match("%S+"),
      named = path and path:find(place.name, 1, true) ~= nil,
    }
  end)
end

local function limited(t, size, bytes)
  local found = look(t, size)
  if not found.runs then
    t:fail {
      what = ("--memory %s: the command does not run"):format(size),
      expected = "a box with a limit of " .. bytes,
      found = level.complaint(t),
      see = "RUNTIME run --memory " .. size .. " …",
    }
  end
  t:eq(found.same, false, "the command is in the same memory group as you", "cat /proc/PID/cgroup")
  local see = "cat " .. (found.path or "…") .. "/memory.*limit_in_bytes or memory.max"
  t:eq(found.limit, tostring(bytes), ("the limit that --memory %s has set"):format(size), see)
end

return level.step {
  id = "limits",
  title = "A limit in every notation",
  needs = { "root", "cgroup:memory", "program:busybox" },
  after = { "orphans" },
  text = [[
`run --memory SIZE NAME …` puts the box into a control group of its own with that limit: 64M,
1G, 512K, or a plain number of bytes. What is no size is refused before anything runs. The group
is called by the box's NAME, and is gone when the box has ended.]],
  checks = {
    {
      "64M is 67108864 bytes",
      function(t)
        limited(t, "64M", 64 << 20)
      end,
    },
    {
      "1G is 1073741824 bytes, and a number is bytes",
      function(t)
        limited(t, "1G", 1 << 30)
        limited(t, "268435456", 268435456)
      end,
    },
    {
      "what is no size is refused",
      function(t)
        local found = look(t, "1X")
        t:eq(found.runs, false, "--memory 1X: the command runs", "RUNTIME run --memory 1X …")
        t:ne(found.status, 0, "--memory 1X: the status", "RUNTIME run --memory 1X …; echo $?")
      end,
    },
    {
      "the group goes with the box",
      function(t)
        local found = level.on_host(t, function(place)
          local run = place:run({ "/bin/true" }, { options = { "--memory", "64M" } })
          run:wait(3)
          local left, over = host.groups(place.name), clock("monotonic") + 2
          while #left > 0 and clock("monotonic") < over do
            poll({}, { timeout = "100ms" })
            left = host.groups(place.name)
          end
          return { left = #left > 0 and table.concat(left, " ") or "nothing" }
        end)
        t:eq(
          found.left,
          "nothing",
          "groups that are left when the box has ended",
          "find /sys/fs/cgroup -name '*NAME*'"
        )
      end,
    },
  },
  hints = {
    "A group is a directory, and a limit a file in it; which file, depends on the version.",
    "Sizes are a number and a letter: multiply by 1024 for each of K, M, G. The process goes "
      .. "in before the command starts.",
    "cgroup_set(name, { memory = … }) knows the notations and both versions; spawn takes the "
      .. "group as `cgroup`. Who closes the handle removes the group.",
  },
  decoys = {
    {
      "the course's own: M alone is a unit",
      level.instead(
        "  group = options.memory and cgroup_set(",
        '  if options.memory and not options.memory:find("M$") then\n'
          .. '    fail("UnboundLocalError: limit")\n'
          .. "  end\n  group = options.memory and cgroup_set("
      ),
      says = "--memory 1G: the command does not run",
      course = true,
    },
    { "the limit is ignored", level.without("limits"), says = "the same memory group as you" },
    {
      "G is taken for M",
      level.instead("memory = options.memory,", 'memory = (options.memory:gsub("G$", "M")),'),
      says = "the limit that --memory 1G has set",
    },
    {
      "the course's own: the group stays",
      level.instead("    cgroup_open(paths):remove { host = true }\n", ""),
      says = "groups that are left when the box has ended",
      course = true,
    },
  },
  observe = {
    "crun-lua $runtime run --memory 1G box $rootfs /bin/cat /proc/self/cgroup",
    "find /sys/fs/cgroup -name '*box*'",
  },
  lesson = [[
A limit that nobody could read is worse than none: the course's runtime understands "512M" and
dies of every other notation, with the group already made and left behind.]],
}
