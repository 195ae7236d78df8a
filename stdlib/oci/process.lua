--- A process of a container, the first or one more: from a child in its namespaces and its root to
--- the exec, with everything that `process` of the configuration says.
---
--- Each step stands where it can still be made. Labels and limits are written through /proc, which
--- after a change of user belongs to root; the bounding set needs CAP_SETPCAP and the ids need
--- CAP_SETUID, so the sets come around them. The seccomp filter is loaded as late as can be: what
--- precedes it need not be allowed by it. Without no_new_privs it needs CAP_SYS_ADMIN, so the last
--- change of capabilities follows it.
---
--- ```lua
--- local process = require "oci.process"
---
--- local given = { args = { "true" }, cwd = "/", env = { "A=1=2" }, user = { uid = 0, gid = 0 } }
--- local plan = process.prepare(given, { linux = {} }, {})
--- assert(plan.env.A == "1=2" and plan.command[1] == "true")
--- ```
local credentials = require "oci.credentials"
local options = require "options"
local program = require "oci.program"

local M = {}

local function environment(list)
  local env = {}
  for _, line in ipairs(list or {}) do
    local name, value = line:match("^([^=]+)=(.*)$")
    if name then
      env[name] = value
    end
  end
  return env
end

local function limits(list)
  local made
  for _, limit in ipairs(list or {}) do
    made = made or {}
    made[limit.type:lower():gsub("^rlimit_", "")] = { soft = limit.soft, hard = limit.hard }
  end
  return made
end

--- Numbers beyond 2^63 are no limit: RLIM_INFINITY is the largest of 64 bits, which JSON reads as a
--- float.
local function bounded(wanted)
  for _, limit in pairs(wanted or {}) do
    for key, value in pairs(limit) do
      limit[key] = (math.type(value) == "float" or value < 0) and "max" or value
    end
  end
  return wanted
end

--- What says how the process is scheduled, where there is anything: loaded in the parent, because
--- in the container's root there are no modules any more where `--stdlib` is given.
local function tuning(plan)
  local given = plan.given
  if
    given.scheduler
    or given.ioPriority
    or given.execCPUAffinity
    or plan.memory_policy
    or plan.personality
  then
    return require "oci.scheduling"
  end
end

local function active(name, label)
  return label and require("oci.label").active(name, label)
end

---@class oci.ProcessPlan
---@field command string[] with `env`, `cwd` and `preserve_fds` as exec takes them
---@field caps table<string, string[]>
---@field given table the configuration

--- Everything that can be known, and fail, before there is a child.
---@param given table `process` of config.json
---@param spec table
---@param how { userns: boolean?, preserve_fds: integer?, id: string?, keyring: boolean? }
---@return oci.ProcessPlan
function M.prepare(given, spec, how)
  local plan = {
    given = given,
    user = credentials.user(given.user),
    userns = how.userns or false,
    caps = credentials.capabilities(given.capabilities, how.userns or false, spec.ociVersion),
    env = environment(given.env),
    rlimits = bounded(limits(given.rlimits)),
    keyring = how.keyring and how.id and "_ses." .. how.id or nil,
  }
  local told = math.tointeger(tonumber(os.getenv "LISTEN_FDS" or "")) or 0
  plan.preserve = told + (how.preserve_fds or 0)
  plan.command = table.move(given.args or {}, 1, #(given.args or {}), 1, {})
  plan.command.preserve_fds, plan.command.listen_fds = plan.preserve, told
  if spec.linux and spec.linux.seccomp then
    local seccomp_of = require "oci.seccomp"
    local profile = spec.linux.seccomp
    local strict = spec.annotations and spec.annotations["run.oci.seccomp_fail_unknown_syscall"]
    plan.seccomp, plan.profile = seccomp_of.compile(profile, strict ~= nil), profile
    plan.agent = seccomp_of.connect(plan.seccomp, profile)
  end
  local keeps = spec.annotations and spec.annotations["run.oci.keep_original_groups"]
  plan.keep_groups = keeps ~= nil and keeps ~= "0"
  plan.memory_policy = spec.linux and spec.linux.memoryPolicy
  plan.personality = spec.linux and spec.linux.personality
  plan.selinux = active("selinux", given.selinuxLabel)
  plan.apparmor = active("apparmor", given.apparmorProfile)
  plan.tuning = tuning(plan)
  return plan
end

--- What only the parent may do to the child: its rights over limits do not reach into a user
--- namespace.
---@param plan oci.ProcessPlan
---@param pid integer
function M.from_outside(plan, pid)
  local score = plan.given.oomScoreAdj
  if score then
    local _, err = try(oom_score, score, { pid = pid })
    if err and not (err.errno == "EACCES" and proc_status().uid.effective ~= 0) then
      error(err, 0)
    end
  end
  if plan.rlimits and plan.userns then
    try(rlimit, plan.rlimits, { pid = pid })
  end
end

--- Whoever the process becomes must be able to open its streams again, as /dev/stdout does. A file
--- that the caller has redirected to stays the caller's.
local function own_streams(user)
  if user.uid == 0 then
    return
  end
  for number = 0, 2 do
    local path = "/proc/self/fd/" .. number
    local found = try(stat, path)
    -- The host's null device belongs to everybody (1:3 of null(4)).
    local null = found and found.major == 1 and found.minor == 3
    if found and found.uid ~= user.uid and not null and found.type ~= "file" then
      try(chown, path, { uid = user.uid })
    end
  end
end

local function enter_directory(plan)
  local cwd = plan.given.cwd or "/"
  local _, err = try(chdir, cwd)
  if not err then
    return true
  elseif err.errno ~= "EACCES" and err.errno ~= "EPERM" then
    options.fail("oci", ("chdir to cwd (%q): %s"):format(cwd, err.message), nil)
  end
  return false
end

local function home(plan, user)
  if not plan.env.HOME or plan.env.HOME == "" then
    plan.env.HOME = user.home or "/"
  end
end

local function final_caps(plan)
  caps_set {
    permitted = plan.caps.permitted,
    effective = plan.caps.effective,
    inheritable = plan.caps.inheritable,
    ambient = plan.caps.ambient,
  }
end

--- Whether the capability to load a filter is kept until it is loaded.
local function filter_needs_rights(plan)
  return plan.seccomp and not plan.given.noNewPrivileges
end

--- The profile takes hold at exec. AppArmor is active: `prepare` has asked.
local function confine(profile)
  local _, err = try(apparmor, profile)
  if err and err.errno == "ENOENT" then
    local hint = "apparmor_parser -r FILE loads one"
    options.fail("oci", ("the AppArmor profile %q is not loaded"):format(profile), hint, err)
  elseif err then
    error(err, 0)
  end
end

--- Gives rights up as far as can be done before the program may start; in the child.
---@param plan oci.ProcessPlan
function M.settle(plan)
  if plan.keyring then
    -- A user's quota of keys is no reason not to run (keyrings(7)).
    try(session_keyring, plan.keyring)
  end
  if plan.tuning then
    plan.tuning.apply(plan.given, plan)
  end
  if plan.rlimits then
    rlimit(plan.rlimits)
  end
  if plan.apparmor then
    confine(plan.apparmor)
  end
  if plan.selinux then
    selinux(plan.selinux)
  end
  own_streams(plan.user)
  caps_set { bounding = plan.caps.bounding }
  local there = enter_directory(plan)
  local user = credentials.become(plan.user, plan.userns, plan.keep_groups)
  umask(("%04o"):format(plan.user.umask or 18))
  if not there then
    -- Only the user itself may go there.
    local cwd = plan.given.cwd
    local _, err = try(chdir, cwd)
    if err then
      options.fail("oci", ("chdir to cwd (%q): permission denied"):format(cwd))
    end
  end
  home(plan, user)
  program.check(plan.command[1], plan.env.PATH)
  if plan.given.noNewPrivileges then
    no_new_privs()
  end
  if not filter_needs_rights(plan) then
    final_caps(plan)
  end
end

--- The filter, and what gives up the right to load it.
local function load_filter(plan, state)
  local seccomp_of, given = require "oci.seccomp", plan.given
  local text = plan.agent and seccomp_of.process_state(plan.profile, state.container, state.pid)
  if filter_needs_rights(plan) and plan.user.uid ~= 0 then
    -- The change of user has made them ineffective.
    caps_set { effective = caps_get().permitted }
  end
  local listener = seccomp_of.load(plan.seccomp, given.noNewPrivileges)
  if listener then
    seccomp_of.hand_over(plan.agent, listener, text)
  end
  if filter_needs_rights(plan) then
    final_caps(plan)
  end
end

--- Becomes the program. Nothing after it.
---@param plan oci.ProcessPlan
---@param state? { pid: integer, container: table } what a seccomp agent is told
function M.become(plan, state)
  if plan.seccomp then
    load_filter(plan, state)
  end
  local command = plan.command
  command.env = plan.env
  local _, err = try(exec, command)
  program.failed(command[1], err)
end

return M
