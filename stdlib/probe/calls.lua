--- Tries system calls and tells who refuses them: what `crun-lua probe syscalls` prints.
---
--- Each call is made by a child of its own with -1 for every argument, so nothing comes of it.
--- EPERM or a killed child is a filter or a missing capability; EFAULT, EBADF or EINVAL is the
--- kernel that has looked at the arguments: the call itself is open. ENOSYS is a filter or a kernel
--- without it.
---
--- ```lua
--- local calls = require "probe.calls"
---
--- local child <close> = spawn(function()
---   seccomp { default = "allow", errno = { "chdir" }, kill_process = { "mount" } }
---   assert(calls.try("chdir") == "EPERM")
---   assert(calls.try("mount") == "SIGSYS")
---   assert(calls.try("umount2") ~= "SIGSYS")
---   assert(select(2, calls.try("pause")) == "it does not return")
--- end)
--- assert(child:wait().code == 0)
--- ```
local M = {}

-- Longer than any call takes that has nothing to do; on a slow machine, too.
local PATIENCE = "5s"

--- Every call of this architecture's that the groups know, sorted.
---@return string[]
function M.names()
  local seen, names = {}, {}
  for _, group in ipairs(seccomp_groups()) do
    for _, name in ipairs(seccomp_groups(group)) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  return names
end

--- Tries one call in a child.
---@param name string
---@return string? answer an errno; "ok" where it was made; "SIGSYS", the signal that ended the
--- child; "hangs"; nil where it is not tried
---@return string? reason why it is not tried
function M.try(name)
  local said = pipe()
  local child <close> = spawn({ die_with_parent = true }, function()
    local answer = syscall_try(name)
    local word = answer.errno or answer.skipped and "-" .. answer.skipped or "ok"
    said.write:write(word)
  end)
  said.write:close()
  local ended = child:wait { timeout = PATIENCE }
  local text = ended and said.read:read() or ""
  said.read:close()
  if text:sub(1, 1) == "-" then
    return nil, text:sub(2)
  elseif text ~= "" then
    return text
  end
  return ended and "SIG" .. (ended.signal or "?"):upper() or "hangs"
end

return M
