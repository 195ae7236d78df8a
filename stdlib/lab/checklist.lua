--- The course's checklist, computed from what was passed: nothing of it is ticked by hand.
---
--- What this machine cannot do does not hold a line up, but the line says so.
---
--- ```lua
--- local checklist = require "lab.checklist"
---
--- local course = {
---   checklist = { { "Answer all questions", from = { "quiz" } } },
---   questions = function() return { { id = "q1", hash = "01", question = {} } } end,
--- }
--- local open = checklist.of(course, { tasks = {}, quiz = {} })
--- assert(open[1].done == false and open[1].count == 0 and open[1].of == 1)
--- local done = checklist.of(course, { tasks = {}, quiz = { q1 = { passed = 1, hash = "01" } } })
--- assert(done[1].done)
--- ```
local catalogue = require "lab.catalogue"
local options = require "options"

local M = {}

--- A line of the checklist.
---@class lab.Item
---@field text string the course's words
---@field done boolean
---@field count integer what is done of what it comes from
---@field of integer
---@field impossible integer what this machine cannot do, which is not counted
---@field note? string
---@field from string[]

--- Adds what one word of `from` stands for: true where it is done, false where it is not, nil where
--- it cannot be done here.
local function parts(course, record, word, add)
  if word == "own" then
    add(record.given_back ~= nil)
  elseif word == "quiz" or word:find "^q%d+$" then
    for _, each in ipairs(course:questions()) do
      if word == "quiz" or each.id == word then
        local done = record.quiz[each.id]
        local passed = done ~= nil and done.passed ~= nil
        if passed or not require("lab.quiz").unmet(each.question) then
          add(passed)
        else
          add(nil)
        end
      end
    end
  else
    local list = word:find(".", 1, true) and { course:find(word) } or course:tasks(word)
    for _, task in ipairs(list) do
      local state = catalogue.state(task, record)
      if state == "impossible" then
        add(nil)
      else
        add(state == "passed" or state == "earlier")
      end
    end
  end
end

--- The lines, with how far each is done.
---@param course lab.Course
---@param record lab.Record
---@return lab.Item[]
function M.of(course, record)
  local items = json_array {}
  for index, line in ipairs(course.checklist) do
    options.expect("lab", ("checklist[%d].from"):format(index), line.from, "list")
    local item = { text = line[1], count = 0, of = 0, impossible = 0, note = line.note }
    item.from = json_array(line.from)
    for _, word in ipairs(line.from) do
      parts(course, record, word, function(done)
        if done == nil then
          item.impossible = item.impossible + 1
        else
          item.of = item.of + 1
          item.count = item.count + (done and 1 or 0)
        end
      end)
    end
    -- Where nothing can be done at all, nothing has been.
    item.done = item.of > 0 and item.count == item.of
    items[index] = item
  end
  return items
end

--- The lines as text.
---@param items lab.Item[]
---@return string[]
function M.lines(items)
  local lines = {}
  for index, item in ipairs(items) do
    local rest = {}
    if not item.done then
      rest[1] = ("%d of %d"):format(item.count, item.of)
    end
    if item.impossible > 0 then
      rest[#rest + 1] = ("%d cannot be done here"):format(item.impossible)
    end
    rest[#rest + 1] = item.note
    local more = #rest > 0 and ("  (%s)"):format(table.concat(rest, "; ")) or ""
    lines[index] = ("[%s] %s%s"):format(item.done and "x" or " ", item.text, more)
  end
  return lines
end

return M
