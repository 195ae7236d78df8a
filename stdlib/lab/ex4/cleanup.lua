--- Level 8: nothing stays, however the runtime ends.
---
--- ```lua
--- assert(require("lab.ex4.cleanup").id == "cleanup")
--- ```
local host = require "lab.ex4.host"
local level = require "lab.ex4.level"
local needs = require "needs"

-- So long everything may take to go: a network namespace ends when the kernel finds the time.
local PATIENCE = 4

local function devices()
  local names = {}
  for _, link in ipairs(links()) do
    names[#names + 1] = link.name
  end
  return names
end

--- What there is of a box: its processes, its groups, and what the host has got besides.
local function things(name, word, before)
  local list = {}
  for _, pid in ipairs(pids()) do
    local stat, line = try(proc_stat, pid), try(read_file, ("/proc/%d/cmdline"):format(pid)) or ""
    if stat and stat.state ~= "Z" and line:find(word, 1, true) then
      list[#list + 1] = ("process %d (%s)"):format(pid, stat.comm)
    end
  end
  for _, path in ipairs(host.groups(name)) do
    list[#list + 1] = "group " .. path
  end
  local known = " " .. table.concat(before.devices, " ") .. " "
  for _, device in ipairs(devices()) do
    if not known:find(" " .. device .. " ", 1, true) then
      list[#list + 1] = "device " .. device
    end
  end
  if #mountinfo() ~= before.mounts then
    list[#list + 1] = "mounts: " .. (#mountinfo() - before.mounts) .. " more"
  end
  for _, netns in ipairs(try(list_dir, "/run/netns") or {}) do
    list[#list + 1] = "namespace /run/netns/" .. netns
  end
  return list
end

--- Whether a group with a limit can be had here, by this user.
local function limited()
  return #needs.all { "root", "cgroup:memory" } == 0
end

--- Runs a box, ends it in a way, and tells what is left after a while.
local function left_after(t, act)
  local limits = limited() and { "--memory", "64M" } or nil
  return level.on_host(t, function(place)
    local before = { devices = devices(), mounts = #mountinfo() }
    local given = { options = limits }
    local run = place:run({ "/bin/sh", "-c", "echo ready; sleep 60 & sleep 60", t.token }, given)
    if not run:hear("ready", 8) then
      return { runs = false }
    end
    act(run)
    local left
    local over = clock("monotonic") + PATIENCE
    repeat
      poll({}, { timeout = "100ms" })
      left = things(place.name, t.token, before)
    until #left == 0 or clock("monotonic") > over
    -- The same name must do again.
    local again = place:run({ "/bin/sh", "-c", "exit 7" }, given):wait(3)
    return { runs = true, left = left[1] or "nothing", again = again and again.code or "it hangs" }
  end)
end

local function clean(t, how, act)
  local found = left_after(t, act)
  if not found.runs then
    t:fail { what = "the command runs", found = level.complaint(t), see = "RUNTIME run …" }
  end
  local see = "ps; ip link; ip netns; cat /proc/self/mountinfo; find /sys/fs/cgroup -name '*NAME*'"
  t:eq(found.left, "nothing", ("what is left %d s after %s"):format(PATIENCE, how), see)
  t:eq(
    found.again,
    7,
    ("the status of the next run with that name, after %s"):format(how),
    "RUNTIME run NAME …"
  )
end

local LONG = { deadline = "40s" }

return level.step {
  id = "cleanup",
  title = "Nothing stays",
  after = { "network" },
  text = [[
A runtime ends in more ways than one: its command ends, somebody sends TERM, or the kernel kills
it at once and it can do nothing more. Whichever it is, a few seconds later there is no process
of the box, no control group, no device, no mount, no named namespace, and the name can be used
again. Where groups can be made here, the box is run with --memory 64M.]],
  checks = {
    {
      "nothing is left when TERM ends it",
      function(t)
        clean(t, "TERM for the runtime", function(run)
          run.process:kill("term")
        end)
      end,
      LONG,
    },
    {
      "nothing is left after SIGKILL of the runtime",
      function(t)
        clean(t, "SIGKILL of the runtime", function(run)
          run.process:kill("kill")
        end)
      end,
      LONG,
    },
  },
  hints = {
    "Who is still there after SIGKILL, and how does he learn of it? What does the kernel "
      .. "itself end with what?",
    "The box can be told to die with its parent. A group is a directory: another process has "
      .. "to remove it, one that waits for the end of a pipe which the killed one held open.",
    "spawn takes die_with_parent; fork a guardian that reads a pipe to its end and then "
      .. "removes the group by cgroup_open(paths):remove { host = true }; close the ends that must"
      .. " not keep it open.",
  },
  decoys = {
    {
      "the course's own: nobody cleans up",
      level.without("cleanup"),
      says = "after SIGKILL of the runtime",
      course = true,
    },
    {
      "the box outlives the runtime",
      level.instead("    die_with_parent = true,\n", ""),
      says = "after SIGKILL of the runtime",
    },
    {
      "the guardian ends with the runtime's end of the pipe in its own hands",
      level.instead("    close_fds { life.read }\n", ""),
      says = "what is left",
      needs = { "root", "cgroup:memory" },
    },
  },
  observe = {
    "crun-lua $runtime run --memory 64M box $rootfs /bin/sleep 60 & sleep 1; kill -KILL $!; "
      .. "sleep 1; find /sys/fs/cgroup -name box; ip link",
  },
  lesson = [[
What can be left to the kernel should be: processes by PR_SET_PDEATHSIG and their pid namespace,
devices and mounts by their namespaces. For the rest somebody must be alive, or must come later
and know what was made. crun-lua does both: a journal is written before anything is made, and
`crun-lua gc` and the next command read it.]],
}
