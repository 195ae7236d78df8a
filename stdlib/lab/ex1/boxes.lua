--- What the tasks of exercise 1 share: boxes that stay, and looking into one, as root and as an
--- ordinary user, who gets a user namespace as well.
---
--- ```lua
--- local boxes = require "lab.ex1.boxes"
---
--- local box <close> = boxes.hold { "uts" }
--- assert(proc_ns(box.pid).uts ~= proc_ns().uts)
--- ```
local M = {}

--- The kinds that are wanted, and what an ordinary user needs for them.
---@param kinds string[]
---@return string[]
function M.kinds(kinds)
  local list, has = {}, proc_status().uid.effective == 0
  for index, kind in ipairs(kinds) do
    list[index] = kind
    has = has or kind == "user"
  end
  list[#list + 1] = not has and "user" or nil
  return list
end

--- Starts a process in new namespaces, has it do something, and then sleep; it is answered when
--- that is done.
---@param kinds string[]
---@param body? fun() what it does first
---@param given? table more of spawn's options
function M.hold(kinds, body, given)
  local how = { unshare = M.kinds(kinds) }
  for name, value in pairs(given or {}) do
    how[name] = value
  end
  local process = spawn(how, function()
    if body then
      body()
    end
    exec { "sleep", "600" }
  end)
  process:started()
  return process
end

--- Runs a function in namespaces of a box, in its user namespace too where it has one of its own.
---@param t scenario.Facts
---@param pid integer
---@param kinds string[]
---@param body fun(): any
function M.inside(t, pid, kinds, body)
  return t:inside(pid, kinds, body, { user = true })
end

--- Whether any process is in a namespace.
---@param kind string
---@param inode integer
---@return integer? pid
function M.member(kind, inode)
  for _, pid in ipairs(pids()) do
    -- A process may end meanwhile, and some are closed to readers.
    local of = try(proc_ns, pid)
    if of and of[kind] == inode then
      return pid
    end
  end
end

return M
