--- A process that is kept together with everything that comes from it, and ends as a whole.
---
--- Between the program and a learner's process stands a warden: the kernel gives it whatever that
--- process leaves behind, also what has forked twice or made a session of its own. When the
--- program closes its end of a pipe, or dies, the warden ends all of it, and takes back what the
--- dead have written into their journals. Only a warden that is killed itself can leave something;
--- `scenario.remains` finds that later by the session that all of them are in.
---
--- ```lua
--- local warden = require "scenario.warden"
---
--- local kept = warden.start(function(say)
---   say { answer = { pid = 42 } }
--- end)
--- assert(kept:listen("10s").answer.pid == 42)
--- kept:close()
--- ```
local M = {}

-- What the warden gives the process to undo its own things in order, and all of them to be gone.
local POLITE, ROUNDS = "1s", 5000

-- A line of the pipe that is longer than this is nobody's answer.
local LONGEST = 1 << 20

--- Every process below one, the deepest last.
---@param pid integer
---@return integer[]
function M.descendants(pid)
  local found, at = {}, 0
  local function below(one)
    for _, child in ipairs(try(proc_children, one) or {}) do
      found[#found + 1] = child
    end
  end
  below(pid)
  while at < #found do
    at = at + 1
    below(found[at])
  end
  return found
end

--- Ends what is below this process, whatever comes up meanwhile, and takes back what it has left.
---
--- First everything is stopped: what does not run can start nothing that the next look would miss.
--- What dies after the list was read hands its children on, which are in the next list only: it is
--- over when a list has none but those that were dead before.
---@return string[] problems
function M.end_below()
  local own, dead, gone = proc_stat().pid, {}, {}
  for round = 1, ROUNDS do
    local living = 0
    local list = M.descendants(own)
    for _, how in ipairs(round == 1 and { "stop", "kill" } or { "kill" }) do
      for _, pid in ipairs(list) do
        local found = try(proc_stat, pid)
        if found and found.state ~= "Z" and found.state ~= "X" then
          living = living + 1
          dead[pid] = found.starttime
          try(kill, pid, how)
        elseif not gone[pid] then
          living, gone[pid] = living + 1, true
        end
      end
    end
    if living == 0 then
      break
    elseif round == ROUNDS then
      return {
        ("%d processes could not be ended: ps -o pid,user,cmd --ppid %d"):format(living, own),
      }
    end
    poll({}, { timeout = "1ms" })
  end
  for pid, starttime in pairs(dead) do
    try(journal_collect, pid, starttime)
  end
  return {}
end

--- Asks the process to end by itself, which closes its handles in order.
local function end_politely(child)
  if child:alive() then
    try(child.kill, child, "term")
    poll({ child }, { timeout = POLITE })
  end
end

--- The warden's own life. `after` runs when all has ended.
local function keep(body, alive, talk, options)
  -- What a terminal sends is the program's business; and by the session the rest can be found.
  setsid()
  child_subreaper(true)
  close_fds { alive.read, talk.write, options.input }
  local function say(message)
    try(talk.write.write, talk.write, json_encode(message) .. "\n")
  end
  local child = spawn({ name = options.name, die_with_parent = true }, function()
    local narrate = options.narrate and require "scenario.narrate"
    local function tell(message)
      if narrate then
        narrate.aside(function()
          say(message)
        end)
      else
        say(message)
      end
    end
    if narrate then
      narrate.explain(true)
    end
    local _, err = try(function()
      body(tell)
      return true
    end)
    if narrate then
      narrate.explain(false)
    end
    if err then
      local object = type(err) == "table" and err or { message = tostring(err) }
      local op = object.op and not object.call and object.op .. ": " or ""
      say { error = op .. tostring(object.message), where = object.where, hint = object.hint }
    end
    say { done = true }
    -- It lives as long as it is looked at. A signal ends it.
    while true do
      poll({}, { timeout = "1h" })
    end
  end)
  say { pid = child.pid }
  local how = { timeout = "1s", signals = { "term", "int", "hup" } }
  local sources = { child, alive.read }
  while true do
    local over = false
    for _, one in ipairs(poll(sources, how)) do
      over = over or one.source == alive.read or one.signal ~= nil
      if one.source == child then
        say { ended = child:wait() }
        sources = { alive.read }
      end
    end
    if over then
      break
    end
  end
  if options.first then
    options.first()
  end
  end_politely(child)
  local problems = M.end_below()
  if options.after then
    for _, text in ipairs(options.after()) do
      problems[#problems + 1] = text
    end
  end
  say { problems = json_array(problems) }
end

--- The program's side of a warden.
---@class scenario.Warden
---@field pid integer the warden's own
local Warden = {}
Warden.__index = Warden

--- The next thing that was said; nil when nothing came in time, or nothing can come any more.
---@param timeout string|number
---@return table? message
function Warden:listen(timeout)
  while true do
    local line, rest = self.text:match("^([^\n]*)\n(.*)$")
    if line then
      self.text = rest
      return try(json_decode, line) or {}
    end
    local more = not self.silent and try(self.talk.read, self.talk, 65536, { timeout = timeout })
    if not more or #self.text > LONGEST then
      self.silent = self.silent or #self.text > LONGEST
      return nil
    end
    self.text = self.text .. more
  end
end

--- Ends the process and all that came from it. May be called again.
---@return string[] problems what could not be ended or removed
function Warden:close()
  if self.closed then
    return {}
  end
  self.closed = true
  self.alive:close()
  local problems = { "the process that cleans up has not come to an end" }
  while true do
    local message = self:listen "60s"
    if not message then
      break
    elseif message.problems then
      problems = message.problems
      break
    end
  end
  self.talk:close()
  try(self.process.wait, self.process, { timeout = "10s" })
  return problems
end

--- Refuses in a plan: there nobody would ever say anything, and what checks read is not made.
function M.refuse_plan()
  -- A plan cannot judge answers that it does not have, so its assert lets everything pass.
  if pcall(assert, false) then
    local hint = "run it: what a step makes is gone when it ends"
    local message = "a scenario cannot be planned: it looks at what was made"
    require("options").fail("scenario", message, hint)
  end
end

---@class scenario.WardenOptions
---@field name? string the child's name in narrations
---@field quiet? boolean what it writes goes nowhere
---@field output? string a file for its standard output
---@field errors? string a file for its standard error
---@field input? any an fd that the process reads from
---@field narrate? boolean the child tells its calls on its standard error
---@field first? fun() runs in the warden before it ends anybody
---@field after? fun(): string[] runs in the warden when all has ended; answers problems
---@field known? fun(pid: integer) is told the warden's number before anything runs

--- Starts a process with its warden.
---@param body fun(say: fun(message: table)) what the process does; it lives on afterwards
---@param options? scenario.WardenOptions
---@return scenario.Warden
function M.start(body, options)
  options = options or {}
  local alive, talk = pipe(), pipe()
  local process = spawn({
    name = options.name and options.name .. "'s warden" or "warden",
    stdin = "null",
    stdout = options.output or options.quiet and "null" or nil,
    stderr = options.errors or options.quiet and "null" or nil,
    parent = options.known and function(child)
      options.known(child.pid)
    end or nil,
  }, function()
    keep(body, alive, talk, options)
  end)
  alive.read:close()
  talk.write:close()
  -- Closing the handle would kill it before it has cleaned up: the pipe tells it that it is over.
  process:keep()
  return setmetatable({
    process = process,
    pid = process.pid,
    alive = alive.write,
    talk = talk.read,
    text = "",
  }, Warden)
end

return M
