local test = require "test"
local tools = require "oci.policy.tools"

test.case("a name that is no variable's is refused", function(t)
  for _, name in ipairs { "", "A=B", "A\0" } do
    t.fails("is no variable's name", tools.add_env, {}, name, "x")
  end
  t.fails("is no variable's name", tools.add_env, {}, nil, "x")
end)

test.case("a CDI name or file that is none is refused, and the spec left alone", function(t)
  local file = '{ "kind": "a.com/b", "devices": [ { "name": "0", "containerEdits": {} } ] }'
  local spec = {}
  t.fails("is the file there?", tools.add_cdi, spec, nil, "a.com/b=0")
  t.fails("EOF while parsing", tools.add_cdi, spec, "{", "a.com/b=0")
  t.fails('"a.com/b" names no device', tools.add_cdi, spec, file, "a.com/b")
  t.fails("not c.com/b", tools.add_cdi, spec, file, "c.com/b=0")
  t.fails("no device '1'; it has: 0", tools.add_cdi, spec, file, "a.com/b=1")
  t.eq(spec, {})
end)

test.case("numbers that a CDI file leaves out need stat", function(t)
  local file = [[{ "kind": "a.com/b", "devices": [ { "name": "0", "containerEdits": {
    "deviceNodes": [ { "path": "/dev/zero" } ] } } ] }]]
  local err = t.fails("does not tell the numbers", tools.add_cdi, {}, file, "a.com/b=0")
  t.match(err.hint, "primitive stat")
  local spec = {}
  tools.add_cdi(spec, file, "a.com/b=0", stat)
  t.eq(spec.linux.devices, { { path = "/dev/zero", type = "c", major = 1, minor = 5 } })
  local plain = file:gsub("/dev/zero", "/etc/passwd")
  t.fails("no device but of type file", tools.add_cdi, {}, plain, "a.com/b=0", stat)
end)

test.case("what is added twice is there once", function(t)
  local spec, rule = {}, { allow = true, type = "c", major = 1, minor = 9, access = "r" }
  for turn = 1, 2 do
    tools.add_env(spec, "A", turn)
    tools.add_mount(spec, { source = "/a", destination = "/b", options = { "ro", "rbind" } })
    tools.add_hook(spec, "poststop", { path = "/x", args = { "x", "y" } })
    tools.add_group(spec, 7)
    tools.add_device(spec, { path = "/dev/x", type = "c", major = 1, minor = 9 }, "r")
  end
  t.eq(spec, {
    process = { env = { "A=2" }, user = { additionalGids = { 7 } } },
    mounts = { { type = "bind", source = "/a", destination = "/b", options = { "rbind", "ro" } } },
    hooks = { poststop = { { path = "/x", args = { "x", "y" } } } },
    linux = {
      devices = { { path = "/dev/x", type = "c", major = 1, minor = 9 } },
      resources = { devices = { rule } },
    },
  })
  tools.add_hook(spec, "poststop", { path = "/x", args = { "x", "z" } })
  t.eq(#spec.hooks.poststop, 2)
end)

test.case("what is handed over is copied: a later change of it changes no spec", function(t)
  local mount = { source = "/a", destination = "/b", options = { "ro" } }
  local spec = {}
  tools.add_mount(spec, mount)
  mount.options[1] = "rw"
  t.eq(spec.mounts[1].options, { "rbind", "ro" })
  t.eq(mount.type, nil)
end)

test.case("a capability goes out of every set, by either of its names", function(t)
  local function sets()
    local capabilities = {}
    for _, set in ipairs { "bounding", "effective", "inheritable", "permitted", "ambient" } do
      capabilities[set] = { "CAP_KILL", "CAP_SYS_ADMIN", "CAP_CHOWN" }
    end
    return { process = { capabilities = capabilities } }
  end
  for _, name in ipairs { "sys_admin", "CAP_SYS_ADMIN", "Sys_Admin" } do
    local spec = sets()
    t.ok(tools.has_capability(spec, name))
    tools.drop_capability(spec, name)
    t.ok(not tools.has_capability(spec, name))
    t.eq(spec.process.capabilities.ambient, { "CAP_KILL", "CAP_CHOWN" })
  end
  tools.drop_capability({}, "kill")
  t.ok(not tools.has_capability({}, "kill"))
end)

test.case("a namespace of the host's is none of the container's", function(t)
  local function with(path)
    return { linux = { namespaces = { { type = "network", path = path } } } }
  end
  t.ok(not tools.has_namespace({}, "network"))
  t.ok(not tools.has_namespace(with(nil), "pid"))
  t.ok(tools.has_namespace(with(nil), "network"))
  t.ok(tools.has_namespace(with "/run/netns/a", "network"))
  t.ok(tools.has_namespace(with "/proc/123/ns/net", "network"))
  for _, path in ipairs { "/proc/1/ns/net", "//proc//1//ns/net" } do
    t.ok(not tools.has_namespace(with(path), "network"))
  end
end)

test.case("whatever path leads to the host's namespace, stat tells", { "userns" }, function(t)
  local dir <close> = temp_dir()
  symlink("/proc/self/ns/uts", dir.path .. "/mine")
  local function with(path)
    return { linux = { namespaces = { { type = "uts", path = path } } } }
  end
  t.ok(not tools.has_namespace(with(dir.path .. "/mine"), "uts", stat))
  t.ok(not tools.has_namespace(with(dir.path .. "/none"), "uts", stat))
  t.ok(tools.has_namespace(with(nil), "uts", stat))
  local other <close> = spawn({ unshare = { "user", "uts" } }, function()
    exec { "sleep", "60" }
  end)
  other:started()
  t.ok(tools.has_namespace(with(("/proc/%d/ns/uts"):format(other.pid)), "uts", stat))
end)

test.case(
  "a container is privileged when it may administer the kernel or use every device",
  function(t)
    local function rule(given)
      return { linux = { resources = { devices = { { allow = false, access = "rwm" }, given } } } }
    end
    t.ok(not tools.is_privileged({}))
    t.ok(tools.is_privileged { process = { capabilities = { permitted = { "CAP_SYS_ADMIN" } } } })
    t.ok(tools.is_privileged(rule { allow = true }))
    t.ok(tools.is_privileged(rule { allow = true, type = "a", access = "rwm" }))
    t.ok(tools.is_privileged(rule { allow = true, type = "b", access = "r" }))
    t.ok(not tools.is_privileged(rule { allow = true, type = "c", access = "m" }))
    t.ok(
      not tools.is_privileged(
        rule { allow = true, type = "c", major = 1, minor = 3, access = "rwm" }
      )
    )
  end
)

test.case("a default fills in what is missing, and a variable can be read", function(t)
  local spec = { process = { env = { "A=1", "AB=2", "C=" } } }
  t.eq(tools.get_env(spec, "A"), "1")
  t.eq(tools.get_env(spec, "C"), "")
  t.eq(tools.get_env(spec, "D"), nil)
  t.eq(tools.get_env({}, "A"), nil)
  tools.default(tools.at(spec, "linux", "resources", "pids"), { limit = 5 })
  tools.default(tools.at(spec, "linux", "resources", "pids"), { limit = 6 })
  t.eq(spec.linux.resources.pids.limit, 5)
end)

return test.run()
