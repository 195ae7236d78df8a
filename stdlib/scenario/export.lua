--- `crun-lua scenario export`: a lesson as a handout, with what its demonstration really showed.
---
--- Each step is run on a stage once; its source, the narration, what the commands printed, the
--- checks and a picture of its processes go into a page of Markdown or of HTML.
---
--- ```lua
--- local export = require "scenario.export"
--- local scenario = require "scenario"
---
--- local lesson = scenario {
---   title = "One",
---   steps = { {
---     id = "one",
---     title = "One",
---     text = "One is one.",
---     checks = { { "one is one", function(t) t:eq(1, 1) end } },
---   } },
--- }
--- local dir <close> = temp_dir()
--- assert(export.write(lesson, { output = dir.path .. "/one.md", run = true }) == 0)
--- assert(read_file(dir.path .. "/one.md"):find("# One\n", 1, true) == 1)
--- ```
local options = require "options"
local play = require "scenario.play"
local scenario = require "scenario"

local M = {}

local WRITERS = { md = "scenario.markdown", html = "scenario.page" }

---@class scenario.Shown
---@field step scenario.Step
---@field source? string the action's
---@field skipped? string why it was not run
---@field given? table<string, any>
---@field answers? table<string, any>
---@field said? string what the action printed
---@field narration? string
---@field observations? scenario.Observation[]
---@field checks { sentence: string, state: string }[]
---@field verdict? scenario.Verdict
---@field snapshot? table
---@field problems? string[]

--- Runs a step and keeps what is to be seen.
local function show(step, shown, dir)
  local seen = play.open(step, { quiet = true })
  local files = { output = dir .. "/output", errors = dir .. "/errors", narrate = true }
  local _, err = try(function()
    seen:setup()
    if step.action then
      seen:act(files)
      -- Children say their part after the action has said that it is through.
      poll({}, { timeout = "150ms" })
    end
    shown.given, shown.answers = seen.stage.given, seen.stage.answers
    shown.observations = seen:observe()
    shown.checks, shown.verdict = seen:judge()
    shown.snapshot = seen:snapshot()
    return true
  end)
  shown.narration = try(read_file, files.errors)
  shown.said = try(read_file, files.output)
  shown.problems = seen:close()
  for _, file in ipairs { files.errors, files.output } do
    remove(file, { missing = true })
  end
  if err then
    error(err, 0)
  end
end

--- What a handout is made of, a row a step.
---@param lesson scenario.Scenario
---@param given { run?: boolean, source?: string }
---@return scenario.Shown[]
function M.collect(lesson, given)
  local rows = {}
  local dir <close> = temp_dir()
  if given.source and lesson.file then
    require("scenario.narrate").note(lesson.file, given.source)
  end
  for _, step in ipairs(lesson.steps) do
    local shown = { step = step, checks = {} }
    for index, check in ipairs(step.checks) do
      shown.checks[index] = { sentence = check[1], state = "open" }
    end
    shown.source = step.action and play.source(step.action, given.source)
    if given.run then
      local reasons = scenario.unmet(step)
      if #reasons > 0 then
        shown.skipped = table.concat(reasons, "; ")
      else
        show(step, shown, dir.path)
      end
    end
    rows[#rows + 1] = shown
  end
  return rows
end

--- Writes a handout.
---@param lesson scenario.Scenario
---@param given { output: string, run?: boolean, source?: string }
---@return integer status 1 where a step did not pass or has left something
function M.write(lesson, given)
  local ending = given.output:match("%.(%w+)$")
  local module = WRITERS[ending or ""]
  if not module then
    local message = ("%s: a handout ends in .md or .html"):format(given.output)
    options.fail("scenario", message, "crun-lua scenario export FILE -o lesson.html")
  end
  local rows = M.collect(lesson, given)
  write_file(given.output, require(module).render(lesson, rows), { atomic = true })
  local status = 0
  for _, shown in ipairs(rows) do
    local wrong = shown.problems or {}
    if shown.verdict and not shown.verdict.passed then
      table.insert(wrong, table.concat(scenario.lines(shown.verdict), "; "))
    end
    for _, text in ipairs(wrong) do
      io.stderr:write(("crun-lua scenario export: step %s: %s\n"):format(shown.step.id, text))
      status = 1
    end
  end
  return status
end

return M
