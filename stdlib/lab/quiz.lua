--- The quiz: the course's questions in forms that a program can grade honestly.
---
--- Free text cannot be graded, so each question is put as one of eight forms: `choose`, `sort`,
--- `match`, `order`, `predict` (say first, then it is done), `observe` (answered from the live
--- kernel), `measure` and `score`. A question is a plain table; `lab.quiz.FORM` says what its form
--- needs beside the fields that all have. A wrong answer is explained, and the task that shows the
--- thing is named.
---
--- ```lua
--- local quiz = require "lab.quiz"
---
--- local question = quiz.check({
---   title = "One kernel", form = "choose", course = "What is the difference?", text = "Whose?",
---   explain = "A container has no kernel of its own.", see = { "ex1.kinds" },
---   choices = {
---     { "host", "the host's", right = true },
---     { "own", "its own", why = "it has none" },
---   },
--- }, "example.lua")
--- local graded = quiz.grade(question, { "own" })
--- assert(not graded.passed and graded.notes[1] == "its own: it has none")
--- ```
local options = require "options"

local M = {}

M.FORMS = { "choose", "match", "measure", "observe", "order", "predict", "score", "sort" }

--- What every question has.
local COMMON = {
  title = "string",
  form = "=" .. table.concat(M.FORMS, "|"),
  course = "string",
  text = "string",
  explain = "string",
  see = "list",
  erratum = "string",
  needs = "list",
  deadline = "string",
}
local OPTIONAL = { erratum = true, needs = true, deadline = true }

---@class lab.Question
---@field title string
---@field form string
---@field course string the course's question, word for word
---@field text string
---@field explain string told after every answer
---@field see string[] the tasks that show it
---@field erratum? string what the course says wrongly
---@field needs? string[]
---@field deadline? string for each function of it; "10s"

--- How a form puts a question: what is shown, what is asked, and the judgement.
---@class lab.Round
---@field shown? string
---@field asks { prompt: string, shown: string?, read: fun(line: string): any, string? }[]
---@field grade fun(values: any[]): { right: integer, of: integer, notes: string[], said: string? }
---@field failed? string why it cannot be asked here
---@field attempts? integer how often it may be tried; once
---@field solution? string shown when there are no attempts left

--- What a form may use.
---@class lab.Context
---@field seed integer of the order in which things are shown
---@field run fun(body: function): any, string?, string? see `lab.quiz.place`
---@field stay fun(body: function): table?, string?
---@field measured? table<string, number> of the form "measure"

--- How a form complains of its fields.
---@class lab.Need
---@field that fun(value: any, place: string, wrong: string)
---@field keyed fun(place: string, list: any, least: integer)

--- The module of a question's form.
---@param question lab.Question
---@return table
function M.form(question)
  return require("lab.quiz." .. question.form)
end

local function complaints(file)
  local need = {}
  function need.that(value, place, wrong)
    if not value then
      options.fail("quiz", ("%s: %s: %s"):format(file, place, wrong))
    end
  end
  function need.keyed(place, list, least)
    need.that(type(list) == "table" and #list >= least, place, ("at least %d"):format(least))
    need.that(#list <= require("lab.quiz.letters").MOST, place, "more than there are letters")
    local seen = {}
    for index, item in ipairs(list) do
      local at = ("%s[%d]"):format(place, index)
      local fits = type(item) == "table" and type(item[1]) == "string" and type(item[2]) == "string"
      need.that(fits, at, 'expected { "key", "text", … }')
      need.that(item[1]:find "^[%w_-][%w_-]+$", at, ("%q is no key"):format(item[1]))
      need.that(not seen[item[1]:lower()], at, ("the key %s is there twice"):format(item[1]))
      seen[item[1]:lower()] = true
    end
  end
  return need
end

--- Fails where a question is not well formed, naming the file and the field.
---@param question any
---@param file string
---@return lab.Question
function M.check(question, file)
  local need = complaints(file)
  need.that(type(question) == "table", "question", "expected a table")
  local known = options.nearest(tostring(question.form), M.FORMS)
  local meant = known and ("; did you mean %q?"):format(known) or ""
  need.that(
    (COMMON.form .. "|"):find("[=|]" .. tostring(question.form) .. "|"),
    "form",
    "expected one of " .. table.concat(M.FORMS, ", ") .. meant
  )
  local form = M.form(question)
  local fields = {}
  for _, list in ipairs { COMMON, form.fields } do
    for name, words in pairs(list) do
      fields[name] = words
    end
  end
  local _, err = try(options.check, "quiz", question, fields)
  if err then
    options.fail("quiz", ("%s: %s"):format(file, err.message), err.hint)
  end
  for _, name in ipairs(options.keys(COMMON)) do
    need.that(OPTIONAL[name] or question[name] ~= nil, name, "is missing")
  end
  form.check(question, need)
  return question
end

--- Why a question cannot be asked here, or nil.
---@param question lab.Question
---@return string?
function M.unmet(question)
  for _, word in ipairs(question.needs or {}) do
    local reason = require("needs").unmet(word)
    if reason then
      return reason
    end
  end
end

--- What a form may use, around a place of the question's own.
---@param here lab.Place
---@param seed integer
---@return lab.Context
function M.context(here, seed)
  return {
    seed = seed,
    run = function(body)
      return here:run(body)
    end,
    stay = function(body)
      return here:stay(body)
    end,
  }
end

--- Begins a question. The place has to be closed in the end.
---@param question lab.Question
---@param given? { seed?: integer }
---@return lab.Round
---@return lab.Place
function M.begin(question, given)
  local here = require("lab.quiz.place").open(question)
  local context = M.context(here, given and given.seed or 0)
  local round, err = try(M.form(question).begin, question, context)
  if not round then
    here:close()
    error(err, 0)
  end
  return round, here
end

--- Grades lines as they would be typed: what is not understood fails.
---@param question lab.Question
---@param lines string[]
---@param given? { seed?: integer }
---@return { passed: boolean, right: integer, of: integer, notes: string[], said: string? }
function M.grade(question, lines, given)
  local round, here = M.begin(question, given)
  local _ <close> = here
  if round.failed then
    options.fail("quiz", round.failed)
  end
  local values = {}
  for index, ask in ipairs(round.asks) do
    local value, reason = ask.read(lines[index] or "")
    if value == nil then
      options.fail("quiz", ("answer %d: %s"):format(index, reason))
    end
    values[index] = value
  end
  local graded = round.grade(values)
  graded.passed = graded.of > 0 and graded.right == graded.of
  return graded
end

return M
