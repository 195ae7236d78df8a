--- `linux.resources` of config.json: limits of the container's cgroup (runtime-spec,
--- config-linux.md, "Control groups"; the kernel's Documentation/admin-guide/cgroup-v1 and
--- cgroup-v2.rst). `update` reads the same from a file of its own.
---
--- ```lua
--- local schema = require "oci.schema"
---
--- local problem = schema.check({ memory = { swappiness = 101 } }, "resources.resources")
--- assert(problem.path == ".memory.swappiness")
--- ```
local M = { rules = {} }

M.resources = {
  devices = "resources.device_rule[]", -- in this order, the last that matches counts
  memory = "resources.memory",
  cpu = "resources.cpu",
  pids = "resources.pids",
  blockIO = "resources.block_io",
  hugepageLimits = "resources.huge_pages[]",
  network = "resources.network",
  rdma = "{resources.rdma}", -- by device
  unified = "{string}", -- files of cgroup v2, and what is written to them
}

M.device_rule = {
  allow = "boolean!",
  type = "resources.device_type", -- a where it is missing
  major = "limit", -- -1, or missing, is all
  minor = "limit",
  access = "resources.access",
}
M.device_type = { "a", "c", "b" }

-- Bytes; -1 is no limit
M.memory = {
  limit = "limit",
  reservation = "limit",
  swap = "limit", -- memory and swap together
  kernel = "limit", -- kernels from 5.16 on ignore it
  kernelTCP = "limit",
  swappiness = "0..100",
  disableOOMKiller = "boolean",
  useHierarchy = "boolean",
  checkBeforeUpdate = "boolean",
}

-- Times in microseconds
M.cpu = {
  shares = "uint64",
  quota = "limit",
  period = "uint64",
  burst = "uint64",
  realtimeRuntime = "limit",
  realtimePeriod = "uint64",
  cpus = "process.cpu_list",
  mems = "process.cpu_list",
  idle = "0..1",
}

M.pids = { limit = "limit!" }

M.block_io = {
  weight = "resources.weight",
  leafWeight = "resources.weight",
  weightDevice = "resources.device_weight[]",
  throttleReadBpsDevice = "resources.throttle[]",
  throttleWriteBpsDevice = "resources.throttle[]",
  throttleReadIOPSDevice = "resources.throttle[]",
  throttleWriteIOPSDevice = "resources.throttle[]",
}
M.device_weight = {
  major = "0..4095!",
  minor = "0..1048575!",
  weight = "resources.weight",
  leafWeight = "resources.weight",
}
M.throttle = { major = "0..4095!", minor = "0..1048575!", rate = "uint64!" } -- 0 is no limit

M.huge_pages = { pageSize = "resources.page_size!", limit = "uint64!" }

M.network = { classID = "uint32", priorities = "resources.priority[]" }
M.priority = { name = "linux.interface!", priority = "uint32!" }

M.rdma = { hcaHandles = "uint32", hcaObjects = "uint32" }

--- 0 is what callers write for "as it is".
function M.weight(value)
  if math.type(value) ~= "integer" or value ~= 0 and (value < 10 or value > 1000) then
    return "0, or a whole number from 10 to 1000"
  end
end

function M.access(value)
  if type(value) ~= "string" or value:find "[^rwm]" then
    return 'letters of "rwm"'
  end
end

--- The name of a directory of `/sys/kernel/mm/hugepages`, in the kernel's other way to write it.
function M.page_size(value)
  if type(value) ~= "string" or not value:find "^[1-9]%d*[KMG]B$" then
    return 'a size such as "2MB" or "64KB"'
  end
end

function M.rules.memory(memory)
  local limit, swap = memory.limit or 0, memory.swap or 0
  if swap > 0 and limit > swap then
    return ".swap", ("is memory and swap together, and less than the limit %d"):format(limit)
  end
end

--- Names are files of the container's own group, and no others.
function M.rules.resources(resources)
  for name in pairs(resources.unified or {}) do
    if not name:find "^[%w_]+%.[%w_.]+$" or name:find("..", 1, true) then
      local shown = name:sub(1, 80):gsub('[%c"\\]', "?")
      return ('.unified["%s"]'):format(shown), 'expected a file name such as "memory.high"'
    end
  end
  for name in pairs(resources.rdma or {}) do
    if name == "" or name:find "[%s%c]" then
      local shown = name:sub(1, 80):gsub('[%c"\\]', "?")
      return ('.rdma["%s"]'):format(shown), "expected the name of a device"
    end
  end
end

return M
