--- `crun-lua lab`: a course's exercises, in a terminal beside the learner's editor.
---
--- ```lua
--- local lab = require "commands.lab"
---
--- assert(lab { "--help" } == 0)
--- assert(lab { "chekc" } == 2)
--- ```
local arguments = require "commands.arguments"
local colour = require "view.colour"

local SPEC = {
  name = "crun-lua lab",
  usage = [[
usage: crun-lua lab [list]                    what there is to do, and where you stand
       crun-lua lab start [EXERCISE|TASK]     the REPL with the lesson attached
       crun-lua lab task [TASK]               read the task; what it prepares is there from then on
       crun-lua lab check [TASK] [NAME=VALUE…]  have it judged; VALUE is a number or a word
       crun-lua lab answer NAME=VALUE…        hand something over, to be judged later
       crun-lua lab hint [TASK]               what the check has seen, and a hint more each time
       crun-lua lab reset                     end the task and all that it has prepared
       crun-lua lab skip [TASK]               go on without it
       crun-lua lab solution [TASK]           one way to do it, when it is passed or skipped
       crun-lua lab next                      the next task
       crun-lua lab status [--forget]         the checklist; --forget: move the progress aside
       crun-lua lab quiz [NUMBER] [--seed N]  questions, graded by the program and the kernel
       crun-lua lab --watch FILE [TASK]       run FILE whenever it changes, and judge
       crun-lua lab contribute FILE           prove a scenario of your own
       crun-lua lab selfcheck [TASK] [--junit FILE]  prove every task

  --course DIR   a course of your own: DIR/course.lua names its exercises

Progress is kept in $XDG_STATE_HOME/crun-lua/lab.json, else ~/.local/state/crun-lua/lab.json.

exit status: 0 passed or done; 1 not passed, or it cannot be done; 2 a wrong option]],
  flags = { "forget" },
  values = { "course", "junit", "seed", "watch" },
  most = 50,
}

--- Which verb an option belongs to.
local OWNERS = { forget = "status", junit = "selfcheck", seed = "quiz" }

--- The words of a line: what is NAME=VALUE is an answer.
local function split(given)
  local words, answers = {}, {}
  for index = 2, #given do
    local name, value = given[index]:match "^([%a_][%w_]*)=(.*)$"
    if name then
      answers[name] = math.tointeger(tonumber(value)) or value
    else
      words[#words + 1] = given[index]
    end
  end
  return words, answers
end

local function wrong_option(given, verb)
  for option, owner in pairs(OWNERS) do
    if given[option] and verb ~= owner then
      return ("--%s belongs to %s"):format(option, owner)
    end
  end
  local number = given.seed and math.tointeger(tonumber(given.seed))
  if given.seed and (not number or number < 0) then
    return ("--seed %s: expected a whole number"):format(given.seed)
  end
end

local others = {}

function others.start()
  io.stderr:write [[
crun-lua lab: start opens a session, which needs a terminal
  hint: crun-lua lab task begins a task for whoever works elsewhere
]]
  return 1
end

function others.quiz(desk, given, words)
  local ask = require "lab.ask"
  local seed = math.tointeger(tonumber(given.seed))
  return ask.run(desk, words, ask.talk { seed = seed, colours = desk.colours })
end

function others.watch(desk, given, words)
  return require("lab.watch").run(desk, given.watch, words[1])
end

function others.selfcheck(desk, given, words)
  return require("lab.selfcheck").run(desk.course, { id = words[1], junit = given.junit })
end

function others.contribute(desk, _, words)
  if not words[1] then
    return arguments.refuse(SPEC, "contribute FILE: which one?")
  end
  return require("lab.selfcheck").contribute(desk, words[1])
end

local function say(said)
  local stream = said.error and io.stderr or io.stdout
  stream:write(said.text, "\n")
  return said.status
end

local function run(given, verb)
  local lab = require "lab"
  local columns = is_tty(1) and window_size(1).columns or 0
  local desk = lab.open {
    course = given.course,
    colours = colour.wanted(1),
    width = columns > 0 and columns or nil,
  }
  local words, answers = split(given)
  if others[verb] then
    return others[verb](desk, given, words)
  elseif given.forget then
    return say(desk:forget())
  end
  return say(desk:verb(verb, words, answers))
end

---@param args string[]
---@return integer status
return function(args)
  local given, status = arguments.parse(args, SPEC)
  if not given then
    return status or 2
  end
  if given.watch then
    table.insert(given, 1, "watch")
  end
  local verb = given[1] or "list"
  local wrong = wrong_option(given, verb)
  if wrong then
    return arguments.refuse(SPEC, wrong)
  end
  local err
  status, err = try(run, given, verb)
  if not status then
    return arguments.fail("crun-lua lab", err)
  end
  return status
end
