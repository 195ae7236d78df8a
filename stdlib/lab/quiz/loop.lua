--- Asks questions of somebody who types, or of a pipe with an answer a line.
---
--- A line that starts with `!` is a command for the shell: who is asked to look may look. An empty
--- line at the first prompt of a question passes on to the next.
---
--- ```lua
--- local loop = require "lab.quiz.loop"
---
--- local said = {}
--- local lines = { "own" }
--- local result = loop.ask({
---   title = "One kernel", form = "choose", course = "?", text = "Whose kernel?", see = {},
---   explain = "There is one.",
---   choices = {
---     { "host", "the host's", right = true },
---     { "own", "its own", why = "it has none" },
---   },
--- }, {
---   say = function(text) said[#said + 1] = text end,
---   read = function() return table.remove(lines, 1) end,
--- })
--- assert(result.state == "wrong" and table.concat(said):find "it has none")
--- ```
local colour = require "view.colour"
local quiz = require "lab.quiz"

local M = {}

-- A line that is not understood is asked for again, but not for ever: a pipe may have the wrong
-- answers for all that follows.
local PATIENCE = 3

--- How the quiz speaks and hears.
---@class lab.Talk
---@field say fun(text: string) a line or several
---@field read fun(prompt: string): string? a line; nil at the end
---@field colours? boolean
---@field seed? integer
---@field number? string what stands before the title
---@field prefix? string how a task is begun: "crun-lua lab task "

-- Ends a question before its answer is complete.
local END, PASS = {}, {}

local function shell(command)
  local child <close> = spawn(function()
    exec { "/bin/sh", "-c", command }
  end)
  child:wait()
end

--- One answer: what it means, or END or PASS.
local function answer(ask, talk, first)
  for _ = 1, PATIENCE do
    local line
    repeat
      line = talk.read(ask.prompt)
      local command = line and line:match "^%s*!(.+)$"
      if command then
        shell(command)
      end
    until not command
    if not line then
      return END
    elseif first and not line:find "%S" then
      return PASS
    end
    local value, reason = ask.read(line)
    if value ~= nil then
      return value
    end
    talk.say(("  %s"):format(reason))
  end
  return PASS
end

local function answers(round, talk)
  local values = {}
  for index, ask in ipairs(round.asks) do
    if ask.shown then
      talk.say(ask.shown)
    end
    local value = answer(ask, talk, index == 1)
    if value == END or value == PASS then
      return nil, value == END
    end
    values[index] = value
  end
  return values
end

local function tell(graded, talk)
  if graded.said and graded.said ~= "" then
    talk.say(graded.said)
  end
  if graded.of == 0 then
    talk.say(colour.paint("– nothing could be graded here", "yellow", talk.colours))
  elseif graded.right == graded.of then
    talk.say(colour.paint("✓ right", "green", talk.colours))
  else
    local count = graded.of > 1 and (": %d of %d"):format(graded.right, graded.of) or ""
    talk.say(colour.paint("✗ not right" .. count, "red", talk.colours))
  end
  for _, note in ipairs(graded.notes) do
    talk.say("  · " .. note)
  end
end

--- Asks until the answer is right or there are no attempts left.
local function attempts(round, talk)
  local most = round.attempts or 1
  for attempt = 1, most do
    local values, ended = answers(round, talk)
    if not values then
      return { state = ended and "ended" or "passed over" }
    end
    local graded = round.grade(values)
    tell(graded, talk)
    if graded.of == 0 then
      return { state = "not graded" }
    elseif graded.right == graded.of then
      return { state = "right", right = graded.right, of = graded.of }
    elseif attempt == most then
      if round.solution then
        talk.say("  enough would be: " .. round.solution)
      end
      return { state = "wrong", right = graded.right, of = graded.of }
    end
  end
end

local function explain(question, result, talk)
  if result.state ~= "right" and result.state ~= "wrong" and result.state ~= "not graded" then
    return
  end
  talk.say(question.explain)
  if question.erratum then
    talk.say("erratum: " .. question.erratum)
  end
  if result.state == "wrong" and #question.see > 0 then
    local names = {}
    for index, id in ipairs(question.see) do
      names[index] = (talk.prefix or "crun-lua lab task ") .. id
    end
    talk.say("see for yourself: " .. table.concat(names, " · "))
  end
end

--- Asks one question: "right", "wrong", "passed over", "skipped", "not graded", or "ended" where
--- there is nobody any more.
---@param question lab.Question
---@param talk lab.Talk
---@return { state: string, right: integer?, of: integer?, reason: string? }
function M.ask(question, talk)
  local head = ("%s%s"):format(talk.number and talk.number .. " · " or "", question.title)
  talk.say("")
  talk.say(colour.paint(head, "bold", talk.colours))
  local reason = quiz.unmet(question)
  if reason then
    talk.say("– skipped: " .. reason)
    return { state = "skipped", reason = reason }
  end
  talk.say(question.text)
  local round, here = quiz.begin(question, { seed = talk.seed })
  local _ <close> = here
  if round.failed then
    talk.say("– skipped: " .. round.failed)
    return { state = "skipped", reason = round.failed }
  end
  if round.shown and round.shown ~= "" then
    talk.say(round.shown)
  end
  local result = attempts(round, talk)
  explain(question, result, talk)
  return result
end

return M
