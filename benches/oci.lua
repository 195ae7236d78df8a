--- What the OCI runtime costs, against crun, runc, bwrap and a C program that makes only the calls.
---
--- `crun-lua benches/oci.lua OCI PROGRAM [PART…]`, where OCI is the program of `oci.c`; `benches/oci.sh`
--- compiles it and gives this script a box. Parts are `run`, `seccomp`, `lifecycle`, `exec`, `calls`
--- and `thousand`; without a name all are measured. The kinds take turns in one run, so that a slow
--- moment of the machine meets all. Tight: one start after the other. Spaced: 150 ms between two, so
--- that what the kernel does late (network namespaces, RCU) is over. A time is that of the whole
--- program, as a shell sees it, of a bundle of `runc spec` with busybox that runs /bin/true.
local stopwatch_program, own = arg[1], arg[2]
local TIGHT = tonumber(os.getenv "TIGHT" or 100)
local SPACED = tonumber(os.getenv "SPACED" or 30)
local MANY = tonumber(os.getenv "MANY" or 1000)
local GAP = "150ms"
local WORK = "/run/bench"

--- The whole path of a program, or nothing.
local function which(name)
  for dir in ("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"):gmatch "[^:]+" do
    local path = dir .. "/" .. name
    if stat(path) then
      return path
    end
  end
end

--- The runtimes, crun-lua first. Each keeps its state in a directory of its own.
local function runtimes()
  local found = {}
  for _, name in ipairs { own, "crun", "runc" } do
    local path = name:find "/" and name or which(name)
    if path then
      local short = name:match "[^/]+$"
      found[#found + 1] = { name = short, path, "--root", ("%s/state-%s"):format(WORK, short) }
    else
      print(name .. ": left out, it is not installed")
    end
  end
  return found
end

--- A command's words: those of a list and more.
local function words(list, ...)
  local made = table.move(list, 1, #list, 1, {})
  for _, word in ipairs { ... } do
    made[#made + 1] = word
  end
  return made
end

local stopwatch = spawn({ stdin = "pipe", stdout = "pipe" }, function()
  exec { stopwatch_program, "stopwatch" }
end)

--- Runs commands, one after the other: milliseconds in all, and the largest one's KiB.
local function timed(...)
  local lines = {}
  for index, command in ipairs { ... } do
    lines[index] = table.concat(command, "\t")
  end
  local line = table.concat(lines, "\t;\t")
  stopwatch.stdin:write(line .. "\n")
  local answer = stopwatch.stdout:read(128) or error("the stopwatch has ended", 0)
  local time, status, size = answer:match "(%d+) (%d+) (%d+)"
  if tonumber(status) ~= 0 then
    error(("status %s of %s"):format(status, line:gsub("\t", " ")), 0)
  end
  return tonumber(time) / 1e6, tonumber(size)
end

--- A directory with busybox in it. A bundle's root is read-only, so all bundles share it.
local function root()
  local dir = WORK .. "/rootfs"
  for _, name in ipairs { "bin", "dev", "proc", "sys", "etc", "tmp" } do
    mkdir(dir .. "/" .. name, { parents = true })
  end
  copy_file(assert(which "busybox", "busybox is not installed"), dir .. "/bin/busybox")
  for _, name in ipairs { "sh", "true", "sleep" } do
    symlink("busybox", dir .. "/bin/" .. name)
  end
  return dir
end

--- What `runc spec` writes, changed by a function.
local function bundle(name, change)
  local dir = WORK .. "/" .. name
  mkdir(dir)
  local spec = json_decode(read_file(WORK .. "/config.json"))
  spec.process.terminal = false
  spec.process.args = { "/bin/true" }
  spec.root.path = WORK .. "/rootfs"
  if change then
    change(spec)
  end
  write_file(dir .. "/config.json", json_encode(spec))
  return dir
end

--- Where control groups of the first version are mounted, which the C program joins one by one; or
--- of this kind: "cgroup2".
local function hierarchies(kind)
  local found = {}
  for _, one in ipairs(assert(mountinfo())) do
    if one.fs_type == (kind or "cgroup") then
      found[#found + 1] = one.mount_point
    end
  end
  return found
end

--- The number of system calls of a command and of all that it starts; nil without strace.
local function calls_of(command)
  if not which "strace" then
    return nil
  end
  local file = WORK .. "/strace"
  timed(words({ which "strace", "-f", "-qq", "-c", "-o", file }, table.unpack(command)))
  local total = 0
  for line in read_file(file):gmatch "[^\n]+" do
    local number, name = line:match "^%s*[%d.]+%s+[%d.]+%s+%d+%s+(%d+)%s+.-([%w_]+)$"
    if number and name ~= "total" then
      total = total + tonumber(number)
    end
  end
  return total
end

local function report(title, rows)
  print(title)
  local first = rows[1]
  for _, row in ipairs(rows) do
    table.sort(row.times)
    row.least, row.middle = row.times[1], row.times[(#row.times + 1) // 2]
    local format = "  %-10s min %7.2f ms, median %7.2f ms   × %5.2f, × %5.2f   %6.1f MiB%s"
    local ratios = { row.least / first.least, row.middle / first.middle }
    local calls = row.calls and ("  %5d calls"):format(row.calls) or ""
    print(format:format(row.name, row.least, row.middle, ratios[1], ratios[2], row.size / 1024, calls))
  end
end

--- Measures kinds in turns: each has a name and a function that answers milliseconds and KiB.
local function measure(title, kinds, turns, gap)
  local rows = {}
  for index, kind in ipairs(kinds) do
    kind.run(0)
    local calls = kind.command and calls_of(kind.command)
    rows[index] = { name = kind.name, times = {}, size = 0, calls = calls }
  end
  for turn = 1, turns do
    for index, kind in ipairs(kinds) do
      if gap then
        poll({}, { timeout = gap })
      end
      local time, size = kind.run(turn)
      rows[index].times[turn] = time
      rows[index].size = math.max(rows[index].size, size)
    end
  end
  report(("%s, %s, %d turns"):format(title, gap and "spaced by " .. GAP or "tight", turns), rows)
  local by_name = {}
  for _, row in ipairs(rows) do
    by_name[row.name] = row
  end
  return by_name
end

local function both(title, kinds)
  return measure(title, kinds, TIGHT), measure(title, kinds, SPACED, GAP)
end

--- A line with a limit, which `benches/all.sh` sums up.
local function limit(text, value, bound)
  print(("  %s: × %.2f (limit %s)"):format(text, value, bound))
end

--- How many times faster than another by the minimum of tight and the median of spaced turns.
local function faster(title, tight, spaced, other, tight_bound, spaced_bound)
  if not (tight[other] and tight["crun-lua"]) then
    return
  end
  local mine, theirs = tight["crun-lua"], tight[other]
  limit(("%s, tight, over %s"):format(title, other), theirs.least / mine.least, tight_bound)
  mine, theirs = spaced["crun-lua"], spaced[other]
  limit(("%s, spaced, over %s"):format(title, other), theirs.middle / mine.middle, spaced_bound)
end

local function bwrap()
  local path = which "bwrap"
  local command = { path, "--unshare-all", "--ro-bind", WORK .. "/rootfs", "/" }
  return path and words(command, "--proc", "/proc", "--dev", "/dev", "--", "/bin/true")
end

local function c_program()
  local command = { stopwatch_program, "container", WORK .. "/rootfs" }
  table.move(hierarchies(), 1, #hierarchies(), #command + 1, command)
  return words(command, "--", "/bin/true")
end

local function run_kinds(dir)
  local c = c_program()
  local kinds = { { name = "C", command = c, run = function() return timed(c) end } }
  for _, runtime in ipairs(runtimes()) do
    kinds[#kinds + 1] = {
      name = runtime.name,
      command = words(runtime, "run", "--bundle", dir, "counted"),
      run = function(turn) return timed(words(runtime, "run", "--bundle", dir, runtime.name .. turn)) end,
    }
  end
  local sandbox = bwrap()
  if sandbox then
    kinds[#kinds + 1] = { name = "bwrap", command = sandbox, run = function() return timed(sandbox) end }
  end
  return kinds
end

local parts = {}

function parts.run()
  local tight, spaced = both("run", run_kinds(bundle "plain"))
  local mine = "crun-lua"
  limit("run, tight, of C", tight[mine].least / tight.C.least, "at most 1.3")
  limit("run, spaced, of C", spaced[mine].middle / spaced.C.middle, "at most 1.3")
  faster("run", tight, spaced, "crun", "at least 1.7", "at least 3.3")
  faster("run", tight, spaced, "runc", "at least 4.8", "at least 4.6")
  if tight.crun then
    limit("peak memory of run, of crun", tight[mine].size / tight.crun.size, "below 1")
  end
end

--- Whether a rule of the engines' own notation holds for a container with few capabilities, here.
local function applies(rule)
  local wanted, unwanted = rule.includes or {}, rule.excludes or {}
  local function has(list, word)
    for _, one in ipairs(list or {}) do
      if one == word then
        return true
      end
    end
    return false
  end
  if wanted.caps and #wanted.caps > 0 or unwanted.arches and has(unwanted.arches, "amd64") then
    return false
  end
  return not (wanted.arches and #wanted.arches > 0) or has(wanted.arches, "amd64")
end

--- The engines' default profile, as they hand it to a runtime.
local function default_profile()
  local file = "/usr/share/containers/seccomp.json"
  if not stat(file) then
    return nil
  end
  local profile = json_decode(read_file(file))
  local rules, names = {}, 0
  for _, rule in ipairs(profile.syscalls) do
    if applies(rule) then
      local args = rule.args and #rule.args > 0 and rule.args or nil
      rules[#rules + 1] =
        { names = rule.names, action = rule.action, args = args, errnoRet = rule.errnoRet }
      names = names + #rule.names
    end
  end
  local made = { defaultAction = profile.defaultAction, syscalls = rules }
  made.defaultErrnoRet = profile.defaultErrnoRet
  made.architectures = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32" }
  return made, names
end

function parts.seccomp()
  local profile, names = default_profile()
  if not profile then
    print "seccomp: left out, golang-github-containers-common is not installed"
    return
  end
  print(("the engines' default profile: %d names"):format(names))
  local dir = bundle("seccomp", function(spec)
    spec.linux.seccomp = profile
  end)
  local tight, spaced = both("run with a filter", run_kinds(dir))
  faster("run with a filter", tight, spaced, "crun", "at least 4.5", "at least 4.5")
  faster("run with a filter", tight, spaced, "runc", "at least 7", "at least 7")
end

function parts.lifecycle()
  local dir = bundle "lifecycle"
  local kinds = {}
  for _, runtime in ipairs(runtimes()) do
    kinds[#kinds + 1] = {
      name = runtime.name,
      run = function(turn)
        local id = runtime.name .. turn
        local create = words(runtime, "create", "--bundle", dir, id)
        return timed(create, words(runtime, "start", id), words(runtime, "delete", "--force", id))
      end,
      -- One command, since strace waits for a container that goes on; the shell's calls are among them.
      command = {
        "/bin/sh",
        "-c",
        '"$@" create --bundle "$0" counted && "$@" start counted && "$@" delete --force counted',
        dir,
        table.unpack(runtime),
      },
    }
  end
  local tight, spaced = both("create, start, delete", kinds)
  faster("create, start, delete", tight, spaced, "crun", "at least 1.6", "at least 1.6")
end

function parts.exec()
  local dir = bundle("exec", function(spec)
    spec.process.args = { "/bin/sleep", "100000" }
  end)
  local kinds, all = {}, runtimes()
  for _, runtime in ipairs(all) do
    -- All live at once, so each has an id, and with it control groups, of its own.
    local id = runtime.name
    timed(words(runtime, "create", "--bundle", dir, id), words(runtime, "start", id))
    local command = words(runtime, "exec", id, "/bin/true")
    kinds[#kinds + 1] =
      { name = runtime.name, run = function() return timed(command) end, command = command }
  end
  local tight, spaced = both("exec", kinds)
  faster("exec", tight, spaced, "crun", "at least 1.5", "at least 1.5")
  for _, runtime in ipairs(all) do
    timed(words(runtime, "delete", "--force", runtime.name))
  end
end

function parts.calls()
  if not which "strace" then
    print "calls: left out, strace is not installed"
    return
  end
  local dir = bundle "calls"
  print "system calls of a run, all processes"
  print(("  %-10s %6d"):format("C", calls_of(c_program())))
  for _, runtime in ipairs(runtimes()) do
    timed(words(runtime, "run", "--bundle", dir, "calls"))
    local number = calls_of(words(runtime, "run", "--bundle", dir, "calls"))
    local bound = runtime.name == "crun-lua" and " (limit at most 300)" or ""
    print(("  %-10s %6d%s"):format(runtime.name, number, bound))
  end
end

--- Milliseconds for each of some containers, by one command.
local function sweep(runtime, from, to, ...)
  local total = 0
  for index = from, to do
    local command = words(runtime, ...)
    command[#command + 1] = "many-" .. index
    total = total + timed(command)
  end
  return total / (to - from + 1)
end

--- Directories of control groups, states and mounts: what could be left.
local function count(runtime)
  local groups, dirs = 0, hierarchies "cgroup2"
  table.move(hierarchies(), 1, #hierarchies(), #dirs + 1, dirs)
  for _, dir in ipairs(dirs) do
    for _, name in ipairs(list_dir(dir)) do
      local info = stat(dir .. "/" .. name)
      groups = groups + (info and info.type == "dir" and 1 or 0)
    end
  end
  local states = stat(runtime[3]) and #list_dir(runtime[3]) or 0
  return ("%d groups, %d states, %d mounts"):format(groups, states, #mountinfo())
end

function parts.thousand()
  local dir = bundle "thousand"
  local runtime = runtimes()[1]
  sweep(runtime, 0, 0, "run", "--bundle", dir)
  local before, few = count(runtime), MANY // 10
  local function part(title, ...)
    local first = sweep(runtime, 1, few, ...)
    sweep(runtime, few + 1, MANY - few, ...)
    local last = sweep(runtime, MANY - few + 1, MANY, ...)
    local format = "%s, the first and the last %d of %d: %.2f and %.2f ms each"
    print(format:format(title, few, MANY, first, last))
    limit(title .. ", the last over the first", last / first, "at most 1.2")
  end
  part("create", "create", "--bundle", dir)
  part("start", "start")
  part("delete", "delete", "--force")
  local after = count(runtime)
  assert(before == after, ("before: %s; after: %s"):format(before, after))
  print("nothing is left: " .. after)
end

mkdir(WORK)
root()
do
  local writer = assert(which "runc" or own)
  local made = capture({ writer, "spec", "--bundle", WORK })
  assert(made.code == 0, made.stderr)
end
local wanted = table.move(arg, 3, #arg, 1, {})
if #wanted == 0 then
  wanted = { "run", "seccomp", "lifecycle", "exec", "calls", "thousand" }
end
for _, name in ipairs(wanted) do
  local ok, problem = pcall(assert(parts[name], name .. ": no such part"))
  if not ok then
    print(("%s: left out, %s"):format(name, tostring(problem)))
  end
end
stopwatch.stdin:close()
stopwatch:wait()
