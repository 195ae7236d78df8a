--- What is judged when a whole script has been seen: fields, calls, and variables without readers.
---
--- ```lua
--- local check = require "check"
---
--- local found = check.text('sys.mout("/tmp")\n', "box.lua")
--- assert(found[1].message == "no primitive is called 'mout'; did you mean 'mount'?")
--- ```
local annotated = require "check.annotated"
local arguments = require "check.arguments"
local reference = require "reference"
local value = require "check.value"

local M = {}

-- Where findings go: one walk at a time.
local report

local LIBRARIES = {}
for word in ("string table math io os utf8 coroutine"):gmatch "%a+" do
  LIBRARIES[word] = true
end

local function missing_field(node, of, key, names, hint)
  local near = reference.nearest(key, names)
  local meant = near and ("; did you mean '%s'?"):format(near) or ""
  report(node.key, "unknown-field", ("%s has no '%s'%s"):format(of, key, meant), hint)
end

local function text_keys(map)
  local names = {}
  for key in pairs(map) do
    if type(key) == "string" then
      names[#names + 1] = key
    end
  end
  table.sort(names)
  return names
end

local SHELL = "shell strings are not run here: exec { … } or capture { … } take a list"

--- A field of a library, of `sys` or of a module.
local function field(node)
  local key = value.constant(node.key)
  local object = node.object
  if type(key) ~= "string" then
    return
  elseif object.kind == "name" and not object.variable and object.name == "sys" then
    if not reference.primitive(key) then
      local names = {}
      for index, entry in ipairs(reference.primitives()) do
        names[index] = entry.name
      end
      local near = reference.nearest(key, names)
      local meant = near and ("; did you mean '%s'?"):format(near) or ""
      report(node.key, "unknown-primitive", ("no primitive is called '%s'%s"):format(key, meant))
    end
  elseif object.kind == "name" and not object.variable and LIBRARIES[object.name] then
    local library = _G[object.name]
    -- Whether a field is there may be asked.
    if library[key] == nil and node.is_used then
      local hint = (key == "execute" or key == "popen") and SHELL or nil
      missing_field(node, object.name, key, text_keys(library), hint)
    end
  else
    local what = value.meaning(object)
    local module = what and what.module and node.is_used and try(require, what.module)
    if type(module) == "table" and module[key] == nil then
      missing_field(node, "the module " .. what.module, key, text_keys(module))
    end
  end
end

local function judge_require(node)
  local named = node.arguments[1] and value.constant(node.arguments[1])
  if type(named) ~= "string" then
    return
  end
  if not reference.source(named) then
    local near = reference.nearest(named, reference.PUBLIC)
    local meant = near and ("; did you mean '%s'?"):format(near) or ""
    local what = "the stdlib has no module '%s'%s (nothing else is searched)"
    report(node.arguments[1], "unknown-module", what:format(named, meant))
  end
end

--- A method of a handle, or of an object of the stdlib.
local function judge_method(node)
  local what = value.meaning(node.callee)
  local key = node.method.value
  if what and what.handle then
    local method = reference.primitive(what.handle .. ":" .. key)
      or reference.primitive("handle:" .. key)
    if method then
      return arguments.of_primitive(node, method)
    end
    local names = {}
    for _, entry in ipairs(reference.primitives()) do
      if entry.kind == what.handle or entry.kind == "handle" then
        names[#names + 1] = entry.method
      end
    end
    local near = reference.nearest(key, names)
    local meant = near and ("; did you mean '%s'?"):format(near) or ""
    local said = ("a %s has no method '%s'%s"):format(what.handle, key, meant)
    report(node.method, "unknown-method", said)
  elseif what and what.class then
    local entry = reference.describe(what.class .. ":" .. key)
    if entry then
      return annotated.of_function(node, entry)
    end
    local names, class = {}, reference.class(what.class)
    for index, method in ipairs(class.methods) do
      names[index] = method.short
    end
    -- What is not written down may be there all the same, but not under nearly the same name.
    local near = reference.nearest(key, names)
    if near and not class.hidden[key] then
      local said = "a %s has no method '%s'; did you mean '%s'?"
      report(node.method, "unknown-method", said:format(what.class, key, near))
    end
  end
end

local function judge(node)
  if node.method then
    return judge_method(node)
  end
  local callee = value.follow(node.callee)
  if callee.kind == "name" and not callee.variable and callee.name == "require" then
    return judge_require(node)
  end
  local what = value.meaning(node.callee)
  if what and what.primitive then
    return arguments.of_primitive(node, what.primitive)
  elseif what and what.entry then
    return annotated.of_function(node, what.entry)
  end
end

--- A variable that nobody reads. One that holds what a call has answered may keep it open.
local function unused(variable)
  local initial = variable.value
  local kept = initial
    and (initial.kind == "call" or initial.kind == "symbol" and initial.raw == "...")
  if
    variable.uses > 0
    or variable.is_given
    or variable.closes
    or kept
    or variable.node.name:find "^_"
    or (variable.is_changed and not variable.is_empty)
  then
    return
  end
  report(variable.node, "unused-local", ("'%s' is never read"):format(variable.node.name))
end

--- Judges what a walk has met.
---@param fields table[] nodes of fields that are read
---@param calls table[] nodes of calls
---@param declared table[] local variables
---@param tell fun(node: table, code: string, message: string, hint: string?)
function M.all(fields, calls, declared, tell)
  report = tell
  for _, node in ipairs(fields) do
    field(node)
  end
  for _, node in ipairs(calls) do
    for _, finding in ipairs(judge(node) or {}) do
      report(finding.node, finding.code, finding.message)
    end
  end
  for _, variable in ipairs(declared) do
    unused(variable)
  end
end

return M
