--- What an expression is, as far as its text tells: its kind, its value, and what stands behind a
--- name.
---
--- A variable that is given a value once stands for that value; everything else is unknown, which
--- is nil here and fits every type.
---
--- ```lua
--- local value = require "check.value"
---
--- assert(value.kind { kind = "string", raw = '"64M"' } == "string")
--- assert(value.constant { kind = "number", raw = "0x10" } == 16)
--- ```
local luacats = require "reference.luacats"
local reference = require "reference"
local types = require "reference.types"

local M = {}

local SYMBOLS = { ["true"] = "boolean", ["false"] = "boolean", ["nil"] = "nil" }
local COMPARES =
  { ["=="] = true, ["~="] = true, ["<"] = true, [">"] = true, ["<="] = true, [">="] = true }
local COUNTS = {}
for sign in ("+ - * / // % ^ & | ~ << >>"):gmatch "%S+" do
  COUNTS[sign] = true
end

--- The expression that a variable stands for, where it is given a value only once.
---@param node table
---@return table node
function M.follow(node)
  local steps = 0
  while steps < 20 do
    local variable = node.kind == "name" and node.variable
    if node.kind == "parentheses" then
      node = node.value
    elseif variable and variable.value and not variable.is_changed then
      node = variable.value
    else
      break
    end
    steps = steps + 1
  end
  return node
end

--- Whether what a table is made of is all that it has: it stands here itself, or has a name that is
--- used nowhere else, so that nobody can have changed it.
---@param node table
---@return boolean
function M.is_whole(node)
  while node.kind == "parentheses" do
    node = node.value
  end
  return node.kind == "table" or (node.variable ~= nil and node.variable.uses == 1)
end

--- "string", "number", "boolean", "nil", "table", "function", or "handle NAME"; nil for unknown.
---@param node table
---@return string?
function M.kind(node)
  node = M.follow(node)
  local kind = node.kind
  if kind == "string" or kind == "number" or kind == "table" or kind == "function" then
    return kind
  elseif kind == "symbol" then
    return SYMBOLS[node.raw]
  elseif kind == "binary" then
    if node.operator == ".." then
      return "string"
    end
    return COMPARES[node.operator] and "boolean" or COUNTS[node.operator] and "number" or nil
  elseif kind == "unary" then
    return node.operator == "not" and "boolean" or "number"
  elseif kind == "call" then
    local what = M.meaning(node)
    return what and what.handle and "handle " .. what.handle or nil
  end
end

--- The value of a constant; nil for everything else, also for nil itself.
---@param node table
---@return string|number|boolean|nil
function M.constant(node)
  node = M.follow(node)
  if node.value ~= nil and node.kind == "string" then
    return node.value
  elseif node.kind == "string" or node.kind == "number" then
    return load("return " .. node.raw)()
  elseif node.kind == "symbol" and (node.raw == "true" or node.raw == "false") then
    return node.raw == "true"
  elseif node.kind == "unary" and node.operator == "-" then
    local number = M.constant(node.value)
    return type(number) == "number" and -number or nil
  end
end

--- Whether an expression may stand for any number of values.
---@param node table
---@return boolean
function M.is_open(node)
  return node.kind == "call" or (node.kind == "symbol" and node.raw == "...")
end

--- What a name, a field or a call stands for: a primitive, a module, a function of one, a handle,
--- an object of a class. Nil for unknown.
---@param node table
---@return { primitive: table?, module: string?, entry: table?, handle: string?, class: string? }?
function M.meaning(node)
  node = M.follow(node)
  if node.meaning == nil then
    -- A variable may stand for itself: local x = x.
    node.meaning = false
    node.meaning = M.look(node) or false
  end
  return node.meaning or nil
end

local function of_field(node)
  local key = M.constant(node.key)
  if type(key) ~= "string" then
    return nil
  end
  if node.object.kind == "name" and not node.object.variable and node.object.name == "sys" then
    local primitive = reference.primitive(key)
    return primitive and { primitive = primitive }
  end
  local what = M.meaning(node.object)
  if what and what.module then
    local entry = reference.describe(what.module .. "." .. key)
    return entry and { entry = entry }
  end
end

--- What a call of a module's function answers.
local function answer_of(entry)
  local first = entry.results[1]
  local parsed = first and types.parse(first.type)
  -- What may be nil is looked at before it is used, so it is that, or nothing.
  if parsed and parsed.kind == "name" and reference.class(parsed.name) then
    return { class = parsed.name }
  end
end

local function of_call(node)
  if node.method then
    local what = M.meaning(node.callee)
    local key = node.method.value
    if what and what.handle then
      local method = reference.primitive(what.handle .. ":" .. key)
        or reference.primitive("handle:" .. key)
      return method and M.answer(method)
    elseif what and what.class then
      local entry = reference.describe(what.class .. ":" .. key)
      return entry and answer_of(entry)
    end
    return nil
  end
  local callee = M.follow(node.callee)
  if callee.kind == "name" and not callee.variable and callee.name == "require" then
    local name = node.arguments[1] and M.constant(node.arguments[1])
    return type(name) == "string" and { module = name } or nil
  end
  local what = M.meaning(node.callee)
  if what and what.primitive then
    return M.answer(what.primitive)
  elseif what and what.entry then
    return answer_of(what.entry)
  elseif what and what.module then
    local module = reference.module(what.module)
    local entry = module and module.is_function and module.functions[1]
    return entry and answer_of(entry)
  end
end

--- What a primitive answers, where it is a handle.
---@param primitive table
---@return { handle: string }?
function M.answer(primitive)
  local kind = luacats.return_type(primitive.returns)
  kind = kind and kind:gsub("%?$", "")
  local known = kind and M.handles()[kind]
  return known and { handle = kind } or nil
end

local handles

--- The kinds of handles.
---@return table<string, boolean>
function M.handles()
  if not handles then
    handles = {}
    for _, entry in ipairs(reference.primitives()) do
      if entry.kind and entry.kind ~= "handle" then
        handles[entry.kind] = true
      end
    end
  end
  return handles
end

--- What an expression stands for, looked up anew.
---@param node table
---@return table?
function M.look(node)
  if node.kind == "name" and not node.variable then
    local primitive = reference.primitive(node.name)
    return primitive and not primitive.kind and { primitive = primitive } or nil
  elseif node.kind == "index" then
    return of_field(node)
  elseif node.kind == "call" then
    return of_call(node)
  end
end

return M
