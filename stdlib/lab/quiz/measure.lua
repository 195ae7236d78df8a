--- The form "measure": the learner says which row will be the largest or the smallest, then this
--- very machine is measured and the figures are drawn.
---
--- ```lua
--- local measure = require "lab.quiz.measure"
---
--- local question = {
---   rows = { "net", "uts" }, unit = "µs", ask = "Which one costs most?", right = "max", why = "…",
---   run = function() return { net = 400.0, uts = 5.0 } end,
--- }
--- local round = measure.begin(question, { seed = 0, run = function(body) return body() end })
--- assert(round.grade({ "net" }).right == 1)
--- ```
local bar = require "view.bar"
local letters = require "lab.quiz.letters"
local text = require "view.text"

local M = {
  fields = {
    rows = "list",
    unit = "string",
    run = "function",
    ask = "string",
    right = { "=max|min", "function" },
    close = "number",
    why = "string",
  },
}

-- Two figures nearer than this are the same on a machine with other work.
local CLOSE = 1.15
local WIDTH = 30

---@param question table
---@param need lab.Need
function M.check(question, need)
  need.that(#question.rows >= 2, "rows", "two at least")
  for _, name in ipairs { "unit", "run", "ask", "right", "why" } do
    need.that(question[name] ~= nil, name, "is missing")
  end
end

--- The rows that are right, as a set.
---@param question table
---@param values table<string, number>
---@return table<string, boolean>
function M.best(question, values)
  if type(question.right) == "function" then
    return question.right(values)
  end
  local sign = question.right == "max" and 1 or -1
  local best
  for _, key in ipairs(question.rows) do
    if not best or sign * values[key] > sign * best then
      best = values[key]
    end
  end
  local set, close = {}, question.close or CLOSE
  for _, key in ipairs(question.rows) do
    local high, low = math.max(values[key], best), math.min(values[key], best)
    set[key] = high <= low * close or nil
  end
  return set
end

--- The figures: measured once a context, so that what is right is judged by what was seen.
local function measured(question, context)
  if not context.measured then
    local found, reason = context.run(question.run)
    for _, key in ipairs(found and question.rows or {}) do
      if type(found[key]) ~= "number" then
        return nil, ("nothing was measured of %s"):format(key)
      end
    end
    if not found then
      return nil, reason
    end
    context.measured = found
  end
  return context.measured
end

local function drawn(question, values)
  local width, most = 0, 0
  for _, key in ipairs(question.rows) do
    width, most = math.max(width, text.width(key)), math.max(most, values[key])
  end
  local lines = {}
  for index, key in ipairs(question.rows) do
    local share = most > 0 and values[key] / most or 0
    lines[index] = ("  %s%s  %s  %.1f %s"):format(
      key,
      (" "):rep(width - text.width(key)),
      bar.render(share, { width = WIDTH }),
      values[key],
      question.unit
    )
  end
  return table.concat(lines, "\n")
end

---@param question table
---@param context lab.Context
---@return lab.Round
function M.begin(question, context)
  local items = {}
  for index, key in ipairs(question.rows) do
    items[index] = { key, key }
  end
  local list = letters.of(items, 0)
  local function grade(values)
    local found, reason = measured(question, context)
    if not found then
      local note = "it could not be measured here: " .. tostring(reason)
      return { right = 0, of = 0, notes = { note } }
    end
    local good = M.best(question, found)[values[1]]
    local note = not good and ("measured: not %s. %s"):format(values[1], question.why) or nil
    return { right = good and 1 or 0, of = 1, notes = { note }, said = drawn(question, found) }
  end
  return {
    shown = question.ask .. "\n" .. list:text(),
    asks = {
      {
        prompt = "which one? ",
        read = function(line)
          return list:one(line)
        end,
      },
    },
    grade = grade,
  }
end

--- The lines that answer it rightly: what a measurement of now says.
---@param question table
---@param context lab.Context
---@return string[]
function M.answers(question, context)
  local values, reason = measured(question, context)
  if not values then
    error("run: " .. tostring(reason), 0)
  end
  return { (next(M.best(question, values))) }
end

--- Lines that answer it wrongly, each time in another way.
---@param question table
---@param context lab.Context
---@return string[][]
function M.mistakes(question, context)
  local values = assert(measured(question, context))
  local best, list, far, opposite = M.best(question, values), {}, nil, nil
  for _, key in ipairs(question.rows) do
    -- The row at the other end is wrong however noisy the machine is.
    local distance = math.abs(values[key] - values[next(best)])
    if not best[key] and (not far or distance > far) then
      opposite, far = key, distance
    end
  end
  list[1] = opposite and { opposite } or nil
  return list
end

return M
