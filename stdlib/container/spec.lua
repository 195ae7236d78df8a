--- What a user asks of a container, checked and made plain before anything is done.
---
--- The answer is a table without functions or handles: it is written beside the container's state,
--- so that another process can enter or start the same container by the same rules.
---
--- ```lua
--- local spec = require "container.spec"
---
--- local config = spec.parse { name = "web", memory = "64M", volumes = { "/srv:/srv:ro" } }
--- assert(config.hostname == "web" and config.volumes[1].readonly)
---
--- local _, err = try(spec.parse, { name = "web", memroy = "64M" })
--- assert(err.message:find("did you mean 'memory'?", 1, true))
--- ```
local options = require "options"
local passed = require "container.passed"

local M = {}

--- What `container.new` takes.
---@class container.Options
---@field name? string letters, digits, "_.-"; made up where it is missing
---@field rootfs? string|rootfs.Source "host" (default), a path, or what a constructor of `rootfs`
--- made
---@field command? string[] what runs, where `run` and `start` are not told
---@field env? table<string|integer, string> names to values; in the list part names that are taken
--- from the caller
---@field user? string "uid", "uid:gid" or a name of the root's own /etc/passwd
---@field groups? integer[] supplementary groups
---@field workdir? string
---@field hostname? string the name, where it is missing
---@field domainname? string
---@field profile? string|table see `hardening.resolve`; "default"
---@field seccomp? table a change of the profile's `seccomp`: functions that answer calls are
--- `{ notify = { mkdirat = function(req) … end } }`
---@field userns? boolean a user namespace also where root makes the container
---@field id_map? string|table with a user namespace: as for `spawn`
---@field readonly? boolean the root cannot be written
---@field volumes? (string|table)[] "SOURCE:TARGET[:ro]", or a table: source, target, readonly,
--- create, …
---@field tmpfs? table<string, table|true> from a path to mount data: { ["/run"] = { size = "1M" } }
---@field devices? (string|table)[] "/dev/fuse", or { path, type, major, minor, mode, uid, gid }
---@field memory? string|integer how much memory: "64M"; this and the six below as for `cgroup_set`
---@field swap? string|integer
---@field cpu? string|table "50%" of one processor, or quota and period
---@field cpu_weight? integer
---@field cpuset? string "0-1"
---@field pids? integer|string how many processes, "max"
---@field io? table[]
---@field limits? table further limits of `cgroup_set`
---@field cgroup? boolean|string a control group also without limits; its name
---@field rlimits? table as for `rlimit`
---@field sysctls? table<string, string|integer> of the container's own namespaces
---@field network? string|table see `network.parse`; "none"
---@field share? string[] kinds of namespaces that it shares with the caller: "ipc", "uts", "pid"
---@field init? boolean a first process that forwards signals and collects orphans
---@field tty? boolean a terminal of its own
---@field stop_signal? string "term"
---@field stop_timeout? string|integer how long `stop` waits before it kills: "10s"
---@field restart? string|table "no", "always", "on-failure", "on-failure:3", "unless-stopped"
---@field health? table { command, interval, timeout, retries, start_period }
---@field oom_score? integer
---@field detach? boolean it outlives the script: a monitor of its own waits for it
---@field log? table { max_size = "10M", max_files = 3 } of a detached container's output
---@field labels? table<string, string>
---@field remove? boolean a detached container is forgotten when it has ended

local KNOWN = {
  name = "string",
  rootfs = { "string", "table" },
  command = "list",
  env = "table",
  user = "string",
  groups = "list",
  workdir = "string",
  hostname = "string",
  domainname = "string",
  profile = { "string", "table" },
  seccomp = "table",
  userns = "boolean",
  id_map = { "string", "table" },
  readonly = "boolean",
  volumes = "list",
  tmpfs = "table",
  devices = "list",
  memory = { "string", "integer" },
  swap = { "string", "integer" },
  cpu = { "string", "table" },
  cpu_weight = "integer",
  cpuset = "string",
  pids = { "integer", "string" },
  io = "list",
  limits = "table",
  cgroup = { "boolean", "string" },
  rlimits = "table",
  sysctls = "table",
  network = { "string", "table" },
  share = "list",
  init = "boolean",
  tty = "boolean",
  stop_signal = "string",
  stop_timeout = { "string", "integer" },
  restart = { "string", "table" },
  health = "table",
  oom_score = "integer",
  detach = "boolean",
  log = "table",
  labels = "table",
  remove = "boolean",
}

local LIMITS = { "memory", "swap", "cpu", "cpu_weight", "cpuset", "pids", "io" }

local OP = "container.new"

local function fail(message, hint)
  options.fail(OP, message, hint)
end

--- A list of texts without NUL: what exec can take.
local function arguments(name, list)
  if type(list) ~= "table" then
    local hint = 'a command is written { "sh", "-c", "…" }'
    fail(("%s: expected a list, got %s"):format(name, tostring(list)), hint)
  end
  if #list == 0 then
    fail(name .. ": no program is named")
  end
  for index, word in ipairs(list) do
    if type(word) ~= "string" or word:find("\0", 1, true) then
      fail(("%s[%d]: expected a text without NUL, got %s"):format(name, index, tostring(word)))
    end
  end
  return table.move(list, 1, #list, 1, {})
end

--- The environment as names to values: the list part names variables of the caller's.
local function environment(given)
  local env = {}
  for key, value in pairs(given or {}) do
    local name = math.type(key) == "integer" and value or key
    if type(name) ~= "string" or not name:match("^[^=%z]+$") then
      fail(("env: %q is no variable's name"):format(tostring(name)))
    end
    if name == key then
      options.expect(OP, "env." .. name, value, { "string", "integer" })
    end
    env[name] = name == key and tostring(value) or os.getenv(name)
  end
  return env
end

local POLICIES = "=no|always|on-failure|unless-stopped"

--- "on-failure:3" as { policy, retries }.
local function restart(value)
  if type(value) == "string" then
    local policy, retries = value:match("^([%a-]+):?(%d*)$")
    value = { policy = policy or value, retries = math.tointeger(tonumber(retries)) }
  end
  value = value or { policy = "no" }
  options.check("restart", value, { policy = "string", retries = "integer", delay = "string" })
  options.expect(OP, "restart", value.policy, POLICIES)
  return { policy = value.policy, retries = value.retries, delay = value.delay or "100ms" }
end

local HEALTH = {
  command = "list",
  interval = "string",
  timeout = "string",
  start_period = "string",
  retries = "integer",
}

local function health(given)
  if not given then
    return nil
  end
  options.check("health", given, HEALTH)
  return {
    command = arguments("health.command", given.command or {}),
    interval = given.interval or "30s",
    timeout = given.timeout or "30s",
    start_period = given.start_period or "0s",
    retries = given.retries or 3,
  }
end

local function limits(given)
  local made = {}
  for key, value in pairs(given.limits or {}) do
    made[key] = value
  end
  for _, key in ipairs(LIMITS) do
    made[key] = given[key] == nil and made[key] or given[key]
  end
  return made
end

local SHARED = { ipc = true, uts = true, pid = true, cgroup = true }

local function share(list)
  local shared = {}
  for _, kind in ipairs(list or {}) do
    if not SHARED[kind] then
      local near = options.nearest(tostring(kind), options.keys(SHARED))
      local hint = near and ("did you mean %q?"):format(near)
        or 'ipc, uts, pid or cgroup; the network has an option of its own: network = "host"'
      fail(("share: %q cannot be shared"):format(tostring(kind)), hint)
    end
    shared[kind] = true
  end
  return shared
end

--- The namespaces that are the container's own.
local function namespaces(config, shared, root)
  local kinds = { "mnt" }
  for _, kind in ipairs { "cgroup", "ipc", "pid", "uts" } do
    if not shared[kind] then
      kinds[#kinds + 1] = kind
    end
  end
  if require("network").unshare(config.network) then
    kinds[#kinds + 1] = "net"
  end
  if config.userns or not root then
    kinds[#kinds + 1] = "user"
  end
  return kinds
end

-- How many containers this process has named.
local count = 0

local function made_up()
  count = count + 1
  local self = require("container.state").self()
  return ("box-%d-%d"):format(self.pid, count)
end

--- The ids of a user namespace: what /etc/subuid allots to an ordinary user, else the one id that
--- everybody has.
local function id_map(given, root)
  if given.id_map or root then
    return given.id_map or "auto"
  end
  local uid = proc_status(nil, { fields = { "uid" } }).uid.effective
  local user = try(user_lookup, tostring(uid))
  local allotted = "\n" .. (read_file("/etc/subuid") or "")
  for _, name in ipairs { tostring(uid), user and user.name } do
    if allotted:find("\n" .. name .. ":", 1, true) and stat("/usr/bin/newuidmap") then
      return "auto"
    end
  end
  return "root"
end

--- Checks what a user wrote; fails before anything is done.
---@param given? container.Options
---@return table config plain
function M.parse(given)
  given = options.check(OP, given, KNOWN)
  local state = require "container.state"
  local name = given.name or made_up()
  state.check_name(OP, name)
  local root = proc_status(nil, { fields = { "uid" } }).uid.effective == 0
  local profile = require("container.profiles").resolve(given.profile, given.seccomp)
  local config = {
    name = name,
    rootfs = require("rootfs").parse(given.rootfs or "host"),
    command = given.command and arguments("command", given.command),
    env = environment(given.env),
    user = given.user,
    groups = given.groups,
    workdir = given.workdir and passed.absolute("workdir", given.workdir),
    hostname = given.hostname or name:sub(1, 64),
    domainname = given.domainname,
    profile = profile,
    userns = given.userns or not root,
    id_map = (given.userns or not root) and id_map(given, root) or nil,
    readonly = given.readonly,
    volumes = passed.volumes(given.volumes),
    tmpfs = given.tmpfs or {},
    devices = passed.devices(given.devices),
    limits = limits(given),
    cgroup = given.cgroup,
    rlimits = given.rlimits,
    sysctls = given.sysctls or {},
    network = require("network").parse(given.network or profile.network),
    init = given.init,
    tty = given.tty,
    stop_signal = given.stop_signal,
    stop_timeout = given.stop_timeout or "10s",
    restart = restart(given.restart),
    health = health(given.health),
    oom_score = given.oom_score,
    detach = given.detach,
    log = given.log
        and options.check("log", given.log, { max_size = "string", max_files = "integer" })
      or {},
    labels = given.labels,
    remove = given.remove,
  }
  config.namespaces = namespaces(config, share(given.share), root)
  for path in pairs(config.tmpfs) do
    passed.absolute("tmpfs", path)
  end
  if config.tty and config.detach then
    fail("tty: a detached container has no terminal", "leave tty or detach out")
  end
  return config
end

M.arguments = arguments
M.environment = environment

return M
