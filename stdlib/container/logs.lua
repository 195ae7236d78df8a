--- The output of detached containers: written by the monitor, read by anybody.
---
--- One line of output is one line of the file, in the form of Kubernetes' container logs: the time,
--- the stream, F for a whole line or P for a part of one, and the text.
---
--- ```text
--- 2026-01-31T12:00:00.123456Z stdout F hello
--- ```
---
--- ```lua
--- local logs = require "container.logs"
---
--- local row = logs.parse("2026-01-31T12:00:00.123456Z stderr F it is late")
--- assert(row.stream == "stderr" and row.text == "it is late" and not row.partial)
--- ```
local options = require "options"
local state = require "container.state"
local units = require "view.units"

local M = {}

---@class container.LogRow
---@field time string
---@field stream "stdout"|"stderr"
---@field text string
---@field partial? boolean the rest of the line follows

--- A line of the file; nil for one that was cut off.
---@param line string
---@return container.LogRow?
function M.parse(line)
  local time, stream, tag, rest = line:match("^(%S+) (std%a+) ([FP]) (.*)$")
  if not time then
    return nil
  end
  return { time = time, stream = stream, text = rest, partial = tag == "P" or nil }
end

local function now()
  local time = clock("realtime")
  local whole = math.floor(time)
  return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%06dZ"):format((time - whole) * 1000000 // 1)
end

local function path_of(name, number)
  return state.dir(name) .. "/log" .. (number and "." .. number or "")
end

local Writer = {}
Writer.__index = Writer

--- Opens a container's log for its owner.
---@param name string
---@param how { max_size: string?, max_files: integer? }
function M.writer(name, how)
  local self = setmetatable({
    name = name,
    max_size = units.bytes(how.max_size or "10M"),
    max_files = how.max_files or 3,
  }, Writer)
  self:open()
  return self
end

function Writer:open()
  local dir <close> = rootfs_open(state.dir(self.name))
  self.fd = dir:open("/log", { write = true, append = true, create = true, mode = "0600" })
  self.size = dir:stat("/log").size
end

--- The full file becomes log.1, log.1 becomes log.2, and the oldest goes.
function Writer:rotate()
  self.fd:close()
  for number = self.max_files - 1, 1, -1 do
    local from = path_of(self.name, number > 1 and number - 1 or nil)
    if stat(from) then
      rename(from, path_of(self.name, number))
    end
  end
  if self.max_files <= 1 then
    remove(path_of(self.name))
  end
  self:open()
end

---@param line string
---@param stream string
---@param whole boolean
function Writer:write(line, stream, whole)
  local row = ("%s %s %s %s\n"):format(now(), stream, whole and "F" or "P", line)
  if self.size > 0 and self.size + #row > self.max_size then
    self:rotate()
  end
  -- A full disk must not end the container: what does not fit is lost.
  if try(function()
    self.fd:write(row)
    return true
  end) then
    self.size = self.size + #row
  end
end

function Writer:close()
  self.fd:close()
end

local KNOWN = {
  tail = "integer",
  since = "string",
  stream = "=stdout|stderr",
  follow = "boolean",
  each = "function",
}

local function wanted(row, given)
  return row
    and (not given.stream or row.stream == given.stream)
    and (not given.since or row.time >= given.since)
end

--- The files of a log, the oldest first.
local function files(name)
  local list = {}
  for number = 99, 1, -1 do
    if stat(path_of(name, number)) then
      list[#list + 1] = path_of(name, number)
    end
  end
  list[#list + 1] = stat(path_of(name)) and path_of(name) or nil
  return list
end

local function rows_of(file, given, each)
  for line in file:lines("L") do
    if line:sub(-1) ~= "\n" then
      -- Its writer is not done yet.
      file:seek("cur", -#line)
      return
    end
    local row = M.parse(line:sub(1, -2))
    if wanted(row, given) then
      each(row)
    end
  end
end

--- Reads on until the container has ended for good.
local function follow(name, file, given)
  while true do
    local record = state.get(name)
    rows_of(file, given, given.each)
    if not record or record.status == "stopped" then
      rows_of(file, given, given.each)
      return
    end
    poll({}, { timeout = "100ms" })
    local kept = stat(path_of(name))
    if kept and kept.size < file:seek("cur") then
      -- Rotated: what is new is in a new file.
      file:close()
      file = io.open(path_of(name), "rb")
    end
  end
end

--- Reads what a detached container has written.
---@param name string
---@param given? { tail: integer?, since: string?, stream: string?, follow: boolean?,
--- each: function? } tail: only the last lines; since: a time as the log has it; follow: goes on
--- until the container has ended; each: is given every row, instead of a list of them all
---@return container.LogRow[]?
function M.read(name, given)
  given = options.check("container.logs", given, KNOWN)
  if given.follow and not given.each then
    options.fail("container.logs", "follow: needs a function 'each' that is given the rows")
  end
  if not state.get(name) then
    options.fail("container.logs", name .. ": no such container")
  end
  local list = {}
  local last
  for _, path in ipairs(files(name)) do
    last = io.open(path, "rb")
    rows_of(last, given, function(row)
      list[#list + 1] = row
    end)
  end
  if given.tail then
    list = table.move(list, math.max(1, #list - given.tail + 1), #list, 1, {})
  end
  if not given.each then
    return list
  end
  for _, row in ipairs(list) do
    given.each(row)
  end
  if given.follow then
    last = last or io.open(path_of(name), "rb")
    if last then
      follow(name, last, given)
    end
  end
end

return M
