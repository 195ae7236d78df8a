--- One part of what is known of a process: its value, or why it could not be read. What one file of
--- /proc refuses must not hide the rest, and nothing that a process inside can arrange may make the
--- reader fail, wait for ever, or follow a link out of its root.
---
--- ```lua
--- local part = require "inspect.part"
---
--- assert(part.read(proc_status).pid > 0)
--- local refused = part.read(read_file, "/proc")
--- assert(refused.unreadable == "EISDIR" and refused.hint)
--- assert(part.known(refused) == nil)
--- ```
local text = require "view.text"

local M = {}

local HINTS = {
  EACCES = "it belongs to another user, or has rights that this process lacks: run this as root",
  EPERM = "it belongs to another user, or has rights that this process lacks: run this as root",
  ENOENT = "this kernel has no such file, or the process ended while it was read",
  ESRCH = "the process ended while it was read",
  ETIMEDOUT = "a file system of the process does not answer (FUSE, NFS); it was not waited for",
}

--- The part that stands for what cannot be read.
---@class inspect.Unreadable
---@field unreadable string the kernel's name of the error
---@field hint string what to do

---@param errno string
---@param hint? string
---@return inspect.Unreadable
function M.unreadable(errno, hint)
  return { unreadable = errno, hint = hint or HINTS[errno] or "see errno(3)" }
end

--- What `body` answers, or why it could not; a nil stands for a process that is gone.
---
--- Only what the kernel refuses is caught: a mistake of this program's still shows.
---@param body function
---@return any
function M.read(body, ...)
  local ok, value = pcall(body, ...)
  if ok then
    return value == nil and M.unreadable("ESRCH") or value
  elseif type(value) == "table" and value.op then
    return M.unreadable(value.errno or "EINVAL", value.hint or not value.errno and value.message)
  end
  error(value, 0)
end

--- The part, or nil where there is none or it could not be read.
---@param value any
---@return any
function M.known(value)
  if type(value) == "table" and value.unreadable then
    return nil
  end
  return value
end

--- What `body` answers, which a child finds out: for what could hang, and for what must be asked
--- from inside of a namespace.
---
--- A process chooses what lies at its own paths, and a FUSE file system that never answers would
--- keep the reader for ever; a child can be killed while it waits.
---@param spawned table options of `spawn`, such as `{ join = { net = pid } }`
---@param body fun(): any what it answers must have a form in JSON
---@return any
function M.child(spawned, body)
  local options = { stdout = "pipe", stderr = "null", die_with_parent = true }
  for key, value in pairs(spawned) do
    options[key] = value
  end
  local value = M.read(function()
    local child <close> = spawn(options, function()
      io.write(json_encode { value = M.plain(M.read(body)) })
    end)
    local result = child:output { timeout = "3s", max = "8M" }
    if result.timed_out then
      return M.unreadable("ETIMEDOUT")
    elseif result.code ~= 0 or result.stdout == "" then
      return M.unreadable("EINTR", "the child that was to read it ended by itself")
    end
    return json_decode(result.stdout).value
  end)
  return value
end

--- The value with texts that are UTF-8 throughout, as JSON has no other: a process may call itself,
--- and its files, whatever it likes. Other bytes become `\255`.
---@param value any
---@return any
function M.plain(value)
  if type(value) == "string" then
    return utf8.len(value) and value or text.clean(value)
  elseif type(value) == "table" then
    for key, item in pairs(value) do
      value[key] = M.plain(item)
    end
  end
  return value
end

return M
