--- What may stand at the cursor within a call: the parameter or the option that is being written,
--- down through nested tables.
---
--- ```lua
--- local context = require "repl.context"
--- local expected = require "repl.expected"
---
--- local here = context.of('mount("proc", "/proc", { ty', 27)
--- local at = expected.at({}, here)
--- assert(at.key and at.param.name == "options" and at.entry.name == "mount")
--- ```
local known = require "repl.known"
local reference = require "reference"

local M = {}

--- What is expected at the cursor.
---@class repl.Expected
---@field entry table the function that is called
---@field param reference.Param the argument, or the option, that the cursor is in
---@field key boolean whether the name of an option is written, not its value
---@field argument integer which parameter of the call, from 1
---@field strict? boolean the table takes named options, and nothing else

--- Whether a shape, or one of its alternatives, passes a test.
local function any_shape(shape, test)
  if not shape then
    return false
  elseif test(shape) then
    return true
  end
  for _, one in ipairs(shape.kinds or {}) do
    if any_shape(one, test) then
      return true
    end
  end
  return false
end

--- Whether a parameter, or an element of it, is of a kind of the table of primitives.
---@param param reference.Param
---@param kind string
---@return boolean
function M.is(param, kind)
  local function deep(shape)
    return shape.kind == kind or shape.item and any_shape(shape.item, deep)
  end
  return any_shape(param.shape, deep)
end

--- The kinds of handles that a parameter may be.
---@param param reference.Param
---@return table<string, true>
function M.handles(param)
  local found = {}
  any_shape(param.shape, function(shape)
    if shape.kind == "handle" then
      found[shape.handle] = true
    end
    return false
  end)
  for word in param.type:gmatch("[%w_]+") do
    if not param.shape and known.is_kind(word) then
      found[word] = true
    end
  end
  return found
end

--- Whether a value is a list, and nothing else.
local function is_list(param)
  if param.shape then
    return param.shape.kind == "list"
  end
  return param.type:find("%[%]%??$") ~= nil and not param.type:find("|", 1, true)
end

--- Whether a table has no elements beside its options.
local function is_strict(param)
  if param.shape then
    return param.shape.kind == "options"
  end
  return param.class ~= nil and not param.type:find("[%[|]")
end

local function takes_table(param)
  return param.options
    or param.class
    or any_shape(param.shape, function(shape)
      return shape.item or shape.options or shape.kind == "any"
    end)
    or not param.shape and (param.type:find("%[%]") or param.type:find("table"))
end

--- "as for `spawn`": what the documentation says instead of saying it again.
local function as_for(param, entry_name)
  local name = not param.shape and param.doc:match("as for `([%w_:%.]+)`")
  local other = name and name ~= entry_name and reference.primitive(name)
  for _, one in ipairs(other and other.params or {}) do
    if one.name == param.name then
      return one
    end
    for _, option in ipairs(one.options or {}) do
      if option.name == param.name then
        return option
      end
    end
  end
  return param
end

--- The option of a name; where a table is one of names of the user's own, what its values are.
local function option_of(param, key)
  for _, option in ipairs(param.options or {}) do
    if option.name == key then
      return option
    end
  end
  return any_shape(param.shape, function(shape)
    return shape.kind == "map"
  end) and param or nil
end

--- An element of a list, which is written as the list's own words and options are.
local function element_of(param)
  local item = param.shape and param.shape.item
  return setmetatable({ shape = item or false, element = true }, {
    __index = function(_, name)
      return param[name]
    end,
  })
end

--- The parameter that takes an argument: one that may be left out is passed over by what cannot be
--- it.
local function parameter(entry, argument, first)
  local params = entry.params
  local param = params[math.min(argument, #params)]
  if argument > #params then
    -- The last may stand for any number.
    local last = params[#params]
    return last and last.name == "..." and last or nil
  elseif first == "{" and not takes_table(param) then
    for index = argument + 1, #params do
      if takes_table(params[index]) then
        return params[index], index
      end
    end
  elseif first == "function" then
    for index = argument, #params do
      local one = params[index]
      if M.is(one, "function") or one.type:find("^fun") then
        return one, index
      end
    end
  end
  return param, argument
end

--- What is expected at the cursor; nil outside of calls, and in those of unknown functions.
---@param env table what the prompt's lines run in
---@param here repl.Context
---@return repl.Expected?
function M.at(env, here)
  local entry, shift = known.callee(env, here)
  if not entry or not entry.params or #entry.params == 0 then
    return nil
  end
  local start = here.tokens[here.call.start]
  local first = here.path[1] and "{" or start and start.text
  local argument = here.call.argument - shift
  local param, index = parameter(entry, math.max(argument, 1), first)
  if not param or argument < 1 then
    return nil
  end
  local at = { entry = entry, param = param, key = false, argument = index or argument }
  for depth, frame in ipairs(here.path) do
    local last = depth == #here.path
    if frame.key then
      param = option_of(param, frame.key)
      param = param and as_for(param, entry.name)
    elseif not last then
      param = element_of(param)
    else
      local before = here.tokens[here.before]
      local starts = before and (before.text == "{" or before.text == "," or before.text == ";")
      local in_text = here.token and here.token.kind == "string"
      at.key = starts and not in_text and not is_list(param) and param.options ~= nil
      at.strict = at.key and is_strict(param)
    end
    if not param then
      return nil
    end
    at.param = param
  end
  at.key = at.key or false
  return at
end

--- Words that a parameter's value, or an element of it, may be: those of its type, or those that
--- its documentation has in quotes.
---@param param reference.Param
---@return string[] words
---@return boolean only whether there are no others
function M.words(param)
  if param.words then
    return param.words, true
  end
  local list = {}
  if param.type:find("string") or param.type:find("any") or param.type:find("list") then
    for word in (param.doc or ""):gmatch('"([^"%s]+)"') do
      list[#list + 1] = word
    end
  end
  return list, false
end

return M
