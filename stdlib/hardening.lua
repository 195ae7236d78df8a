--- Profiles: what a container may do, as tables that can be read, composed and read back.
---
--- A profile is a file below `hardening/profiles/`. `resolve` composes and checks, `prepare` does
--- in the parent what is slow or can fail, `mounts` and `confine` act in the child, before and
--- after the pivot. `hardening.compose` says for each key what a change of it means.
---
--- ```lua
--- local hardening = require "hardening"
---
--- local profile = hardening.resolve { "strict", caps = { "+net_bind_service" } }
--- local prepared = hardening.prepare(profile, { userns = true, root = false })
--- local rootfs = require "rootfs"
--- local root_of = rootfs.prepare(rootfs.parse("host"), { name = "box", root = true })
---
--- local kinds = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" }
--- local child <close> = spawn({ unshare = kinds }, function()
---   local root = rootfs.mount(root_of)
---   root:proc()
---   root:dev()
---   hardening.furnish(prepared, root)
---   hardening.mounts(prepared, root)
---   root:pivot()
---   hardening.confine(prepared)
---   assert(caps_get().bounding[1] == "net_bind_service" and seccomp_status().mode == "filter")
---   exec { "/bin/true" }
--- end)
--- assert(child:wait().code == 0)
--- ```
local compose = require "hardening.compose"
local confine = require "hardening.confine"
local mounts = require "hardening.mounts"
local options = require "options"
local prepare = require "hardening.prepare"

local M = {}

local OP = "hardening.resolve"

--- From the weakest to the most special. A profile that extends another is that one's changes.
local NAMES = { "minimal", "default", "strict", "web", "build", "agent" }

--- A profile that is checked and whole: plain, so it can be kept as JSON.
---@class hardening.Profile
---@field name string "strict", "strict+web", "strict*" where something was changed
---@field summary string
---@field caps string[] the capabilities that are left
---@field seccomp table|false see `hardening.seccomp`
---@field masked string[] paths that are hidden
---@field readonly_paths string[] paths that cannot be written
---@field readonly_root boolean
---@field pinned? string[] directories that become mount points, which cannot be renamed
---@field present? table<string, string> paths made where they are missing: "directory" or "file"
---@field tmpfs table<string, table> path to mount data
---@field user? string "uid:gid"
---@field no_new_privs boolean
---@field landlock table|false rules, by paths of the new root
---@field limits table of the control group
---@field rlimits table
---@field env { keep: string[], set: table<string, string> }
---@field volumes { source: string, target: string, readonly: boolean? }[]
---@field network? any mode, or what `network.parse` takes
---@field secrets string[] see `hardening.secrets`
---@field secrets_limit? integer how many names are looked at
---@field unsearched? string[] directories that are not gone into for secrets
---@field requires string[] layers without which nothing is started
---@field oom_score? integer
---@field apparmor? string
---@field selinux? string

--- The profiles there are.
---
--- ```lua
--- local hardening = require "hardening"
---
--- assert(hardening.names()[1] == "minimal")
--- ```
---@return string[]
function M.names()
  return table.move(NAMES, 1, #NAMES, 1, {})
end

local function load(name)
  options.expect(OP, "profile", name, "=" .. table.concat(NAMES, "|"))
  return require("hardening.profiles." .. name)
end

--- A profile's file laid over what it extends. `base` stands for that where it is given.
local function lay(name, given, base)
  local file = load(name)
  if file.extends then
    base = base or lay(file.extends, given)
  elseif base then
    local hint = ("name it first: { %q, … }"):format(name)
    options.fail(OP, ("'%s' is a whole profile and would undo what precedes it"):format(name), hint)
  end
  local changes = {}
  for key, value in pairs(file) do
    if compose.KNOWN[key] then
      changes[key] = value
    end
  end
  local made = compose.change("profile " .. name, base or {}, changes, true)
  return file.fill and compose.change("profile " .. name, made, file.fill(given), true) or made
end

--- The options that are no changes but say what a profile is for: agent's `project`.
local function parameters(names, changes)
  local given = {}
  for _, name in ipairs(NAMES) do
    local file = require("hardening.profiles." .. name)
    for key, types in pairs(file.parameters or {}) do
      if changes[key] ~= nil then
        if not (" " .. table.concat(names, " ") .. " "):find(" " .. name .. " ", 1, true) then
          local hint = ("{ %q, %s = … }"):format(name, key)
          options.fail(OP, ("option '%s' belongs to the profile '%s'"):format(key, name), hint)
        end
        options.expect(OP, key, changes[key], types)
        given[key], changes[key] = changes[key], nil
      end
    end
  end
  return given
end

-- Without one of these a profile would be silently weak.
local NEEDED = {
  "caps",
  "landlock",
  "masked",
  "no_new_privs",
  "readonly_paths",
  "readonly_root",
  "requires",
  "seccomp",
}

--- A whole profile of the caller's, or one that was resolved before.
local function own(value)
  local changes = options.copy(value)
  for _, key in ipairs(NEEDED) do
    if changes[key] == nil then
      local hint = 'a profile of its own says everything; or name one: { "default", … }'
      options.fail(OP, ("option '%s' is missing in a whole profile"):format(key), hint)
    end
  end
  local name = changes.name or "own"
  options.expect(OP, "name", name, "string")
  changes.name = nil
  local made = compose.change(OP, {}, changes)
  made.name = name
  prepare.demand(OP, made)
  return made
end

--- Profiles and changes as one profile, checked.
---
--- ```lua
--- local hardening = require "hardening"
---
--- assert(hardening.resolve().name == "default")
--- assert(#hardening.resolve { "strict", caps = { "+kill" } }.caps == 1)
--- assert(hardening.resolve { "build", "strict" }.readonly_root)
--- local _, err = try(hardening.resolve, { "strict", caps = { "+net_bnd_service" } })
--- assert(err.hint:find("net_bind_service"))
--- ```
---@param value? string|table a name; the file of a learnt profile, with a slash (see `learn`);
--- `{ name, name, key = change }`, where a name after the first adds its own changes; or a whole
--- profile, which has a `summary`
---@return hardening.Profile
function M.resolve(value)
  options.expect(OP, "profile", value == nil and "default" or value, { "string", "table" })
  if type(value) == "string" and value:find("/", 1, true) then
    local learn = require "learn"
    return own(learn.hardening(learn.load(value)))
  elseif type(value) == "table" and value.summary and #value == 0 then
    return own(value)
  end
  local names, changes = {}, {}
  for key, item in pairs(type(value) == "table" and value or { value }) do
    if math.type(key) == "integer" then
      names[key] = item
    else
      changes[key] = item
    end
  end
  if #names == 0 then
    names[1] = "default"
  end
  local given = parameters(names, changes)
  local made
  for _, name in ipairs(names) do
    made = lay(name, given, made)
  end
  local changed = next(changes) ~= nil
  made = compose.change(OP, made, changes)
  made.name = table.concat(names, "+") .. (changed and "*" or "")
  prepare.demand(OP, made)
  return made
end

--- What a profile says, in lines.
---
--- ```lua
--- local hardening = require "hardening"
---
--- print(table.concat(hardening.describe { "strict", readonly_root = false }, "\n"))
--- ```
---@param profile string|table
---@return string[]
function M.describe(profile)
  return require("hardening.describe").lines(M.resolve(profile))
end

--- A seccomp profile in Docker's form or that of OCI, for a profile's `seccomp`. Its conditions on
--- capabilities, architecture and kernel are judged with the capabilities of the profile.
---
--- ```lua
--- local hardening = require "hardening"
---
--- local text = [[{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
---   { "names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW" } ] }]]
--- local profile = hardening.resolve { "strict", seccomp = hardening.import_seccomp(text) }
--- assert(profile.seccomp)
--- ```
---@param from string a path, or JSON
---@return table
function M.import_seccomp(from)
  return require("hardening.seccomp").import(from)
end

M.prepare = prepare.prepare
M.furnish = mounts.furnish
M.mounts = mounts.mounts
M.confine = confine.confine

return M
