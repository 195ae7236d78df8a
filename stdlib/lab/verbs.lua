--- What a learner may want of the lab, a verb each: functions of a desk (`lab.open`), the words
--- behind the verb and the answers given with it, that answer `{ text, status }`.
---
--- ```lua
--- local lab = require "lab"
--- local verbs = require "lab.verbs"
---
--- local dir <close> = temp_dir()
--- local desk = lab.open { progress = dir.path .. "/lab.json" }
--- assert(verbs.list(desk, {}, {}).text:find("ex1", 1, true))
--- assert(verbs.status(desk, {}, {}).status == 0)
--- ```
local catalogue = require "lab.catalogue"
local keeper = require "lab.keeper"
local options = require "options"
local progress = require "lab.progress"
local text = require "lab.text"

-- A learner who has failed so often is told that there are hints.
local STUCK = 3

local NOTHING = "every task that can be done here is done"

local function said(lines, status)
  return {
    text = type(lines) == "table" and table.concat(lines, "\n") or lines,
    status = status or 0,
  }
end

--- A task as it is read, with what its keeper tells of it.
local function shown(self, task, kept)
  local state, reason = catalogue.state(task, self.book:read())
  return text.task(task, {
    state = state,
    reason = reason,
    kept = kept,
    words = self.words,
    colours = self.colours,
  })
end

--- Which task is meant: by name, the one that is being done, the last one, or the next.
local function meant(self, id)
  if id then
    return self.course:find(id)
  end
  local now = self:now()
  local record = self.book:read()
  if now then
    return now
  end
  local found = record.current and try(self.course.find, self.course, record.current)
  if found and catalogue.state(found, record) == "open" then
    return found
  end
  return self.course:next(record, record.current)
end

--- What is said when there is no task left.
local function nothing_left(self)
  local more = "%s shows the checklist, %s asks questions"
  return said { NOTHING, more:format(self.words.status, self.words.quiz) }
end

local verbs = {}

function verbs.list(self)
  local record = self.book:read()
  local kept = keeper.find()
  return said(text.list(self.course, record, {
    colours = self.colours,
    current = kept and kept.course == self.course.id and kept.task or nil,
    width = self.width,
  }))
end

function verbs.task(self, words)
  local task = meant(self, words[1])
  if not task then
    return nothing_left(self)
  end
  local now, kept = self:now()
  local notes = {}
  -- A session has its task for itself; commands may read what a session does.
  local foreign = now and self.holds and not self:is_held(kept)
  if not now or now.id ~= task.id or foreign then
    local missing = catalogue.before(task, self.book:read())
    if #missing > 0 then
      notes[1] = ("note: %s comes before it"):format(table.concat(missing, ", "))
    end
    self:begin(task)
  end
  local lines = shown(self, task, keeper.ask { op = "status" })
  table.move(notes, 1, #notes, #lines + 1, lines)
  return said(lines)
end

--- Answers that the task asks for; anything else fails with the nearest name.
local function asked(task, answers)
  for name in pairs(answers) do
    local known = task.step.answers or {}
    if known[name] == nil then
      local names = options.keys(known)
      local near = options.nearest(name, names)
      local hint = near and ("did you mean '%s'?"):format(near)
        or #names == 0 and "it asks for none"
        or "it asks for " .. table.concat(names, ", ")
      options.fail("lab", ("%s asks for no answer '%s'"):format(task.id, name), hint)
    end
  end
end

function verbs.answer(self, _, answers)
  local task = self:need_now()
  asked(task, answers)
  local kept = keeper.ask { op = "answer", answers = answers }
  local lines = {}
  for _, name in ipairs(options.keys(task.step.answers or {})) do
    local value = kept.answers[name]
    lines[#lines + 1] = ("%s = %s"):format(name, value == nil and "? (still to be given)" or value)
  end
  return said(#lines > 0 and lines or { task.id .. " asks for no answers" })
end

local function passed(self, task)
  local lines = {}
  self.book:change(function(record)
    local done = progress.task(record, task.id)
    done.passed, done.hash, done.skipped = clock("realtime"), task.hash, nil
  end)
  if task.step.lesson then
    lines[1] = text.plain(task.step.lesson)
  end
  if not self.holds then
    for _, problem in ipairs(keeper.stop()) do
      lines[#lines + 1] = "left behind: " .. problem
    end
  end
  local following = self.course:next(self.book:read(), task.id)
  lines[#lines + 1] = following
      and ("%s goes on with %s · %s"):format(self.words.next, following.id, following.step.title)
    or NOTHING
  lines[#lines + 1] = self.words.solution .. " shows another way to do it"
  return lines
end

function verbs.check(self, words, answers)
  local task = self:now()
  local wanted = words[1] and self.course:find(words[1]) or task
  if not wanted then
    self:need_now()
  elseif not task or wanted.id ~= task.id then
    asked(wanted, answers)
    self:begin(wanted)
    if wanted.step.setup then
      local lines = { wanted.id .. " begins only now: there was nothing to check" }
      table.move(shown(self, wanted, keeper.ask { op = "status" }), 1, 99, 2, lines)
      return said(lines, 1)
    end
    task = wanted
  end
  asked(task, answers)
  local kept = keeper.ask { op = "check", answers = answers }
  local lines = text.verdict(kept.verdict, { colours = self.colours })
  if kept.verdict.passed then
    lines[1] = ("%s: %s · %s"):format(lines[1], task.id, task.step.title)
    local more = passed(self, task)
    table.move(more, 1, #more, #lines + 1, lines)
    return said(lines)
  end
  self.book:change(function(record)
    local done = progress.task(record, task.id)
    done.failures = (done.failures or 0) + 1
  end)
  if kept.failures >= STUCK then
    lines[#lines + 1] = ("  %d times not yet: %s"):format(kept.failures, self.words.hint)
  end
  self.stuck = kept.failures >= STUCK
  return said(lines, 1)
end

function verbs.hint(self, words)
  local task = words[1] and self.course:find(words[1]) or self:need_now()
  local now = self:now()
  local lines = {}
  local last = now and now.id == task.id and keeper.ask({ op = "status" }).last
  if last then
    -- What the checks have seen says more than any hint.
    lines = text.verdict(last, { colours = self.colours })
  end
  local hints = task.step.hints or {}
  if #hints == 0 then
    lines[#lines + 1] = task.id .. " has no hints"
    return said(lines)
  end
  local number = self.book:change(function(record)
    local done = progress.task(record, task.id)
    local seen = math.min((done.hints or 0) + 1, #hints)
    -- After a pass nothing was helped any more.
    done.hints = done.passed and done.hints or seen
    return seen
  end)
  for index = 1, number do
    lines[#lines + 1] = ("hint %d of %d: %s"):format(index, #hints, text.plain(hints[index]))
  end
  return said(lines)
end

function verbs.reset(self)
  local task, kept = self:need_now()
  local lines = {}
  if self:is_held(kept) then
    local again = keeper.ask { op = "reset" }
    self.stuck = false
    lines = shown(self, task, again)
    for _, problem in ipairs(again.problems) do
      lines[#lines + 1] = "left behind: " .. problem
    end
    return said(lines)
  end
  for _, problem in ipairs(keeper.stop()) do
    lines[#lines + 1] = "left behind: " .. problem
  end
  lines[#lines + 1] = ("%s has ended, with all that it had prepared; %s %s begins it anew"):format(
    task.id,
    self.words.task,
    task.id
  )
  return said(lines, #lines > 1 and 1 or 0)
end

function verbs.skip(self, words)
  local now = self:now()
  local task = words[1] and self.course:find(words[1]) or now or meant(self)
  if not task then
    return said(NOTHING)
  end
  if now and now.id == task.id then
    keeper.stop()
  end
  self.book:change(function(record)
    local done = progress.task(record, task.id)
    if not done.passed then
      done.skipped, done.hash = "by the learner", task.hash
    end
    record.current = task.id
  end)
  return said(
    ("%s is skipped; %s %s shows how it is done, %s goes on"):format(
      task.id,
      self.words.solution,
      task.id,
      self.words.next
    )
  )
end

function verbs.solution(self, words)
  local record = self.book:read()
  local id = words[1] or record.current
  local task = id and self.course:find(id) or self:need_now()
  local done = record.tasks[task.id] or {}
  if not done.passed and not done.skipped then
    options.fail(
      "lab",
      task.id .. ": the solution is shown when it is passed or skipped",
      ("%s looks once more, %s gives it up"):format(self.words.hint, self.words.skip)
    )
  end
  return said(require("lab.solution").lines(task))
end

verbs["next"] = function(self)
  local now = self:now()
  local record = self.book:read()
  if now and catalogue.state(now, record) == "open" then
    options.fail(
      "lab",
      now.id .. " is still open",
      ("%s judges it, %s goes on without it"):format(self.words.check, self.words.skip)
    )
  end
  local following = self.course:next(record, now and now.id or record.current)
  if following then
    return verbs.task(self, { following.id })
  end
  if now then
    keeper.stop()
  end
  return nothing_left(self)
end

function verbs.status(self)
  local record = self.book:read()
  local checklist = require "lab.checklist"
  local lines = { self.course.title }
  local items = checklist.of(self.course, record)
  for _, line in ipairs(checklist.lines(items)) do
    lines[#lines + 1] = "  " .. line
  end
  local counts = { passed = 0, earlier = 0, skipped = 0, impossible = 0, open = 0 }
  local hints = 0
  for _, task in ipairs(self.course:tasks()) do
    local state = catalogue.state(task, record)
    counts[state] = counts[state] + 1
    hints = hints + ((record.tasks[task.id] or {}).hints or 0)
  end
  local sum = "tasks: %d passed, %d open, %d skipped, %d cannot be done here; hints: %d"
  lines[#lines + 1] = sum:format(
    counts.passed + counts.earlier,
    counts.open,
    counts.skipped,
    counts.impossible,
    hints
  )
  local now, kept = self:now()
  lines[#lines + 1] = now
      and ("now: %s, begun at %s"):format(now.id, os.date("%H:%M", math.floor(kept.begun)))
    or "now: no task has begun"
  lines[#lines + 1] = "kept in " .. self.book.path
  return said(lines)
end

return verbs
