--- Colours for the line that is being written: words of the language, strings, numbers, comments,
--- primitives, and names that nothing is known of.
---
--- ```lua
--- local highlight = require "repl.highlight"
---
--- assert(highlight.line({}, "return 1") == "\27[35mreturn\27[0m \27[36m1\27[0m")
--- ```
local colour = require "view.colour"
local known = require "repl.known"
local reference = require "reference"
local tokens = require "repl.tokens"

local M = {}

local COLOURS =
  { keyword = "magenta", string = "green", number = "cyan", comment = "dim", unknown = "red" }

-- A long paste is shown as it is: each key that is pressed would colour all of it anew.
local MOST = 20000

--- The names that a text declares somewhere: one that is written twice is no misspelling.
local function declared(list)
  local names, listing = {}, false
  for index, token in ipairs(list) do
    local after = list[index + 1]
    if token.text == "local" or token.text == "for" or token.text == "function" then
      listing = true
    elseif listing and (token.text == "=" or token.text == "in" or token.text == ")") then
      listing = false
    elseif token.kind == "name" and (listing or after and after.text == "=") then
      names[token.text] = true
      -- `local a` is followed by a comma, an attribute, or the next statement.
      listing = listing and after ~= nil and after.kind == "op"
    end
  end
  return names
end

--- The colour of a name: a primitive's, none of one that exists, dim of one that does not.
local function of_name(env, list, index, names)
  local token, before, after = list[index], list[index - 1], list[index + 1]
  local is_field = before and (before.text == "." or before.text == ":")
  local is_key = after and after.text == "=" and before and before.text:find("^[{,;]$")
  local is_attribute = before and before.text == "<" and after and after.text == ">"
  if is_field or is_key or is_attribute or names[token.text] then
    return nil
  elseif known.peek(env, token.text) == nil and known.globals()[token.text] == nil then
    return "dim"
  end
  return reference.primitive(token.text) and "blue" or nil
end

--- The text with colours; its characters and their places stay what they are.
---@param env table what the prompt's lines run in
---@param text string
---@return string
function M.line(env, text)
  if #text > MOST then
    return text
  elseif text:find("^%s*[:?!]") then
    return (
      text:gsub("^(%s*)([:?!]+[%w_]*)", function(blanks, command)
        return blanks .. colour.paint(command, "yellow", true)
      end)
    )
  end
  local list = tokens.scan(text)
  local names, out, at = declared(list), {}, 1
  for index, token in ipairs(list) do
    local shade = COLOURS[token.kind]
    if token.kind == "name" then
      shade = of_name(env, list, index, names)
    elseif token.open and token.kind == "string" then
      shade = "yellow"
    end
    out[#out + 1] = text:sub(at, token.from - 1)
    out[#out + 1] = colour.paint(token.text, shade, true)
    at = token.to + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

return M
