--- What is known of an expression before it has run: the value where it exists already, else the
--- kind of handle, the class, or the module that it will be; and of a function its parameters.
---
--- Values are looked into without a metamethod: only handles, and the tables of globals and of
--- primitives, which are the program's own, are asked for a field.
---
--- ```lua
--- local context = require "repl.context"
--- local known = require "repl.known"
---
--- local here = context.of("local c = spawn({}, f) c:", 25)
--- local thing = known.resolve({}, here, here.before - 1)
--- assert(thing.kind == "process")
--- ```
local context = require "repl.context"
local leaves = require "repl.leaves"
local reference = require "reference"
local steps = require "repl.steps"

local M = {}

--- What is known of an expression: one of these.
---@class repl.Thing
---@field value? any it exists, and is this
---@field kind? string it will be a handle of this kind
---@field class? string it will be of this class of the stdlib
---@field module? string it will be this module
---@field entry? table it is a function, and this is what `reference` has of it

-- Chains of `__index` and of locals that hold locals end somewhere.
local DEEPEST = 10

--- The methods of files, which have no table to be read.
M.FILE = { "close", "flush", "lines", "read", "seek", "setvbuf", "write" }

local globals

--- The globals of scripts: names to values.
---@return table<string, any>
function M.globals()
  if not globals then
    globals = {}
    for name, value in pairs(_G) do
      globals[name] = value
    end
  end
  return globals
end

--- The names of a table that is the program's own; nil of another.
local function own_names(value)
  local meta = getmetatable(value)
  if meta == "environment" then
    return M.globals()
  elseif meta == "primitives" then
    local names = {}
    for name in pairs(value) do
      names[name] = value[name]
    end
    return names
  end
end

--- The tables that a table's fields are looked for in: itself, and those behind `__index`.
---@param value table
---@return table[]
function M.layers(value)
  local layers, depth = {}, 0
  while type(value) == "table" and depth < DEEPEST do
    depth = depth + 1
    local own = own_names(value)
    layers[depth] = own or value
    local meta = not own and getmetatable(value)
    value = type(meta) == "table" and rawget(meta, "__index") or nil
  end
  return layers
end

--- A table's field, without calling anything.
function M.peek(value, name)
  for _, layer in ipairs(M.layers(value)) do
    local found = rawget(layer, name)
    if found ~= nil then
      return found
    end
  end
end

local kinds

--- Whether there are handles of this kind.
---@param word string
---@return boolean
function M.is_kind(word)
  if not kinds then
    kinds = {}
    for _, entry in ipairs(reference.primitives()) do
      if entry.kind then
        kinds[entry.kind] = true
      end
    end
  end
  return kinds[word] == true
end

--- A handle's method.
function M.method(kind, name)
  return reference.primitive(kind .. ":" .. name) or reference.primitive("handle:" .. name)
end

-- Functions of the stdlib by where they stand.
local placed = {}

local function in_module(file)
  local module = file:match("^stdlib/(.+)%.lua$")
  if not module then
    return {}
  end
  if not placed[file] then
    local found = {}
    module = module:gsub("/", ".")
    for _, entry in ipairs((reference.module(module) or { functions = {} }).functions) do
      found[entry.file == file and entry.line or 0] = entry
    end
    -- A class has its methods in the text that declares it, and may have some elsewhere.
    for name in (reference.source(module) or ""):gmatch("%-%-%-@class ([%w_%.]+)") do
      for _, entry in ipairs((reference.class(name) or { methods = {} }).methods) do
        found[entry.file == file and entry.line or 0] = entry
      end
    end
    placed[file] = found
  end
  return placed[file]
end

--- What `reference` has of a function that exists; nil of one that is not the program's.
---@param value function
---@return table?
function M.entry_of(value)
  local name = leaves.name(value)
  if name then
    return reference.primitive(name) or M.library(name)
  end
  local info = function_info(value)
  return info.file and in_module(info.file)[info.line]
end

--- A function of Lua's own library, as `reference` would have it.
function M.library(name)
  local signature = require("repl.library")[name]
  if not signature then
    return nil
  end
  local params = {}
  for word in signature:gmatch("[%w_%.?]+") do
    params[#params + 1] = {
      name = word:gsub("%?$", ""),
      type = "",
      doc = "",
      required = word:sub(-1) ~= "?" and word ~= "...",
    }
  end
  return {
    name = name,
    signature = ("%s(%s)"):format(name, signature),
    params = params,
    summary = "",
  }
end

local function thing_of(value)
  return value ~= nil and { value = value } or nil
end

--- What a type of the annotations, or the words of a primitive's returns, stand for.
local function of_type(text)
  local word = text:match("^[%w_%.]+")
  if not word then
    return nil
  elseif M.is_kind(word) then
    return { kind = word }
  elseif word == "string" then
    return { value = "" }
  elseif word:find(".", 1, true) and reference.class(word) then
    return { class = word }
  end
end

--- What a call answers.
local function called(thing, step)
  local entry = thing.entry or type(thing.value) == "function" and M.entry_of(thing.value)
  if not entry then
    return nil
  elseif entry.name == "require" and step.argument then
    return reference.module(step.argument) and { module = step.argument } or nil
  elseif entry.results then
    return entry.results[1] and of_type(entry.results[1].type)
  end
  return entry.returns and of_type(entry.returns)
end

local function of_handle(kind, value, name)
  local info = value ~= nil and handle_info(value)
  if info then
    for _, field in ipairs(info.fields) do
      if field == name then
        return thing_of(value[name])
      end
    end
  end
  local entry = M.method(kind, name)
  return entry and { entry = entry }
end

local function find_short(list, name)
  for _, entry in ipairs(list) do
    if entry.short == name then
      return { entry = entry }
    end
  end
end

local function field(thing, name)
  local value = thing.value
  if type(value) == "table" then
    return thing_of(M.peek(value, name))
  elseif type(value) == "string" then
    return thing_of(rawget(string, name))
  elseif type(value) == "userdata" then
    local info = handle_info(value)
    return info and of_handle(info.kind, value, name)
  elseif thing.kind then
    return of_handle(thing.kind, nil, name)
  elseif thing.class then
    local class = reference.class(thing.class)
    for _, one in ipairs(class.fields) do
      if one.name == name then
        return of_type(one.type)
      end
    end
    return find_short(class.methods, name)
  elseif thing.module then
    return find_short(reference.module(thing.module).functions, name)
  end
end

--- The last token of the expression that begins at a token, where it is a plain one: a name with
--- fields, methods and calls; nil where it is not, with whether it has not ended yet.
local function plain_end(here, first)
  local list, closing = here.tokens, {}
  for close, open in pairs(here.match) do
    closing[open] = close
  end
  local at = first
  local start = list[at]
  if not start or start.kind ~= "name" and start.kind ~= "string" then
    return nil
  end
  while list[at + 1] do
    local after = list[at + 1]
    if
      (after.text == "." or after.text == ":")
      and list[at + 2]
      and list[at + 2].kind == "name"
    then
      at = at + 2
    elseif after.kind == "op" and after.text:find("^[({%[]$") then
      at = closing[at + 1]
      if not at then
        return nil, true
      end
    elseif after.kind == "string" then
      at = at + 1
    elseif after.kind == "op" and after.text ~= "," and after.text ~= ";" and after.text ~= ")" then
      return nil
    elseif after.text == "and" or after.text == "or" then
      return nil
    else
      break
    end
  end
  return at
end

local function of_name(env, here, step, depth)
  local name, found = step.name, context.lookup(here, step.name)
  if found then
    local last, open = plain_end(here, found.value or 0)
    -- In `local mount = mount(…` the second is not the first: that is declared by its end.
    local own = found.value and step.at >= found.value and (open or last and step.at <= last)
    if not own then
      return last and M.resolve(env, here, last, depth + 1)
    end
  end
  local value = rawget(env, name)
  if value == nil then
    value = M.peek(env, name)
  end
  if value == nil then
    value = M.globals()[name]
  end
  return thing_of(value)
end

--- What is known of the expression that ends with a token; nil where nothing is.
---@param env table what the prompt's lines run in
---@param here repl.Context
---@param last integer
---@param depth? integer
---@return repl.Thing?
function M.resolve(env, here, last, depth)
  depth = depth or 0
  local found = depth < DEEPEST and steps.to(here, last)
  if not found then
    return nil
  end
  local thing
  for _, step in ipairs(found) do
    if step.call then
      thing = called(thing, step)
    elseif step.by then
      thing = field(thing, step.name)
    elseif step.name then
      thing = of_name(env, here, step, depth)
    elseif step.value == "string" then
      thing = { value = "" }
    end
    if not thing then
      return nil
    end
  end
  return thing
end

--- What `reference` has of the function that is called at the cursor, and how many arguments the
--- call has that its parameters do not tell: a method with a dot is given its handle, a function of
--- a string's that is called with a colon is not.
---@param env table
---@param here repl.Context
---@param frame? repl.Frame the call; the innermost
---@return table? entry
---@return integer shift
function M.callee(env, here, frame)
  frame = frame or here.call
  local thing = frame and M.resolve(env, here, frame.callee)
  if not thing then
    return nil, 0
  end
  local entry = thing.entry or type(thing.value) == "function" and M.entry_of(thing.value) or nil
  local by = here.tokens[frame.callee - 1]
  local is_method = entry and (entry.kind or entry.class) ~= nil
  if not entry or not by then
    return entry, 0
  elseif by.text == ":" and not is_method then
    return entry, -1
  end
  return entry, by.text == "." and is_method and 1 or 0
end

return M
