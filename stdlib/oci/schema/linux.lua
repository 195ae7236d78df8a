--- `linux` of config.json: namespaces, devices and what else only this system has (runtime-spec,
--- config-linux.md). Resources and seccomp are chapters of their own.
---
--- ```lua
--- local schema = require "oci.schema"
---
--- local twice = { namespaces = { { type = "pid" }, { type = "pid" } } }
--- assert(schema.check(twice, "linux.linux").path == ".namespaces[1].type")
--- ```
local M = { rules = {} }

M.linux = {
  namespaces = "linux.namespace[]",
  uidMappings = "linux.id_mapping[]", -- of the user namespace
  gidMappings = "linux.id_mapping[]",
  timeOffsets = "linux.time_offsets", -- of the time namespace
  devices = "linux.device[]",
  netDevices = "{linux.net_device}", -- by their names on the host
  cgroupsPath = "line", -- a path, or "slice:prefix:name" for systemd
  resources = "resources.resources",
  rootfsPropagation = "linux.propagation",
  seccomp = "seccomp.seccomp",
  sysctl = "{string}", -- by name
  maskedPaths = "path[]",
  readonlyPaths = "path[]",
  mountLabel = "line", -- SELinux's
  intelRdt = "linux.intel_rdt",
  memoryPolicy = "linux.memory_policy",
  personality = "linux.personality",
}

-- Without a path it is a new one. A type that is not listed is inherited.
M.namespace = { type = "linux.namespace_type!", path = "path" }
M.namespace_type = { "mount", "pid", "network", "uts", "ipc", "user", "cgroup", "time" }

-- user_namespaces(7)
M.id_mapping = { containerID = "uint32!", hostID = "uint32!", size = "1..4294967295!" }

-- time_namespaces(7); by clock
M.time_offsets = { monotonic = "linux.time_offset", boottime = "linux.time_offset" }
M.time_offset = { secs = "int64", nanosecs = "0..999999999" }

M.device = {
  type = "linux.device_type!",
  path = "path!", -- in the container
  major = "0..4095", -- needed but for fifos, as minor
  minor = "0..1048575",
  -- 0777 in the specification's schema. Podman hands in the host's st_mode, with the type's bits.
  fileMode = "uint32",
  uid = "id",
  gid = "id",
}
M.device_type = { "c", "b", "u", "p" } -- u is c, unbuffered; p is a fifo

-- A name with %d is completed by the kernel.
M.net_device = { name = "linux.interface" }

-- The specification has the first four; containerd and Podman also write their recursive forms.
M.propagation = {
  "shared",
  "slave",
  "private",
  "unbindable",
  "rshared",
  "rslave",
  "rprivate",
  "runbindable",
}

-- The kernel's Documentation/filesystems/resctrl.rst
M.intel_rdt = {
  closID = "linux.clos_id",
  schemata = "line[]",
  l3CacheSchema = "string",
  memBwSchema = "linux.mb_schema",
  enableMonitoring = "boolean",
}

-- set_mempolicy(2)
M.memory_policy = {
  mode = "linux.memory_mode!",
  nodes = "process.cpu_list",
  flags = "linux.memory_flag[]",
}
M.memory_mode = {
  "MPOL_DEFAULT",
  "MPOL_BIND",
  "MPOL_INTERLEAVE",
  "MPOL_WEIGHTED_INTERLEAVE",
  "MPOL_PREFERRED",
  "MPOL_PREFERRED_MANY",
  "MPOL_LOCAL",
}
M.memory_flag = { "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES" }

-- personality(2); the specification defines no flags yet
M.personality = { domain = "linux.personality_domain!", flags = "string[]" }
M.personality_domain = { "LINUX", "LINUX32" }

--- What the kernel takes as the name of a network device (dev_valid_name).
function M.interface(value)
  local plain = type(value) == "string" and value ~= "" and #value < 16
  local bare = plain and value:gsub("%%d", "", 1)
  if not plain or value == "." or value == ".." or bare:find "[/:%s%c%%]" then
    return "a name of a network device: at most 15 bytes, no slash, colon or space"
  end
end

--- A directory of resctrl; "/" is the topmost.
function M.clos_id(value)
  local plain = type(value) == "string" and value ~= "" and not value:find "[/%c]"
  if value ~= "/" and (not plain or value == "." or value == "..") then
    return 'a name without slashes, or "/"'
  end
end

function M.mb_schema(value)
  if type(value) ~= "string" or not value:find "^MB:[^\n]*$" then
    return 'a line that begins with "MB:"'
  end
end

--- The first mapping that begins in what one before it has mapped already.
local function overlap(list, key)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted, function(a, b)
    return a[key] < b[key]
  end)
  for index, mapping in ipairs(sorted) do
    local before = sorted[index - 1]
    if before and before[key] + before.size > mapping[key] then
      return ("%s %d is mapped twice"):format(key, mapping[key])
    elseif mapping[key] + mapping.size > 0x100000000 then
      return ("ids end at 4294967295, and %s %d has %d"):format(key, mapping[key], mapping.size)
    end
  end
end

--- The mappings of a user namespace or of a mount.
function M.rules.mappings(owner)
  for _, name in ipairs { "uidMappings", "gidMappings" } do
    local list = owner[name] or {}
    local problem = overlap(list, "containerID") or overlap(list, "hostID")
    if #list > 340 then
      problem = ("expected at most 340, got %d"):format(#list)
    end
    if problem then
      return "." .. name, problem
    end
  end
end

local function first_twice(list, key)
  local seen = {}
  for index, item in ipairs(list) do
    if seen[item[key]] then
      return index - 1, item[key]
    end
    seen[item[key]] = item
  end
  return nil, seen
end

--- What belongs to a namespace of its own.
local function namespace_rules(linux, own)
  if linux.timeOffsets and next(linux.timeOffsets) then
    if not own.time then
      return ".timeOffsets", "needs a namespace of the type time in .linux.namespaces"
    elseif own.time.path then
      return ".timeOffsets", "a namespace that is joined has its offsets already"
    end
  end
  if (linux.uidMappings or linux.gidMappings) and not own.user then
    local key = linux.uidMappings and ".uidMappings" or ".gidMappings"
    return key, "needs a namespace of the type user in .linux.namespaces"
  elseif (linux.uidMappings == nil) ~= (linux.gidMappings == nil) then
    local missing = linux.uidMappings and ".gidMappings" or ".uidMappings"
    return missing, "is missing: users and groups are mapped together"
  end
  local list = not own.mount and (linux.maskedPaths or {})[1] and ".maskedPaths"
    or not own.mount and (linux.readonlyPaths or {})[1] and ".readonlyPaths"
  if list then
    return list, "needs a namespace of the type mount in .linux.namespaces"
  end
  -- The specification's own sample has devices and no list at all.
  local devices = linux.namespaces and linux.netDevices or {}
  if next(devices) and not own.network then
    return ".netDevices", "needs a namespace of the type network in .linux.namespaces"
  end
end

local function net_device_rules(devices)
  local taken = {}
  for name, device in pairs(devices) do
    local inside = device.name or name
    if M.interface(name) or name:find("%", 1, true) then
      return (".netDevices[%q]"):format(name), "expected the name of a network device"
    elseif taken[inside] and not inside:find("%d", 1, true) then
      return ".netDevices", ("two devices would be called %q"):format(inside)
    end
    taken[inside] = true
  end
end

function M.rules.linux(linux)
  local twice, own = first_twice(linux.namespaces or {}, "type")
  if twice then
    return (".namespaces[%d].type"):format(twice), own .. " is there a second time"
  end
  local path, text = namespace_rules(linux, own)
  if not path and linux.uidMappings then
    path, text = M.rules.mappings(linux)
  end
  if not path and linux.netDevices then
    path, text = net_device_rules(linux.netDevices)
  end
  return path, text
end

function M.rules.device(device)
  for _, key in ipairs { "major", "minor" } do
    if device.type ~= "p" and not device[key] then
      return "." .. key, "is missing, and a device has one"
    end
  end
end

function M.rules.personality(personality)
  if personality.flags and personality.flags[1] then
    return ".flags", "the specification defines none"
  end
end

return M
