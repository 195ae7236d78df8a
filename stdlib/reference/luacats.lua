--- Definitions for editors: LuaCATS of every primitive, and of every public module of the stdlib.
---
--- A language server that reads them knows each name, each option and what it may be. The files are
--- for editors only: `stdlib/meta/*.d.lua` here, and what `crun-lua setup` writes beside a user's
--- scripts.
---
--- ```lua
--- local luacats = require "reference.luacats"
---
--- assert(luacats.primitives():find("function unshare(kinds, options) end", 1, true))
--- assert(luacats.module("container"):find("---@meta container", 1, true))
--- ```
local reference = require "reference"

local M = {}

-- What is not in the table of primitives: the prelude's own.
local HEAD = [[
---@meta
-- Generated from the table of primitives (`crun-lua reference --luacats`); do not edit.

--- What a primitive raises.
---@class error_object
---@field op string the primitive
---@field message string the error in one line
---@field call? string the call in strace's notation
---@field errno? string `EPERM`
---@field code? integer the error's number
---@field hint? string what to do
---@field where? { file: string, line: integer } where the script stood
---@field cause? error_object
---@field value? any what was raised, where it was no error object
---@field traceback? string

--- Calls a function: its results, or nil and the error object.
---@param body function
---@param ... any
---@return any result
---@return any error an error object, or the second result
function try(body, ...) end

--- The script's arguments; 0 is the script itself.
---@type table<integer, string?>
arg = {}

--- Every primitive, by name.
---@class sys
sys = {}
]]

local HANDLE = [[

--- What every handle can do. It closes with `<close>`, and at the latest when the script ends.
---@class handle
---@field closed boolean
---@field [string] any
local handle = {}]]

-- A parameter may be called what Lua has reserved.
local RESERVED = {}
for word in ("end function in not or and repeat until local goto"):gmatch "%a+" do
  RESERVED[word] = true
end

local function named(name)
  return RESERVED[name] and name .. "_" or name
end

local SIMPLE = {
  boolean = "boolean",
  integer = "integer",
  string = "string",
  path = "string",
  bytes = "string",
  percent = "string",
  name = "string",
  size = "string|integer",
  mode = "string|integer",
  duration = "string|number",
  ["function"] = "fun(...): any",
  any = "any",
}

local function type_of(shape, class)
  local kind = shape.kind
  if kind == "word" then
    return '"' .. table.concat(shape.words, '"|"') .. '"'
  elseif kind == "list" then
    local item = type_of(shape.item, class)
    return item:find("|", 1, true) and ("(%s)[]"):format(item) or item .. "[]"
  elseif kind == "map" then
    -- A name that is given nil is one that is not given.
    return ("table<string, (%s)?>"):format(type_of(shape.item, class))
  elseif kind == "options" or kind == "command" then
    return class
  elseif kind == "handle" then
    return shape.handle
  elseif kind == "either" then
    local kinds = {}
    for index, one in ipairs(shape.kinds) do
      kinds[index] = type_of(one, class)
    end
    return table.concat(kinds, "|")
  end
  return SIMPLE[kind]
end

local classes_of

--- A class for each table of options, the inner ones first.
local function class_of(out, shape, name)
  if shape.kind == "options" or shape.kind == "command" then
    classes_of(out, shape.options, name)
    local parent = shape.kind == "command" and ": { [integer]: string }" or ""
    out[#out + 1] = ("\n---@class %s%s"):format(name, parent)
    for _, option in ipairs(shape.options) do
      local optional = option.required and "" or "?"
      local kind = type_of(option.shape, name .. "." .. option.name)
      out[#out + 1] = ("---@field %s%s %s %s"):format(option.name, optional, kind, option.doc)
    end
  elseif shape.item then
    class_of(out, shape.item, name)
  end
  for _, kind in ipairs(shape.kinds or {}) do
    class_of(out, kind, name)
  end
end

function classes_of(out, params, path)
  for _, param in ipairs(params) do
    class_of(out, param.shape, path .. "." .. param.name)
  end
end

--- The kinds of handles that have methods, sorted.
local function handle_kinds()
  local kinds = {}
  for _, entry in ipairs(reference.primitives()) do
    if entry.kind then
      kinds[entry.kind] = true
    end
  end
  return kinds
end

local TYPES = {
  boolean = "boolean",
  ["true"] = "boolean",
  ["false"] = "boolean",
  string = "string",
  text = "string",
  path = "string",
  bytes = "string",
  integer = "integer",
  number = "number",
  table = "table",
  ["{"] = "table",
}

--- The type that the words of what a primitive answers begin with; nil for nothing.
---@param words string
---@return string?
function M.return_type(words)
  if words:find("^nothing") or words:find("^never") then
    return nil
  end
  local first = words:match("^[^ ,;:%(]*")
  local kind = TYPES[first] or (handle_kinds()[first] and first) or "any"
  if first == "list" then
    local is_text = words:find("^list of strings") or words:find("^list of words")
    kind = is_text and "string[]" or "table[]"
  end
  return words:find("nil", 1, true) and kind ~= "any" and kind .. "?" or kind
end

local function block(out, text)
  for line in (text .. "\n"):gmatch("(.-)\n") do
    out[#out + 1] = line == "" and "---" or "--- " .. line
  end
end

local function primitive(out, entry)
  local path = entry.name:gsub(":", ".")
  classes_of(out, entry.params, path)
  out[#out + 1] = "\n--- " .. entry.summary
  if entry.examples[1] then
    out[#out + 1] = "---\n--- ```lua"
    block(out, (entry.examples[1].code:gsub("%s+$", "")))
    out[#out + 1] = "--- ```"
  end
  if #entry.see > 0 then
    out[#out + 1] = "---\n--- See " .. table.concat(entry.see, ", ") .. "."
  end
  local names = {}
  for index, param in ipairs(entry.params) do
    local kind = type_of(param.shape, path .. "." .. param.name)
    local optional = param.required and "" or "?"
    local line = ("---@param %s%s %s %s"):format(named(param.name), optional, kind, param.doc)
    out[#out + 1] = line:gsub("%s+$", "")
    names[index] = named(param.name)
  end
  local answer = M.return_type(entry.returns)
  local last = entry.params[#entry.params]
  if #entry.params > 1 and last.shape.kind == "function" and not entry.params[1].required then
    -- What is optional may be left out although a function follows: spawn(body).
    out[#out + 1] = ("---@overload fun(%s: fun(...): any): %s"):format(last.name, answer or "nil")
  end
  if answer then
    out[#out + 1] = ("---@return %s # %s"):format(answer, entry.returns)
  end
  out[#out + 1] = ("function %s(%s) end"):format(entry.name, table.concat(names, ", "))
  if not entry.kind then
    out[#out + 1] = ("sys.%s = %s"):format(entry.name, entry.name)
  end
end

--- The definitions of the primitives, and of what scripts have beside Lua's own.
---@return string
function M.primitives()
  local out = { (HEAD:gsub("\n$", "")) }
  for _, kind in ipairs(require("options").keys(handle_kinds())) do
    if kind == "handle" then
      out[#out + 1] = HANDLE
    else
      out[#out + 1] = ("\n---@class %s : handle\nlocal %s = {}"):format(kind, kind)
    end
  end
  for _, entry in ipairs(reference.primitives()) do
    primitive(out, entry)
  end
  return table.concat(out, "\n") .. "\n"
end

-- The stdlib: its annotations, without what they stand before.

local function fields(out, list)
  for _, field in ipairs(list) do
    local optional = field.required and "" or "?"
    local line = ("---@field %s%s %s %s"):format(field.name, optional, field.type, field.doc)
    out[#out + 1] = line:gsub("%s+$", "")
  end
end

local function signature(out, entry, called)
  out[#out + 1] = ""
  block(out, entry.text)
  for _, param in ipairs(entry.params) do
    local optional = param.required and "" or "?"
    local line = ("---@param %s%s %s %s"):format(param.name, optional, param.type, param.doc)
    out[#out + 1] = line:gsub("%s+$", "")
  end
  for _, result in ipairs(entry.results) do
    local doc = result.doc == "" and "" or " # " .. result.doc
    out[#out + 1] = ("---@return %s%s"):format(result.type, doc)
  end
  out[#out + 1] = ("function %s(%s) end"):format(called, table.concat(entry.arguments, ", "))
end

--- Which public module defines a class: that of its own topic, or the first that needs it.
local owners

local function owner_of(class)
  if not owners then
    owners = {}
    for _, module in ipairs(reference.modules()) do
      for _, found in ipairs(module.classes) do
        local topic = found.name:match("^[%w_]+")
        if not owners[found.name] or module.module == topic then
          owners[found.name] = module.module
        end
      end
    end
  end
  return owners[class]
end

M.owner_of = owner_of

--- The definitions of a module: what `require` answers, and the classes that belong to it.
---@param name string
---@return string
function M.module(name)
  local module = reference.module(name)
  local out = { "---@meta " .. name }
  out[#out + 1] =
    "-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit."
  for _, class in ipairs(module.classes) do
    if owner_of(class.name) == name then
      out[#out + 1] = ""
      if class.text ~= "" then
        block(out, class.text)
      end
      local parent = class.parent and class.parent ~= "" and ": " .. class.parent or ""
      out[#out + 1] = ("---@class %s%s"):format(class.name, parent)
      fields(out, class.fields)
      local variable = class.name:gsub("%.", "_")
      out[#out + 1] = ("local %s = {}"):format(variable)
      for _, method in ipairs(class.methods) do
        signature(out, method, variable .. ":" .. method.short)
      end
    end
  end
  out[#out + 1] = ""
  if module.is_function then
    signature(out, module.functions[1], "M")
    out[#out] = "local " .. out[#out]
    out[#out + 1] = "\nreturn M"
    return table.concat(out, "\n") .. "\n"
  end
  block(out, module.text)
  out[#out + 1] = "local M = {}"
  for _, value in ipairs(module.values) do
    out[#out + 1] = ""
    if value.text ~= "" then
      block(out, value.text)
    end
    if value.type then
      out[#out + 1] = "---@type " .. value.type
    end
    -- A language server goes by what the field is made of.
    local is_table = type(require(name)[value.name]) == "table"
    out[#out + 1] = ("M.%s = %s"):format(value.name, is_table and "{}" or "nil ---@type any")
  end
  for _, entry in ipairs(module.functions) do
    signature(out, entry, "M." .. entry.short)
  end
  out[#out + 1] = "\nreturn M"
  return table.concat(out, "\n") .. "\n"
end

--- Every file of definitions, by its name.
---@return table<string, string>
function M.files()
  local files = { ["sys.d.lua"] = M.primitives() }
  for _, name in ipairs(reference.PUBLIC) do
    files[name .. ".d.lua"] = M.module(name)
  end
  return files
end

return M
