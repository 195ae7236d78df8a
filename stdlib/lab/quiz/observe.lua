--- The form "observe": the learner looks, by any means, and answers what the kernel shows; the
--- truth is read when the answer is there.
---
--- ```lua
--- local observe = require "lab.quiz.observe"
---
--- local question = {
---   facts = {
---     { "the release", read = function() return "6.1" end, see = "uname -r", why = "one kernel" },
---   },
--- }
--- local round = observe.begin(question, { seed = 0, run = function(body) return body() end })
--- assert(round.grade({ " 6.1 " }).right == 1)
--- ```
local M = { fields = { setup = "function", facts = "list" } }

---@param question table
---@param need lab.Need
function M.check(question, need)
  need.that(#question.facts > 0, "facts", "is empty")
  for index, fact in ipairs(question.facts) do
    local place = ("facts[%d]"):format(index)
    need.that(type(fact[1]) == "string", place, "expected { text, read = function, … }")
    need.that(type(fact.read) == "function", place .. ".read", "is missing")
    need.that(type(fact.see) == "string", place .. ".see", "the command that shows it is missing")
    need.that(fact.why, place .. ".why", "why it is so is missing")
  end
end

local function plain(value)
  return (tostring(value):match("^%s*(.-)%s*$"):gsub("%s+", " "):lower())
end

local function accepts(fact, said, found)
  if fact.accept then
    return fact.accept(said, found) and true or false
  end
  return plain(said) == plain(found)
end

---@param question table
---@param context lab.Context
---@return lab.Round
function M.begin(question, context)
  local lines = {}
  if question.setup then
    local given, reason = context.stay(question.setup)
    if not given then
      return { failed = "what is to be looked at could not be made here: " .. reason, asks = {} }
    end
    for key, value in pairs(given) do
      lines[#lines + 1] = ("given: %s = %s"):format(key, value)
    end
    table.sort(lines)
  end
  local asks = {}
  for index, fact in ipairs(question.facts) do
    asks[index] = {
      prompt = fact[1] .. ": ",
      read = function(line)
        return line:find "%S" and line or nil, "look, and type what is there"
      end,
    }
  end
  local function grade(values)
    local right, of, notes = 0, 0, {}
    for index, fact in ipairs(question.facts) do
      local found, reason = context.run(function(t)
        local truth = fact.read(t)
        return { text = tostring(truth), good = accepts(fact, values[index], truth) }
      end)
      if not found then
        notes[#notes + 1] = ("%s: it could not be read: %s"):format(fact[1], reason)
      else
        right, of = right + (found.good and 1 or 0), of + 1
        if not found.good then
          notes[#notes + 1] = ("%s: it is %s, not %s: %s · see: %s"):format(
            fact[1],
            found.text,
            values[index],
            fact.why,
            fact.see
          )
        end
      end
    end
    return { right = right, of = of, notes = notes }
  end
  return { shown = table.concat(lines, "\n"), asks = asks, grade = grade }
end

--- The lines that answer it rightly: read, as a learner would.
---@param question table
---@param context lab.Context
---@return string[]
function M.answers(question, context)
  local lines = {}
  for index, fact in ipairs(question.facts) do
    local found, reason = context.run(function(t)
      return tostring(fact.read(t))
    end)
    lines[index] = found or error(("facts[%d].read: %s"):format(index, reason), 0)
  end
  return lines
end

--- Lines that answer it wrongly, each time in another way.
---@param question table
---@param context lab.Context
---@return string[][]
function M.mistakes(question, context)
  local list = {}
  for index in ipairs(question.facts) do
    local lines = M.answers(question, context)
    lines[index] = "nothing of the kind"
    list[#list + 1] = lines
  end
  return list
end

return M
