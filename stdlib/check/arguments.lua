--- Calls of primitives, judged as the primitive itself judges its arguments, as far as they are
--- known.
---
--- Tables are walked here, because a part of one may be known only when the script runs; what
--- stands in them is judged by the host: the same words for the same mistake.
---
--- ```lua
--- local check = require "check"
---
--- local found = check.text('mount("proc", "/proc", { typ = "proc" })\n', "box.lua")
--- assert(found[1].message:find('unknown option "typ"; did you mean "type"?', 1, true))
--- ```
local reference = require "reference"
local value = require "check.value"

local M = {}

-- Which kinds of values each type takes, whatever they contain.
local TAKES = {
  boolean = { "boolean" },
  integer = { "number" },
  string = { "string" },
  path = { "string" },
  bytes = { "string" },
  percent = { "string" },
  word = { "string" },
  name = { "string" },
  size = { "string", "number" },
  duration = { "string", "number" },
  mode = { "string", "number" },
  list = { "table" },
  map = { "table" },
  options = { "table" },
  command = { "table" },
  ["function"] = { "function" },
}

--- Whether a value of this kind may be of this type; an unknown one may be of any.
local function takes(shape, kind)
  if not kind or shape.kind == "any" then
    return true
  elseif shape.kind == "either" then
    for _, one in ipairs(shape.kinds) do
      if takes(one, kind) then
        return true
      end
    end
    return false
  elseif shape.kind == "handle" then
    return kind == "handle " .. shape.handle
  end
  for _, one in ipairs(TAKES[shape.kind] or {}) do
    if one == kind then
      return true
    end
  end
  return false
end

--- A place below a type, for the host: the way from the primitive's parameters down.
local function below(path, step)
  local longer = table.move(path, 1, #path, 1, {})
  longer[#longer + 1] = step
  return longer
end

-- Each judge appends { node, code, message } to `found`.
local judge

local CODES = {
  { "did you mean", "unknown-word" },
  { "is not one of", "unknown-word" },
  { "is called", "unknown-word" },
}

local function code_of(message)
  for _, pair in ipairs(CODES) do
    if message:find(pair[1], 1, true) then
      return pair[2]
    end
  end
  return "wrong-value"
end

local function add(found, node, code, message)
  found[#found + 1] = { node = node, code = code, message = message }
end

local KINDS = { ["nil"] = "nothing", table = "a table", ["function"] = "a function" }

local function shown(node, kind)
  local constant = value.constant(node)
  if constant ~= nil then
    return type(constant) == "string" and ("%q"):format(constant) or tostring(constant)
  end
  return KINDS[kind] or (kind:gsub("^handle ", "a ")) or kind
end

--- "string" in a message; a table of options says that it is one.
local function expected(shape)
  return shape.kind == "options" and "a table of options" or shape.text
end

--- The fields of a table: those with a name that is known, those of its list, and whether there may
--- be more.
local function fields_of(node)
  local named, listed, is_open = {}, {}, false
  for index, field in ipairs(node.fields) do
    if not field.key then
      listed[#listed + 1] = field.value
      is_open = is_open or (index == #node.fields and value.is_open(field.value))
    else
      local key = value.constant(field.key)
      if type(key) == "string" then
        named[#named + 1] = { name = key, node = field.key, value = field.value }
      else
        is_open = true
      end
    end
  end
  return named, listed, is_open
end

M.fields_of = fields_of

local function judge_options(found, node, shape, place)
  local named, listed, is_open = fields_of(node)
  local given, names = {}, {}
  for index, option in ipairs(shape.options) do
    names[index] = option.name
  end
  if shape.kind == "command" then
    for index, item in ipairs(listed) do
      local kind = value.kind(item)
      if kind and kind ~= "string" then
        local what = ("%s[%d]: expected string, got %s"):format(
          place.shown,
          index,
          shown(item, kind)
        )
        add(found, item, "wrong-type", what)
      end
    end
    if #listed == 0 and not is_open then
      add(
        found,
        node,
        "missing-argument",
        place.shown .. ": the argument list is empty; its first element is the program"
      )
    end
  elseif listed[1] then
    local what = "%s: expected named options, found the list element 1"
    add(found, listed[1], "wrong-type", what:format(place.shown))
  end
  for _, field in ipairs(named) do
    given[field.name] = value.kind(field.value) ~= "nil"
    local at
    for index, option in ipairs(shape.options) do
      at = option.name == field.name and index or at
    end
    if at then
      local inner = {
        primitive = place.primitive,
        path = below(place.path, at),
        shown = place.shown .. "." .. field.name,
      }
      if value.kind(field.value) ~= "nil" then
        judge(found, field.value, shape.options[at].shape, inner)
      end
    else
      local near = reference.nearest(field.name, names)
      local hint = near and ('; did you mean "%s"?'):format(near)
        or "; known: " .. table.concat(names, ", ")
      local what = '%s: unknown option "%s"%s'
      add(found, field.node, "unknown-option", what:format(place.shown, field.name, hint))
    end
  end
  for _, option in ipairs(shape.options) do
    if option.required and not given[option.name] and not is_open then
      local what = '%s: the option "%s" (%s) is missing'
      add(found, node, "missing-option", what:format(place.shown, option.name, option.type))
      break
    end
  end
end

local function judge_list(found, node, shape, place)
  local named, listed = fields_of(node)
  if named[1] then
    local what = '%s: expected a list, found the key "%s"'
    add(found, named[1].node, "wrong-type", what:format(place.shown, named[1].name))
  end
  for index, item in ipairs(listed) do
    judge(found, item, shape.item, {
      primitive = place.primitive,
      path = below(place.path, 0),
      shown = ("%s[%d]"):format(place.shown, index),
    })
  end
end

local function judge_map(found, node, shape, place)
  local named, listed = fields_of(node)
  if listed[1] then
    local what = "%s: expected names as keys, found 1"
    add(found, listed[1], "wrong-type", what:format(place.shown))
  end
  for _, field in ipairs(named) do
    judge(found, field.value, shape.item, {
      primitive = place.primitive,
      path = below(place.path, 0),
      shown = place.shown .. "." .. field.name,
    })
  end
end

--- One of several types: it is fine where any finds nothing; else the best guess speaks.
local function judge_either(found, node, shape, place, kind)
  local literal = value.follow(node)
  local is_list = literal.kind == "table" and literal.fields[1] and not literal.fields[1].key
  local best
  for index, one in ipairs(shape.kinds) do
    if takes(one, kind) then
      local own = {}
      judge(own, node, one, {
        primitive = place.primitive,
        path = below(place.path, index),
        shown = place.shown,
      })
      if #own == 0 then
        return
      end
      local suits = (one.kind == "list" or one.kind == "command") == (is_list or false)
      if not best or (suits and not best.suits) then
        best = { findings = own, suits = suits }
      end
    end
  end
  for _, one in ipairs(best and best.findings or {}) do
    found[#found + 1] = one
  end
end

function judge(found, node, shape, place)
  local kind = value.kind(node)
  if not kind or shape.kind == "any" then
    return
  elseif not takes(shape, kind) then
    local what = ("%s: expected %s, got %s"):format(place.shown, expected(shape), shown(node, kind))
    if kind == "string" and shape.kind == "list" then
      what = ("%s; a list is written { %s }"):format(what, shown(node, kind))
    end
    return add(found, node, "wrong-type", what)
  end
  local literal = value.follow(node)
  if shape.kind == "either" then
    judge_either(found, node, shape, place, kind)
  elseif kind == "table" then
    if not value.is_whole(node) then
      return
    elseif shape.kind == "list" then
      judge_list(found, literal, shape, place)
    elseif shape.kind == "map" then
      judge_map(found, literal, shape, place)
    else
      judge_options(found, literal, shape, place)
    end
  else
    local constant = value.constant(node)
    local reason = constant ~= nil
      and reference.judge(place.primitive, place.path, constant, place.shown)
    if reason then
      add(found, node, code_of(reason), reason)
    end
  end
end

--- Gives each value of a call the parameter that takes it, as the primitive does: an optional one
--- is passed over where the value has the shape of a later one. Nil where that is not certain.
local function matched(params, arguments)
  local pairs_, at = {}, 1
  for index, param in ipairs(params) do
    local node = arguments[at]
    local kind = node and value.kind(node)
    if not node then
      pairs_[#pairs_ + 1] = { param = param, index = index }
    elseif not kind and not param.required and index < #params and #arguments < #params then
      return nil
    else
      local later = false
      for next = index + 1, #params do
        later = later or (kind and takes(params[next].shape, kind))
      end
      if
        not param.required
        and kind
        and kind ~= "nil"
        and not takes(param.shape, kind)
        and later
      then
        pairs_[#pairs_ + 1] = { param = param, index = index }
      else
        pairs_[#pairs_ + 1] = { param = param, index = index, node = kind ~= "nil" and node or nil }
        at = at + 1
      end
    end
  end
  return pairs_, at
end

local function options_required(shape)
  for _, option in ipairs(shape.kind == "options" and shape.options or {}) do
    if option.required then
      return true
    end
  end
end

--- Judges a call of a primitive.
---@param call table the node
---@param primitive reference.Primitive
---@return { node: table, code: string, message: string }[]
function M.of_primitive(call, primitive)
  local found, arguments, params = {}, call.arguments, primitive.params
  local last = arguments[#arguments]
  local is_open = last ~= nil and value.is_open(last)
  if #arguments > #params + (is_open and 1 or 0) then
    local what = ("%s: too many arguments; it takes %s"):format(primitive.name, primitive.signature)
    add(found, arguments[#params + 1], "too-many-arguments", what)
    return found
  end
  local taken, at = matched(params, arguments)
  if not taken then
    return found
  end
  for _, pair in ipairs(taken) do
    local param = pair.param
    if pair.node then
      judge(found, pair.node, param.shape, {
        primitive = primitive.name,
        path = { pair.index },
        shown = param.name,
      })
    elseif not is_open and (param.required or options_required(param.shape)) then
      local what = "%s: %s is missing (%s); it takes %s"
      what = what:format(primitive.name, param.name, expected(param.shape), primitive.signature)
      add(found, call, "missing-argument", what)
      break
    end
  end
  if arguments[at] and not is_open and #found == 0 and value.kind(arguments[at]) ~= "nil" then
    local what = ("%s: too many arguments; it takes %s"):format(primitive.name, primitive.signature)
    add(found, arguments[at], "too-many-arguments", what)
  end
  return found
end

return M
