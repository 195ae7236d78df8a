-- The stdlib's view of control groups: both dialects, usage, findings, the monitor, its drawing.

local cgroup = require "cgroup"
local devices = require "cgroup.devices"
local dialects = require "cgroup.dialects"
local draw = require "cgroup.draw"
local findings = require "cgroup.findings"
local places = require "cgroup.places"
local pressure = require "cgroup.pressure"
local strain = require "cgroup.strain"
local test = require "test"
local text = require "view.text"
local usage = require "cgroup.usage"

local MB = 1 << 20
local FIXTURES = "tests/fixtures/cgroups/"

local function layout(name)
  return cgroup_layout { root = FIXTURES .. name }
end

-- Two samples of a group of a real machine: before a load, and after it has met every limit.
local function recorded(version)
  local samples = json_decode(read_file(FIXTURES .. "samples/" .. version .. ".json"))
  local before = usage.from(samples[1])
  return before, usage.from(samples[2], before)
end

-- A script of the project: its status and output.
local function script(name)
  return capture({ "/proc/self/exe", "scripts/" .. name }, { timeout = "60s" })
end

test.case("a limit that is none names the one that was meant", function(t)
  local function bad(expected, limits)
    t.fails(expected, cgroup.dialects, limits)
  end
  bad("did you mean 'memory'", { memry = "1M" })
  bad('expected a size such as "64M", got 64 MB', { memory = "64 MB" })
  bad('expected a share such as "50%"', { cpu = "0%" })
  bad('expected a share such as "50%"', { cpu = "half" })
  bad("a period needs its quota", { cpu = { period = "100ms" } })
  bad("did you mean 'quota'", { cpu = { qota = 1 } })
  bad('expected a time such as "50ms"', { cpu = { quota = "50" } })
  bad("say one", { cpu_weight = 100, cpu_shares = 1024 })
  bad("no block device", { io = { { device = "/dev/null", rbps = 1 } } })
  bad("did you mean 'access'", { devices = { { allow = true, acess = "r" } } })
end)

test.case("a monitor refuses what cannot be watched, and names what was meant", function(t)
  t.fails("did you mean 'groups'", cgroup.monitor, { group = {} })
  t.fails("groups: expected table", cgroup.monitor, {})
  t.fails('a time such as "1s"', cgroup.monitor, { groups = {}, interval = "fast" })
  t.fails('a time such as "1s"', cgroup.monitor, { groups = {}, interval = 0 })
  t.fails("at least 2", cgroup.monitor, { groups = {}, history = 1 })
  t.fails("expected a name, a process id or a handle", cgroup.monitor, { groups = { true } })
  t.fails("ESRCH", cgroup.usage, 2147483647)
  local watched <close> = cgroup.monitor { groups = { init = 1 } }
  t.match(t.fails("no group called 'inti'", watched.history, watched, "inti", "cpu").hint, "init")
  t.match(t.fails("metric: expected", watched.history, watched, "init", "memry").hint, "memory")
  watched:sample()
  t.fails("metrics: expected", watched.draw, watched, { metrics = { "disk" } })
end)

test.case("a group that does not exist is an error, one that goes is a reason", function(t)
  t.fails("no hierarchy has a control group", cgroup.usage, "/never-made")
  t.fails("no hierarchy has a control group", cgroup.pressure, "/never-made")
  t.fails("no hierarchy has a control group", cgroup.events, "/never-made")
end)

test.case(
  "a group that goes while it is watched keeps its history and says so",
  { "root", "cgroup:pids" },
  function(t)
    local group = cgroup_set("stdlib-goes", { pids = 5 })
    local reader <close> = cgroup_open("stdlib-goes")
    local watched <close> = cgroup.monitor { groups = { gone = reader }, history = 3 }
    watched:sample()
    group:close()
    local now = watched:sample()[1]
    t.eq(now.gone, "the group has been removed")
    t.eq(watched:history("gone", "pids"), { 0 })
    local shown = table.concat(watched:draw { colours = false }, "\n")
    t.match(shown, "the group has been removed", true)
    t.eq({ cgroup.usage(reader) }, { nil, "the group has been removed" })
  end
)

test.case("what a machine does not have is told with its reason", function(t)
  local none = cgroup.controllers(layout("none"))
  for _, name in ipairs(places.NAMES) do
    t.eq(none[name].version, nil)
    t.eq(none[name].reason, "no hierarchy of control groups is mounted here")
  end
  local v1 = cgroup.controllers(layout("v1"))
  t.eq({ v1.io.version, v1.io.own }, { "v1", "/" })
  t.match(v1.io.mount, "/blkio$")
  t.match(v1.cpuset.reason, "no cgroup v1 hierarchy with the controller 'cpuset'", true)
  local hybrid = cgroup.controllers(layout("hybrid"))
  t.eq({ hybrid.memory.version, hybrid.memory.own }, { "v1", "/sandbox/a1" })
  t.match(hybrid.hugetlb.reason, "no mounted hierarchy has the controller 'hugetlb'", true)
  local systemd = cgroup.controllers(layout("systemd"))
  t.eq({ systemd.memory.version, systemd.freezer.version }, { "v2", "v2" })
  t.match(systemd.io.reason, "does not share out 'io' (see its cgroup.subtree_control)", true)
  local container = cgroup.controllers(layout("container"))
  t.eq({ container.cpu.version, container.cpu.own }, { "v2", "/" })
  t.match(container.io.reason, "no mounted hierarchy", true)
end)

test.case("where no group is mounted everything is nil with a reason", { "root" }, function(t)
  t.inside({ "mnt" }, function()
    local mounts = mountinfo()
    for index = #mounts, 1, -1 do
      if mounts[index].fs_type:find("^cgroup") then
        umount(mounts[index].mount_point, { detach = true })
      end
    end
    t.eq(cgroup_layout().kind, "none")
    local now = cgroup.usage(1)
    t.eq({ now.memory, now.cpu, now.pids, now.io, now.pressure }, {})
    for _, name in ipairs { "memory", "cpu", "pids", "io" } do
      t.eq(now.missing[name], "no hierarchy of control groups is mounted here")
    end
    t.eq(findings.of(now), {})
    local watched <close> = cgroup.monitor { groups = { init = 1 } }
    watched:sample()
    t.eq(watched:history("init", "memory"), { false })
    t.match(table.concat(watched:draw(), "\n"), "no memory: no hierarchy", true)
    t.fails("no hierarchy", cgroup.make, "never-made", { pids = 1 })
  end)
end)

test.case("one limit has its file and its value in both dialects, side by side", function(t)
  local function pair(limits, index)
    local row = cgroup.dialects(limits)[index or 1]
    return { row.v1_file, row.v1_text, row.v2_file, row.v2_text }
  end
  local bytes = "67108864"
  t.eq(pair { memory = "64M" }, { "memory.limit_in_bytes", bytes, "memory.max", bytes })
  t.eq(pair { memory = "max" }, { "memory.limit_in_bytes", "-1", "memory.max", "max" })
  t.eq(pair { pids = "max" }, { "pids.max", "max", "pids.max", "max" })
  t.eq(pair { cpu = "50%" }, { "cpu.cfs_quota_us", "50000", "cpu.max", "50000 100000" })
  t.eq(pair({ cpu = "50%" }, 2), { "cpu.cfs_period_us", "100000" })
  t.eq(pair { cpu = "max" }, { "cpu.cfs_quota_us", "-1", "cpu.max", "max" })
  t.eq(pair { cpu_weight = 100 }, { "cpu.shares", "1024", "cpu.weight", "100" })
  t.eq(pair { cpu_shares = 2 }, { "cpu.shares", "2", "cpu.weight", "1" })
  t.eq(pair({ memory = "64M", swap = "64M" }, 2), {
    "memory.memsw.limit_in_bytes",
    "134217728",
    "memory.swap.max",
    bytes,
  })
  local both = "8:0 rbps=1048576 wiops=max"
  local io = { { device = "8:0", rbps = "1M", wiops = "max" } }
  t.eq(pair { io = io }, { "blkio.throttle.read_bps_device", "8:0 1048576", "io.max", both })
  t.eq(pair({ io = io }, 2), { "blkio.throttle.write_iops_device", "8:0 0" })
  t.eq(pair { io_weight = 10000 }, { "blkio.weight", "1000", "io.weight", "default 10000" })
  t.eq(pair { hugetlb = { ["2M"] = "64M" } }, {
    "hugetlb.2MB.limit_in_bytes",
    bytes,
    "hugetlb.2MB.max",
    bytes,
  })
end)

test.case("a limit that one dialect lacks says which and why", function(t)
  local swap = cgroup.dialects({ swap = "1M" })[1]
  t.eq({ swap.v1_file, swap.v2_file }, { nil, "memory.swap.max" })
  t.match(swap.note, "v1 limits memory and swap together", true)
  local rules = { { allow = true, type = "c", major = 1, access = "r" } }
  local rows = cgroup.dialects { devices = rules }
  t.eq({ rows[1].v1_file, rows[1].v1_text, rows[1].v2_file }, { "devices.deny", "a", nil })
  t.eq({ rows[2].v1_file, rows[2].v1_text }, { "devices.allow", "c 1:* r" })
  t.match(rows[1].note, "v2 has no file", true)
  rules[2] = { allow = false, type = "c", major = 1, minor = 5, access = "r" }
  local refused = cgroup.dialects({ devices = rules })[1]
  t.match(refused.note, "v1 refuses it: it cannot deny c 1:5 r after allow c 1:* r", true)
  t.eq(devices.lines({ { allow = true } })[1], { file = "devices.allow", text = "a" })
  local high = cgroup.dialects({ files = { ["memory.high"] = "50M" } })[1]
  t.eq({ high.v1_file, high.v2_file, high.note }, { nil, "memory.high", "only v2 has this file" })
end)

test.case(
  "the files of a real group hold what its dialect says",
  { "root", "cgroup:memory", "cgroup:cpu", "cgroup:pids" },
  function(t)
    local sets = {
      { memory = "64M", swap = "32M", cpu = "50%", cpu_weight = 50, pids = 64 },
      { cpu = { quota = "20ms", period = "50ms", burst = "5ms" }, cpu_shares = 1000 },
    }
    for number, limits in ipairs(sets) do
      if limits.swap and not stat("/proc/swaps") then
        limits.swap = nil -- The kernel does not account swap.
      end
      local group <close> = cgroup_set("stdlib-dialect-" .. number, limits)
      local side, checked = places.version(group), 0
      for _, row in ipairs(cgroup.dialects(limits)) do
        local file = row[side .. "_file"]
        local path = file and (group.paths[file:match("^%a+")] or group.paths.unified)
        local written = path and read_file(path .. "/" .. file)
        if written then
          t.eq(written, row[side .. "_text"] .. "\n", file)
          checked = checked + 1
        end
      end
      t.ok(checked >= 3, "files that were compared")
    end
  end
)

test.case("shares and weights meet at the ends and at the default", function(t)
  for _, both in ipairs { { 2, 1 }, { 1024, 100 }, { 262144, 10000 } } do
    t.eq({ dialects.weight(both[1]), dialects.shares(both[2]) }, { both[2], both[1] })
  end
  t.eq({ dialects.weight(0), dialects.shares(20000) }, { 1, 262144 })
end)

test.case("usage has the same words on v1 and on v2", function(t)
  local _, v1 = recorded("v1")
  local _, v2 = recorded("v2")
  for _, name in ipairs { "memory", "cpu", "pids" } do
    for key in pairs(v2[name]) do
      t.eq(type(v1[name][key]), type(v2[name][key]), ("%s.%s"):format(name, key))
    end
  end
  for _, now in ipairs { v1, v2 } do
    t.eq({ now.memory.limit, now.memory.peak, now.oom_kills }, { 32 * MB, 32 * MB, 1 })
    t.eq({ now.cpu.limit, now.pids.limit, now.limit_hits.pids }, { 50.0, 16, 1 })
    t.eq(now.frozen, false)
  end
  t.eq(v2.pressure.cpu, { some = 17.89, full = 17.52 })
  t.eq({ v1.pressure, v1.io }, {})
  t.match(v1.missing.pressure, "cgroup v1 counts no pressure", true)
  t.eq({ v2.io.read, v2.missing.io }, { 0, nil })
end)

test.case("shares of a processor and of periods lie between two samples", function(t)
  local before, now = recorded("v2")
  t.eq({ before.cpu.percent, before.cpu.throttled }, {})
  t.eq(("%.1f %.3f"):format(now.cpu.percent, now.cpu.throttled), "50.1 0.974")
  t.eq({ now.cpu.throttled_periods, now.cpu.periods }, { 75, 77 })
  t.eq(now.io.read_rate, 0.0)
  local samples = json_decode(read_file(FIXTURES .. "samples/v2.json"))
  -- A group that was made anew under the same name counts from 0 again.
  local anew = usage.from(samples[1], usage.from(samples[2]))
  t.eq({ anew.cpu.percent, anew.io.read_rate }, {})
  samples[2].stats.memory.usage, samples[2].limits.memory = 5, "max"
  local free = usage.from(samples[2]).memory
  t.eq({ free.used, free.limit, free.percent }, { 5 })
end)

test.case("findings are sentences with a count, the gravest first", function(t)
  local before, now = recorded("v2")
  local found = cgroup.findings(now, before)
  local texts = {}
  for index, finding in ipairs(found) do
    texts[index] = ("%s %s"):format(finding.level, finding.text)
  end
  t.eq(texts, {
    "error 1 process was killed at the memory limit of 32M",
    "warning the memory limit of 32M was reached 36 times",
    "warning the limit of 16 processes was reached once",
    "warning throttled in 97 % of the periods (75 of 77)",
    "note processes waited for cpu during 18 % of the last 10 s",
  })
  t.eq({ found[2].id, found[2].count, found[4].id }, { "memory_limit", 36, "throttled" })
  t.match(found[1].hint, "more memory", true)
  -- Nothing has happened since the same moment but what still lasts.
  local since = cgroup.findings(now, now)
  t.eq({ #since, since[1].id }, { 1, "pressure_cpu" })
  local near = { memory = { limit = 100, percent = 95.0 }, frozen = true }
  t.eq(findings.of(near)[1].text, "memory stands at 95 % of the limit of 100")
  t.eq(findings.of(near)[2].id, "frozen")
  ---@diagnostic disable-next-line: missing-option
  t.eq(findings.of {}, {})
end)

-- A group as a monitor hands it to the drawing.
local function drawn()
  return {
    name = "web\27[2J",
    usage = {
      memory = { used = 48 * MB, limit = 64 * MB, percent = 75.0, peak = 64 * MB },
      cpu = { percent = 25.0, limit = 50.0, throttled = 0.5 },
      missing = { io = "none here" },
    },
    history = {
      memory = { 16 * MB, 64 * MB, false, 48 * MB },
      cpu = { false, 50.0, 25.0, 25.0 },
      oom = { 0, 0, 1, 0 },
    },
    findings = { { level = "error", text = "it is full", hint = "give more" } },
  }
end

test.case("a group is drawn line for line as it was recorded", function(t)
  t.eq(draw.lines(drawn(), { width = 50, height = 2 }), {
    "web\\27[2J",
    "memory  ███████████████░░░░░  48M of 64M, 75 %, p…",
    "     64M │╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌█╌▄",
    "       0 │                                    ▄█ █",
    "                                                x",
    "cpu     ██████████░░░░░░░░░░  25 % of a processor…",
    "    50 % │╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌█╌╌",
    "       0 │                                     ███",
    "! it is full",
    "  give more",
    "no io: none here",
  })
  t.eq(draw.lines(drawn(), { width = 30, height = 2, style = "ascii", metrics = { "cpu" } }), {
    "web\\27[2J",
    "cpu     ##########..........  ",
    "    50 % |-----------------#--",
    "       0 |                 ###",
    "! it is full",
    "  give more",
    "no io: none here",
  })
  t.eq(draw.lines({ name = "new" }), { "new", "not sampled yet" })
end)

test.case("no line is wider than the window, and colours are only where asked for", function(t)
  for _, width in ipairs { 30, 40, 80, 200 } do
    for _, line in ipairs(draw.lines(drawn(), { width = width })) do
      t.ok(text.width(line) <= width, ("%d columns: %s"):format(width, line))
      t.ok(not line:find("\27", 1, true), line)
    end
  end
  local coloured = table.concat(draw.lines(drawn(), { width = 60, colours = true }), "\n")
  t.match(coloured, "\27[31m! it is full", true)
  t.match(coloured, "\27[33m███████████████", true)
end)

test.case("the history is bounded, and its last values are the newest", function(t)
  local count = 0
  local function look()
    count = count + 1
    return { memory = { used = count }, limit_hits = {}, missing = {} }
  end
  local watched <close> =
    cgroup.monitor { groups = { counter = look }, history = 3, interval = "1ms" }
  for _ = 1, 10 do
    watched:sample()
    watched:wait()
  end
  t.eq(watched:history("counter", "memory"), { 8, 9, 10 })
  t.eq(watched:history("counter", "cpu"), { false, false, false })
  t.eq(watched:get("counter").usage.memory.used, 10)
end)

test.case("waiting lasts one interval from the last sample on", function(t)
  local watched <close> = cgroup.monitor { groups = {}, interval = "50ms" }
  local start = clock("monotonic")
  watched:sample()
  watched:wait()
  t.ok(clock("monotonic") - start >= 0.05, "one interval")
end)

test.case("pressure is the group's on v2, and a reason on v1", function(t)
  local own, reason = cgroup.pressure(1)
  if cgroup_layout().kind == "v1" then
    t.match(reason, "cgroup v1 counts no pressure", true)
  else
    t.ok(own and own.cpu.some.total or reason, "pressure or a reason")
  end
  local dir <close> = temp_dir()
  t.match(select(2, pressure.of(nil, { root = dir.path })), "without PSI", true)
  local line = "some avg10=1.50 avg60=0.20 avg300=0.00 total=77\n"
  write_file(dir.path .. "/memory", line .. line:gsub("some", "full"):gsub("77", "7"))
  t.eq(pressure.of(nil, { root = dir.path }), {
    memory = {
      some = { avg10 = 1.5, avg60 = 0.2, avg300 = 0.0, total = 77 },
      full = { avg10 = 1.5, avg60 = 0.2, avg300 = 0.0, total = 7 },
    },
  })
end)

test.case(
  "a hog is killed at its limit: the counter says so and the peak stays below",
  { "root", "cgroup:memory" },
  function(t)
    local group <close> = cgroup.make("stdlib-hog", { memory = "24M", swap = 0 })
    local watched <close> = cgroup.monitor { groups = { hog = group } }
    local result = strain.memory(group, 200, function()
      watched:sample()
    end)
    t.eq(result.signal, "kill")
    local now = watched:sample()[1]
    t.ok(now.usage.oom_kills >= 1, "oom_kill")
    t.ok((now.usage.memory.peak or 0) <= 24 * MB, "peak")
    t.eq(now.findings[1].id, "oom_kill")
    local kills = 0
    for _, count in ipairs(watched:history("hog", "oom")) do
      kills = kills + (count or 0)
    end
    t.eq(kills, now.usage.oom_kills)
    t.match(table.concat(watched:draw { metrics = { "memory" } }, "\n"), "\n +x\n")
  end
)

test.case("a burner gets no more than its share", { "root", "cgroup:cpu" }, function(t)
  local group <close> = cgroup.make("stdlib-burner", { cpu = "20%" })
  local first, last
  local watched <close> = cgroup.monitor { groups = { burner = group }, interval = "50ms" }
  strain.cpu(group, 3, function()
    last = watched:sample()[1].usage
    first = first or last
    watched:wait()
    return last.cpu.throttled_periods >= 10
  end)
  local share = (last.cpu.usec - first.cpu.usec) / (last.at - first.at) / 10000
  t.ok(share < 40, ("%.1f %% of a processor"):format(share))
  t.eq(watched:get("burner").findings[1].id, "throttled")
  t.eq(last.cpu.limit, 20.0)
end)

local PIDS = { "root", "cgroup:pids" }

test.case("a fork bomb is stopped by the number of processes", PIDS, function(t)
  local group <close> = cgroup.make("stdlib-bomb", { pids = 8 })
  local seen
  t.eq(
    strain.pids(group, 40, function()
      seen = cgroup.usage(group).pids.current
    end),
    7
  )
  t.eq(seen, 8)
  t.ok(cgroup.events(group).pids.max >= 1, "pids.events max")
end)

local V2 = { "root", "cgroup:v2", "cgroup:memory" }

-- Runs a program in the group: to this one the group would be one that it has made itself.
local function run_in(group, source)
  local path = os.getenv("TMPDIR") .. "/inner.lua"
  write_file(path, source)
  local child <close> = spawn({ cgroup = group }, function()
    exec { "/proc/self/exe", "--stdlib", "stdlib", path }
  end)
  local result = child:wait()
  remove(path)
  return result
end

test.case("beside a stranger in a v2 group no group with limits is made", V2, function(t)
  local outer <close> = cgroup_set("stdlib-shared", { memory = "128M" })
  local stay = pipe()
  local stranger <close> = spawn({ cgroup = outer, die_with_parent = true }, function()
    stay.read:read(1)
  end)
  local result = run_in(
    outer,
    [[
    local made, err = try(require("cgroup").make, "inner", { memory = "16M" })
    assert(not made and err.message:find("has other processes", 1, true), err)
    assert(err.cause.errno == "EBUSY", err)
  ]]
  )
  t.eq(result.code, 0)
  t.eq({ stat(outer.path .. "/inner"), stat(outer.path .. "/inner-main") }, {})
  t.eq(outer:pids(), { stranger.pid })
  stranger:kill("kill")
end)

test.case("alone in a v2 group a script makes a group with limits below it", V2, function(t)
  local outer <close> = cgroup_set("stdlib-alone", { memory = "128M" })
  local result = run_in(
    outer,
    [[
    local cgroup = require "cgroup"
    local _, err = try(cgroup_set, "inner", { memory = "16M" })
    assert(err.errno == "EBUSY", err)
    local group <close> = cgroup.make("inner", { memory = "16M" })
    assert(group.path:find("stdlib%-alone/inner$"), group.path)
    assert(proc_cgroup()[1].path:find("stdlib%-alone/inner%-main$"))
  ]]
  )
  t.eq(result.code, 0)
  t.eq({ stat(outer.path .. "/inner"), stat(outer.path .. "/inner-main") }, {})
end)

test.case("an ordinary user reads the usage of its own group", { "user" }, function(t)
  local now = cgroup.usage(proc_stat().pid)
  for _, name in ipairs { "memory", "cpu", "pids", "io", "pressure" } do
    t.ok((now[name] == nil) == (now.missing[name] ~= nil), name .. " or a reason")
  end
end)

test.case("scripts/limits.lua tells an ordinary user what is missing", { "user" }, function(t)
  if #cgroup_may() > 0 then
    return
  end
  local result = script("limits.lua")
  t.eq(result.code, 1)
  for _, name in ipairs { "memory", "cpu", "pids" } do
    t.match(result.stdout, "–  " .. name .. " +missing: the host does not let this user set it")
  end
end)

test.case(
  "scripts/limits.lua ends with 0 where all three limits have bitten",
  { "root", "cgroup:memory", "cgroup:cpu", "cgroup:pids" },
  function(t)
    local result = script("limits.lua")
    t.eq(result.code, 0, result.stdout)
    for _, name in ipairs { "memory", "cpu", "pids" } do
      t.match(result.stdout, "✓  " .. name, true)
    end
    t.match(result.stdout, "memory.limit_in_bytes +33554432 +memory.max +33554432")
  end
)

return test.run()
