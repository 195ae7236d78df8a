--- The facts of a configuration of the OCI specification: what a runtime would make of it, in the
--- words in which `inspect` tells of a process, so that the same properties judge both.
---
--- Nothing is run, and nothing of the machine is looked at but which security modules it has. What
--- only a running process shows is not known: descriptors, what lies in the root.
---
--- ```lua
--- local config = require "audit.config"
---
--- local facts = config.read {
---   ociVersion = "1.0.2",
---   root = { path = "rootfs" },
---   process = { args = { "sh" }, cwd = "/", user = { uid = 1000, gid = 1000 } },
---   linux = {
---     namespaces = { { type = "pid" }, { type = "mount" } },
---     maskedPaths = { "/proc/kcore" },
---   },
--- }
--- assert(facts.namespaces.pid.shared == false and facts.namespaces.net.shared)
--- assert(facts.security.user.uid.effective == 1000)
--- ```
local part = require "inspect.part"

local M = {}

local KINDS = {
  cgroup = "cgroup",
  ipc = "ipc",
  mount = "mnt",
  network = "net",
  pid = "pid",
  time = "time",
  user = "user",
  uts = "uts",
}

local function namespaces(linux)
  local rows = {}
  for _, kind in pairs(KINDS) do
    rows[kind] = { shared = true }
  end
  for _, one in ipairs(linux.namespaces or {}) do
    rows[KINDS[one.type]] = { shared = false, joined = one.path }
  end
  return rows
end

local SETS = { "effective", "permitted", "inheritable", "bounding", "ambient" }

local function capabilities(process)
  local made = {}
  for _, set in ipairs(SETS) do
    local names = json_array {}
    for _, name in ipairs((process.capabilities or {})[set] or {}) do
      names[#names + 1] = name:lower():gsub("^cap_", "")
    end
    made[set] = { names = names }
  end
  return made
end

local function security(spec)
  local process = spec.process or {}
  local user = process.user or {}
  local groups = user.additionalGids or {}
  local lsm = part.known(part.read(lsm_status)) or {}
  return {
    user = {
      uid = { effective = user.uid or 0 },
      gid = { effective = user.gid or 0 },
      groups = json_array(table.move(groups, 1, #groups, 1, {})),
    },
    capabilities = capabilities(process),
    seccomp = { mode = (spec.linux or {}).seccomp and "filter" or "disabled" },
    no_new_privs = process.noNewPrivileges == true,
    lsm = {
      active = lsm.active,
      apparmor = process.apparmorProfile,
      selinux = process.selinuxLabel,
      -- A label that this machine does not know of is one on the machine that runs it.
      wanted = (process.apparmorProfile or process.selinuxLabel) and true or nil,
    },
  }
end

local OPEN = { allow = true, log = true }

--- What the profile answers to each call. With conditions on arguments a call counts as open where
--- some rule allows it.
local function calls(spec)
  local profile = (spec.linux or {}).seccomp
  if not profile then
    return { reach = {}, open = 400, count = 400 }
  end
  local filter, err = try(require("oci.seccomp").compile, profile)
  if not filter then
    return part.unreadable("EINVAL", err.message)
  end
  local conditional = {}
  for _, rule in ipairs(profile.syscalls or {}) do
    if rule.action == "SCMP_ACT_ALLOW" or rule.action == "SCMP_ACT_LOG" then
      for _, name in ipairs(rule.names) do
        conditional[name] = true
      end
    end
  end
  local reach, open, count = {}, 0, 0
  local names = {}
  for _, group in ipairs(seccomp_groups()) do
    for _, name in ipairs(seccomp_groups(group)) do
      names[name] = true
    end
  end
  for name in pairs(names) do
    local answer = filter:decide(name)
    if answer then
      count = count + 1
      if OPEN[answer.action] or conditional[name] then
        reach[name], open = true, open + 1
      end
    end
  end
  return { reach = reach, open = open, count = count }
end

--- Mounts as rows of `inspect.mounts`.
local function mount_rows(spec)
  local linux, root = spec.linux or {}, spec.root or {}
  local list, by_point = json_array {}, {}
  local function add(row)
    row.attributes = row.attributes or json_array {}
    row.root = row.root or "/"
    row.device = row.device or "config:" .. #list
    list[#list + 1] = row
    by_point[row.point] = row
  end
  add { point = "/", type = "root", readonly = root.readonly == true }
  for _, one in ipairs(spec.mounts or {}) do
    local has = {}
    for _, word in ipairs(one.options or {}) do
      has[word] = true
    end
    local bound = has.bind or has.rbind or one.type == "bind"
    local attributes = json_array {}
    for _, word in ipairs { "ro", "nosuid", "nodev", "noexec" } do
      attributes[#attributes + 1] = has[word] and word or nil
    end
    local point = one.destination:sub(1, 1) == "/" and one.destination or "/" .. one.destination
    add {
      point = #point > 1 and point:gsub("/+$", "") or point,
      type = bound and "bind" or one.type or "none",
      source = one.source,
      root = bound and one.source or "/",
      bound = bound,
      readonly = (has.ro or has.rro) and true or false,
      shared = has.shared or has.rshared,
      attributes = attributes,
    }
  end
  for _, path in ipairs(linux.maskedPaths or {}) do
    add { point = path, type = "tmpfs", readonly = true, masked = true }
  end
  for _, path in ipairs(linux.readonlyPaths or {}) do
    add { point = path, type = "bind", readonly = true }
  end
  return list, by_point
end

local function is_disk(path)
  return path == "/dev" or (path:find("^/dev/[svx]v?d") or path:find("^/dev/nvme")) ~= nil
end

local function mounts(spec, rows)
  local linux, list = spec.linux or {}, mount_rows(spec)
  local leaks, roots, devices = json_array {}, json_array {}, json_array {}
  if linux.rootfsPropagation == "shared" or linux.rootfsPropagation == "rshared" then
    leaks[#leaks + 1] = "/"
  end
  local has_proc = false
  for _, one in ipairs(list) do
    leaks[#leaks + 1] = one.shared and one.point or nil
    if one.bound and one.root == "/" then
      roots[#roots + 1] = { point = one.point, readonly = one.readonly }
    elseif one.bound and is_disk(one.root) then
      devices[#devices + 1] = one.root
    end
    has_proc = has_proc or one.type == "proc" and one.point == "/proc"
  end
  if (spec.root or {}).path == "/" then
    roots[#roots + 1] = { point = "/", readonly = (spec.root or {}).readonly == true }
  end
  for _, device in ipairs(linux.devices or {}) do
    devices[#devices + 1] = device.type == "b" and device.path or nil
  end
  return {
    list = list,
    leaks = leaks,
    host_roots = roots,
    devices = devices,
    sockets = json_array {},
    proc = has_proc and (rows.pid.shared and "shared" or "own") or "missing",
  }
end

local function host_paths(list)
  local found = json_array {}
  for _, one in ipairs(list) do
    if one.bound then
      found[#found + 1] = {
        host = one.root,
        point = one.point,
        readonly = one.readonly,
        attributes = one.attributes,
      }
    end
  end
  return found
end

local function ids(linux)
  local ranges = json_array {}
  for _, one in ipairs(linux.uidMappings or {}) do
    ranges[#ranges + 1] = { inside = one.containerID, outside = one.hostID, count = one.size }
  end
  return { uid = ranges }
end

local function limit(value)
  return value and value > 0 and { limit = value, at = "config.json" } or nil
end

local function cgroup(linux)
  local wanted = linux.resources or {}
  local cpu = wanted.cpu or {}
  local share = cpu.quota and cpu.quota > 0 and cpu.quota / (cpu.period or 100000) or nil
  return {
    effective = {
      memory = limit((wanted.memory or {}).limit),
      pids = limit((wanted.pids or {}).limit),
      cpu = limit(share),
    },
    memberships = json_array {},
  }
end

--- Whether all devices may be opened: the last rule that speaks of all of them decides.
local function device_rules(linux)
  local all = true
  for _, rule in ipairs((linux.resources or {}).devices or {}) do
    local every = (not rule.type or rule.type == "a")
      and (rule.major or -1) == -1
      and (rule.minor or -1) == -1
    if every then
      all = rule.allow
    end
  end
  return { all = all }
end

local function limits(process)
  local made = {}
  for _, one in ipairs(process.rlimits or {}) do
    made[one.type:lower():gsub("^rlimit_", "")] = { soft = one.soft, hard = one.hard }
  end
  -- What is not said is inherited from whoever starts it.
  return next(made) and made.core and made or part.unreadable("ENODATA", "inherited")
end

local SILENT = {
  fds = "descriptors are there when it runs",
  setuid = "the files are there when it runs",
  limits = "not said: inherited from whoever starts it",
}

--- The facts, as `inspect.process` has them.
---@param config string|table
---@return table
function M.read(config)
  local spec
  if type(config) == "string" then
    local dir, file = config:match("^(.*)/([^/]+)$")
    local loader = require "oci.config"
    spec = loader.load(dir == nil and "." or dir == "" and "/" or dir, { file = file or config })
  else
    spec = require("oci.config").check(config)
  end
  local linux = spec.linux or {}
  local spaces = namespaces(linux)
  local facts = {
    version = require("inspect").VERSION,
    namespaces = spaces,
    contained = true,
    security = security(spec),
    calls = calls(spec),
    mounts = mounts(spec, spaces),
    cgroup = cgroup(linux),
    device_rules = device_rules(linux),
    ids = ids(linux),
    limits = part.known(limits(spec.process or {})),
    landlock = { none = "the specification has no word for it" },
    silent = SILENT,
  }
  facts.host_paths = host_paths(facts.mounts.list)
  return facts
end

return M
