--- Runs the programs of a soak, and keeps what it has to say: problems, and what has gone wrong on
--- purpose since the last look, which is told together with what was left behind.
---
--- ```lua
--- local runner = require "test.soak.runner"
---
--- local dir <close> = temp_dir()
--- local soak = runner.new { own = { "sh", "-c" }, work = dir.path }
--- local result = soak:run(soak:command("echo what >&2; exit 3"))
--- assert(result.code == 3 and result.text == "what\n")
--- soak:must("nothing", { "true" })
--- assert(#soak.problems == 0)
--- ```
local M = {}

--- How long a command may take: a machine that has other work to do needs its time.
M.HANGS = "60s"

---@class test.soak.Runner
---@field own string[] the words that start the program under test
---@field work string a directory for what programs say
---@field problems string[]
---@field recent string[]
---@field tell? boolean what went wrong on purpose is printed
local Runner = {}
Runner.__index = Runner

---@param given { own: string[], work: string, tell: boolean? }
---@return test.soak.Runner
function M.new(given)
  return setmetatable({
    own = given.own,
    work = given.work,
    tell = given.tell,
    problems = {},
    recent = {},
  }, Runner)
end

--- What must not be. It is printed at once: a soak may be ended before it is through.
---@param format string
---@param ... any
function Runner:problem(format, ...)
  self.problems[#self.problems + 1] = format:format(...)
  print("problem: " .. self.problems[#self.problems])
end

--- What has gone wrong on purpose.
---@param format string
---@param ... any
function Runner:note(format, ...)
  self.recent[#self.recent + 1] = format:format(...)
  if self.tell then
    print(self.recent[#self.recent])
  end
end

--- The program under test with these words, or lists of words.
---@param ... string|string[]
---@return string[]
function Runner:command(...)
  local all = table.move(self.own, 1, #self.own, 1, {})
  for _, part in ipairs { ... } do
    part = type(part) == "table" and part or { part }
    table.move(part, 1, #part, #all + 1, all)
  end
  return all
end

function Runner:log()
  return self.work .. "/log"
end

--- Starts a program. What it says goes to a file: a container would keep a pipe open.
---@param command string[]
---@return any process
function Runner:start(command)
  local log <close> = open(self:log(), { write = true, create = true, truncate = true })
  return spawn({ stdin = "null", stdout = log, stderr = log }, function()
    exec(command)
  end)
end

--- Waits for its end.
---@param child any
---@param command string[]
---@return { code: integer, signal: string?, text: string }
function Runner:finish(child, command)
  local result = child:wait { timeout = M.HANGS }
  if not result then
    child:kill "kill"
    result = child:wait()
    self:problem("it hangs: %s\n%s", table.concat(command, " "), read_file(self:log()))
  end
  return { code = result.code, signal = result.signal, text = read_file(self:log()) }
end

---@param command string[]
---@return { code: integer, signal: string?, text: string }
function Runner:run(command)
  local child <close> = self:start(command)
  return self:finish(child, command)
end

--- Runs what has to succeed.
---@param what string
---@param command string[]
---@return { code: integer, signal: string?, text: string }
function Runner:must(what, command)
  local result = self:run(command)
  if result.code ~= 0 then
    local words = table.concat(command, " ")
    self:problem("%s: status %d of %s\n%s", what, result.code, words, result.text)
  end
  return result
end

return M
