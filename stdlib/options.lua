--- Option tables, checked as those of the primitives are: an unknown key or a wrong type fails
--- before anything is done, and says what was meant.
---
--- ```lua
--- local options = require "options"
---
--- local given = options.check("box.new", { name = "web" }, { name = "string", memory = "string" })
--- assert(given.name == "web")
---
--- local _, err = try(options.check, "box.new", { memori = "1G" }, { memory = "string" })
--- assert(err.message:find("did you mean 'memory'?", 1, true))
--- ```
---
--- ```lua
--- local options = require "options"
---
--- assert(options.nearest("memori", { "memory", "cpu" }) == "memory")
--- assert(options.keys({ b = 1, a = 2 })[1] == "a")
--- options.expect("box.new", "memory", "64M", { "string", "integer" })
--- local _, err = try(options.fail, "box.new", "no room", "make some")
--- assert(err.op == "box.new" and err.hint == "make some")
--- ```
local M = {}

--- Raises the error object `{ op, message, hint }`; its place is the script's line.
---@param op string the function that was called, as its user writes it
---@param message string what is wrong, with what
---@param hint? string what to do
---@param cause? any the error that led to this one
function M.fail(op, message, hint, cause)
  error({ op = op, message = message, hint = hint, cause = cause }, 0)
end

--- A value, and where it is a table, a table of its own with all that is below.
---
--- ```lua
--- local options = require "options"
---
--- local given = { volumes = { "/usr:/usr:ro" } }
--- local mine = options.copy(given)
--- mine.volumes[1] = nil
--- assert(given.volumes[1] == "/usr:/usr:ro")
--- ```
---@generic T
---@param value T
---@return T
function M.copy(value)
  if type(value) ~= "table" then
    return value
  end
  local made = {}
  for key, item in pairs(value) do
    made[key] = M.copy(item)
  end
  return made
end

--- How many single changes lie between two words (optimal string alignment).
local function distance(a, b)
  local before, row = {}, {}
  for column = 0, #b do
    row[column] = column
  end
  for line = 1, #a do
    local older = before
    before, row = row, { [0] = line }
    for column = 1, #b do
      local same = a:byte(line) == b:byte(column) and 0 or 1
      row[column] = math.min(before[column] + 1, row[column - 1] + 1, before[column - 1] + same)
      local swapped = a:byte(line) == b:byte(column - 1) and a:byte(line - 1) == b:byte(column)
      if line > 1 and column > 1 and swapped then
        row[column] = math.min(row[column], older[column - 2] + 1)
      end
    end
  end
  return row[#b]
end

--- The word of a list that is most like another, where one is near enough to be meant.
---@param word string what was written
---@param words string[] what there is
---@return string?
function M.nearest(word, words)
  local best, least
  for _, known in ipairs(words) do
    local steps = distance(word, known)
    if steps <= math.max(1, #known // 3) and (not least or steps < least) then
      best, least = known, steps
    end
  end
  return best
end

--- The keys of a table, sorted.
---@param map table
---@return string[]
function M.keys(map)
  local list = {}
  for key in pairs(map) do
    list[#list + 1] = tostring(key)
  end
  table.sort(list)
  return list
end

local function is_list(value)
  if type(value) ~= "table" then
    return false
  end
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > #value then
      return false
    end
  end
  return true
end

--- Whether a value is what one type word says.
local function fits(value, word)
  if word:sub(1, 1) == "=" then
    return type(value) == "string"
      and ("|" .. word:sub(2) .. "|"):find("|" .. value .. "|", 1, true)
  elseif word == "integer" then
    return math.type(value) == "integer"
  elseif word == "list" then
    return is_list(value)
  elseif word == "any" then
    return true
  end
  return type(value) == word
end

local function show(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  end
  return type(value) == "table" and "a table" or tostring(value)
end

--- Fails where a value is not what the type words say.
---@param op string the function that was called
---@param name string what the value is called
---@param value any
---@param words string|string[] type words; see `check`
function M.expect(op, name, value, words)
  words = type(words) == "table" and words or { words }
  for _, word in ipairs(words) do
    if fits(value, word) then
      return
    end
  end
  local expected, allowed = {}, {}
  for _, word in ipairs(words) do
    local choice = word:match("^=(.*)")
    for one in (choice or ""):gmatch("[^|]+") do
      allowed[#allowed + 1] = one
      expected[#expected + 1] = ('"%s"'):format(one)
    end
    expected[#expected + 1] = not choice and word or nil
  end
  local near = type(value) == "string" and M.nearest(value, allowed)
  local hint = near and ("did you mean %q?"):format(near) or nil
  local wanted = table.concat(expected, " or ")
  M.fail(op, ("%s: expected %s, got %s"):format(name, wanted, show(value)), hint)
end

--- Checks a table of options. A type word is "string", "integer", "number", "boolean", "table",
--- "function", "list", "any", or "=a|b" for one of some words; a list of type words allows each.
---@param op string the function that was called
---@param given? table what its user wrote; nil is an empty table
---@param known table<string, string|string[]> which keys there are, and what their values may be
---@return table given
function M.check(op, given, known)
  if given == nil then
    return {}
  end
  if type(given) ~= "table" then
    M.fail(op, ("expected a table of options, got %s"):format(show(given)))
  end
  for key, value in pairs(given) do
    local words = known[key]
    if not words then
      local near = type(key) == "string" and M.nearest(key, M.keys(known))
      local hint = near and ("; did you mean '%s'?"):format(near) or ""
      M.fail(op, ("no option is called '%s'%s"):format(tostring(key), hint))
    end
    M.expect(op, key, value, words)
  end
  return given
end

return M
