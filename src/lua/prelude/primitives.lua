-- Primitives: flat functions, and methods of handles. Each is made when it is first named: a script
-- that uses ten need not wait for two hundred.

local services, wrap, globals = ...

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

return {
  make_all = make_all,
  make_methods = make_methods,
  method = method,
  methods = methods,
  primitive = primitive,
  sys = sys,
}
