--- The parent's side: whatever of a profile can be looked up, compiled or refused before there is a
--- child. What a profile requires and this machine does not have ends here, and nothing is started.
---
--- ```lua
--- local prepare = require "hardening.prepare"
--- local profile = require("hardening").resolve("default")
---
--- local prepared = prepare.prepare(profile, { root = true })
--- assert(prepared.filter:decide("chroot").action == "allow")
---
--- profile = require("hardening").resolve { "default", requires = { "namespaces" } }
--- local _, err = try(prepare.prepare, profile, { root = false, userns = false })
--- assert(err.message:find("namespaces"))
--- ```
local globs = require "hardening.globs"
local options = require "options"
local secrets = require "hardening.secrets"
local seccomp = require "hardening.seccomp"

local M = {}

local OP = "hardening.prepare"

--- What crosses into the child.
---@class hardening.Prepared
---@field profile table
---@field filter? any a compiled seccomp filter
---@field notify? { filter: any, handlers: table?, names: string[] } see `hardening.notify`
---@field landlock? table rules, with what is writable added
---@field masked string[] paths in the root
---@field secrets string[] paths in the root
---@field required table<string, boolean>
---@field userns boolean? whether the container is in a user namespace of its own
---@field user? string
---@field after_user? function

-- What does not change while the kernel runs.
local answers = {}

local function once(key, ask)
  if answers[key] == nil then
    answers[key] = ask()
  end
  return answers[key]
end

--- By layer: why it is not to be had, or nil.
local MISSING = {}

function MISSING.seccomp(profile)
  if not profile.seccomp then
    return "the profile has no filter", 'give it seccomp, or requires = { "-seccomp" }'
  elseif not once("seccomp", function()
    return try(seccomp_status) ~= nil
  end) then
    return "this kernel has no seccomp filters", "CONFIG_SECCOMP_FILTER"
  end
end

function MISSING.landlock(profile)
  if not profile.landlock then
    return "the profile has no rules", 'give it landlock, or requires = { "-landlock" }'
  elseif landlock_abi() == 0 then
    return "this kernel has no Landlock", "Linux 5.13 with lsm=landlock,… on its command line"
  end
end

function MISSING.no_new_privs(profile)
  if not profile.no_new_privs then
    return "the profile switches it off", 'requires = { "-no_new_privs" } does without'
  end
end

function MISSING.namespaces(_, context)
  if not context.root and not context.userns then
    return "neither root nor a user namespace", "see max_user_namespaces and AppArmor's restriction"
  end
end

--- Fails where a layer is missing that the profile insists on.
---@param op string
---@param profile table
---@param context? table nil: only what the profile itself says
function M.demand(op, profile, context)
  for _, layer in ipairs(profile.requires or {}) do
    if context or layer ~= "namespaces" then
      local reason, hint = MISSING[layer](profile, context)
      if reason then
        options.fail(op, ("%s is required: %s"):format(layer, reason), hint)
      end
    end
  end
end

--- The paths that a `*` in one component stands for.
local function look(path)
  local dir, glob, rest = path:match("^(.-)/([^/]*%*[^/]*)(.*)$")
  local found = {}
  for _, name in ipairs(try(list_dir, dir) or {}) do
    local whole = ("%s/%s%s"):format(dir, name, rest)
    if name:find(globs.pattern_of(glob)) and stat(whole) then
      found[#found + 1] = whole
    end
  end
  return found
end

--- Masked paths; a `*` is looked up here, because /proc and /sys are the host's inside too.
local function expand(paths)
  local made = {}
  for _, path in ipairs(paths) do
    local found = path:find("*", 1, true) and once(path, function()
      return look(path)
    end) or { path }
    table.move(found, 1, #found, #made + 1, made)
  end
  return made
end

--- The rules, and what the container may write by its mounts: a volume that is writable and that
--- Landlock refuses would be a broken container, not a safer one.
local function writable(rules, volumes, tmpfs)
  local made = options.copy(rules)
  if not (made.ro or made.rw or made.exec) then
    return made
  end
  made.rw = made.rw or {}
  for _, volume in ipairs(volumes) do
    if not volume.readonly then
      table.insert(made.rw, volume.target)
    end
  end
  for _, list in ipairs(tmpfs) do
    for _, path in ipairs(require("options").keys(list)) do
      table.insert(made.rw, path)
    end
  end
  return made
end

--- What `~` is.
local function home_of(profile)
  local set = profile.env and profile.env.set or {}
  local home = set.HOME or os.getenv("HOME")
  if not home then
    local user = try(user_lookup, tostring(proc_status().uid.effective))
    home = user and user.home
  end
  return home and home:gsub("/+$", "") or nil
end

--- Each secret alone: below one that is hidden there is nothing.
local function outermost(paths)
  local made, above = {}, nil
  for _, path in ipairs(paths) do
    if not above or path:sub(1, #above + 1) ~= above .. "/" then
      made[#made + 1] = path
      above = path
    end
  end
  return made
end

--- Does what is slow, and refuses what cannot be kept.
---@param profile table
---@param context? { root: boolean?, userns: boolean?, name: string?, volumes: table[]?,
--- tmpfs: table?, after_user: function? } root: made by root without a user namespace; volumes and
--- tmpfs: the container's own beside the profile's
---@return hardening.Prepared
function M.prepare(profile, context)
  context = options.check(OP, context, {
    root = "boolean",
    userns = { "boolean", "table" },
    name = "string",
    volumes = "list",
    tmpfs = "table",
    after_user = "function",
  })
  M.demand(OP, profile, context)
  local volumes = {}
  for _, list in ipairs { profile.volumes or {}, context.volumes or {} } do
    table.move(list, 1, #list, #volumes + 1, volumes)
  end
  local prepared = {
    profile = profile,
    masked = expand(profile.masked or {}),
    secrets = {},
    required = {},
    userns = context.userns and true or nil,
    user = profile.user,
    after_user = context.after_user,
  }
  for _, layer in ipairs(profile.requires or {}) do
    prepared.required[layer] = true
  end
  if profile.seccomp then
    prepared.filter, prepared.notify = seccomp.compile(profile.seccomp, profile.caps)
  end
  if profile.landlock and landlock_abi() > 0 then
    local tmpfs = { profile.tmpfs or {}, context.tmpfs or {} }
    prepared.landlock = writable(profile.landlock, volumes, tmpfs)
  end
  if #(profile.secrets or {}) > 0 and #volumes > 0 then
    prepared.secrets = outermost(secrets.find(volumes, profile.secrets, {
      home = home_of(profile),
      limit = profile.secrets_limit,
      unsearched = profile.unsearched,
    }))
  end
  return prepared
end

return M
