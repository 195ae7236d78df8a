--- The open descriptors of a process in short, its working directory, and whether one of them leads
--- to a directory outside of what it sees mounted.
---
--- A directory that was opened before the root was changed stays a way out:
--- `/proc/self/fd/7/../..` names the host's files (CVE-2024-21626). A descriptor's mount tells: it
--- must be one of those that the process sees.
---
--- ```lua
--- local fds = require "inspect.fds"
---
--- local found = fds.read(proc_stat().pid, mountinfo())
--- assert(found.count > 0 and #found.outside == 0)
--- ```
local part = require "inspect.part"

local M = {}

local function kind_of(target)
  local word = target:match("^(%a+):%[%d+%]$")
  if word then
    return word
  elseif target:find("^anon_inode:") or target:find("^/memfd:") then
    return "anonymous"
  end
  return target:sub(1, 1) == "/" and "file" or "other"
end

--- The mount of the working directory: opened in a child, whose own descriptor then has it.
local function cwd_mount(pid)
  return part.child({}, function()
    local before = {}
    for _, open in ipairs(proc_fds()) do
      before[open.fd] = true
    end
    local _dir = rootfs_open(("/proc/%d/cwd"):format(pid))
    for _, open in ipairs(proc_fds()) do
      if not before[open.fd] and open.target:find("^[/(]") and not open.target:find("^/proc/") then
        return open.mnt_id
      end
    end
    return 0
  end)
end

--- Which descriptors are directories; a file system that hangs is not waited for.
local function directories(pid, candidates)
  if #candidates == 0 then
    return {}
  end
  return part.child({}, function()
    local found = json_array {}
    for _, open in ipairs(candidates) do
      local file = part.known(part.read(stat, ("/proc/%d/fd/%d"):format(pid, open.fd)))
      if file and file.type == "directory" then
        table.insert(found, open)
      end
    end
    return found
  end)
end

--- `{ count, kinds, cwd, outside }`: `outside` are the directories on mounts that the process does
--- not see, each `{ fd, target }`; the working directory has the fd "cwd".
---@param pid integer
---@param mounts? table[] its `mountinfo`, where the mounts are its own
---@param from? table where the readers read
---@return table
function M.read(pid, mounts, from)
  local open = proc_fds(pid, from)
  if not open then
    return part.unreadable("ESRCH")
  end
  local answer = { count = #open, kinds = {} }
  local seen, candidates = {}, {}
  for _, entry in ipairs(mounts or {}) do
    seen[entry.mount_id] = true
  end
  for _, one in ipairs(open) do
    local kind = kind_of(one.target)
    answer.kinds[kind] = (answer.kinds[kind] or 0) + 1
    if kind == "file" and one.mnt_id and not seen[one.mnt_id] then
      candidates[#candidates + 1] = { fd = one.fd, target = one.target }
    end
  end
  if from then
    return answer
  end
  answer.cwd = part.read(readlink, ("/proc/%d/cwd"):format(pid))
  if mounts then
    answer.outside = directories(pid, candidates)
    local mount = part.known(cwd_mount(pid))
    if part.known(answer.outside) and math.type(mount) == "integer" and mount > 0 then
      if not seen[mount] then
        table.insert(answer.outside, { fd = "cwd", target = answer.cwd })
      end
    end
  end
  return answer
end

return M
