--- Writes system calls down as lines of JSON while the kernel makes them.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local seen = {}
--- supervise.run({
---   notify = supervise.audit {
---     calls = { "unlink", "unlinkat" },
---     to = function(entry) seen[#seen + 1] = entry end,
---   },
--- }, { "rm", "-f", "/tmp/not-there" })
--- assert(seen[1].args.pathname == "/tmp/not-there")
--- ```
---
--- An entry is `{ time, pid, call, args }`. A text in it is what stood in memory when the call
--- was stopped; the caller may have changed it by the time the kernel reads it. It is a log, not
--- a proof.
local calls = require "supervise.calls"
local options = require "options"

local M = {}

---@class supervise.AuditOptions
---@field calls string[] calls and groups
---@field to string|fun(entry: table) a file to append to, or a function

-- What can be said of an argument: JSON has only valid text.
local function plain(value)
  if type(value) == "string" then
    return utf8.len(value) and value
      or (
        value:gsub("[\128-\255]", function(byte)
          return ("\\x%02x"):format(byte:byte())
        end)
      )
  elseif type(value) == "table" then
    local copy = {}
    for key, one in pairs(value) do
      copy[key] = plain(one)
    end
    return copy
  end
  return value
end

local function entry_of(req)
  local entry = { time = clock "realtime", pid = req.pid, call = req.name, args = {} }
  for index, argument in ipairs(calls.signature(req.name)) do
    if argument.kind ~= "address" then
      local value, err = try(function()
        return req.args[index]
      end)
      -- An address that leads nowhere is the kernel's to refuse.
      entry.args[argument.name] = err and { errno = err.errno } or plain(value)
    end
  end
  return entry
end

-- Whoever answers may be another process than the one that calls this, which has closed what it
-- does not know: so the file is opened where the first line is written, and here to see whether it
-- can be.
local function writer(op, path)
  local first, reason = io.open(path, "a")
  if not first then
    options.fail(op, ("to: %s"):format(reason))
  end
  first:close()
  if path:sub(1, 1) ~= "/" then
    path = readlink "/proc/self/cwd" .. "/" .. path
  end
  local file
  return function(entry)
    if not file then
      file = assert(io.open(path, "a"))
      file:setvbuf "line"
    end
    assert(file:write(json_encode(entry), "\n"))
  end
end

--- The functions, for `notify`.
---@param given supervise.AuditOptions
---@return table<string, fun(req: supervise.Request)>
function M.notify(given)
  local op = "supervise.audit"
  given = options.check(op, given, { calls = "list", to = { "string", "function" } })
  options.expect(op, "calls", given.calls, "list")
  options.expect(op, "to", given.to, { "string", "function" })
  local tell = given.to
  if type(tell) == "string" then
    tell = writer(op, tell)
  end
  local function write_down(req)
    tell(entry_of(req))
    req:allow()
  end
  local notify = {}
  for _, name in ipairs(given.calls) do
    notify[name] = write_down
  end
  return notify
end

return M
