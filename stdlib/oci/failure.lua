--- What the user of the OCI runtime reads of an error: one line.
---
--- An error object of a primitive has the call in strace's notation, and causes and hints on lines
--- of their own. Engines look for the words of runc's errors in one line: "no such file or
--- directory", "permission denied", "executable file not found in $PATH".
---
--- ```lua
--- local failure = require "oci.failure"
---
--- local _, err = try(mkdir, "/nowhere/box")
--- assert(failure.line(err):find('^mkdir%("/nowhere/box", 0755%): no such file or directory %('))
---
--- local refused = { op = "linux.resources.network", message = "cgroup v2 has nothing like it" }
--- assert(failure.line(refused) == "linux.resources.network: cgroup v2 has nothing like it")
---
--- local cause = { message = "rmdir(\"/x\") = -1 EBUSY (Device or resource busy)" }
--- assert(failure.line { message = "cannot remove it", cause = cause }
---   == "cannot remove it: rmdir(\"/x\"): device or resource busy")
--- ```
local M = {}

-- An op that is a place in the configuration or an option, where others name what was being done.
local PLACES = { "^linux%.", "^annotations%[", "^%-%-" }

-- How many causes are told.
local DEPTH = 8

--- A message without strace's notation: "open(…) /* … */ = -1 ENOENT (No such file …)".
local function words(message)
  return (
    message
      :gsub(" /%*[^*]*%*/", "")
      :gsub(" = %-1 (E%u[%u%d]*) %((%a)([^()]*)%)", function(errno, first, rest)
        -- "RPC …" stays as it is.
        local lower = rest:find("^%l") and first:lower() or first
        return rest ~= "" and ": " .. lower .. rest or ": " .. errno
      end)
  )
end

local function one_line(text)
  return (text:gsub("%s*[\r\n]+%s*", "; "):gsub("%c", "?"))
end

--- Where a defect of a module is: errors that nobody raised on purpose have no other sign.
local function place(err)
  local where = not err.op and not err.usage and err.value and err.where
  return where and ("%s:%d: "):format(where.file, where.line) or ""
end

--- What the message is about, where it does not say so itself.
local function subject(err, message)
  for _, pattern in ipairs(PLACES) do
    if type(err.op) == "string" and err.op:find(pattern) and not message:find(err.op, 1, true) then
      return err.op .. ": "
    end
  end
  return ""
end

--- The whole error as one line.
---@param err any an error object, or whatever was raised
---@return string
function M.line(err)
  local parts, hint, depth = {}, nil, 0
  while err ~= nil and depth < DEPTH do
    local object = type(err) == "table" and err or { message = tostring(err) }
    local message = tostring(object.message or object.call or "failed")
    local text = place(object) .. subject(object, message) .. words(message)
    -- Many causes repeat what is said already.
    if text ~= parts[#parts] then
      parts[#parts + 1] = text
    end
    hint = hint or object.hint
    err, depth = object.cause, depth + 1
  end
  local line = table.concat(parts, ": ")
  return one_line(hint and ("%s (%s)"):format(line, hint) or line)
end

return M
