--- Values as one piece of text: quoted strings, numbers, functions by name and place, handles by
--- what the kernel calls them, errors in a line.
---
--- Nothing here can move the cursor or colour what it must not: every text is cleaned.
---
--- ```lua
--- local leaves = require "repl.leaves"
---
--- assert(leaves.quote("a\n\27[1m") == [["a\n\27[1m"]])
--- assert(leaves.of(print).text == "function print")
--- ```
local planned = require "planned"
local text = require "view.text"
local tokens = require "repl.tokens"

local M = {}

--- A piece of text and the colour it may be shown in.
---@class repl.Leaf
---@field text string
---@field colour? string

local ESCAPES = {
  ['"'] = '\\"',
  ["\\"] = "\\\\",
  ["\n"] = "\\n",
  ["\r"] = "\\r",
  ["\t"] = "\\t",
}

--- A string as Lua would read it back, in quotes; of one that is too wide the middle is left out.
---@param value string
---@param columns? integer how wide it may be
---@return string
function M.quote(value, columns)
  if columns and #value > 8 * columns then
    -- Most of it is not shown: it need not be escaped, but for its end.
    local head, tail = value:sub(1, 4 * columns), value:sub(-4 * columns)
    return '"' .. M.middle(M.escaped(head) .. "…" .. M.escaped(tail), columns - 2) .. '"'
  end
  local quoted = M.escaped(value)
  return '"' .. (columns and M.middle(quoted, columns - 2) or quoted) .. '"'
end

function M.escaped(value)
  local escaped = value:gsub('["\\\n\r\t]', ESCAPES)
  return (
    escaped:gsub("([^\32-\126]+)(.?)", function(run, after)
      local clean = text.clean(run)
      if after:find("%d") then
        -- A digit after `\27` would be read as part of it.
        clean = clean:gsub("\\(%d+)$", function(code)
          return "\\" .. ("0"):rep(3 - #code) .. code
        end)
      end
      return clean .. after
    end)
  )
end

--- A clean text with its middle left out where it takes more columns: both ends tell what it is.
---@param value string
---@param columns integer
---@return string
function M.middle(value, columns)
  if text.width(value) <= columns then
    return value
  elseif columns < 8 then
    return text.fit(value, columns)
  end
  local head = (columns - 1) * 2 // 3
  local first = text.fit(value, head):gsub("…$", "")
  local left, from = columns - text.width(first) - 1, #value + 1
  while from > 1 do
    local before = utf8.offset(value, -1, from)
    local width = text.width(value:sub(before, from - 1))
    if width > left then
      break
    end
    left, from = left - width, before
  end
  return first .. "…" .. value:sub(from)
end

--- A key as it is written before `=`.
---@param key any
---@return string
function M.key(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") and not tokens.KEYWORDS[key] then
    return key
  end
  local leaf = M.of(key, 40)
  return "[" .. (leaf and leaf.text or "a table") .. "]"
end

local LIBRARIES = { "string", "table", "math", "utf8", "os", "io", "coroutine" }

-- Functions to their names; made when a function is first shown.
local names

local function name_all()
  local made = {}
  for _, library in ipairs(LIBRARIES) do
    for name, value in next, _G[library] do
      made[value] = library .. "." .. name
    end
  end
  for name, value in pairs(sys) do
    made[value] = name
  end
  for name, value in pairs(_G) do
    if type(value) == "function" then
      made[value] = name
    end
  end
  return made
end

--- The name of a global function, a library's or a primitive; nil of any other.
---@param value function
---@return string?
function M.name(value)
  names = names or name_all()
  return names[value]
end

local function of_function(value)
  local name = M.name(value)
  if name then
    return "function " .. name
  end
  local info = function_info(value)
  if not info.file then
    return "function of the program"
  end
  return ("function %s:%d"):format(text.clean(info.file), info.line)
end

local function of_userdata(value)
  local info = handle_info(value)
  local shown = info and info.name or tostring(value)
  local state = info and (info.closed and " (closed)" or info.kept and " (kept)") or ""
  return text.clean(shown) .. state
end

--- Whether a table is an error object: what a primitive raises, or a module of the stdlib.
---@param value table
---@return boolean
function M.is_error(value)
  local meta = getmetatable(value)
  if type(meta) == "table" then
    return rawget(meta, "__name") == "error"
  end
  return meta == nil and type(rawget(value, "op")) == "string" and rawget(value, "message") ~= nil
end

local function of_error(value)
  local op, call, message =
    rawget(value, "op"), rawget(value, "call"), tostring(rawget(value, "message"))
  local named = type(op) == "string"
    and not (type(call) == "string" and call:find(op, 1, true) == 1)
  return "error " .. text.clean((named and op .. ": " or "") .. message:match("^[^\n]*"))
end

--- What a table says of itself by `__tostring`; nil where it has none, or where that fails.
local function of_itself(value)
  local meta = getmetatable(value)
  local method = type(meta) == "table" and rawget(meta, "__tostring")
  if not method then
    return nil
  end
  local ok, shown = pcall(method, value)
  return ok and type(shown) == "string" and text.clean(shown) or nil
end

local function of_number(value)
  if math.type(value) == "integer" then
    return ("%d"):format(value)
  elseif value ~= value then
    return "nan"
  elseif value == math.huge or value == -math.huge then
    return value > 0 and "inf" or "-inf"
  end
  local shown = ("%.14g"):format(value)
  return shown:find("[.e]") and shown or shown .. ".0"
end

--- A value that is no table, or a table that is shown in one word; nil of any other table.
---@param value any
---@param columns? integer how wide a string may be
---@return repl.Leaf?
function M.of(value, columns)
  local kind = type(value)
  if kind == "string" then
    return { text = M.quote(value, columns), colour = "green" }
  elseif kind == "number" then
    return { text = of_number(value), colour = "cyan" }
  elseif kind == "nil" or kind == "boolean" then
    return { text = tostring(value), colour = "magenta" }
  elseif kind == "function" then
    return { text = of_function(value), colour = "dim" }
  elseif kind == "userdata" then
    return { text = of_userdata(value), colour = "blue" }
  elseif kind == "thread" then
    return { text = ("coroutine (%s)"):format(coroutine.status(value)), colour = "dim" }
  elseif planned(value) then
    return { text = "(known after apply)", colour = "dim" }
  elseif M.is_error(value) then
    return { text = of_error(value), colour = "red" }
  end
  local shown = of_itself(value)
  return shown and { text = shown, colour = "blue" } or nil
end

return M
