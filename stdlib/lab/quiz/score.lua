--- The form "score": a box is given, the learner writes options for it, and a judge gives points.
---
--- The options are written as in a call: `profile = "strict", memory = "64M"`. After three attempts
--- a line that is enough is shown.
---
--- ```lua
--- local score = require "lab.quiz.score"
---
--- local question = {
---   given = "a naked box", keys = { memory = "string" }, least = 8, of = 10, why = "…",
---   right = 'memory = "64M"',
---   judge = function(_, options) return options.memory and 9 or 2, { "no limit of memory" } end,
--- }
--- local round = score.begin(question, { seed = 0, run = function(body) return body() end })
--- assert(round.asks[1].read 'memory = "64M"'.memory == "64M")
--- local _, reason = round.asks[1].read 'memori = "64M"'
--- assert(reason:find "did you mean 'memory'?")
--- ```
local options = require "options"

local M = {
  fields = {
    given = "string",
    keys = "table",
    judge = "function",
    least = "number",
    of = "number",
    right = "string",
    why = "string",
  },
}

---@param question table
---@param need lab.Need
function M.check(question, need)
  for _, name in ipairs(options.keys(M.fields)) do
    need.that(question[name] ~= nil, name, "is missing")
  end
  local _, reason = M.read(question, question.right)
  need.that(not reason, "right", tostring(reason))
end

--- A line as a table of options; nil and why where it is none.
---@param question table
---@param line string
---@return table? given
---@return string? reason
function M.read(question, line)
  local body = line:match "^%s*{(.*)}%s*$" or line
  local chunk, wrong = load("return {" .. body .. "\n}", "=your line", "t", {})
  if not chunk then
    return nil, tostring(wrong)
  end
  local given, err = try(budget, { time = "100ms", memory = "1M" }, chunk)
  if not given then
    return nil, err.message or tostring(err)
  end
  local _, unfit = try(options.check, "your line", given, question.keys)
  if unfit then
    return nil, unfit.message
  end
  return given
end

---@param question table
---@param context lab.Context
---@return lab.Round
function M.begin(question, context)
  local keys = options.keys(question.keys)
  local function grade(values)
    local found, reason = context.run(function(t)
      local points, findings = question.judge(t, values[1])
      return { points = points, findings = json_array(findings or {}) }
    end)
    if not found then
      return { right = 0, of = 1, notes = { "such a box cannot be made: " .. reason } }
    end
    local good = found.points >= question.least
    local said = ("%.1f of %g points; %g are asked for"):format(
      found.points,
      question.of,
      question.least
    )
    local notes = good and {} or found.findings
    return { right = good and 1 or 0, of = 1, notes = notes, said = said }
  end
  return {
    shown = question.given .. "\noptions: " .. table.concat(keys, ", "),
    attempts = 3,
    solution = question.right,
    asks = {
      {
        prompt = "with which options? ",
        read = function(line)
          return M.read(question, line)
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
  return { question.right }
end

--- Lines that answer it wrongly: the box as it is given.
---@return string[][]
function M.mistakes()
  return { { "{}" } }
end

return M
