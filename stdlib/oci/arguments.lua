--- Reads a command line by the definitions of `oci.commands`.
---
--- Options may stand before and after operands, as `--name VALUE` or `--name=VALUE`, as
--- `-n VALUE` or `-nVALUE`; letters of flags may stand together. `--` ends them. What a wrong word
--- raises is an error object with the field `usage`.
---
--- ```lua
--- local arguments = require "oci.arguments"
--- local commands = require "oci.commands"
---
--- local words = { "box", "-te", "A=1", "--cwd=/tmp", "--", "sh", "-c", "--help" }
--- local options, operands = arguments.read(words, commands.get("exec"))
--- assert(options.tty and options.env[1] == "A=1" and options.cwd == "/tmp")
--- assert(table.concat(operands, " ") == "box sh -c --help")
---
--- local _, err = try(arguments.read, { "--bundel", "/b", "box" }, commands.get("create"))
--- assert(err.message == "--bundel is no option" and err.hint == "did you mean --bundle?")
--- ```
local M = {}

--- Raises what is wrong with the command line.
---@param message string
---@param hint? string
function M.fail(message, hint)
  error({ message = message, hint = hint, usage = true }, 0)
end

-- Values, by the name that stands for them in the definitions: what they become, or nil.
local KINDS = {}

function KINDS.N(text)
  return text:find("^%d+$") and math.tointeger(tonumber(text)), "a whole number from 0 on"
end

function KINDS.NUMBER(text)
  return text:find("^[-+]?%d+$") and math.tointeger(tonumber(text)), "a whole number"
end

local POWERS = { [""] = 0, k = 10, m = 20, g = 30, t = 40, p = 50 }

function KINDS.SIZE(text)
  local number, unit = text:lower():match("^([-+]?%d+%.?%d*) ?([kmgtp]?)i?b?$")
  local bytes = tonumber(number)
  if bytes and bytes >= 0 then
    -- As a float first: what is too large for an integer must not come out small.
    bytes = bytes * 2.0 ^ POWERS[unit] // 1
  elseif bytes ~= -1 then
    bytes = nil
  end
  return bytes and math.tointeger(bytes), "bytes such as 64M, or -1"
end

local SECONDS = { h = 3600, m = 60, s = 1, ms = 1e-3, us = 1e-6, ["µs"] = 1e-6, ns = 1e-9 }

function KINDS.TIME(text)
  local sum = tonumber(text:match("^%d+%.?%d*$"))
  local rest = not sum and text or ""
  while rest ~= "" do
    local number, unit, more = rest:match("^(%d*%.?%d*)([^%d.]+)(.*)$")
    number = tonumber(number)
    if not number or not SECONDS[unit] then
      return nil, "a time such as 500ms or 1m30s"
    end
    sum, rest = (sum or 0) + number * SECONDS[unit], more
  end
  return sum, "a time such as 500ms or 1m30s"
end

local function choice(option, text)
  for _, word in ipairs(option.choices) do
    if word == text then
      return text
    end
  end
  return nil, table.concat(option.choices, " or ")
end

--- The value of an option out of its text.
local function value_of(option, written, text)
  local value, wanted = text, nil
  if option.choices then
    value, wanted = choice(option, text)
  elseif KINDS[option.value] then
    value, wanted = KINDS[option.value](text)
  end
  if not value then
    M.fail(("invalid value %q for %s: expected %s"):format(text, written, wanted))
  end
  return value
end

local FLAGS = { ["true"] = true, ["1"] = true, ["false"] = false, ["0"] = false }

local function set(options, option, written, text)
  if not option.value then
    local on = FLAGS[text]
    if on == nil then
      M.fail(("%s is a flag, it takes no %q"):format(written, text))
    end
    options[option.key] = on or nil
    return
  end
  local value = value_of(option, written, text)
  if option.list then
    local list = options[option.key] or {}
    list[#list + 1] = value
    value = list
  end
  options[option.key] = value
end

--- Says which option may have been meant.
local function unknown(written, name, known, global)
  local names = {}
  for index, option in ipairs(known) do
    names[index] = option.name
  end
  local other = global and global[name:gsub("-", "_")]
  local near = require("options").nearest(name, names)
  local hint = other and ("--%s stands before the command"):format(name)
    or near and ("did you mean --%s?"):format(near)
  M.fail(written .. " is no option", hint or nil)
end

---@class oci.Reader a walk through the words of a command line
---@field words string[]
---@field at integer
---@field known oci.Option[]
---@field options table
---@field global? oci.Option[] for hints
local Reader = {}
Reader.__index = Reader

--- The word after an option that needs a value.
function Reader:following(written)
  self.at = self.at + 1
  return self.words[self.at] or M.fail(written .. " needs a value")
end

function Reader:long(word)
  local name, joined = word:match("^%-%-([^=]+)=?(.*)$")
  local option = self.known[name:gsub("-", "_")]
  if not option or option.name ~= name then
    unknown("--" .. name, name, self.known, self.global)
  end
  local given = word:find("=", 1, true) and joined
  local text = given or (option.value and self:following("--" .. name) or "true")
  set(self.options, option, "--" .. name, text)
end

--- Letters that stand together; one with a value takes the rest of the word, or the next.
function Reader:letters(word)
  local index = 2
  while index <= #word do
    local letter, found = word:sub(index, index), nil
    for _, option in ipairs(self.known) do
      found = option.letter == letter and option or found
    end
    if not found then
      unknown("-" .. letter, word:sub(2), self.known, self.global)
    elseif not found.value then
      set(self.options, found, "-" .. letter, "true")
    else
      local rest = word:sub(index + 1):gsub("^=", "")
      local text = index < #word and rest or self:following("-" .. letter)
      set(self.options, found, "-" .. letter, text)
      return
    end
    index = index + 1
  end
end

--- How many operands there must be, and how many there may be.
local function bounds(command, options)
  local needed = command.operands:gsub("%[.*$", "")
  local _, least = needed:gsub("%S+", "")
  local _, most = command.operands:gsub("%S+", "")
  if command.either and not options[command.either] then
    least = least + 1
  end
  return least, command.raw and math.huge or most
end

local function check_operands(command, options, operands)
  local least, most = bounds(command, options)
  if #operands < least then
    local word, index = nil, 0
    for name in command.operands:gmatch("[^%s%[%]]+") do
      index = index + 1
      word = index == #operands + 1 and name or word
    end
    local hint = command.either and ("or --%s FILE"):format(command.either)
    M.fail(("%s is missing"):format(word), #operands > 0 and hint or nil)
  elseif #operands > most then
    M.fail(("%q is one word too many"):format(operands[most + 1]))
  end
  local only = command.operands:find("|", 1, true) and M.choices(command.operands)
  if only then
    value_of({ choices = only }, "the shell", operands[1])
  end
end

--- The words of `a|b|c`.
function M.choices(text)
  local list = {}
  for word in text:gmatch("[^|]+") do
    list[#list + 1] = word
  end
  return list
end

--- Reads the options that stand before a command.
---@param words string[]
---@param known oci.Option[]
---@param options table is filled, as far as the words can be read
---@return integer at where the command stands
function M.global(words, known, options)
  local reader = setmetatable({ words = words, at = 1, known = known, options = options }, Reader)
  while reader.words[reader.at] do
    local word = reader.words[reader.at]
    if word:find("^%-%-.") then
      reader:long(word)
    elseif word:find("^%-.") then
      reader:letters(word)
    else
      break
    end
    reader.at = reader.at + 1
  end
  return reader.at
end

--- Reads the options and operands of a command.
---@param words string[]
---@param command table a definition, see `oci.commands`
---@param at? integer the first word; 1 without it
---@param global? oci.Option[] options that stand before the command, for a hint
---@return table options
---@return string[] operands
function M.read(words, command, at, global)
  local known = command.options
  local reader = setmetatable(
    { words = words, at = at or 1, known = known, options = {}, global = global },
    Reader
  )
  local operands, ended = {}, false
  while reader.words[reader.at] do
    local word = reader.words[reader.at]
    local raw = command.raw and #operands >= command.raw
    if word == "--" and not ended and not raw then
      ended = true
    elseif ended or raw or not word:find("^%-.") then
      operands[#operands + 1] = word
    elseif word:find("^%-%-") then
      reader:long(word)
    else
      reader:letters(word)
    end
    reader.at = reader.at + 1
  end
  if not reader.options.help then
    check_operands(command, reader.options, operands)
  end
  return reader.options, operands
end

return M
