--- Answers uname(2) with other words, for a program that asks for a kernel it does not need.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local result = supervise.run({
---   notify = supervise.uname { release = "3.10.0", machine = "vax" },
--- }, { "python3", "-c", "import os; u = os.uname(); exit(u.release + u.machine != '3.10.0vax')" })
--- assert(result.code == 0)
--- ```
---
--- The words that are not given stay the kernel's; `nodename` and `domainname` are then those of
--- the caller's own uts namespace. What reads /proc/version or the auxiliary vector sees the truth.
local options = require "options"

local M = {}

---@class supervise.Words
---@field sysname? string "Linux"
---@field nodename? string the host's name
---@field release? string the kernel's version
---@field version? string when it was built
---@field machine? string the architecture
---@field domainname? string the NIS domain

-- The fields of `struct new_utsname`, each of 65 bytes.
local FIELDS = { "sysname", "nodename", "release", "version", "machine", "domainname" }
local SIZE = 65

-- The two names of a uts namespace that is not this process's.
local function names_in(req, uts)
  local join = { uts = uts }
  local user <close> = ns_open(("/proc/%d/ns/user"):format(req.pid), "user")
  if user.inode ~= proc_ns().user then
    -- The right to enter is had there.
    join.user = user
  end
  local child <close> = spawn({ join = join, stdout = "pipe" }, function()
    print(sysctl_get "kernel.hostname")
    print(sysctl_get "kernel.domainname")
  end)
  return child:output().stdout:match "^(.-)\n(.-)\n"
end

--- What the kernel says to the caller.
local function truth_of(req)
  local truth = {
    sysname = sysctl_get "kernel.ostype",
    release = sysctl_get "kernel.osrelease",
    version = sysctl_get "kernel.version",
    machine = req.bare.architecture,
  }
  local uts <close> = ns_open(("/proc/%d/ns/uts"):format(req.pid), "uts")
  if uts.inode == proc_ns().uts then
    truth.nodename, truth.domainname = sysctl_get "kernel.hostname", sysctl_get "kernel.domainname"
  else
    truth.nodename, truth.domainname = names_in(req, uts)
  end
  return truth
end

--- The functions, for `notify`.
---@param words supervise.Words
---@return table<string, fun(req: supervise.Request)>
function M.notify(words)
  local op, known = "supervise.uname", {}
  for _, field in ipairs(FIELDS) do
    known[field] = "string"
  end
  words = options.check(op, words, known)
  for field, word in pairs(words) do
    if #word >= SIZE or word:find("\0", 1, true) then
      options.fail(op, ("%s: expected at most %d bytes without a NUL"):format(field, SIZE - 1))
    end
  end
  return {
    uname = function(req)
      local truth = truth_of(req)
      local fields = {}
      for index, field in ipairs(FIELDS) do
        local word = words[field] or truth[field] or ""
        fields[index] = word .. ("\0"):rep(SIZE - #word)
      end
      req:write(req.raw[1], table.concat(fields))
      req:value(0)
    end,
  }
end

return M
