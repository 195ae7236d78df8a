--- A container for a command that is to be learnt, or held to what was learnt: a root of its own,
--- with its own processes, mounts, names and network, and no filter or limit that could hide what
--- the command would do.
---
--- ```lua
--- local place = require "learn.place"
---
--- local how = place.within({ rootfs = "host" })
--- assert(how.spawn.unshare[1] and type(how.setup) == "function")
--- ```
local M = {}

--- The options `spawn` and `setup` for a root; those that are given where none is wanted.
---@param given { rootfs?: string, spawn?: table, setup?: fun() }
---@return { spawn?: table, setup?: fun() }
function M.within(given)
  if not given.rootfs then
    return { spawn = given.spawn, setup = given.setup }
  end
  local rootfs = require "rootfs"
  local root = proc_status().uid.effective == 0
  local prepared = rootfs.prepare(rootfs.parse(given.rootfs), { name = "learn", root = root })
  local how = { unshare = { "cgroup", "ipc", "mnt", "net", "pid", "uts" } }
  for key, value in pairs(given.spawn or {}) do
    how[key] = value
  end
  if not root then
    how.unshare = table.move(how.unshare, 1, #how.unshare, 1, { [#how.unshare + 1] = "user" })
  end
  return {
    spawn = how,
    setup = function()
      local mounted = rootfs.mount(prepared)
      mounted:proc()
      mounted:dev()
      mounted:pivot()
      if given.setup then
        given.setup()
      end
    end,
  }
end

return M
