--- Checks decoded JSON against types, which are written down as plain tables in `oci/schema/*.lua`
--- and read like the chapters of the specification. A type is one of these:
---
--- ```text
--- "string" "boolean" "uint32" …    a basic type, see BASIC below
--- "0..7"                           a whole number of this range
--- "T[]"   "{T}"                    a list of T; an object whose values are all T
--- "T!"                             of a member: it must be there
--- "linux.device"                   the type `device` of `oci/schema/linux.lua`
--- { path = "path!", uid = "id" }   an object; members that are not listed are ignored
--- { "mount", "pid" }               one of these words
--- function(value)                  answers what is expected where the value is wrong
--- ```
---
--- Where an object is right member by member, the rule of its name (`rules.device` of its module)
--- is asked what no single member can tell: it answers `path, problem, hint`, or nothing.
---
--- It is one pass, made for being cheap: a type becomes a closure when a document first has it, so
--- that chapters which no document uses are not even loaded; and a place is put together only while
--- an error returns.
---
--- ```lua
--- local schema = require "oci.schema"
---
--- assert(schema.check({ { type = "network" } }, "linux.namespace[]") == nil)
--- local problem = schema.check({ { type = "netwrk" } }, "linux.namespace[]")
--- assert(problem.path == "[0].type" and problem.hint == 'did you mean "network"?')
--- ```
local M = {}

--- Whether a check has let a whole number through that JSON's reader had to make a float of, so
--- that it may be another than the text has. Who cares sets it to false before.
M.met_float = false

---@class oci.Problem
---@field path string where, as jq writes it: `.mounts[2].destination`
---@field text string what was expected, and what was found
---@field hint? string

-- More of a text is not shown: it may be a megabyte.
local SHOWN = 60

--- A value as an error shows it: on one line, and short.
local function show(value)
  if type(value) == "string" then
    local long = #value > SHOWN and (" … (%d bytes)"):format(#value) or ""
    -- Half a character at the end would be no UTF-8.
    local text = long ~= "" and value:sub(1, SHOWN):gsub("[\xc0-\xff][\x80-\xbf]*$", "") or value
    text = text:gsub('[%c"\\]', function(char)
      return (char == '"' or char == "\\") and "\\" .. char or ("\\u%04x"):format(char:byte())
    end)
    return '"' .. text .. '"' .. long
  elseif type(value) == "table" then
    return (getmetatable(value) or rawlen(value) > 0) and "a list" or "an object"
  end
  return value == nil and "nothing" or tostring(value)
end

---@return oci.Problem
local function wrong(expected, value, hint)
  return { path = "", text = ("expected %s, got %s"):format(expected, show(value)), hint = hint }
end

--- A problem, seen from the object or list that contains its place.
local function within(problem, key)
  local step = math.type(key) and ("[%d]"):format(key) or "." .. tostring(key)
  if not math.type(key) and not step:find "^%.[%a_][%w_]*$" then
    step = ("[%s]"):format(show(key))
  end
  problem.path = step .. problem.path
  return problem
end

-- Whether empty tables are what their marks say: that is so where they come from a JSON text, and
-- one that a Lua policy made may be either.
local exact = false

--- Whether a table stands for a list: it came from one, or it has elements.
---@param value table
function M.is_list(value)
  return getmetatable(value) ~= nil or rawlen(value) > 0 or not exact and next(value) == nil
end

local function is_object(value)
  return getmetatable(value) == nil and rawlen(value) == 0
end

local WHOLE = "a whole number from %s to %s"

local function range(least, most)
  local expected = WHOLE:format(least, most)
  return function(value)
    if math.type(value) ~= "integer" or value < least or value > most then
      return wrong(expected, value)
    end
  end
end

--- One that answers the problem, from one that answers what is expected.
local function judge(expectation)
  return function(value)
    local expected, hint = expectation(value)
    if expected then
      return wrong(expected, value, hint)
    end
  end
end

local find = string.find

local BASIC = {
  any = function() end,
  boolean = function(value)
    if value ~= true and value ~= false then
      return wrong("true or false", value)
    end
  end,
  -- The kernel's texts end at a zero byte, and what follows it would be checked and not used.
  string = function(value)
    if type(value) ~= "string" then
      return wrong("a string", value)
    elseif find(value, "\0", 1, true) then
      return wrong("a string without zero bytes", value)
    end
  end,
  -- What only programs read.
  text = function(value)
    if type(value) ~= "string" then
      return wrong("a string", value)
    end
  end,
  file = function(value)
    if type(value) ~= "string" or value == "" or find(value, "\0", 1, true) then
      return wrong("a path", value)
    end
  end,
  -- What ends up in a line of a file of the kernel's, where a second line is a second command.
  line = function(value)
    if type(value) ~= "string" or find(value, "%c") then
      return wrong("a string without control characters", value)
    end
  end,
  path = function(value)
    if type(value) ~= "string" or not find(value, "^/") then
      return wrong("an absolute path", value)
    elseif find(value, "\0", 1, true) then
      return wrong("a path without zero bytes", value)
    end
  end,
  uint16 = range(0, 0xffff),
  uint32 = range(0, 0xffffffff),
  int32 = range(-0x80000000, 0x7fffffff),
  int64 = range(math.mininteger, math.maxinteger),
  -- -1 is "no limit".
  limit = range(-1, math.maxinteger),
  -- -1 stands for "no change" in the kernel.
  id = range(0, 0xfffffffe),
  -- From 2^63 on a number is a float, and 2^64 is what the largest has become.
  uint64 = function(value)
    if math.type(value) == "integer" and value >= 0 then
      return
    elseif math.type(value) ~= "float" or value < 0x1p63 or value > 0x1p64 then
      return wrong(WHOLE:format("0", "18446744073709551615"), value)
    end
    M.met_float = true
  end,
}

--- The word that was probably meant: near in letters, or the only one that contains it.
local function meant(word, words)
  local near = type(word) == "string" and require("options").nearest(word, words)
  if near or type(word) ~= "string" or #word < 3 then
    return near
  end
  local found
  for _, known in ipairs(words) do
    if known:lower():find(word:lower(), 1, true) then
      if found then
        return nil
      end
      found = known
    end
  end
  return found
end

--- The hint for a word that is none of these; nil where none is near.
---@param word any
---@param words string[]
function M.hint(word, words)
  local near = meant(word, words)
  return near and ("did you mean %q?"):format(near) or nil
end

local function enumeration(words)
  local known = {}
  for _, word in ipairs(words) do
    known[word] = true
  end
  return function(value)
    if not known[value] then
      return wrong('"' .. table.concat(words, '" or "') .. '"', value, M.hint(value, words))
    end
  end
end

local compile

local function list(item)
  local check
  return function(value)
    if type(value) ~= "table" or not M.is_list(value) then
      return wrong("a list", value)
    end
    check = check or compile(item)
    for index = 1, #value do
      local problem = check(value[index])
      if problem then
        return within(problem, index - 1)
      end
    end
    -- Only a policy's tables can have such keys; JSON could not be written from them.
    local extra = next(value, #value > 0 and #value or nil)
    if extra ~= nil then
      return within(wrong("a list without other keys", value), extra)
    end
  end
end

local function map(item)
  local check
  return function(value)
    if type(value) ~= "table" or not is_object(value) then
      return wrong("an object", value)
    end
    check = check or compile(item)
    for key, member in next, value do
      local problem = type(key) == "string" and check(member)
        or type(key) ~= "string" and wrong("a name", key)
      if problem then
        return within(problem, key)
      end
    end
  end
end

local byte = string.byte
local REQUIRED, LIST, MAP = byte "!", byte "]", byte "{"

--- The checks of members, each made when a document first has it.
local function lazily(members)
  return setmetatable({}, {
    __index = function(checks, key)
      local word = members[key]
      if word and byte(word, -1) == REQUIRED then
        word = word:sub(1, -2)
      end
      checks[key] = word and compile(word) or false
      return checks[key]
    end,
  })
end

local function object(members, rule)
  local checks, required = lazily(members), {}
  for key, word in next, members do
    if byte(word, -1) == REQUIRED then
      required[#required + 1] = key
    end
  end
  return function(value)
    if type(value) ~= "table" or not is_object(value) then
      return wrong("an object", value)
    end
    for key, member in next, value do
      local check = checks[key]
      if check then
        local problem = check(member)
        if problem then
          return within(problem, key)
        end
      end
    end
    for index = 1, #required do
      if value[required[index]] == nil then
        return { path = "." .. required[index], text = "is missing, and must be there" }
      end
    end
    if rule then
      local path, text, hint = rule(value)
      return text and { path = path, text = text, hint = hint }
    end
  end
end

--- What a module says about a named type, and its rule.
local function look_up(word)
  local file, name = word:match "^([%l_]+)%.([%l_]+)$"
  local chapter = file and require("oci.schema." .. file)
  if not chapter or not chapter[name] then
    error(("no type is called %q"):format(word))
  end
  return chapter[name], chapter.rules and chapter.rules[name]
end

local function make(word)
  if byte(word, -1) == LIST then
    return list(word:sub(1, -3))
  elseif byte(word) == MAP then
    return map(word:sub(2, -2))
  elseif find(word, "^[-%d]") then
    local least, most = word:match "^(%-?%d+)%.%.(%d+)$"
    return range(math.tointeger(least), math.tointeger(most))
  end
  local described, rule = look_up(word)
  if type(described) == "function" then
    return judge(described)
  elseif type(described) == "string" then
    return compile(described)
  end
  return described[1] and enumeration(described) or object(described, rule)
end

-- The closures by the words that they are made of.
local compiled = BASIC

function compile(word)
  local check = compiled[word]
  if not check then
    check = make(word)
    compiled[word] = check
  end
  return check
end

--- Checks a value; the first problem, or nil where there is none.
---@param value any decoded JSON, or the same made by Lua
---@param word string its type
---@param decoded? boolean it comes from a text as it is
---@return oci.Problem?
function M.check(value, word, decoded)
  exact = decoded or false
  local problem = compile(word)(value)
  exact = false
  return problem
end

--- The members of a value that its type does not know, which the specification wants ignored. It
--- is a pass of its own, for who wants to see them.
---@param value any a value that is right
---@param word string its type
---@return string[] paths
function M.unknown(value, word)
  local found = {}
  local function visit(path, item, kind)
    local inner = kind:match "^(.*)%[%]$" or kind:match "^{(.*)}$"
    local members = not inner and kind:find "^[%l_]+%.[%l_]+$" and look_up(kind)
    if type(item) ~= "table" or not inner and (type(members) ~= "table" or members[1]) then
      return
    end
    for _, key in ipairs(inner and M.is_list(item) and {} or require("options").keys(item)) do
      local place = path .. within({ path = "" }, key).path
      if inner or members[key] then
        visit(place, item[key], inner or (members[key]:gsub("!$", "")))
      else
        found[#found + 1] = place
      end
    end
    for index, element in ipairs(inner and item or {}) do
      visit(("%s[%d]"):format(path, index - 1), element, inner)
    end
  end
  visit("", value, word)
  return found
end

return M
