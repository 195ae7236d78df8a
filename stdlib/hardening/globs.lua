--- Patterns of paths, in the words of `hardening.secrets`, and where paths really lead.
---
--- ```lua
--- local globs = require "hardening.globs"
---
--- assert(("id_rsa_work"):find(globs.pattern_of("id_rsa*")))
--- local sorted = globs.sort({ ".env", "*.pem", "~/.ssh", "!a.pem" }, "/home/u")
--- assert(sorted.names[".env"] and sorted.places[1] == "/home/u/.ssh")
--- assert(globs.any(sorted.globs, "/x/y.pem") and globs.any(sorted.exceptions, "/x/a.pem"))
--- ```
local options = require "options"

local M = {}

local LINKS = 40

--- A glob as a Lua pattern for whole names or paths.
---@param glob string
---@return string
function M.pattern_of(glob)
  local escaped = glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0")
  return "^" .. escaped:gsub("%*", "[^/]*"):gsub("%?", "[^/]") .. "$"
end

--- How many components a relative path has.
local function count(path)
  return select(2, path:gsub("/", "")) + 1
end

--- Patterns sorted by how they are found: by name at once, by trying, or by where they are.
---@param patterns string[]
---@param home? string
---@return table sorted { names, globs, places, at, exceptions }
function M.sort(patterns, home)
  local sorted = { names = {}, globs = {}, places = {}, at = {}, exceptions = {} }
  for _, written in ipairs(patterns) do
    local except, rest = written:match("^(!?)(.*)$")
    local place = rest:match("^~(/.+)$")
    if place and not home then
      local hint = "set HOME, or remove the patterns that begin with ~"
      local what = ("secrets: where '%s' is, nobody knows"):format(written)
      options.fail("hardening.prepare", what, hint)
    end
    local absolute = place and home .. place or rest:match("^/.+$")
    if except == "!" then
      local parts = not absolute and count(rest)
      local glob = { pattern = M.pattern_of(absolute or rest), parts = parts }
      table.insert(sorted.exceptions, glob)
    elseif absolute then
      table.insert(sorted.places, absolute)
      sorted.at[absolute] = true
    elseif rest:find("[*?/]") then
      table.insert(sorted.globs, { pattern = M.pattern_of(rest), parts = count(rest) })
    else
      sorted.names[rest] = true
    end
  end
  return sorted
end

--- The last components of a path.
local function tail(path, parts)
  local at = #path
  for _ = 1, parts do
    local before = path:sub(1, at):match("^.*()/")
    if not before then
      return path
    end
    at = before - 1
  end
  return path:sub(at + 2)
end

--- Whether a path matches one of some globs.
---@return boolean
function M.any(globs, path)
  for _, glob in ipairs(globs) do
    local text = glob.parts and tail(path, glob.parts) or path
    if text:find(glob.pattern) then
      return true
    end
  end
  return false
end

--- What a path of the host really is: every link on the way resolved. nil where it leads nowhere.
---@param path string
---@return string? "" for the root
function M.real(path)
  local links, done, rest = 0, "", path
  while rest ~= "" do
    local name, after = rest:match("^/*([^/]+)(.*)$")
    if not name then
      break
    elseif name == ".." then
      done, rest = done:match("^(.*)/[^/]*$") or "", after
    elseif name == "." then
      rest = after
    else
      local target = try(readlink, done .. "/" .. name)
      links = links + (target and 1 or 0)
      if links > LINKS then
        return nil
      elseif target then
        done = target:sub(1, 1) == "/" and "" or done
        rest = target .. after
      else
        done, rest = done .. "/" .. name, after
      end
    end
  end
  return try(stat, done == "" and "/" or done) and done or nil
end

--- `path` below `base`, as the rest with its slash; "" for the same.
---@return string?
function M.below(path, base)
  if path == base then
    return ""
  end
  return path:sub(1, #base + 1) == base .. "/" and path:sub(#base + 1) or nil
end

return M
