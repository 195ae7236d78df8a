--- A fault as a step of a scenario: a symptom, causes to choose from, and a repair that the kernel
--- judges. The choice is a check of its own and comes first: who repairs by luck has not found it.
---
--- ```lua
--- local fault = require "lab.ex5.fault"
---
--- local step = fault {
---   id = "name",
---   title = "Nobody knows it by its name",
---   symptom = "The box of process $pid does not say who it is.",
---   cause = "no-name",
---   choices = {
---     { "no-name", "nobody has set its host name" },
---     { "no-box", "it has no uts namespace", why = "its inode is another than yours" },
---   },
---   setup = function() end,
---   repair = function() end,
---   checks = { { "it has a name", function() end } },
---   decoys = {},
--- }
--- assert(step.text:find("no-box", 1, true) and #step.checks == 2)
--- ```
local options = require "options"

local FIELDS = {
  id = "string",
  title = "string",
  symptom = "string",
  cause = "string",
  choices = "list",
  needs = "list",
  alternative = "string",
  setup = "function",
  repair = "function",
  checks = "list",
  observe = "list",
  hints = "list",
  decoys = "list",
  lesson = "string",
  patience = "integer",
}

--- The symptom, and the causes in the order of their words: the right one is not always the first.
local function text_of(given)
  local lines = { given.symptom, "", "Which of these is the cause?" }
  local sorted, longest = table.move(given.choices, 1, #given.choices, 1, {}), 0
  table.sort(sorted, function(a, b)
    return a[1] < b[1]
  end)
  for _, choice in ipairs(sorted) do
    longest = math.max(longest, #choice[1])
  end
  for _, choice in ipairs(sorted) do
    lines[#lines + 1] = ("  %s  %s"):format(choice[1] .. (" "):rep(longest - #choice[1]), choice[2])
  end
  lines[#lines + 1] = "Hand its word over as `cause`, and repair what is broken."
  return table.concat(lines, "\n")
end

--- The first check: the cause. What speaks against a wrong one is told, and not which is right.
local function judge_cause(given)
  local words, why = {}, {}
  for index, choice in ipairs(given.choices) do
    words[index], why[choice[1]] = choice[1], choice.why
  end
  return function(t)
    local said = tostring(t.answers.cause):lower()
    if said == given.cause then
      return
    end
    table.sort(words)
    t:fail {
      what = why[said] and "it is another cause: " .. why[said] or "the cause is none of the words",
      expected = "one of " .. table.concat(words, ", "),
      found = said,
      see = given.observe and given.observe[1],
    }
  end
end

--- Makes the step.
---@param given table
---@return table step as `scenario` takes it
return function(given)
  given = options.check("fault", given, FIELDS)
  local checks = { { "the cause is named", judge_cause(given) } }
  table.move(given.checks, 1, #given.checks, 2, checks)
  local decoys = {}
  for index, decoy in ipairs(given.decoys) do
    decoys[index] = {
      decoy[1],
      function(t)
        decoy[2](t)
        t:answer { cause = given.cause }
      end,
      says = decoy.says,
      course = decoy.course,
    }
  end
  for _, choice in ipairs(given.choices) do
    if choice.why then
      decoys[#decoys + 1] = {
        ("repaired, and %s named as the cause"):format(choice[1]),
        function(t)
          given.repair(t)
          t:answer { cause = choice[1] }
        end,
        says = choice.why,
      }
      break
    end
  end
  return {
    id = given.id,
    title = given.title,
    text = text_of(given),
    needs = given.needs,
    alternative = given.alternative,
    answers = { cause = "the word of the cause" },
    setup = given.setup,
    action = function(t)
      given.repair(t)
      t:answer { cause = given.cause }
    end,
    observe = given.observe,
    checks = checks,
    hints = given.hints,
    decoys = decoys,
    lesson = given.lesson,
    patience = given.patience,
  }
end
