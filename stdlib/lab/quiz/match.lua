--- The form "match": what stands left belongs to one thing on the right; some of those are decoys.
---
--- With `rounds` the same is asked several times with other lists.
---
--- ```lua
--- local match = require "lab.quiz.match"
---
--- local round = match.begin({
---   rights = { { "newpid", "CLONE_NEWPID" }, { "newnet", "CLONE_NEWNET" } },
---   pairs = { { "process ids", "newpid", why = "it numbers anew" } },
--- }, { seed = 0 })
--- assert(round.grade({ "newnet" }).notes[1]
---   == "process ids: CLONE_NEWPID, not CLONE_NEWNET: it numbers anew")
--- ```
local letters = require "lab.quiz.letters"

local M = { fields = { rights = "list", pairs = "list", rounds = "list" } }

local function rounds_of(question)
  return question.rounds or { question }
end

local function text_of(rights, key)
  for _, right in ipairs(rights) do
    if right[1] == key then
      return right[2]
    end
  end
end

---@param question table
---@param need lab.Need
function M.check(question, need)
  for number, round in ipairs(rounds_of(question)) do
    local before = question.rounds and ("rounds[%d]."):format(number) or ""
    need.that(
      type(round) == "table" and type(round.pairs) == "table" and #round.pairs > 0,
      before .. "pairs",
      "is missing"
    )
    need.keyed(before .. "rights", round.rights, 2)
    for index, pair in ipairs(round.pairs) do
      local place = ("%spairs[%d]"):format(before, index)
      need.that(type(pair[1]) == "string", place, "expected { text, key, why = text }")
      local known = text_of(round.rights, pair[2])
      need.that(known, place, ("nothing on the right is called %s"):format(pair[2]))
      need.that(pair.why, place .. ".why", "why they belong together is missing")
    end
  end
end

-- Each round's asks stand behind one another; the list is shown before the first of them.
---@param question table
---@param context lab.Context
---@return lab.Round
function M.begin(question, context)
  local asks, parts = {}, {}
  for _, round in ipairs(rounds_of(question)) do
    local list = letters.of(round.rights, context.seed)
    for index, pair in ipairs(letters.shuffle(round.pairs, context.seed)) do
      local head = question.rounds and round.text and round.text .. "\n" or ""
      asks[#asks + 1] = {
        shown = index == 1 and head .. list:text() or nil,
        prompt = ("%s → "):format(pair[1]),
        read = function(line)
          return list:one(line)
        end,
      }
      parts[#parts + 1] = { pair = pair, rights = round.rights }
    end
  end
  local function grade(values)
    local right, notes = 0, {}
    for index, part in ipairs(parts) do
      local pair = part.pair
      if values[index] == pair[2] then
        right = right + 1
      else
        local wanted, said = text_of(part.rights, pair[2]), text_of(part.rights, values[index])
        notes[#notes + 1] = ("%s: %s, not %s: %s"):format(pair[1], wanted, said, pair.why)
      end
    end
    return { right = right, of = #parts, notes = notes }
  end
  return { asks = asks, grade = grade }
end

--- The lines that answer it rightly.
---@param question table
---@param context lab.Context
---@return string[]
function M.answers(question, context)
  local lines = {}
  for _, round in ipairs(rounds_of(question)) do
    for _, pair in ipairs(letters.shuffle(round.pairs, context.seed)) do
      lines[#lines + 1] = pair[2]
    end
  end
  return lines
end

--- Lines that answer it wrongly, each time in another way.
---@param question table
---@param context lab.Context
---@return string[][]
function M.mistakes(question, context)
  local list, at = {}, 0
  for _, round in ipairs(rounds_of(question)) do
    for _, pair in ipairs(letters.shuffle(round.pairs, context.seed)) do
      at = at + 1
      local lines = M.answers(question, context)
      local first = round.rights[1][1]
      lines[at] = first == pair[2] and round.rights[2][1] or first
      list[#list + 1] = lines
    end
  end
  return list
end

return M
