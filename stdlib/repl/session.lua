--- What the lines of the interactive session mean: one request, one answer.
---
--- The program reads lines and prints answers (`src/repl.rs`); everything in between is here. The
--- same module answers in every box, where it goes on with the variables that it had when the box
--- was forked. Lines run in a table of their own in front of the globals of scripts, so that a name
--- that is set stays set.
---
--- ```lua
--- local session = require "repl.session"
---
--- local answer = session.request { op = "evaluate", text = "answer = 6 * 7" }
--- assert(not answer.error)
--- assert(session.request { op = "evaluate", text = "answer + _G.answer" }.text == "84")
--- ```
local M = {}

-- Whatever a line does to the names that it sees, the session goes on.
local load, rawget, rawset, require, setmetatable, table, try =
  load, rawget, rawset, require, setmetatable, table, try

local shared = _ENV

-- The table that lines run in, and what the session knows of them.
local env, chunks, entries, number, told
-- How many lines had succeeded before the one that runs.
local before = 0
-- How values are shown: as the window of the last line allows.
local shown = {}
-- The module of the lesson that is attached, in the process that a user types into.
local lesson

--- Forgets every variable and every line.
local function begin()
  env = {}
  env._G = env
  function env.load(text, name, mode, scope)
    return load(text, name, mode, scope or env)
  end
  function env.p(value, given)
    return require("repl.print").printer(shown)(value, given)
  end
  -- Only what lines have set is written and walked over; the rest is looked up.
  setmetatable(env, { __index = shared })
  chunks, entries, number, told = {}, {}, number or 1, {}
end
begin()

--- The table that lines run in.
function M.environment()
  return env
end

--- The lines that have succeeded, each `{ text, kind = "statement" | "expression" }`.
function M.entries()
  return entries
end

-- A line as a function that is given `table.pack`: an expression answers its values. The kind, or
-- the parser's words.
--
-- `return f()` would be a tail call, and the line that has called f would be gone when f fails.
local function compile(text, name)
  local values = text:match "^%s*return%f[^%w_](.*)$" or text
  if load("return " .. values, name, "t", env) then
    values = values:gsub("[%s;]+$", "")
    -- A comment at the end needs a line's end; with it all else would stand in the second line.
    local expression = load(("return (...)(%s)"):format(values), name, "t", env)
      or load(("return (...)(%s\n)"):format(values), name, "t", env)
    if expression then
      return expression, load(values, name, "t", env) and "call" or "expression"
    end
  end
  local statement, reason = load(text, name, "t", env)
  return statement, statement and "statement" or reason
end

-- Prints nothing in place of an answer: a semicolon at the end.
local function is_silent(text)
  return text:find ";%s*$" ~= nil
end

local LOCAL = "a local lives in its own line; without 'local' the name stays"

local function report(err, request)
  rawset(env, "_err", err)
  local excerpt = require "repl.excerpt"
  local options = { chunks = chunks, colour = request.colour, width = request.width }
  return { error = true, text = excerpt.of(err, options), number = number }
end

local handlers = {}

--- Runs a line, and answers what it has answered, as text.
function handlers.evaluate(request)
  local text = request.text
  local name = request.name or ("[%d]"):format(number)
  number = number + (request.name and 0 or 1)
  chunks[name] = text
  shown = { colour = request.colour, width = request.width }
  local run, kind = compile(text:gsub("^#![^\n]*", "", 1), "@" .. name)
  if not run then
    return report(kind, request)
  end
  local results
  before = #entries
  local _, err = try(function()
    local answered = table.pack(run(table.pack))
    results = kind == "statement" and answered or answered[1]
  end)
  if not results then
    return report(err, request)
  end
  if not request.planned then
    entries[#entries + 1] = { text = text, kind = kind }
  end
  local answer = { number = number }
  if results.n > 0 then
    rawset(env, "__", rawget(env, "_"))
    rawset(env, "_", results[1])
    -- What answers nothing, as most primitives do, prints nothing.
    local nothing = kind == "call" and results.n == 1 and results[1] == nil
    if not nothing and not is_silent(text) and not request.quiet then
      local print = require "repl.print"
      local options = { colour = request.colour, width = request.width }
      answer.text = print.values(results, options)
    end
  end
  if not told.locals and not request.name and text:find "^%s*local%s" and not text:find "\n" then
    told.locals = true
    answer.hint = LOCAL
  end
  return answer
end

--- Whether a text means something yet.
function handlers.validate(request)
  local state, message = require("repl.validate").state(request.text)
  return { state = state, message = message }
end

-- What is asked while somebody types ends soon, whatever metamethods are in the way; who presses
-- Tab waits longer. What is read once is read before the time begins.
local AT_EACH_KEY <const> = { time = "200ms" }
local AT_TAB <const> = { time = "1s" }

local function ready(module)
  require("reference").primitives()
  return require(module)
end

--- What could stand at the cursor.
function handlers.complete(request)
  local commands, complete = require "repl.commands", ready "repl.complete"
  local start, items = commands.complete(request.text, request.pos)
  if not start then
    local found = budget(AT_TAB, function()
      return table.pack(complete.at(env, request.text, request.pos))
    end)
    start, items = found[1], found[2]
  end
  return { start = start, items = items }
end

--- The signature of the call that the cursor is in, within the columns that are left.
function handlers.hint(request)
  local hint = ready "repl.hint"
  local text = budget(AT_EACH_KEY, function()
    return hint.at(env, request.text, request.pos, request.room)
  end)
  return { text = text }
end

--- A line with colours; its characters stay what they are.
function handlers.highlight(request)
  local highlight = ready "repl.highlight"
  local text = budget(AT_EACH_KEY, function()
    return highlight.line(env, request.text)
  end)
  return { text = text }
end

--- What stands before the next line, and what the last one has changed in a box.
function handlers.prompt(request)
  local said = require("repl.prompt").of(request)
  return lesson and lesson.decorate(said, request) or said
end

--- A verb of the lab, read by a line and meant for the process in front.
function handlers.lab(request)
  lesson = require "repl.lesson"
  return lesson.request(request)
end

--- A line that starts with a colon, a question mark or an exclamation mark.
function handlers.command(request)
  return require("repl.commands").run(request, M)
end

--- Whether nothing tells a box from the host.
function handlers.same(request)
  return { same = require("repl.prompt").same(request.pid) }
end

--- The list of boxes, as a table.
function handlers.boxes(request)
  return require("repl.prompt").boxes(request)
end

--- Told that a line was ended from outside, which has not succeeded then. Answers the next number.
function handlers.over()
  for index = #entries, before + 1, -1 do
    entries[index] = nil
  end
  return { number = number }
end

--- Forgets every variable.
function handlers.reset()
  begin()
  return { hint = "every variable is forgotten", number = number }
end

--- Answers one request, `{ op = … }`.
---@param request table
---@return table
function M.request(request)
  local handler = handlers[request.op]
  if not handler then
    return { error = true, text = ("no request is called '%s'"):format(request.op) }
  end
  return handler(request)
end

return M
