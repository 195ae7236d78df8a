--- Types as annotations write them, read: `string?`, `(string|integer)[]`, `table<string, any>`,
--- `{ code: integer, signal: string? }`, `fun(text: string): boolean`, `"a"|"b"`.
---
--- ```lua
--- local types = require "reference.types"
---
--- local read, rest = types.take("string|integer? what is left is the description")
--- assert(read == "string|integer?" and rest == "what is left is the description")
--- local parsed = types.parse("{ timeout: any, forward: string[]? }")
--- assert(parsed.kind == "record" and parsed.fields[2].type.optional)
--- ```
local M = {}

---@class reference.Parsed
---@field kind "name"|"list"|"map"|"record"|"function"|"literal"|"either"
---@field name? string of a name: "string", "container.Options"
---@field value? any of a literal
---@field item? reference.Parsed of a list or a map
---@field key? reference.Parsed of a map
---@field kinds? reference.Parsed[] of which it is any
---@field fields? { name: string, type: reference.Parsed }[] of a record
---@field optional? boolean nil will do

--- Cuts the type off the beginning of a text.
---@param text string
---@return string type
---@return string rest
function M.take(text)
  local depth, at = 0, 1
  while at <= #text do
    local sign = text:sub(at, at)
    if sign == '"' then
      at = text:find('"', at + 1, true) or #text
    elseif sign:find("[%(%{%<%[]") then
      depth = depth + 1
    elseif sign:find("[%)%}%>%]]") then
      depth = depth - 1
    elseif sign == " " and depth == 0 then
      -- A union may have blanks around its bars, and what a function answers stands behind a colon.
      local goes_on = text:find("^ *|", at) or text:sub(at - 1, at - 1):find("[|:]")
      if not goes_on then
        return text:sub(1, at - 1), text:sub(at + 1)
      end
    end
    at = at + 1
  end
  return text, ""
end

-- The text that is read, and the place in it.
local source, place

local function skip()
  place = source:find("%S", place) or #source + 1
end

local function eat(pattern)
  skip()
  local first, last, found = source:find("^(" .. pattern .. ")", place)
  if first then
    place = last + 1
    return found
  end
end

local union

local function record()
  local fields = {}
  while not eat "}" do
    local optional
    local name = eat "[%a_][%w_]*"
    if not name then
      eat "%["
      local key = union()
      name = key and (key.name or tostring(key.value)) or "?"
      eat "%]"
    end
    optional = eat "%?"
    eat ":"
    local kind = union()
    if not kind then
      return nil
    end
    kind.optional = kind.optional or optional ~= nil or nil
    fields[#fields + 1] = { name = name, type = kind }
    eat "[,;]"
  end
  return { kind = "record", fields = fields }
end

--- Nothing is judged by what a function takes or answers, so it is only passed over.
local function callable()
  skip()
  local last = select(2, source:find("^%b()", place))
  if not last then
    return nil
  end
  place = last + 1
  if eat ":" then
    repeat
      local name = eat "[%a_][%w_]*%s*:"
      local kind = union()
    until not (name or kind) or not eat ","
  end
  return { kind = "function" }
end

local function simple()
  if eat "%(" then
    local kind = union()
    return eat "%)" and kind
  elseif eat "{" then
    return record()
  end
  local literal = eat '"[^"]*"'
  if literal then
    return { kind = "literal", value = literal:sub(2, -2) }
  end
  local number = eat "%-?%d+"
  if number then
    return { kind = "literal", value = math.tointeger(tonumber(number)) }
  end
  local name = eat "[%a_][%w_%.]*" or eat "%.%.%."
  if not name then
    return nil
  elseif name == "fun" then
    return callable()
  elseif name == "true" or name == "false" then
    return { kind = "literal", value = name == "true" }
  elseif name == "table" and eat "<" then
    local key = union()
    eat ","
    local item = union()
    return eat ">" and key and item and { kind = "map", key = key, item = item }
  end
  return { kind = "name", name = name }
end

local function suffixed()
  local kind = simple()
  while kind do
    if eat "%[%]" then
      kind = { kind = "list", item = kind }
    elseif eat "%?" then
      kind.optional = true
    else
      return kind
    end
  end
end

function union()
  local kinds, optional = {}, nil
  repeat
    local kind = suffixed()
    if not kind then
      return nil
    end
    optional = optional or kind.optional
    if kind.kind == "name" and kind.name == "nil" then
      optional = true
    else
      kinds[#kinds + 1] = kind
    end
  until not eat "|"
  if #kinds == 1 then
    kinds[1].optional = optional
    return kinds[1]
  end
  return { kind = "either", kinds = kinds, optional = optional }
end

--- A type as a tree; nil where it cannot be read.
---@param text string
---@return reference.Parsed?
function M.parse(text)
  source, place = text, 1
  local kind = union()
  skip()
  return kind and place > #source and kind or nil
end

return M
