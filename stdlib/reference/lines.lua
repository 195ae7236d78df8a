--- The lines of a page of help: what is wrapped where, how parameters, examples and lists are laid
--- out. What stands on which page is `reference.page`'s.
---
--- ```lua
--- local lines = require "reference.lines"
---
--- assert(lines.wrapped("one two three", 8, 2) == "one\n  two\n  three")
--- assert(lines.plain("It is `so`.", 80, 2) == "  It is so.")
---
--- local out = {}
--- lines.row(out, "topic", "mounts", 80)
--- lines.list(out, { { name = "mount", summary = "Mounts." } }, 80)
--- assert(out[1] == "  topic     mounts" and out[2] == "  mount  Mounts.")
--- ```
local text = require "view.text"

local M = {}

--- Words in lines of at most so many columns, each after the first behind `indent` blanks.
---@param words string
---@param columns integer
---@param indent integer
---@return string
function M.wrapped(words, columns, indent)
  local lines, line = {}, ""
  for word in words:gmatch("%S+") do
    if line ~= "" and text.width(line) + 1 + text.width(word) > columns - indent then
      lines[#lines + 1] = line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. (" "):rep(indent))
end

--- Markdown as a terminal shows it: no quotes around code; blocks and lists keep their lines.
function M.plain(markdown, columns, indent)
  local out, paragraph, code = {}, {}, false
  local margin = (" "):rep(indent)
  local function flush()
    if #paragraph > 0 then
      local words = table.concat(paragraph, " "):gsub("`", "")
      out[#out + 1] = margin .. M.wrapped(words, columns, indent)
      paragraph = {}
    end
  end
  for line in (markdown .. "\n"):gmatch("(.-)\n") do
    if line:find("^```") then
      flush()
      code = not code
    elseif code then
      out[#out + 1] = margin .. "  " .. line
    elseif line == "" then
      flush()
      out[#out + 1] = ""
    elseif line:find("^[|%-#]") or line:find("^%s") then
      flush()
      out[#out + 1] = margin .. line:gsub("`", "")
    else
      paragraph[#paragraph + 1] = line
    end
  end
  flush()
  return table.concat(out, "\n")
end

--- A list of names, or of words, that may be long.
local function shortened(words, most)
  if #words <= most then
    return table.concat(words, ", ")
  end
  return table.concat(words, ", ", 1, most) .. (", … (%d in all)"):format(#words)
end

--- Parameters and, below each, the options of the table that it is.
function M.params(out, params, columns, depth, seen)
  local indent, widest = depth * 2, 0
  for _, param in ipairs(params) do
    widest = math.max(widest, text.width(param.name) + (param.required and 0 or 1))
  end
  for _, param in ipairs(params) do
    local name = param.name .. (param.required and "" or "?")
    local about = param.type or ""
    if param.shape and param.words and #param.words > 0 and not about:find('"', 1, true) then
      about = about .. ": " .. shortened(param.words, 8)
    end
    if param.doc ~= "" then
      about = (about == "" and "" or about .. " – ") .. param.doc:gsub("`", "")
    end
    local column = indent + widest + 2
    out[#out + 1] = (" "):rep(indent)
      .. text.pad(name, widest + 2)
      .. M.wrapped(about, columns, column)
    local key = param.class or param.name
    if param.options and not seen[key] then
      seen[key] = param.class and true or nil
      M.params(out, param.options, columns, depth + 1, seen)
      seen[key] = nil
    end
  end
end

local LABEL = 10

--- `label    value`, where there is a value.
function M.row(out, label, value, columns)
  if value and value ~= "" then
    out[#out + 1] = "  " .. text.pad(label, LABEL) .. M.wrapped(value, columns, LABEL + 2)
  end
end

--- Examples, each a block of its own below the word.
function M.examples(out, examples)
  for index, code in ipairs(examples) do
    out[#out + 1] = ""
    out[#out + 1] = index == 1 and (#examples > 1 and "  examples" or "  example") or nil
    for line in (code:gsub("%s+$", "") .. "\n"):gmatch("(.-)\n") do
      out[#out + 1] = ("    " .. line):gsub("%s+$", "")
    end
  end
end

--- `name   first line`, one a line, as far as it fits.
function M.list(out, rows, columns)
  local widest = 0
  for _, entry in ipairs(rows) do
    widest = math.max(widest, text.width(entry.name))
  end
  widest = math.min(widest, 44)
  for _, entry in ipairs(rows) do
    local name = text.pad(entry.name, widest)
    out[#out + 1] = (
      "  "
      .. name
      .. "  "
      .. M.wrapped(entry.summary:gsub("`", ""), columns, widest + 4)
    )
  end
end

--- Functions as rows of a list: how each is called, and its first line.
function M.signatures(entries)
  local rows = {}
  for index, entry in ipairs(entries) do
    rows[index] = { name = entry.signature, summary = entry.summary }
  end
  return rows
end

return M
