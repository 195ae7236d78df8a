--- The form "order": steps are put into their order: the whole of it, or what `rules` say of pairs.
---
--- With `run` the learner's order is then done for real, and a machine that does not let it through
--- says so better than a rule.
---
--- ```lua
--- local order = require "lab.quiz.order"
---
--- local round = order.begin({
---   items = { { "ids", "change the ids" }, { "exec", "become the program" } },
---   why = "after exec there is nobody to do it",
--- }, { seed = 0 })
--- assert(round.asks[1].read "ba"[1] == "exec")
--- assert(round.grade({ { "exec", "ids" } }).right == 0)
--- ```
local letters = require "lab.quiz.letters"

local M = { fields = { items = "list", rules = "list", why = "string", run = "function" } }

local function places(keys)
  local at = {}
  for index, key in ipairs(keys) do
    at[key] = index
  end
  return at
end

---@param question table
---@param need lab.Need
function M.check(question, need)
  need.keyed("items", question.items, 2)
  need.that(question.rules or question.why, "why", "why it is this order is missing")
  local keys = M.keys(question)
  local known = places(keys)
  for index, rule in ipairs(question.rules or {}) do
    local place = ("rules[%d]"):format(index)
    for _, key in ipairs { rule[1], rule[2] } do
      need.that(known[key], place, ("no item is called %s"):format(key))
    end
    need.that(rule.why, place .. ".why", "why one comes first is missing")
    need.that(known[rule[1]] < known[rule[2]], place, "the items stand the other way round")
  end
end

--- The keys in the right order.
---@param question table
---@return string[]
function M.keys(question)
  local keys = {}
  for index, item in ipairs(question.items) do
    keys[index] = item[1]
  end
  return keys
end

local function text_of(question, key)
  for _, item in ipairs(question.items) do
    if item[1] == key then
      return item[2]
    end
  end
end

--- What an order does not keep: the reasons.
local function broken(question, keys)
  local at, notes = places(keys), {}
  for _, rule in ipairs(question.rules or {}) do
    if at[rule[1]] > at[rule[2]] then
      local first, second = text_of(question, rule[1]), text_of(question, rule[2])
      notes[#notes + 1] = ("%q comes before %q: %s"):format(first, second, rule.why)
    end
  end
  for index, key in ipairs(question.rules and {} or keys) do
    local wanted = question.items[index][1]
    if key ~= wanted then
      -- What follows is shifted by it: only the first is told.
      notes[1] = ("step %d is %q, not %q: %s"):format(
        index,
        text_of(question, wanted),
        text_of(question, key),
        question.why
      )
      break
    end
  end
  return notes
end

---@param question table
---@param context lab.Context
---@return lab.Round
function M.begin(question, context)
  local list = letters.of(question.items, context.seed)
  local function read(line)
    local keys, reason = list:several(line)
    if keys and #keys < #list.items then
      return nil, ("%d of %d steps: name each once"):format(#keys, #list.items)
    end
    return keys, reason
  end
  local function grade(values)
    local keys, said = values[1], nil
    local notes = broken(question, keys)
    local good = #notes == 0
    if question.run then
      local found, failed = context.run(function(t)
        local ok, text = question.run(t, keys)
        return { ok = ok and true or false, text = text }
      end)
      if found then
        good = good and found.ok
        said = found.text
      else
        good = false
        notes[#notes + 1] = "your order was run, and failed: " .. failed
      end
    end
    return { right = good and 1 or 0, of = 1, notes = notes, said = said }
  end
  local asks = { { prompt = "in which order? ", read = read } }
  return { shown = list:text(), asks = asks, grade = grade }
end

--- The lines that answer it rightly.
---@param question table
---@return string[]
function M.answers(question)
  return { table.concat(M.keys(question), " ") }
end

--- Lines that answer it wrongly, each time in another way.
---@param question table
---@return string[][]
function M.mistakes(question)
  local list, keys = {}, M.keys(question)
  for index = 1, #keys - 1 do
    local swapped = table.move(keys, 1, #keys, 1, {})
    swapped[index], swapped[index + 1] = swapped[index + 1], swapped[index]
    -- With rules two neighbours may well change places.
    if #broken(question, swapped) > 0 then
      list[#list + 1] = { table.concat(swapped, " ") }
    end
  end
  local back = {}
  for index, key in ipairs(keys) do
    back[#keys + 1 - index] = key
  end
  list[#list + 1] = { table.concat(back, " ") }
  return list
end

return M
