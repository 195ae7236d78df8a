--- Exercise 2, memory: a limit that kills what goes beyond it, and nobody else.
---
--- ```lua
--- assert(require("lab.ex2.memory").id == "memory")
--- ```
local cgroup = require "cgroup"
local groups = require "lab.ex2.groups"
local strain = require "cgroup.strain"

local MB = 1 << 20
local LIMIT = 64 * MB

-- A shell says 128 and the signal; who asks the kernel gets 9.
local KILLED = { [137] = true, [9] = true }

local function file_of(group)
  return group.dir .. (group.dialect == "v1" and "/memory.limit_in_bytes" or "/memory.max")
end

--- A member that stays.
local function stay(group)
  return spawn({ cgroup = group }, function()
    exec { "sleep", "600" }
  end)
end

--- A group that stays until the task is over.
local function limited(t, limits)
  return cgroup.make(t.given.group, limits):keep()
end

return {
  id = "memory",
  title = "Give a load 64 MiB, and see it killed beyond them",
  needs = { "root", "cgroup:memory" },
  text = [[
Make the control group that is named below, with a limit of 64 MiB of memory. Run something in it
that takes more (crun-lua probe eat 128M), and remember the status with which it ended. Then start
a process in the group that stays (sleep 600) and hand over its number. Your own shell is to stay
outside.]],
  answers = {
    pid = "a process that is in the group now",
    status = "the status with which the load ended, as the shell says it in $?",
  },
  setup = function(t)
    t:give { group = t.prefix .. "-box" }
  end,
  action = function(t)
    -- Without the limit of swap the load would be swapped out where there is swap.
    local group = limited(t, { memory = LIMIT, swap = 0 })
    local ended = strain.memory(group, 128)
    t:answer { pid = stay(group), status = ended.code }
  end,
  observe = {
    "cat /sys/fs/cgroup/memory/$group/memory.limit_in_bytes",
    "cat /sys/fs/cgroup/memory/$group/memory.oom_control",
    "cat /sys/fs/cgroup/memory/$group/memory.max_usage_in_bytes",
    "dmesg | grep oom-kill",
  },
  checks = {
    {
      "the group has a limit of 64 MiB",
      function(t)
        local group <close> = groups.find(t, "memory")
        local see = "cat " .. file_of(group)
        t:eq(group.handle:get().memory, LIMIT, "the limit of memory, in bytes", see)
      end,
    },
    {
      "a process is in the group, and your shell is not",
      function(t)
        local group <close> = groups.find(t, "memory")
        groups.holds(t, group, t:pid "pid")
      end,
    },
    {
      "the kernel has killed for want of memory",
      function(t)
        local group <close> = groups.find(t, "memory")
        local kills = group.handle:events().memory.oom_kill or 0
        local file = group.dialect == "v1" and "memory.oom_control" or "memory.events"
        t:ge(kills, 1, "oom_kill of the group", ("grep oom_kill %s/%s"):format(group.dir, file))
      end,
    },
    {
      "the load was ended by signal 9",
      function(t)
        local status = math.tointeger(tonumber(t.answers.status))
        if not KILLED[status] then
          t:fail {
            what = "the status of the load",
            expected = "137: 128 and the number of SIGKILL",
            found = t.answers.status,
            see = "echo $?",
          }
        end
      end,
    },
    {
      "it never had more than the limit",
      function(t)
        local group <close> = groups.find(t, "memory")
        local peak = group.handle:stats().memory.peak
        -- Linux before 5.19 does not keep it on v2.
        if peak then
          local file = group.dialect == "v1" and "memory.max_usage_in_bytes" or "memory.peak"
          local see = ("cat %s/%s"):format(group.dir, file)
          t:le(peak, LIMIT, "the most memory that the group has had", see)
          t:ge(peak, LIMIT - 8 * MB, "the most memory that the group has had", see)
        end
      end,
    },
  },
  hints = {
    "A limit holds for whoever is in the group when memory is taken, and for its children.",
    "The group is a directory, the limit a file in it, membership another file: cgroup.procs. Let a"
      .. " child write itself there before it becomes the load.",
    "cgroup_set(name, { memory = … }), then spawn({ cgroup = … }, …); in a shell: a subshell that"
      .. " writes its $BASHPID, then exec.",
  },
  decoys = {
    {
      "the course's `echo $$`: the shell itself is put into the group",
      function(t)
        local group = limited(t, { memory = LIMIT, swap = 0 })
        group:enter()
        local ended = strain.memory(nil, 128)
        t:answer { pid = stay(), status = ended.code }
      end,
      says = "your shell is in the group as well",
      course = true,
    },
    {
      "256 MiB, as in the course's solution",
      function(t)
        local group = limited(t, { memory = "256M" })
        t:answer { pid = stay(group), status = strain.memory(group, 128).code }
      end,
      says = "the limit of memory, in bytes",
      course = true,
    },
    {
      "a load that somebody else has killed",
      function(t)
        local group = limited(t, { memory = LIMIT })
        local load = stay(group)
        load:started()
        load:kill "kill"
        t:answer { pid = stay(group), status = load:wait().code }
      end,
      says = "oom_kill of the group",
    },
    {
      "a load that fits",
      function(t)
        local group = limited(t, { memory = LIMIT })
        t:answer { pid = stay(group), status = strain.memory(group, 16).code }
      end,
      says = "oom_kill of the group",
    },
    {
      "a limit of one process, by setrlimit",
      function(t)
        local load = spawn(function()
          rlimit { as = LIMIT }
          exec { "sleep", "600" }
        end)
        t:answer { pid = load, status = 137 }
      end,
      says = "there is no group",
    },
  },
  lesson = [[
The limit counts the pages that members have touched, not what they have asked for, and the kernel
kills in the group and not on the whole machine. The course writes $$ into cgroup.procs: then the
shell that you type into is a member, and may be what is killed. Where there is swap a limit
without one of swap (memory.memsw.limit_in_bytes, memory.swap.max) makes the load slow instead of
dead.]],
}
