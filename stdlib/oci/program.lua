--- Whether a container's program can be run, in the words by which engines know why not.
---
--- Docker makes status 127 of "executable file not found in $PATH" and "no such file or directory",
--- and 126 of "permission denied"; they look for these words in runc's errors.
---
--- ```lua
--- local program = require "oci.program"
---
--- program.check("sh", "/bin:/usr/bin")
--- local _, err = try(program.check, "no-such-program", "/bin")
--- assert(err.message == 'exec: "no-such-program": executable file not found in $PATH')
--- ```
local options = require "options"

local M = {}

local PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

-- Bits of a mode by which somebody may execute a file.
local EXECUTABLE = 73

local WORDS = {
  ENOENT = "no such file or directory",
  EACCES = "permission denied",
  EISDIR = "is a directory: permission denied",
  ENOEXEC = "exec format error",
  ELOOP = "too many levels of symbolic links",
  ENOTDIR = "not a directory",
}

local function refuse(name, errno, place)
  local words = WORDS[errno] or errno
  options.fail("oci", ("exec: %q: %s%s"):format(name, place or "", words))
end

local function check_file(name)
  local found, err = try(stat, name)
  if not found then
    refuse(name, err and err.errno or "ENOENT", ("stat %s: "):format(name))
  elseif found.type == "directory" then
    refuse(name, "EISDIR")
  elseif found.mode & EXECUTABLE == 0 then
    refuse(name, "EACCES")
  end
end

--- Fails where a program cannot be run: in the container's root, as its user, in its directory.
---@param name? string
---@param path? string the PATH of its environment
function M.check(name, path)
  if not name or name == "" then
    options.fail("oci", "process.args: there is no program to run")
  elseif name:find("/", 1, true) then
    check_file(name)
    return
  end
  local seen
  for dir in (path or PATH):gmatch("[^:]+") do
    local found = dir:sub(1, 1) == "/" and try(stat, dir .. "/" .. name)
    if found and found.type == "file" then
      if found.mode & EXECUTABLE ~= 0 then
        return
      end
      seen = true
    end
  end
  if seen then
    refuse(name, "EACCES")
  end
  options.fail("oci", ("exec: %q: executable file not found in $PATH"):format(name))
end

--- Raises what an exec has failed with.
---@param name string
---@param err any
function M.failed(name, err)
  if type(err) == "table" and WORDS[err.errno] then
    refuse(name, err.errno)
  end
  error(err, 0)
end

return M
