--- The end of a container: its processes, its control group, its state, and the hooks that follow.
---
--- ```lua
--- local delete = require "oci.delete"
---
--- local root <close> = temp_dir()
--- delete.whole(root.path, { id = "never-was", status = "stopped", owner = 0 })
--- ```
local options = require "options"
local owner = require "container.owner"
local planned = require "planned"
local state = require "oci.state"

local M = {}

-- How long a killed process may take to be gone.
local PATIENCE = "10s"

--- The container's control group. One whose maker was killed may be there in some hierarchies and
--- not be written down yet: it is found by its name.
local function open_group(record)
  if record.cgroup then
    return require("oci.cgroup").open(record.cgroup)
  end
  local path = record.group_path
  local name = path and require("oci.cgroup.place").name(path, record.id)
  local found = name and try(cgroup_open, name)
  if found then
    return require("oci.cgroup").open { manager = "cgroupfs", dirs = found.dirs }
  end
end

--- Removes the control group: by its directories, which are opened only where somebody is in them.
local function remove_group(record)
  local group = record.cgroup and require("oci.cgroup").named(record.cgroup) or open_group(record)
  if group then
    group:remove()
  end
end

--- Sends a signal to the first process, and to no other that may have its number by now.
---@param record oci.Record
---@param signal string|integer
---@return boolean sent
function M.signal(record, signal)
  local process <close> = state.process(record)
  if not process then
    return false
  end
  local _, err = try(process.kill, process, signal)
  if err and err.errno == "ESRCH" then
    return false
  elseif err then
    error(err, 0)
  end
  return true
end

--- Kills what there is of the container's processes, and waits until the first is gone. With that
--- one a pid namespace of the container's own has ended whole, and nobody else is asked.
---@param record oci.Record
function M.kill(record)
  local process <close>, err = try(state.process, record)
  if err and (err.errno == "ENOSYS" or err.errno == "EPERM") then
    -- A kernel without pidfd_open, or a filter that does not know it: the call itself has no EPERM.
    if not owner.end_by_number(record) then
      options.fail("oci", ("container %q: its first process does not end"):format(record.id))
    end
  elseif err then
    error(err, 0)
  end
  if not process and record.own_pids then
    return
  end
  local group = open_group(record)
  if process then
    try(process.kill, process, "kill")
  end
  if group then
    if record.status == "paused" then
      -- What v1 has frozen does not die.
      group:thaw()
    end
    if not record.own_pids then
      group:kill()
    end
  end
  local ended = process and poll({ process }, { timeout = PATIENCE })
  if ended and not planned(ended) and #ended == 0 then
    options.fail("oci", ("container %q: its first process does not end"):format(record.id))
  end
end

--- Ends who makes or starts a container, with the hook that it waits for and all that this has
--- started. It is stopped first: then it has no further children.
local function end_maker(record, who)
  local maker <close> = state.process(who)
  if not maker then
    return
  end
  try(maker.kill, maker, "stop")
  local keepers = {}
  for _, pid in ipairs(proc_children(maker) or {}) do
    local keeper = pid ~= record.pid and try(process_open, pid)
    keepers[#keepers + 1] = keeper or nil
  end
  try(maker.kill, maker, "kill")
  poll({ maker }, { timeout = PATIENCE })
  -- A hook's keeper sees its runtime's end, and ends the hook.
  for _, keeper in ipairs(keepers) do
    poll({ keeper }, { timeout = PATIENCE })
    keeper:close()
  end
end

--- Whether a process has a file open. The inode's number alone could be another file system's.
local function has_open(pid, file)
  local dir = ("/proc/%d/fd/"):format(pid)
  for _, number in ipairs(try(list_dir, dir) or {}) do
    local one = try(stat, dir .. number)
    if one and one.ino == file.ino and one.dev == file.dev then
      return true
    end
  end
  return false
end

--- Who holds a container's lock: one that creates, starts or deletes it. The kernel knows, so that
--- nobody has to write it down (proc_locks(5)).
local function holder(path)
  local lock = stat(path)
  for line in ((lock and read_file "/proc/locks") or ""):gmatch "[^\n]+" do
    local number, inode = line:match "^%d+: FLOCK +%u+ +%u+ +(%d+) +%x+:%x+:(%d+) "
    local pid = number and tonumber(inode) == lock.ino and math.tointeger(tonumber(number))
    local found = pid and pid > 0 and proc_stat(pid)
    if found and has_open(pid, lock) then
      return { pid = pid, starttime = found.starttime }
    end
  end
end

--- The lock of a container that is to go whatever happens: a create or a start that does not come
--- to its end, because a hook hangs, is ended.
---@param root string
---@param id string
---@return any file_lock
function M.take(root, id)
  local path = state.dir(root, id) .. "/lock"
  local lock = try(file_lock, path, { wait = "1s" })
  if lock then
    return lock
  end
  local record = state.find(root, id)
  local other = record and (record.status == "creating" and record.maker or holder(path))
  if other then
    end_maker(record, other)
  end
  return state.lock(root, id)
end

--- What a command after the end is told of the configuration: none where it cannot be read.
local function hooks_of(root, record)
  if not record.poststop and not record.damaged then
    return nil
  end
  return (try(state.config, root, record.id))
end

--- Removes everything of a container, whatever is there of it.
---@param root string
---@param record oci.Record
function M.whole(root, record)
  local spec = hooks_of(root, record)
  M.kill(record)
  remove_group(record)
  if record.maker and not state.alive(record.maker) then
    -- What it wrote down is gone, and must not be taken for the next container of the id.
    journal_collect(record.maker.pid, record.maker.starttime)
  end
  state.forget(root, record.id)
  if spec and record.poststop then
    require("oci.hooks").run_all(spec, "poststop", state.public(record, "stopped"))
  end
end

return M
