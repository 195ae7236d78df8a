--- One more process in a container: `exec`.
---
--- It enters the namespaces and the control group and then becomes what its configuration says, by
--- the same steps as the first process. Until its exec it must not be looked into from inside: it
--- is not dumpable from before it enters (CVE-2016-9962), and nothing but the standard streams and
--- what the caller hands on comes with it.
---
--- ```lua
--- local exec = require "oci.exec"
---
--- local process = exec.describe({ env = { "A=1" }, user = { uid = 0, gid = 0 }, cwd = "/" },
---   { env = { "B=2" }, user = "5:6", cap = { "CAP_NET_RAW" } }, { "id" })
--- assert(process.user.uid == 5 and process.env[2] == "B=2" and process.args[1] == "id")
--- assert(process.capabilities.inheritable == nil)
--- ```
local credentials = require "oci.credentials"
local options = require "options"
local state = require "oci.state"

local M = {}

local function appended(list, more)
  local made = options.copy(list or {})
  for _, one in ipairs(more or {}) do
    made[#made + 1] = one
  end
  return made
end

--- Further capabilities. Never inheritable ones: a file with inheritable capabilities would hand
--- them on to whoever is not root (CVE-2022-29162).
local function add_caps(process, names)
  local caps = process.capabilities or {}
  process.capabilities = caps
  for index, name in ipairs(names) do
    names[index] = name:upper():find("^CAP_") and name:upper() or "CAP_" .. name:upper()
  end
  for _, set in ipairs { "bounding", "effective", "permitted", "ambient" } do
    caps[set] = appended(caps[set], names)
  end
end

--- What is to be run: the container's own process with what the options change.
---@param first table `process` of the container's configuration
---@param given table the options
---@param command string[]
---@return table process
function M.describe(first, given, command)
  local process = options.copy(first)
  process.args = command
  process.terminal = given.tty or false
  process.cwd = given.cwd or process.cwd
  process.env = appended(process.env, given.env)
  process.apparmorProfile = given.apparmor or process.apparmorProfile
  process.selinuxLabel = given.process_label or process.selinuxLabel
  process.noNewPrivileges = given.no_new_privs or process.noNewPrivileges
  if given.cap and #given.cap > 0 then
    add_caps(process, given.cap)
  end
  process.user = credentials.user(process.user)
  if given.user then
    local user = credentials.parse_user(given.user)
    process.user.uid, process.user.gid = user.uid, user.gid or process.user.gid
  end
  local groups = {}
  for index, text in ipairs(given.additional_gids or {}) do
    groups[index] = credentials.parse_user(tostring(text)).uid
  end
  process.user.additionalGids = appended(process.user.additionalGids, groups)
  return process
end

local function configuration(call, record)
  local spec = state.config(call.global.root, record.id)
  local given = call.options
  local process
  if given.process then
    process = require("oci.config").load_process(given.process, { debug = call.global.debug })
    process.terminal = process.terminal or given.tty or false
  elseif not spec.process then
    require("options").fail(
      "oci",
      ("the configuration of container %q has no process to start from"):format(record.id),
      "exec --process FILE says all of it"
    )
  else
    local command = table.move(call.operands, 2, #call.operands, 1, {})
    process = M.describe(spec.process, given, command)
  end
  local files = call.global.policy or {}
  if #files > 0 or stat("/etc/crun-lua/policy.d") then
    local changed = require("oci.policy").apply(spec, {
      operation = "exec",
      id = record.id,
      bundle = record.bundle,
      files = files,
      process = process,
    })
    process = changed.process
  end
  return spec, process
end

--- Fails where nothing can be started in the container.
local function check(record, given)
  local status = record.status
  if status == "paused" and not given.ignore_paused then
    local hint = "use --ignore-paused to override"
    options.fail("oci", "cannot exec in a paused container", hint)
  elseif status == "stopped" then
    options.fail("oci", "cannot exec in a stopped container")
  elseif status == "creating" then
    options.fail("oci", "cannot exec in a container that is not created yet")
  end
end

--- Whether the container has a user namespace that is not the caller's own, which could not be
--- entered again. By the file's number: the list of another user's namespaces is closed.
local function has_users(record)
  for _, kind in ipairs(record.join or {}) do
    if kind == "user" then
      local theirs = stat(("/proc/%d/ns/user"):format(record.pid))
      return theirs ~= nil and theirs.ino ~= stat("/proc/self/ns/user").ino
    end
  end
  return false
end

--- The namespaces to enter.
local function to_join(record, first, userns)
  local join = {}
  for _, kind in ipairs(record.join or {}) do
    if kind ~= "user" or userns then
      join[kind] = first
    end
  end
  return join
end

local function prepare_console(run, given)
  if not run.process.terminal then
    if given.console_socket then
      options.fail("oci", "--console-socket is given without a terminal")
    end
    return
  end
  local console = require "oci.console"
  if given.console_socket then
    run.socket = console.connect(given.console_socket)
  elseif given.detach then
    options.fail(
      "oci",
      "cannot allocate a terminal for a detached process without --console-socket"
    )
  else
    run.pair = console.pair()
    run.socket = run.pair.theirs
  end
end

--- The child's side.
local function live(run)
  collectgarbage("stop")
  run.sync:enter()
  local pid = math.tointeger(tonumber(run.sync:hear_line()))
  if run.plan.userns then
    -- Who comes from outside has no id in here, until it takes root's.
    setuser("0:0", { groups = "keep" })
  end
  if run.socket then
    local console = require "oci.console"
    local terminal = console.open(run.socket, run.process.consoleSize)
    console.attach(terminal, run.plan.user.uid)
  else
    setsid()
  end
  local process = require "oci.process"
  process.settle(run.plan)
  die_with_parent(0)
  process.become(run.plan, { pid = pid, container = state.public(run.record) })
end

local function launch(run, given)
  local record = run.record
  local first <close> = state.process(record)
  if not first then
    options.fail("oci", "cannot exec in a stopped container")
  end
  local group = record.cgroup and require("oci.cgroup").open(record.cgroup)
  local handle = group and group:exec_handle(given.cgroup, record.pid)
  if run.plan.first_cpus then
    -- Where the way into the control group and the namespaces is gone.
    cpu_affinity(run.plan.first_cpus)
  end
  dumpable(false)
  local process = spawn({
    name = "exec in " .. record.id,
    join = to_join(record, first, run.plan.userns),
    cgroup = handle,
  }, function()
    live(run)
  end)
  run.sync:admit()
  require("oci.process").from_outside(run.plan, process.pid)
  run.sync:say(process.pid .. "\n")
  return process
end

--- Starts the process, and waits until its program runs.
---@param call oci.Call
---@return table run { child, terminal, detach }
function M.start(call)
  local given, root = call.options, call.global.root
  local record = state.get(root, call.operands[1])
  check(record, given)
  local spec, process = configuration(call, record)
  local run = {
    record = record,
    process = process,
    detach = given.detach,
    sync = require("oci.sync").new(),
  }
  run.plan = require("oci.process").prepare(process, spec, {
    id = record.id,
    keyring = not record.callers_keyring,
    userns = has_users(record),
    preserve_fds = given.preserve_fds,
  })
  local affinity = process.execCPUAffinity or {}
  run.plan.first_cpus, run.plan.affinity = affinity.initial, affinity.final
  prepare_console(run, given)
  run.child = launch(run, given)
  if run.pair then
    run.terminal = run.pair:terminal()
  end
  run.child:started()
  run.sync:close()
  return run
end

return M
