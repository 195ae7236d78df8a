--- Where code stands that nobody trusts: pure Lua, and of the host what it has been granted.
---
--- There is no `io`, `load`, `debug` or `package`, and `os` only tells the time. Each box has
--- libraries of its own, so that none can change another's, and a module that is required in it is
--- loaded anew, into the box: it has the rights of the box, and no more. Policies run in one
--- (`oci.policy.run`), and the scripts of `crun-lua --restricted`. Which primitives may be called
--- is held to by the host (`budget { only = … }`); here they are only named.
---
--- ```lua
--- local sandbox = require "sandbox"
---
--- local box = sandbox.new { missing = function(name, primitive)
---   return primitive and ("the primitive %s"):format(name) or "not here"
--- end }
--- local chunk = box.load("return io", "mine.lua")
--- local _, err = try(chunk)
--- assert(err.message == "not here")
--- assert(not box.load(("\27Lua"), "bytecode"))
--- ```
local _, host = ...

local options = require "options"

local M = {}

-- No list in 16 MiB is longer. The functions of `table` count in C, where no budget looks.
local LONGEST = 1 << 20

local function copy(library, without)
  local out = {}
  for name, value in pairs(library) do
    out[name] = value
  end
  for name in (without or ""):gmatch "%a+" do
    out[name] = nil
  end
  return out
end

--- The functions of `table` for lists with a metatable, in Lua, where a budget looks: such a list
--- may tell any length, and another one each time.
local slow = {}

function slow.insert(list, ...)
  local count, at, value = #list, ...
  if select("#", ...) == 1 then
    list[count + 1] = at
    return
  end
  for index = count, at, -1 do
    list[index + 1] = list[index]
  end
  list[at] = value
end

function slow.remove(list, at)
  local count = #list
  at = at or count
  local value = list[at]
  for index = at, count - 1 do
    list[index] = list[index + 1]
  end
  if at <= count then
    list[count] = nil
  end
  return value
end

--- A plain list of the same elements.
local function plain(list, first, last)
  local out = {}
  for index = first or 1, last or #list do
    out[index] = list[index]
  end
  return out
end

function slow.concat(list, separator, first, last)
  first, last = first or 1, last or #list
  return table.concat(plain(list, first, last), separator, first, last)
end

function slow.sort(list, before)
  local sorted = plain(list)
  table.sort(sorted, before)
  for index, value in ipairs(sorted) do
    list[index] = value
  end
end

function slow.unpack(list, first, last)
  first, last = first or 1, last or #list
  return table.unpack(plain(list, first, last), first, last)
end

local function bounded(name)
  local call = table[name]
  return function(list, ...)
    if type(list) ~= "table" then
      return call(list, ...)
    elseif getmetatable(list) ~= nil then
      return slow[name](list, ...)
    elseif #list > LONGEST then
      error(("table.%s: the list is too long"):format(name), 2)
    end
    return call(list, ...)
  end
end

local function tables()
  local out = copy(table)
  for name in pairs(slow) do
    out[name] = bounded(name)
  end
  function out.move(from, first, last, at, to)
    local count = (tonumber(last) or 0) - (tonumber(first) or 0)
    if count > LONGEST then
      error("table.move: too many elements", 2)
    end
    return table.move(from, first, last, at, to)
  end
  return out
end

--- `setmetatable` and `getmetatable` of a box. A finalizer runs where no budget looks; and the
--- metatable of a value that comes from outside (of a text, of an error) is everybody's.
local function metatables()
  local own = setmetatable({}, { __mode = "k" })
  local function set(value, meta)
    if type(meta) == "table" then
      if rawget(meta, "__gc") ~= nil then
        error("setmetatable: there is no __gc here", 2)
      end
      own[meta] = true
    end
    return setmetatable(value, meta)
  end
  local function get(value)
    local meta = getmetatable(value)
    return (type(meta) ~= "table" or own[meta]) and meta or nil
  end
  return set, get
end

--- Those that make one are counted, whoever calls them.
local function coroutines()
  local out = copy(coroutine)
  for name, call in pairs(host.coroutine) do
    out[name] = call
  end
  return out
end

local function libraries()
  local set_metatable, get_metatable = metatables()
  return {
    assert = assert,
    error = error,
    getmetatable = get_metatable,
    ipairs = ipairs,
    next = next,
    pairs = pairs,
    pcall = pcall,
    select = select,
    setmetatable = set_metatable,
    tonumber = tonumber,
    tostring = tostring,
    try = try,
    type = type,
    xpcall = xpcall,
    _VERSION = _VERSION,
    coroutine = coroutines(),
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

---@class sandbox.Spec
---@field missing fun(name: any, is_primitive: boolean): any what is raised for an absent name
---@field modules? table<string, true> those that may be required; all that need no host
---@field globals? table<string, any> more names
---@field adapt? fun(primitive: function): function what a granted primitive is called through

---@class sandbox.Box
---@field environment table
---@field load fun(source: string, name: string): function?, string?
---@field grant fun(names: string[])

--- Makes a box.
---@param spec sandbox.Spec
---@return sandbox.Box
function M.new(spec)
  local names = copy(spec.globals or {})
  for name, value in pairs(libraries()) do
    names[name] = names[name] == nil and value or names[name]
  end

  local function place(inside)
    return setmetatable({}, {
      __index = function(_, name)
        local value = inside and inside[name]
        if value == nil then
          value = names[name]
        end
        if value == nil and inside and host.is_pure(name) then
          return sys[name]
        elseif value == nil then
          local reason = spec.missing(name, is_primitive(name))
          if type(reason) == "table" then
            -- An error object is told where it was raised, and how it is printed.
            _, reason = try(error, reason)
          end
          error(reason, 2)
        end
        return value
      end,
      __newindex = function(_, name)
        local text = "'%s' is global and globals cannot be set; write 'local %s = …'"
        error(text:format(tostring(name), tostring(name)), 2)
      end,
      __metatable = "environment",
    })
  end
  -- What modules stand in: beside all that the box has, what needs no rights.
  local within = {}
  local environment, inner = place(nil), place(within)
  names._G, within._G = environment, inner

  local loaded = {}
  function within.require(name)
    if type(name) ~= "string" then
      error("require: expected a module's name, got " .. type(name), 2)
    elseif loaded[name] ~= nil then
      return loaded[name]
    elseif host.is_private(name) then
      error(("require: '%s' needs more of the host than is granted here"):format(name), 2)
    end
    local chunk, reason = host.module(name, inner)
    if not chunk then
      error(reason or ("require: the stdlib has no module '%s'"):format(name), reason and 0 or 2)
    end
    local module = chunk(name)
    loaded[name] = module == nil and true or module
    return loaded[name]
  end

  function names.require(name)
    if spec.modules and not spec.modules[name] then
      local known = table.concat(options.keys(spec.modules), ", ")
      error(("require: there may be had: %s; not '%s'"):format(known, tostring(name)), 2)
    end
    return within.require(name)
  end

  local box = { environment = environment }

  --- Compiles a text; bytecode is refused. Else why not.
  function box.load(source, name)
    return load(source, "@" .. name, "t", environment)
  end

  --- Adds primitives by name; what names methods (`process:wait`) is not one of them.
  function box.grant(list)
    for _, name in ipairs(list) do
      if type(name) ~= "string" or not name:find ":" then
        names[name] = spec.adapt and spec.adapt(sys[name]) or sys[name]
      end
    end
  end

  return box
end

return M
