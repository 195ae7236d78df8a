--- The lab: a course's exercises, task by task, with checks that read the kernel.
---
--- A verb is one thing that a learner may want (`task`, `check`, `hint` …). The same verbs are the
--- commands `crun-lua lab VERB` and lines of the REPL, where they stand beside the learner's own
--- (`lab.attached`). Each answers `{ text, status }`.
---
--- ```lua
--- local lab = require "lab"
---
--- local dir <close> = temp_dir()
--- local desk = lab.open { progress = dir.path .. "/lab.json" }
--- local said = desk:verb("task", { "ex9" }, {})
--- assert(said.status == 1 and said.text:find("no exercise is called 'ex9'"))
--- ```
local catalogue = require "lab.catalogue"
local keeper = require "lab.keeper"
local options = require "options"
local progress = require "lab.progress"
local text = require "lab.text"
local verbs = require "lab.verbs"

local M = {}

--- Where a learner works: a course, the progress in it, and how verbs are written there.
---@class lab.Desk
---@field course lab.Course
---@field book lab.Book
---@field holds? { kind: "session"|"watch", owner: { pid: integer, starttime: integer } } where this
--- process holds the task as long as it runs
---@field words table<string, string>
---@field colours boolean
---@field width? integer
local Desk = {}
Desk.__index = Desk

---@class lab.Options
---@field course? string a directory with a course of somebody's own
---@field progress? string the file; see `lab.progress`
---@field session? boolean in the REPL: the task ends with it
---@field colours? boolean
---@field width? integer

--- This process, as a keeper's owner.
---@package
function M.this_process()
  return require("container.owner").self()
end

---@param given? lab.Options
---@return lab.Desk
function M.open(given)
  given = options.check("lab", given, {
    course = "string",
    progress = "string",
    session = "boolean",
    colours = "boolean",
    width = "integer",
  })
  local course = catalogue.open(given.course)
  return setmetatable({
    course = course,
    book = progress.open { path = given.progress, course = course.id },
    holds = given.session and { kind = "session", owner = M.this_process() } or nil,
    words = text.words(given.session or false),
    colours = given.colours or false,
    width = given.width,
  }, Desk)
end

--- What `crun-lua gc` takes back.
---@return string[]
function M.gc()
  return keeper.gc()
end

--- The task that is being done here, and its keeper's record; nil where there is none.
function Desk:now()
  local kept = keeper.find()
  if not kept then
    return nil
  elseif kept.course ~= self.course.id then
    options.fail(
      "lab",
      ("the task %s of the course %s is being done"):format(kept.task, kept.course),
      self.words.reset .. " of that course ends it"
    )
  end
  return self.course:find(kept.task), kept
end

function Desk:need_now()
  local task, kept = self:now()
  if not task then
    options.fail(
      "lab",
      "no task has begun",
      ("%s begins the next, %s ID another"):format(self.words.task, self.words.task)
    )
  end
  return task, kept
end

--- Whether the task that is being done is this process's own.
---@package
function Desk:is_held(kept)
  return self.holds ~= nil and kept.owner ~= nil and kept.owner.pid == self.holds.owner.pid
end

--- Begins a task. One that is over makes room, one that is open does not.
function Desk:begin(task)
  local now, kept = self:now()
  if now then
    local state = catalogue.state(now, self.book:read())
    -- A command may end what commands have begun, when that is over; a session its own at any time.
    if self:is_held(kept) or kept.kind == "commands" and catalogue.is_over(state) then
      keeper.stop()
    end
  end
  local reasons = catalogue.unmet(task)
  if #reasons > 0 then
    local other = catalogue.alternative(task)
    local instead = other and ("%s %s can be done instead"):format(self.words.task, other.id)
      or self.words.next .. " goes on"
    options.fail(
      "lab",
      ("%s cannot be done here: %s"):format(task.id, table.concat(reasons, "; ")),
      instead
    )
  end
  local held = self.holds or { kind = "commands", owner = keeper.terminal_leader() }
  keeper.start(task, { kind = held.kind, course = self.course.id, owner = held.owner })
  self.stuck = false
  self.book:change(function(record)
    record.current = task.id
  end)
end

--- Moves the progress aside.
function Desk:forget()
  local aside = self.book:forget()
  local moved = aside and ("the progress is now in %s; everything is open again"):format(aside)
  return { text = moved or "there was none", status = 0 }
end

-- Words of the command that are more than one answer.
local NAMES = {
  "list",
  "task",
  "check",
  "answer",
  "hint",
  "reset",
  "skip",
  "solution",
  "next",
  "status",
}
M.VERBS = NAMES

local function failed(err)
  -- Where a scenario is wrong is told; where the lab itself was is of no use to a learner.
  local where = err.where and err.op ~= "lab" and ("%s:%s: "):format(err.where.file, err.where.line)
    or ""
  local hint = err.hint and "\n  hint: " .. err.hint or ""
  return { text = "✗ " .. where .. tostring(err.message) .. hint, status = 1, error = true }
end

--- Does what a verb says.
---@param name string
---@param words string[]
---@param answers table<string, string|number>
---@return { text: string, status: integer, error: boolean? }
function Desk:verb(name, words, answers)
  local verb = verbs[name]
  if not verb then
    local near = options.nearest(name, NAMES)
    local hint = near and ("did you mean %s?"):format(self.words[near])
      or "there are " .. table.concat(NAMES, ", ")
    return { text = ("the lab knows no '%s'; %s"):format(name, hint), status = 2, error = true }
  end
  local answer, err = try(verb, self, words, answers or {})
  return answer or failed(type(err) == "table" and err or { message = tostring(err) })
end

return M
