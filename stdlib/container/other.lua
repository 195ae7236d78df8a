--- What any process can do with a container by its name: the record says which process and which
--- control group are meant, and each is asked for again before it is touched, so that a number that
--- belongs to somebody else by now is never signalled.
---
--- ```lua
--- local other = require "container.other"
---
--- local _, err = try(other.stop, "nobody", {})
--- assert(err.message:find("no such container", 1, true))
--- ```
local options = require "options"
local state = require "container.state"

local M = {}

--- The record, or an error that names the nearest container.
---@param name string
---@param op string
---@return container.Record
function M.record(name, op)
  local record = state.get(name)
  if record then
    return record
  end
  local names = {}
  for _, one in ipairs(state.list()) do
    names[#names + 1] = one.name
  end
  local near = options.nearest(name, names)
  local hint = near and ("did you mean %q?"):format(near) or "container.list() has all names"
  options.fail(op, name .. ": no such container", hint)
end

local function running(name, op, known)
  local record = known or M.record(name, op)
  if record.status == "damaged" then
    options.fail(op, record.error.message, record.error.hint)
  elseif not record.pid then
    options.fail(op, ("%s is %s"):format(name, record.status), "start it first")
  end
  return record
end

--- A handle of the first process: by number, and then asked whether it is still the same.
---@param record container.Record
---@return any? process nil where it has ended
function M.process(record)
  local process, err
  if record.pid then
    process, err = try(process_open, record.pid)
  end
  if err and err.errno ~= "ESRCH" then
    error(err, 0)
  elseif process and not state.alive(record) then
    process:close()
    return nil
  end
  return process
end

--- The control group of a container that runs, by its first process: a group's name is relative to
--- its maker's own group, which on v1 is another one in each hierarchy.
---@param record container.Record
---@return any? cgroup
function M.group(record)
  local name = record.cgroup
  if not name then
    return nil
  end
  local group = record.pid and try(cgroup_of, record.pid)
  if group and group.path:sub(-#name) == name then
    return group
  end
  return try(cgroup_open, name)
end

local function group_of(name, op)
  local record = running(name, op)
  if not record.cgroup then
    local hint = "cgroup = true, or a limit, makes one"
    options.fail(op, name .. " has no control group", hint)
  end
  return M.group(record), record
end

--- A signal's name as the primitives have it: an image writes "SIGTERM", or a number.
---@param text string
---@return string|integer
function M.signal(text)
  return math.tointeger(tonumber(text)) or text:lower():gsub("^sig", "", 1)
end

--- The signal that ends a container's program by the wish of the caller, the options or the image.
---@param given { signal: string? }
---@param config table
---@return string|integer
function M.stop_signal(given, config)
  local image = config.image or {}
  return M.signal(given.signal or config.stop_signal or image.stop_signal or "term")
end

--- Sends the signal that ends a program.
---@param process any
---@param group? any its control group, which may be frozen
---@param signal string|integer as `M.signal` answers it
function M.end_process(process, group, signal)
  if group then
    -- A frozen process acts on no signal.
    try(group.thaw, group, { host = true })
  end
  require("container.foreground").pass(process, signal)
end

--- Starts a container that `create` has made.
---@param name string
function M.start(name)
  local record = M.record(name, "container.start")
  if record.status == "stopped" and record.detached then
    require("container.monitor").again(name)
    return
  end
  if record.status == "created" and not record.pid and state.wait(name, "10s") then
    -- It has ended while it waited; its owner has told why by now.
    record = M.record(name, "container.start")
  end
  if record.error then
    options.fail("container.start", record.error.message, record.error.hint)
  end
  record = running(name, "container.start", record)
  if record.status ~= "created" then
    options.fail("container.start", ("%s is %s"):format(name, record.status))
  end
  require("container.build").go(name)
  -- Its owner writes when the program runs, or why it does not.
  for _ = 1, 2500 do
    record = M.record(name, "container.start")
    if record.status ~= "created" then
      break
    end
    poll({}, { timeout = "2ms" })
  end
  if record.error then
    options.fail("container.start", record.error.message, record.error.hint)
  end
end

--- Waits until a container has ended for good.
---@return container.Result? nil after the timeout
function M.wait(name, timeout)
  M.record(name, "container.wait")
  if not state.wait(name, timeout) then
    return nil
  end
  local record = state.get(name)
  local exit = record and record.exit
  if exit then
    return { code = exit.code, signal = exit.signal, oom = exit.oom }
  end
  local why = record and record.error or { message = name .. " has been removed" }
  if record and not record.error then
    why = { message = name .. ": its owner was killed; the program's status is lost" }
  end
  options.fail("container.wait", why.message, why.hint)
end

--- Ends a container: the signal, and after the timeout SIGKILL.
function M.stop(name, given)
  local record = M.record(name, "container.stop")
  if record.status == "damaged" then
    options.fail("container.stop", record.error.message, record.error.hint)
  elseif record.status == "stopped" then
    return record.exit
  end
  state.mark_stopping(name)
  local config = state.config(name)
  local signal = M.stop_signal(given, config)
  local process <close> = M.process(record)
  if process then
    local group <close> = M.group(record)
    M.end_process(process, group, record.status == "created" and "kill" or signal)
  end
  if not state.wait(name, given.timeout or config.stop_timeout) then
    local now = state.get(name)
    local again <close> = now and M.process(now)
    if again then
      try(again.kill, again, "kill")
    end
    state.wait(name, "30s")
  end
  local ended = state.get(name)
  if ended and ended.lost then
    require("container.recover").one(ended)
    ended = state.get(name)
  end
  return ended and ended.exit
end

--- Stops every process of the container where it stands.
function M.pause(box)
  local group <close>, record = group_of(box.name, "container.pause")
  group:freeze { host = true }
  write_file(state.dir(box.name) .. "/paused", "", { mode = "0600" })
  record.status = "paused"
  return record
end

--- Lets them go on.
function M.resume(box)
  local group <close>, record = group_of(box.name, "container.resume")
  try(remove, state.dir(box.name) .. "/paused")
  group:thaw { host = true }
  record.status = "running"
  return record
end

--- Changes limits while the container runs.
---@param limits table as for `cgroup_set`
function M.update(box, limits)
  options.expect("container.update", "limits", limits, "table")
  local group <close> = group_of(box.name, "container.update")
  local copy = { host = true }
  for key, value in pairs(limits) do
    copy[key] = value
  end
  group:set(copy)
end

--- What the container uses, as `cgroup:stats` answers it.
function M.stats(box)
  local group <close> = group_of(box.name, "container.stats")
  return group:stats()
end

--- How often limits were met, as `cgroup:events` answers it.
function M.events(box)
  local group <close> = group_of(box.name, "container.events")
  return group:events()
end

--- The container's processes, by the host's numbers.
function M.pids(box)
  local record = running(box.name, "container.pids")
  if record.cgroup then
    local group <close> = M.group(record)
    return group:pids { nested = true }
  end
  local found, inode = {}, (proc_ns(record.pid) or {}).pid
  for _, pid in ipairs(pids()) do
    local spaces = try(proc_ns, pid)
    if spaces and spaces.pid == inode then
      found[#found + 1] = pid
    end
  end
  return found
end

--- Sends a signal to the first process.
---@param signal? string "term"
function M.kill(box, signal)
  local process <close> = M.process(running(box.name, "container.kill"))
  if process then
    process:kill(signal or "term")
  end
end

--- What a detached container has written.
function M.logs(box, given)
  return require("container.logs").read(box.name, given)
end

-- Until its owner has given back what the container had: whoever takes the name next would be in
-- its way. A script that does not ask what became of its program is not waited for any longer.
local function ended(record)
  for _ = 1, 250 do
    if not record or not record.ending then
      break
    end
    poll({}, { timeout = "20ms" })
    record = state.get(record.name)
  end
  return record
end

--- Removes a container.
function M.delete(name, given)
  local record = M.record(name, "container.delete")
  if record.status == "damaged" then
    if not given.force then
      options.fail("container.delete", record.error.message, "delete { force = true } removes it")
    end
    require("container.recover").damaged(name)
    return
  end
  if record.status ~= "stopped" then
    if not given.force then
      local hint = "stop it first, or say { force = true }"
      options.fail("container.delete", ("%s is %s"):format(name, record.status), hint)
    end
    local _, err = try(M.stop, name, { timeout = given.timeout or "0s" })
    record = state.get(name)
    -- Its owner may have been about to forget it.
    if err and record then
      error(err, 0)
    end
  end
  record = ended(record)
  if record and state.alive(record.owner) then
    state.forget(name)
  elseif record then
    require("container.recover").one(record, true)
  end
end

return M
