-- What crun and runc have beside the specification: annotations that engines set, and options that
-- their callers write. Each is accepted with that meaning, or refused with a reason.

local commands = require "oci.commands"
local extensions = require "oci.extensions"
local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

local function has(t, text, part)
  t.ok(tostring(text):find(part, 1, true), ("%q is not in %q"):format(part, tostring(text)))
end

-- The options of a command as the program's own help lists them.
local function offered(program, command)
  local result = capture { program, command, "--help" }
  local names = {}
  for name in (result.stdout .. result.stderr):gmatch "\n *%-?%a?,? *%-%-([%w-]+)" do
    names[#names + 1] = name
  end
  -- runc's come as "--bundle value, -b value".
  for name in (result.stdout .. result.stderr):gmatch "\n   %-%-([%w-]+) value" do
    names[#names + 1] = name
  end
  return names
end

-- Of argp(3), not of crun.
local OWN = { help = true, usage = true, version = true }

for program, list in pairs {
  crun = "create run exec kill delete list state update ps start spec pause resume",
  runc = "create run exec kill delete list state update ps start spec pause resume events"
    .. " checkpoint restore",
} do
  test.case(
    ("every command and option of the installed %s is one of ours"):format(program),
    { "program:" .. program },
    function(t)
      local missing, seen = {}, 0
      for name in list:gmatch "%S+" do
        local command = commands.get(name)
        t.ok(command, name)
        for _, option in ipairs(offered(program, name)) do
          seen = seen + 1
          if not command.options[option:gsub("-", "_")] and not OWN[option] then
            missing[#missing + 1] = name .. " --" .. option
          end
        end
      end
      t.eq(missing, {})
      t.ok(seen > 30, "the help could be read")
    end
  )
end

test.case("an annotation that asks for what is not there is refused, with the reason", function(t)
  local asked = {
    handler = "krun",
    ["seccomp.plugins"] = "/lib/plugin.so",
    seccomp_bpf_data = "AAAA",
    ["systemd.force_cgroup_v1"] = "/sys/fs/cgroup/systemd",
    ["systemd.subgroup"] = "other",
    ["delegate-cgroup"] = "x",
    mount_context_type = "no",
    timens_offset = "realtime 1 0",
    pidfd_receiver = "relative",
    ["hooks.stdout"] = "relative",
  }
  for name, text in pairs(asked) do
    local spec = { linux = {}, annotations = { ["run.oci." .. name] = text } }
    local err = t.fails("annotations", extensions.apply, spec)
    has(t, err.op .. err.message, name)
  end
  -- What nobody knows is passed over, and what is as it is anyway is no request.
  extensions.apply { annotations = { ["run.oci.no_such_thing"] = "1" } }
  extensions.apply { annotations = { ["run.oci.systemd.subgroup"] = "" } }
end)

test.case("a refused annotation leaves nothing behind", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  spec.annotations = { ["run.oci.handler"] = "wasm" }
  bench:write(spec)
  local result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq(result.code, 1)
  has(
    t,
    result.stderr,
    'annotations["run.oci.handler"]: no other handler than the kernel is built in'
  )
  t.eq(bench:status "box", nil)
end)

test.case("groups are kept, clocks set and the pidfd sent as annotations say", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "sleep", "100" }
  table.insert(spec.linux.namespaces, { type = "time" })
  spec.process.user = { uid = 1000, gid = 1000, additionalGids = { 9 } }
  local path = bench.path .. "/pidfd"
  spec.annotations = {
    ["run.oci.keep_original_groups"] = "1",
    ["run.oci.timens_offset"] = "boottime 4000 0",
    ["run.oci.pidfd_receiver"] = path,
  }
  bench:write(spec)
  local listener <close> = socket_listen(path)
  local said = bench.path .. "/said"
  local child <close> = spawn({ stdin = "null", stdout = said, stderr = said }, function()
    setuser("0:0", { groups = { 4242 } })
    exec(bench:words { "run", "-d", "--bundle", bench.path, "box" })
  end)
  t.eq(child:wait().code, 0, read_file(said))
  local connection <close> = listener:accept { timeout = "5s" }
  local got = connection:receive { timeout = "5s" }
  local pid = bench:status("box").pid
  has(t, read_file("/proc/self/fdinfo/" .. got.fds[1].number), "Pid:\t" .. pid)
  t.eq(proc_status(pid).groups, { 4242 })
  t.match(read_file(("/proc/%d/timens_offsets"):format(pid)), "boottime +4000 +0\n")
end)

test.case("hooks write where annotations say", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  local function hook(text)
    return {
      { path = "/bin/sh", args = { "sh", "-c", ("echo %s; echo bad %s >&2"):format(text, text) } },
    }
  end
  spec.hooks = { createRuntime = hook "one", createContainer = hook "two", poststop = hook "three" }
  spec.annotations = {
    ["run.oci.hooks.stdout"] = bench.path .. "/out",
    ["run.oci.hooks.stderr"] = bench.path .. "/err",
  }
  bench:write(spec)
  local result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq(result.code, 0, result.stderr)
  t.eq(read_file(bench.path .. "/out"), "one\ntwo\nthree\n")
  t.eq(read_file(bench.path .. "/err"), "bad one\nbad two\nbad three\n")
end)

test.case(
  "an agent that an annotation names gets the listener, of exec's filter too",
  NEEDS,
  function(t)
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    local path = bench.path .. "/agent"
    spec.linux.seccomp = {
      defaultAction = "SCMP_ACT_ALLOW",
      syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_NOTIFY" } },
    }
    bench:write(spec)
    t.eq(bench:call({ "create", "--bundle", bench.path, "box" }).code, 1)
    spec.annotations = { ["run.oci.seccomp.receiver"] = path }
    bench:write(spec)
    local listener <close> = socket_listen(path)
    local function received()
      local connection <close> = listener:accept { timeout = "5s" }
      local got = connection:receive { timeout = "5s" }
      return readlink("/proc/self/fd/" .. got.fds[1].number), json_decode(got.text).pid
    end
    local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    local what, pid = received()
    t.match(what, "seccomp notify")
    t.eq(pid, bench:status("box").pid)
    code, said = bench:detached { "exec", "-d", "box", "sleep", "50" }
    t.eq(code, 0, said)
    t.match(received(), "seccomp notify")
  end
)

test.case("a call that no kernel has is an error where an annotation wants that", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  spec.linux.seccomp = {
    defaultAction = "SCMP_ACT_ALLOW",
    syscalls = { { names = { "no_such_call" }, action = "SCMP_ACT_ERRNO" } },
  }
  bench:write(spec)
  t.eq(bench:call({ "run", "--bundle", bench.path, "box" }).code, 0)
  spec.annotations = { ["run.oci.seccomp_fail_unknown_syscall"] = "1" }
  bench:write(spec)
  local result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq(result.code, 1)
  has(t, result.stderr, "no_such_call")
end)

test.case("--config and --file name another file than config.json", NEEDS, function(t)
  local bench <close> = oci.bench()
  t.eq(bench:call({ "spec", "--bundle", bench.path, "--file", "other.json" }).code, 0)
  t.eq(json_decode(read_file(bench.path .. "/other.json")).process.args, { "sh" })
  bench:write(oci.spec { "sh", "-c", "exit 3" })
  rename(bench.path .. "/config.json", bench.path .. "/mine.json")
  for _, name in ipairs { "mine.json", bench.path .. "/mine.json" } do
    t.eq(bench:call({ "run", "--config", name, "--bundle", bench.path, "box" }).code, 3)
  end
  local result = bench:call { "run", "-f", "nosuch.json", "--bundle", bench.path, "box" }
  t.eq(result.code, 1)
  has(t, result.stderr, "nosuch.json: no such file or directory")
end)

test.case("--regex is for each container that it fits", NEEDS, function(t)
  local bench <close> = oci.bench()
  for _, id in ipairs { "web-1", "web-2", "db-1" } do
    local spec = oci.spec { "sleep", "100" }
    spec.linux.cgroupsPath = bench.group .. "-" .. id
    bench:write(spec)
    local code, said = bench:detached { "run", "-d", "--bundle", bench.path, id }
    t.eq(code, 0, said)
  end
  local result = bench:call { "kill", "--regex", "^(web|db)-1$(", "KILL" }
  t.eq(result.code, 1)
  has(t, result.stderr, "--regex")
  t.eq(bench:call({ "kill", "--regex", "^(web|db)-1$", "KILL" }).code, 0)
  bench:call { "wait", "web-1" }
  bench:call { "wait", "db-1" }
  t.eq(bench:status("web-1").status, "stopped")
  t.eq(bench:status("db-1").status, "stopped")
  t.eq(bench:status("web-2").status, "running")
  -- One that cannot be deleted keeps no other from it.
  result = bench:call { "delete", "-r", "web" }
  t.eq(result.code, 1)
  has(t, result.stderr, "web-2")
  t.eq({ bench:status "web-1", bench:status("web-2").status }, { nil, "running" })
  t.eq(bench:call({ "delete", "-f", "-r", "web|nothing" }).code, 0)
  t.eq(bench:call({ "delete", "-r", "nothing" }).code, 0)
  t.eq(bench:status "web-2", nil)
  t.eq(bench:status("db-1").status, "stopped")
end)

return test.run()
