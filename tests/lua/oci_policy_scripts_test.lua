local policy = require "oci.policy"
local test = require "test"

local DIRECTORY = "scripts/policy/"
local NAMES = { "audit", "ca_bundle", "deny_host", "device", "hook", "limits", "seccomp" }

local function namespaces(text)
  local list = {}
  for kind in text:gmatch "%a+" do
    list[#list + 1] = { type = kind }
  end
  return list
end

-- A container such as engines make it.
local function spec(more)
  local made = {
    ociVersion = "1.3.0",
    root = { path = "rootfs" },
    process = { args = { "sh" }, cwd = "/", user = { uid = 0, gid = 0 }, env = { "A=1" } },
    linux = { namespaces = namespaces "pid network ipc uts mount" },
    annotations = {},
  }
  for key, value in pairs(more or {}) do
    made[key] = value
  end
  return made
end

-- Applies a shipped policy, where /etc and /var/log are the case's own; answers the spec.
local function apply(name, given, more)
  local file = temp_dir()
  mkdir(file.path .. "/d")
  local path = ("%s/d/%s.lua"):format(file.path, name)
  write_file(path, read_file(DIRECTORY .. name .. ".lua"))
  local ctx = { operation = "create", id = "web", bundle = "/b", files = { path }, warn = error }
  for key, value in pairs(more or {}) do
    ctx[key] = value
  end
  local made = policy.apply(given or spec(), ctx)
  file:close()
  return made
end

-- Runs a case in a mount namespace with an empty /etc and an empty /var/log.
local function case(name, body)
  test.case(name, { "root" }, function(t)
    t.inside({ "mnt" }, function()
      for _, path in ipairs { "/etc", "/var/log" } do
        mount("tmpfs", path, { type = "tmpfs", data = { mode = "0755" } })
      end
      body(t)
    end)
  end)
end

test.case("each shipped policy has fewer than 30 lines and opens with what it does", function(t)
  local found = {}
  for _, name in ipairs(list_dir(DIRECTORY)) do
    found[#found + 1] = name:match "^(.*)%.lua$"
    local text = read_file(DIRECTORY .. name)
    t.ok(select(2, text:gsub("\n", "")) < 30, name)
    t.match(text, "^%-%- %u")
  end
  t.eq(found, NAMES)
end)

case("audit.lua: what cannot be written down is not started", function(t)
  umount "/var/log"
  mount("tmpfs", "/var/log", { type = "tmpfs", readonly = true })
  t.fails("refused: write_file", apply, "audit")
end)

case("audit.lua: a line for each container and each program", function(t)
  local log = "/var/log/crun-lua-audit.log"
  apply("audit", spec { annotations = { team = "a\nb" } })
  local process = { args = { "ps" }, cwd = "/" }
  apply("audit", nil, { operation = "exec", process = process })
  local lines = {}
  for line in read_file(log):gmatch "[^\n]+" do
    lines[#lines + 1] = json_decode(line)
  end
  t.eq(#lines, 2)
  t.eq({ lines[1].operation, lines[1].id, lines[1].args[1] }, { "create", "web", "sh" })
  t.eq(lines[1].annotations.team, "a\nb")
  t.eq({ lines[2].operation, lines[2].args[1] }, { "exec", "ps" })
  t.match(lines[1].time, "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$")
  t.eq(stat(log).mode, 384)
end)

case("ca_bundle.lua: without a bundle it warns, with one it is mounted read-only", function(t)
  local warned
  local made = apply("ca_bundle", nil, {
    warn = function(text)
      warned = text
    end,
  })
  t.match(warned, "ca-certificates.crt is missing", true)
  t.eq(made.mounts, nil)
  local bundle = "/etc/ssl/certs/ca-certificates.crt"
  mkdir("/etc/ssl/certs", { parents = true })
  write_file(bundle, "certificates")
  made = apply("ca_bundle", apply "ca_bundle")
  t.eq(made.mounts, {
    {
      type = "bind",
      source = bundle,
      destination = bundle,
      options = { "bind", "ro", "nosuid", "nodev", "noexec" },
    },
  })
  t.eq(made.process.env, { "A=1", "SSL_CERT_FILE=" .. bundle })
end)

case("deny_host.lua: a container that shares a namespace with the host is refused", function(t)
  for _, kind in ipairs { "pid", "network", "ipc", "mount" } do
    local rest = ("pid network ipc uts mount"):gsub(kind, "")
    local given = spec { linux = { namespaces = namespaces(rest) } }
    t.fails(
      ("refused: web would share the host's %s namespace"):format(kind),
      apply,
      "deny_host",
      given
    )
    local link = ("/etc/%s"):format(kind)
    local file = kind == "network" and "net" or kind == "mount" and "mnt" or kind
    symlink("/proc/self/ns/" .. file, link)
    given = spec()
    for _, namespace in ipairs(given.linux.namespaces) do
      namespace.path = namespace.type == kind and link or nil
    end
    t.fails(("share the host's %s"):format(kind), apply, "deny_host", given)
  end
end)

case("deny_host.lua: a privileged container is refused, at exec as well", function(t)
  local function process(name)
    return { args = { "sh" }, cwd = "/", capabilities = { bounding = { name } } }
  end
  local why = "refused: web would be privileged"
  t.fails(why, apply, "deny_host", spec { process = process "CAP_SYS_ADMIN" })
  local ctx = { operation = "exec", process = process "CAP_SYS_ADMIN" }
  t.fails(why, apply, "deny_host", nil, ctx)
  local given = spec()
  given.linux.resources = { devices = { { allow = true, access = "rwm" } } }
  t.fails(why, apply, "deny_host", given)
  given.linux.resources.devices =
    { { allow = false, access = "rwm" }, { allow = true, type = "c", access = "m" } }
  t.eq(apply("deny_host", given), given)
  t.eq(apply("deny_host", spec { process = process "CAP_KILL" }).process.args, { "sh" })
end)

local CDI = [[{ "cdiVersion": "0.6.0", "kind": "acme.com/gpu",
  "containerEdits": { "env": [ "ACME=all" ], "additionalGids": [ 0, 44 ] },
  "devices": [
    { "name": "0", "containerEdits": {
      "deviceNodes": [ { "path": "/dev/acme0", "hostPath": "/dev/null", "permissions": "rw" },
                       { "path": "/dev/acme1", "type": "c", "major": 240, "minor": 7, "gid": 5 } ],
      "mounts": [ { "hostPath": "/usr/lib/acme", "containerPath": "/usr/lib/acme",
                    "options": [ "ro", "bind" ] } ],
      "hooks": [ { "hookName": "createContainer", "path": "/usr/bin/acme",
                   "args": [ "acme", "ldcache" ] } ] } } ] }]]

case(
  "device.lua: a device that nobody has described is refused, and so is a path in its name",
  function(t)
    local function wanted(name)
      return spec { annotations = { ["org.example.device/a"] = name } }
    end
    t.fails(
      "add_cdi: expected the text of a CDI file, got nil",
      apply,
      "device",
      wanted "acme.com/gpu=0"
    )
    mkdir "/etc/cdi"
    write_file("/etc/cdi/acme.com-gpu.json", CDI)
    t.fails("has no device '9'; it has: 0", apply, "device", wanted "acme.com/gpu=9")
    for _, name in ipairs { "../../x/gpu=0", "acme.com/../gpu=0", "gpu=0", "acme.com/gpu", "" } do
      t.fails("is no device's name", apply, "device", wanted(name))
    end
    write_file("/etc/cdi/acme.com-gpu.json", (CDI:gsub("acme.com/gpu", "other.com/gpu")))
    t.fails(
      "the file describes other.com/gpu, not acme.com/gpu",
      apply,
      "device",
      wanted "acme.com/gpu=0"
    )
    write_file("/etc/cdi/acme.com-gpu.json", (CDI:gsub("/dev/null", "/dev/no-such")))
    t.fails(
      "the file does not tell the numbers of /dev/no-such",
      apply,
      "device",
      wanted "acme.com/gpu=0"
    )
    write_file("/etc/cdi/acme.com-gpu.json", (CDI:gsub('"hooks"', '"hoooks"')))
    t.fails("edits of the kind 'hoooks' are not known", apply, "device", wanted "acme.com/gpu=0")
  end
)

case("device.lua: a device is its nodes, rules, mounts, hooks and variables, once", function(t)
  mkdir "/etc/cdi"
  write_file("/etc/cdi/acme.com-gpu.json", CDI)
  local given = spec { annotations = { ["org.example.device/a"] = "acme.com/gpu=0" } }
  given.process.user = { uid = 1000, gid = 100 }
  local made = apply("device", apply("device", given))
  t.eq(made.linux.devices, {
    { path = "/dev/acme0", type = "c", major = 1, minor = 3, uid = 1000, gid = 100 },
    { path = "/dev/acme1", type = "c", major = 240, minor = 7, uid = 1000, gid = 5 },
  })
  t.eq(made.linux.resources.devices, {
    { allow = true, type = "c", major = 1, minor = 3, access = "rw" },
    { allow = true, type = "c", major = 240, minor = 7, access = "rwm" },
  })
  t.eq(made.mounts[1].options, { "bind", "ro" })
  t.eq(#made.mounts, 1)
  t.eq(
    made.hooks,
    { createContainer = { { path = "/usr/bin/acme", args = { "acme", "ldcache" } } } }
  )
  t.eq(made.process.env, { "A=1", "ACME=all" })
  t.eq(made.process.user.additionalGids, { 44 })
end)

case(
  "hook.lua: a hook is added once, and not where there is no network or it is not wanted",
  function(t)
    local made = apply("hook", apply "hook")
    t.eq(#made.hooks.createRuntime, 1)
    t.eq(made.hooks.createRuntime[1].timeout, 5)
    t.eq(apply("hook", spec { linux = { namespaces = namespaces "pid mount" } }).hooks, nil)
    t.eq(apply("hook", spec { annotations = { ["org.example.tell"] = "no" } }).hooks, nil)
  end
)

case("limits.lua: only what is missing is set", function(t)
  local made = apply("limits", apply "limits")
  t.eq(made.linux.resources, { memory = { limit = 512 << 20 }, pids = { limit = 1024 } })
  t.eq(made.process.rlimits, { { type = "RLIMIT_NOFILE", soft = 4096, hard = 4096 } })
  local given = spec()
  given.linux.resources = { memory = { limit = 1 << 30, swap = 2 << 30 } }
  given.process.rlimits = { { type = "RLIMIT_NOFILE", soft = 64, hard = 64 } }
  made = apply("limits", given)
  t.eq(made.linux.resources.memory, { limit = 1 << 30, swap = 2 << 30 })
  t.eq(made.process.rlimits, { { type = "RLIMIT_NOFILE", soft = 64, hard = 64 } })
end)

case(
  "seccomp.lua: without the profile nothing is started, with it every container has it",
  function(t)
    t.fails("refused: /etc/crun-lua/seccomp.json is missing", apply, "seccomp")
    mkdir "/etc/crun-lua"
    local profile = {
      defaultAction = "SCMP_ACT_ERRNO",
      syscalls = { { names = { "read" }, action = "SCMP_ACT_ALLOW" } },
    }
    write_file("/etc/crun-lua/seccomp.json", json_encode(profile))
    t.eq(apply("seccomp").linux.seccomp, profile)
    local given = spec()
    given.linux.seccomp = { defaultAction = "SCMP_ACT_ALLOW" }
    t.eq(apply("seccomp", given).linux.seccomp, profile)
    write_file("/etc/crun-lua/seccomp.json", '{ "defaultAction": "SCMP_ACT_NONE" }')
    t.fails("seccomp.lua:10: .linux.seccomp.defaultAction", apply, "seccomp")
  end
)

return test.run()
