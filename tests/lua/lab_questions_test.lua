-- The questions of the quiz, each by its own file: well formed, the right answer right, each kind
-- of wrong answer wrong and told why, and what is run or read is what the file says.

local course = require "lab.course"
local predict = require "lab.quiz.predict"
local quiz = require "lab.quiz"

local test = require "test"

--- Whatever order things are shown in.
local SEEDS = { 0, 1, 20261126 }

local function context_of(question)
  local place = require("lab.quiz.place").open(question)
  return quiz.context(place, 0), place
end

for number, module in ipairs(course.quiz) do
  -- What is not there yet fails within its case.
  local found, question = pcall(require, module)
  local function case(name, body)
    local needs = found and type(question) == "table" and question.needs or {}
    test.case(("question %d %s"):format(number, name), needs, function(t)
      t.ok(found, tostring(question))
      quiz.check(question, module)
      body(t)
    end)
  end

  case("is passed by its right answer, in whatever order it is shown", function(t)
    for _, seed in ipairs(question.form == "measure" and { 0 } or SEEDS) do
      local place = require("lab.quiz.place").open(question)
      local _ <close> = place
      local context = quiz.context(place, seed)
      -- What is set up has to be there for whoever looks.
      local round = quiz.form(question).begin(question, context)
      t.eq(round.failed, nil)
      local values = {}
      for index, line in ipairs(quiz.form(question).answers(question, context)) do
        local value, reason = round.asks[index].read(line)
        t.ok(value ~= nil, reason)
        values[index] = value
      end
      local graded = round.grade(values)
      t.eq(table.concat(graded.notes, "\n"), "")
      t.ok(graded.of > 0, "something is graded")
      t.eq(graded.right, graded.of)
    end
  end)

  case("is failed by each wrong answer, which is explained", function(t)
    local context, place = context_of(question)
    local _ <close> = place
    local round = quiz.form(question).begin(question, context)
    local mistakes = quiz.form(question).mistakes(question, context)
    t.ok(#mistakes > 0, "there are wrong answers")
    for _, lines in ipairs(mistakes) do
      local values = {}
      for index, line in ipairs(lines) do
        values[index] = assert(round.asks[index].read(line))
      end
      local graded = round.grade(values)
      t.ok(graded.right < graded.of, table.concat(lines, " / ") .. " is wrong")
      t.ok(#graded.notes > 0, table.concat(lines, " / ") .. " is explained")
    end
  end)

  if found and type(question) == "table" and question.form == "predict" then
    case("expects what this kernel does", function(t)
      local context, place = context_of(question)
      local _ <close> = place
      for _, each in ipairs(question.cases) do
        local outcome, reason = predict.outcome(each, context)
        t.eq(outcome, each.expect, ("%s (%s)"):format(each[1], reason or ""))
      end
    end)
  end
end

return test.run()
