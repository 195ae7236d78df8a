--- Walks over tokens and keeps what is open: brackets, calls with their argument, tables with their
--- keys, blocks with the names that are declared in them.
---
--- Text that is being written has too many brackets, or too few: what closes nothing is passed
--- over.
---
--- ```lua
--- local tokens = require "repl.tokens"
--- local walk = require "repl.walk"
---
--- local stack = walk.over(tokens.scan("f(1, { a = "), 8).stack
--- assert(stack[2].argument == 2 and stack[3].key == "a")
--- ```
local tokens = require "repl.tokens"

local M = {}

--- A bracket, or a block, that is open at the cursor.
---@class repl.Frame
---@field kind "call"|"table"|"group"|"index"|"params"|"block"
---@field at integer the token that opened it; of a call without parentheses its first argument
---@field callee? integer of a call: the last token of what is called
---@field argument? integer of a call: which argument, from 1
---@field start? integer of a call: where this argument begins
---@field item? integer of a table: which field, from 1
---@field key? string of a table: the key whose value is being written
---@field keys? table<string, true> of a table: the keys that are written
---@field locals table<string, repl.Local|false> names that end with it

--- A local name: what it is called by, and where its value begins, if it has one.
---@class repl.Local
---@field name string
---@field value? integer the first token of its value
---@field last? integer the last token of its value, or what is written of it

local OPENS, CLOSES = tokens.OPENS, tokens.CLOSES

---@class repl.Walk
---@field list repl.Token[]
---@field stack repl.Frame[]
---@field match table<integer, integer> closing brackets to what opened them
local Walk = {}
Walk.__index = Walk

function Walk:top()
  return self.stack[#self.stack]
end

function Walk:push(frame)
  frame.locals = {}
  self.stack[#self.stack + 1] = frame
  return frame
end

--- The innermost frame that holds names: where a `local` is declared.
function Walk:declare(name, value)
  self:top().locals[name] = { name = name, value = value }
  self.declared = self:top().locals[name]
end

--- What opened a closing bracket, if it is open; blocks within it that lack their `end` go too.
function Walk:close(opened, index)
  for depth = #self.stack, 1, -1 do
    local frame = self.stack[depth]
    if frame.text == opened then
      self.match[index] = frame.at
      for last = #self.stack, depth, -1 do
        self.stack[last] = nil
      end
      -- `f { … }` is a call that ends with its table.
      if opened == "{" and self:top().bare then
        self.stack[#self.stack] = nil
      end
      return
    end
  end
end

function Walk:close_block(words)
  for depth = #self.stack, 2, -1 do
    local frame = self.stack[depth]
    if frame.kind == "block" and words[frame.word] then
      for last = #self.stack, depth, -1 do
        self.stack[last] = nil
      end
      return
    elseif frame.kind ~= "block" then
      -- A bracket is still open: an `end` too many closes nothing outside of it.
      return
    end
  end
end

--- The key before a `=` in a table.
function M.key_of(list, index)
  local token = list[index]
  if not token or token.text ~= "=" then
    return nil
  end
  local key = list[index - 1]
  if key and key.kind == "name" then
    return key.text
  elseif key and key.text == "]" and list[index - 2] and list[index - 2].kind == "string" then
    return tokens.content(list[index - 2])
  end
end

function Walk:open_bracket(index, token)
  local before = self.list[index - 1]
  local called = tokens.ends_expression(before)
  if token.text == "(" then
    if self.params then
      self:push { kind = "params", at = index, text = "(" }
    elseif called then
      self:push { kind = "call", at = index, text = "(", callee = index - 1, argument = 1 }
      self:top().start = index + 1
    else
      self:push { kind = "group", at = index, text = "(" }
    end
  elseif token.text == "{" then
    if called then
      self:push { kind = "call", at = index, bare = true, callee = index - 1, argument = 1 }
    end
    self:push { kind = "table", at = index, text = "{", item = 1, keys = {} }
  else
    self:push { kind = "index", at = index, text = "[" }
  end
  self.params = false
end

--- The names after `for`, until `do`, belong to the block that `do` opens.
local function loop_names(list, index)
  local names = {}
  local at = index + 1
  while list[at] and list[at].kind == "name" do
    names[#names + 1] = list[at].text
    if not list[at + 1] or list[at + 1].text ~= "," then
      break
    end
    at = at + 2
  end
  return names
end

local BLOCK_END = { ["function"] = true, ["do"] = true, ["if"] = true }

function Walk:keyword(index, word)
  local list = self.list
  if word == "function" then
    local name = list[index + 1]
    if list[index - 1] and list[index - 1].text == "local" and name and name.kind == "name" then
      self:declare(name.text)
    end
    self:push { kind = "block", at = index, word = "function" }
    self.params = true
  elseif word == "if" or word == "repeat" then
    self:push { kind = "block", at = index, word = word }
  elseif word == "for" then
    self.loop = loop_names(list, index)
  elseif word == "do" then
    self:push { kind = "block", at = index, word = "do" }
    for _, name in ipairs(self.loop or {}) do
      self:declare(name)
    end
    self.loop = nil
  elseif word == "else" or word == "elseif" then
    local frame = self:top()
    frame.locals = frame.kind == "block" and {} or frame.locals
  elseif word == "end" then
    self:close_block(BLOCK_END)
  elseif word == "until" then
    self:close_block { ["repeat"] = true }
  elseif word == "local" and list[index + 1] and list[index + 1].kind == "name" then
    self.names = { first = index + 1 }
  end
end

--- `local a <const>, b = 1, 2`: the names are declared where the statement's values begin, so that
--- a value does not see its own name; each has the value at its place.
function Walk:local_names(index)
  local list, at, names = self.list, self.names.first, {}
  while list[at] and list[at].kind == "name" do
    names[#names + 1] = list[at].text
    at = at + 1
    if list[at] and list[at].text == "<" then
      at = at + 3
    end
    if not list[at] or list[at].text ~= "," then
      break
    end
    at = at + 1
  end
  if index < at then
    return
  end
  self.names = nil
  for place, name in ipairs(names) do
    local has_value = list[at] and list[at].text == "="
    self:declare(name, place == 1 and has_value and at + 1 or nil)
  end
end

function Walk:step(index)
  if self.names then
    self:local_names(index)
  end
  local token = self.list[index]
  if not token then
    return
  end
  local frame = self:top()
  if token.kind == "keyword" then
    self:keyword(index, token.text)
  elseif OPENS[token.text] and token.kind == "op" then
    self:open_bracket(index, token)
  elseif CLOSES[token.text] and token.kind == "op" then
    local params = frame.kind == "params"
    self:close(CLOSES[token.text], index)
    if params then
      for name in pairs(frame.names or {}) do
        self:declare(name)
      end
    end
  elseif frame.kind == "params" and token.kind == "name" then
    frame.names = frame.names or {}
    frame.names[token.text] = true
  elseif frame.kind == "call" and token.text == "," and not frame.bare then
    frame.argument, frame.start = frame.argument + 1, index + 1
  elseif frame.kind == "table" then
    if token.text == "," or token.text == ";" then
      frame.item, frame.key = frame.item + 1, nil
    elseif token.text == "=" then
      frame.key = M.key_of(self.list, index)
      frame.keys[frame.key or false] = true
    end
  end
end

--- Walks over the tokens up to one, and answers what is open then.
---@param list repl.Token[]
---@param count integer how many of them
---@return repl.Walk
function M.over(list, count)
  local walk = setmetatable({ list = list, stack = {}, match = {} }, Walk)
  walk:push { kind = "block", at = 0, word = "chunk" }
  -- One more, for a `local` whose names are the last.
  for index = 1, count + 1 do
    walk:step(index)
  end
  return walk
end

return M
