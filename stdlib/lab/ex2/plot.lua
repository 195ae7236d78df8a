--- Exercise 2, watching: a load whose memory comes and goes, and the curve that shows how far.
---
--- ```lua
--- assert(require("lab.ex2.plot").id == "plot")
--- ```
local cgroup = require "cgroup"
local groups = require "lab.ex2.groups"

local MB = 1 << 20

-- One wave: seconds at the top and at the bottom. Short enough to be watched, long enough to be
-- missed by one look.
local HIGH, LOW = 0.5, 1.5

local function sleep(seconds)
  poll({}, { timeout = ("%dms"):format(math.ceil(seconds * 1000)) })
end

--- Takes memory and gives it back, again and again. Each wave is a process of its own: what Lua has
--- freed the C library may keep.
local function waves(megabytes)
  while true do
    local wave = spawn(function()
      local kept = {}
      for index = 1, megabytes do
        kept[index] = ("x"):rep(MB - 64) .. index
        -- Or the top of a wave would be garbage, more in one than in another.
        collectgarbage()
      end
      sleep(HIGH)
      return #kept == megabytes and 0 or 1
    end)
    wave:wait()
    sleep(LOW)
  end
end

-- Every wave is higher, and what lies between two of them is lower.
local BETWEEN = 16 * MB

--- The most that the group has, in MiB, sampled until so many waves have ended; of the first only
--- the end may have been seen. They are counted, since on a slow machine one takes many seconds to
--- rise; where none comes to an end the time does.
local function highest(group, tops)
  local most, ended, is_high = 0, 0, false
  local till = clock "monotonic" + 25
  repeat
    local usage = group.handle:stats().memory.usage or 0
    most = math.max(most, usage)
    if is_high and usage < BETWEEN then
      ended = ended + 1
    end
    is_high = usage > BETWEEN
    sleep(0.02)
  until ended >= tops or clock "monotonic" > till
  return most / MB
end

local function usage_now(t)
  local group <close> = cgroup_open(t.given.group)
  return math.floor(group:stats().memory.usage / MB)
end

return {
  id = "plot",
  title = "Watch a load, and say how much it really takes",
  needs = { "root", "cgroup:memory" },
  text = [[
In the group that is named below something takes memory for half a second, gives it back, and does
so again every two seconds. Watch it (crun-lua top NAME, or cgroup.monitor in the session) and say
how many MiB the group has at the top of a wave. A single look most often sees nothing.]],
  answers = { mib = "how many MiB the group has at the top of a wave; a whole number" },
  setup = function(t)
    -- Between 24 and 55 MiB: no number that could be known beforehand.
    local megabytes = 24 + (t.token:byte(1) + t.token:byte(2)) % 32
    local group = cgroup.make(t.prefix .. "-waves", { memory = "128M" }):keep()
    local load = spawn({ cgroup = group }, function()
      waves(megabytes)
    end)
    t:give { group = t.prefix .. "-waves", pid = load }
  end,
  action = function(t)
    local watched <close> = cgroup.monitor {
      groups = { load = t.given.group },
      interval = "50ms",
      history = 100,
    }
    local most = 0
    for _ = 1, 90 do
      local usage = watched:sample()[1].usage
      most = math.max(most, usage and usage.memory and usage.memory.used or 0)
      watched:wait()
    end
    t:answer { mib = math.floor(most / MB + 0.5) }
  end,
  observe = { "crun-lua top $group", "crun-lua top --once $group" },
  checks = {
    {
      "the load still runs",
      function(t)
        local group <close> = groups.find(t, "memory")
        local seen = ("cat %s/cgroup.procs"):format(group.dir)
        t:ge(#group.members(), 1, "members of the group", seen)
      end,
    },
    {
      "the answer is what the group has at the top of a wave",
      function(t)
        local said = tonumber(t.answers.mib)
        if not said then
          t:fail { what = "the answer", expected = "a number of MiB", found = t.answers.mib }
        end
        local group <close> = groups.find(t, "memory")
        local most = highest(group, 2)
        local file = group.dialect == "v1" and "memory.usage_in_bytes" or "memory.current"
        if math.abs(said - most) > 8 then
          t:fail {
            what = said < most and "the waves are higher" or "the waves are lower",
            expected = "MiB at the top of a wave, give or take 8",
            found = said,
            see = ("watch -n 0.1 cat %s/%s"):format(group.dir, file),
          }
        end
      end,
      { deadline = "30s" },
    },
  },
  hints = {
    "The number that you want is there for half a second at a time.",
    "What samples often enough sees it: a monitor keeps a history, and the kernel keeps the peak.",
    "crun-lua top takes an --interval; cgroup.monitor has sample, wait and draw.",
  },
  decoys = {
    {
      "a single look, between two waves",
      function(t)
        local least = math.huge
        for _ = 1, 25 do
          least = math.min(least, usage_now(t))
          sleep(0.1)
        end
        t:answer { mib = least }
      end,
      says = "the waves are higher",
    },
    {
      "the limit, because it stands beside the usage",
      function(t)
        t:answer { mib = 128 }
      end,
      says = "the waves are lower",
    },
  },
  lesson = [[
`watch cat memory.usage_in_bytes` looks every two seconds and misses what happens between. Look as
often as things change, or read what the kernel keeps: memory.max_usage_in_bytes on v1,
memory.peak on v2 since Linux 5.19; and memory.events, which counts, before memory.stat, which
only shows.]],
}
