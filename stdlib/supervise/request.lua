--- A system call that waits for a function's answer.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local result = supervise.run({
---   notify = {
---     mkdir = function(req)
---       assert(req.args.pathname == "/nowhere/at/all" and req.args.mode == "0777")
---       req:delay("10ms"):errno("EROFS")
---     end,
---   },
--- }, { "python3", "-c", [[
--- import os
--- try: os.mkdir("/nowhere/at/all")
--- except OSError as e: exit(e.errno)
--- ]] })
--- assert(result.code == 30)
--- ```
---
--- The caller's memory is the caller's: another thread of it may change a path after it was looked
--- at. So `allow` is for what is harmless whatever the arguments; a decision that depends on them
--- answers an error, a value, or a descriptor that was opened here.
local calls = require "supervise.calls"
local options = require "options"

--- A call that somebody under the filter has made, and that waits for its answer.
---@class supervise.Request
---@field pid integer the thread that made the call
---@field name string the call
---@field args table its arguments by place and by name, as `supervise.calls` lists them
---@field raw integer[] the six registers
---@field bare any the `seccomp_request` behind it, made when it is first asked for
---@field answered? string how it is answered, once it is
local Request = {}

local fields = {}

function fields.bare(self)
  return self.listener:request()
end

function fields.args(self)
  return calls.args(self.bare)
end

function fields.raw(self)
  return self.bare.args
end

function Request.__index(self, key)
  local method = Request[key]
  if method ~= nil then
    return method
  end
  local read = fields[key]
  if read then
    local value = read(self)
    rawset(self, key, value)
    return value
  end
end

--- The request that a listener's function judges at this moment.
---@param listener any
---@param name string
---@param pid integer
---@return supervise.Request
local function new(listener, name, pid)
  return setmetatable({ listener = listener, name = name, pid = pid }, Request)
end

local UNITS = { us = 1e-6, ms = 1e-3, s = 1, m = 60, h = 3600 }

--- A duration in seconds.
---@param op string
---@param text string|number `"50ms"`, or seconds
---@return number
local function seconds(op, text)
  if type(text) == "number" and text >= 0 then
    return text
  end
  local number, unit = tostring(text):match "^(%d+%.?%d*)(%a+)$"
  if not (number and UNITS[unit]) then
    options.fail(
      op,
      ("expected a duration such as %q or seconds, got %q"):format("50ms", tostring(text))
    )
  end
  return tonumber(number) * UNITS[unit]
end

-- Remembers what is to be answered: when the function returns, or when the time has come.
local function answer(self, how, value)
  if self.answered then
    options.fail(
      "req:" .. how,
      ("%s of pid %d is answered already"):format(self.name, self.pid),
      "answer once, then return"
    )
  end
  self.answered, self.with = how, value
end

--- Lets the kernel make the call.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = { uname = function(req) req:allow() end }
--- assert(supervise.run({ notify = notify }, { "uname", "-r" }).answered > 0)
--- ```
function Request:allow()
  answer(self, "allow")
end

--- The call is not made and fails.
---@param name string|integer `"EPERM"`
function Request:errno(name)
  answer(self, "errno", name)
end

--- The call is not made and has this result.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = { mkdir = function(req) req:value(0) end }
--- local code = "import os; os.mkdir('/nowhere/at/all')"
--- assert(supervise.run({ notify = notify }, { "python3", "-c", code }).code == 0)
--- ```
---@param value integer
function Request:value(value)
  answer(self, "value", value)
end

--- The call's result is a copy of this descriptor, which the caller gets.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   memfd_create = function(req)
---     local p = pipe()
---     p.write:write("from outside")
---     req:fd(p.read, { cloexec = true })
---   end,
--- }
--- local code = "import os; exit(os.read(os.memfd_create('x'), 12) != b'from outside')"
--- assert(supervise.run({ notify = notify }, { "python3", "-c", code }).code == 0)
--- ```
---@param fd any an `fd`
---@param how? { number: integer?, cloexec: boolean? }
function Request:fd(fd, how)
  answer(self, "add_fd", fd)
  self.how = how
  if not self.due then
    -- The descriptor may be closed as soon as the function is left.
    self.bare:add_fd(fd, how)
  end
end

--- Holds back the answer that follows; without one the call is allowed then. Others are served
--- meanwhile.
---@param time string|number
---@return supervise.Request self
function Request:delay(time)
  self.due = clock "monotonic" + seconds("req:delay", time)
  return self
end

---@package
--- Gives the answer that was held back: what `session:serve()` does when the time has come.
function Request:release()
  local bare = self.bare
  bare[self.answered or "allow"](bare, self.with, self.how)
end

--- Whether the caller still waits.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   uname = function(req)
---     assert(req:waits())
---     req:errno("EIO")
---     assert(not req:waits())
---   end,
--- }
--- assert(supervise.run({ notify = notify }, { "uname", "-r" }).code == 1)
--- ```
---@return boolean
function Request:waits()
  return (self.due or not self.answered) and self.bare:waits()
end

--- Copies memory of the caller.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   mkdir = function(req)
---     assert(req:read(req.raw[1], 8) == "/nowhere")
---     req:value(0)
---   end,
--- }
--- local code = "import os; os.mkdir('/nowhere/at/all')"
--- assert(supervise.run({ notify = notify }, { "python3", "-c", code }).failures == 0)
--- ```
---@param address integer
---@param length integer|string
---@return string
function Request:read(address, length)
  return self.bare:read(address, length)
end

--- Writes into memory of the caller.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   getcwd = function(req)
---     req:write(req.raw[1], "/moon\0")
---     req:value(6)
---   end,
--- }
--- local code = "import os; exit(os.getcwd() != '/moon')"
--- assert(supervise.run({ notify = notify }, { "python3", "-c", code }).code == 0)
--- ```
---@param address integer
---@param bytes string
function Request:write(address, bytes)
  self.bare:write(address, bytes)
end

--- A copy of a descriptor of the caller's.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   uname = function(req)
---     local output <close> = req:take_fd(1)
---     assert(output.number > 2)
---     req:allow()
---   end,
--- }
--- assert(supervise.run({ notify = notify }, { "uname", "-r" }).failures == 0)
--- ```
---@param number integer
---@return any fd
function Request:take_fd(number)
  return self.bare:take_fd(number)
end

return { new = new, seconds = seconds }
