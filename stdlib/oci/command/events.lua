--- `events`: what a container uses, again and again, and when the kernel has killed one of its
--- processes for want of memory; a line of JSON each, in runc's shape. It ends with the container.
local function emit(id, kind, data)
  local stats = require "oci.cgroup.stats"
  local line = ('{"type":%s,"id":%s'):format(json_encode(kind), json_encode(id))
  line = data and ('%s,"data":%s}'):format(line, stats.encode(data)) or line .. "}"
  io.stdout:write(line, "\n")
  io.stdout:flush()
end

--- Tells of a kill that what is ready says; answers whether the container has ended.
local function tell(id, ready)
  local ended = false
  for _, one in ipairs(ready) do
    if one.event == "oom_kill" then
      emit(id, "oom")
    end
    ended = ended or one.exited or one.hangup
  end
  return ended
end

--- Waits for the next moment, and tells of kills meanwhile. Answers whether the container lives.
local function watch(id, process, group, deadline)
  local sources = { process }
  if group.opened.paths.memory or group.opened.paths.unified then
    sources[2] = group.opened
  end
  while true do
    local left = deadline - clock("monotonic")
    if left <= 0 then
      return true
    end
    local ready = poll(sources, { timeout = ("%dms"):format(math.ceil(left * 1000)) })
    if tell(id, ready) then
      -- The kill of the first process may be seen later than its end.
      tell(id, try(poll, { sources[2] }, { timeout = 0 }) or {})
      return false
    end
  end
end

local function events(call)
  local id = call.operands[1]
  local state = require "oci.state"
  local record = state.get(call.global.root, id)
  if record.status == "stopped" then
    require("options").fail("events", ("container with id %s is not running"):format(id))
  end
  local group = require("oci.cgroup").open(record.cgroup)
  if call.options.stats then
    emit(id, "stats", group:stats())
    return 0
  end
  local interval = call.options.interval or 5
  if interval <= 0 then
    require("options").fail("events", "duration interval must be greater than 0")
  end
  local process <close> = state.process(record)
  if not process then
    return 0
  end
  group:need("watch")
  -- Commands collect no garbage, for they end soon; this one does not.
  collectgarbage("restart")
  repeat
    local usage = try(group.stats, group)
    if usage then
      emit(id, "stats", usage)
    end
  until not watch(id, process, group, clock("monotonic") + interval)
  return 0
end

return events
