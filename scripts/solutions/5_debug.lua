#!/usr/bin/env crun-lua
-- Solution 5 of the course, mended: the toolkit to reach for when a container does not do what it
-- should. It reads what the kernel has of one process, part by part as the course's script does,
-- and then says what looks wrong, which that script leaves to its reader.
--
--   crun-lua scripts/solutions/5_debug.lua PID
--   crun-lua scripts/solutions/5_debug.lua --check [COMMAND ARGUMENTS…]
--
-- `--check` judges a toolkit: a patient is made whose ailments are known, the COMMAND (this script
-- without one) is run on it, and what it prints is held against the patient. The course's script
-- fails where the comments below name its defects.

local inspect = require "inspect"
local report = require "inspect.report"
local text = require "view.text"

-- Paths of groups are long, and the middle of one is what the reader looks for; prose is not.
local WIDTH, PROSE = 240, 96

--- A heading, with the question that the part answers.
local function heading(words)
  print("\n=== " .. words)
end

local function sections(facts, ...)
  for _, line in ipairs(report.lines(facts, { width = WIDTH, sections = { ... } })) do
    -- The report opens with the process each time; once is enough.
    if line ~= "" and not line:find("^process %d") then
      print(line)
    end
  end
end

--- Defects mended: `ls -l /proc/PID/ns` shows eight inodes and not which of them are the host's;
--- `pstree` is not installed everywhere, and shows no number that the container itself sees; `ip
--- addr` shows neither routes nor where the other end of a cable is, and `nsenter -n` alone is
--- refused to a user who owns the container's user namespace (it needs -U too). Nothing looks at
--- the maps of ids, or at what /proc in there is.
local function debug_namespaces(facts)
  heading("Namespaces: what does it see?")
  sections(facts, "namespaces", "processes", "ids", "network")
end

--- Defects mended: `grep memory /proc/PID/cgroup` finds nothing where cgroup v2 is alone, since the
--- only line there is `0::/path`, and the part stays silently empty; where the *path* has the word
--- in it, several lines are found and no file. Two numbers without names, one of them
--- 9223372036854771712 where the limit is set further up: here the tightest limit on the way up
--- counts, with the group that sets it. Whether it was killed for memory is not asked at all.
local function debug_cgroups(facts)
  heading("Control groups: what may it take, and what has it taken?")
  sections(facts, "cgroup")
end

--- Defect mended: `grep Cap` shows five masks in hexadecimal, and nobody can read them.
--- And `grep Seccomp` shows a 2; whether no_new_privs is on is not shown.
local function debug_security(facts)
  heading("Rights: what may it do?")
  sections(facts, "security")
end

--- What the course's script does not have: a judgement. Mounts, maps, signals and events are read
--- for it as well; each finding says what follows and what to do.
local function debug_findings(facts)
  heading("What looks wrong?")
  local lines = report.findings(inspect.findings(facts), { width = PROSE })
  print(#lines > 0 and table.concat(lines, "\n") or "nothing")
end

--- Defect mended: the course's script takes any word for a number, goes on without a process, and
--- ends with status 0 when all of it has failed.
local function debug_container(word)
  local pid = math.tointeger(tonumber(word or ""))
  if not pid or pid < 1 then
    io.stderr:write("usage: 5_debug.lua PID | --check [COMMAND ARGUMENTS…]\n")
    return 2
  end
  local facts, err = try(inspect.process, pid)
  if not facts then
    io.stderr:write(("5_debug.lua: %s\n  hint: %s\n"):format(err.message, err.hint or ""))
    return 1
  end
  print(("process %d  %s"):format(pid, text.clean(facts.process.name or "?")))
  debug_namespaces(facts)
  debug_cgroups(facts)
  debug_security(facts)
  debug_findings(facts)
  return 0
end

if arg[1] ~= "--check" then
  os.exit(debug_container(not arg[2] and arg[1] or nil))
end

-- The check ------------------------------------------------------------------------------------

--- This very program and script; the stdlib that it was started with goes along.
local function own_command()
  local words = { "/proc/self/exe" }
  local dir = read_file("/proc/self/cmdline"):match("%z%-%-stdlib%z([^%z]+)%z")
  if dir then
    table.move({ "--stdlib", dir }, 1, 2, 2, words)
  end
  words[#words + 1] = arg[0]
  return words
end

local command = arg[2] and table.move(arg, 2, #arg, 1, {}) or own_command()

local function run(...)
  local words = table.move({ ... }, 1, select("#", ...), #command + 1, { table.unpack(command) })
  return capture(words, { timeout = "50s" })
end

local may = " " .. table.concat(cgroup_may(), " ") .. " "
local group, inner
if may:find(" memory ", 1, true) then
  -- The limit stands one group above the patient, and the word "memory" in the path.
  group = cgroup_set(("debug-memory-%d"):format(proc_stat().pid), { memory = "48M" })
  inner = group:child("patient", { controllers = "all" })
end

--- A first process with a stale /proc, lo down, one capability, a filter, and no handler of
--- SIGTERM.
local patient <close> = spawn({
  unshare = { "user", "pid", "mnt", "net", "uts", "ipc" },
  cgroup = inner,
  die_with_parent = true,
}, function()
  drop_caps { keep = { "net_bind_service" } }
  seccomp { default = "errno", allow = { "@default" } }
  exec { "sleep", "300" }
end)
patient:started()
local gone <close> = fork(function() end)
gone:wait()

local told = run(tostring(patient.pid))
local words = told.stdout
local failures, rows = 0, 0

--- One row: what must be told, and whether it is.
local function must(sentence, holds)
  rows, failures = rows + 1, failures + (holds and 0 or 1)
  print((holds and "✓ " or "✗ ") .. sentence)
end

local function has(pattern)
  return words:find(pattern) ~= nil
end

must("it ends with status 0 on a process that lives", told.code == 0)
must("it ends with another status on a process that is gone", run(tostring(gone.pid)).code ~= 0)
must("it ends with another status on a word that is no number", run("patient").code ~= 0)
must(
  "it tells apart which namespaces are its own and which the host's",
  has(("net%%s+%d%%s+own"):format(proc_ns(patient).net))
    and has(("cgroup%%s+%d%%s+host"):format(proc_ns(patient).cgroup))
)
must("it tells the number that the process has inside", has(("%d%%s+1%%s"):format(patient.pid)))
must("it tells what ids inside are outside", has("user%s+0%s+%d+%s+1"))
must("it tells that lo is down", has("lo[^\n]+down") or has("lo[^\n]+DOWN"))
must("it names capabilities", has("net_bind_service"))
must("it says in a word that calls are filtered", has("[Ss]eccomp[^_\n]*filter"))
must("it sees that /proc belongs to other processes", has("/proc is that of another"))
must("it sees that SIGTERM is not handled", has("no handler for SIGTERM"))
if group then
  must("it tells the memory limit that counts", has("48M") or has(tostring(48 << 20)))
  must("it tells which group sets it", has("debug%-memory%-%d+[ )\n]"))
else
  print("– the memory limit: this user may not set one here (see cgroup_may)")
end
print(("%d of %d"):format(rows - failures, rows))

patient:close()
if group then
  inner:close()
  group:close()
end
os.exit(failures == 0 and 0 or 1)
