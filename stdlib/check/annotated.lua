--- Calls of the stdlib's functions, judged by their annotations.
---
--- ```lua
--- local check = require "check"
---
--- local script = 'require("container").new { memroy = "64M" }\n'
--- assert(check.text(script, "box.lua")[1].message:find("did you mean 'memory'?", 1, true))
--- ```
local arguments = require "check.arguments"
local reference = require "reference"
local types = require "reference.types"
local value = require "check.value"

local M = {}

--- Whether nil will do: it does where anything does.
local function is_optional(parsed)
  return parsed.optional or (parsed.kind == "name" and parsed.name == "any")
end

local NAMES = {
  string = { string = true },
  integer = { number = true },
  number = { number = true },
  boolean = { boolean = true },
  table = { table = true },
  ["function"] = { ["function"] = true },
}

--- Whether a value of this kind may be of this type.
local function takes(parsed, kind)
  if not kind or (kind == "nil" and parsed.optional) then
    return true
  elseif parsed.kind == "name" then
    if NAMES[parsed.name] then
      return NAMES[parsed.name][kind] or false
    elseif reference.class(parsed.name) then
      return kind == "table" or kind:find "^handle" ~= nil
    elseif value.handles()[parsed.name] then
      return kind == "handle " .. parsed.name or kind == "table"
    end
    return true
  elseif parsed.kind == "list" or parsed.kind == "map" or parsed.kind == "record" then
    return kind == "table"
  elseif parsed.kind == "function" then
    return kind == "function"
  elseif parsed.kind == "literal" then
    return kind == math.type(parsed.value) or kind == type(parsed.value)
  end
  for _, one in ipairs(parsed.kinds) do
    if takes(one, kind) then
      return true
    end
  end
  return false
end

local judge

local function add(found, node, code, message)
  found[#found + 1] = { node = node, code = code, message = message }
end

--- The fields of a class or a record by their names; nil where there may be others.
local function known_fields(parsed)
  local known, names = {}, {}
  if parsed.kind == "record" then
    for _, field in ipairs(parsed.fields) do
      known[field.name] = field.type
      names[#names + 1] = field.name
    end
    return known, names
  end
  local class = parsed.kind == "name" and reference.class(parsed.name)
  if not class or #class.fields == 0 or (class.parent or "") ~= "" then
    return nil
  end
  for _, field in ipairs(class.fields) do
    if not field.name:find "^[%a_]" then
      return nil
    end
    local kind = types.parse(field.type) or { kind = "name", name = "any" }
    kind.optional = kind.optional or not field.required
    known[field.name] = kind
    names[#names + 1] = field.name
  end
  return known, names
end

local function judge_fields(found, node, parsed, shown)
  local known, names = known_fields(parsed)
  if not known then
    return
  end
  local named, listed, is_open = arguments.fields_of(node)
  local given = {}
  for _, field in ipairs(named) do
    local kind = known[field.name]
    given[field.name] = value.kind(field.value) ~= "nil"
    if kind then
      judge(found, field.value, kind, shown .. "." .. field.name)
    else
      local near = reference.nearest(field.name, names)
      local hint = near and ("; did you mean '%s'?"):format(near)
        or "; known: " .. table.concat(names, ", ")
      local what = ("%s: no option is called '%s'%s"):format(shown, field.name, hint)
      add(found, field.node, "unknown-option", what)
    end
  end
  if listed[1] and not is_open then
    local what = "%s: expected named options, found the list element 1"
    add(found, listed[1], "wrong-type", what:format(shown))
  end
  for _, name in ipairs(names) do
    if not is_optional(known[name]) and not given[name] and not is_open then
      local what = ("%s: the option '%s' is missing"):format(shown, name)
      add(found, node, "missing-option", what)
      break
    end
  end
end

local function written(parsed)
  if parsed.kind == "either" then
    local kinds = {}
    for index, one in ipairs(parsed.kinds) do
      kinds[index] = written(one)
    end
    return table.concat(kinds, " or ")
  elseif parsed.kind == "list" then
    return "a list"
  elseif parsed.kind == "map" or parsed.kind == "record" then
    return "a table"
  elseif parsed.kind == "literal" then
    return ("%q"):format(parsed.value)
  elseif parsed.kind == "function" then
    return "a function"
  end
  return parsed.name
end

local function judge_either(found, node, parsed, shown, kind)
  local best
  for _, one in ipairs(parsed.kinds) do
    if takes(one, kind) then
      local own = {}
      judge(own, node, one, shown)
      if #own == 0 then
        return
      end
      best = best or own
    end
  end
  table.move(best or {}, 1, #(best or {}), #found + 1, found)
end

local function words_of(parsed)
  local words = {}
  for _, one in ipairs(parsed.kinds or {}) do
    if one.kind ~= "literal" then
      return nil
    end
    words[#words + 1] = one.value
  end
  return words
end

local function judge_word(found, node, parsed, shown)
  local constant = value.constant(node)
  local words = words_of(parsed)
  if constant == nil or not words then
    return false
  end
  for _, word in ipairs(words) do
    if word == constant then
      return true
    end
  end
  local near = type(constant) == "string" and reference.nearest(constant, words)
  local hint = near and ("; did you mean %q?"):format(near) or ""
  local what = ("%s: expected %s, got %q%s"):format(shown, written(parsed), constant, hint)
  add(found, node, "unknown-word", what)
  return true
end

function judge(found, node, parsed, shown)
  local kind = value.kind(node)
  if not kind then
    return
  elseif not takes(parsed, kind) then
    local what = ("%s: expected %s, got a %s"):format(shown, written(parsed), kind)
    return add(found, node, "wrong-type", (what:gsub("got a nil", "got nothing")))
  elseif parsed.kind == "either" then
    if not judge_word(found, node, parsed, shown) then
      judge_either(found, node, parsed, shown, kind)
    end
  elseif parsed.kind == "literal" then
    local constant = value.constant(node)
    if constant ~= nil and constant ~= parsed.value then
      add(
        found,
        node,
        "unknown-word",
        ("%s: expected %q, got %q"):format(shown, parsed.value, constant)
      )
    end
  elseif parsed.kind == "name" and parsed.name == "integer" then
    local constant = value.constant(node)
    if type(constant) == "number" and not math.tointeger(constant) then
      add(found, node, "wrong-value", ("%s: expected integer, got %s"):format(shown, constant))
    end
  elseif kind == "table" and value.is_whole(node) then
    local literal = value.follow(node)
    if parsed.kind == "list" then
      local _, listed = arguments.fields_of(literal)
      for index, item in ipairs(listed) do
        judge(found, item, parsed.item, ("%s[%d]"):format(shown, index))
      end
    elseif parsed.kind == "map" then
      for _, field in ipairs((arguments.fields_of(literal))) do
        judge(found, field.value, parsed.item, shown .. "." .. field.name)
      end
    else
      judge_fields(found, literal, parsed, shown)
    end
  end
end

--- Judges a call of a function of the stdlib.
---@param call table the node
---@param entry reference.Function
---@return { node: table, code: string, message: string }[]
function M.of_function(call, entry)
  local found, given = {}, call.arguments
  local last = given[#given]
  local is_open = last ~= nil and value.is_open(last)
  local by_name = {}
  for _, param in ipairs(entry.params) do
    by_name[param.name] = param
  end
  local names = entry.arguments
  if names[#names] ~= "..." and #given > #names + (is_open and 1 or 0) then
    local what = ("too many arguments; it takes %s"):format(entry.signature)
    add(found, given[#names + 1], "too-many-arguments", what)
  end
  for index, name in ipairs(names) do
    local param = by_name[name]
    local parsed = param and types.parse(param.type)
    if parsed and name ~= "..." then
      parsed.optional = parsed.optional or not param.required
      local node = given[index]
      if node and not (index == #given and is_open) then
        judge(found, node, parsed, name)
      elseif not node and not is_open and not is_optional(parsed) then
        local what = ("%s is missing (%s); it takes %s"):format(name, param.type, entry.signature)
        add(found, call, "missing-argument", what)
        break
      end
    end
  end
  return found
end

return M
