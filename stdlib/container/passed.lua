--- What of the host is passed into a container: volumes and devices, as a user writes them and as a
--- container's state holds them.
---
--- ```lua
--- local passed = require "container.passed"
---
--- local volume = passed.volumes({ "/etc:/mnt/etc:ro,noexec" })[1]
--- assert(volume.target == "/mnt/etc" and volume.readonly and volume.exec == false)
--- assert(passed.devices({ "/dev/null" })[1].type == "c")
---
--- local _, err = try(passed.volumes, { "/etc" })
--- assert(err.message:find("expected SOURCE:TARGET", 1, true))
--- ```
local options = require "options"

local M = {}

local function fail(message, hint)
  options.fail("container.new", message, hint)
end

--- A path from the root on, without NUL.
---@param name string the option
---@param path any
---@return string path
function M.absolute(name, path)
  if type(path) ~= "string" or path:sub(1, 1) ~= "/" or path:find("\0", 1, true) then
    fail(("%s: expected an absolute path, got %s"):format(name, tostring(path)))
  end
  return path
end

local VOLUME = {
  source = "string",
  target = "string",
  readonly = "boolean",
  create = "boolean",
  exec = "boolean",
  suid = "boolean",
  dev = "boolean",
  recursive = "boolean",
}

--- "SOURCE:TARGET:ro,noexec" as a table.
local function split_volume(name, text)
  local source, target, words = text:match("^([^:]+):([^:]+):?([^:]*)$")
  if not source then
    fail(("%s: expected SOURCE:TARGET or SOURCE:TARGET:ro, got %q"):format(name, text))
  end
  local volume = { source = source, target = target }
  for word in words:gmatch("[^,]+") do
    if word == "ro" then
      volume.readonly = true
    elseif word == "noexec" then
      volume.exec = false
    elseif word ~= "rw" then
      fail(("%s: no flag is called %q"):format(name, word), "ro, rw or noexec")
    end
  end
  return volume
end

--- Volumes as tables; each source must be there, or is made.
---@param list? (string|table)[]
---@return table[]
function M.volumes(list)
  local made = {}
  for index, value in ipairs(list or {}) do
    local name = ("volumes[%d]"):format(index)
    local volume = type(value) == "string" and split_volume(name, value) or value
    local copy = {}
    for key, item in pairs(options.check(name, volume, VOLUME)) do
      copy[key] = item
    end
    copy.target = M.absolute(name .. ".target", copy.target)
    local source = copy.source or fail(name .. ": option 'source' is missing")
    if source:sub(1, 1) ~= "/" then
      source = readlink("/proc/self/cwd") .. "/" .. source
    end
    if not copy.create and not try(stat, source) then
      fail(("%s: %s: no such file or directory"):format(name, source), "create = true makes it")
    end
    copy.source = source
    made[index] = copy
  end
  return made
end

local DEVICE = {
  path = "string",
  type = "=c|b|p",
  major = "integer",
  minor = "integer",
  mode = "string",
  uid = "integer",
  gid = "integer",
}

--- Devices as tables, with the numbers of the host's own where none are said.
---@param list? (string|table)[]
---@return table[]
function M.devices(list)
  local made = {}
  for index, value in ipairs(list or {}) do
    local name = ("devices[%d]"):format(index)
    local device = type(value) == "string" and { path = value } or value
    local copy = {}
    for key, item in pairs(options.check(name, device, DEVICE)) do
      copy[key] = item
    end
    M.absolute(name .. ".path", copy.path)
    if not copy.type then
      local found = try(stat, copy.path)
      local type = found and ({ char = "c", block = "b" })[found.type]
      if not type then
        fail(("%s: %s is no device of the host"):format(name, copy.path), "say type, major, minor")
      end
      copy.type, copy.major, copy.minor = type, found.major, found.minor
    end
    made[index] = copy
  end
  return made
end

return M
