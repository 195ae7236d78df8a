--- `crun-lua features`: what this runtime can do, as the specification's JSON (features.md).
--- Engines ask it before they write a config.json. It says what is built in, whatever the machine
--- has: that a kernel lacks something is told when it is asked for.
---
--- ```lua
--- local features = require "oci.command.features"
---
--- assert(features { name = "features", options = {}, operands = {}, global = {} } == 0)
--- ```
local function sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  return copy
end

local function words(text)
  local list = {}
  for word in text:gmatch "%S+" do
    list[#list + 1] = word
  end
  return sorted(list)
end

local ENABLED = { enabled = true }

-- The order in which they run.
local HOOKS = {
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
}

-- capabilities(7)
local CAPABILITIES = [[
  AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE
  DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE
  MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID
  SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO
  SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM
]]

local function capabilities()
  local list = words(CAPABILITIES)
  for index, name in ipairs(list) do
    list[index] = "CAP_" .. name
  end
  return list
end

local function seccomp()
  local known = require "oci.schema.seccomp"
  return {
    enabled = true,
    actions = sorted(known.action),
    operators = sorted(known.operator),
    archs = sorted(known.architecture),
    knownFlags = sorted(known.flag),
    supportedFlags = sorted(known.flag),
  }
end

local function linux()
  local known = require "oci.schema.linux"
  return {
    namespaces = sorted(known.namespace_type),
    capabilities = capabilities(),
    cgroup = { v1 = true, v2 = true, systemd = true, systemdUser = true, rdma = true },
    seccomp = seccomp(),
    apparmor = ENABLED,
    selinux = ENABLED,
    intelRdt = { enabled = true, schemata = true, monitoring = true },
    memoryPolicy = { modes = sorted(known.memory_mode), flags = sorted(known.memory_flag) },
    mountExtensions = { idmap = ENABLED },
    netDevices = ENABLED,
  }
end

---@param call oci.Call
---@return integer status
return function(call)
  if call.operands[1] then
    local text = ("features takes no operand, got %q"):format(call.operands[1])
    require("options").fail("features", text)
  end
  local version = require "oci.version"
  local features = {
    ociVersionMin = "1.0.0",
    ociVersionMax = version.spec,
    hooks = HOOKS,
    -- Others are handed to the file system.
    mountOptions = require("oci.mounts.options").known(),
    annotations = { ["org.crun-lua.version"] = version.program },
    -- Annotations that change what the runtime does: those of systemd units and crun's, by prefix.
    potentiallyUnsafeConfigAnnotations = { "org.systemd.property.", "run.oci." },
    linux = linux(),
  }
  io.write(json_encode(features, { pretty = true }))
  return 0
end
