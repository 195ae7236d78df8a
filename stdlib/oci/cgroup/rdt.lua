--- `linux.intelRdt`: shares of the processor's cache and memory bandwidth, through the kernel's
--- resctrl file system (Documentation/arch/x86/resctrl.rst).
---
--- A class of service is a directory. With `closID` alone it must be there; with a schema it is
--- made where it is missing, and what is there already must say the same; without `closID` it is
--- the container's own and has its id. Only what was made is removed again.
---
--- ```lua
--- local rdt = require "oci.cgroup.rdt"
---
--- local _, err = try(rdt.make, { closID = "../x" }, "box")
--- assert(err and err.message)
--- ```
local options = require "options"

local M = {}

local OP = "linux.intelRdt"

--- Where the file system is mounted.
local function find_mount()
  for _, mount in ipairs(mountinfo() or {}) do
    if mount.fs_type == "resctrl" then
      return mount.mount_point
    end
  end
  local known = (read_file("/proc/filesystems") or ""):find("\tresctrl\n", 1, true)
  options.fail(
    OP,
    known and "no resctrl file system is mounted" or "this kernel has no resctrl file system",
    known and "mount -t resctrl resctrl /sys/fs/resctrl"
      or "it needs a processor with RDT and CONFIG_X86_CPU_RESCTRL"
  )
end

--- The lines that the config asks for, in order.
local function lines_of(given)
  local lines = {}
  for _, key in ipairs { "l3CacheSchema", "memBwSchema" } do
    for line in (given[key] or ""):gmatch("[^\n]+") do
      -- What would limit bandwidth has a field of its own, and is dropped where both are given.
      if key ~= "l3CacheSchema" or not line:find("^%s*MB:") or not given.memBwSchema then
        lines[#lines + 1] = line
      end
    end
  end
  for _, line in ipairs(given.schemata or {}) do
    lines[#lines + 1] = line
  end
  return lines
end

local function normal(line)
  return (line:gsub("%s", ""):gsub("([:=;])0+(%x)", "%1%2"):lower())
end

--- Whether a class that is there gives what is asked for.
local function agrees(dir, lines)
  local there = {}
  for line in (read_file(dir .. "/schemata") or ""):gmatch("[^\n]+") do
    there[normal(line)] = true
  end
  for _, line in ipairs(lines) do
    if not there[normal(line)] then
      return false
    end
  end
  return true
end

local function check_name(name)
  if name:find("/", 1, true) or name == "." or name == ".." or name == "" then
    options.fail(OP .. ".closID", ("%q is not the name of a class"):format(name))
  end
end

local function write_lines(dir, lines)
  for _, line in ipairs(lines) do
    local _, err = try(write_file, dir .. "/schemata", line .. "\n", { append = true })
    if err then
      local why = read_file(dir .. "/../info/last_cmd_status") or ""
      options.fail(OP, ("the kernel refuses %q: %s"):format(line, why:match("[^\n]*")), nil, err)
    end
  end
end

--- Finds or makes the class of service, and its monitoring group.
---@param given table `linux.intelRdt`
---@param id string the container's
---@param mount? string where resctrl is mounted
---@return table record { dir, made, monitor }
function M.make(given, id, mount)
  local name = given.closID
  if name and name ~= "/" then
    check_name(name)
  end
  mount = mount or find_mount()
  local dir = name == "/" and mount or mount .. "/" .. (name or id)
  local lines = lines_of(given)
  local record = { dir = dir, made = false }
  if not stat(dir) then
    if name and #lines == 0 then
      options.fail(OP .. ".closID", ("there is no class of service %q"):format(name))
    end
    mkdir(dir)
    record.made = true
  elseif name and #lines > 0 and not agrees(dir, lines) then
    options.fail(OP, ("the class of service %q is there with another schema"):format(name))
  end
  local _, err = try(function()
    if record.made or not name then
      write_lines(dir, lines)
    end
    if given.enableMonitoring then
      record.monitor = dir .. "/mon_groups/" .. id
      mkdir(record.monitor)
    end
  end)
  if err then
    M.remove(record)
    error(err, 0)
  end
  return record
end

--- Changes the schema of a running container.
---@param record? table
---@param given table `l3CacheSchema`, `memBwSchema`, `schemata`
function M.set(record, given)
  if not record then
    options.fail(OP, "the container was made without it")
  end
  write_lines(record.dir, lines_of(given))
end

--- Puts a process into the class.
---@param record table
---@param pid integer
function M.join(record, pid)
  write_file(record.dir .. "/tasks", tostring(pid), { append = true })
  if record.monitor then
    write_file(record.monitor .. "/tasks", tostring(pid), { append = true })
  end
end

--- What the kernel shows of the class, in runc's words.
---@param record table
---@return table
function M.stats(record)
  local text = read_file(record.dir .. "/schemata") or ""
  local l3, bandwidth = text:match("(L3:[^\n]*)"), text:match("(MB:[^\n]*)")
  return { l3_cache_schema = l3, mem_bw_schema = bandwidth }
end

---@param record table
function M.remove(record)
  if record.monitor then
    try(remove, record.monitor, { directory = true })
  end
  if record.made then
    try(remove, record.dir, { directory = true })
  end
end

return M
