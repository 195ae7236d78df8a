--- The learner's starting file of each level of exercise 4: the runtime with what earlier levels
--- have added, and a TODO for the rest.
---
--- It is cut out of `lab/ex4/runtime.lua`, which is whole, runs, and is tested; so a starting file
--- can never differ from what the exercise ends in. Comments in there say what belongs to which
--- level: `-- [ID] what is to do` … `-- [/ID]` is a level's, `--| code` in it stands there until
--- the level is done, and `--|OTHER code` until another one is.
---
--- ```lua
--- local skeleton = require "lab.ex4.skeleton"
---
--- assert(skeleton.text("pid1"):find("TODO pid1"))
--- assert(not skeleton.text():find("TODO"))
--- ```
local reference = require "reference"

local M = {}

--- The levels, in the order in which they are done.
M.LEVELS = {
  "pid1",
  "root",
  "status",
  "orphans",
  "stdio",
  "limits",
  "network",
  "cleanup",
  "lifecycle",
}

--- What is done before a level; everything without one, the solution's own check too.
local function done_before(level)
  local done = { check = not level }
  for _, id in ipairs(M.LEVELS) do
    if id == level then
      break
    end
    done[id] = true
  end
  return done
end

--- The program with these levels done.
---@param done table<string, boolean?>
---@return string
function M.of(done)
  local out, section = {}, nil
  for line in reference.source("lab.ex4.runtime"):gmatch("([^\n]*)\n") do
    local indent, id, todo = line:match("^(%s*)%-%- %[(%w+)%]%s*(.*)$")
    local margin, other, code = line:match("^(%s*)%-%-|(%w*) (.*)$")
    if id then
      section = id
      if not done[id] and todo ~= "" then
        out[#out + 1] = ("%s-- TODO %s: %s"):format(indent, id, todo)
      end
    elseif line:find("^%s*%-%- %[/%w+%]$") then
      section = nil
    elseif code then
      -- A level's own alternative, or one that waits for another level.
      local wanted = other == "" and not done[section]
      if wanted or other ~= "" and done[section] and not done[other] then
        out[#out + 1] = margin .. code
      end
    elseif not section or done[section] then
      out[#out + 1] = line
    end
  end
  -- What was left out leaves its empty lines.
  return (table.concat(out, "\n"):gsub("\n\n\n+", "\n\n")) .. "\n"
end

--- What a level adds to the program, place by place.
---@param level string
---@return string
function M.added(level)
  local out, inside = {}, false
  for line in reference.source("lab.ex4.runtime"):gmatch("([^\n]*)\n") do
    local id, todo = line:match("^%s*%-%- %[(%w+)%]%s*(.*)$")
    if id then
      inside = id == level
      out[#out + 1] = inside and todo ~= "" and "-- TODO " .. level .. ": " .. todo or nil
    elseif line:find("^%s*%-%- %[/%w+%]$") then
      inside = false
    elseif inside and not line:find("^%s*%-%-|") then
      out[#out + 1] = line
    end
  end
  return table.concat(out, "\n")
end

--- The starting file of a level; the whole program without one.
---@param level? string
---@return string
function M.text(level)
  return M.of(done_before(level))
end

--- The whole program but for some levels: what somebody has who has left them out.
---@param ... string
---@return string
function M.without(...)
  local done = done_before()
  for _, id in ipairs { "check", ... } do
    done[id] = nil
  end
  return M.of(done)
end

return M
