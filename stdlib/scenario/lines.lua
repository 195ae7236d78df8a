--- On which line of a scenario's file a field stands, so that what is wrong with it can be told
--- with the place where it was written.
---
--- A table that has been made does not know its lines, so the text is read once more: only the
--- constructor that is returned, and of that only keys and positions. What a function in it says
--- is passed over.
---
--- ```lua
--- local lines = require "scenario.lines"
---
--- local found = lines.of 'return scenario {\n  title = "x",\n  steps = { {\n    id = "a" } } }'
--- assert(found["title"] == 2 and found["steps"] == 3 and found["steps.1.id"] == 4)
--- ```
local tokens = require "repl.tokens"

local M = {}

-- What a block begins and ends with. `for` and `while` have a `do`.
local BEGINS = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local ENDS = { ["end"] = true, ["until"] = true }

--- The tokens that count, each with its line.
local function scan(text)
  local list, line, at = {}, 1, 1
  for _, token in ipairs(tokens.scan(text)) do
    local _, newlines = text:sub(at, token.from - 1):gsub("\n", "")
    line, at = line + newlines, token.from
    if token.kind ~= "comment" then
      list[#list + 1] = { text = token.text, kind = token.kind, line = line, inner = token }
    end
  end
  return list
end

local function content_of(token)
  return tokens.content(token.inner)
end

--- Where the table begins that the file returns.
local function find_table(list)
  local depth, found = 0, nil
  for at, token in ipairs(list) do
    if token.kind == "keyword" then
      depth = depth + (BEGINS[token.text] and 1 or 0) - (ENDS[token.text] and 1 or 0)
      if token.text == "return" and depth == 0 then
        found = at
      end
    end
  end
  for at = found or #list + 1, #list do
    if list[at].text == "{" then
      return at
    end
  end
end

--- Reads one constructor; answers the place after it.
local function read(list, at, path, found)
  local count, field, depth, blocks = 0, nil, 0, 0
  at = at + 1
  while list[at] do
    local token, after = list[at], list[at + 1]
    local outer = depth == 0 and blocks == 0
    if outer and token.text == "}" then
      return at + 1
    elseif outer and (token.text == "," or token.text == ";") then
      field = nil
    else
      if outer and field == nil then
        if token.kind == "name" and after and after.text == "=" then
          field = path .. token.text
          found[field], at = token.line, at + 1
        elseif token.text == "[" and after and after.kind == "string" then
          field = path .. content_of(after)
          found[field], at = token.line, at + 3
        else
          count = count + 1
          field = path .. count
          found[field] = token.line
        end
        token = list[at]
      end
      if token == nil then
        return at
      elseif outer and token.text == "{" then
        at = read(list, at, field .. ".", found) - 1
      elseif token.text == "(" or token.text == "{" or token.text == "[" then
        depth = depth + 1
      elseif token.text == ")" or token.text == "}" or token.text == "]" then
        depth = depth - 1
      elseif token.kind == "keyword" then
        blocks = blocks + (BEGINS[token.text] and 1 or 0) - (ENDS[token.text] and 1 or 0)
      end
    end
    at = at + 1
  end
  return at
end

--- The lines of the fields of the table that a file returns.
---@param text string
---@return table<string, integer> lines by path: "steps.2.checks.1"
function M.of(text)
  local found, list = {}, scan(text)
  local at = find_table(list)
  if at then
    found[""] = list[at].line
    read(list, at, "", found)
  end
  return found
end

return M
