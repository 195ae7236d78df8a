--- What a module's text says of itself: the `---` comments before its functions and classes.
---
--- Only what stands at the beginning of a line is looked at, as `stylua` leaves it: a text is read
--- once, line by line, without being parsed as Lua. Comments are LuaCATS; an example is a `lua`
--- block.
---
--- ```lua
--- local annotations = require "reference.annotations"
---
--- local found = annotations.read([[
--- --- Greets.
--- ---@param name string whom
--- function M.hello(name)
--- end
--- return M]], "greeter")
--- assert(found.functions[1].name == "hello" and found.functions[1].params[1].type == "string")
--- ```
local types = require "reference.types"

local M = {}

---@class reference.Read
---@field module string
---@field text string the module's own comment
---@field functions reference.ReadFunction[] of the module's table, in order
---@field classes table<string, reference.ReadClass>
---@field shared { name: string, variable: string, field: string, text: string, line: integer }[]
---@field values { name: string, text: string, type?: string, line: integer }[] other fields of the
--- module's table
---@field requires table<string, string> from a local variable to the module that it holds
---@field is_function boolean whether the module's value is a function

---@class reference.ReadFunction
---@field name string
---@field is_method boolean
---@field arguments string[]
---@field text string the comment without its tags
---@field params { name: string, type: string, required: boolean, doc: string }[]
---@field returns { type: string, doc: string }[]
---@field hidden? boolean marked as the module's own business
---@field line integer

---@class reference.ReadClass
---@field name string
---@field parent? string
---@field text string
---@field fields { name: string, type: string, required: boolean, doc: string }[]
---@field methods reference.ReadFunction[]
---@field line integer

local HIDDEN = { private = true, package = true, protected = true }

local function joined(text, more)
  return text == "" and more or text .. " " .. more
end

--- "name? type words": a parameter or a field.
local function named(rest)
  local name, mark, after = rest:match("^(%S-)(%??)%s+(.*)$")
  if not name then
    return nil
  end
  local kind, doc = types.take(after)
  local optional = mark == "?" or kind:sub(-1) == "?"
  return { name = name, type = kind:gsub("%?$", ""), required = not optional, doc = doc }
end

--- The lines of a comment: its text, and its tags.
local function block_of(lines)
  local block = { text = {}, params = {}, returns = {}, fields = {} }
  local last
  for _, line in ipairs(lines) do
    local tag, rest = line:match("^@(%a+)%s*(.*)$")
    if tag == "param" or tag == "field" then
      last = named(rest)
      local list = tag == "param" and block.params or block.fields
      list[#list + 1] = last
    elseif tag == "return" then
      local kind, doc = types.take(rest)
      last = { type = kind, doc = (doc:gsub("^# *", "")) }
      block.returns[#block.returns + 1] = last
    elseif tag == "class" then
      local name, parent, doc = rest:match("^([%w_%.]+)%s*:?%s*([%w_%.]*)%s*(.*)$")
      -- "Name: Parent", or "Name and words".
      if parent and not rest:find("^[%w_%.]+%s*:") then
        parent, doc = nil, rest:match("^%S+%s*(.*)$")
      end
      block.class, block.parent, last = name, parent, nil
      if doc ~= "" then
        block.text[#block.text + 1] = doc
      end
    elseif tag == "type" then
      block.type, last = types.take(rest), nil
    elseif tag then
      block.hidden, last = block.hidden or HIDDEN[tag], nil
    elseif last then
      last.doc = joined(last.doc, line:match("^%s*(.*)$"))
    else
      block.text[#block.text + 1] = line:gsub("^ ", "", 1)
    end
  end
  block.text = table.concat(block.text, "\n"):gsub("^%s+", ""):gsub("%s+$", "")
  return block
end

--- The names in the parentheses that open on this line, and may go on on further ones.
local function arguments_of(lines, at)
  local text = lines[at]
  while not text:find(")", 1, true) and lines[at + 1] do
    at = at + 1
    text = text .. lines[at]
  end
  local names = {}
  for name in (text:match("%((.-)%)") or ""):gmatch("[^%s,]+") do
    names[#names + 1] = name
  end
  return names
end

local function function_of(block, name, lines, at)
  return {
    name = name,
    is_method = lines[at]:find("^function [%w_]+:") ~= nil,
    arguments = arguments_of(lines, at),
    text = block.text,
    params = block.params,
    returns = block.returns,
    hidden = block.hidden,
    line = at,
  }
end

local NONE = block_of {}

--- The fields of a module's table that is written as a whole: `open = reader.open`.
local function shared_of(found, lines, at)
  repeat
    at = at + 1
    local field, from, what = (lines[at] or "}"):match("^  ([%w_]+) = ([%w_]+)%.([%w_]+),$")
    if field then
      found.shared[#found.shared + 1] =
        { name = field, variable = from, field = what, line = at, text = "" }
    end
  until not lines[at] or lines[at]:find("^}")
end

--- One statement at the beginning of a line, with the comment before it.
local function statement(found, state, block, lines, at)
  local line = lines[at]
  local owner, name = line:match("^function ([%w_]+)[%.:]([%w_]+)")
  if not owner then
    owner, name = line:match("^([%w_]+)%.([%w_]+) = function")
  end
  if owner then
    local class = state.classes[owner]
    -- A module whose value is a class has its functions, and the class its methods.
    local is_own = owner == state.table and not line:find "^function [%w_]+:"
    local list = is_own and found.functions or class and class.methods
    if list and not name:find("^_") then
      list[#list + 1] = function_of(block, name, lines, at)
    end
    return
  end
  local variable, module = line:match('^local ([%w_]+) = require "([%w_%.]+)"')
  if variable then
    found.requires[variable] = module
    return
  end
  if line == "local " .. state.table .. " = {" then
    shared_of(found, lines, at)
  end
  variable = line:match("^local ([%w_]+) = ")
  if variable and block.class then
    state.classes[variable] = found.classes[block.class]
    return
  end
  local field, from, what = line:match("^" .. state.table .. "%.([%w_]+) = ([%w_]+)%.([%w_]+)$")
  if field then
    found.shared[#found.shared + 1] =
      { name = field, variable = from, field = what, line = at, text = block.text }
    return
  end
  field = line:match("^" .. state.table .. "%.([%w_]+) = ")
  if field and not field:find("^_") then
    found.values[#found.values + 1] = {
      name = field,
      text = block.text,
      type = block.type,
      line = at,
    }
  elseif line:find("^return function") then
    found.is_function = true
    found.functions[#found.functions + 1] = function_of(block, "", lines, at)
  end
end

--- Reads a module's text.
---@param text string
---@param module string its name
---@return reference.Read
function M.read(text, module)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  local found = {
    module = module,
    text = "",
    functions = {},
    classes = {},
    shared = {},
    values = {},
    requires = {},
    is_function = false,
  }
  local state = { table = text:match("\nreturn ([%a_][%w_]*)%s*$") or "M", classes = {} }
  local at, comment = 1, nil
  while lines[at] do
    local line = lines[at]
    if line:find("^%-%-%-") then
      local first, inside = at, {}
      repeat
        inside[#inside + 1] = lines[at]:sub(4)
        at = at + 1
      until not (lines[at] and lines[at]:find("^%-%-%-"))
      comment = block_of(inside)
      if comment.class then
        found.classes[comment.class] = {
          name = comment.class,
          parent = comment.parent,
          text = comment.text,
          fields = comment.fields,
          methods = {},
          line = first,
        }
      elseif first == 1 then
        found.text = comment.text
        comment = lines[at] == "" and NONE or comment
      end
    else
      if line:find("^%a") then
        statement(found, state, comment or NONE, lines, at)
      end
      comment = nil
      at = at + 1
    end
  end
  return found
end

return M
