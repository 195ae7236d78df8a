--- Where a policy's code stands: pure Lua, and of the host what it has named.
---
--- There is no `io`, `load`, `debug` or `package`, `os` only tells the time, `require` knows a list
--- of one, and a primitive exists when the policy names it in `needs`. Each policy has libraries of
--- its own, so that none can change another's. This is no wall against root, whose file the policy
--- is: it makes a policy's reach something that can be read in its first lines.
---
--- ```lua
--- local sandbox = require "oci.policy.sandbox"
---
--- local box = sandbox.new("/etc/crun-lua/policy.d/10-quiet.lua")
--- local chunk = box.load("return { validate = function() return io == nil end }")
--- local _, err = try(chunk().validate)
--- assert(err.message:find("'io' is not declared", 1, true))
--- ```
local options = require "options"
local view = require "oci.policy.view"

local M = {}

--- The modules that a policy may require.
local MODULES = { ["oci.policy.tools"] = true }

-- No list in 16 MiB is longer. The functions of `table` count in C, where no budget looks.
local LONGEST = 1 << 20

local NEEDED = "; name it in the policy's needs = { %q }, and call it in its functions"

local function copy(library, without)
  local out = {}
  for name, value in pairs(library) do
    out[name] = value
  end
  for name in (without or ""):gmatch("%a+") do
    out[name] = nil
  end
  return out
end

local function bounded(name)
  local call = table[name]
  return function(list, ...)
    if #list > LONGEST then
      error(("table.%s: the list is too long"):format(name), 2)
    end
    return call(list, ...)
  end
end

local function tables()
  local out = copy(table)
  out.insert, out.remove = bounded "insert", bounded "remove"
  function out.move(from, first, last, ...)
    if type(first) == "number" and type(last) == "number" and last - first > LONGEST then
      error("table.move: too many elements", 2)
    end
    return table.move(from, first, last, ...)
  end
  return out
end

-- A finalizer runs where no budget looks.
local function set_metatable(value, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
    error("setmetatable: a policy has no use for __gc", 2)
  end
  return setmetatable(value, meta)
end

-- The metatable of texts is everybody's.
local function get_metatable(value)
  return type(value) == "table" and getmetatable(value) or nil
end

local function require_module(name)
  if not MODULES[name] then
    local known = table.concat(options.keys(MODULES), ", ")
    error(("require: a policy may have: %s; not '%s'"):format(known, tostring(name)), 2)
  end
  return copy(require(name))
end

local function libraries()
  return {
    assert = assert,
    error = error,
    getmetatable = get_metatable,
    ipairs = ipairs,
    next = view.next,
    pairs = pairs,
    pcall = pcall,
    require = require_module,
    select = select,
    setmetatable = set_metatable,
    tonumber = tonumber,
    tostring = tostring,
    try = try,
    type = type,
    xpcall = xpcall,
    _VERSION = _VERSION,
    coroutine = copy(coroutine),
    math = copy(math),
    os = { clock = os.clock, date = os.date, difftime = os.difftime, time = os.time },
    string = copy(string, "dump"),
    table = tables(),
    utf8 = copy(utf8),
  }
end

local function is_primitive(name)
  return type(name) == "string" and try(function()
    return sys[name]
  end) ~= nil
end

--- A primitive takes plain tables, and a policy has views of the spec in its hands.
local function grant(primitive)
  return function(...)
    local arguments = table.pack(...)
    for index = 1, arguments.n do
      local value = arguments[index]
      arguments[index] = type(value) == "table" and view.plain(value) or value
    end
    return primitive(table.unpack(arguments, 1, arguments.n))
  end
end

--- Makes the place for one policy.
---@param path string the policy's file
---@return { load: fun(source: string): function?, string?, integer?; grant: fun(names: string[]) }
function M.new(path)
  local names = libraries()
  local environment = setmetatable({}, {
    __index = function(_, name)
      local value = names[name]
      if value == nil then
        local hint = is_primitive(name) and NEEDED:format(name) or ""
        error(("'%s' is not declared%s"):format(tostring(name), hint), 2)
      end
      return value
    end,
    __newindex = function(_, name)
      error(("'%s' is global and globals cannot be set"):format(tostring(name)), 2)
    end,
    __metatable = "environment",
  })
  names._G = environment
  local box = {}

  --- Compiles the policy's text; bytecode is refused. Else why not, and in which line.
  function box.load(source)
    local chunk, reason = load(source, "@" .. path, "t", environment)
    if chunk then
      return chunk
    end
    local line, rest = reason:match("^.-:(%d+): (.*)$")
    return nil, rest or reason, tonumber(line)
  end

  --- Adds the primitives that the policy has named.
  function box.grant(needs)
    for _, name in ipairs(needs) do
      names[name] = grant(sys[name])
    end
  end

  return box
end

return M
