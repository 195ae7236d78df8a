--- `update`: changes limits of a container that is there. Only what is named is written: a limit
--- that somebody else has set meanwhile, or that this command knows nothing of, stays as it is.
local options = require "options"

-- Which option is which field of `linux.resources`.
local FIELDS = {
  { "blkio_weight", "blockIO", "weight" },
  { "cpu_period", "cpu", "period" },
  { "cpu_quota", "cpu", "quota" },
  { "cpu_burst", "cpu", "burst" },
  { "cpu_share", "cpu", "shares" },
  { "cpu_rt_period", "cpu", "realtimePeriod" },
  { "cpu_rt_runtime", "cpu", "realtimeRuntime" },
  { "cpu_idle", "cpu", "idle" },
  { "cpuset_cpus", "cpu", "cpus" },
  { "cpuset_mems", "cpu", "mems" },
  { "memory", "memory", "limit" },
  { "memory_reservation", "memory", "reservation" },
  { "memory_swap", "memory", "swap" },
  { "kernel_memory", "memory", "kernel" },
  { "kernel_memory_tcp", "memory", "kernelTCP" },
  { "pids_limit", "pids", "limit" },
  { "l3_cache_schema", "intelRdt", "l3CacheSchema" },
  { "mem_bw_schema", "intelRdt", "memBwSchema" },
}

-- Those whose value is text; the rest are numbers.
local TEXTS =
  { cpuset_cpus = true, cpuset_mems = true, l3_cache_schema = true, mem_bw_schema = true }

local function from_options(given)
  local resources = {}
  for _, field in ipairs(FIELDS) do
    local value = given[field[1]]
    if value ~= nil and not TEXTS[field[1]] then
      value = math.tointeger(tonumber(value))
      if not value then
        local name = "--" .. field[1]:gsub("_", "-")
        options.fail("update", ("%s: expected a number, got %q"):format(name, given[field[1]]))
      end
    end
    if value ~= nil then
      resources[field[2]] = resources[field[2]] or {}
      resources[field[2]][field[3]] = value
    end
  end
  return resources
end

--- The object of a file, or of standard input, like `linux.resources`.
local function from_file(name)
  local text = name == "-" and io.stdin:read("a") or read_file(name)
  if not text then
    options.fail("update", ("open %s: no such file or directory"):format(name))
  end
  local resources, err = try(json_decode, text)
  if type(resources) ~= "table" then
    local why = err and err.message or "expected an object"
    options.fail("update", ("%s: %s"):format(name == "-" and "standard input" or name, why))
  end
  local problem = require("oci.schema").check(resources, "resources.resources")
  if problem then
    options.fail("update", ("%s: %s: %s"):format(name, problem.path, problem.text), problem.hint)
  end
  return resources
end

local function update(call)
  local id = call.operands[1]
  local record = require("oci.state").get(call.global.root, id)
  if record.status == "stopped" then
    options.fail("update", ("container %q is not running"):format(id))
  end
  local given = call.options.resources
  local resources = given and from_file(given) or from_options(call.options)
  local group = require("oci.cgroup").open(record.cgroup)
  group:set(resources)
  return 0
end

return update
