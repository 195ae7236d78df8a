--- Which piece of the source an error is about: the call that failed, the variable or the option
--- that its message names, or the token that a syntax error stumbled over.
---
--- Lua tells the line only, so the piece is looked for by its name.
---
--- ```lua
--- local caret = require "repl.caret"
---
--- local lines = { "local t = {}", "t.x.y = 1" }
--- local line, from, to = caret.find(lines, { line = 2, message = "… (field 'x')" })
--- assert(line == 2 and from == 3 and to == 3)
--- ```
local tokens = require "repl.tokens"

local M = {}

-- A call's options may stand on the lines after the one that Lua names.
local FURTHER = 24

--- Where each name of a line, or of the lines from it on, stands.
local function names_in(lines, first, last)
  local source = table.concat(lines, "\n", first, math.min(last, #lines))
  local list, starts, at = tokens.scan(source), {}, 1
  for index = first, math.min(last, #lines) do
    starts[#starts + 1] = at
    at = at + #lines[index] + 1
  end
  local function place(token)
    local row = #starts
    while row > 1 and starts[row] > token.from do
      row = row - 1
    end
    local from = token.from - starts[row] + 1
    return first + row - 1, from, from + #token.text - 1
  end
  return list, place
end

local function is_call(list, index)
  local after = list[index + 1]
  return after and (after.text == "(" or after.text == "{" or after.kind == "string")
end

local function is_indexed(list, index)
  local after = list[index + 1]
  return after and (after.text == "." or after.text == "[" or after.text == ":")
end

local function is_key(list, index)
  local after = list[index + 1]
  return after and after.text == "="
end

--- The first name in these lines that is used as `fits` says; else the first at all.
local function find_name(lines, first, last, name, fits)
  local list, place = names_in(lines, first, last)
  local any
  for index, token in ipairs(list) do
    local is_it = token.kind == "name" and token.text == name
      or token.kind == "string" and tokens.content(token) == name
    if is_it and (not fits or fits(list, index)) then
      return place(token)
    end
    any = any or is_it and token
  end
  if any then
    return place(any)
  end
end

--- What `load` stumbled over.
local function find_near(lines, failure)
  local near = failure.message:match(" near (.+)$")
  if not near then
    return nil
  elseif near == "<eof>" then
    local last = #lines
    while last > 1 and not lines[last]:find("%S") do
      last = last - 1
    end
    local column = #lines[last]:gsub("%s+$", "") + 1
    return last, column, column
  end
  local written = near:match("^'(.*)'$") or near
  local line = lines[failure.line] or ""
  local byte = tonumber(written:match("^<\\(%d+)>$"))
  if byte then
    -- Lua takes a character of several bytes apart: the whole of it is marked.
    local from = line:find(string.char(byte), 1, true)
    local _, to = line:find(utf8.charpattern, from)
    return from and failure.line, from, to
  end
  -- The last place is the likeliest: what stands before was read without complaint. A string that
  -- is not finished is named up to where it breaks off.
  local list = tokens.scan(line)
  for index = #list, 1, -1 do
    local token = list[index]
    if token.text == written or token.open and token.text:sub(1, #written) == written then
      return failure.line, token.from, token.from + #written - 1
    end
  end
end

--- The name in a message, and how it was used.
local function named(message)
  local quoted = message:match("^'([%w_]+)' is not declared")
    or message:match("^'([%w_]+)' is global")
    or message:match("%(%a+ '([%w_]+)'%)")
  if quoted then
    local fits = message:find("attempt to call", 1, true) and is_call
      or message:find("attempt to index", 1, true) and is_indexed
    return quoted, fits or nil
  end
  quoted = message:match('has no field "([%w_]+)"') or message:match("no module '([%w_%.]+)'")
  if quoted then
    return quoted
  end
  return message:match("bad argument #%d+ to '([%w_]+)'"), is_call
end

--- The option that a message is about, and whether as a key or as a value.
local function option(message)
  local unknown = message:match('unknown option "([%w_]+)"')
    or message:match("no option is called '([%w_]+)'")
  if unknown then
    return unknown
  end
  -- `options.type: expected …`, `options.unshare[2]: no namespace is called "pdi"`.
  local path = message:match("^([%w_%.%[%]]+): ")
  return path and path:match("%.([%w_]+)%f[^%w_]%[?%d*%]?$"), message:match('"([%w_@+-]+)"')
end

--- The line and the columns, in bytes, of what an error is about; without columns where only the
--- line is known.
---@param lines string[] the chunk
---@param failure { line: integer, message: string, op?: string }
---@return integer line
---@return integer? from
---@return integer? to
function M.find(lines, failure)
  local line, message = failure.line, failure.message
  local at, from, to = find_near(lines, failure)
  if at then
    return at, from, to
  end
  local last = math.min(line + FURTHER, #lines)
  if failure.op then
    local key, value
    if not failure.call then
      key, value = option(message)
    end
    if value then
      at, from, to = find_name(lines, line, last, value, nil)
    end
    if not at and key then
      at, from, to = find_name(lines, line, last, key, is_key)
    end
    if at then
      return at, from, to
    end
    local name = failure.op:match("([%w_]+)$")
    at, from, to = find_name(lines, line, line, name or "", is_call)
    return at or line, from, to
  end
  local name, fits = named(message)
  if name then
    at, from, to = find_name(lines, line, line, name, fits)
  end
  return at or line, from, to
end

return M
