--- Texts of a lesson for a terminal: paragraphs are filled to its width, what is indented stays.
---
--- ```lua
--- local words = require "scenario.words"
---
--- local lines = words.fill("one two\nthree\n\n    ls -l", 9)
--- assert(table.concat(lines, "|") == "one two|three||    ls -l")
--- ```
local text = require "view.text"

local M = {}

--- The blocks of a text: paragraphs, items of lists, and what is set off by four blanks or more.
---@param source string
---@return { kind: "paragraph"|"item"|"code", text: string }[]
function M.blocks(source)
  local lines, indent = {}, nil
  for line in (source:gsub("%s+$", "") .. "\n"):gmatch "(.-)\n" do
    lines[#lines + 1] = line
    -- The first line begins behind the bracket, so the others say how the text is indented.
    local own = #lines > 1 and line:match("^(%s*)%S")
    indent = own and (not indent or #own < indent) and #own or indent
  end
  local blocks, current = {}, nil
  for at, line in ipairs(lines) do
    line = at == 1 and line:gsub("^%s+", "") or line:sub((indent or 0) + 1)
    local code = line:match("^    (.*)$")
    local item = line:match("^[-*]%s+(.*)$")
    if not line:find("%S") then
      current = nil
    elseif code and not (current and current.kind ~= "code") then
      if current and current.kind == "code" then
        current.text = current.text .. "\n" .. code
      else
        current = { kind = "code", text = code }
        blocks[#blocks + 1] = current
      end
    elseif item then
      current = { kind = "item", text = item }
      blocks[#blocks + 1] = current
    elseif current and current.kind ~= "code" then
      current.text = current.text .. " " .. line:gsub("^%s+", "")
    else
      current = { kind = "paragraph", text = (line:gsub("^%s+", "")) }
      blocks[#blocks + 1] = current
    end
  end
  return blocks
end

local function wrap(lines, source, width, first, rest)
  local line, empty = first, true
  for word in source:gmatch("%S+") do
    if not empty and text.width(line) + 1 + text.width(word) > width then
      lines[#lines + 1] = line
      line, empty = rest, true
    end
    line = line .. (empty and "" or " ") .. word
    empty = false
  end
  lines[#lines + 1] = line
end

--- A text as lines of at most a width.
---@param source string
---@param width integer
---@return string[]
function M.fill(source, width)
  local lines, before = {}, nil
  for _, block in ipairs(M.blocks(source)) do
    if before and not (before == "item" and block.kind == "item") then
      lines[#lines + 1] = ""
    end
    before = block.kind
    if block.kind == "code" then
      for line in (block.text .. "\n"):gmatch "(.-)\n" do
        lines[#lines + 1] = "    " .. line
      end
    elseif block.kind == "item" then
      wrap(lines, block.text, width, "- ", "  ")
    else
      wrap(lines, block.text, width, "", "")
    end
  end
  return lines
end

return M
