--- What the owner of a container does as any other process does it: by what is written down of it.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new { name = "by-name-example", rootfs = "host", memory = "64M" }
--- box:start { "sleep", "100" }
--- box:pause()
--- assert(box:status().status == "paused")
--- box:resume()
--- box:update { memory = "128M" }
--- print(box:stats().memory.usage, box:events().memory.oom_kill, #box:pids())
--- box:kill("kill")
--- assert(box:wait().signal == "kill")
--- ```
local other = require "container.other"

---@class container.Box
local Box = {}

local function ask(self, what, ...)
  local record = other[what](self, ...)
  if self.owned and not self.monitored and self.record and type(record) == "table" then
    self.record.status = record.status or self.record.status
  end
  return record
end

--- Stops every process of the container where it stands.
---@return container.Record
function Box:pause()
  return ask(self, "pause")
end

--- Lets the processes of a paused container go on.
---@return container.Record
function Box:resume()
  return ask(self, "resume")
end

--- Changes limits while the container runs.
---@param limits table as for `cgroup_set`
---@return container.Record?
function Box:update(limits)
  return ask(self, "update", limits)
end

--- What the container uses, as `cgroup:stats` answers it.
---@return table
function Box:stats()
  return ask(self, "stats")
end

--- How often limits were met, as `cgroup:events` answers it.
---@return table
function Box:events()
  return ask(self, "events")
end

--- The container's processes, by the host's numbers.
---@return integer[]
function Box:pids()
  return ask(self, "pids")
end

--- Sends a signal to the first process.
---@param signal? string|integer "term"
function Box:kill(signal)
  return ask(self, "kill", signal)
end

--- What a detached container has written.
---
--- ```lua
--- local container = require "container"
---
--- local box = container.new { name = "logs-example", rootfs = "host", detach = true }
--- box:start { "echo", "hello" }
--- assert(container.get("logs-example"):wait().code == 0)
--- assert(box:logs()[1].text == "hello")
--- box:delete()
--- ```
---@param given? { tail: integer?, since: string?, stream: string?, follow: boolean?, each: any }
--- tail: only the last lines; since: a time as the log has it; follow: goes on as long as it runs,
--- and hands each row to `each`
---@return container.LogRow[]?
function Box:logs(given)
  return ask(self, "logs", given)
end

return Box
