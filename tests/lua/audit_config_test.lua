-- The audit of what does not run: configurations, scripts by their plan, and a script's run up to
-- its first program; and the command's options and statuses.

local audit = require "audit"
local command = require "commands.audit"
local configs = require "test.configs"
local oci = require "test.oci"
local test = require "test"

local function answer(spec, id)
  return audit.row(audit.config(spec), id).answer
end

--- The rows that lose more after the change.
local function worse(change)
  local spec = oci.spec { "true" }
  local before, ids = {}, {}
  for _, row in ipairs(audit.config(spec).rows) do
    before[row.id] = row.lost
  end
  change(spec)
  for _, row in ipairs(audit.config(spec).rows) do
    if row.lost > before[row.id] then
      ids[#ids + 1] = row.id
    end
  end
  table.sort(ids)
  return ids
end

--- Runs the command without its words on the terminal; the status and what it said.
local function say(...)
  local words, dir <close> = { ... }, temp_dir()
  local path = dir.path .. "/out"
  local child <close> = spawn({ stdout = path, stderr = path }, function()
    return command(words)
  end)
  local code = child:wait().code
  return code, read_file(path)
end

test.case(
  "a configuration that the specification does not allow is refused, not judged",
  function(t)
    t.fails(".root.path", audit.config, { ociVersion = "1.0.2", root = { path = 5 } })
    t.fails("no such file", audit.config, "/no/such/config.json")
  end
)

test.case("what a configuration leaves out is what the kernel makes of it", function(t)
  local bare = { ociVersion = "1.0.2", root = { path = "r" }, linux = {} }
  for _, id in ipairs { "mnt", "pid", "net", "user", "filter", "no-new-privs", "memory" } do
    t.eq(answer(bare, id), "no", id)
  end
  t.eq(answer(oci.spec { "true" }, "descriptors"), "unknown")
end)

test.case("each change for the worse costs the row that it is about", function(t)
  t.eq(
    worse(function(spec)
      spec.root.readonly = false
    end),
    { "read-only-root" }
  )
  t.eq(
    worse(function(spec)
      table.insert(spec.process.capabilities.bounding, "CAP_SYS_ADMIN")
      table.insert(spec.process.capabilities.permitted, "CAP_SYS_ADMIN")
    end),
    { "calls-mount", "calls-swap", "cap-sys_admin" }
  )
  t.eq(
    worse(function(spec)
      configs.without(spec, "pid")
    end),
    { "pid" }
  )
  t.eq(
    worse(function(spec)
      spec.linux.resources.devices = { { allow = true, access = "rwm" } }
    end),
    { "device-rules" }
  )
  t.eq(
    worse(function(spec)
      spec.linux.rootfsPropagation = "shared"
    end),
    { "propagation" }
  )
  t.eq(
    worse(function(spec)
      spec.process.user.additionalGids = { 10 }
    end),
    { "groups" }
  )
  t.eq(
    worse(function(spec)
      spec.mounts[#spec.mounts + 1] = {
        destination = "/e",
        source = "/etc",
        type = "bind",
        options = { "bind", "nosuid", "nodev" },
      }
    end),
    { "host-paths" }
  )
end)

test.case("the socket of an engine is an open door in a configuration, too", function(t)
  local spec = oci.spec { "true" }
  spec.mounts[#spec.mounts + 1] = {
    destination = "/var/run/docker.sock",
    source = "/var/run/docker.sock",
    type = "bind",
    options = { "bind" },
  }
  local result = audit.config(spec)
  t.eq(result.doors, { "engine-socket" })
  t.eq(result.word, "open")
end)

test.case("a profile's calls are asked from the compiled filter", function(t)
  local spec = oci.spec { "true" }
  spec.linux.seccomp = {
    defaultAction = "SCMP_ACT_ERRNO",
    syscalls = { { names = { "read", "write", "keyctl" }, action = "SCMP_ACT_ALLOW" } },
  }
  local result = audit.config(spec)
  t.eq(audit.row(result, "filter").answer, "yes")
  t.eq(audit.row(result, "calls-mount").answer, "yes")
  t.match(audit.row(result, "calls-keyring").now, "keyctl", true)
  t.match(audit.row(result, "unlisted").now, "^3 of %d+ calls are open")
  -- A list of what is forbidden lets through all that nobody thought of.
  spec.linux.seccomp = {
    defaultAction = "SCMP_ACT_ALLOW",
    syscalls = { { names = { "keyctl" }, action = "SCMP_ACT_ERRNO" } },
  }
  t.eq(answer(spec, "unlisted"), "no")
end)

test.case("ids that map the host's root cost; others do not", function(t)
  local function mapped(host)
    return configs.base(function(spec)
      spec.linux.uidMappings = { { containerID = 0, hostID = host, size = 10 } }
    end)
  end
  t.eq(answer(mapped(0), "id-map"), "no")
  t.eq(answer(mapped(100000), "id-map"), "yes")
end)

local function script_of(dir, text)
  local path = dir.path .. "/script.lua"
  write_file(path, text)
  return path
end

test.case("a script that does not run as a plan is an error with its reason", function(t)
  local dir <close> = temp_dir()
  t.fails("starts no program", audit.script, { script_of(dir, "local x = 1") })
  t.fails("no such primitive", audit.script, { script_of(dir, "error('no such primitive')") })
  t.fails("no such file", audit.script, { "/no/such/script.lua" })
end)

test.case("a plan credits what it shows, from the call on that makes it", { "root" }, function(t)
  local dir <close> = temp_dir()
  local marker = dir.path .. "/marker"
  local path = script_of(
    dir,
    ([[
    spawn({ unshare = { "pid", "mnt" }, name = "box" }, function()
      write_file(%q, "x")
      caps_set { bounding = { "net_raw" } }
      setuser("65534:65534", { groups = {} })
      drop_caps { keep = {} }
      no_new_privs()
      seccomp { default = "errno", allow = { "@default" } }
      exec { "true" }
    end):wait()
  ]]):format(marker)
  )
  local result = audit.script { path }
  t.ok(not stat(marker), "a plan runs nothing")
  for _, wanted in ipairs {
    { "pid", "yes" },
    { "net", "no" },
    { "not-root", "yes" },
    { "no-new-privs", "yes" },
    { "cap-sys_admin", "yes" },
    { "cap-net_raw", "yes" },
    { "filter", "yes" },
    { "landlock", "no" },
    { "calls-mount", "unknown" },
  } do
    t.eq(audit.row(result, wanted[1]).answer, wanted[2], wanted[1])
  end
end)

test.case("of several programs the one that is confined least counts", function(t)
  local dir <close> = temp_dir()
  local result = audit.script {
    script_of(
      dir,
      [[
    spawn(function() no_new_privs() exec { "sleep", "1" } end):wait()
    spawn(function() exec { "true" } end):wait()
  ]]
    ),
  }
  t.eq(audit.row(result, "no-new-privs").answer, "no")
  t.match(result.subject, "true$")
end)

test.case("a run is judged by the kernel, and ended", { "root" }, function(t)
  local dir <close> = temp_dir()
  local path = script_of(
    dir,
    ([[
    spawn({ unshare = { "ipc" } }, function()
      seccomp { default = "allow", errno = { "keyctl" } }
      write_file(%q, tostring(proc_stat().pid))
      exec { "sleep", "300" }
    end):wait()
  ]]):format(dir.path .. "/pid")
  )
  local result = audit.script({ path }, { run = true })
  t.eq(audit.row(result, "ipc").answer, "yes")
  t.match(audit.row(result, "calls-keyring").now, "add_key, request_key", true)
  local pid = math.tointeger(tonumber(read_file(dir.path .. "/pid")))
  for _ = 1, 100 do
    if not proc_stat(pid) then
      break
    end
    poll({}, { timeout = "50ms" })
  end
  t.eq(proc_stat(pid), nil, "nothing of the run stays")
  t.fails("has ended without a program", audit.script, { script_of(dir, "return") }, { run = true })
end)

test.case("the command answers 2 for a wrong word, 1 below the threshold, else 0", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/config.json"
  write_file(path, json_encode(oci.spec { "true" }))
  for _, words in ipairs {
    {},
    { "--thresold", "5", path },
    { "--threshold", "101", path },
    { "--threshold", "x", path },
    { path, "more" },
  } do
    t.eq(say(table.unpack(words)), 2)
  end
  t.eq(say(path), 0)
  t.eq(say("--threshold", "1", path), 0)
  t.eq(say(path, "--threshold", "100"), 1)
  t.eq(say "/no/such/config.json", 1)
  t.eq(say "no-such-container", 1)
  t.eq(say "4194301", 1)
  -- A bundle is its configuration.
  t.eq(say(dir.path), 0)
end)

test.case("JSON has the rows, the total and its word", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/config.json"
  write_file(path, json_encode(oci.spec { "true" }))
  local _, said = say("--json", path)
  local result = json_decode(said)
  t.eq(result.version, audit.VERSION)
  t.eq(result.total, audit.config(path).total)
  t.ok(#result.rows > 40 and result.word)
end)

test.case("what a hostile process calls itself does not reach the terminal", function(t)
  local lines = audit.report(audit.judge({}, "a\27[31mb"))
  t.eq(lines[1], "a\\27[31mb")
end)

return test.run()
