--- `crun-lua scenario`: a lesson as one file, shown, tried, proved or handed out.
---
--- ```lua
--- local command = require "commands.scenario"
---
--- local dir <close> = temp_dir()
--- assert(command { "new", dir.path .. "/lesson.lua" } == 0)
--- assert(command { "list", dir.path .. "/lesson.lua" } == 0)
--- assert(command { "lst", dir.path .. "/lesson.lua" } == 2)
--- ```
local arguments = require "commands.arguments"
local options = require "options"
local text = require "view.text"

local USAGE = [[
usage: crun-lua scenario run FILE [--auto] [--plain] [--step ID]
       crun-lua scenario try FILE [--step ID]
       crun-lua scenario test FILE [--step ID] [--junit OUT]
       crun-lua scenario export FILE -o OUT.md|OUT.html [--no-run]
       crun-lua scenario list FILE
       crun-lua scenario new NAME

One file is a demonstration, an exercise, a test and a handout: docs/scenarios.md.

  run     shows it step by step: any key goes on, q leaves
            --auto   plays it through without keys
            --plain  does not narrate the calls
  try     an exercise: you act in another terminal, the checks read the kernel
  test    TAP: each step fails untouched, passes with its action twice, fails with each decoy,
          and leaves nothing; --junit OUT writes JUnit as well (- : to standard output, instead)
  export  a handout with what the demonstration really showed; --no-run leaves that out
  list    the steps, and what this machine lacks for them
  new     a commented skeleton, NAME.lua; nothing is overwritten

exit status: 0; 1 a step has failed, or the file cannot be written; 2 a wrong option, or a file that
is no scenario]]

local NAMES = { "run", "try", "test", "export", "list", "new" }

local SPECS = {
  run = { flags = { "auto", "plain" }, values = { "step" } },
  try = { values = { "step" } },
  test = { values = { "step", "junit" } },
  export = { flags = { "no-run" }, values = { "output" } },
  list = {},
  new = {},
}

local function complain(err, status)
  local object = type(err) == "table" and err or { message = tostring(err) }
  local where = object.where
  -- The place in a scenario's file is the author's; one in the program's own Lua helps nobody.
  local known = where and not where.file:find("^stdlib/")
  local place = known and ("%s:%s: "):format(where.file, where.line) or ""
  local op = object.op == "scenario" and "" or object.op and object.op .. ": " or ""
  io.stderr:write("crun-lua scenario: ", text.clean(place .. op .. tostring(object.message)), "\n")
  if object.hint then
    io.stderr:write("  hint: ", text.clean(object.hint), "\n")
  end
  return status
end

--- Where a page goes has a short option with a value, which the common parser does not know.
local function long_output(args)
  local out = {}
  for index, word in ipairs(args) do
    out[index] = word == "-o" and "--output" or word
  end
  return out
end

local function list(lesson)
  local rows = {}
  for _, step in ipairs(lesson.steps) do
    local reasons = require("scenario").unmet(step)
    rows[#rows + 1] = {
      step = step.id,
      title = step.title,
      checks = #step.checks,
      here = #reasons == 0 and "yes" or table.concat(reasons, "; "),
    }
  end
  require("view.table").print(rows, {
    columns = {
      { key = "step" },
      { key = "title" },
      { key = "checks", align = "right" },
      { key = "here", title = "POSSIBLE HERE" },
    },
  })
  return 0
end

local RUN = {}

function RUN.run(lesson, given)
  if not given.auto and not is_tty(0) then
    io.stderr:write("crun-lua scenario run: standard input is no terminal; --auto needs no keys\n")
    return 2
  end
  return require("scenario.demonstrate").run(lesson, given)
end

RUN["try"] = function(lesson, given)
  return require("scenario.exercise").run(lesson, given)
end

function RUN.test(lesson, given)
  return require("scenario.prove").run(lesson, given)
end

function RUN.export(lesson, given)
  return require("scenario.export").write(lesson, {
    output = given.output,
    run = not given["no-run"],
    source = given.source,
  })
end

RUN.list = list

local function usage_error(message)
  io.stderr:write("crun-lua scenario: ", text.clean(message), "\n\n", USAGE, "\n")
  return 2
end

---@param args string[]
---@return integer status
return function(args)
  local name = args[1]
  if name == "--help" or name == "-h" or name == "help" then
    io.write(USAGE, "\n")
    return 0
  elseif not name then
    return usage_error("what is to be done is missing")
  elseif not SPECS[name] then
    local near = options.nearest(name, NAMES)
    return usage_error(
      ("%s: no such command%s"):format(name, near and ", did you mean " .. near .. "?" or "")
    )
  end
  local spec = {
    name = "crun-lua scenario " .. name,
    usage = USAGE,
    flags = SPECS[name].flags,
    values = SPECS[name].values,
    most = 1,
  }
  local given, status = arguments.parse(long_output(table.move(args, 2, #args, 1, {})), spec)
  if not given then
    return status
  elseif not given[1] then
    return arguments.refuse(spec, name == "new" and "a name is missing" or "a file is missing")
  elseif name == "export" and not given.output then
    return arguments.refuse(spec, "-o OUT.md or -o OUT.html is missing")
  end
  if given.output and not given.output:find("%.md$") and not given.output:find("%.html$") then
    return arguments.refuse(spec, given.output .. ": a handout ends in .md or .html")
  elseif name == "new" then
    local made, err = try(require("scenario.skeleton").write, given[1])
    return err and complain(err, 1) or made
  end
  local scenario = require "scenario"
  local lesson, err = try(scenario.load, given[1])
  if lesson and given.step then
    local _, wrong = try(scenario.step, lesson, given.step)
    lesson, err = not wrong and lesson or nil, wrong
  end
  if not lesson then
    return complain(err, 2)
  end
  given.source = try(read_file, given[1])
  local answer, failure = try(RUN[name], lesson, given)
  return failure and complain(failure, 1) or answer
end
