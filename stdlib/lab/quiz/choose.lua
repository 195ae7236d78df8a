--- The form "choose": one of several statements is right, or, with `many`, more than one.
---
--- ```lua
--- local choose = require "lab.quiz.choose"
---
--- local round = choose.begin({
---   choices = { { "yes", "It is.", right = true }, { "no", "It is not.", why = "but it is" } },
--- }, { seed = 0 })
--- assert(round.grade({ { "no" } }).notes[1] == "It is not.: but it is")
--- ```
local letters = require "lab.quiz.letters"

local M = { fields = { choices = "list", many = "boolean" } }

---@param question table
---@param need lab.Need
function M.check(question, need)
  need.keyed("choices", question.choices, 2)
  local right = 0
  for index, choice in ipairs(question.choices) do
    right = right + (choice.right and 1 or 0)
    need.that(
      choice.right or choice.why,
      ("choices[%d].why"):format(index),
      "why it is wrong is missing"
    )
  end
  need.that(right > 0, "choices", "none is right")
  need.that(right == 1 or question.many, "choices", "more than one is right, and `many` is not set")
end

---@param question table
---@param context lab.Context
---@return lab.Round
function M.begin(question, context)
  local list = letters.of(question.choices, context.seed)
  local function grade(values)
    local picked, right, notes, good = {}, {}, {}, true
    for _, key in ipairs(values[1]) do
      picked[key] = true
    end
    for _, choice in ipairs(question.choices) do
      right[#right + 1] = choice.right and choice[2] or nil
      if picked[choice[1]] ~= (choice.right or nil) then
        good = false
        notes[#notes + 1] = not choice.right and ("%s: %s"):format(choice[2], choice.why) or nil
      end
    end
    if not good then
      notes[#notes + 1] = "right: " .. table.concat(right, " · ")
    end
    return { right = good and 1 or 0, of = 1, notes = notes }
  end
  return {
    shown = list:text(),
    asks = {
      {
        prompt = question.many and "which ones? " or "which one? ",
        read = function(line)
          local keys, reason = list:several(line)
          if keys and #keys > 1 and not question.many then
            return nil, "one of them is asked for"
          end
          return keys, reason
        end,
      },
    },
    grade = grade,
  }
end

--- The lines that answer it rightly.
---@param question table
---@return string[]
function M.answers(question)
  local keys = {}
  for _, choice in ipairs(question.choices) do
    keys[#keys + 1] = choice.right and choice[1] or nil
  end
  return { table.concat(keys, " ") }
end

--- Lines that answer it wrongly, each time in another way.
---@param question table
---@return string[][]
function M.mistakes(question)
  local list = {}
  for _, choice in ipairs(question.choices) do
    list[#list + 1] = not choice.right and { choice[1] } or nil
  end
  return list
end

return M
