--- The names that may be meant at the cursor: fields and methods of what stands before it, or what
--- is in sight.
---
--- Tables are looked into without their metamethods.
---
--- ```lua
--- local members = require "repl.members"
---
--- assert(members.of({ value = { one = 1, two = 2 } }, ".", "o")[1].text == "one")
--- ```
local candidates = require "repl.candidates"
local context = require "repl.context"
local known = require "repl.known"
local leaves = require "repl.leaves"
local reference = require "reference"
local tokens = require "repl.tokens"

local M = {}

-- A table may have any number of keys.
local KEYS = 20000

local IDENTIFIER, UNDERSCORE = "^[%a_][%w_]*$", ("_"):byte()

local candidate = candidates.new

local function kind_of(value)
  if type(value) == "function" then
    return "function"
  elseif type(value) == "table" then
    return "table"
  end
  return type(value) == "userdata" and "handle" or "value"
end

--- A field that is a primitive shows its parameters.
local function of_field(name, value)
  local known_as = type(value) == "function" and leaves.name(value)
  local entry = known_as and reference.primitive(known_as)
  if entry then
    return candidate(name, "primitive", name .. entry.signature:match("%(.*$"))
  end
  return candidate(name, kind_of(value))
end

--- Whether a key is a name that may be meant. A private one is offered to whoever begins it.
local function may_be(key, word)
  return key:find(IDENTIFIER)
    and not tokens.KEYWORDS[key]
    and (key:byte() ~= UNDERSCORE or word:byte() == UNDERSCORE)
end

--- The fields of a table, also those behind `__index`, that begin with a word or contain it.
local function fields_with(value, word, only_functions, contained)
  local list, visited, size = {}, 0, #word
  for _, layer in ipairs(known.layers(value)) do
    for key, item in next, layer do
      visited = visited + 1
      if visited > KEYS or #list > candidates.MOST then
        return list
      end
      local fits = type(key) == "string" and (size == 0 or key:sub(1, size) == word)
      fits = fits or contained and type(key) == "string" and key:find(word, 1, true)
      if fits and (not only_functions or type(item) == "function") and may_be(key, word) then
        list[#list + 1] = of_field(key, item)
      end
    end
  end
  return list
end

local function fields_of(value, word, only_functions)
  local list = fields_with(value, word, only_functions, false)
  if #list == 0 and #word > 2 then
    return fields_with(value, word, only_functions, true)
  end
  return list
end

local function shown(entry)
  return (entry.signature:gsub("^.*[:%.]([%w_]+%()", "%1"))
end

local function methods_of(kind)
  local list = {}
  for _, entry in ipairs(reference.primitives()) do
    if entry.kind == kind or entry.kind == "handle" then
      list[#list + 1] = candidate(entry.method, "method", shown(entry))
    end
  end
  return list
end

--- The fields or methods of what is known of an expression.
function M.of(thing, by, word)
  local value, list = thing.value, {}
  local only = by == ":"
  if type(value) == "table" then
    return fields_of(value, word, only)
  elseif type(value) == "string" then
    return fields_of(string, word, true)
  elseif type(value) == "userdata" then
    local info = handle_info(value)
    for _, name in ipairs(info and not only and info.fields or {}) do
      list[#list + 1] = candidate(name, "field")
    end
    if info then
      return table.move(methods_of(info.kind), 1, 200, #list + 1, list)
    end
    for _, name in ipairs(known.FILE) do
      list[#list + 1] = candidate(name, "method")
    end
  elseif thing.kind then
    return methods_of(thing.kind)
  elseif thing.class then
    local class = reference.class(thing.class)
    for _, field in ipairs(only and {} or class.fields) do
      list[#list + 1] = candidate(field.name, "field")
    end
    for _, entry in ipairs(class.methods) do
      list[#list + 1] = candidate(entry.short, "method", shown(entry))
    end
  elseif thing.module then
    for _, entry in ipairs(reference.module(thing.module).functions) do
      list[#list + 1] = candidate(entry.short, "function", shown(entry))
    end
  end
  return list
end

--- The names in sight: locals first, then those of the prompt and globals, then keywords.
function M.names(env, here, word)
  local list = {}
  for name in pairs(context.locals(here)) do
    list[#list + 1] = candidate(name, "local")
  end
  candidates.sorted(list)
  local more = fields_of(env, word, false)
  local rest = fields_of(known.globals(), word, false)
  table.move(rest, 1, #rest, #more + 1, more)
  table.move(candidates.sorted(more), 1, #more, #list + 1, list)
  local words = {}
  for keyword in pairs(tokens.KEYWORDS) do
    words[#words + 1] = candidate(keyword, "keyword")
  end
  return table.move(candidates.sorted(words), 1, #words, #list + 1, list)
end

return M
