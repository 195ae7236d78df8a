--- The proof of a course: every task fails untouched, passes with its solution twice, fails with
--- each decoy and says why, and leaves nothing. And the proof of a scenario that a learner has
--- written, which is the last line of the checklist.
---
--- ```lua
--- local selfcheck = require "lab.selfcheck"
---
--- local dir <close> = temp_dir()
--- local none = 'return { id = "none", title = "Nothing", exercises = {} }'
--- write_file(dir.path .. "/course.lua", none)
--- local course = require("lab.catalogue").open(dir.path)
--- assert(selfcheck.run(course, {}) == 0)
--- ```
local catalogue = require "lab.catalogue"
local colour = require "view.colour"
local options = require "options"
local safe = require "view.text"

local M = {}

---@class lab.Proof
---@field id string of the task
---@field result scenario.SelfTest

local function say(text, shade)
  io.write(colour.paint(text, shade, colour.wanted(1)), "\n")
  io.flush()
end

--- Tells a point that does not hold, or that was not tried.
local function tell(point)
  if not point.ok then
    say(("    ✗ %s: %s"):format(point.name, safe.clean(point.message or "?")), "red")
  elseif point.skipped then
    say(("    – %s: %s"):format(point.name, safe.clean(point.skipped)), "yellow")
  end
end

--- Proves one task, and tells it in a line.
local function prove(task, how)
  local scenario = require "scenario"
  local begun = clock("monotonic")
  local points = {}
  local result = scenario.selftest(task.step, function(point)
    points[#points + 1] = point
  end, how)
  local took = clock("monotonic") - begun
  if result.skipped then
    local other = catalogue.alternative(task)
    local instead = other and "; instead: " .. other.id or ""
    say(("  – %s: skipped: %s%s"):format(task.id, safe.clean(result.skipped), instead), "yellow")
    return result
  end
  say(
    ("  %s %s: %d checks, %d decoys, %.1f s"):format(
      result.ok and "✓" or "✗",
      task.id,
      result.checks,
      result.decoys,
      took
    ),
    result.ok and "green" or "red"
  )
  for _, point in ipairs(points) do
    tell(point)
  end
  return result
end

--- The sum of all, as a line, and each reason for which something was skipped.
local function summary(proofs)
  local tasks, checks, decoys, failed, reasons = 0, 0, 0, 0, {}
  local order = {}
  for _, proof in ipairs(proofs) do
    local result = proof.result
    if result.skipped then
      if not reasons[result.skipped] then
        reasons[result.skipped] = 0
        order[#order + 1] = result.skipped
      end
      reasons[result.skipped] = reasons[result.skipped] + 1
    else
      tasks = tasks + 1
      checks, decoys = checks + result.checks, decoys + result.decoys
      failed = failed + (result.ok and 0 or 1)
    end
  end
  say(
    ("%d tasks, %d checks, %d decoys; %d skipped; %d not as they should be"):format(
      tasks,
      checks,
      decoys,
      #proofs - tasks,
      failed
    )
  )
  for _, reason in ipairs(order) do
    say(("  skipped: %d because %s"):format(reasons[reason], safe.clean(reason)))
  end
  return failed
end

local function write_junit(course, proofs, path)
  local results = {}
  for index, proof in ipairs(proofs) do
    -- The report names tasks as learners do.
    results[index] = setmetatable({ step = proof.id }, { __index = proof.result })
  end
  write_file(path, require("scenario.prove").junit(course.id, results), { atomic = true })
end

--- Proves the tasks of a course, or those of one exercise, or one; prints as it goes.
---@param course lab.Course
---@param given { id?: string, junit?: string, brief?: boolean } as `scenario.selftest`
---@return integer status 0, or 1 where something is not as it should be
function M.run(course, given)
  local list
  if not given.id then
    list = course:tasks()
  elseif given.id:find(".", 1, true) then
    list = { course:find(given.id) }
  else
    list = course:tasks(given.id)
  end
  local proofs, exercise = {}, nil
  for _, task in ipairs(list) do
    if task.exercise ~= exercise then
      exercise = task.exercise
      say(("%s · %s"):format(exercise.name, exercise.title), "bold")
    end
    proofs[#proofs + 1] = { id = task.id, result = prove(task, given) }
  end
  if given.junit then
    write_junit(course, proofs, given.junit)
  end
  return summary(proofs) == 0 and 0 or 1
end

--- Fails where a file is one of the course's own exercises.
local function refuse_copy(course, file)
  local text = read_file(file)
  for _, source in pairs(course.sources) do
    local own = course.dir and try(read_file, course.dir .. "/" .. source)
      or not course.dir and require("reference").source(source)
    if own == text then
      options.fail(
        "lab",
        ("%s is the course's own %s"):format(file, source),
        "write one of your own"
      )
    end
  end
end

--- Proves a learner's own scenario: it holds, it has decoys, and it is none of the course's.
---@param desk lab.Desk
---@param file string
---@return integer status
function M.contribute(desk, file)
  local scenario = require "scenario"
  local lesson = scenario.load(file)
  refuse_copy(desk.course, file)
  local hash = sha256_file(file)
  local decoys, tried = 0, 0
  for index, step in ipairs(lesson.steps) do
    local result =
      prove { id = ("step %d, %s"):format(index, step.id), step = step, exercise = { tasks = {} } }
    if not result.ok then
      say "it is not yet as it should be"
      return 1
    end
    tried = tried + (result.skipped and 0 or 1)
    decoys = decoys + #(step.decoys or {})
  end
  if decoys == 0 then
    options.fail(
      "lab",
      file .. ": no step has a decoy",
      "a wrong way that the checks see through makes it a test"
    )
  elseif tried == 0 then
    options.fail("lab", file .. ": every step is skipped here: nothing was proved")
  end
  desk.book:change(function(record)
    record.given_back = { file = file, hash = hash, passed = clock("realtime") }
  end)
  say(
    ("%s holds: %d steps, %d decoys. Hand it out: crun-lua scenario export %s -o lesson.md"):format(
      file,
      #lesson.steps,
      decoys,
      file
    )
  )
  return 0
end

return M
