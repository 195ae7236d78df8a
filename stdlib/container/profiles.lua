--- Profiles of containers: resolved once, written as text once, however many containers have them.
---
--- A script starts many containers of a kind, and composing a profile and writing it as JSON costs
--- more than all else that is done before the clone. What is kept here is told apart by content;
--- nobody changes it, and a caller's own table is never kept.
---
--- ```lua
--- local profiles = require "container.profiles"
---
--- local profile = profiles.resolve("strict")
--- assert(profiles.resolve("strict") == profile and profiles.resolve() ~= profile)
--- local config = { name = "web", profile = profile }
--- assert(json_decode(profiles.encode(config)).profile.name == "strict")
--- ```
local M = {}

-- By what was asked for, as JSON.
local resolved = {}

-- By profile, as JSON.
local texts = setmetatable({}, { __mode = "k" })

-- By profile, as `hardening.prepare` answers it: for root, and for a user namespace.
local prepared = setmetatable({}, { __mode = "k" })

--- As `hardening.resolve`; the answer is shared and must not be changed.
---@param given any
---@return hardening.Profile
---@param seccomp? table a change of its `seccomp`
function M.resolve(given, seccomp)
  if seccomp then
    local profile = require("hardening").resolve(given)
    local changes = { seccomp = seccomp }
    local made = require("hardening.compose").change("container.new", profile, changes)
    made.name = profile.name:gsub("%*$", "") .. "*"
    require("hardening.prepare").demand("container.new", made)
    return made
  end
  local key = given == nil and "" or try(json_encode, given)
  if key == nil or not resolved[key] then
    local profile = require("hardening").resolve(given)
    if key == nil then
      return profile
    end
    resolved[key] = profile
  end
  return resolved[key]
end

--- The profile as a container's child applies it. Shared too, where nothing but the profile goes
--- into it: no place that is this container's own, no search for secrets.
---@param config table
---@return hardening.Prepared
function M.prepare(config)
  local profile, kind = config.profile, config.userns and "user" or "root"
  local own = #config.volumes > 0 or next(config.tmpfs) or #(profile.secrets or {}) > 0
  local known = not own and prepared[profile] or {}
  local found = known[kind]
    or require("hardening").prepare(profile, {
      root = not config.userns,
      userns = config.userns,
      name = config.name,
      volumes = config.volumes,
      tmpfs = config.tmpfs,
    })
  if not own then
    known[kind] = found
    prepared[profile] = known
  end
  return found
end

--- What a container is made of, as JSON.
---@param config table
---@return string
function M.encode(config)
  local rest, profile = {}, config.profile
  for key, value in pairs(config) do
    rest[key] = key ~= "profile" and value or nil
  end
  local text = json_encode(rest)
  -- In a plan it may not be known.
  if type(text) ~= "string" or type(profile) ~= "table" then
    return json_encode(config)
  end
  if not texts[profile] then
    local notifies = profile.seccomp and profile.seccomp.notify
    local plain = notifies and require("hardening.notify").written(profile) or profile
    texts[profile] = json_encode(plain)
  end
  return ('%s,"profile":%s}'):format(text:sub(1, -2), texts[profile])
end

return M
