--- The locks that a learnt profile makes: a filter, rules of Landlock, a profile of `hardening` for
--- containers, and the filter for other runtimes.
---
--- ```lua
--- local grants = require "learn.grants"
--- local profile = require "learn.profile"
---
--- local made = profile.empty { "true" }
--- made.calls = { "exit_group", "read" }
--- local filter = seccomp_compile(grants.filter(made))
--- assert(filter:decide("read").action == "allow" and filter:decide("mkdir").errno == "EPERM")
--- ```
local calls = require "learn.calls"
local options = require "options"
local profiles = require "learn.profile"

local M = {}

--- The filter of a profile, as `seccomp` takes it.
---@param profile learn.Profile
---@param more? string[] calls that whoever starts the program makes under it
---@return table
function M.filter(profile, more)
  local filter = {
    default = "errno",
    allow = profiles.union(profile.calls, profile.start, calls.ALWAYS, { "execve" }, more or {}),
    errno = profiles.union(profile.unseen, options.keys(calls.UNSEEN)),
    errno_ret = "ENOSYS",
    rules = {},
  }
  local whole = {}
  for _, name in ipairs(filter.allow) do
    whole[name] = true
  end
  for _, name in ipairs(options.keys(profile.arguments)) do
    for _, key in ipairs(whole[name] and {} or profile.arguments[name]) do
      table.insert(filter.rules, calls.rule(name, key))
    end
  end
  return filter
end

--- The rules of Landlock of a profile, as `landlock` takes them.
---@param profile learn.Profile
---@return table
function M.landlock(profile)
  local files = profile.files
  return {
    list = files.list,
    ro = files.ro,
    rw = files.rw,
    exec = files.exec,
    net = { bind = profile.ports.bind, connect = profile.ports.connect },
    scope = #profile.scope > 0 and profile.scope or nil,
  }
end

--- A profile for `hardening.resolve` and so for containers.
---@param profile learn.Profile
---@return table
function M.hardening(profile)
  local base = require "hardening.profiles.default"
  local tmpfs, volumes = {}, {}
  for _, path in ipairs(profile.mounts.tmpfs or {}) do
    tmpfs[path] = { mode = "1777" }
  end
  for _, path in ipairs(profile.mounts.volumes or {}) do
    volumes[#volumes + 1] = { source = path, target = path }
  end
  return {
    name = "learnt",
    summary = profile.summary,
    caps = profile.caps,
    seccomp = M.filter(profile, calls.CONTAINER),
    landlock = M.landlock(profile),
    masked = profiles.not_granted(base.masked or {}, profile.files.ro, profile.files.rw),
    readonly_paths = profiles.not_granted(base.readonly_paths or {}, profile.files.rw),
    readonly_root = true,
    tmpfs = tmpfs,
    volumes = volumes,
    no_new_privs = true,
    requires = {},
  }
end

--- The same filter as `linux.seccomp` of the OCI specification, with what runtimes do under it.
---@param profile learn.Profile
---@return table
function M.oci(profile)
  local filter = M.filter(profile, calls.RUNTIME)
  local syscalls = json_array {
    { names = json_array(filter.allow), action = "SCMP_ACT_ALLOW" },
    { names = json_array(filter.errno), action = "SCMP_ACT_ERRNO", errnoRet = 38 },
  }
  for _, rule in ipairs(filter.rules) do
    local args = json_array {}
    for index, one in ipairs(rule.args) do
      args[index] =
        { index = one.index, value = one.mask, valueTwo = one.value, op = "SCMP_CMP_MASKED_EQ" }
    end
    syscalls[#syscalls + 1] =
      { names = json_array(rule.names), action = "SCMP_ACT_ALLOW", args = args }
  end
  return { defaultAction = "SCMP_ACT_ERRNO", defaultErrnoRet = 1, syscalls = syscalls }
end

return M
