--- Whether a text can run, goes on in the next line, or is wrong: asked of `load`, never by
--- running it.
---
--- ```lua
--- local validate = require "repl.validate"
---
--- assert(validate.state("print(1)") == "complete" and validate.state("1 + 1") == "complete")
--- assert(validate.state("for i = 1, 3 do") == "incomplete")
--- local state, message = validate.state("local 3x")
--- assert(state == "error" and message:find("near '3x'", 1, true))
--- ```
local tokens = require "repl.tokens"

local M = {}

--- What a text is called in messages about it: nothing, because they are shown below it.
local NAME = "=input"

--- Lua says `near <eof>` of every text that ends too early. A string in quotes ends with its line,
--- so no further line can finish it.
local function can_go_on(text, message)
  if not message:find("near <eof>", 1, true) then
    return false
  end
  local list = tokens.scan(text)
  for index = #list, 1, -1 do
    local token = list[index]
    if token.kind == "string" then
      local quoted = token.text:find("^[\"']")
      -- A backslash carries it on, and so does `\z`.
      return not (token.open and quoted) or token.text:find("\\z?%s*$") ~= nil
    elseif token.kind ~= "comment" then
      return true
    end
  end
  return true
end

--- The state of a text, and what is wrong with it where that is an error.
---@param text string
---@return "complete"|"incomplete"|"error" state
---@return string? message as `load` says it, with the line: `input:2: …`
function M.state(text)
  -- What a prompt takes without `return` is an expression.
  if load("return " .. text, NAME) then
    return "complete"
  end
  local chunk, message = load(text, NAME)
  if chunk then
    return "complete"
  elseif can_go_on(text, message) then
    return "incomplete"
  end
  -- `1 +` is no statement, and goes on all the same.
  local _, other = load("return " .. text, NAME)
  if other and can_go_on(text, other) and not message:find("<eof>", 1, true) then
    return "incomplete"
  end
  -- Of `{ 1, ) }` Lua says that no statement begins with `{`, which is not what is wrong.
  local first = tokens.scan(text)[1]
  local blames_first = first and message:find(("symbol near '%s'"):format(first.text), 1, true)
  return "error", other and blames_first and other or message
end

return M
