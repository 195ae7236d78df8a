-- The first Lua that runs, before any script: what raises, what is global, what is absent.
--
-- A primitive answers `true, value` or `false, error object`, because a Rust error cannot be
-- looked into from Lua; the wrappers made here raise the object. Scripts and modules run in one
-- environment that they can read and not change, so a misspelt name is an error where it stands.

local services, lua = ...

local debug, error, getmetatable, pcall, rawequal, select =
  lua.debug, lua.error, lua.getmetatable, lua.pcall, lua.rawequal, lua.select
local setmetatable, tonumber, tostring, type, xpcall =
  lua.setmetatable, lua.tonumber, lua.tostring, lua.type, lua.xpcall
local getinfo, traceback = debug.getinfo, debug.traceback

-- What os.exit and a signal raise: it passes through every pcall of the script.
local UNWIND = setmetatable({}, {
  __tostring = function()
    return "the script is ending"
  end,
})

local Error = { __name = "error" }

function Error.__tostring(self)
  local place = self.where and ("%s:%d: "):format(self.where.file, self.where.line) or ""
  local op = self.op and not (self.call and self.call:find("^" .. self.op)) and self.op .. ": "
    or ""
  local text = place .. op .. tostring(self.message)
  if self.hint then
    text = text .. "\n  hint: " .. self.hint
  end
  if self.cause then
    text = text .. "\n  cause: " .. tostring(self.cause)
  end
  return text
end

-- The innermost line of the script; a module's where no script is on the stack.
local function where(level)
  local module
  while true do
    local info = getinfo(level, "Sl")
    if not info then
      return module
    end
    if info.source:sub(1, 1) == "@" then
      local place = { file = info.source:sub(2), line = info.currentline }
      if not info.source:find("^@stdlib/") then
        return place
      end
      module = module or place
    end
    level = level + 1
  end
end

local function adopt(object)
  return setmetatable(object, Error)
end

local function raise(object)
  if type(object) == "table" and not getmetatable(object) then
    object.where = object.where or where(3)
    setmetatable(object, Error)
  end
  error(object, 0)
end

local function finish(ok, ...)
  if ok then
    return ...
  end
  raise((...))
end

local function wrap(primitive)
  return function(...)
    return finish(primitive(...))
  end
end

-- Whether an error ends the script, or only what has raised it. `before`: the script was ending
-- when the function was called that has caught it. What closes may then fail and be caught as ever;
-- an error that was on its way already may have been replaced by one of a `__close`, and goes on.
-- The machine's own, which are userdata, end the script in any case. Where a budget is over nothing
-- is caught any more: an error of a `__close` may have replaced the machine's.
local function is_ending(value, before)
  return rawequal(value, UNWIND)
    or services.spent()
    or (services.unwinding() and not (before and type(value) ~= "userdata"))
end

-- Any error value as an error object.
local function to_object(value, level, before)
  if is_ending(value, before) then
    return UNWIND
  end
  if getmetatable(value) == Error then
    value.traceback = value.traceback or traceback("", level + 1):sub(2)
    return value
  end
  -- A script may raise a table of its own with the fields of an error object.
  if type(value) == "table" and not getmetatable(value) and type(value.message) == "string" then
    value.traceback = value.traceback or traceback("", level + 1):sub(2)
    value.where = value.where or where(level + 1)
    return setmetatable(value, Error)
  end
  -- What says an error's text may raise one, the same again.
  local told, text = pcall(tostring, value)
  if not told then
    text = ("an error that cannot say what it is: a %s"):format(type(value))
  elseif type(value) == "userdata" then
    text = text:gsub("^runtime error: ", ""):gsub("\nstack traceback:.*", "")
  end
  local file, line, rest = text:match("^([^\n:]+):(%d+): (.*)$")
  local object =
    { message = rest or text, value = value, traceback = traceback("", level + 1):sub(2) }
  if text:find("field 'execute'", 1, true) or text:find("field 'popen'", 1, true) then
    object.hint = "shell strings are not run here: exec { … } or capture { … } take a list"
  end
  object.where = file and { file = file, line = tonumber(line) } or where(level + 1)
  return setmetatable(object, Error)
end

local function protect(body, ...)
  local before = services.unwinding()
  return xpcall(body, function(value)
    return to_object(value, 2, before)
  end, ...)
end

-- A function that is called thousands of times, protected: what `protect` asks each time is asked
-- once.
local function shield(body)
  local before = services.unwinding()
  local function failed(value)
    return to_object(value, 2, before)
  end
  return function(...)
    return xpcall(body, failed, ...)
  end
end

-- pcall for scripts: what is ending the script goes on, and errors of the machine become objects.
local function pass(before, ok, ...)
  if ok then
    return true, ...
  end
  local value = ...
  if is_ending(value, before) then
    error(UNWIND, 0)
  end
  if type(value) == "userdata" and getmetatable(value) ~= Error then
    value = to_object(value, 2, before)
  end
  return false, value, select(2, ...)
end

-- The globals of scripts.

local globals = {}

for _, name in ipairs {
  "assert",
  "collectgarbage",
  "error",
  "getmetatable",
  "ipairs",
  "next",
  "pairs",
  "print",
  "rawequal",
  "rawget",
  "rawlen",
  "rawset",
  "select",
  "setmetatable",
  "tonumber",
  "tostring",
  "type",
  "math",
  "table",
  "utf8",
  "_VERSION",
} do
  globals[name] = lua[name]
end

local function copy(library, without)
  local out = {}
  for name, value in pairs(library) do
    out[name] = value
  end
  for _, name in ipairs(without) do
    out[name] = nil
  end
  return out
end

globals.string = copy(lua.string, { "dump" })
-- What methods of texts are found in is everybody's, and without `dump` as well.
getmetatable("").__index = globals.string

-- Nothing, repeated, takes as long as something, and no hook looks at it.
function globals.string.rep(text, times, separator)
  if text == "" and (separator == nil or separator == "") and tonumber(times) then
    times = 1
  end
  return lua.string.rep(text, times, separator)
end

globals.io = copy(lua.io, { "popen" })

-- Linux: a signal came while it waited. To the script that looks like the end of the file.
local EINTR = 4

local function heeding(...)
  local result, _, errno = ...
  if result == nil and errno == EINTR then
    services.interrupted()
  end
  return ...
end

function globals.io.read(...)
  return heeding(lua.io.read(...))
end

globals.os = copy(lua.os, { "execute", "exit", "setlocale", "tmpname" })
globals.coroutine = copy(lua.coroutine, {})

function globals.pcall(body, ...)
  return pass(services.unwinding(), pcall(body, ...))
end

function globals.xpcall(body, handler, ...)
  local before = services.unwinding()
  return pass(
    before,
    xpcall(body, function(value)
      local object = to_object(value, 2, before)
      if rawequal(object, UNWIND) then
        return object
      end
      return handler(type(value) == "userdata" and object or value)
    end, ...)
  )
end

function globals.coroutine.resume(...)
  return pass(services.unwinding(), lua.coroutine.resume(...))
end

-- What makes coroutines where a budget counts: one that ends before the hook looks at it would cost
-- nothing. Whoever has no budget has Lua's own, at half the price (see `set_counted`).
local counting = {}

function counting.create(body)
  services.step()
  return lua.coroutine.create(body)
end

-- Closes the coroutine's variables, which may end the script. One that a budget has ended is left
-- as it is: it died in a hook, and what it closed would run without any (ldo.c, allowhook).
function globals.coroutine.close(co)
  if services.spent() then
    error(UNWIND, 0)
  end
  return pass(services.unwinding(), lua.coroutine.close(co))
end

local function unwrap(co, ok, ...)
  if ok then
    return ...
  end
  local value = ...
  if services.spent() then
    error(UNWIND, 0)
  end
  local closed, other = lua.coroutine.close(co)
  error(closed and value or other, type(value) == "string" and 3 or 0)
end

function counting.wrap(body)
  local co = counting.create(body)
  return function(...)
    return unwrap(co, lua.coroutine.resume(co, ...))
  end
end

function globals.try(body, ...)
  local results = table.pack(protect(body, ...))
  if results[1] then
    return table.unpack(results, 2, results.n)
  end
  if rawequal(results[2], UNWIND) then
    error(UNWIND, 0)
  end
  return nil, results[2]
end

function globals.os.exit(code)
  if code == nil or code == true then
    code = 0
  elseif code == false then
    code = 1
  end
  if math.type(code) ~= "integer" or code < 0 or code > 255 then
    if not rawequal(getmetatable(code), "unknown") then
      error("os.exit: expected a status from 0 to 255, got " .. tostring(code), 2)
    end
    code = 0
  end
  services.exit(code)
  error(UNWIND, 0)
end

function globals.load(chunk, name, _, env)
  local loaded, reason = lua.load(chunk, name or "=(load)", "t", env or globals._G)
  if not loaded and services.unwinding() then
    -- The function that hands out the text has ended the script.
    error(UNWIND, 0)
  end
  return loaded, reason
end

-- Primitives: flat functions, and methods of handles. Each is made when it is first named: a script
-- that uses ten need not wait for two hundred.

local sys, methods = {}, {}

local function primitive(name)
  local found = type(name) == "string" and services.primitive(name)
  if found then
    sys[name] = wrap(found)
    globals[name] = sys[name]
    return sys[name]
  end
end

-- For whoever walks over them.
local function make_all()
  for _, name in ipairs(services.primitives()) do
    if not sys[name] then
      primitive(name)
    end
  end
end

-- A kind of handle has methods of its own, and those that every handle has.
local function method(kind, name)
  local found = services.primitive(kind .. ":" .. name) or services.primitive("handle:" .. name)
  if found then
    found = wrap(found)
    methods[kind] = methods[kind] or {}
    methods[kind][name] = found
  end
  return found
end

-- All of them at once: children that one after the other would make what they call anew.
local function make_methods()
  make_all()
  local common = {}
  for _, full in ipairs(services.methods()) do
    local kind, name = full:match("^(.+):(.+)$")
    if kind == "handle" then
      common[#common + 1] = name
    elseif not (methods[kind] and methods[kind][name]) then
      method(kind, name)
    end
  end
  for kind, made in pairs(methods) do
    for _, name in ipairs(common) do
      if not made[name] then
        method(kind, name)
      end
    end
  end
end

-- The environment: everything readable, nothing writable, nothing undeclared.

local function names()
  local list = services.primitives()
  for name in pairs(globals) do
    list[#list + 1] = name
  end
  return list
end

-- What is looked for here by whoever knows another Lua, and where it is.
local ELSEWHERE = {
  debug = "scripts have no library 'debug'; handle_info and function_info tell what a value is",
  dofile = "modules come by require, from the stdlib only",
  loadfile = "modules come by require, from the stdlib only",
  package = "modules come by require, from the stdlib only",
  sleep = 'poll({}, { timeout = "1s" }) waits',
  system = "capture { … } and exec { … } run a program",
}

-- Where a name that is no global is to be had; the nearest name that is one.
local function instead(name)
  if type(name) ~= "string" then
    return ""
  elseif ELSEWHERE[name] then
    return "; " .. ELSEWHERE[name]
  end
  for _, module in ipairs(services.modules()) do
    if module == name then
      return ("; it is a module: write 'local %s = require \"%s\"'"):format(name, name)
    end
  end
  local near = services.suggest(name, names())
  return near and ("; did you mean '%s'?"):format(near) or ""
end

setmetatable(globals, {
  __index = function(_, name)
    local found = primitive(name)
    if found then
      return found
    end
    local hint = instead(name)
    error(("'%s' is not declared%s"):format(tostring(name), hint), 2)
  end,
})

local environment = setmetatable({}, {
  __index = globals,
  __newindex = function(_, name)
    error(
      ("'%s' is global and globals cannot be set; write 'local %s = …'"):format(name, name),
      2
    )
  end,
  __pairs = function()
    make_all()
    return next, globals
  end,
  __metatable = "environment",
})

globals.sys = setmetatable({}, {
  __index = function(_, name)
    local found = sys[name] or primitive(name)
    if found then
      return found
    end
    local near = type(name) == "string" and services.suggest(name, services.primitives())
    error(
      ("no primitive is called '%s'%s"):format(
        tostring(name),
        near and ("; did you mean '%s'?"):format(near) or ""
      ),
      2
    )
  end,
  __newindex = function(_, name)
    error(("sys.%s cannot be set: the table of primitives is read-only"):format(tostring(name)), 2)
  end,
  __pairs = function()
    make_all()
    return next, sys
  end,
  __metatable = "primitives",
})

globals._G = environment
globals.arg = services.arg
globals.arg[0] = services.script

-- A plan's answer where only the kernel would know. Each says what it is the answer of, so that a
-- plan which cannot go on without it can say what it needs.
local doubt = { __metatable = "unknown" }

local function is_unknown(value)
  return type(value) == "table" and rawequal(debug.getmetatable(value), doubt)
end

local function unknown(what)
  return setmetatable({ what = what or services.saying() }, doubt)
end

local function unknowable(level, ...)
  local what
  for index = 1, select("#", ...) do
    local value = select(index, ...)
    what = what or is_unknown(value) and lua.rawget(value, "what")
  end
  services.needs_value(what or "a value")
  error(
    ("a plan does not know what %s answers: it is known after the calls have been made"):format(
      what or "this"
    ),
    level
  )
end

function doubt.__tostring()
  return "(known after apply)"
end

function doubt.__concat(a, b)
  return tostring(a) .. tostring(b)
end

function doubt.__index(self, key)
  return unknown(lua.rawget(self, "what") .. "." .. tostring(key))
end

-- Whatever would compute with it, compare it, walk over it or change it.
local arithmetic = "add sub mul div mod pow unm idiv band bor bxor shl shr bnot"
for event in (arithmetic .. " newindex pairs call len lt le"):gmatch("%a+") do
  doubt["__" .. event] = function(...)
    unknowable(3, ...)
  end
end

-- A plan opens nothing for writing, removes nothing, and cannot judge answers it does not have. The
-- functions that know this stand in for the others while a plan is made.

local function true_for_all()
  return true
end

local planned = { io = {}, os = { remove = true_for_all, rename = true_for_all } }

function planned.io.open(path, mode)
  if mode and mode:find("[wa+]") then
    return lua.io.open("/dev/null", mode)
  end
  return lua.io.open(path, mode)
end

function planned.io.output()
  return lua.io.stdout
end

function planned.assert(...)
  return ...
end

-- Every element of an unknown list is unknown, so a walk over it would not end, or never begin.
for _, name in ipairs { "ipairs", "next", "rawlen" } do
  planned[name] = function(list, ...)
    if is_unknown(list) then
      unknowable(3, list)
    end
    return lua[name](list, ...)
  end
end

function planned.tonumber(value, ...)
  return is_unknown(value) and value or lua.tonumber(value, ...)
end

-- Puts the functions of a plan into the globals, or takes them out again.
local function exchange(into, from, former)
  for name, value in pairs(from) do
    if type(value) == "table" then
      exchange(into[name], value, former and former[name])
    else
      into[name] = former and former[name] or value
    end
  end
end

local function set_planning(on)
  exchange(globals, planned, not on and lua or nil)
end

if services.planning then
  set_planning(true)
end

-- What the module `sandbox` is made with. A module that is handed something is nothing for a
-- sandbox.
function services.private.sandbox()
  return {
    -- A box is made before the budget that it runs in.
    coroutine = counting,
    module = services.module,
    is_pure = services.is_pure,
    is_private = function(name)
      return services.private[name] ~= nil
    end,
  }
end

-- What prints a restricted script's texts.
function services.private.restricted()
  return { harmless = services.harmless }
end

-- Modules come from the binary, each loaded when it is first asked for.

local loaded = {}

function globals.require(name)
  if type(name) ~= "string" then
    error("require: expected a module's name, got " .. type(name), 2)
  end
  if loaded[name] ~= nil then
    return loaded[name]
  end
  local chunk, reason = services.module(name, environment)
  if reason then
    error(reason, 0)
  elseif not chunk then
    local near = services.suggest(name, services.modules())
    local hint = near and ("; did you mean '%s'?"):format(near) or ""
    error(
      ("require: the stdlib has no module '%s'%s (nothing else is searched)"):format(name, hint),
      2
    )
  end
  local private = services.private[name]
  local module = chunk(name, private and private())
  loaded[name] = module == nil and true or module
  return loaded[name]
end

return {
  adopt = adopt,
  -- Lua hands `__close` the error that unwinds the block as well.
  close = function(handle)
    return (methods.handle and methods.handle.close or method("handle", "close"))(handle)
  end,
  make_methods = make_methods,
  method = method,
  methods = methods,
  protect = protect,
  shield = shield,
  environment = environment,
  set_planning = set_planning,
  set_counted = function(on)
    for name, counted in pairs(counting) do
      globals.coroutine[name] = on and counted or lua.coroutine[name]
    end
  end,
  -- Called in the machine's own hook, to end what runs in this coroutine: raised there, the error
  -- would close the interrupted function's variables while no hook is called (hook.rs).
  cut = function()
    debug.sethook(function()
      services.rearm()
      error(UNWIND, 0)
    end, "", 1)
  end,
  doubt = doubt,
  unknown = unknown,
}
