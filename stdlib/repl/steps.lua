--- The expression that ends at a place in a text, as steps from its first name: `a.b:c(…)` is a
--- name, a field, a method and a call.
---
--- ```lua
--- local context = require "repl.context"
--- local steps = require "repl.steps"
---
--- local here = context.of('a.b:c("x").', 11)
--- local list = steps.to(here, here.before - 1)
--- assert(#list == 4 and list[1].name == "a" and list[4].argument == "x")
--- ```
local tokens = require "repl.tokens"

local M = {}

--- A step of an expression: its name, a field, a method, or a call.
---@class repl.Step
---@field name? string
---@field by? "."|":" how the name is reached; nil for the first
---@field call? boolean
---@field argument? string of a call: its first argument where that is a string
---@field value? "string"|"table"|"group" the first step, where it is no name

--- The expression that ends with a token, as steps; nil where there is none.
---@param here repl.Context
---@param last integer
---@return repl.Step[]?
function M.to(here, last)
  local list, match, at = here.tokens, here.match, last
  local steps = {}
  local function put(step)
    table.insert(steps, 1, step)
  end
  while true do
    local token = list[at]
    if not token then
      return nil
    elseif token.kind == "name" then
      local by = list[at - 1] and list[at - 1].text
      if by ~= "." and by ~= ":" then
        put { name = token.text, at = at }
        return steps
      end
      put { name = token.text, by = by }
      at = at - 2
    elseif token.kind == "string" then
      if not tokens.ends_expression(list[at - 1]) then
        put { value = "string", at = at }
        return steps
      end
      put { call = true, argument = tokens.content(token) }
      at = at - 1
    elseif token.text == ")" or token.text == "}" then
      local opened = match[at]
      if not opened then
        return nil
      elseif not tokens.ends_expression(list[opened - 1]) then
        local inner = opened == at - 2 and list[at - 1].kind == "string" and "string"
        put { value = inner or token.text == ")" and "group" or "table", at = opened }
        return steps
      end
      local first = list[opened + 1]
      local text = first and first.kind == "string" and tokens.content(first) or nil
      put { call = true, argument = text }
      at = opened - 1
    elseif token.text == "]" then
      local opened = match[at]
      local key = opened and opened == at - 2 and list[at - 1]
      if not key or key.kind ~= "string" then
        return nil
      end
      put { name = tokens.content(key), by = "." }
      at = opened - 1
    else
      return nil
    end
  end
end

return M
