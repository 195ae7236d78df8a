-- `crun-lua probe`: what is refused, and that each load meets the limit or the filter that it is
-- run under.

local cgroup = require "cgroup"
local test = require "test"

-- The command in a child, under what `before` sets: its status and what it wrote.
local function run(args, before, group)
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe", cgroup = group }, function()
    if before then
      before()
    end
    exec { "/proc/self/exe", "--stdlib", "stdlib", "probe", table.unpack(args) }
  end)
  local result = child:output { timeout = "50s" }
  return result.code, result.stdout, result.stderr
end

local function refused(t, text, ...)
  local code, _, said = run { ... }
  t.eq(code, 2, said)
  t.match(said, text, true)
  t.match(said, "usage: crun-lua probe", true)
end

test.case("a probe refuses what it cannot do, and says what was meant", function(t)
  refused(t, "which probe: burn, eat")
  refused(t, '"eta" is no probe, did you mean eat?', "eta", "8M")
  refused(t, "at least a megabyte", "eat")
  refused(t, "at least a megabyte", "eat", "64K")
  refused(t, "found max", "eat", "max")
  refused(t, "found 2M", "eat", "1M", "2M")
  refused(t, "--hold: expected a number of seconds, found long", "eat", "1M", "--hold", "long")
  refused(t, "--number is no option of eat", "eat", "1M", "-n", "2")
  refused(t, "a number of seconds, found soon", "burn", "soon")
  refused(t, "a number from 1 to 256, found 0", "burn", "1", "-n", "0")
  refused(t, "a number from 1 to 4096, found 5000", "forks", "5000")
  refused(t, "did you mean --hold?", "forks", "2", "--hodl", "3")
  refused(t, 'did you mean "chdir"', "syscalls", "cdir")
  refused(t, "a group; name its calls", "syscalls", "@debug")
end)

test.case("its help names every probe and is no error", function(t)
  local code, out = run { "--help" }
  t.eq(code, 0)
  for _, name in ipairs { "eat SIZE", "burn [SECONDS]", "forks NUMBER", "syscalls [NAME" } do
    t.match(out, "crun-lua probe " .. name, true)
  end
end)

test.case("without a limit each load gets what it asks for", function(t)
  local code, out = run { "eat", "8M", "--over", "50ms", "--hold", "0" }
  t.eq({ code, out }, { 0, "eat: 8 MiB, every page written to\n" })
  code, out = run { "forks", "5" }
  t.eq({ code, out }, { 0, "forks: 5 of 5 at the same time\n" })
  code, out = run { "burn", "200ms", "-n", "2" }
  t.eq(code, 0)
  t.ok(tonumber(out:match("burn: ([%d.]+) s of")) > 0, out)
end)

test.case("a hog of 64M is killed in a group of 32M", { "root", "cgroup:memory" }, function(t)
  local group <close> = cgroup.make("probe-eat", { memory = "32M", swap = 0 })
  local code, out = run({ "eat", "64M" }, nil, group)
  t.eq(code, 137)
  -- On a slow machine the kernel may end the one that tells as well.
  t.ok(out == "" or out:find("ended by SIGKILL after", 1, true), out)
  t.ok(group:events().memory.oom_kill >= 1)
  t.ok((group:stats().memory.peak or 0) <= 32 << 20)
end)

test.case(
  "children beyond the limit are refused with status 1",
  { "root", "cgroup:pids" },
  function(t)
    local group <close> = cgroup.make("probe-forks", { pids = 10 })
    local code, out = run({ "forks", "40" }, nil, group)
    t.eq(code, 1)
    -- The command, the process that starts them, and they.
    t.match(out, "forks: 8 of 40 at the same time, then EAGAIN", true)
    t.ok(group:events().pids.max >= 1)
  end
)

test.case("burners share what their group may have", { "root", "cgroup:cpu" }, function(t)
  local group <close> = cgroup.make("probe-burn", { cpu = "20%" })
  local code, out = run({ "burn", "2", "-n", "2" }, nil, group)
  t.eq(code, 0)
  t.ok(tonumber(out:match(": (%d+) %% of one")) <= 40, out)
  t.ok(group:stats().cpu.nr_throttled > 0)
end)

test.case("a tried call tells the filter from the kernel", function(t)
  local names = { "syscalls", "chdir", "mount", "umount2", "getpid", "pause" }
  local function answers(before)
    local code, out, said = run(names, before)
    t.eq(code, 0, said)
    local found = {}
    for name, answer in out:gmatch("(%S+)%s+([^\n]+)") do
      found[name] = answer
    end
    return found
  end
  local free = answers()
  t.eq({ free.chdir, free.mount, free.getpid }, { "EFAULT", "EFAULT", "ok" })
  t.eq(free.pause, "not tried: it does not return")
  local filtered = answers(function()
    seccomp { default = "allow", errno = { "chdir" }, kill_process = { "mount" } }
  end)
  t.eq({ filtered.chdir, filtered.mount, filtered.getpid }, { "EPERM", "SIGSYS", "ok" })
  t.eq(filtered.umount2, free.umount2)
end)

test.case("without names every call of the machine is tried, and none is left alive", function(t)
  local code, out = run { "syscalls" }
  t.eq(code, 0)
  local count = select(2, out:gsub("\n", "\n"))
  t.ok(count > 300, count .. " calls")
  t.ok(not out:find("hangs") and not out:find("SIG"), out)
  t.eq(proc_children() or {}, {})
end)

return test.run()
