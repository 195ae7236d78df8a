--- Reads and checks config.json of a bundle, and the two parts of it that commands take alone: the
--- process of `exec --process` and the resources of `update`.
---
--- What a configuration may hold is written down in `oci/schema/`. A value that is wrong is an
--- error with its place as jq writes it; a member that nobody knows is ignored, as the
--- specification wants. The table is that of `json_decode`: nothing is added, lists are marked as
--- such, and what the configuration leaves out is nil.
---
--- ```lua
--- local config = require "oci.config"
---
--- local bundle <close> = temp_dir()
--- write_file(bundle.path .. "/config.json", '{ "ociVersion": "1.3.0", "root": { "path": 5 } }')
--- local _, err = try(config.load, bundle.path)
--- assert(err.message:find(".root.path: expected a path, got 5", 1, true))
--- ```
local schema = require "oci.schema"

local M = {}

--- The newest version of the specification that is read whole.
M.VERSION = "1.3.0"

--- Modules that only errors need are loaded by errors.
local function fail(source, text, hint)
  require("options").fail("oci.config", source .. text, hint)
end

local function check(value, word, source, decoded)
  local problem = schema.check(value, word, decoded)
  if problem then
    local place = problem.path ~= "" and problem.path .. ": " or ""
    fail(source .. ": ", place .. problem.text, problem.hint)
  end
  return value
end

--- A whole number of the text that was read as another: past 2^63 they are floats, which are not
--- exact, and only the text tells. In a seccomp rule it would be another rule.
local function inexact(text)
  text = text:gsub("\\.", ""):gsub('"[^"]*"', "")
  for digits in text:gmatch "%f[%w.]%d+%f[^%w.]" do
    local float = #digits >= 19 and not math.tointeger(digits) and tonumber(digits .. ".0")
    local most = digits == "18446744073709551615"
    if float and not most and (float >= 0x1p64 or ("%.0f"):format(float) ~= digits) then
      return digits
    end
  end
end

--- The value of a JSON text; what is wrong with the text is the source's error.
local function decode(text, source)
  local value, err = try(json_decode, text)
  if err then
    local cut = err.message:find("EOF", 1, true)
    fail(source .. ": ", err.message, cut and "the file is empty or has been cut off" or nil)
  end
  return value
end

--- Tells `--debug` which members were ignored.
local function tell_unknown(value, word, source)
  local log = require "oci.log"
  for _, path in ipairs(schema.unknown(value, word)) do
    log.debug(("%s: %s: unknown, and ignored"):format(source, path))
  end
end

local function read(path, hint)
  local text = read_file(path)
  if not text then
    fail("open ", path .. ": no such file or directory", hint)
  end
  return text
end

local function load(path, word, source, given)
  local text = given.text or read(path, given.hint)
  schema.met_float = false
  local value = decode(text, source)
  local extended = given.extend and given.extend(value)
  value = check(value, word, source, true)
  local number = schema.met_float and inexact(text)
  if number then
    fail(source .. ": ", ("the number %s cannot be held exactly"):format(number))
  end
  if given.debug then
    tell_unknown(value, word, source)
  end
  return value, not extended and text or nil
end

--- What crun's annotations ask for; nothing is loaded where there are none.
local function extend(spec)
  local annotations = type(spec) == "table" and spec.annotations
  for name in pairs(type(annotations) == "table" and annotations or {}) do
    if type(name) == "string" and name:sub(1, 8) == "run.oci." then
      require("oci.extensions").apply(spec)
      return true
    end
  end
end

---@class oci.config.Options
---@field file? string another name than config.json
---@field debug? boolean also tell `oci.log` which members were ignored

--- Reads, decodes and checks the configuration of a bundle.
---@param bundle string the directory
---@param given? oci.config.Options
---@return table spec
---@return string? text the file, for the copy in the state directory; nil where annotations have
--- changed what it says
function M.load(bundle, given)
  local file = given and given.file or "config.json"
  local path = file:sub(1, 1) == "/" and file or bundle .. "/" .. file
  return load(path, "config.config", "config.json", {
    debug = given and given.debug,
    extend = extend,
    hint = "a bundle is a directory with a config.json; `crun-lua spec` writes one",
  })
end

--- Checks a configuration that is in memory, such as one that a policy has changed.
---@param spec any
---@param source? string what errors begin with
---@return table spec
function M.check(spec, source)
  return check(spec, "config.config", source or "config.json")
end

--- Reads the process of `exec --process`.
---@param path string
---@param given? oci.config.Options
---@return table process
function M.load_process(path, given)
  return (load(path, "process.process", path, given or {}))
end

--- Checks a process that is in memory.
---@param process any
---@param source? string what errors begin with
---@return table process
function M.check_process(process, source)
  return check(process, "process.process", source or "process")
end

--- Reads the resources of `update`; "-" is standard input.
---@param path string
---@param given? oci.config.Options
---@return table resources
function M.load_resources(path, given)
  local text = path == "-" and io.read "a" or nil
  local source = path == "-" and "standard input" or path
  local wanted = { debug = given and given.debug, text = text }
  return (load(path, "resources.resources", source, wanted))
end

--- Checks resources that are in memory.
---@param resources any
---@param source? string what errors begin with
---@return table resources
function M.check_resources(resources, source)
  return check(resources, "resources.resources", source or "resources")
end

return M
