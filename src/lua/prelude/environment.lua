-- The environment of scripts and modules: everything readable, nothing writable, nothing
-- undeclared, so that a misspelt name is an error where it stands.

local services, globals, primitives = ...

local make_all, primitive, sys = primitives.make_all, primitives.primitive, primitives.sys

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

return environment
