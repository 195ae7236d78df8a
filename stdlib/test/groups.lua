--- Control groups for tests: made by the OCI runtime's own module, looked at in the kernel's files.
---
--- ```lua
--- local groups = require "test.groups"
---
--- local writes = { { file = "pids.max", value = "5" } }
--- assert(groups.lines(writes)[1] == "pids.max 5")
--- ```
local M = {}

--- A group for one case, with its limits, and what removes it when it is closed.
---@param resources? table `linux.resources`
---@param spec? table config.json
---@param ctx? table as `oci.cgroup` takes it
function M.of(resources, spec, ctx)
  ctx = ctx or {}
  ctx.id = ctx.id or "test-" .. proc_stat().pid
  local group = require("oci.cgroup").make(spec or {}, ctx)
  local guard = defer(function()
    group:remove()
  end)
  group:apply(resources)
  return group, guard
end

--- A file of the group's, without its last line's end: "cpu.shares".
function M.file(group, name)
  local paths = group.handle.paths
  local controller = name:match("^[^.]+")
  local text = read_file((paths[controller] or paths.unified) .. "/" .. name)
  return text and text:match("^(.-)%s*$")
end

--- Writes as a list of texts.
---@param writes { file: string, value: string }[]
---@return string[]
function M.lines(writes)
  local out = {}
  for index, write in ipairs(writes) do
    out[index] = write.file .. " " .. write.value
  end
  return out
end

--- A process in the group that sleeps.
function M.sleeper(group)
  local child = spawn({ cgroup = group.handle }, function()
    exec { "sleep", "600" }
  end)
  child:started()
  return child
end

--- Whether a process of the group may open a device: 0 if so, 1 if it is denied.
function M.opens(group, path, how)
  local child <close> = spawn({ cgroup = group.handle }, function()
    local fd, err = try(open, path, how)
    return fd and 0 or err.errno == "EPERM" and 1 or 2
  end)
  return child:wait().code
end

return M
