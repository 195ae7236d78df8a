-- What is different while a plan is made: answers that only the kernel would know, and functions
-- that open nothing for writing.

local services, lua, globals = ...

local debug, error, rawequal, select = lua.debug, lua.error, lua.rawequal, lua.select
local setmetatable, tostring, type = lua.setmetatable, lua.tostring, lua.type

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

return { doubt = doubt, set_planning = set_planning, unknown = unknown }
