--- A profile in lines that a person reads.
---
--- ```lua
--- local hardening = require "hardening"
---
--- local lines = hardening.describe("strict")
--- assert(lines[1]:find("^strict: "))
--- ```
local options = require "options"

local M = {}

local function listed(list)
  return list and #list > 0 and table.concat(list, " ") or "none"
end

--- A table as "key=value", sorted.
local function pairs_of(map)
  local parts = {}
  for _, key in ipairs(options.keys(map or {})) do
    local value = map[key]
    parts[#parts + 1] = ("%s=%s"):format(key, type(value) == "table" and "…" or tostring(value))
  end
  return #parts > 0 and table.concat(parts, " ") or "none"
end

local function filter(spec)
  if not spec then
    return "off"
  elseif spec.json then
    return "an imported profile"
  end
  local asked = spec.notify and require("hardening.notify").names("hardening.describe", spec.notify)
  local default = type(spec.default) == "table" and spec.default.errno or spec.default
  local parts = { "else " .. tostring(default) }
  for _, list in ipairs { "errno", "kill", "kill_process", "trap", "log", "allow" } do
    if spec[list] and #spec[list] > 0 then
      table.insert(parts, 1, ("%s %s"):format(list, listed(spec[list])))
    end
  end
  if asked then
    table.insert(parts, 1, "functions answer " .. listed(asked))
  end
  return table.concat(parts, "; ")
end

local function rules(landlock)
  if not landlock then
    return "off"
  end
  local parts = {}
  for _, key in ipairs { "ro", "exec", "rw", "scope" } do
    if landlock[key] then
      parts[#parts + 1] = ("%s %s"):format(key, listed(landlock[key]))
    end
  end
  for key, ports in pairs(landlock.net or {}) do
    parts[#parts + 1] = ("%s ports %s"):format(key, listed(ports))
  end
  return table.concat(parts, "; ")
end

local function shown(volumes)
  local parts = {}
  for _, volume in ipairs(volumes or {}) do
    parts[#parts + 1] = volume.target .. (volume.readonly and " (read-only)" or "")
  end
  return listed(parts)
end

local function network(wanted)
  if type(wanted) ~= "table" then
    return wanted or "as the container says"
  end
  return ("%s, allowed: %s"):format(wanted.mode, listed(wanted.allow))
end

--- The lines of a profile.
---@param profile hardening.Profile
---@return string[]
function M.lines(profile)
  local lines = { ("%s: %s"):format(profile.name, profile.summary) }
  local function line(name, text)
    lines[#lines + 1] = ("  %-15s %s"):format(name, text)
  end
  line("user", profile.user or "as started")
  line("capabilities", listed(profile.caps))
  line("new privileges", profile.no_new_privs and "never" or "by set-user-ID programs")
  line("seccomp", filter(profile.seccomp))
  line("landlock", rules(profile.landlock))
  line("root", profile.readonly_root and "read-only" or "writable")
  line("tmpfs", listed(options.keys(profile.tmpfs or {})))
  line("volumes", shown(profile.volumes))
  line("masked", listed(profile.masked))
  line("read-only paths", listed(profile.readonly_paths))
  line("secrets", listed(profile.secrets))
  line("limits", pairs_of(profile.limits))
  line("rlimits", pairs_of(profile.rlimits))
  line("network", network(profile.network))
  line("environment", ("keeps %s"):format(listed(profile.env and profile.env.keep)))
  line("requires", listed(profile.requires))
  return lines
end

return M
