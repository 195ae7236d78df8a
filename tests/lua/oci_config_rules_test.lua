--- What only the values of a config.json tell together: pairs, namespaces, paths, and limits.

local config = require "oci.config"
local configs = require "test.configs"
local test = require "test"

local message = configs.message
local base = configs.base
local without = configs.without
local all_fail = configs.all_fail
local all_pass = configs.all_pass

test.case("what is there twice is refused", function(t)
  all_fail(t, {
    {
      ".linux.namespaces[8].type: pid is there a second time",
      function(_, linux)
        table.insert(linux.namespaces, { type = "pid", path = "/proc/1/ns/pid" })
      end,
    },
    {
      ".process.rlimits[1].type: RLIMIT_CORE is there a second time",
      function(_, _, process)
        local limit = { type = "RLIMIT_CORE", soft = 1, hard = 1 }
        process.rlimits = { limit, limit }
      end,
    },
    {
      ".linux.uidMappings: containerID 5 is mapped twice",
      function(_, linux)
        table.insert(linux.uidMappings, { containerID = 5, hostID = 5000, size = 1 })
      end,
    },
    {
      ".linux.gidMappings: hostID 1009 is mapped twice",
      function(_, linux)
        table.insert(linux.gidMappings, { containerID = 50, hostID = 1009, size = 1 })
      end,
    },
    {
      '.linux.netDevices: two devices would be called "eth0"',
      function(_, linux)
        linux.netDevices = { a = { name = "eth0" }, b = { name = "eth0" } }
      end,
    },
  })
end)

test.case("what needs a namespace of its own is refused without it", function(t)
  local function lacking(kind, change)
    return function(spec, linux)
      without(spec, kind)
      change(spec, linux)
    end
  end
  local function offsets(_, linux)
    linux.timeOffsets = { monotonic = { secs = 1 } }
  end
  all_fail(t, {
    { ".linux.timeOffsets: needs a namespace of the type time", lacking("time", offsets) },
    {
      ".linux.timeOffsets: a namespace that is joined",
      function(spec, linux)
        offsets(spec, linux)
        linux.namespaces[8].path = "/proc/1/ns/time"
      end,
    },
    { ".linux.uidMappings: needs a namespace of the type user", lacking("user", function() end) },
    {
      ".hostname: needs a namespace of the type uts",
      lacking("uts", function(spec)
        spec.hostname = "box"
      end),
    },
    {
      ".domainname: needs a namespace of the type uts",
      lacking("uts", function(spec)
        spec.domainname = "box"
      end),
    },
    {
      ".linux.maskedPaths: needs a namespace of the type mount",
      lacking("mount", function(_, linux)
        linux.maskedPaths = { "/proc/kcore" }
      end),
    },
    {
      ".linux.netDevices: needs a namespace of the type network",
      lacking("network", function(_, linux)
        linux.netDevices = { eth0 = {} }
      end),
    },
    {
      ".mounts[0].uidMappings: is missing: without a user namespace",
      lacking("user", function(spec, linux)
        linux.uidMappings, linux.gidMappings = nil, nil
        spec.mounts[1].options = { "ridmap" }
      end),
    },
  })
  all_pass(t, {
    lacking("time", function(_, linux)
      linux.timeOffsets = {}
    end),
    lacking("uts", function(spec)
      spec.hostname = ""
    end),
    function(spec)
      spec.mounts[1].options = { "idmap" }
    end,
  })
end)

test.case("paths that must be absolute are, and pairs are whole", function(t)
  local mapping = { { containerID = 0, hostID = 0, size = 1 } }
  all_fail(t, {
    {
      '.process.cwd: expected an absolute path, got "tmp"',
      function(_, _, process)
        process.cwd = "tmp"
      end,
    },
    {
      '.linux.maskedPaths[1]: expected an absolute path, got "proc"',
      function(_, linux)
        linux.maskedPaths = { "/a", "proc" }
      end,
    },
    {
      '.linux.readonlyPaths[0]: expected an absolute path, got ""',
      function(_, linux)
        linux.readonlyPaths = { "" }
      end,
    },
    {
      ".linux.namespaces[0].path: expected an absolute path",
      function(_, linux)
        linux.namespaces[1].path = "ns"
      end,
    },
    {
      '.hooks.poststop[0].path: expected an absolute path, got "sh"',
      function(spec)
        spec.hooks = { poststop = { { path = "sh" } } }
      end,
    },
    {
      ".hooks.prestart[0].timeout: expected a whole number from 1",
      function(spec)
        spec.hooks = { prestart = { { path = "/sh", timeout = 0 } } }
      end,
    },
    {
      ".linux.devices[0].major: is missing",
      function(_, linux)
        linux.devices = { { type = "c", path = "/dev/x" } }
      end,
    },
    {
      ".linux.gidMappings: is missing: users and groups",
      function(_, linux)
        linux.gidMappings = nil
      end,
    },
    {
      ".mounts[0].uidMappings: is missing: users and groups",
      function(spec)
        spec.mounts[1].gidMappings = mapping
      end,
    },
    {
      '.mounts[1].source: is missing, and the option "rbind"',
      function(spec)
        spec.mounts[2] = { destination = "/x", options = { "ro", "rbind" } }
      end,
    },
  })
  all_pass(t, {
    function(spec, linux)
      spec.mounts[1].destination = "relative"
      spec.mounts[1].uidMappings, spec.mounts[1].gidMappings = mapping, mapping
      linux.devices = { { type = "p", path = "/dev/fifo" } }
    end,
  })
end)

test.case("what a process cannot be is refused", function(t)
  local function process(change)
    return function(_, _, given)
      change(given)
    end
  end
  all_fail(t, {
    {
      ".process.args: expected at least the program",
      process(function(given)
        given.args = {}
      end),
    },
    {
      '.process.env[0]: expected NAME=value, got "PATH"',
      process(function(given)
        given.env = { "PATH" }
      end),
    },
    {
      ".process.rlimits[0].soft: expected at most the hard limit 1, got 2",
      process(function(given)
        given.rlimits = { { type = "RLIMIT_AS", soft = 2, hard = 1 } }
      end),
    },
    {
      ".process.scheduler.priority: only SCHED_FIFO and SCHED_RR",
      process(function(given)
        given.scheduler = { policy = "SCHED_OTHER", priority = 1 }
      end),
    },
    {
      ".process.scheduler.period: only SCHED_DEADLINE",
      process(function(given)
        given.scheduler = { policy = "SCHED_FIFO", period = 1 }
      end),
    },
    {
      ".process.ioPriority.priority: expected a whole number from 0 to 7, got 8",
      process(function(given)
        given.ioPriority = { class = "IOPRIO_CLASS_RT", priority = 8 }
      end),
    },
    {
      ".process.execCPUAffinity.initial: expected a list of processors",
      process(function(given)
        given.execCPUAffinity = { initial = "3-1" }
      end),
    },
    {
      ".process.user.uid: expected a whole number from 0 to 4294967294",
      process(function(given)
        given.user = { uid = 4294967295 }
      end),
    },
    {
      ".process.oomScoreAdj: expected a whole number from -1000 to 1000",
      process(function(given)
        given.oomScoreAdj = 1001
      end),
    },
    {
      ".process.apparmorProfile: expected a string without control characters",
      process(function(given)
        given.apparmorProfile = "a\nb"
      end),
    },
  })
  all_pass(t, {
    process(function(given)
      given.scheduler = { policy = "SCHED_DEADLINE", runtime = 1, deadline = 2, period = 3 }
      given.execCPUAffinity = { initial = "0-3,7", final = "" }
      given.rlimits = { { type = "RLIMIT_AS", soft = 0x1p64, hard = 0x1p64 } }
      given.capabilities = { bounding = { "CAP_OF_THE_FUTURE" } }
    end),
  })
end)

test.case(
  "CVE-2022-0811: parameters of the host's, and names and values that trick, are refused",
  function(t)
    local function set(name, value)
      return function(_, linux)
        linux.sysctl = { [name] = value or "1" }
      end
    end
    local names = {
      ["kernel.core_pattern"] = "belongs to no namespace",
      ["vm.swappiness"] = "belongs to no namespace",
      ["kernel.shm_rmid_forced+x"] = "expected the name",
      ["net/../kernel/core_pattern"] = "expected the name",
      ["net..ipv4"] = "expected the name",
      ["net.//.kernel"] = "expected the name",
      ["/net/ipv4/ip_forward"] = "expected the name",
      ["net.ipv4.ip_forward\nkernel.x"] = "expected the name",
      ["net.ipv4.ip_forward=1 "] = "expected the name",
      ["fs.mqueue"] = "belongs to no namespace",
      [""] = "expected the name",
    }
    for name, part in pairs(names) do
      t.match(message(config.check, base(set(name))), part, true)
    end
    t.match(message(config.check, base(set("net.core.somaxconn", "1\n2"))), "one line", true)
    local both = base(set "kernel.hostname")
    both.hostname = "box"
    t.match(message(config.check, both), '["kernel.hostname"]: is also given as .hostname', true)
    local owners = {
      ["net.ipv4.ip_forward"] = "network",
      ["net/ipv4/conf/eth0.100/rp_filter"] = "network",
      ["net.ipv4.conf.eth0/100.rp_filter"] = "network",
      ["kernel.sem"] = "ipc",
      ["fs.mqueue.msg_max"] = "ipc",
      ["kernel.domainname"] = "uts",
      ["user.max_user_namespaces"] = "user",
    }
    for name, kind in pairs(owners) do
      t.eq(message(config.check, base(set(name))), "none", name)
      local host = base(set(name))
      host.linux.uidMappings, host.linux.gidMappings = nil, nil
      without(host, kind)
      local wanted = "belongs to the host without a namespace of the type " .. kind
      t.match(message(config.check, host), wanted, true)
    end
  end
)

test.case("filters that contradict themselves are refused", function(t)
  local function filter(fields, rule)
    return function(_, linux)
      linux.seccomp = fields
      fields.defaultAction = fields.defaultAction or "SCMP_ACT_ALLOW"
      fields.syscalls = rule and { rule }
    end
  end
  local notify = { names = { "mkdir" }, action = "SCMP_ACT_NOTIFY" }
  all_fail(t, {
    {
      ".linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_KILL answers no error number",
      filter({}, { names = { "mkdir" }, action = "SCMP_ACT_KILL", errnoRet = 1 }),
    },
    {
      ".linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW answers no error number",
      filter { defaultErrnoRet = 1 },
    },
    {
      ".linux.seccomp.syscalls[0].errnoRet: expected at most 4095",
      filter({}, { names = { "mkdir" }, action = "SCMP_ACT_ERRNO", errnoRet = 4096 }),
    },
    {
      ".linux.seccomp.syscalls[0].names: expected at least one",
      filter({}, { names = {}, action = "SCMP_ACT_ERRNO" }),
    },
    { ".linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY needs a", filter({}, notify) },
    { ".linux.seccomp.listenerPath: is missing", filter { listenerMetadata = "x" } },
    {
      '.linux.seccomp.flags[0]: expected "SECCOMP_FILTER_FLAG_TSYNC" or',
      filter { flags = { "SECCOMP_FILTER_FLAG_X" } },
    },
  })
  all_pass(t, { filter({ listenerPath = "/run/agent" }, notify) })
end)

test.case("limits that mean nothing are refused, in a configuration and alone", function(t)
  local function alone(resources)
    return (message(config.check_resources, resources, "update"))
  end
  local rows = {
    { { memory = { limit = 2, swap = 1 } }, ".memory.swap: is memory and swap together" },
    { { memory = { limit = -2 } }, ".memory.limit: expected a whole number from -1" },
    { { cpu = { cpus = "a" } }, ".cpu.cpus: expected a list of processors" },
    { { cpu = { idle = 2 } }, ".cpu.idle: expected a whole number from 0 to 1" },
    { { pids = {} }, ".pids.limit: is missing" },
    { { blockIO = { weight = 9 } }, ".blockIO.weight: expected 0, or a whole number from 10" },
    { { unified = { ["../x"] = "1" } }, '.unified["../x"]: expected a file name' },
    { { unified = { ["memory.high"] = 1 } }, '.unified["memory.high"]: expected a string' },
    { { devices = { { allow = true, access = "x" } } }, ".devices[0].access: expected letters" },
    { { hugepageLimits = { { pageSize = "2M", limit = 1 } } }, ".hugepageLimits[0].pageSize: exp" },
  }
  for _, row in ipairs(rows) do
    t.eq(alone(row[1]):sub(1, #row[2] + 8), "update: " .. row[2])
    local whole = message(
      config.check,
      base(function(_, linux)
        linux.resources = row[1]
      end)
    )
    t.match(whole, "config.json: .linux.resources" .. row[2], true)
  end
  t.eq(alone { pids = { limit = 0 }, memory = { limit = -1, swap = -1 }, x = 1 }, "none")
end)

return test.run()
