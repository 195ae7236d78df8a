--- Where the cursor stands in Lua text that is being written: in which call, at which argument, at
--- which key of which table, with which local names.
---
--- Only what stands before the cursor decides, so half a line is as good as a whole one; nothing
--- is run. What follows the cursor only tells which options of the same table are written already.
---
--- ```lua
--- local context = require "repl.context"
---
--- local here = context.of('mount("proc", "/proc", { ty', 27)
--- assert(here.word == "ty" and here.table.item == 1 and here.call.argument == 3)
--- ```
local tokens = require "repl.tokens"
local walk = require "repl.walk"

local M = {}

---@class repl.Context
---@field tokens repl.Token[] those before the cursor, without comments
---@field match table<integer, integer> closing brackets to what opened them
---@field word string the name, or the content of the string, that the cursor ends
---@field token? repl.Token the string, number or comment that the cursor is in
---@field start integer how many bytes stand before `word`
---@field stack repl.Frame[] the outermost first
---@field call? repl.Frame the innermost call
---@field table? repl.Frame the innermost table, if it is within that call or in none
---@field path repl.Frame[] tables from the call to the cursor, the outermost first
---@field before? integer the last token before `word`

local OPENS, CLOSES = tokens.OPENS, tokens.CLOSES

--- The keys of the innermost table that are written after the cursor.
local function later_keys(rest, keys)
  local list, depth = tokens.scan(rest), 0
  for index, token in ipairs(list) do
    if OPENS[token.text] and token.kind == "op" then
      depth = depth + 1
    elseif CLOSES[token.text] and token.kind == "op" then
      depth = depth - 1
      if depth < 0 then
        return
      end
    elseif depth == 0 and token.text == "=" then
      keys[walk.key_of(list, index) or false] = true
    end
  end
end

--- The part of a text that the cursor's surroundings are read from: of a very long one the end.
local MOST = 12 * 1024

--- What stands before the cursor, in tokens; and the one that the cursor is in or ends.
local function split(text, pos)
  local before = text:sub(1, pos)
  local offset = 0
  if #before > MOST then
    offset = (before:find("\n", #before - MOST, true) or #before - MOST)
    before = before:sub(offset + 1)
  end
  local list, current = {}, nil
  for _, token in ipairs(tokens.scan(before)) do
    if token.kind ~= "comment" then
      list[#list + 1] = token
    end
    current = token
  end
  local inside = current
    and current.to == #before
    and (
      current.open
      or current.kind == "name"
      or current.kind == "keyword"
      or current.kind == "number"
    )
  return list, inside and current or nil, offset
end

--- Where the cursor stands.
---@param text string
---@param pos integer how many bytes stand before the cursor
---@return repl.Context
function M.of(text, pos)
  local list, current, offset = split(text, pos)
  local here = { tokens = list, word = "", start = pos, path = {} }
  local count = #list
  if current then
    here.token = current
    if current.kind == "string" then
      here.word = tokens.content(current)
      here.start = offset + current.inner - 1
    elseif current.kind ~= "comment" then
      here.word, here.start = current.text, offset + current.from - 1
    end
    count = current.kind == "comment" and count or count - 1
  end
  here.before = count > 0 and count or nil

  list[count + 1] = nil
  local walked = walk.over(list, count)
  -- `require "…` is a call that the string being written belongs to.
  local previous = list[count]
  if current and current.kind == "string" and tokens.ends_expression(previous) then
    walked:push { kind = "call", at = count + 1, bare = true, callee = count, argument = 1 }
  end
  here.stack, here.match = walked.stack, walked.match
  M.innermost(here)
  if here.table then
    later_keys(text:sub(pos + 1), here.table.keys)
  end
  return here
end

--- Finds the innermost call, and the tables between it and the cursor.
function M.innermost(here)
  for depth = #here.stack, 1, -1 do
    local frame = here.stack[depth]
    if frame.kind == "table" then
      table.insert(here.path, 1, frame)
    elseif frame.kind == "call" then
      here.call = frame
      break
    elseif frame.kind == "block" then
      break
    end
  end
  here.table = here.path[#here.path]
end

--- The local of a name that is seen at the cursor, or nil.
---@param here repl.Context
---@param name string
---@return repl.Local?
function M.lookup(here, name)
  for depth = #here.stack, 1, -1 do
    local found = here.stack[depth].locals[name]
    if found then
      return found
    end
  end
end

--- All local names that are seen at the cursor.
---@param here repl.Context
---@return table<string, repl.Local>
function M.locals(here)
  local names = {}
  for _, frame in ipairs(here.stack) do
    for name, found in pairs(frame.locals) do
      names[name] = found
    end
  end
  return names
end

return M
