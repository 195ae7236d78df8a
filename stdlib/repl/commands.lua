--- Lines that are no Lua: `:command`, `?name`, `!program`.
---
--- What only the front end can do (boxes, files, the history) is answered as an action.
---
--- ```lua
--- local commands = require "repl.commands"
---
--- local session = require "repl.session"
--- assert(commands.run({ text = ":box web" }, session).action.name == "web")
--- assert(commands.run({ text = ":bix" }, session).text:find(":box", 1, true))
--- ```
local options = require "options"

local M = {}

local function action(kind, fields)
  fields = fields or {}
  fields.kind = kind
  return { action = fields }
end

local function failed(text, hint)
  return { error = true, text = text, hint = hint }
end

local function named(kind)
  return function(rest)
    return action(kind, { name = rest ~= "" and rest or nil })
  end
end

-- Each with what follows it, what it does, and the function of that rest.
local COMMANDS = {}

local function command(name, usage, summary, run, topic)
  COMMANDS[#COMMANDS + 1] =
    { name = name, usage = usage, summary = summary, run = run, topic = topic }
  COMMANDS[name] = COMMANDS[#COMMANDS]
end

-- Help ----------------------------------------------------------------------------------------

local function reference()
  return require "reference"
end

-- What is known of a value that has no page: what it is.
local function describe(session, name)
  local value = session.environment()
  for part in name:gmatch "[^.]+" do
    if type(value) ~= "table" then
      return nil
    end
    local found
    value, found = try(function()
      return value[part]
    end), nil
    if value == nil then
      return found
    end
  end
  return ("%s is a %s: %s"):format(name, type(value), tostring(value))
end

local function page(rest, _, session)
  if rest == "" then
    return { text = M.overview() }
  end
  if rest:find "[*?]" then
    local names = reference().find(rest)
    if #names == 0 then
      return failed(("nothing is called %s"):format(rest), ":apropos WORDS searches the texts")
    end
    return { text = table.concat(names, "\n") }
  end
  local text, reason = reference().page(rest)
  if text then
    return { text = text }
  end
  local own = describe(session, rest)
  if own then
    return { text = own }
  end
  return failed(tostring(type(reason) == "table" and reason.message or reason))
end

local function source(rest)
  local module, name = rest:match "^(.+)[.:]([%w_]+)$"
  if not module then
    module, name = rest, nil
  end
  local text, file, line = reference().source(module, name)
  if not text and name then
    text, file, line = reference().source(rest)
  end
  if text then
    return { text = ("-- %s:%s\n%s"):format(file, line or 1, text) }
  end
  if reference().primitive(rest) then
    local shown = page(rest)
    shown.hint = ("%s is a primitive: it is in the program itself, not in Lua"):format(rest)
    return shown
  end
  return failed(("no function of the stdlib is called %s"):format(rest), "??MODULE.FUNCTION")
end

local function apropos(rest)
  if rest == "" then
    return failed ":apropos WORDS: what is looked for?"
  end
  local found = reference().apropos(rest)
  if #found == 0 then
    return failed(("nothing is said of %s"):format(rest))
  end
  local lines = {}
  for index, item in ipairs(found) do
    lines[index] = ("%-26s %s"):format(item.name, item.summary or "")
  end
  return { text = table.concat(lines, "\n") }
end

local BOXES = [[
A box is a forked copy of this session, with its variables. A line that would change the process
for good (unshare, chroot, drop_caps, seccomp, setuser …) goes on in a new one, from the call on;
the host stays as it was. In a box everything is real, and nothing of it comes back.
What a line spawns ends with the session, whatever ends that. What a box holds ends with it: by
:kill, by os.exit(), by its own filter, or with the REPL.
A copy (:fork) is one of the process: namespaces and mounts are shared with it, so what was changed
in those is not taken back by :reset.
chdir and umask stay in the session, as in a shell. exec runs a program in the foreground.]]

--- What there is to type.
function M.overview()
  local lines = {
    "Lua: an expression prints its value, a semicolon at the end keeps that quiet; _ and __ are",
    "the last values, _err the last error. Tab completes, Ctrl-R searches the history, Ctrl-C",
    "stops, Ctrl-D leaves.",
    "",
  }
  for _, each in ipairs(COMMANDS) do
    lines[#lines + 1] = ("%-22s %s"):format(each.usage, each.summary)
  end
  return table.concat(lines, "\n")
end

command("help", ":help [boxes|NAME]", "this list; what a box is; a page", function(rest, ...)
  if rest == "boxes" then
    return { text = BOXES }
  end
  return page(rest, ...)
end)
command("?", "?NAME  ?net*  ??NAME", "a page; names by pattern; the source of a function", page)
command("apropos", ":apropos WORDS", "search the texts", apropos)

-- The kernel ----------------------------------------------------------------------------------

command("explain", ":explain on|off", "tell each call and what it changes", function(rest)
  if rest ~= "" and rest ~= "on" and rest ~= "off" then
    return failed((":explain on or :explain off, not %q"):format(rest))
  end
  local on
  if rest ~= "" then
    on = rest == "on"
  end
  return action("request", { request = { op = "explain", on = on } })
end)
command("plan", ":plan LINE", "what a line would do; nothing is done", function(rest)
  if rest == "" then
    return failed ":plan LINE: which line?"
  end
  return action("request", { request = { op = "plan", text = rest } })
end)
command("time", ":time EXPRESSION", "how long it takes, and how many calls", function(rest)
  return rest == "" and failed ":time EXPRESSION: of what?" or action("time", { text = rest })
end)

-- Boxes ---------------------------------------------------------------------------------------

command("box", ":box [NAME]", "a new box, from the host's state", named "box")
command("leave", ":leave", "back to the host; the box stays", named "leave")
command("enter", ":enter NAME", "into a box again", named "enter")
command("kill", ":kill [NAME]", "end a box and what it holds", named "kill")
command("fork", ":fork [NAME]", "keep a copy of this state to come back to", named "fork")
command("reset", ":reset", "back to that copy; in the host: forget the variables", named "reset")
command("boxes", ":boxes", "list them", named "boxes")

-- Files ---------------------------------------------------------------------------------------

--- The lines that have succeeded, as a script.
---@param entries { text: string, kind: string }[]
---@return string
function M.script(entries)
  local whole = {}
  for index, entry in ipairs(entries) do
    whole[index] = entry.text
  end
  -- The last value matters only where a line asks for it.
  local recalls = (" " .. table.concat(whole, "\n") .. " "):find "%f[%w_]__?%f[^%w_]" ~= nil
  local lines = {
    "#!/usr/bin/env crun-lua",
    "-- What was typed in a session of crun-lua's, as far as it has succeeded.",
    "",
    "-- As in the session, a name that is set stays set.",
    "local _ENV = setmetatable({}, { __index = _ENV })",
    recalls and "local _, __" or nil,
  }
  for _, entry in ipairs(entries) do
    local text = entry.text:gsub("^%s+", ""):gsub("[%s;]+$", "")
    -- An expression may have been written with it; all else that returns has a block of its own.
    text = text:gsub("^return%f[^%w_]%s*", "")
    if entry.kind == "expression" or (entry.kind == "call" and recalls) then
      text = (recalls and "__, _ = _, " or "_ = ") .. text
    elseif text:find "%f[%w_]local%f[^%w_]" or text:find "%f[%w_]return%f[^%w_]" then
      text = "do\n" .. text .. "\nend"
    end
    if text:sub(1, 1) == "(" then
      text = ";" .. text
    end
    lines[#lines + 1] = text
  end
  return table.concat(lines, "\n") .. "\n"
end

command("load", ":load FILE", "run a file here", function(rest)
  return rest == "" and failed ":load FILE: which one?" or action("load", { path = rest })
end)
command("save", ":save FILE", "what has succeeded, as a script", function(rest, _, session)
  if rest == "" then
    return failed ":save FILE: where to?"
  end
  return action("write", { path = rest, text = M.script(session.entries()) })
end)
command("history", ":history [TEXT]", "the lines before", function(rest)
  return action("history", { pattern = rest })
end)

-- The lab -------------------------------------------------------------------------------------

command(
  "lab",
  ":lab [VERB]",
  "a lesson: start [TASK], list, reset; and what follows",
  function(rest, _, session)
    return require("repl.lesson").line(rest, session)
  end
)

-- Lines of their own, because a learner types them all the time.
for _, verb in ipairs {
  { "task", ":task [TASK]", "read the task, or begin another" },
  { "check", ":check [NAME=EXPRESSION …]", "have it judged" },
  { "answer", ":answer NAME=EXPRESSION …", "hand over a number, a word or a process" },
  { "hint", ":hint", "what the check has seen, and a hint more each time" },
  { "skip", ":skip", "go on without it" },
  { "solution", ":solution", "one way to do it, when it is passed or skipped" },
  { "next", ":next", "the next task" },
  { "status", ":status", "the course's checklist" },
  { "quiz", ":quiz [NUMBER]", "questions" },
  { "play", ":play", "set the lesson aside" },
  { "resume", ":resume", "take it up again" },
} do
  command(verb[1], verb[2], verb[3], function(rest, _, session)
    return require("repl.lesson").read(verb[1], rest, session)
  end)
end

-- Programs ------------------------------------------------------------------------------------

local function shell(rest)
  exec { os.getenv "SHELL" or "/bin/sh", "-c", rest, argv0 = "sh" }
end

command("!", "!PROGRAM", "run it, by the shell", shell)
command("fg", ":fg", "go on with the program that Ctrl-Z has stopped", function()
  return action("request", { request = { op = "resume" } })
end)
command("quit", ":quit", "leave, with every box", named "quit")

-- Reading -------------------------------------------------------------------------------------

local function names()
  local list = {}
  for _, each in ipairs(COMMANDS) do
    if each.name:find "^%a" then
      list[#list + 1] = each.name
    end
  end
  return list
end

--- Does what a line asks for.
---@param request { text: string }
---@param session table the module `repl.session`
---@return table answer
function M.run(request, session)
  local text = request.text:match "^%s*(.-)%s*$"
  if text:sub(1, 2) == "??" then
    return source(text:sub(3):match "^%s*(.-)$")
  elseif text:sub(1, 1) == "?" then
    return page(text:sub(2):match "^%s*(.-)$", request, session)
  elseif text:sub(1, 1) == "!" then
    local rest = text:sub(2):match "^%s*(.-)$"
    return rest == "" and failed "!PROGRAM: which one?" or shell(rest)
  end
  local name, rest = text:match "^:%s*(%S*)%s*(.*)$"
  local found = name ~= "" and name:find "^%a" and COMMANDS[name]
  if not found then
    local near = options.nearest(name, names())
    local hint = near and ("; did you mean :%s?"):format(near) or ""
    return failed(("no command is called :%s%s"):format(name, hint), ":help lists them")
  end
  return found.run(rest, request, session)
end

--- What could stand at the cursor of a command: where it starts, and the words. Nothing where Lua
--- follows.
---@param text string
---@param pos integer
---@return integer? start
---@return { text: string, display: string, kind: string }[]? items
function M.complete(text, pos)
  local before = text:sub(1, pos)
  local items = {}
  local function add(word)
    items[#items + 1] = { text = word, display = word, kind = "command" }
  end
  local start, part = before:match "^%s*:()(%a*)$"
  if start then
    for _, name in ipairs(names()) do
      if name:sub(1, #part) == part then
        add(name)
      end
    end
    return start - 1, items
  end
  start, part = before:match "^%s*%?+%s*()([%w_.:]*)$"
  if not start then
    start, part = before:match "^%s*:help%s+()([%w_.:]*)$"
  end
  if start then
    for _, name in ipairs(reference().find(part .. "*")) do
      add(name)
    end
    return start - 1, items
  end
  start, part = before:match "^%s*:explain%s+()(%a*)$"
  if start then
    for _, word in ipairs { "on", "off" } do
      if word:sub(1, #part) == part then
        add(word)
      end
    end
    return start - 1, items
  end
end

return M
