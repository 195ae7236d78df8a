--- What a learner may pick from: a list in an order of its own each time, with a letter each.
---
--- A letter is what is read on the screen; the thing's key, a word, is what stays the same from run
--- to run, so either is an answer.
---
--- ```lua
--- local letters = require "lab.quiz.letters"
---
--- local list = letters.of({ { "host", "the host's" }, { "own", "one of its own" } }, 1)
--- assert(list:one("own") == "own")
--- assert(list:one(list:letter("own")) == "own")
--- assert(not list:one("neither"))
--- ```
local options = require "options"

local M = {}

-- More than there are letters is more than anybody reads.
M.MOST = 26

---@class lab.Letters
---@field items { [1]: string, [2]: string }[] in the order that is shown
local Letters = {}
Letters.__index = Letters

--- A list in an order that the seed decides; 0 leaves it as it is.
---@generic T
---@param list T[]
---@param seed integer
---@return T[]
function M.shuffle(list, seed)
  local shuffled = table.move(list, 1, #list, 1, {})
  if seed == 0 then
    return shuffled
  end
  -- Knuth's MMIX numbers: the sequence is the same on every machine, math.random's need not be.
  local state = seed
  for index = #shuffled, 2, -1 do
    state = state * 6364136223846793005 + 1442695040888963407
    local other = (state >> 33) % index + 1
    shuffled[index], shuffled[other] = shuffled[other], shuffled[index]
  end
  return shuffled
end

--- The list to pick from; each item is a key and a text.
---@param items { [1]: string, [2]: string }[]
---@param seed integer see `shuffle`
---@return lab.Letters
function M.of(items, seed)
  return setmetatable({ items = M.shuffle(items, seed) }, Letters)
end

local function letter(index)
  return string.char(("a"):byte() + index - 1)
end

--- The letter of a key.
---@param key string
---@return string?
function Letters:letter(key)
  for index, item in ipairs(self.items) do
    if item[1] == key then
      return letter(index)
    end
  end
end

--- The lines that show the list.
---@return string
function Letters:text()
  local lines = {}
  for index, item in ipairs(self.items) do
    lines[index] = ("  %s  %s"):format(letter(index), (item[2]:gsub("\n", "\n     ")))
  end
  return table.concat(lines, "\n")
end

--- The key that a word means; nil and why where it means none.
---@param word string
---@return string? key
---@return string? reason
function Letters:one(word)
  word = word:match "^%s*(.-)%s*$"
  if #word == 1 then
    local item = self.items[word:lower():byte() - ("a"):byte() + 1]
    if item then
      return item[1]
    end
  end
  local keys = {}
  for index, item in ipairs(self.items) do
    if item[1]:lower() == word:lower() then
      return item[1]
    end
    keys[index] = item[1]
  end
  local near = options.nearest(word, keys)
  local meant = near and ("; did you mean %s?"):format(near) or ""
  local last = letter(#self.items)
  return nil, ("%q is none of a to %s%s"):format(word, last, meant)
end

--- The keys that a line means: words or letters, apart or, where all are letters, together.
---@param line string
---@return string[]? keys
---@return string? reason
function Letters:several(line)
  local words = {}
  for word in line:gmatch "[^%s,]+" do
    words[#words + 1] = word
  end
  if #words == 1 and #words[1] > 1 and not self:one(words[1]) then
    local apart = {}
    for each in words[1]:gmatch "." do
      apart[#apart + 1] = each
    end
    words = apart
  end
  local keys, seen = {}, {}
  for index, word in ipairs(words) do
    local key, reason = self:one(word)
    if not key then
      return nil, reason
    elseif seen[key] then
      return nil, ("%s is there twice"):format(word)
    end
    keys[index], seen[key] = key, true
  end
  if #keys == 0 then
    return nil, "nothing was picked"
  end
  return keys
end

return M
