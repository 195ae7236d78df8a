-- What a scenario's file may not say: the error names file and line, the field, what was expected
-- and the nearest right name.

local needs = require "needs"
local scenario = require "scenario"
local test = require "test"

local WHOLE = [[
local scenario = require "scenario"
return scenario {
  title = "One",
  needs = { "userns" },
  steps = {
    {
      id = "one",
      title = "One",
      text = "Say one.",
      answers = { number = "one" },
      action = function(t)
        local list, other = { 1, 2 }, "a = { b"
        if list then
          t:answer { number = list[1] }
        end
      end,
      observe = { "echo $number" },
      checks = {
        { "it is one", function(t) t:eq(t.answers.number, 1) end, { deadline = "5s" } },
      },
      hints = { "a", "b", "c" },
      decoys = {
        { "two", function(t) t:answer { number = 2 } end, says = "value" },
      },
    },
    {
      id = "two",
      title = "Two",
      text = "Say nothing.",
      after = { "one" },
      alternative = "one",
      checks = { { "one is one", function(t) t:eq(1, 1) end } },
    },
  },
}
]]

--- Loads the file with a text in place of another; answers the error.
local function wrong(t, from, to)
  local dir <close> = temp_dir()
  local first, last = WHOLE:find(from, 1, true)
  t.ok(first, "the text has " .. from)
  local path = dir.path .. "/lesson.lua"
  write_file(path, WHOLE:sub(1, first - 1) .. to .. WHOLE:sub(last + 1))
  local made, err = try(scenario.load, path)
  t.eq(made, nil, "what was loaded")
  t.ok(err.where, "a place: " .. tostring(err))
  t.eq(err.where.file, path)
  return err, err.where.line
end

test.case("the whole scenario loads, so that what follows is about one field each", function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/lesson.lua", WHOLE)
  local made = scenario.load(dir.path .. "/lesson.lua")
  t.eq(made.name, "lesson")
  t.eq(#made.steps, 2)
  t.eq(scenario.of(made.steps[2]), made)
end)

local MISTAKES = {
  { 'title = "One",\n  needs', "needs", "title: is missing: expected a string", 2 },
  {
    'title = "One",\n  needs',
    'titel = "One",\n  needs',
    "titel: there is no such field; did you mean 'title'?",
    3,
  },
  { '"userns"', '"usern"', 'needs[1]: no need is called "usern"; did you mean "user"?', 4 },
  { '"userns"', '"cgroup"', '"cgroup" says not which: write "cgroup:memory"', 4 },
  { '"userns"', "7", "needs[1]: expected a word such as", 4 },
  { 'id = "one",', "", "steps[1].id: is missing: expected a string", 6 },
  { 'id = "one",', 'id = "o n e",', "expected letters, digits, - and _", 7 },
  { 'id = "two",', 'id = "one",', "is step 1's already", 27 },
  { 'text = "Say one."', 'text = " "', 'step "one".text: is empty', 9 },
  { 'text = "Say one."', "text = 1", 'step "one".text: expected string, got 1', 9 },
  { 'number = "one" }', "number = 1 }", "answers.number: expected string, got 1", 10 },
  { "action = function(t)", "actoin = function(t)", "did you mean 'action'?", 11 },
  { '"echo $number"', '"echo $numer"', "no answer is called 'numer'; did you mean $number?", 17 },
  { '"it is one", function', "function", "a check begins with a sentence, got function", 19 },
  {
    "function(t) t:eq(t.answers.number, 1) end",
    '"yes"',
    "a check has a function after its sentence, got string",
    19,
  },
  { '{ deadline = "5s" }', '{ deadlin = "5s" }', "did you mean 'deadline'?", 19 },
  { '{ deadline = "5s" }', '{ deadline = "soon" }', 'expected a time such as "30s", got soon', 19 },
  {
    '{ { "one is one", function(t) t:eq(1, 1) end } }',
    "{}",
    "a step without a check cannot be judged",
    32,
  },
  { '{ "a", "b", "c" }', '{ "a" }', "hints: expected three", 21 },
  { ', says = "value"', "", "decoys[1].says: is missing", 23 },
  { 'says = "value"', 'say = "value"', "did you mean 'says'?", 23 },
  { 'after = { "one" }', 'after = { "oen" }', 'no step has the id "oen"; did you mean "one"?', 30 },
  { 'alternative = "one"', 'alternative = "two"', "a step cannot name itself", 31 },
  { 'text = "Say nothing."', 'text = "x", deadline = 0', "deadline: expected a time", 29 },
}

for index, one in ipairs(MISTAKES) do
  test.case(
    ("a mistake in a field is told with its line: %d, %s"):format(index, one[3]),
    function(t)
      local err, line = wrong(t, one[1], one[2])
      t.match(err.message, one[3], true)
      t.eq(line, one[4], "the line")
    end
  )
end

test.case("a file that does not parse is told with its line", function(t)
  local err, line = wrong(t, 'id = "one",', 'id = = "one",')
  t.match(err.message, "unexpected symbol", true)
  t.eq(line, 7)
end)

test.case("an error while the file runs keeps its line", function(t)
  local err, line = wrong(t, "return scenario {", "print(nothing.at.all)\nreturn scenario {")
  t.match(err.message, "nothing", true)
  t.eq(line, 2)
end)

test.case("a file that returns no scenario says what it returns", function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/a.lua", "return 7")
  local _, err = try(scenario.load, dir.path .. "/a.lua")
  t.match(err.message, "the file returns number, not a scenario", true)
  t.match(err.hint, "return scenario {", true)
end)

test.case("a file that is not there is named", function(t)
  local _, err = try(scenario.load, "/no/such/file.lua")
  t.match(err.message, "/no/such/file.lua cannot be read: there is no such file", true)
end)

test.case("a mistake in a step from elsewhere is told by the line of its functions", function(t)
  local step = {
    id = "one",
    title = "One",
    text = "x",
    hint = {},
    checks = { { "one", function() end } },
  }
  local _, err = try(scenario, { title = "x", steps = { step } })
  t.match(err.message, "did you mean 'hints'?", true)
  t.ok(err.where.file:find("scenario_format_test.lua", 1, true), "the file")
  t.eq(err.where.line, function_info(step.checks[1][2]).line)
end)

test.case("a step that is not there is an error with the nearest name", function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/lesson.lua", WHOLE)
  local made = scenario.load(dir.path .. "/lesson.lua")
  local _, err = try(scenario.step, made, "tow")
  t.match(err.hint, "did you mean 'two'?", true)
  t.eq(select(2, scenario.step(made, "two")), 2)
end)

test.case("what is missing is told by a sentence each, the scenario's needs first", function(t)
  local made = scenario {
    title = "x",
    needs = { "program:no-such-program" },
    steps = {
      {
        id = "a",
        title = "a",
        text = "a",
        needs = { "fs:nosuchfs" },
        checks = { { "one", function() end } },
      },
    },
  }
  t.eq(#scenario.unmet(made), 1)
  t.eq(scenario.unmet(made.steps[1]), {
    "the program 'no-such-program' is not installed",
    "this kernel does not list the file system 'nosuchfs'",
  })
  t.eq(needs.fault("cgroup:memory"), nil)
  t.eq(scenario.unmet {}, {})
end)

return test.run()
