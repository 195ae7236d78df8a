-- What is raised, and what catches it.
--
-- A primitive answers `true, value` or `false, error object`, because a Rust error cannot be looked
-- into from Lua; the wrappers made here raise the object. What ends the script passes through every
-- pcall.

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

-- Raises what ends the script.
local function unwind()
  error(UNWIND, 0)
end

return {
  adopt = adopt,
  is_unwind = function(value)
    return rawequal(value, UNWIND)
  end,
  pass = pass,
  protect = protect,
  shield = shield,
  to_object = to_object,
  unwind = unwind,
  wrap = wrap,
}
