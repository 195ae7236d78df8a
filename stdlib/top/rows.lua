--- Containers as rows: what each uses, with a bounded history, sampled anew at each update.
---
--- Usage comes from the container's control group, or from its processes where it has none. A
--- container that goes between two looks is a row without usage.
---
--- ```lua
--- local rows = require "top.rows"
---
--- local sampler = rows.sampler()
--- local list = sampler:update { { name = "self", status = "running", pid = proc_stat().pid } }
--- assert(list[1].name == "self" and list[1].usage)
--- ```
local findings = require "cgroup.findings"
local processes = require "top.processes"
local target = require "top.target"
local usage = require "cgroup.usage"

local M = {}

---@class top.Traffic
---@field received integer bytes, since the network namespace was made
---@field sent integer
---@field receive_rate? number bytes a second since the last update
---@field send_rate? number

---@class top.Row
---@field name string
---@field status string
---@field pid? integer
---@field usage? cgroup.Usage
---@field network? top.Traffic nil where the container has no network of its own
---@field findings cgroup.Finding[]
---@field cpu_history (number|false)[]
---@field memory_history (number|false)[]

---@class top.Sampler
local Sampler = {}
Sampler.__index = Sampler

--- A sampler without rows.
---@param given? { history: integer? } so many samples are kept; 60
---@return top.Sampler
function M.sampler(given)
  return setmetatable({ kept = (given or {}).history or 60, known = {} }, Sampler)
end

--- What a container uses. Its group is opened once: where it is does not change.
local function measure(record, entry)
  if not record.pid then
    return nil
  end
  if entry.group == nil then
    entry.group = target.group(record) or false
  end
  if not entry.group then
    return processes.usage(record.pid, entry.usage)
  end
  return (usage.of(entry.group, entry.usage))
end

local function forget(entry)
  if entry.group then
    entry.group:close()
  end
end

--- The bytes that went through the container's devices; nil where they are the host's.
local function traffic(record, before, seconds)
  local inside = record.pid and try(proc_ns, record.pid)
  if not inside or inside.net == proc_ns().net then
    return nil
  end
  local found = { received = 0, sent = 0 }
  for _, device in ipairs(try(proc_net, record.pid, "dev") or {}) do
    if device.interface ~= "lo" then
      found.received = found.received + device.rx_bytes
      found.sent = found.sent + device.tx_bytes
    end
  end
  if before and seconds and seconds > 0 then
    found.receive_rate = math.max(found.received - before.received, 0) / seconds
    found.send_rate = math.max(found.sent - before.sent, 0) / seconds
  end
  return found
end

local function push(list, value, most)
  list[#list + 1] = value or false
  if #list > most then
    table.remove(list, 1)
  end
end

--- Samples every container of the list.
---@param records table[] as `container.list` answers
---@return top.Row[]
function Sampler:update(records)
  local out, known = {}, {}
  for index, record in ipairs(records) do
    local entry = self.known[record.name]
    -- Another container of the name, or its next start, begins anew.
    if not entry or entry.pid ~= record.pid then
      forget(entry or {})
      entry = { pid = record.pid, cpu = {}, memory = {} }
    end
    self.known[record.name] = nil
    local before = entry.usage
    local now = measure(record, entry)
    local seconds = now and before and now.at - before.at
    entry.network = now and traffic(record, entry.network, seconds)
    entry.usage, entry.first = now, entry.first or now
    push(entry.cpu, now and now.cpu and now.cpu.percent, self.kept)
    push(entry.memory, now and now.memory and now.memory.used, self.kept)
    known[record.name] = entry
    out[index] = {
      name = record.name,
      status = record.status,
      pid = record.pid,
      usage = now,
      network = entry.network,
      findings = now and findings.of(now, entry.first) or {},
      cpu_history = table.move(entry.cpu, 1, #entry.cpu, 1, {}),
      memory_history = table.move(entry.memory, 1, #entry.memory, 1, {}),
    }
  end
  self:close()
  self.known = known
  return out
end

--- Closes the groups that are open; the history is forgotten.
function Sampler:close()
  for _, entry in pairs(self.known) do
    forget(entry)
  end
  self.known = {}
end

Sampler.__close = Sampler.close

local function io_of(row)
  local io = row.usage and row.usage.io
  return io and (io.read_rate and io.read_rate + (io.write_rate or 0) or io.read + io.written)
end

local function net_of(row)
  local net = row.network
  return net and (net.receive_rate and net.receive_rate + net.send_rate or net.received + net.sent)
end

local VALUES = {
  cpu = function(row)
    return row.usage and row.usage.cpu and row.usage.cpu.percent
  end,
  memory = function(row)
    return row.usage and row.usage.memory and row.usage.memory.used
  end,
  pids = function(row)
    return row.usage and row.usage.pids and row.usage.pids.current
  end,
  io = io_of,
  net = net_of,
}

--- By what rows can be sorted.
M.KEYS = { "cpu", "io", "memory", "name", "net", "pids" }

--- Sorts the rows in place: the largest first, names from the alphabet's begin, what is not known
--- last.
---@param list top.Row[]
---@param key string one of `KEYS`
---@param reverse? boolean
---@return top.Row[] list
function M.sort(list, key, reverse)
  local value = VALUES[key]
  table.sort(list, function(a, b)
    local left, right = value and value(a), value and value(b)
    if left and right and left ~= right then
      if reverse then
        return left < right
      end
      return left > right
    elseif (left == nil) ~= (right == nil) then
      return left ~= nil
    end
    -- Names turn round only where they are what was asked for.
    if reverse and not value then
      return a.name > b.name
    end
    return a.name < b.name
  end)
  return list
end

return M
