--- An error as it is shown at the prompt: what failed, where in the user's own lines, why, and what
--- to do. Frames of the program's own modules are left out.
---
--- ```lua
--- local excerpt = require "repl.excerpt"
---
--- local shown = excerpt.of("[1]:1: attempt to index a nil value (global 'foo')", {
---   chunks = { ["[1]"] = "print(foo.bar)" },
--- })
--- assert(shown:find("1 │ print(foo.bar)\n     │       ^^^", 1, true))
--- ```
local caret = require "repl.caret"
local colour = require "view.colour"
local options = require "options"
local text = require "view.text"

local M = {}

---@class repl.excerpt.Options
---@field chunks? table<string, string> what the user has typed or loaded, by the chunk's name
---@field colour? boolean with colours; false
---@field width? integer the window's columns; 80

local KNOWN = { chunks = "table", colour = "boolean", width = "integer" }

-- A chain of causes that ends nowhere is cut, and so is a recursion's traceback.
local MOST_CAUSES, MOST_FRAMES = 6, 6

--- What the parts of an error are, whatever was raised.
---@class repl.Failure
---@field message string
---@field op? string
---@field call? string in strace's notation, with its result
---@field file? string
---@field line? integer
---@field hint? string
---@field errno? string
---@field traceback? string
---@field cause? any
---@field rows { [1]: string, [2]: string }[] further rows: a word, and its text

--- `FILE:LINE: rest`; a chunk's name may have a colon.
local function split(message)
  local file, line, rest = message:match("^([^\n]-):(%d+): (.*)$")
  if file then
    return file, math.tointeger(tonumber(line)), rest
  end
  return nil, nil, message
end

local function field(err, name, kind)
  local value = rawget(err, name)
  return type(value) == kind and value or nil
end

--- What a script raised that is no text, as it is printed.
local function no_text(value)
  if value == nil then
    return "an error without a message"
  end
  return "an error that is no text: " .. require("repl.print").value(value, { rows = 10 })
end

local function of_table(err)
  local place = field(err, "where", "table") or {}
  local message, value = rawget(err, "message"), rawget(err, "value")
  if type(message) ~= "string" then
    message = no_text(message)
  elseif type(value) == "table" or message == "nil" then
    -- What `try` has made of `error({ 1, 2 })`.
    message = no_text(value)
  end
  local found = {
    message = message,
    op = field(err, "op", "string"),
    call = field(err, "call", "string"),
    errno = field(err, "errno", "string"),
    hint = field(err, "hint", "string"),
    traceback = field(err, "traceback", "string"),
    cause = rawget(err, "cause"),
    file = field(place, "file", "string"),
    line = field(place, "line", "number"),
    rows = {},
  }
  for _, name in ipairs { "needs", "have", "notes", "see" } do
    local said = rawget(err, name)
    for _, one in ipairs(type(said) == "table" and said or { said }) do
      found.rows[#found.rows + 1] = { name == "notes" and "note" or name, tostring(one) }
    end
  end
  return found
end

--- Any error value in its parts.
---@param err any
---@return repl.Failure
function M.parts(err)
  if type(err) == "table" and rawget(err, "message") ~= nil then
    return of_table(err)
  end
  local message, traceback
  if type(err) == "string" then
    message, traceback = err:match("^(.-)\n(stack traceback:.*)$")
    message = message or err
  else
    message = no_text(err)
  end
  local file, line, rest = split(message)
  return { message = rest, file = file, line = line, traceback = traceback, rows = {} }
end

---@class repl.Excerpt
---@field out string[]
---@field chunks table<string, string>
---@field width integer
---@field colour boolean
local Excerpt = {}
Excerpt.__index = Excerpt

function Excerpt:paint(shown, name)
  return colour.paint(shown, name, self.colour)
end

--- Words in lines of so many columns. A word that is longer has a line of its own.
local function wrapped(shown, columns)
  local lines = {}
  for paragraph in (shown .. "\n"):gmatch("(.-)\n") do
    local line
    for word in text.clean(paragraph):gmatch("%S+") do
      local longer = line and line .. " " .. word
      if longer and text.width(longer) <= columns then
        line = longer
      else
        lines[#lines + 1] = line
        line = word
      end
    end
    lines[#lines + 1] = line
  end
  return lines
end

--- `    try      unshare …`, in as many lines as it takes.
function Excerpt:row(word, shown)
  for index, line in ipairs(wrapped(shown, math.max(self.width - 13, 24))) do
    local label = index == 1 and word or ""
    self.out[#self.out + 1] = "    " .. self:paint(("%-8s"):format(label), "dim") .. " " .. line
  end
end

--- The first line: what failed, and at its end where.
function Excerpt:head(failure)
  local what = failure.message
  if failure.call and failure.errno then
    local reason = what:match("= %-1 %u+ (%b())%s*$")
    what = failure.errno .. (reason and " " .. reason or "")
  end
  local op = failure.op
  -- `mount(…` names itself; `mounting …` does not.
  local named = op and what:sub(1, #op) == op and not what:find("^[%w_]", #op + 1)
  what = (op and not named and op .. ": " or "") .. what
  local place = failure.file
    and failure.line
    and not self:is_own(failure.file)
    and ("%s:%d"):format(text.clean(failure.file), failure.line)
  local lines = wrapped(what, self.width - 2)
  for index, line in ipairs(lines) do
    local mark = index == 1 and self:paint("✗", "red") .. " " or "  "
    local left = self.width - 2 - text.width(line) - text.width(place or "")
    local ending = ""
    if index == 1 and place and left >= 2 then
      ending = (" "):rep(left) .. self:paint(place, "dim")
      place = nil
    end
    self.out[#self.out + 1] = mark .. self:paint(line, index == 1 and "bold" or nil) .. ending
  end
  if place then
    self.out[#self.out + 1] = "  " .. self:paint(place, "dim")
  end
end

--- Whether a file is one of the program's own.
function Excerpt:is_own(file)
  return not self.chunks[file] and (file:find("^stdlib/") or file == "prelude") and true or false
end

local function lines_of(source)
  local lines = {}
  for line in (source .. "\n"):gmatch("(.-)\r?\n") do
    lines[#lines + 1] = line
  end
  return lines
end

--- A source line within the window, and where a piece of it stands then.
function Excerpt:window(line, from, to)
  local room = self.width - 7
  local head = text.clean((line:sub(1, from - 1):gsub("\t", "  ")))
  local mark = text.clean(line:sub(from, to))
  local whole = text.clean((line:gsub("\t", "  ")))
  local column, width = text.width(head), math.max(text.width(mark), 1)
  if text.width(whole) > room and column + width > room - 1 then
    -- What is marked stays in sight: the beginning is left out.
    local cut = column + width - room + 4
    local at, taken = 1, 0
    while taken < cut and at <= #whole do
      local after = utf8.offset(whole, 2, at)
      taken = taken + text.width(whole:sub(at, after - 1))
      at = after
    end
    whole, column = "…" .. whole:sub(at), column - taken + 1
  end
  return text.fit(whole, room), column, math.min(width, room - column)
end

--- The source line with a mark below, and the line before it.
function Excerpt:source(failure)
  local source = failure.file and self.chunks[failure.file]
  if not source or not failure.line then
    return
  end
  local lines = lines_of(source)
  local at, from, to = caret.find(lines, failure)
  local before = lines[at - 1]
  if not lines[at] then
    return
  elseif before and before:find("%S") then
    local shown = text.fit(text.clean((before:gsub("\t", "  "))), self.width - 7)
    self.out[#self.out + 1] = self:paint(("%4d │ %s"):format(at - 1, shown), "dim")
  end
  local shown, column, width = self:window(lines[at], from or 1, to or 0)
  self.out[#self.out + 1] = self:paint(("%4d │ "):format(at), "dim") .. shown
  if from then
    local mark = (" "):rep(column) .. self:paint(("^"):rep(width), "red")
    self.out[#self.out + 1] = self:paint("     │ ", "dim") .. mark
  end
end

--- Where the failing line was called from: the user's own frames.
function Excerpt:frames(failure)
  local count, first = 0, ("%s:%d"):format(failure.file or "", failure.line or 0)
  for line in (failure.traceback or ""):gmatch("[^\n]+") do
    local file, number = line:match("^%s*(.-):(%d+): in ")
    local place = file and ("%s:%s"):format(file, number)
    if file and not self:is_own(file) and not line:find("^%s*%[C%]") then
      if place ~= first then
        count = count + 1
        if count > MOST_FRAMES then
          return self:row("from", "…")
        end
        local source = self.chunks[file] and lines_of(self.chunks[file])[tonumber(number)]
        local shown = source and "  " .. source:gsub("^%s+", "") or ""
        shown = text.fit(text.clean(place .. shown), self.width - 13)
        self:row("from", shown)
      end
      first = place
    end
  end
end

--- What the errors below this one say, each in a row.
function Excerpt:causes(failure)
  local seen, cause = {}, failure.cause
  while cause ~= nil and not seen[cause] do
    seen[cause] = true
    seen.count = (seen.count or 0) + 1
    if seen.count > MOST_CAUSES then
      return self:row("because", "…")
    end
    local below = M.parts(cause)
    local op = below.op and not below.message:find(below.op, 1, true) and below.op .. ": " or ""
    self:row("because", op .. below.message)
    if below.hint then
      self:row("try", below.hint)
    end
    cause = below.cause
  end
end

--- What this process has of the capability that a refused call needs.
local function have_of(needs)
  local wanted = needs:match("CAP_([%u_]+)")
  local status = wanted and try(proc_status, nil, { fields = { "cap_eff_names" } })
  local names = type(status) == "table" and status.cap_eff_names
  if not names then
    return nil
  end
  for _, name in ipairs(names) do
    if name == wanted:lower() then
      return ("CAP_%s, in its own user namespace; another may own the object"):format(wanted)
    end
  end
  local count = #names == 0 and "no capability" or ("%d capabilities, not this one"):format(#names)
  return count
end

--- What the table of primitives says of one that was not allowed.
local function known_of(op)
  local ok, reference = pcall(require, "reference")
  local entry = ok and reference.primitive(op)
  return entry or nil
end

function Excerpt:help(failure)
  local given = {}
  for _, row in ipairs(failure.rows) do
    given[row[1]] = true
    self:row(row[1], row[2])
  end
  local entry = failure.op and known_of(failure.op)
  local refused = failure.errno == "EPERM" or failure.errno == "EACCES"
  if entry and refused and not given.needs and entry.needs ~= "" then
    self:row("needs", entry.needs)
    local have = not given.have and have_of(entry.needs)
    if have then
      self:row("have", have)
    end
  end
  if failure.hint then
    self:row("try", failure.hint)
  end
  self:causes(failure)
  if entry and not given.see then
    local pages = { "?" .. entry.name }
    for _, call in ipairs(entry.syscalls) do
      local name, section = call:match("^([%w_]+)%((%d)%)$")
      pages[#pages + 1] = name and #pages < 4 and ("man %s %s"):format(section, name) or nil
    end
    self:row("see", table.concat(pages, " · "))
  end
end

--- An error as text, without a line's end after the last line.
---@param err any an error object, a text as Lua raises it, or any other value
---@param given? repl.excerpt.Options
---@return string
function M.of(err, given)
  given = options.check("repl.excerpt", given, KNOWN)
  local self = setmetatable({
    out = {},
    chunks = given.chunks or {},
    width = math.max(given.width or 80, 40),
    colour = given.colour == true,
  }, Excerpt)
  local failure = M.parts(err)
  self:head(failure)
  if failure.call then
    self:row("syscall", failure.message)
  end
  self:help(failure)
  self:source(failure)
  self:frames(failure)
  return table.concat(self.out, "\n")
end

return M
