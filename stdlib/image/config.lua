--- An image's configuration: what the image says of the process that is to run in it, brought into
--- the words that containers use. It is data of somebody else's, so every field is checked.
---
--- ```lua
--- local config = require "image.config"
--- local found = config.parse({
---   architecture = "amd64",
---   os = "linux",
---   config = { Cmd = { "sh" }, Env = { "A=1" }, WorkingDir = "/srv" },
---   rootfs = { type = "layers", diff_ids = {} },
--- }, "image.open", "example")
--- assert(found.command[1] == "sh" and found.env.A == "1" and found.workdir == "/srv")
--- ```
local options = require "options"

local M = {}

---@class image.Config
---@field entrypoint? string[]
---@field command? string[]
---@field env table<string, string>
---@field user? string
---@field workdir? string
---@field volumes string[]
---@field ports string[]
---@field labels table<string, string>
---@field stop_signal? string
---@field architecture string
---@field os string

--- A list of texts, or an error that names the field.
local function texts(fail, name, value)
  if value == nil then
    return nil
  end
  if type(value) ~= "table" then
    fail(("its '%s' is no list"):format(name))
  end
  for key, item in pairs(value) do
    if math.type(key) ~= "integer" or type(item) ~= "string" or item:find("\0", 1, true) then
      fail(("its '%s' is no list of texts"):format(name))
    end
  end
  return table.move(value, 1, #value, 1, {})
end

local function text(fail, name, value)
  if value == nil or value == "" then
    return nil
  end
  if type(value) ~= "string" or value:find("\0", 1, true) then
    fail(("its '%s' is no text"):format(name))
  end
  return value
end

local function map(fail, name, value)
  local copy = {}
  if value ~= nil and type(value) ~= "table" then
    fail(("its '%s' is no object"):format(name))
  end
  for key, item in pairs(value or {}) do
    if type(key) ~= "string" then
      fail(("its '%s' is no object"):format(name))
    end
    copy[key] = item
  end
  return copy
end

--- Brings a configuration into the words of containers.
---@param raw any what the JSON text says
---@param op string the function that is called, for errors
---@param name string what the image is called in errors
---@return image.Config config
---@return string[] diff_ids the digests of the layers' contents
function M.parse(raw, op, name)
  local function fail(what)
    options.fail(op, ("%s: the image's configuration is malformed: %s"):format(name, what))
  end
  if type(raw) ~= "table" then
    fail("it is no object")
  end
  local own = map(fail, "config", raw.config)
  local config = {
    entrypoint = texts(fail, "Entrypoint", own.Entrypoint),
    command = texts(fail, "Cmd", own.Cmd),
    user = text(fail, "User", own.User),
    workdir = text(fail, "WorkingDir", own.WorkingDir),
    stop_signal = text(fail, "StopSignal", own.StopSignal),
    volumes = options.keys(map(fail, "Volumes", own.Volumes)),
    ports = options.keys(map(fail, "ExposedPorts", own.ExposedPorts)),
    labels = map(fail, "Labels", own.Labels),
    env = {},
    os = text(fail, "os", raw.os) or "linux",
    architecture = text(fail, "architecture", raw.architecture) or "unknown",
  }
  for _, pair in ipairs(texts(fail, "Env", own.Env) or {}) do
    local key, value = pair:match("^([^=]+)=(.*)$")
    if not key then
      fail(("its 'Env' has %q, which is no NAME=VALUE"):format(pair))
    end
    config.env[key] = value
  end
  if config.os ~= "linux" then
    fail(("it is for the system '%s', not for linux"):format(config.os))
  end
  local rootfs = map(fail, "rootfs", raw.rootfs)
  local diff_ids = texts(fail, "rootfs.diff_ids", rootfs.diff_ids)
  if rootfs.type ~= "layers" or not diff_ids then
    fail("its 'rootfs' lists no layers (diff_ids)")
  end
  return config, diff_ids
end

return M
