--- The form "predict": the learner says what will happen, then it is done, and the kernel grades.
---
--- Where a machine answers otherwise than the question's author has expected, it is the machine
--- that is right.
---
--- ```lua
--- local predict = require "lab.quiz.predict"
---
--- local question = {
---   outcomes = { { "works", "it works" }, { "EPERM", "it is refused" } },
---   cases = { { "reading it", run = function() end, expect = "works", why = "anybody may" } },
--- }
--- local round = predict.begin(question, { seed = 0, run = function(body) return body() end })
--- local graded = round.grade { "EPERM" }
--- assert(graded.right == 0 and graded.notes[1]:find("anybody may"))
--- ```
local letters = require "lab.quiz.letters"

local M = { fields = { outcomes = "list", cases = "list" } }

local WORKS = "works"

---@param question table
---@param need lab.Need
function M.check(question, need)
  need.keyed("outcomes", question.outcomes, 2)
  local known = letters.of(question.outcomes, 0)
  for index, case in ipairs(question.cases) do
    local place = ("cases[%d]"):format(index)
    need.that(type(case[1]) == "string", place, "expected { text, run = function, … }")
    need.that(type(case.run) == "function", place .. ".run", "is missing")
    need.that(case.why, place .. ".why", "why it is so is missing")
    need.that(known:letter(case.expect or ""), place .. ".expect", "is none of the outcomes")
  end
end

local function text_of(question, key)
  for _, outcome in ipairs(question.outcomes) do
    if outcome[1] == key then
      return outcome[2]
    end
  end
  return key
end

--- What really happens: an outcome's key or an errno's name; nil and why where nothing can be said.
---@param case table
---@param context lab.Context
---@return string? outcome
---@return string? reason
function M.outcome(case, context)
  local value, reason, errno = context.run(case.run)
  if reason then
    return errno, reason
  end
  return type(value) == "string" and value or WORKS
end

---@param question table
---@param context lab.Context
---@return lab.Round
function M.begin(question, context)
  local outcomes = letters.of(question.outcomes, 0)
  local asks = {}
  for index, case in ipairs(question.cases) do
    asks[index] = {
      prompt = ("%s → "):format(case[1]),
      read = function(line)
        return outcomes:one(line)
      end,
    }
  end
  local function grade(values)
    local right, of, notes, said = 0, 0, {}, {}
    for index, case in ipairs(question.cases) do
      local found, reason = M.outcome(case, context)
      if not found then
        notes[#notes + 1] = ("%s: it could not be run here: %s"):format(case[1], reason)
      else
        local good = found == values[index]
        right, of = right + (good and 1 or 0), of + 1
        said[#said + 1] = ("%s %s: %s"):format(
          good and "✓" or "✗",
          case[1],
          text_of(question, found)
        )
        if not good then
          notes[#notes + 1] = ("%s: you said %q, the kernel says %q: %s"):format(
            case[1],
            text_of(question, values[index]),
            text_of(question, found),
            found == case.expect and case.why or "this machine differs from the author's"
          )
        end
      end
    end
    return { right = right, of = of, notes = notes, said = table.concat(said, "\n") }
  end
  return { shown = outcomes:text(), asks = asks, grade = grade }
end

--- The lines that answer it rightly, where the machine does what the author expects.
---@param question table
---@return string[]
function M.answers(question)
  local lines = {}
  for index, case in ipairs(question.cases) do
    lines[index] = case.expect
  end
  return lines
end

--- Lines that answer it wrongly, each time in another way.
---@param question table
---@return string[][]
function M.mistakes(question)
  local list = {}
  for index, case in ipairs(question.cases) do
    local lines = M.answers(question)
    local first = question.outcomes[1][1]
    lines[index] = first == case.expect and question.outcomes[2][1] or first
    list[#list + 1] = lines
  end
  return list
end

return M
