--- `crun-lua lab --watch FILE`: whenever the learner's file is saved it is run, and judged.
---
--- A run begins with a fresh stage and ends the one before, with all that it had started. The file
--- is a script of crun-lua's, or any program that may be executed. It hands over by a line of its
--- output, `pid=4242`, for each answer; the task's directory, token and prefix, and what was given,
--- are in its environment (`LAB_DIR`, `LAB_TOKEN`, `LAB_PREFIX`, `LAB_OTHER` for a given `other`).
--- Keys: c judges again, h asks for a hint, n goes on after a pass, q ends.
---
--- ```lua
--- local watch = require "lab.watch"
---
--- local name, value = watch.answer("pid=42", { pid = "the process" })
--- assert(name == "pid" and value == 42)
--- assert(not watch.answer("PATH=/bin", { pid = "the process" }))
--- ```
local keeper = require "lab.keeper"
local options = require "options"

local M = {}

-- How often the file is looked at; how long its run may take to hand over what is asked for.
local LOOK, PATIENCE = "300ms", 10

--- An answer in a line of output: its name and value; nil where it is none.
---@param line string
---@param asked? table<string, string>
---@return string? name
---@return string|integer? value
function M.answer(line, asked)
  local name, value = line:match "^%s*([%a_][%w_]*)%s*=%s*(.-)%s*$"
  if name and (asked or {})[name] then
    return name, math.tointeger(tonumber(value)) or value
  end
end

--- What tells one save from the next; nil where there is no file.
local function mark_of(file)
  local found = try(stat, file)
  return found and ("%s %s %s"):format(found.mtime, found.size, found.inode)
end

--- Whether the terminal passes bytes as they are: then a line's end is not the start of the next.
local raw = false

local function say(text)
  local whole = text .. "\n"
  io.write(raw and whole:gsub("\n", "\r\n") or whole)
  io.flush()
end

local function environment(kept)
  local env = { LAB_DIR = kept.dir, LAB_TOKEN = kept.token, LAB_PREFIX = kept.prefix }
  for name, value in pairs(kept.given) do
    env["LAB_" .. name:upper()] = tostring(value)
  end
  for _, name in ipairs { "PATH", "HOME", "TERM", "USER", "LANG" } do
    env[name] = os.getenv(name)
  end
  return env
end

local function command_of(file)
  local path = file:find("/", 1, true) and file or "./" .. file
  local found = stat(path)
  -- 73 is 0111: somebody may execute it.
  if not path:find "%.lua$" and found and found.mode & 73 ~= 0 then
    return { path }
  end
  return { "/proc/self/exe", path }
end

--- Runs the file under a warden; answers it, and what it has handed over.
local function run(file, task, kept)
  local warden = require "scenario.warden"
  local env, asked = environment(kept), task.step.answers
  local running = warden.start(function(say_to)
    local program = spawn({ stdout = "pipe", stderr = "stdout" }, function()
      local command = command_of(file)
      command.env = env
      exec(command)
    end)
    local text = ""
    while true do
      local more = program.stdout:read(65536)
      if not more then
        break
      end
      text = text .. more
      for line in text:gmatch "([^\n]*)\n" do
        say_to { line = line }
      end
      text = text:match "[^\n]*$"
    end
    local ended = program:wait()
    say_to { line = text ~= "" and text or nil, over = ended }
  end)
  local answers, ends = {}, clock("monotonic") + PATIENCE
  local function complete()
    for name in pairs(asked or {}) do
      if answers[name] == nil then
        return false
      end
    end
    return asked ~= nil
  end
  while clock("monotonic") < ends and not complete() do
    local message = running:listen "1s"
    if message and message.line then
      local name, value = M.answer(message.line, asked)
      if name then
        answers[name] = value
      else
        say("  | " .. require("view.text").clean(message.line))
      end
    end
    if message and message.error then
      say("  ✗ " .. message.error)
      break
    elseif message and message.over then
      if message.over.code ~= 0 then
        local how = message.over.signal or "status " .. message.over.code
        say(("  %s has ended with %s"):format(file, how))
      end
      break
    end
  end
  return running, answers
end

--- One look at what is there; true where the task is passed.
local function judge(desk, answers)
  local said = desk:verb("check", {}, answers)
  say(said.text)
  return said.status == 0
end

local HELP = "keys: c judge again, h hint, n next (when it is passed), q quit; saving runs the file"

--- Waits for a key or a save: the key, "changed", or nil for nothing.
local function wait(file, mark, typed)
  local events = poll(typed and { 0 } or {}, { timeout = LOOK })
  for _, event in ipairs(events) do
    if event.source == 0 then
      return (io.stdin:read(1) or "q"):lower()
    end
  end
  local now = mark_of(file)
  if now and now ~= mark then
    return "changed"
  end
end

--- The terminal without an echo of keys; nothing where there is none.
local function keys()
  if not is_tty(0) then
    return defer(function() end)
  end
  io.stdin:setvbuf "no"
  raw = true
  return raw_mode(0)
end

--- One round: run and judge. Answers what is running, and whether the task is passed.
local function round(desk, file, task, running)
  if running then
    running:close()
    keeper.ask { op = "reset" }
  end
  say("")
  say(("%s is run at %s"):format(file, os.date "%H:%M:%S"))
  local answers
  running, answers = run(file, task, keeper.ask { op = "status" })
  return running, judge(desk, answers)
end

--- Watches until it is ended, or there is nothing more to do.
---@param desk lab.Desk
---@param file string
---@param id? string
---@return integer status 0 where the last task was passed
function M.run(desk, file, id)
  if not stat(file) then
    options.fail("lab", file .. ": there is no such file", "save something there first")
  end
  local own = require("container.owner").self()
  -- The stage stays until the next task, and goes with this process.
  desk.holds = { kind = "watch", owner = own }
  -- A learner at this terminal has keys, where another terminal has commands.
  local keyed = is_tty(0) and { check = "the key c", hint = "the key h", next = "the key n" } or {}
  desk.words = setmetatable(keyed, { __index = desk.words })
  local said = desk:verb("task", { id })
  say(said.text)
  if said.error then
    return 1
  end
  say(HELP)
  local screen <close> = keys()
  local tidy <close> = defer(function()
    keeper.stop()
  end)
  local typed = is_tty(0)
  local running, passed, mark
  while true do
    local key = wait(file, mark, typed)
    local task = desk:now()
    if key == "changed" then
      mark = mark_of(file)
      running, passed = round(desk, file, task, running)
    elseif key == "c" then
      passed = judge(desk, {})
    elseif key == "h" then
      say(desk:verb("hint", {}).text)
    elseif key == "n" and passed then
      if running then
        running:close()
      end
      said = desk:verb("next", {})
      say(said.text)
      running, passed, mark = nil, false, mark_of(file)
      if not desk:now() then
        return 0
      end
    elseif key == "q" or key == "\3" or key == "\4" then
      break
    elseif passed and not typed then
      break
    end
  end
  if running then
    running:close()
  end
  return passed and 0 or 1
end

return M
