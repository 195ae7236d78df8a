--- The control groups of a process: membership, limits, usage and events, in the same words on
--- version 1 and 2; the tightest limit on the way up to the root; and what keeps limits from being
--- set.
---
--- ```lua
--- local cgroup = require "inspect.cgroup"
---
--- local found = cgroup.read(proc_stat().pid)
--- assert(found.layout and #found.memberships >= 0)
--- ```
local part = require "inspect.part"

local M = {}

--- The files that hold a limit, by version; the group's own value comes from `cgroup:get`.
local LIMITS = {
  memory = { v1 = "memory.limit_in_bytes", v2 = "memory.max", controller = "memory" },
  pids = { v1 = "pids.max", v2 = "pids.max", controller = "pids" },
  cpu = { v1 = "cpu.cfs_quota_us", v2 = "cpu.max", controller = "cpu" },
}

-- What version 1 writes where memory has no limit: the largest number of whole pages.
local NO_LIMIT = 1 << 62

local function first_line(path)
  local text = part.known(part.read(read_file, path))
  return text and (text:gsub("\n.*", "")) or nil
end

local function words(text)
  local list = json_array {}
  for word in (text or ""):gmatch("%S+") do
    list[#list + 1] = word
  end
  return list
end

--- The part of a group's path that lies below the directory which is mounted.
local function below_mount(path, root)
  if root == "/" then
    return path
  elseif path == root then
    return "/"
  end
  return path:sub(1, #root + 1) == root .. "/" and path:sub(#root + 1) or nil
end

--- Each hierarchy with the directory that the process's group has in it; without one where the
--- group lies outside of what is mounted here.
local function places(memberships, layout)
  local roots = {}
  for _, mount in ipairs(mountinfo() or {}) do
    roots[mount.mount_point] = mount.root
  end
  local list = json_array {}
  for _, group in ipairs(memberships) do
    local row = { controllers = json_array(group.controllers), path = group.path }
    row.version = group.hierarchy_id == 0 and "v2" or "v1"
    for _, hierarchy in ipairs(layout.hierarchies) do
      local name = hierarchy.name and "name=" .. hierarchy.name or hierarchy.controllers[1]
      local same = hierarchy.version == row.version
        and (row.version == "v2" or name == group.controllers[1])
      local path = same and below_mount(group.path, roots[hierarchy.mount] or "/")
      if path and not path:find("/..", 1, true) then
        row.mount = hierarchy.mount
        row.dir = path == "/" and hierarchy.mount or hierarchy.mount .. path
      end
    end
    list[#list + 1] = row
  end
  return list
end

--- A limit's number, or nil for none.
local function number_of(kind, text)
  if kind == "cpu" and text and text:find(" ") then
    local quota, period = text:match("^(%d+) (%d+)")
    return quota and tonumber(quota) / tonumber(period)
  end
  local number = math.tointeger(tonumber(text or ""))
  return number and number >= 0 and number < NO_LIMIT and number or nil
end

local function group_limit(kind, row, dir)
  local known = LIMITS[kind]
  local limit = number_of(kind, first_line(dir .. "/" .. known[row.version]))
  if limit and kind == "cpu" and row.version == "v1" then
    local period = tonumber(first_line(dir .. "/cpu.cfs_period_us") or "100000")
    limit = limit / period
  end
  return limit
end

--- The tightest limit of a kind from the group up to the root: `{ limit, at }`.
local function effective(kind, memberships)
  local best
  for _, row in ipairs(memberships) do
    local listed = "," .. table.concat(row.controllers, ",") .. ","
    local wanted = "," .. LIMITS[kind].controller .. ","
    local dir = (row.version == "v2" or listed:find(wanted, 1, true)) and row.dir
    while dir and #dir >= #row.mount do
      local limit = group_limit(kind, row, dir)
      if limit and (not best or limit < best.limit) then
        best = { limit = limit, at = dir }
      end
      dir = dir ~= row.mount and dir:match("^(.+)/[^/]+$") or nil
    end
  end
  return best
end

--- How a group of version 2 stands in its tree: which controllers it has, which it hands down, who
--- is in it. `cgroups(7)`: a group with processes may hand down no controller ("no internal
--- processes"), and a group without a controller has none of its files.
---@param dir string
---@param mount string where the hierarchy is mounted
---@return table
function M.unified(dir, mount)
  local answer = {
    dir = dir,
    root = dir == mount,
    type = first_line(dir .. "/cgroup.type"),
    controllers = words(first_line(dir .. "/cgroup.controllers")),
    subtree_control = words(first_line(dir .. "/cgroup.subtree_control")),
    children = json_array {},
    members = 0,
  }
  for _ in (part.known(part.read(read_file, dir .. "/cgroup.procs")) or ""):gmatch("[^\n]+") do
    answer.members = answer.members + 1
  end
  for _, name in ipairs(part.known(part.read(list_dir, dir)) or {}) do
    local file = stat(dir .. "/" .. name)
    if file and file.type == "directory" then
      table.insert(answer.children, name)
    end
  end
  -- Every group on the way must hand a controller down; the first that does not is to be named.
  answer.missing = {}
  local available = words(first_line(mount .. "/cgroup.controllers"))
  local steps, at = {}, dir
  while at ~= mount and #at > #mount do
    at = at:match("^(.+)/[^/]+$")
    table.insert(steps, 1, at)
  end
  for _, controller in ipairs(available) do
    for _, step in ipairs(steps) do
      local handed = " " .. (first_line(step .. "/cgroup.subtree_control") or "") .. " "
      if not handed:find(" " .. controller .. " ", 1, true) then
        answer.missing[controller] = step
        break
      end
    end
  end
  return answer
end

--- Whether version 1's freezer holds the group; nil where there is none.
local function is_frozen(memberships)
  for _, row in ipairs(memberships) do
    local state = row.controllers[1] == "freezer" and row.dir
    state = state and first_line(row.dir .. "/freezer.state")
    if state then
      return state ~= "THAWED"
    end
  end
end

--- The group's values as the primitives have them on both versions.
local function values(pid)
  local group <close> = cgroup_of(pid)
  local stats = group:stats()
  if stats.memory then
    stats.memory.stat = nil
  end
  return { limits = group:get(), usage = stats, events = group:events() }
end

--- `{ layout, memberships, limits, usage, events, effective, unified, pressure }`.
---@param pid integer
---@param from? table where the readers read
---@return table
function M.read(pid, from)
  local memberships = proc_cgroup(pid, from)
  if not memberships then
    return part.unreadable("ESRCH")
  end
  if from then
    return { memberships = json_array(memberships), effective = {} }
  end
  local layout = cgroup_layout()
  local answer = { layout = layout.kind, memberships = places(memberships, layout), effective = {} }
  local found = part.read(values, pid)
  if found.unreadable then
    answer.usage = found
  else
    answer.limits, answer.usage, answer.events = found.limits, found.usage, found.events
  end
  if answer.events and answer.events.frozen == nil then
    answer.events.frozen = is_frozen(answer.memberships)
  end
  for kind in pairs(LIMITS) do
    answer.effective[kind] = effective(kind, answer.memberships)
  end
  for _, row in ipairs(answer.memberships) do
    if row.version == "v2" and row.dir and layout.kind == "v2" then
      answer.unified = M.unified(row.dir, row.mount)
    end
  end
  return answer
end

return M
