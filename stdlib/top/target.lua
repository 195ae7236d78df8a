--- What `crun-lua top NAME` means: a container, a process, or a control group.
---
--- ```lua
--- local target = require "top.target"
---
--- local own = target.find(tostring(proc_stat().pid), {})
--- print(own.name) -- process 4711 (crun-lua)
--- ```
local options = require "options"
local processes = require "top.processes"

local M = {}

---@class top.Target
---@field name string
---@field group any what `cgroup.monitor` watches

local function last_part(path)
  return (path or ""):match("([^/]*)/*$")
end

--- The group of a container, opened for reading.
---
--- A group's name is relative to the group of whoever made it, and a v1 process stands elsewhere in
--- each hierarchy: where the first process is says more than the name. One that has moved into a
--- group below its own is found by name, and a dead one, which the kernel shows at the root, never.
---@param record table as `container.list` answers
---@return any? group nil where the container has none of its own
function M.group(record)
  if not record.cgroup then
    return nil
  end
  local group = record.pid and try(cgroup_of, record.pid)
  for _, path in pairs(group and group.paths or {}) do
    if last_part(path) == last_part(record.cgroup) then
      return group
    end
  end
  if group then
    group:close()
  end
  return (try(cgroup_open, record.cgroup))
end

local function container(record)
  if not record.pid then
    local message = ("the container %q is %s"):format(record.name, record.status)
    options.fail("crun-lua top", message, "only a container with processes uses anything")
  end
  local group = M.group(record)
  return {
    name = record.name,
    group = group or function(previous)
      return processes.usage(record.pid, previous)
    end,
  }
end

local function process(pid)
  local status = try(proc_status, pid)
  if not status then
    options.fail("crun-lua top", ("there is no process %d"):format(pid))
  end
  return { name = ("process %d (%s)"):format(pid, status.name), group = pid }
end

--- Finds what a word names; a container goes before a process, and both before a group.
---@param word string
---@param records table[] as `container.list` answers
---@return top.Target
function M.find(word, records)
  local names = {}
  for index, record in ipairs(records) do
    names[index] = record.name
    if record.name == word then
      return container(record)
    end
  end
  local pid = math.tointeger(word)
  if pid and pid > 0 and pid < 1 << 31 then
    return process(pid)
  end
  local group, err = try(cgroup_open, word)
  if not group then
    local near = options.nearest(word, names)
    local hint = near and ("did you mean %q?"):format(near)
      or "`crun-lua ps -a` lists the containers"
    local what = "no container, process or control group is called %q"
    options.fail("crun-lua top", what:format(word), hint, err)
  end
  return { name = word, group = group }
end

return M
