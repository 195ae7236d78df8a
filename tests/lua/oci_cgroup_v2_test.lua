-- What only cgroup v2 can show of an OCI container: the kernel's files, and the program's calls.

local oci = require "test.oci"
local test = require "test"

local MB = 1 << 20
local V2 = { "root", "cgroup:v2", "program:busybox" }
local TRACED = { "root", "cgroup:v2", "program:busybox", "program:strace" }

-- A running container; its directory of control files, whose group lies in the root.
local function running(t, bench, args, change)
  local spec = oci.spec(args)
  if change then
    change(spec)
  end
  bench:write(spec)
  local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
  return "/sys/fs/cgroup/" .. bench.group
end

-- What a command of the program calls of these, a line each, in all of its processes.
local function traced(t, bench, calls, words)
  local log = bench.path .. "/strace"
  local line = { "strace", "-f", "-qq", "-s", "200", "-o", log, "-e", "trace=" .. calls }
  local all = bench:words(words)
  local result = capture(table.move(all, 1, #all, #line + 1, line), { timeout = "60s" })
  t.eq(result.code, 0, result.stderr)
  local lines = {}
  for text in read_file(log):gmatch "[^\n]+" do
    lines[#lines + 1] = text
  end
  return lines
end

-- How many of these lines have each of the words.
local function count(lines, ...)
  local found = 0
  for _, line in ipairs(lines) do
    local all = true
    for _, word in ipairs { ... } do
      all = all and line:find(word, 1, true) ~= nil
    end
    found = found + (all and 1 or 0)
  end
  return found
end

-- The names of control files that were opened to be written: "pids.max".
local function written(lines)
  local names = {}
  for _, line in ipairs(lines) do
    local name = line:match '"[^"]*/([%w_]+%.[%w_.]+)"'
    local writes = line:find("O_WRONLY", 1, true) or line:find("O_RDWR", 1, true)
    local is_cgroup = name and (line:find("/sys/fs/cgroup", 1, true) or name:find "^cgroup%.")
    if writes and (is_cgroup or name and name:find "^%a+%.max$") then
      names[#names + 1] = name
    end
  end
  return names
end

test.case("run and exec enter by CLONE_INTO_CGROUP and write no cgroup.procs", TRACED, function(t)
  local bench <close> = oci.bench()
  running(t, bench, { "sleep", "300" })
  -- A second bundle would be another place: the same one under another name and group.
  local spec = oci.spec { "true" }
  spec.linux.cgroupsPath = bench.group .. "-short"
  bench:write(spec)
  local calls = "open,openat,openat2,clone3"
  for _, words in ipairs {
    { "run", "--bundle", bench.path, "short" },
    { "exec", "box", "true" },
  } do
    local lines = traced(t, bench, calls, words)
    t.eq(count(lines, "CLONE_INTO_CGROUP"), 1, words[1])
    t.eq(count(lines, "cgroup.procs", "O_WRONLY") + count(lines, "cgroup.procs", "O_RDWR"), 0)
  end
end)

test.case("one write to cgroup.kill ends all members; no second signal is sent", TRACED, function(t)
  local bench <close> = oci.bench()
  local dir = running(t, bench, { "sh", "-c", "sleep 300 & sleep 300 & wait" }, function(spec)
    -- Without a namespace of processes no other death ends them.
    table.remove(spec.linux.namespaces, 1)
  end)
  local deadline = clock "monotonic" + 60
  while #(read_file(dir .. "/cgroup.procs"):gsub("%d", "")) < 3 and clock "monotonic" < deadline do
    poll({}, { timeout = "20ms" })
  end
  local pids = {}
  for pid in read_file(dir .. "/cgroup.procs"):gmatch "%d+" do
    pids[#pids + 1] = math.tointeger(tonumber(pid))
  end
  t.eq(#pids, 3)
  local calls = "open,openat,openat2,kill,pidfd_send_signal"
  local lines = traced(t, bench, calls, { "delete", "--force", "box" })
  t.eq(count(lines, "cgroup.kill", "O_WRONLY"), 1)
  -- The container's own process is told at once, and of the others none.
  t.ok(count(lines, "SIGKILL") <= 1, "signals")
  t.eq(stat(dir), nil)
  for _, pid in ipairs(pids) do
    local left = proc_stat(pid)
    t.ok(not left or left.state == "Z" or left.state == "X", "a process is left")
  end
end)

test.case("an update opens the files of what it was asked for and no other", TRACED, function(t)
  local bench <close> = oci.bench()
  local dir = running(t, bench, { "sleep", "300" }, function(spec)
    spec.linux.resources.pids = { limit = 17 }
    spec.linux.resources.memory = { limit = 64 * MB }
  end)
  local calls = "open,openat,openat2"
  local lines = traced(t, bench, calls, { "update", "--pids-limit", "23", "box" })
  t.eq(written(lines), { "pids.max" })
  lines = traced(t, bench, calls, { "update", "--memory", tostring(32 * MB), "box" })
  t.eq(written(lines), { "memory.max" })
  t.eq(read_file(dir .. "/pids.max"), "23\n")
  t.eq(read_file(dir .. "/memory.max"), 32 * MB .. "\n")
end)

test.case("unified keys of a configuration are limits that bite", V2, function(t)
  local bench <close> = oci.bench()
  local script = "(sleep 9 & sleep 9 & sleep 9 & sleep 9) 2>/dev/null || true; exec sleep 300"
  local dir = running(t, bench, { "sh", "-c", script }, function(spec)
    spec.linux.resources.unified = { ["pids.max"] = "3", ["memory.high"] = tostring(48 * MB) }
  end)
  t.eq(read_file(dir .. "/pids.max"), "3\n")
  t.eq(read_file(dir .. "/memory.high"), 48 * MB .. "\n")
  local refused, deadline = 0, clock "monotonic" + 60
  while refused == 0 and clock "monotonic" < deadline do
    refused = tonumber(read_file(dir .. "/pids.events"):match "max (%d+)")
    poll({}, { timeout = "20ms" })
  end
  t.ok(refused >= 1, "pids.events")
  t.ok(select(2, read_file(dir .. "/cgroup.procs"):gsub("\n", "")) <= 3, "members")
end)

test.case(
  "a container that shares out to groups below is entered where its first process is",
  V2,
  function(t)
    local bench <close> = oci.bench()
    local dir = running(t, bench, { "sleep", "300" })
    local first = read_file(dir .. "/cgroup.procs")
    mkdir(dir .. "/inner")
    write_file(dir .. "/inner/cgroup.procs", first, { append = true })
    write_file(dir .. "/cgroup.subtree_control", "+pids", { append = true })
    t.eq(bench:call({ "exec", "--detach", "box", "sleep", "300" }).code, 0)
    t.eq(read_file(dir .. "/cgroup.procs"), "")
    t.eq(select(2, read_file(dir .. "/inner/cgroup.procs"):gsub("\n", "")), 2)
    t.eq(bench:call({ "delete", "--force", "box" }).code, 0)
    t.eq(stat(dir), nil)
  end
)

test.case("a container that waits for its processor is under pressure, and events tells", {
  "root",
  "cgroup:v2",
  "program:busybox",
  "file:/proc/pressure/cpu",
}, function(t)
  local bench <close> = oci.bench()
  running(t, bench, { "sh", "-c", "while :; do :; done" }, function(spec)
    spec.linux.resources.cpu = { quota = 5000, period = 100000 }
  end)
  local deadline, cpu = clock "monotonic" + 60
  repeat
    poll({}, { timeout = "100ms" })
    local line = bench:call({ "events", "--stats", "box" }).stdout
    cpu = json_decode(line).data.cpu
  until cpu.psi.some.total > 0 or clock "monotonic" > deadline
  t.ok(cpu.psi.some.total > 0, "cpu.pressure: some")
  t.ok(cpu.psi.full.total > 0, "cpu.pressure: full")
  t.ok(cpu.throttling.throttledPeriods > 0, "nr_throttled")
end)

-- The program called by a user that stands in a group, with a state directory of the user's.
local function as_user(bench, group, words)
  local path = bench.path .. "/said"
  local child <close> = spawn(
    { cgroup = group, stdin = "null", stdout = path, stderr = path },
    function()
      setuser("65534:65534", { groups = {} })
      exec(bench:words(words))
    end
  )
  return child:wait({ timeout = "60s" }).code, read_file(path)
end

test.case(
  "an ordinary user's container has limits in a group that the user was given, and none elsewhere",
  { "root", "cgroup:v2", "cgroup:pids", "cgroup:memory", "userns", "program:busybox" },
  function(t)
    local bench <close> = oci.bench()
    local outer <close> = cgroup_set("test-rootless", { pids = 30 })
    outer:delegate(65534, 65534)
    local own <close> = outer:child("own", { pids = 25, memory = "512M" })
    own:delegate(65534, 65534)
    mkdir(bench.state, { mode = "0700" })
    chown(bench.state, { uid = 65534, gid = 65534 })
    local spec = oci.spec { "sleep", "300" }
    table.insert(spec.linux.namespaces, { type = "user" })
    local one = { { containerID = 0, hostID = 65534, size = 1 } }
    spec.linux.uidMappings, spec.linux.gidMappings = one, one
    -- Terminals would want a second group.
    table.remove(spec.mounts)
    spec.linux.resources.pids = { limit = 5 }
    spec.linux.resources.memory = { limit = 32 * MB }
    local run = { "run", "--detach", "--bundle", bench.path, "box" }
    local function tried(path)
      spec.linux.cgroupsPath = path
      bench:write(spec)
      return as_user(bench, own, run)
    end
    local code, said = tried "/crun-lua-not-given"
    t.ne(code, 0)
    t.match(said, "crun-lua-not-given", true)
    t.eq(stat "/sys/fs/cgroup/crun-lua-not-given", nil)
    code, said = tried "box"
    t.eq(code, 0, said)
    local dir = outer.path .. "/box"
    t.eq(stat(dir).uid, 65534)
    t.eq(read_file(dir .. "/pids.max"), "5\n")
    t.eq(read_file(dir .. "/memory.max"), 32 * MB .. "\n")
    local pid = read_file(dir .. "/cgroup.procs"):match "^(%d+)\n$"
    t.eq(stat("/proc/" .. pid).uid, 65534)
    t.eq(as_user(bench, own, { "delete", "--force", "box" }), 0)
    t.eq(stat(dir), nil)
  end
)

-- A disk that is read past the cache: its path and numbers.
local function disk()
  for _, name in ipairs(stat "/sys/block" and list_dir "/sys/block" or {}) do
    local numbers = (read_file(("/sys/block/%s/dev"):format(name)) or ""):match "%d+:%d+"
    local size = tonumber(read_file(("/sys/block/%s/size"):format(name)) or "0")
    if numbers and size > 65536 and stat("/dev/" .. name) then
      return "/dev/" .. name, numbers
    end
  end
end

test.need("disk", function()
  return not disk() and "there is no block device" or nil
end)

test.case(
  "a disk gives a group no more bytes a second than io.max says",
  { "root", "cgroup:v2", "cgroup:io", "disk" },
  function(t)
    local path, numbers = disk()
    local group <close> = cgroup_set("test-disk", { pids = 20 })
    group:set { writes = { { file = "io.max", value = numbers .. " rbps=131072" } } }
    local start = clock "monotonic"
    local child <close> = spawn({ cgroup = group, stdout = "pipe", stderr = "pipe" }, function()
      exec { "dd", "if=" .. path, "of=/dev/null", "bs=64k", "count=8", "iflag=direct" }
    end)
    local result = child:output { timeout = "60s" }
    t.eq(result.code, 0, result.stderr)
    -- Four seconds by the limit; without one it takes a small part of the first.
    local took = clock "monotonic" - start
    t.ok(took > 2.5, ("512 KiB in %.2f s"):format(took))
    local counted = read_file(group.path .. "/io.stat"):match(numbers .. " rbytes=(%d+)")
    t.eq(tonumber(counted), MB // 2)
  end
)

return test.run()
