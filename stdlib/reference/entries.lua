--- Entries of the reference out of what the stdlib's comments say: functions, classes, and what
--- belongs to a module; the shapes are those that `reference` declares.
---
--- ```lua
--- local reference = require "reference"
--- local entries = require "reference.entries"
---
--- assert(reference.class("container.Box").methods[1].signature:find("^Box:"))
--- assert(entries.first_sentence("One thing. Another thing.") == "One thing.")
--- ```
local texts = require "reference.texts"
local types = require "reference.types"

local M = {}

--- The text without its examples, and these.
---@param text string
---@return string
---@return string[]
function M.without_examples(text)
  local examples = {}
  local rest = ("\n" .. text):gsub("\n```lua\n(.-)\n```", function(code)
    examples[#examples + 1] = code
    return ""
  end)
  return (rest:gsub("^%s+", ""):gsub("\n\n\n+", "\n\n")), examples
end

--- A text's first sentence; all of its first paragraph where that is none.
---@param text string
---@return string
function M.first_sentence(text)
  local paragraph = (text .. "\n\n"):match("^(.-)\n\n"):gsub("\n", " ")
  return paragraph:match("^(.-[%.!?])%s+[%u`]") or paragraph
end

local params_of

-- What a type says of a value's fields and words. `within`: the classes whose fields these are,
-- the innermost first.
local function widen(param, text, within)
  local parsed = types.parse(text)
  local function walk(kind)
    if not kind then
      return
    end
    local parts = kind.kind == "name" and texts.class_parts(kind.name)
    if kind.kind == "record" then
      param.options = {}
      for index, field in ipairs(kind.fields) do
        param.options[index] = { name = field.name, type = "", doc = "" }
        param.options[index].required = not field.type.optional
      end
    elseif parts then
      param.class = kind.name
      param.options = params_of(parts[1].class.fields, kind.name, within)
    elseif kind.kind == "literal" and type(kind.value) == "string" then
      param.words = param.words or {}
      table.insert(param.words, kind.value)
    end
    walk(kind.item)
    for _, one in ipairs(kind.kinds or {}) do
      walk(one)
    end
  end
  walk(parsed)
end

local function is_within(class, within)
  while within do
    if within.class == class then
      return true
    end
    within = within.outer
  end
  return false
end

-- A class may be a field of its own: then it is named, and not opened again.
function params_of(list, class, outer)
  if class and is_within(class, outer) then
    return nil
  end
  local within = class and { class = class, outer = outer } or outer
  local made = {}
  for index, given in ipairs(list) do
    local param =
      { name = given.name, type = given.type, required = given.required, doc = given.doc }
    widen(param, given.type, within)
    made[index] = param
  end
  return made
end

local function results_in_words(returns)
  local parts = {}
  for index, result in ipairs(returns) do
    parts[index] = result.doc == "" and result.type or result.type .. ": " .. result.doc
  end
  return #parts > 0 and table.concat(parts, "; ") or "nothing"
end

--- The examples in other comments that call a function.
local function examples_with(pattern, ...)
  for _, text in ipairs { ... } do
    local _, examples = M.without_examples(text)
    for _, code in ipairs(examples) do
      if code:find(pattern) then
        return { code }
      end
    end
  end
  return {}
end

local function function_entry(given, module, name, called)
  local doc, own = M.without_examples(given.text)
  local examples = own
  if #examples == 0 and given.name ~= "" then
    -- Where its own comment has none, that of its module, or of its class, may show it.
    local pattern = (given.is_method and ":" or "%.") .. given.name .. "[^%w_]"
    local public = texts.annotated(name:match("^(.+)%.[%w_]+$") or module)
      or texts.annotated(module)
    examples = examples_with(pattern, texts.annotated(module).text, public.text)
  elseif #examples == 0 then
    examples = examples_with("", texts.annotated(module).text)
  end
  local params = params_of(given.params)
  local optional, shown = {}, {}
  for _, param in ipairs(params) do
    optional[param.name] = not param.required
  end
  for index, argument in ipairs(given.arguments) do
    shown[index] = argument .. (optional[argument] and "?" or "")
  end
  return {
    name = name,
    short = given.name,
    module = module,
    signature = ("%s(%s)"):format(called or name, table.concat(shown, ", ")),
    summary = M.first_sentence(doc),
    doc = doc,
    text = given.text,
    own = own,
    examples = examples,
    params = params,
    arguments = given.arguments,
    returns = results_in_words(given.returns),
    results = given.returns,
    file = "stdlib/" .. module:gsub("%.", "/") .. ".lua",
    line = given.line,
  }
end

local function find_function(list, name)
  for _, one in ipairs(list) do
    if one.name == name then
      return one
    end
  end
end

--- The functions of a module's table, also those that it has from a part of it, and other fields.
function M.fields(found)
  local list, values = {}, table.move(found.values, 1, #found.values, 1, {})
  for _, given in ipairs(found.functions) do
    if not given.hidden then
      local name = given.name == "" and found.module or found.module .. "." .. given.name
      list[#list + 1] = function_entry(given, found.module, name)
    end
  end
  for _, shared in ipairs(found.shared) do
    local module = found.requires[shared.variable]
    local from = module and texts.annotated(module)
    local given = from and find_function(from.functions, shared.field)
    if given and not given.hidden then
      list[#list + 1] = function_entry(given, module, found.module .. "." .. shared.name)
      list[#list].short = shared.name
    elseif not given then
      values[#values + 1] = { name = shared.name, text = shared.text, line = shared.line }
    end
  end
  return list, values
end

function M.class(name, parts)
  local first = parts[1].class
  local doc = M.without_examples(first.text)
  local class = {
    name = name,
    parent = first.parent,
    summary = M.first_sentence(doc),
    doc = doc,
    text = first.text,
    fields = params_of(first.fields, name),
    methods = {},
    hidden = {},
    file = "stdlib/" .. parts[1].module:gsub("%.", "/") .. ".lua",
    line = first.line,
  }
  for _, part in ipairs(parts) do
    for _, given in ipairs(part.class.methods) do
      if given.hidden or not given.is_method then
        class.hidden[given.name] = true
      else
        local short = name:match("[%w_]+$")
        local full = ("%s:%s"):format(name, given.name)
        local entry = function_entry(given, part.module, full, short .. ":" .. given.name)
        entry.class = name
        class.methods[#class.methods + 1] = entry
      end
    end
  end
  return class
end

--- The classes that functions take and answer, and those that these are made of.
function M.reachable(functions)
  local list, seen = {}, {}
  local visit
  local function visit_type(text)
    for name in text:gmatch("[%a_][%w_%.]*") do
      visit(name)
    end
  end
  local function visit_function(entry)
    for _, param in ipairs(entry.params) do
      visit_type(param.type)
    end
    for _, result in ipairs(entry.results) do
      visit_type(result.type)
    end
  end
  function visit(name)
    local parts = not seen[name] and texts.class_parts(name)
    if parts then
      seen[name] = true
      local class = M.class(name, parts)
      list[#list + 1] = class
      visit(class.parent or "")
      for _, field in ipairs(class.fields) do
        visit_type(field.type)
      end
      for _, method in ipairs(class.methods) do
        visit_function(method)
      end
    end
  end
  for _, entry in ipairs(functions) do
    visit_function(entry)
  end
  return list
end

return M
