--- What may be written as an option of a call, or as the value of a parameter: keys, words, paths,
--- processes, names of what the machine has.
---
--- ```lua
--- local context = require "repl.context"
--- local expected = require "repl.expected"
--- local values = require "repl.values"
---
--- local at = expected.at({}, context.of('unshare { "', 11))
--- assert(values.in_string(at, "")[1].text == "cgroup")
--- ```
local candidates = require "repl.candidates"
local expected = require "repl.expected"
local reference = require "reference"
local sources = require "repl.sources"

local M = {}

local candidate, MOST = candidates.new, candidates.MOST

--- The options of the table that the cursor is in, but those that are written.
function M.options(at, here, rest)
  local list = {}
  local follows = rest:find("^%s*=[^=]") or rest:find("^[%w_]")
  for _, option in ipairs(at.param.options) do
    if not here.table.keys[option.name] then
      local display = ("%s: %s"):format(option.name, option.type)
      local text = option.name .. (follows and "" or " = ")
      list[#list + 1] = candidate(text, "option", display)
    end
  end
  return candidates.sorted(list)
end

local function is_pid(param)
  local is_id = expected.is(param, "integer") or param.type:find("integer")
  return is_id and (param.name == "pid" or param.type:find("from 1 to 2147483647", 1, true) ~= nil)
end

-- What annotations call a string that is a path.
local PATHS = {}
for word in
  ([[path dir directory file rootfs source target root script destination archive workdir
  upper work lower]]):gmatch("%a+")
do
  PATHS[word] = true
end

local function is_path(param)
  return expected.is(param, "path") or not param.shape and PATHS[param.name] == true
end

local function is_container(at)
  return at.param.name == "container"
    or at.param.name == "name"
      and at.entry.name:find("^container%.[a-z_]+$") ~= nil
      and at.entry.name ~= "container.new"
end

--- Names that a primitive's parameter has for its words: `stop_signal` is a signal.
local function borrowed(param)
  if param.name:find("signal") then
    return reference.primitive("kill").params[2].words
  elseif param.name == "caps" or param.name == "capabilities" then
    return reference.primitive("drop_caps").params[1].options[1].words
  end
end

-- What primitives call a network device that exists.
local LINKS = { link = true, master = true, parent = true, device = true }

--- What the string at the cursor may become.
function M.in_string(at, word)
  local param, list = at.param, {}
  if at.entry.name == "require" then
    for _, name in ipairs(reference.PUBLIC) do
      list[#list + 1] = candidate(name, "module")
    end
    return list
  elseif at.entry.topic == "sysctl" and param.name == "name" then
    return sources.sysctls(word)
  elseif is_container(at) then
    return sources.containers()
  end
  for _, name in ipairs(param.words or borrowed(param) or expected.words(param)) do
    list[#list + 1] = candidate(name, "word")
  end
  if LINKS[param.name] and at.entry.syscalls then
    return sources.links()
  elseif word:find("^container:") then
    for _, one in ipairs(sources.containers()) do
      list[#list + 1] = candidate("container:" .. one.text, "container", one.display)
    end
  elseif is_path(param) then
    table.move(sources.paths(word), 1, MOST, #list + 1, list)
  end
  return list
end

--- Names in sight that hold a handle of a kind that is wanted.
local function handles_in(env, kinds)
  local list = {}
  for name, value in next, env do
    local info = type(name) == "string" and type(value) == "userdata" and handle_info(value)
    if info and kinds[info.kind] and not info.closed then
      list[#list + 1] = candidate(name, "handle", ("%s  %s"):format(name, info.name))
    end
  end
  return candidates.sorted(list)
end

--- What the value at the cursor may be that is no string yet.
function M.outside(env, at, word)
  local list = handles_in(env, expected.handles(at.param))
  if expected.is(at.param, "boolean") or at.param.type:find("boolean", 1, true) then
    list[#list + 1] = candidate("true", "value")
    list[#list + 1] = candidate("false", "value")
  end
  local words, only = expected.words(at.param)
  for _, one in ipairs((word == "" or only) and words or {}) do
    list[#list + 1] = candidate(('"%s"'):format(one), "word", one)
  end
  if is_pid(at.param) and not word:find("%D") then
    table.move(sources.pids(word), 1, MOST, #list + 1, list)
  end
  return list
end

return M
