--- What the keeper of a task does all its life: it holds the stage, answers who asks, and goes with
--- its owner.
---
--- ```lua
--- local serve = require "lab.keeper.serve"
---
--- -- A stage that is not there answers nothing.
--- local answer = serve.answer({ step = {}, answers = {}, given = {} }, { op = "nonsense" })
--- assert(answer.failed.message:find "nonsense")
--- ```
local keeper = require "lab.keeper"

local M = {}

-- Somebody who has connected and says nothing holds up others no longer than this.
local REQUEST = "5s"
-- A learner who has no terminal is not waited for any longer: seconds.
local FORGOTTEN = 12 * 3600
-- How long a check that fails is tried again. The learner has acted already; what takes longer has
-- a check that measures for longer.
local TRIED = "3s"

--- What is told of the stage.
local function status(self)
  local stage = self.stage
  return {
    task = self.id,
    dir = stage.dir,
    token = stage.token,
    prefix = stage.prefix,
    given = stage.given,
    answers = stage.answers,
    failures = self.failures,
    last = self.last,
  }
end

local function open(self)
  local scenario = require "scenario"
  self.stage = scenario.stage(self.step, { quiet = true })
  for _, process in ipairs { self.owner } do
    -- No process of the lab itself is an answer.
    self.stage.own[#self.stage.own + 1] = process.pid
  end
  self.failures, self.last = 0, nil
  self.stage:setup()
end

local handlers = {}

function handlers.status(self)
  return status(self)
end

function handlers.answer(self, request)
  for name, value in pairs(request.answers) do
    self.stage.answers[name] = value
  end
  return status(self)
end

function handlers.check(self, request)
  handlers.answer(self, { answers = request.answers or {} })
  local verdict = self.stage:judge(nil, { patience = TRIED })
  self.failures = verdict.passed and 0 or self.failures + 1
  self.last = not verdict.passed and verdict or nil
  local said = status(self)
  said.verdict = verdict
  return said
end

function handlers.reset(self)
  local problems = self.stage:close()
  open(self)
  local said = status(self)
  said.problems = json_array(problems)
  return said
end

handlers["end"] = function(self)
  self.over = true
  return { problems = json_array(self.stage:close()) }
end

--- Answers one request.
---@param self table the keeper's own: step, stage, id, failures
---@param request table
---@return table
function M.answer(self, request)
  local handler = handlers[request.op]
  if not handler then
    return {
      failed = { op = "lab", message = ("nothing is called %q"):format(tostring(request.op)) },
    }
  end
  local said, err = try(handler, self, request)
  if said then
    return said
  end
  return {
    failed = { op = err.op or "lab", message = err.message, hint = err.hint, where = err.where },
  }
end

--- Takes one request over a connection and answers it.
local function attend(self, listener)
  local connection <close> = listener:accept { timeout = REQUEST }
  local line = ""
  while line:sub(-1) ~= "\n" do
    local more = connection:read(65536, { timeout = REQUEST })
    if not more then
      return
    end
    line = line .. more
  end
  local request = try(json_decode, line)
  local said = M.answer(self, type(request) == "table" and request or {})
  if self.over then
    -- Whoever has asked may begin the next one as soon as it hears.
    keeper.forget()
  end
  connection:write(json_encode(said) .. "\n")
end

--- Waits for requests until the task is over, or nobody does it any more.
local function loop(self, listener, process)
  local until_ = clock("monotonic") + FORGOTTEN
  local how = { timeout = "60s", signals = { "term", "int", "hup" } }
  local sources = { listener, process }
  while not self.over do
    for _, event in ipairs(poll(sources, how)) do
      if event.signal or process and event.source == process then
        return
      elseif event.source == listener then
        until_ = clock("monotonic") + FORGOTTEN
        try(attend, self, listener)
      end
    end
    if not process and clock("monotonic") > until_ then
      return
    end
  end
end

--- Runs the keeper. `begun` is called when the stage is set up and requests are answered.
---@param task lab.Task
---@param given { kind: string, course: string, owner?: { pid: integer, starttime: integer } }
---@param begun fun(word: table) is told once how the beginning went
function M.run(task, given, begun)
  local own = proc_stat()
  local record = {
    version = keeper.VERSION,
    pid = own.pid,
    starttime = own.starttime,
    task = task.id,
    course = given.course,
    kind = given.kind,
    owner = given.owner,
    begun = clock("realtime"),
  }
  local self = { id = task.id, step = task.step, owner = given.owner, failures = 0 }
  local process = given.owner and try(process_open, given.owner.pid) or nil
  -- Before anything of the stage is there: whoever comes meanwhile finds who makes it.
  if not keeper.claim(record) then
    begun { taken = true }
    return
  end
  local tidy <close> = defer(function()
    if self.stage then
      self.stage:close()
    end
    -- By then it may be another's.
    if not self.over then
      keeper.forget()
    end
  end)
  try(remove, keeper.socket_path(), { missing = true })
  local listener <close> = socket_listen(keeper.socket_path())
  open(self)
  begun {}
  loop(self, listener, process)
end

return M
