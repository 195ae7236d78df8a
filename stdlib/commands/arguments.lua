--- The arguments of a command such as `crun-lua ps`: options in any order, long and short.
---
--- A wrong option answers status 2 with the usage on standard error, as the program's own do; what
--- fails later answers 1, with a hint where there is one.
---
--- ```lua
--- local arguments = require "commands.arguments"
---
--- local given = arguments.parse({ "-a", "--sort=cpu", "web" }, {
---   name = "crun-lua ps",
---   usage = "usage: crun-lua ps [-a] [--sort KEY] [NAME]",
---   flags = { "all" },
---   values = { "sort" },
---   short = { a = "all" },
---   most = 1,
--- })
--- assert(given.all and given.sort == "cpu" and given[1] == "web")
--- ```
local options = require "options"
local text = require "view.text"

local M = {}

---@class commands.Spec
---@field name string the command as its user writes it
---@field usage string printed by --help, and after a wrong option
---@field flags? string[] options without a value
---@field values? string[] options with one
---@field short? table<string, string> the long name of each letter
---@field most? integer how many words that are no options there may be; none

local function lists(words, word)
  for _, other in ipairs(words or {}) do
    if other == word then
      return true
    end
  end
  return false
end

--- What is wrong with an option that is not known.
local function unknown(spec, name)
  local known = table.move(spec.flags or {}, 1, #(spec.flags or {}), 1, {})
  table.move(spec.values or {}, 1, #(spec.values or {}), #known + 1, known)
  local near = options.nearest(name, known)
  return ("--%s is no option%s"):format(name, near and ("; did you mean --%s?"):format(near) or "")
end

--- Takes one long option; answers how many words it took, or what is wrong.
local function long(spec, given, name, value, following)
  if lists(spec.flags, name) then
    if value then
      return nil, ("--%s takes no value"):format(name)
    end
    given[name] = true
    return 1
  elseif lists(spec.values, name) then
    if not value and not following then
      return nil, ("--%s needs a value"):format(name)
    end
    given[name] = value or following
    return value and 1 or 2
  end
  return nil, unknown(spec, name)
end

--- Takes letters that stand together: `-aq`.
local function short(spec, given, letters)
  for letter in letters:gmatch(".") do
    local name = (spec.short or {})[letter]
    if not name then
      return nil, ("-%s is no option"):format(letter)
    end
    given[name] = true
  end
  return 1
end

local function walk(args, spec)
  local given, index = {}, 1
  while args[index] do
    local word, taken, reason = args[index], 1, nil
    local name, value = word:match("^%-%-([^=]+)=?(.*)$")
    if word == "--" then
      table.move(args, index + 1, #args, #given + 1, given)
      break
    elseif name then
      value = word:find("=", 1, true) and value or nil
      taken, reason = long(spec, given, name, value, args[index + 1])
    elseif word:find("^%-.") then
      taken, reason = short(spec, given, word:sub(2))
    else
      given[#given + 1] = word
    end
    if not taken then
      return nil, reason
    end
    index = index + taken
  end
  local most = spec.most or 0
  if #given > most then
    return nil, ("%q is one word too many"):format(given[most + 1])
  end
  return given
end

--- The options by their long names, and the other words as a list.
---@param args string[]
---@param spec commands.Spec
---@return table? given nil where there is nothing more to do
---@return integer? status what the command then answers
function M.parse(args, spec)
  for _, word in ipairs(args) do
    if word == "--" then
      break
    elseif word == "--help" or word == "-h" then
      io.write(spec.usage, "\n")
      return nil, 0
    end
  end
  local given, reason = walk(args, spec)
  if not given then
    return nil, M.refuse(spec, reason)
  end
  return given
end

--- Says what is wrong with the arguments; answers the status for it.
---@param spec commands.Spec
---@param reason string
---@return integer status
function M.refuse(spec, reason)
  io.stderr:write(("%s: %s\n%s\n"):format(spec.name, reason, spec.usage))
  return 2
end

--- Says why a command could not be done, and what to do about it; answers the status for it.
---@param name string the command as its user writes it
---@param err any what `try` has answered
---@return integer status
function M.fail(name, err)
  io.stderr:write(name, ": ", text.clean(tostring(err.message or err)), "\n")
  io.stderr:write(err.hint and "  hint: " .. text.clean(err.hint) .. "\n" or "")
  return 1
end

return M
