--- What is shown beside the line while it is being written: the signature of the call that the
--- cursor is in, its parameter marked; of an option what it may be and means.
---
--- ```lua
--- local hint = require "repl.hint"
---
--- assert(hint.at({}, 'mount("proc", ', 14) == "mount(source?, ‹target›, options)")
--- assert(hint.at({}, "spawn({ stdin = ", 16):find("^stdin: "))
--- assert(hint.at({}, "foo(", 4) == nil)
--- ```
local context = require "repl.context"
local expected = require "repl.expected"
local known = require "repl.known"
local reference = require "reference"
local text_of = require "view.text"

local M = {}

--- What a list of many words is cut to: the rest is what completion is for.
local MOST_TYPE = 48

--- The name of a function as it is written, and its parameters, one of them marked.
local function signature(entry, marked)
  local shown = {}
  for index, param in ipairs(entry.params) do
    local optional = not param.required and param.name ~= "..."
    local name = param.name .. (optional and "?" or "")
    shown[index] = index == marked and "‹" .. name .. "›" or name
  end
  local name = entry.signature:match("^([^(]*)")
  return ("%s(%s)"):format(name, table.concat(shown, ", "))
end

local function option(param)
  local kind = param.type
  if text_of.width(kind) > MOST_TYPE then
    kind = text_of.fit(kind, MOST_TYPE)
  end
  local doc = param.doc ~= "" and " · " .. param.doc or ""
  return text_of.clean(("%s: %s%s"):format(param.name, kind, doc))
end

local function find(params, name)
  for _, one in ipairs(params or {}) do
    if one.name == name then
      return one
    end
  end
end

--- Of a name that is a function and has no bracket yet, what it takes.
local function of_name(env, here)
  if not here.token or here.token.kind ~= "name" then
    return nil
  end
  -- The word is the last token: it is put back, so that it is resolved with what is before it.
  local last = #here.tokens + 1
  here.tokens[last] = here.token
  local thing = known.resolve(env, here, last)
  here.tokens[last] = nil
  local entry = thing
    and (thing.entry or type(thing.value) == "function" and known.entry_of(thing.value))
  if not entry or not entry.signature then
    return nil
  end
  return signature(entry)
end

local function in_call(at, here)
  if at.key then
    local one = find(at.param.options, here.word)
    return one and option(one) or signature(at.entry, at.argument)
  end
  for _, frame in ipairs(here.path) do
    if frame.key then
      return option(at.param)
    end
  end
  return signature(at.entry, at.argument)
end

--- What a line that is no Lua is about.
local function of_line(text)
  local name = text:match("^%s*%?%??%s*(%S+)%s*$")
  local entry = name and (reference.primitive(name) or reference.describe(name))
  return entry and entry.summary or nil
end

--- The hint at a place in a text; nil where there is nothing to say.
---@param env table what the prompt's lines run in
---@param text string
---@param pos integer how many bytes stand before the cursor
---@param width? integer the columns that are left for it
---@return string?
function M.at(env, text, pos, width)
  local shown
  if text:find("^%s*[:?!]") then
    shown = of_line(text)
  else
    local here = context.of(text, pos)
    local kind = here.token and here.token.kind
    if kind == "comment" then
      return nil
    end
    local at = expected.at(env, here)
    -- An option may be called like a function.
    shown = not (at and at.key) and of_name(env, here) or nil
    if not shown and at then
      shown = in_call(at, here)
    elseif not shown and here.call then
      local entry = known.callee(env, here)
      shown = entry and entry.signature and signature(entry) or nil
    end
  end
  return shown and (width and text_of.fit(shown, width) or shown)
end

return M
