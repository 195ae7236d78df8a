--- The form "sort": each of some things belongs into one of a few bins.
---
--- ```lua
--- local sort = require "lab.quiz.sort"
---
--- local round = sort.begin({
---   bins = { { "see", "what is seen" }, { "use", "what is used" } },
---   items = { { "memory", "use", why = "a page is used" } },
--- }, { seed = 0 })
--- assert(round.asks[1].read "b" == "use")
--- local note = round.grade({ "see" }).notes[1]
--- assert(note == "memory: what is used, not what is seen: a page is used")
--- ```
local letters = require "lab.quiz.letters"

local M = { fields = { bins = "list", items = "list" } }

local function text_of(bins, key)
  for _, bin in ipairs(bins) do
    if bin[1] == key then
      return bin[2]
    end
  end
end

---@param question table
---@param need lab.Need
function M.check(question, need)
  need.keyed("bins", question.bins, 2)
  for index, item in ipairs(question.items) do
    local place = ("items[%d]"):format(index)
    need.that(type(item[1]) == "string", place, "expected { text, bin, why = text }")
    need.that(text_of(question.bins, item[2]), place, ("no bin is called %s"):format(item[2]))
    need.that(item.why, place .. ".why", "why it belongs there is missing")
  end
end

---@param question table
---@param context lab.Context
---@return lab.Round
function M.begin(question, context)
  local bins = letters.of(question.bins, 0)
  local items = letters.shuffle(question.items, context.seed)
  local asks = {}
  for index, item in ipairs(items) do
    asks[index] = {
      prompt = ("%s → "):format(item[1]),
      read = function(line)
        return bins:one(line)
      end,
    }
  end
  local function grade(values)
    local right, notes = 0, {}
    for index, item in ipairs(items) do
      if values[index] == item[2] then
        right = right + 1
      else
        local wanted, said = text_of(question.bins, item[2]), text_of(question.bins, values[index])
        notes[#notes + 1] = ("%s: %s, not %s: %s"):format(item[1], wanted, said, item.why)
      end
    end
    return { right = right, of = #items, notes = notes }
  end
  return { shown = bins:text(), asks = asks, grade = grade }
end

--- The lines that answer it rightly.
---@param question table
---@param context lab.Context
---@return string[]
function M.answers(question, context)
  local lines = {}
  for index, item in ipairs(letters.shuffle(question.items, context.seed)) do
    lines[index] = item[2]
  end
  return lines
end

--- Lines that answer it wrongly, each time in another way.
---@param question table
---@param context lab.Context
---@return string[][]
function M.mistakes(question, context)
  local list = {}
  for index, item in ipairs(letters.shuffle(question.items, context.seed)) do
    local lines = M.answers(question, context)
    lines[index] = question.bins[1][1] == item[2] and question.bins[2][1] or question.bins[1][1]
    list[#list + 1] = lines
  end
  return list
end

return M
