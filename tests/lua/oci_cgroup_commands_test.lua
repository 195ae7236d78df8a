-- update, pause, resume, ps and events, as commands on a container that is a group with a process.

local cgroup = require "oci.cgroup"
local state = require "oci.state"
local test = require "test"

local MB = 1 << 20

-- A container in a state directory of its own: its root, record, group and process.
local function container(body, resources, spec)
  local root = temp_dir()
  local id = "command-" .. proc_stat().pid
  local group = cgroup.make(spec or {}, { id = id })
  group:apply(resources)
  local child = spawn({ cgroup = group.handle }, body or function()
    exec { "sleep", "600" }
  end)
  local record = {
    id = id,
    pid = child.pid,
    starttime = proc_stat(child.pid).starttime,
    bundle = root.path,
    rootfs = root.path,
    status = "running",
    created = "1970-01-01T00:00:00Z",
    ociVersion = "1.3.0",
    owner = 0,
    cgroup = group.record,
  }
  state.create(root.path, id, record):close()
  record.status = "running"
  state.save(root.path, record)
  return { place = root.path, root = root, id = id, group = group, child = child }
end

-- Runs a case with such a container, and ends it.
local function with(needs, name, body, program, resources)
  test.case(name, needs, function(t)
    local c = container(program, resources)
    local ending <close> = defer(function()
      try(c.child.kill, c.child, "kill")
      try(c.child.wait, c.child)
      c.group:remove()
      c.root:close()
    end)
    body(t, c)
  end)
end

local function call(c, name, options, ...)
  local operands = { c.id, ... }
  return require("oci.command." .. name) {
    name = name,
    global = { root = c.place },
    options = options or {},
    operands = operands,
  }
end

-- What a command prints.
local function printed(c, name, options, ...)
  local operands = { ... }
  local child <close> = spawn({ stdout = "pipe" }, function()
    return call(c, name, options, table.unpack(operands))
  end)
  local result = child:output { timeout = "60s" }
  assert(result.code == 0, result.code)
  return result.stdout
end

test.case("a container that does not exist is named", function(t)
  local root <close> = temp_dir()
  local c = { place = root.path, id = "nobody" }
  for _, name in ipairs { "update", "pause", "resume", "ps", "events" } do
    t.fails('container "nobody" does not exist', call, c, name)
  end
end)

local ROOT = { "root", "cgroup:pids" }

with(ROOT, "an update that is wrong changes nothing", function(t, c)
  local path = c.place .. "/resources.json"
  t.fails("no such file or directory", call, c, "update", { resources = path })
  write_file(path, '{"pids":')
  t.fails("resources.json", call, c, "update", { resources = path })
  write_file(path, '{"pids":{"limit":"many"}}')
  t.fails("pids.limit", call, c, "update", { resources = path })
  t.fails("expected a number", call, c, "update", { pids_limit = "many" })
  t.fails("EINVAL", call, c, "update", { cpu_quota = 1 })
  t.eq(c.group.handle:get().pids, 17)
end, nil, { pids = { limit = 17 } })

with({ "root", "cgroup:memory" }, "an update sets what is named and leaves the rest", function(t, c)
  t.eq(call(c, "update", { memory = 128 * MB }), 0)
  local limits = c.group.handle:get()
  t.eq({ limits.memory, limits.pids }, { 128 * MB, 17 })
  call(c, "update", { cpu_quota = 20000, cpu_period = 50000, pids_limit = -1, kernel_memory = MB })
  limits = c.group.handle:get()
  t.eq(
    { limits.memory, limits.pids, limits.cpu.quota, limits.cpu.period },
    { 128 * MB, "max", 20000, 50000 }
  )
  call(c, "update", { cpu_share = 2048, cpuset_cpus = "0", cpuset_mems = "0" })
  limits = c.group.handle:get()
  t.eq({ limits.cpu.quota, limits.pids, limits.cpuset }, { 20000, "max", "0" })
end, nil, { pids = { limit = 17 }, memory = { limit = 64 * MB } })

-- Each option of update with the file that it changes, and what stands there afterwards; in an
-- order in which each is possible.
local FILES = {
  v1 = {
    { "cpu_period", 50000, "cpu.cfs_period_us" },
    { "cpu_quota", 20000, "cpu.cfs_quota_us" },
    { "cpu_burst", 1000, "cpu.cfs_burst_us" },
    { "cpu_share", 333, "cpu.shares" },
    { "cpu_rt_period", 500000, "cpu.rt_period_us" },
    { "cpu_rt_runtime", 1000, "cpu.rt_runtime_us" },
    { "cpuset_cpus", "0", "cpuset.cpus" },
    { "memory", 64 * MB, "memory.limit_in_bytes" },
    { "memory_swap", 128 * MB, "memory.memsw.limit_in_bytes" },
    { "memory_reservation", 32 * MB, "memory.soft_limit_in_bytes" },
    { "kernel_memory_tcp", 8 * MB, "memory.kmem.tcp.limit_in_bytes" },
    { "pids_limit", 23, "pids.max" },
  },
  v2 = {
    { "cpu_period", 50000, "cpu.max", "max 50000" },
    { "cpu_quota", 20000, "cpu.max", "20000 50000" },
    { "cpu_burst", 1000, "cpu.max.burst" },
    { "cpu_share", 1024, "cpu.weight", "100", "cpu.weight.nice" },
    { "cpuset_cpus", "0", "cpuset.cpus" },
    { "memory", 64 * MB, "memory.max" },
    { "memory_swap", 128 * MB, "memory.swap.max", tostring(64 * MB) },
    { "memory_reservation", 32 * MB, "memory.low" },
    { "pids_limit", 23, "pids.max" },
  },
}

-- All limits of a group, by the names of their files.
local function limits_of(group)
  local found = {}
  for _, dir in ipairs(group.opened.dirs) do
    for _, name in ipairs(list_dir(dir)) do
      local is_limit = name:find "^cpu%." and not name:find "stat" and not name:find "pressure"
        or name:find "^cpuset%.[cm][pe][um]s$"
        or name:find "^pids%.max$"
        or name:find "^memory%.[%l.]*limit_in_bytes$"
        or name:find "^memory%.[%l.]*max$"
        or name:find "^memory%.low$"
      local text = is_limit and try(read_file, dir .. "/" .. name)
      found[name] = text and text:match "^(.-)%s*$" or nil
    end
  end
  return found
end

with(
  { "root", "cgroup:cpu", "cgroup:memory", "cgroup:cpuset" },
  "each option of update changes its own file and no other",
  function(t, c)
    call(c, "update", { cpuset_mems = "0" })
    for _, row in ipairs(FILES[cgroup_layout().kind == "v2" and "v2" or "v1"]) do
      local before = limits_of(c.group)
      -- What a kernel has no file for (realtime, TCP buffers) cannot be changed by a word.
      if before[row[3]] then
        call(c, "update", { [row[1]] = row[2] })
        local after = limits_of(c.group)
        t.eq(after[row[3]], row[4] or tostring(row[2]), row[1])
        before[row[3]] = after[row[3]]
        before[row[5] or ""] = after[row[5] or ""]
        t.eq(after, before, row[1])
      end
    end
    local before = limits_of(c.group)
    call(c, "update", { kernel_memory = 32 * MB })
    t.eq(limits_of(c.group), before)
    t.fails("made without it", call, c, "update", { l3_cache_schema = "L3:0=f" })
    t.fails("made without it", call, c, "update", { mem_bw_schema = "MB:0=50" })
  end
)

with(ROOT, "resources come from a file, or from standard input", function(t, c)
  local path = c.place .. "/resources.json"
  write_file(path, '{"pids":{"limit":23},"cpu":{"shares":512}}')
  call(c, "update", { resources = path, pids_limit = 99 })
  t.eq(c.group.handle:get().pids, 23)
  local p = pipe()
  p.write:write '{"pids":{"limit":24}}'
  p.write:close()
  local child <close> = spawn({ stdin = p.read }, function()
    return call(c, "update", { resources = "-" })
  end)
  t.eq(child:wait().code, 0)
  t.eq(c.group.handle:get().pids, 24)
end)

with(ROOT, "a paused container stands still until it is resumed", function(t, c)
  t.fails("container not paused", call, c, "resume")
  call(c, "pause")
  t.eq(state.get(c.place, c.id).status, "paused")
  t.ok(c.group:frozen())
  t.fails("container not running", call, c, "pause")
  call(c, "resume")
  t.eq(state.get(c.place, c.id).status, "running")
end)

with(ROOT, "ps lists the members, and only them", function(t, c)
  t.eq(json_decode(printed(c, "ps", { format = "json" })), { c.child.pid })
end)

with({ "root", "cgroup:pids", "program:ps" }, "ps takes the options of ps(1)", function(t, c)
  local text = printed(c, "ps")
  t.match(text, "^UID%s+PID")
  t.match(text, "sleep 600")
  t.eq(select(2, text:gsub("\n", "")), 2)
  t.match(
    printed(c, "ps", {}, "-e", "-o", "args,pid"),
    "^COMMAND%s+PID\nsleep 600%s+" .. c.child.pid .. "\n$"
  )
  t.fails("no column PID", call, c, "ps", {}, "-e", "-o", "comm")
  t.fails("ps: ", call, c, "ps", {}, "--no-such-option")
end)

with({ "root", "cgroup:memory" }, "events --stats prints one line in runc's shape", function(t, c)
  local line = printed(c, "events", { stats = true })
  t.match(line, '^{"type":"stats","id":"command%-%d+","data":{.*}}\n$')
  local data = json_decode(line).data
  t.eq(data.pids, { current = 1, limit = 17 })
  t.eq(data.memory.usage.limit, 64 * MB)
  t.ok(data.cpu.usage.total > 0)
end, nil, { pids = { limit = 17 }, memory = { limit = 64 * MB } })

with(
  { "root", "cgroup:memory" },
  "events tells a kill for want of memory, and ends with the container",
  function(t, c)
    t.fails("interval must be greater", call, c, "events", { interval = 0 })
    local child <close> = spawn({ stdout = "pipe" }, function()
      return call(c, "events", { interval = 0.1 })
    end)
    -- One victim of two: the container goes on.
    local victim <close> = spawn({ cgroup = c.group.handle }, function()
      oom_score(1000)
      local text = {}
      for index = 1, 1000 do
        text[index] = ("x"):rep(MB) .. index
      end
      return #text
    end)
    t.eq(victim:wait({ timeout = "60s" }).signal, "kill")
    poll({}, { timeout = "1500ms" })
    c.child:kill("kill")
    c.child:wait()
    local result = child:output { timeout = "60s" }
    t.eq(result.code, 0)
    t.match(result.stdout, '{"type":"oom","id":"' .. c.id .. '"}\n', true)
    local count = select(2, result.stdout:gsub('"type":"stats"', ""))
    t.ok(count >= 3, "lines of statistics")
    t.fails("is not running", call, c, "events", { interval = 1 })
  end,
  nil,
  { memory = { limit = 32 * MB, swap = 32 * MB } }
)

with(
  { "root", "cgroup:memory" },
  "events tells why a container ends for want of memory",
  function(t, c)
    local child <close> = spawn({ stdout = "pipe" }, function()
      return call(c, "events", { interval = 60 })
    end)
    -- The first line comes before the wait for events.
    t.match(child.stdout:read(1), "{")
    poll({}, { timeout = "200ms" })
    t.eq(c.child:wait({ timeout = "60s" }).signal, "kill")
    local result = child:output { timeout = "60s" }
    t.eq(result.code, 0)
    local _, count = result.stdout:gsub('{"type":"oom"', "")
    t.eq(count, 1)
  end,
  function()
    poll({}, { timeout = "1s" })
    local text = {}
    for index = 1, 1000 do
      text[index] = ("x"):rep(MB) .. index
    end
    return #text
  end,
  { memory = { limit = 32 * MB, swap = 32 * MB } }
)

return test.run()
