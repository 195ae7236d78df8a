---@meta scenario
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

---@class scenario.Scenario
---@field title string
---@field summary? string
---@field needs? string[]
---@field steps scenario.Step[]
---@field name? string
---@field file? string
local scenario_Scenario = {}

---@class scenario.Step
---@field id string
---@field title? string in a scenario's file it must be there
---@field text? string in a scenario's file it must be there
---@field needs? string[]
---@field after? string[]
---@field alternative? string
---@field answers? table<string, string>
---@field setup? fun(t: scenario.Hand)
---@field action? fun(t: scenario.Hand)
---@field solution? string what is shown as the solution, where the action's own text is none
---@field observe? string[]
---@field checks scenario.Check[]
---@field hints? string[]
---@field decoys? scenario.Decoy[]
---@field lesson? string
---@field deadline? string|number how long setup and the action may take: "60s"
local scenario_Step = {}

--- What setup, action and decoys are given.
---@class scenario.Hand
---@field dir string a directory of the stage's own
---@field token string a word that only this stage has
---@field prefix string what names of links, groups and containers start with
---@field answers table<string, string|integer>
---@field given table<string, any>
local scenario_Hand = {}

--- Hands over what was asked for: whole numbers, words, or processes (their numbers are taken).
---@param list table<string, any>
function scenario_Hand:answer(list) end

--- Tells the learner something that was prepared; checks find it in `t.given`.
---
--- ```lua
--- local place <close> = require("scenario").stage {
---   id = "given",
---   checks = {},
---   setup = function(t)
---     t:give { word = t.token }
---   end,
--- }
--- place:setup()
--- assert(place.given.word == place.token)
--- ```
---@param list table<string, any>
function scenario_Hand:give(list) end

---@class scenario.Check
---@field [1] string the sentence
---@field [2] fun(t: scenario.Facts)
---@field [3]? { deadline?: string|number }
local scenario_Check = {}

--- What a check asks: the machine's facts, and what the learner has handed over.
---@class scenario.Facts
---@field answers table<string, string|integer> what the learner has handed over
---@field given table<string, any> what setup has prepared
---@field dir string the stage's directory
---@field token string
---@field prefix string
---@field own integer[]
local scenario_Facts = {}

--- Fails: the one way for a check to say no.
---@param fact { what: string, expected?: any, found?: any, see?: string }
function scenario_Facts:fail(fact) end

--- Equal; tables by content.
---@param found any
---@param expected any
---@param what? string what is compared
---@param see? string the command that shows it
function scenario_Facts:eq(found, expected, what, see) end

--- Not equal.
---@param found any
---@param unwanted any
---@param what? string
---@param see? string
function scenario_Facts:ne(found, unwanted, what, see) end

--- Less than.
---@param found any
---@param limit number
---@param what? string
---@param see? string
function scenario_Facts:lt(found, limit, what, see) end

--- At most.
---@param found any
---@param limit number
---@param what? string
---@param see? string
function scenario_Facts:le(found, limit, what, see) end

--- At least.
---@param found any
---@param limit number
---@param what? string
---@param see? string
function scenario_Facts:ge(found, limit, what, see) end

--- True, or anything but nil and false.
---@param value any
---@param what? string what should be so
---@param see? string
function scenario_Facts:ok(value, what, see) end

--- A list has a value, or a text has a part.
---@param list any[]|string|nil
---@param value any
---@param what? string
---@param see? string
function scenario_Facts:has(list, value, what, see) end

--- An answered process: alive, and none of the lab's own.
---@param name string the answer's name
---@return integer # pid
function scenario_Facts:pid(name) end

--- The fields of /proc/PID/status, as `proc_status` answers them.
---@param pid integer
---@return table
function scenario_Facts:status(pid) end

--- The inode of a namespace.
---@param pid integer
---@param kind string "uts"
---@return integer
function scenario_Facts:ns(pid, kind) end

--- The process is in a namespace of another inode than the program's own.
---@param pid integer
---@param kind string
---@param what? string
function scenario_Facts:ns_differs(pid, kind, what) end

--- The mounts as the process sees them, as `mountinfo` answers them.
---@param pid integer
---@return table[]
function scenario_Facts:mounts(pid) end

--- What the process finds mounted at a path: the last of several; nil where nothing is.
---@param pid integer
---@param path string
---@return table?
function scenario_Facts:mount_at(pid, path) end

--- The capabilities in one of the five sets.
---@param pid integer
---@param set string "effective", "bounding" …
---@return string[]
function scenario_Facts:caps(pid, set) end

--- A file's text without the newline at the end; nil where it cannot be read.
---@param path string
---@return string?
function scenario_Facts:read(path) end

--- The control group that a process is in, for a controller.
---@param pid integer
---@param controller string in v2's words: "memory", "io"
---@return scenario.Group
function scenario_Facts:cgroup(pid, controller) end

--- All that comes from a process, near ones first.
---@param pid integer
---@return integer[]
function scenario_Facts:descendants(pid) end

--- Processes, as `proc_stat` answers them.
---@param filter? table<string, any>|fun(process: table): any fields that must be equal, or a test
---@return table[]
function scenario_Facts:processes(filter) end

--- Runs a function in a child that has entered namespaces of a process.
---@param pid integer
---@param kinds string[] which namespaces
---@param body fun(): any what is done there; what it answers has to fit into JSON
---@param given? { user?: boolean, root?: boolean } the user namespace too; the process's root too
---@return any # value
function scenario_Facts:inside(pid, kinds, body, given) end

--- A call must be refused to somebody with the process's namespaces, ids and capabilities.
---@param pid integer
---@param errno string|string[] "EPERM", or those that will do
---@param what string what must not be possible
---@param body fun(): any raises, or answers nil and an error
---@param see? string
function scenario_Facts:refused(pid, errno, what, body, see) end

---@class scenario.Group
---@field path string the group's directory
---@field dialect "v1"|"v2"
---@field read? fun(file: string): string a file of the group without the newline at the end
local scenario_Group = {}

---@class scenario.Decoy
---@field [1] string the sentence
---@field [2] fun(t: scenario.Hand)
---@field says string a part of what the failing check tells
---@field course? boolean it is a course's own version
---@field needs? string[]
local scenario_Decoy = {}

---@class scenario.StageOptions
---@field quiet? boolean what the step's functions write goes nowhere
local scenario_StageOptions = {}

--- The place where a step is played: its directory, its processes and what was handed over.
---@class scenario.Stage
---@field step table
---@field dir string
---@field token string
---@field prefix string
---@field answers table<string, string|integer> what was handed over
---@field given table<string, any> what setup has prepared
---@field learner? integer the learner's process, while there is one
---@field own integer[] processes that are the stage's and no answer
local scenario_Stage = {}

--- Prepares what the learner finds. The process lives as long as the stage.
---
--- ```lua
--- local place <close> = require("scenario").stage { id = "bare", checks = {} }
--- place:setup()
--- ```
function scenario_Stage:setup() end

--- Runs an action, or anything else that a learner might do, in the learner's process. The process
--- of a former one ends before.
---@param body fun(t: scenario.Hand) `step.action`, a decoy's function
---@param how? { narrate?: boolean, quiet?: boolean, output?: string, errors?: string } whether its calls are told, and where goes what it writes
function scenario_Stage:act(body, how) end

--- Ends the learner's process and all that came from it; what setup has made stays.
---
--- ```lua
--- local place <close> = require("scenario").stage { id = "rest", checks = {} }
--- place:act(function() end)
--- local learner = place.learner
--- assert(proc_stat(learner) and #place:rest() == 0 and not proc_stat(learner))
--- ```
---@return string[] # problems
function scenario_Stage:rest() end

--- Judges what there is now.
---
--- ```lua
--- local place <close> = require("scenario").stage {
---   id = "judge",
---   checks = { { "one is two", function(t) t:eq(1, 2, "one") end } },
--- }
--- local verdict = place:judge({}, { patience = "100ms" })
--- assert(verdict.what == "one" and verdict.expected == "2" and verdict.found == "1")
--- ```
---@param answers? table<string, any> instead of those that were handed over
---@param how? scenario.JudgeOptions
---@return scenario.Verdict
function scenario_Stage:judge(answers, how) end

--- Ends everything. May be called again.
---@return string[] # problems what could not be ended or removed
function scenario_Stage:close() end

---@class scenario.JudgeOptions
---@field patience? string|number how long a check that fails is tried again: at most its deadline
---@field wanted? fun(verdict: scenario.Verdict): boolean whether this is the failure that has to come: it is told as soon as it holds when it is looked at again, as a pass is
---@field needs? string[] instead of the step's
local scenario_JudgeOptions = {}

---@class scenario.Verdict
---@field passed boolean
---@field skipped? string why it could not be judged here
---@field index? integer which check failed
---@field check? string its sentence
---@field what? string the fact that differs
---@field expected? string
---@field found? string
---@field see? string the command that shows it
---@field error? string the check itself is wrong: it stopped with an error, or never ended
---@field where? { file: string, line: integer } of that error
local scenario_Verdict = {}

---@class scenario.Point
---@field ok boolean
---@field name string "fails untouched"
---@field message? string why it is not so
---@field skipped? string why it was not tried
local scenario_Point = {}

---@class scenario.SelfTest
---@field step string its id
---@field ok boolean no point is not ok
---@field skipped? string why nothing was tried
---@field points scenario.Point[]
---@field checks integer
---@field decoys integer those that were tried
local scenario_SelfTest = {}

--- Scenarios: lessons that are a demonstration, an exercise, a test and a handout, in one file.
---
--- A scenario has steps; a step has a text, an action in primitives or stdlib, what to observe, and
--- checks that read the kernel. `crun-lua scenario run|try|test|export FILE` makes of it what is
--- wanted; the exercises of `crun-lua lab` are such files. See docs/scenarios.md.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local lesson = scenario {
---   title = "A name of its own",
---   steps = {
---     {
---       id = "name",
---       title = "Give a process another host name",
---       text = "Start a process in a uts namespace of its own.",
---       needs = { "userns" },
---       answers = { pid = "the process" },
---       action = function(t)
---         local child = spawn({ unshare = { "user", "uts" } }, function()
---           exec { "sleep", "60" }
---         end)
---         t:answer { pid = child.pid }
---       end,
---       checks = {
---         { "it is in a uts namespace of its own", function(t)
---           t:ns_differs(t:pid "pid", "uts")
---         end },
---       },
---     },
---   },
--- }
--- local stage <close> = scenario.stage(lesson.steps[1])
--- stage:setup()
--- stage:act(lesson.steps[1].action)
--- assert(stage:judge().passed)
--- ```
local M = {}

--- Loads a scenario from its file, or checks one that is there as a table.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local _, err = try(scenario.load, "/no/such/lesson.lua")
--- assert(err.message:find("cannot be read", 1, true))
--- ```
---@param from string|table a path, or a table as a file returns it
---@param name? string what it is called; the file's name without it
---@return scenario.Scenario
function M.load(from, name) end

--- The scenario that a step is one of.
---
--- ```lua
--- local scenario = require "scenario"
---
--- assert(scenario.of { id = "of none", checks = {} } == nil)
--- ```
---@param step scenario.Step
---@return scenario.Scenario?
function M.of(step) end

--- The step of an id; one that is not there is an error with the nearest name.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local lesson = scenario {
---   title = "One",
---   steps = {
---     { id = "one", title = "One", text = "One.", checks = { { "one", function() end } } },
---   },
--- }
--- assert(scenario.step(lesson, "one").title == "One")
--- local _, err = try(scenario.step, lesson, "oen")
--- assert(err.hint == "did you mean 'one'?")
--- ```
---@param lesson scenario.Scenario
---@param id string
---@return scenario.Step
---@return integer # index
function M.step(lesson, id) end

--- Why something cannot be done on this machine: needs as a list, a step (with those of its
--- scenario), or a scenario.
---
--- ```lua
--- local scenario = require "scenario"
---
--- assert(#scenario.unmet { "program:no-such-program" } == 1)
--- ```
---@param of string[]|scenario.Step|scenario.Scenario
---@return string[] # reasons none where all is there
function M.unmet(of) end

--- Opens a stage for a step: a disposable place. Nothing of the step has run then.
---
--- Its methods: `:setup()`, `:act(fn)`, `:rest()`, `:judge(answers?, { patience = "3s" })`,
--- `:close()`; its fields: `dir`, `token`, `prefix`, `answers`, `given`.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local stage <close> = scenario.stage { id = "x", checks = {} }
--- assert(stat(stage.dir))
--- ```
---@param step scenario.Step
---@param how? scenario.StageOptions
---@return scenario.Stage
function M.stage(step, how) end

--- Proves a step: it fails untouched, passes with the action twice, each decoy fails with its own
--- message, and a reset leaves nothing.
---
--- ```lua
--- local scenario = require "scenario"
---
--- local result = scenario.selftest {
---   id = "file",
---   action = function(t) write_file(t.dir .. "/made", "") end,
---   checks = { { "it is there", function(t) t:ok(stat(t.dir .. "/made"), "it is missing") end } },
--- }
--- assert(result.ok and #result.points == 4)
--- ```
---@param step scenario.Step
---@param told? fun(point: scenario.Point) is told each point as it is known
---@param how? { brief?: boolean } the action once, and only decoys that are a course's own version
---@return scenario.SelfTest
function M.selftest(step, told, how) end

--- A verdict in a few lines, as a learner reads it.
---
--- ```lua
--- local scenario = require "scenario"
---
--- assert(scenario.lines({ passed = true })[1] == "passed")
--- local verdict = { passed = false, check = "it runs", what = "the process", found = "none" }
--- assert(scenario.lines(verdict)[3] == "found    none")
--- ```
---@param verdict scenario.Verdict
---@return string[]
function M.lines(verdict) end

return M
