--- A lesson beside a session: the lab's verbs as lines, `:check pid = child` among them.
---
--- A line is read where the prompt is, in a box as well, because that is where its names mean
--- something; what it hands over goes to the session's own process, which holds the lesson and asks
--- the task's keeper. `:play` sets the lesson aside, `:resume` takes it up.
---
--- ```lua
--- local lesson = require "repl.lesson"
--- local session = require "repl.session"
---
--- session.request { op = "evaluate", text = "child = { pid = 42 }" }
--- local read = lesson.read("check", "ex1.kinds pid = child, cause = stale-proc", session)
--- assert(read.action.answers.pid == 42 and read.action.answers.cause == "stale-proc")
--- assert(read.action.words[1] == "ex1.kinds")
--- ```
local M = {}

local START = ":lab start [TASK] attaches one"

-- Answers -------------------------------------------------------------------------------------

--- Where `name =` stands in a line, and where the expression behind it begins.
local function names_in(line)
  local found, at = {}, 1
  while true do
    local from, to, name = line:find("%f[%w_]([%a_][%w_]*)%s*=%f[^=]", at)
    if not from then
      return found
    end
    local before = line:sub(from - 1, from - 1)
    if from == 1 or before:find "[%s,]" then
      found[#found + 1] = { name = name, from = from, after = to + 1 }
    end
    at = to + 1
  end
end

--- Cuts a line into words and `{ name, expression }`. An expression may have an `=` in it: it goes
--- on until it is one.
local function cut(line)
  local names = names_in(line)
  local list, index = {}, 1
  while names[index] do
    local last = index
    local text
    repeat
      local following = names[last + 1]
      text = line:sub(names[index].after, following and following.from - 1 or -1)
      text = text:match "^%s*(.-)[%s,]*$"
      last = last + 1
    until not names[last] or load("return " .. text, "=answer", "t", {})
    list[#list + 1] = { names[index].name, text }
    index = last
  end
  local words = {}
  for word in line:sub(1, names[1] and names[1].from - 1 or -1):gmatch "[^%s,]+" do
    words[#words + 1] = word
  end
  return words, list
end

--- What can be handed over: a number, a word, or a process, of which the number is.
local function plain(value)
  if type(value) == "userdata" or type(value) == "table" then
    local pid = try(function()
      return value.pid
    end)
    value = pid or value
  end
  if type(value) == "number" then
    return math.tointeger(value)
  end
  return type(value) == "string" and value or nil
end

local function value_of(name, text, session)
  local chunk, wrong = load("return " .. text, "=" .. name, "t", session.environment())
  local value, err = nil, wrong
  if chunk then
    value, err = try(chunk)
  end
  if value == nil and err and text:find "^%a[%w_.-]*$" then
    -- Nothing has that name: it is a word, as a shell would take it.
    return text
  elseif value == nil and err then
    return nil, ("%s: %s"):format(name, type(err) == "table" and err.message or tostring(err))
  end
  local handed = plain(value)
  if handed == nil then
    local kind = value == nil and "nothing" or "a " .. type(value)
    return nil, ("%s: expected a number, a word or a process, got %s"):format(name, kind)
  end
  return handed
end

--- Reads a verb's line where its names mean something; answers what is to be done in front.
---@param verb string
---@param rest string
---@param session table the module `repl.session`
---@return table answer
function M.read(verb, rest, session)
  local words, list = cut(rest)
  local answers = {}
  for _, pair in ipairs(list) do
    local value, wrong = value_of(pair[1], pair[2], session)
    if value == nil then
      return { error = true, text = wrong, hint = ":" .. verb .. " NAME = EXPRESSION" }
    end
    answers[pair[1]] = value
  end
  return { action = { kind = "lab", verb = verb, words = json_array(words), answers = answers } }
end

--- `:lab VERB …`
---@param rest string
---@param session table
---@return table answer
function M.line(rest, session)
  local verb, more = rest:match "^(%S+)%s*(.*)$"
  return M.read(verb or "task", more or "", session)
end

-- In front ------------------------------------------------------------------------------------

-- The lesson of this session: the desk, and whether it is set aside.
local desk, aside, tidy

local function begin(request)
  local words = {}
  local course
  local index = 1
  while request.words[index] do
    local word = request.words[index]
    if word == "--course" then
      course = request.words[index + 1]
      index = index + 1
    elseif word:find "^%-%-course=" then
      course = word:match "=(.*)$"
    else
      words[#words + 1] = word
    end
    index = index + 1
  end
  local opened, err = try(require("lab").open, { session = true, course = course })
  if not opened then
    return { error = true, text = err.message, hint = err.hint }
  end
  opened.colours, opened.width = request.colour or false, request.width
  local said = opened:verb("task", words)
  if not said.error then
    desk, aside = opened, false
    -- However the session ends in order, the task does; where it is killed, its keeper sees that.
    tidy = tidy or defer(function()
      try(require("lab.keeper").stop)
    end)
  end
  return said
end

local front = {}

function front.start(request)
  return begin(request)
end

function front.play()
  aside = true
  return { text = "the lesson waits; :resume takes it up", status = 0 }
end

function front.resume()
  aside = false
  return desk:verb("task", {})
end

function front.quiz(request)
  if not request.interactive then
    local hint = "from a pipe: crun-lua lab quiz"
    return { text = ":quiz asks, which needs a terminal", hint = hint, error = true }
  end
  local ask = require "lab.ask"
  ask.run(desk, request.words, ask.talk { colours = request.colour })
  return { text = "", status = 0 }
end

--- Answers what a line has asked for.
---@param request table
---@return table
function M.request(request)
  local verb = request.verb
  if not desk and verb ~= "start" then
    return { error = true, text = "no lesson is attached", hint = START }
  end
  if desk then
    desk.colours, desk.width = request.colour or false, request.width
  end
  local said = front[verb] and front[verb](request)
    or desk:verb(verb, request.words, request.answers)
  -- A verdict is no mistake in a line.
  return { text = said.text, hint = said.hint, error = said.error }
end

--- The prompt of a session with a lesson names the task, and hints where there have been failures.
---@param said { plain: string, styled: string, text: string }
---@param request { colour?: boolean }
---@return table said
function M.decorate(said, request)
  local kept = desk and not aside and try(require("lab.keeper").find)
  if not kept then
    return said
  end
  local mark = ("[%s%s] "):format(kept.task, desk.stuck and " :hint" or "")
  said.plain = mark .. said.plain
  said.styled = request.colour and ("\27[36m%s\27[39m%s"):format(mark, said.styled) or said.plain
  return said
end

return M
