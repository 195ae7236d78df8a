--- What may follow what is written at a prompt: names and fields that exist, options of the call
--- that the cursor is in, the words that an option may be, and what the machine has: paths,
--- processes, containers.
---
--- Nothing of the user's is called: tables are looked into without their metamethods.
---
--- ```lua
--- local complete = require "repl.complete"
---
--- local start, list = complete.at({}, 'unshare { "us', 13)
--- assert(start == 11 and list[1].text == 'user"')
--- local _, options = complete.at({}, 'mount("proc", "/proc", { ty', 27)
--- assert(options[1].text == "type = ")
--- ```
local candidates = require "repl.candidates"
local context = require "repl.context"
local expected = require "repl.expected"
local known = require "repl.known"
local members = require "repl.members"
local reference = require "reference"
local sources = require "repl.sources"
local values = require "repl.values"

local M = {}

--- The prompt's own commands; whoever has them may set others.
---@type string[]
M.COMMANDS = {
  "box",
  "explain",
  "fork",
  "help",
  "kill",
  "leave",
  "load",
  "plan",
  "quit",
  "reset",
  "save",
  "time",
}

-- Commands that are followed by a path, by Lua, or by one of some words.
local AFTER = {
  load = "path",
  save = "path",
  time = "lua",
  plan = "lua",
  become = "lua",
  explain = { "off", "on" },
  help = "topic",
}

local candidate, matching, finished = candidates.new, candidates.matching, candidates.finished

--- The quote that ends a word in a string, unless it is there, or the word goes on.
local function with_quotes(list, here, rest)
  local quote = here.token.text:sub(1, 1)
  if quote == "[" or rest:sub(1, 1) == quote or rest:find("^[%w_@/%.-]") then
    quote = ""
  end
  local out = {}
  for index, one in ipairs(list) do
    local goes_on = one.text:find("/$") or one.text:find("%.$")
    out[index] = candidate(one.text .. (goes_on and "" or quote), one.kind, one.display)
  end
  return out
end

local function string_at(env, here, rest)
  if not here.token.open then
    return {}
  end
  local at, list = expected.at(env, here), {}
  if at and not at.key then
    list = values.in_string(at, here.word)
  end
  if #list == 0 and here.word:find("^%.?%.?/") then
    list = sources.paths(here.word)
  end
  return with_quotes(matching(list, here.word), here, rest)
end

local function code_at(env, here, rest)
  local before = here.before and here.tokens[here.before]
  if before and (before.text == "." or before.text == ":") then
    local thing = known.resolve(env, here, here.before - 1)
    local list = thing and members.of(thing, before.text, here.word) or {}
    return matching(candidates.sorted(list), here.word)
  end
  local is_local = before and before.text == "local"
  if is_local or here.token and here.token.kind == "number" and not here.call then
    return {}
  end
  local at, list = expected.at(env, here), {}
  if at and at.key then
    list = matching(values.options(at, here, rest), here.word)
    if #list > 0 or at.strict then
      return list
    end
  elseif at then
    list = matching(values.outside(env, at, here.word), here.word)
  end
  if here.word ~= "" and not (here.token and here.token.kind == "number") then
    local names = matching(members.names(env, here, here.word), here.word)
    table.move(names, 1, #names, #list + 1, list)
  end
  return list
end

local function lua_at(env, text, pos)
  local here = context.of(text, pos)
  local kind = here.token and here.token.kind
  if kind == "comment" then
    return pos, {}
  elseif kind == "string" then
    return here.start, finished(string_at(env, here, text:sub(pos + 1)))
  end
  return here.start, finished(code_at(env, here, text:sub(pos + 1)))
end

--- Names that there is help on.
local function topics(word)
  local list = {}
  for _, one in ipairs(reference.all()) do
    list[#list + 1] = candidate(one.name, one.kind)
  end
  return matching(candidates.sorted(list), word)
end

local function words_of(list, kind, word)
  local out = {}
  for index, one in ipairs(list) do
    out[index] = candidate(one, kind)
  end
  return matching(candidates.sorted(out), word)
end

--- A line that is no Lua: `:command …`, `?name`, `!program`.
local function line_at(env, text, pos)
  local before = text:sub(1, pos)
  local marks, name = before:match("^%s*(%?%??)%s*([^%s]*)$")
  if marks then
    return pos - #name, finished(topics(name))
  end
  local command = before:match("^%s*:([%w_]*)$")
  if command then
    return pos - #command, finished(words_of(M.COMMANDS, "command", command))
  end
  local shell = before:match("^%s*!.-([^%s]*)$")
  if shell then
    return pos - #shell, finished(shell == "" and {} or sources.paths(shell))
  end
  local verb, rest = before:match("^%s*:([%w_]+)%s+(.*)$")
  local after = AFTER[verb]
  if after == "lua" then
    local offset = pos - #rest
    local start, list = lua_at(env, text:sub(offset + 1), #rest)
    return start + offset, list
  elseif after == "path" then
    return pos - #rest, finished(sources.paths(rest))
  elseif after == "topic" then
    return pos - #rest, finished(topics(rest))
  elseif type(after) == "table" then
    return pos - #rest, finished(words_of(after, "word", rest))
  end
  return pos, {}
end

--- The candidates at a place in a text, and where what they replace begins.
---@param env table what the prompt's lines run in
---@param text string all that is written, over one line or several
---@param pos integer how many bytes stand before the cursor
---@return integer start how many bytes stand before what is replaced: `text:sub(start + 1, pos)`
---@return repl.Candidate[] list
function M.at(env, text, pos)
  if text:find("^%s*[:?!]") then
    return line_at(env, text, pos)
  end
  return lua_at(env, text, pos)
end

return M
