--- The tokens of Lua text that is still being written: what is not finished is a token as well.
---
--- `load` says whether a text is right. Completion, hints and colours must know what stands where
--- in one that is not: a string without its end, half a comment, a bracket too many. So nothing is
--- an error here, and the tokens cover the whole text but for its blanks.
---
--- ```lua
--- local tokens = require "repl.tokens"
---
--- local list = tokens.scan('mount("pro')
--- assert(#list == 3 and list[1].text == "mount" and list[2].kind == "op")
--- assert(list[3].kind == "string" and list[3].open and tokens.content(list[3]) == "pro")
--- ```
local M = {}

--- One token.
---@class repl.Token
---@field kind "name"|"keyword"|"number"|"string"|"comment"|"op"|"unknown"
---@field text string as it was written
---@field from integer its first byte
---@field to integer its last byte
---@field open? boolean a string or a comment without its end
---@field inner? integer of a string: the first byte of its content
---@field tail? integer how many bytes close a string

--- The words that are no names.
M.KEYWORDS = {}
for word in
  ([[and break do else elseif end false for function goto if in local nil not or repeat return
  then true until while]]):gmatch("%a+")
do
  M.KEYWORDS[word] = true
end

--- Brackets, and what each closing one closes.
M.OPENS = { ["("] = true, ["{"] = true, ["["] = true }
M.CLOSES = { [")"] = "(", ["}"] = "{", ["]"] = "[" }

-- Operators of more than one character by their first, the longest first.
local LONG = {
  ["."] = { "...", ".." },
  ["="] = { "==" },
  ["~"] = { "~=" },
  ["<"] = { "<=", "<<" },
  [">"] = { ">=", ">>" },
  ["/"] = { "//" },
  [":"] = { "::" },
}

--- The last byte of a long bracket that opens at `at`, and where its content begins; nil where none
--- opens there.
local function long_bracket(text, at)
  local _, opened, level = text:find("^%[(=*)%[", at)
  if not opened then
    return nil
  end
  local _, closed = text:find("]" .. level .. "]", opened + 1, true)
  return closed or #text, opened + 1, not closed, #level + 2
end

--- The last byte of a string in quotes. It ends with its line, unless a backslash carries it on.
local function quoted(text, at, quote)
  local pattern = quote == '"' and '[\\\n"]' or "[\\\n']"
  local from = at + 1
  while true do
    local found = text:find(pattern, from)
    if not found then
      return #text, true
    end
    local byte = text:sub(found, found)
    if byte == quote then
      return found, false
    elseif byte == "\n" then
      return found - 1, true
    end
    local _, skipped = text:find("^z%s*", found + 1)
    from = (skipped or found + 1) + 1
  end
end

local function number_end(text, at)
  local _, to = text:find("^0[xX][%x.]*", at)
  if to then
    local _, exponent = text:find("^[pP][+-]?%d*", to + 1)
    return exponent or to
  end
  _, to = text:find("^[%d.]+", at)
  local _, exponent = text:find("^[eE][+-]?%d*", to + 1)
  -- What follows without a blank belongs to it, as Lua reads it: `12ab` is one wrong number.
  local _, rest = text:find("^[%w_]+", (exponent or to) + 1)
  return rest or exponent or to
end

local function comment(text, at)
  local to, inner, open = long_bracket(text, at + 2)
  if to then
    return { kind = "comment", from = at, to = to, inner = inner, open = open }
  end
  local line_end = text:find("\n", at, true)
  return { kind = "comment", from = at, to = (line_end or #text + 1) - 1, open = not line_end }
end

local function operator(text, at)
  local first = text:sub(at, at)
  for _, long in ipairs(LONG[first] or {}) do
    if text:sub(at, at + #long - 1) == long then
      return at + #long - 1
    end
  end
  return at
end

--- The token that begins at a byte which is no blank.
local function token_at(text, at)
  local _, to = text:find("^[%a_][%w_]*", at)
  if to then
    return { kind = M.KEYWORDS[text:sub(at, to)] and "keyword" or "name", from = at, to = to }
  end
  local first = text:sub(at, at)
  if first == '"' or first == "'" then
    local open
    to, open = quoted(text, at, first)
    return { kind = "string", from = at, to = to, open = open, inner = at + 1, tail = 1 }
  elseif first == "[" then
    local last, inner, open, tail = long_bracket(text, at)
    if last then
      return { kind = "string", from = at, to = last, open = open, inner = inner, tail = tail }
    end
  elseif first == "-" and text:sub(at + 1, at + 1) == "-" then
    return comment(text, at)
  end
  if text:find("^%.?%d", at) then
    return { kind = "number", from = at, to = number_end(text, at) }
  elseif first:find("[%p]") and not first:find("[`@$!?\\]") then
    return { kind = "op", from = at, to = operator(text, at) }
  end
  -- A letter of another script is one token with those that follow it.
  _, to = text:find("^[\128-\255]+", at)
  return { kind = "unknown", from = at, to = to or at }
end

--- All tokens of a text.
---@param text string
---@return repl.Token[]
function M.scan(text)
  local list, at = {}, 1
  if text:find("^#") then
    -- The first line of a script may name its interpreter.
    local line_end = (text:find("\n", 1, true) or #text + 1) - 1
    list[1] = { kind = "comment", from = 1, to = line_end, text = text:sub(1, line_end) }
    at = line_end + 1
  end
  while true do
    at = text:find("%S", at)
    if not at then
      return list
    end
    local token = token_at(text, at)
    token.text = text:sub(at, token.to)
    list[#list + 1] = token
    at = token.to + 1
  end
end

--- Whether a token can be the end of what is called.
---@param token? repl.Token
---@return boolean?
function M.ends_expression(token)
  return token
    and (
      token.kind == "name"
      or token.kind == "string" and not token.open
      or token.text == ")"
      or token.text == "]"
      or token.text == "}"
    )
end

--- What stands between a string's quotes, as it is written: escapes are not resolved.
---@param token repl.Token
---@return string
function M.content(token)
  local last = token.open and #token.text or #token.text - token.tail
  return token.text:sub(token.inner - token.from + 1, last)
end

return M
