-- Lua's own library as scripts have it: what would leave the process or the sandbox is absent, and
-- what catches errors lets pass what ends the script.

local services, lua, errors = ...

local error, getmetatable, pcall, rawequal, select =
  lua.error, lua.getmetatable, lua.pcall, lua.rawequal, lua.select
local tonumber, tostring, type, xpcall = lua.tonumber, lua.tostring, lua.type, lua.xpcall
local pass, to_object, unwind = errors.pass, errors.to_object, errors.unwind

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

-- Linux: a signal came while it waited. To the script that looks like the end of the file.
local EINTR = 4

-- What one of Lua's own functions has answered or raised, as if the script had called it itself.
local function relayed(ok, ...)
  local result, _, errno = ...
  if not ok then
    error(result, result ~= "not enough memory" and 2 or 0)
  elseif result == nil and errno == EINTR then
    services.interrupted()
  end
  return ...
end

-- Nothing, repeated, takes as long as something, and no hook looks at it.
function globals.string.rep(text, times, separator)
  if text == "" and (separator == nil or separator == "") and tonumber(times) then
    times = 1
  end
  return relayed(pcall(lua.string.rep, text, times, separator))
end

globals.io = copy(lua.io, { "popen" })

-- A read of nearly 2^63 bytes would overflow the count that mlua keeps of the machine's memory, and
-- no limit would hold from then on: the most that is asked for is this, which no machine has.
local MOST = 1 << 62
local find, min, tointeger, pack, unpack =
  lua.string.find, lua.math.min, lua.math.tointeger, lua.table.pack, lua.table.unpack

-- What is to be read, as `file:read` takes it, checked before the first of it is.
local function formats(name, ...)
  local out = pack(...)
  for at = 1, out.n do
    local format, wrong = out[at], nil
    if type(format) == "number" then
      local size = tointeger(format)
      out[at] = size and min(size, MOST)
      wrong = not size and "number has no integer representation"
    elseif type(format) ~= "string" then
      wrong = "string expected, got " .. type(format)
    elseif not find(format, "^%*?[nlLa]") then
      wrong = "invalid format"
    end
    if wrong then
      error(("bad argument #%d to '%s' (%s)"):format(at, name, wrong), 3)
    end
  end
  return unpack(out, 1, out.n)
end

local file = getmetatable(lua.io.stdin).__index
local read, lines = file.read, file.lines

function file.read(self, ...)
  return relayed(pcall(read, self, formats("read", ...)))
end

function file.lines(self, ...)
  return relayed(pcall(lines, self, formats("lines", ...)))
end

function globals.io.read(...)
  return relayed(pcall(lua.io.read, formats("read", ...)))
end

function globals.io.lines(name, ...)
  return relayed(pcall(lua.io.lines, name, formats("lines", ...)))
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
      if errors.is_unwind(object) then
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
    unwind()
  end
  return pass(services.unwinding(), lua.coroutine.close(co))
end

local function unwrap(co, ok, ...)
  if ok then
    return ...
  end
  local value = ...
  if services.spent() then
    unwind()
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
  local results = table.pack(errors.protect(body, ...))
  if results[1] then
    return table.unpack(results, 2, results.n)
  end
  if errors.is_unwind(results[2]) then
    unwind()
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
  unwind()
end

function globals.load(chunk, name, _, env)
  local loaded, reason = lua.load(chunk, name or "=(load)", "t", env or globals._G)
  if not loaded and services.unwinding() then
    -- The function that hands out the text has ended the script.
    unwind()
  end
  return loaded, reason
end

return {
  counting = counting,
  globals = globals,
  -- Whether coroutines are those that a budget counts.
  set_counted = function(on)
    for name, counted in pairs(counting) do
      globals.coroutine[name] = on and counted or lua.coroutine[name]
    end
  end,
}
