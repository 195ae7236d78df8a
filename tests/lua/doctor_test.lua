-- What `doctor` tells of the machine, that it is true, and that looking leaves nothing behind.

local command = require "commands.doctor"
local doctor = require "doctor"
local probe = require "doctor.probe"
local test = require "test"

--- Runs the command in a child: its status, and what it wrote.
local function run(arguments, env)
  local code = 'return require("commands.doctor")(arg)'
  local words = { "/proc/self/exe", "--stdlib", "stdlib", "-", table.unpack(arguments) }
  if env then
    return capture(words, { stdin = code, env = env, timeout = "120s" })
  end
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    return command(arguments)
  end)
  return child:output { timeout = "120s" }
end

local function by_name(rows)
  local found = {}
  for _, row in ipairs(rows) do
    found[row.name] = row
  end
  return found
end

test.case("an unknown option and an unknown topic are refused with status 2", function(t)
  local result = run { "--jsn" }
  t.eq(result.code, 2)
  t.match(result.stderr, "not an option", true)
  result = run { "namespace" }
  t.eq(result.code, 2)
  t.match(result.stderr, "did you mean namespaces?", true)
  t.fails("topics[1]", doctor.check, { "kernels" })
end)

test.case("what is required and missing is named, and is status 1", function(t)
  local rows = {
    { topic = "kernel", name = "a", ok = false, required = true, meaning = "x", reason = "r" },
    { topic = "kernel", name = "b", ok = false, meaning = "x", reason = "r", remedy = "do it" },
    { topic = "kernel", name = "c", ok = true, required = true, meaning = "x", remedy = "not it" },
  }
  t.eq(doctor.missing(rows), { rows[1] })
  local text = table.concat(doctor.report(rows), "\n")
  t.match(text, "✗  a  r · x", true)
  t.match(text, "–  b  r · x\n      → do it", true)
  t.match(text, "✓  c", true)
  t.match(text, "required and missing: a$")
  t.ok(not text:find("not it", 1, true), "no remedy where nothing is wrong")
end)

test.case("a state directory that cannot be used is missing, with the remedy", function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/file", "")
  local result = run({ "--json", "state" }, {
    PATH = os.getenv("PATH"),
    CRUN_LUA_STATE = dir.path .. "/file/below",
    CRUN_LUA_DATA = dir.path .. "/data/below",
  })
  t.eq(result.code, 1)
  local value = json_decode(result.stdout)
  t.eq({ value.ok, #value.missing, value.missing[1].name }, { false, 1, "state directory" })
  t.ok(value.missing[1].remedy)
end)

test.case("what a dead process left is told, with gc as the remedy", function(t)
  local dir <close> = temp_dir()
  local own = proc_stat()
  mkdir(dir.path .. "/state/journal", { parents = true, mode = "0700" })
  local env = {
    PATH = os.getenv("PATH"),
    CRUN_LUA_STATE = dir.path .. "/state",
    CRUN_LUA_DATA = dir.path .. "/data",
  }
  chmod(dir.path .. "/state", "0700")
  -- One that lives, one that never was, and one whose number has a new owner.
  write_file(("%s/state/journal/%d-%d"):format(dir.path, own.pid, own.starttime), "")
  local rows = by_name(json_decode(run({ "--json", "state" }, env).stdout).rows)
  t.eq(rows["no leftovers"].ok, true)
  t.eq(rows["data directory"].ok, true)
  t.eq(stat(dir.path .. "/data"), nil, "the data directory was not made")
  write_file(dir.path .. "/state/journal/2147483647-1", "")
  write_file(("%s/state/journal/%d-1"):format(dir.path, own.pid), "")
  rows = by_name(json_decode(run({ "--json", "state" }, env).stdout).rows)
  t.eq(rows["no leftovers"].ok, false)
  t.match(rows["no leftovers"].reason, "2 dead processes", true)
  t.eq(rows["no leftovers"].remedy, "crun-lua gc")
end)

test.case("user namespaces that were forbidden are told with the sysctl that lifts it", {
  "userns",
}, function(t)
  -- The limit belongs to each user namespace: below this one none can be made.
  local child <close> = spawn({ unshare = { "user" }, stdout = "pipe" }, function()
    sysctl("user.max_user_namespaces", 0, { host = true })
    io.write(json_encode(doctor.check { "namespaces" }))
  end)
  local result = child:output { timeout = "60s" }
  local rows = by_name(json_decode(result.stdout))
  t.eq(rows["user"].ok, false)
  t.match(rows["user"].reason, "max_user_namespaces is 0", true)
  t.match(rows["user"].remedy, "sysctl -w user.max_user_namespaces", true)
end)

-- Ubuntu's kernels have the sysctl: a user namespace can be made there, and gives no rights.
test.case("AppArmor's restriction of user namespaces is told with what lifts it", {
  "root",
}, function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/apparmor_restrict_unprivileged_userns", "1\n")
  local child <close> = spawn({ unshare = { "mnt" }, stdout = "pipe" }, function()
    mount(dir.path, "/proc/sys/kernel", { bind = true })
    seccomp { default = "allow", errno = { "sethostname" } }
    io.write(json_encode(doctor.check { "namespaces" }))
  end)
  local rows = by_name(json_decode(child:output({ timeout = "60s" }).stdout))
  for _, name in ipairs { "user", "user, without root" } do
    t.eq(rows[name].ok, false, name)
    t.match(rows[name].reason, "kernel.apparmor_restrict_unprivileged_userns is 1", true)
    t.match(rows[name].remedy, "an AppArmor profile with 'userns,'", true)
  end
end)

test.case("under a filter that forbids them namespaces are missing, not an error", function(t)
  local child <close> = spawn({ stdout = "pipe" }, function()
    -- EPERM for the old calls, ENOSYS for clone3, as Docker's profile does it.
    seccomp {
      default = "allow",
      errno = { "unshare", "setns" },
      rules = {
        { names = { "clone3" }, action = "errno", errno = "ENOSYS" },
        {
          names = { "clone" },
          action = "errno",
          errno = "EPERM",
          args = { { index = 0, op = "masked_eq", value = 0x04000000, mask = 0x04000000 } },
        },
        {
          names = { "clone" },
          action = "errno",
          errno = "EPERM",
          args = { { index = 0, op = "masked_eq", value = 0x10000000, mask = 0x10000000 } },
        },
      },
    }
    local rows = doctor.check { "namespaces", "security" }
    io.write(json_encode { rows = rows, missing = doctor.missing(rows) })
  end)
  local value = json_decode(child:output({ timeout = "60s" }).stdout)
  local rows = by_name(value.rows)
  t.eq({ rows["user"].ok, rows["uts"].ok, rows["not confined itself"].ok }, { false, false, false })
  t.ok(#value.missing >= 1)
  t.ok(rows["uts"].reason and rows["uts"].remedy)
end)

test.case("what it says of namespaces, filters and groups is so", function(t)
  local rows = by_name(doctor.check())
  for _, kind in ipairs { "user", "pid", "mnt", "net", "uts", "ipc", "cgroup" } do
    local kinds = kind == "user" and { "user" } or probe.kinds(kind)
    local works = try(function()
      local child <close> = spawn({ unshare = kinds }, function()
        return 0
      end)
      return child:wait().code == 0
    end)
    t.eq(rows[kind].ok, works == true, kind)
  end
  t.eq(rows["Landlock"].ok, landlock_abi() > 0)
  local may = table.concat(cgroup_may(), " ")
  t.eq(rows["memory"].ok, may:find("memory", 1, true) ~= nil)
  t.eq(rows["layout"].found, cgroup_layout().kind)
  t.eq(rows["tc"].ok, test.unmet("program:tc") == nil)
end)

test.case("every row means something, and each that fails says why and what helps", function(t)
  local seen = {}
  for _, row in ipairs(doctor.check()) do
    t.ok(#row.meaning > 3, row.name)
    t.ok(row.ok or (row.reason and row.remedy), row.name)
    seen[row.topic] = true
  end
  for _, topic in ipairs(doctor.TOPICS) do
    t.ok(seen[topic], topic)
  end
end)

test.case("looking leaves no process, mount, link, namespace or file, and changes nothing", {
  "userns",
}, function(t)
  local function snapshot()
    collectgarbage()
    local found = { children = proc_children(), links = links(), mounts = mountinfo() }
    found.fds = #proc_fds()
    found.forward = sysctl_get("net.ipv4.ip_forward")
    found.temporary = list_dir(os.getenv("TMPDIR") or "/tmp")
    found.groups = proc_cgroup()
    found.namespaces = proc_ns()
    found.filter = seccomp_status()
    found.modules = try(read_file, "/proc/modules")
    return found
  end
  doctor.check()
  local before = snapshot()
  doctor.check()
  for name, value in pairs(snapshot()) do
    t.eq(value, before[name], name)
  end
end)

test.case("JSON has the rows and whether all that is required is there", function(t)
  local result = run { "--json", "programs", "kernel" }
  local value = json_decode(result.stdout)
  t.eq(result.code, value.ok and 0 or 1)
  local topics = {}
  for _, row in ipairs(value.rows) do
    topics[row.topic] = true
  end
  t.eq(topics, { programs = true, kernel = true })
end)

test.case("a child that a probe starts is not waited for without end", function(t)
  local ok, reason = probe.attempt({}, function()
    kill(proc_stat().pid, "kill")
  end)
  t.eq({ ok, reason }, { false, "the child was killed by kill" })
  ok, reason = probe.attempt({}, function()
    return 3
  end)
  t.eq({ ok, reason }, { false, "status 3" })
end)

return test.run()
