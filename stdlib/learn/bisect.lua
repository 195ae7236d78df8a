--- Which capabilities a command needs, found out by running it without them.
---
--- The kernel tells nobody which capability it has asked for, but a run that ends as it did with
--- all of them has needed none of those that were missing. So the command is run again and again:
--- it must end alike each time, and do no harm by being repeated. "Alike" is the exit status.
---
--- ```lua
--- local bisect = require "learn.bisect"
---
--- if proc_status().uid.effective == 0 then
---   local needed, runs = bisect.find({ "true" }, {}, { spawn = { stdout = "null" } })
---   assert(#needed == 0 and runs == 2)
--- end
--- ```
local options = require "options"

local M = {}

local function run(command, keep, given)
  local how = { stdin = "null" }
  for key, value in pairs(given.spawn or {}) do
    how[key] = value
  end
  local child <close> = spawn(how, function()
    if given.setup then
      given.setup()
    end
    drop_caps { keep = keep }
    no_new_privs()
    exec(command)
  end)
  local ok, result = pcall(child.wait, child)
  if not ok then
    -- It could not even be started without them.
    return type(result) == "table" and tostring(result.errno) or "failed"
  end
  return result.signal or tostring(result.code)
end

local function without(list, from, count)
  local kept = {}
  for index, name in ipairs(list) do
    kept[#kept + 1] = (index < from or index >= from + count) and name or nil
  end
  return kept
end

--- The least set that the command ends alike with, as far as leaving out one after the other tells.
---@param command string[]
---@param guess string[] what is tried first: what was inferred
---@param given? { spawn?: table, setup?: fun() }
---@return string[] needed sorted
---@return integer runs how often it was run
function M.find(command, guess, given)
  given = options.check("learn.bisect", given, { spawn = "table", setup = "function" })
  local all, runs = proc_status().cap_prm_names, 0
  local function ends(keep)
    runs = runs + 1
    return run(command, keep, given)
  end
  local wanted = ends(all)
  local list = all
  if ends(guess) == wanted then
    list = guess
  end
  -- Halves first, then single ones: most are needed by nobody.
  local size = math.max(1, #list // 2)
  while #list > 0 do
    local from, taken = 1, false
    while from <= #list do
      local less = without(list, from, size)
      if ends(less) == wanted then
        list, taken = less, true
      else
        from = from + size
      end
    end
    if size == 1 and not taken then
      break
    end
    size = math.max(1, size // 2)
  end
  local needed = table.move(list, 1, #list, 1, {})
  table.sort(needed)
  return needed, runs
end

return M
