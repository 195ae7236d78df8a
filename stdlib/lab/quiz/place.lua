--- Where the functions of a question run: in a process of their own each, with a deadline, and all
--- that they start ends with it.
---
--- ```lua
--- local place = require "lab.quiz.place"
---
--- local here <close> = place.open { deadline = "10s" }
--- assert(here:run(function(t) return #t.token end) == 12)
--- local nothing, reason, errno = here:run(function() read_file "/" end)
--- assert(not nothing and reason and errno == "EISDIR")
--- ```
local M = {}

local DEADLINE = "10s"

---@class lab.Place
---@field t { dir: string, token: string, prefix: string, given: table }
local Place = {}
Place.__index = Place

local function word(length)
  local source <close> = open("/dev/urandom")
  local text = source:read(length)
  return (text:gsub(".", function(byte)
    return ("%x"):format(byte:byte() % 16)
  end))
end

--- A function in a process with its warden, and what it says first.
local function start(self, body)
  local warden = require "scenario.warden"
  local kept = warden.start(function(say)
    local value, err = try(function()
      return { value = body(self.t) }
    end)
    say(value or {
      failed = type(err) == "table" and err.message or tostring(err),
      errno = type(err) == "table" and err.errno or nil,
    })
  end, { quiet = true })
  local message
  repeat
    message = kept:listen(self.deadline)
  until not message or not message.pid
  if message and message.ended then
    local how = message.ended
    local words = how.signal and "was killed by " .. how.signal or "ended with " .. how.code
    message = { failed = "its process " .. words, signal = how.signal }
  end
  return kept, message or { failed = "it did not end within " .. self.deadline }
end

--- Runs a function to its end: what it answers; or nil, why it failed, and the error's or the
--- signal's name.
---@param body fun(t: table): any
---@return any value
---@return string? reason
---@return string? errno
function Place:run(body)
  local kept, message = start(self, body)
  kept:close()
  if message.failed then
    return nil, message.failed, message.errno or message.signal
  end
  return message.value
end

--- Runs a function whose process then stays, with all that it has started, until this closes: what
--- it answers becomes `t.given`.
---@param body fun(t: table): table?
---@return table? given
---@return string? reason
function Place:stay(body)
  local kept, message = start(self, body)
  if message.failed then
    kept:close()
    return nil, message.failed
  end
  self.kept[#self.kept + 1] = kept
  self.t.given = message.value or {}
  return self.t.given
end

--- Ends all of it.
function Place:close()
  for _, kept in ipairs(self.kept) do
    kept:close()
  end
  self.kept = {}
  self.dir:close()
end
Place.__close = Place.close

--- A place for one question.
---@param question { deadline?: string }
---@return lab.Place
function M.open(question)
  local dir = temp_dir()
  return setmetatable({
    dir = dir,
    kept = {},
    deadline = question.deadline or DEADLINE,
    t = { dir = dir.path, token = word(12), prefix = "lq" .. word(6), given = {} },
  }, Place)
end

return M
