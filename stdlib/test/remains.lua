--- What a machine has of containers: looked at twice, the difference is what somebody has left
--- behind. For a machine of one's own (`tests/box.sh`): elsewhere other
--- programs make processes, groups and links at any time.
---
--- ```lua
--- local remains = require "test.remains"
---
--- local before = remains.look { "/tmp" }
--- local dir <close> = temp_dir { parent = "/tmp" }
--- assert(remains.look({ "/tmp" })["file " .. dir.path])
--- assert(not before["file " .. dir.path])
--- ```
local M = {}

--- Compiled filters are kept for the next start, and a lock's file has to stay: whoever removed it
--- could hold the lock together with one who has opened it before.
local KEPT = { ["seccomp-cache"] = true, lock = true }

-- Directories that the first user makes, and that stay, empty.
local STAY = { journal = true, containers = true, network = true, ports = true }

local function files(dir, found)
  for _, name in ipairs(try(list_dir, dir) or {}) do
    local path = dir .. "/" .. name
    local info = stat(path, { nofollow = true })
    if info and not KEPT[name] then
      if info.type ~= "directory" or not STAY[name] then
        found["file " .. path] = true
      end
      if info.type == "directory" then
        files(path, found)
      end
    end
  end
end

local function groups(dir, found)
  for _, name in ipairs(try(list_dir, dir) or {}) do
    local path = dir .. "/" .. name
    local info = stat(path, { nofollow = true })
    if info and info.type == "directory" then
      found["cgroup " .. path] = true
      groups(path, found)
    end
  end
end

local function processes(found)
  for _, name in ipairs(list_dir "/proc") do
    local pid = math.tointeger(tonumber(name))
    local status = pid and try(proc_stat, pid)
    if status then
      found[("process %d (%s) %s"):format(pid, status.comm, status.state == "Z" and "dead" or "")] =
        true
    end
  end
end

--- The tables of nftables, where there is the program.
local function tables(found)
  local listed = try(capture, { "nft", "list", "tables" })
  for line in (listed and listed.stdout or ""):gmatch "[^\n]+" do
    found[line] = true
  end
end

--- Everything that a container could leave: processes, control groups, mounts, links, named network
--- namespaces, tables of rules, and files below these directories.
---@param dirs? string[]
---@return table<string, boolean> found
function M.look(dirs)
  local found = {}
  processes(found)
  groups("/sys/fs/cgroup", found)
  for _, one in ipairs(mountinfo()) do
    found[("mount %d %s"):format(one.mount_id, one.mount_point)] = true
  end
  for _, link in ipairs(links()) do
    found["link " .. link.name] = true
  end
  for _, name in ipairs(try(list_dir, "/run/netns") or {}) do
    found["namespace " .. name] = true
  end
  tables(found)
  for _, dir in ipairs(dirs or {}) do
    files(dir, found)
  end
  return found
end

--- What is there now and was not before, or the other way round. The kernel may take a moment to
--- remove a group or a link, and a monitor to end: it is waited for.
---@param before table<string, boolean>
---@param dirs? string[]
---@param patience? number seconds; 30
---@return string[] left
function M.left(before, dirs, patience)
  local give_up = clock "monotonic" + (patience or 30)
  while true do
    local now, left = M.look(dirs), {}
    for what in pairs(now) do
      left[#left + 1] = not before[what] and what or nil
    end
    for what in pairs(before) do
      left[#left + 1] = not now[what] and "gone: " .. what or nil
    end
    if #left == 0 or clock "monotonic" > give_up then
      table.sort(left)
      return left
    end
    poll({}, { timeout = "20ms" })
  end
end

--- How fast a value grows: the slope of the line that has the least squares from the points.
---@param points number[][] each { x, y }
---@return number slope
function M.slope(points)
  local n, sx, sy, sxx, sxy = #points, 0, 0, 0, 0
  for _, point in ipairs(points) do
    local x, y = point[1], point[2]
    sx, sy, sxx, sxy = sx + x, sy + y, sxx + x * x, sxy + x * y
  end
  local spread = n * sxx - sx * sx
  return spread == 0 and 0 or (n * sxy - sx * sy) / spread
end

return M
