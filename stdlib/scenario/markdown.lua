--- A handout in Markdown, with the processes as a Mermaid flowchart.
---
--- ```lua
--- local markdown = require "scenario.markdown"
---
--- assert(markdown.fence("a ``` b", "text"):find("^````text\n"))
--- ```
local options = require "options"
local paper = require "scenario.paper"
local text = require "view.text"
local words = require "scenario.words"

local M = {}

--- A block of code whose fence is longer than any within it.
---@param body string
---@param language string
---@return string
function M.fence(body, language)
  local longest = 2
  for ticks in body:gmatch("`+") do
    longest = math.max(longest, #ticks)
  end
  local fence = ("`"):rep(longest + 1)
  local lines = {}
  for line in (body:gsub("\n+$", "") .. "\n"):gmatch "(.-)\n" do
    lines[#lines + 1] = text.clean(paper.expand(line))
  end
  return ("%s%s\n%s\n%s\n"):format(fence, language, table.concat(lines, "\n"), fence)
end

local function prose(source)
  local out = {}
  for _, block in ipairs(words.blocks(source)) do
    local shown = text.clean(block.text)
    if block.kind == "code" then
      shown = M.fence(block.text, "")
    elseif block.kind == "item" then
      shown = "- " .. shown .. "\n"
    else
      shown = shown .. "\n"
    end
    out[#out + 1] = shown
  end
  return table.concat(out, "\n")
end

local function values(title, map)
  local list = {}
  for _, name in ipairs(options.keys(map or {})) do
    list[#list + 1] = ("`%s = %s`"):format(name, text.clean(tostring(map[name])))
  end
  return #list > 0 and ("%s: %s\n"):format(title, table.concat(list, ", ")) or nil
end

local function list(title, items)
  local out = { title .. "\n" }
  for _, item in ipairs(items) do
    out[#out + 1] = "- " .. text.clean(item)
  end
  return table.concat(out, "\n") .. "\n"
end

local MARKS = { passed = "✓ ", failed = "✗ ", open = "" }

local function step(number, shown)
  local one, out = shown.step, {}
  local function add(piece)
    if piece and piece ~= "" then
      out[#out + 1] = piece
    end
  end
  add(("## %d. %s\n"):format(number, text.clean(one.title)))
  add(prose(one.text))
  if shown.skipped then
    add("Not run here: " .. text.clean(shown.skipped) .. "\n")
  end
  add(values("Given", shown.given))
  add(shown.source and M.fence(shown.source, "lua"))
  add(shown.said and shown.said ~= "" and "It prints:\n")
  add(shown.said and shown.said ~= "" and M.fence(shown.said, "text"))
  add(values("Answered", shown.answers))
  local looked = {}
  for _, seen in ipairs(shown.observations or {}) do
    looked[#looked + 1] = ("$ %s\n%s"):format(seen.command, seen.output)
  end
  if not shown.observations then
    for _, command in ipairs(one.observe or {}) do
      looked[#looked + 1] = "$ " .. command .. "\n"
    end
  end
  add(#looked > 0 and "To look with:\n")
  add(#looked > 0 and M.fence(table.concat(looked), "console"))
  local sentences = {}
  for index, check in ipairs(shown.checks) do
    sentences[index] = MARKS[check.state] .. check.sentence
  end
  add(list("It is done when", sentences))
  add(shown.snapshot and "What the kernel showed:\n")
  add(shown.snapshot and M.fence(require("report").mermaid(shown.snapshot), "mermaid"))
  if shown.narration and shown.narration ~= "" then
    add "<details><summary>Each call, and what it changed</summary>\n"
    add(M.fence(shown.narration, "text"))
    add "</details>\n"
  end
  add(one.lesson and prose(one.lesson))
  return table.concat(out, "\n")
end

--- The page.
---@param lesson scenario.Scenario
---@param rows scenario.Shown[]
---@return string
function M.render(lesson, rows)
  local out = { ("# %s\n"):format(text.clean(lesson.title)) }
  out[#out + 1] = lesson.summary and prose(lesson.summary) or nil
  if lesson.needs and #lesson.needs > 0 then
    out[#out + 1] = ("Needs: %s\n"):format(table.concat(lesson.needs, ", "))
  end
  for number, shown in ipairs(rows) do
    out[#out + 1] = step(number, shown)
  end
  return table.concat(out, "\n")
end

return M
