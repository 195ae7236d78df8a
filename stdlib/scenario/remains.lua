--- What a stage may leave, by its record: processes of its sessions, and what carries its prefix:
--- control groups, links, named network namespaces, containers, mounts below its directory.
---
--- The record lies under the state directory from before anything of the stage runs until all of it
--- is gone, so that after a kill at any moment `crun-lua gc` does what its keeper could not.
---
--- ```lua
--- local remains = require "scenario.remains"
---
--- for _, text in ipairs(remains.gc()) do
---   print("removed", text)
--- end
--- ```
local M = {}

-- For how long a group whose processes are about to end is tried again.
local PATIENCE = 5

local function records_dir()
  return state_dir() .. "/scenario"
end

local function file_of(record)
  return ("%s/%s.json"):format(records_dir(), record.token)
end

--- A process, so that no later one with its number is taken for it.
---@param pid integer
function M.mark(pid)
  local found = try(proc_stat, pid)
  return { pid = pid, starttime = found and found.starttime or 0 }
end

local function lives(mark)
  local found = mark and try(proc_stat, mark.pid)
  return found ~= nil
    and found.starttime == mark.starttime
    and found.state ~= "Z"
    and found.state ~= "X"
end

--- The record of a stage that is about to begin.
---@param stage scenario.Stage
function M.new(stage)
  local own = M.mark(proc_stat().pid)
  return {
    token = stage.token,
    prefix = stage.prefix,
    dir = stage.dir,
    owner = own,
    sessions = {},
  }
end

--- Writes a record. Another stage's end may remove the directory between the two steps.
function M.write(record)
  local text = json_encode(record)
  local err
  for _ = 1, 100 do
    mkdir(records_dir(), { parents = true, mode = "0700" })
    err = select(2, try(write_file, file_of(record), text, { mode = "0600", atomic = true }))
    if not err or err.errno ~= "ENOENT" then
      break
    end
  end
  if err then
    error(err, 0)
  end
end

--- Ends who is left of the stage's sessions, where the wardens could not.
local function end_sessions(record)
  local sessions = {}
  for _, mark in ipairs(record.sessions) do
    local leader = try(proc_stat, mark.pid)
    -- A number that another session has now is none of ours.
    if not leader or leader.starttime == mark.starttime then
      sessions[mark.pid] = mark.starttime
    end
  end
  local dead = {}
  for _ = 1, 1000 do
    local living = 0
    for _, pid in ipairs(pids()) do
      local found = try(proc_stat, pid)
      local since = found and sessions[found.session]
      if since and found.starttime >= since and found.state ~= "Z" and found.state ~= "X" then
        living = living + 1
        dead[pid] = found.starttime
        try(kill, pid, "kill")
      end
    end
    if living == 0 then
      break
    end
    poll({}, { timeout = "2ms" })
  end
  for pid, starttime in pairs(dead) do
    try(journal_collect, pid, starttime)
  end
end

local function starts(name, prefix)
  return name:sub(1, #prefix) == prefix
end

-- What the names of a group's own files begin with.
local FILES = {}
for word in
  ([[blkio cgroup cpu cpuacct cpuset devices freezer hugetlb io memory misc net_cls net_prio
     notify_on_release perf_event pids rdma release_agent tasks irq]]):gmatch("%S+")
do
  FILES[word] = true
end

--- The control groups with a prefix, and all below them.
---@param prefix string
---@param where? string the directory that is searched; without it all hierarchies
---@param depth? integer how deep; 6
---@return string[] paths those that lie deeper come later
function M.groups(prefix, where, depth)
  local found = {}
  local function walk(dir, left, inside)
    for _, name in ipairs(left > 0 and try(list_dir, dir) or {}) do
      local path = dir .. "/" .. name
      local entry = not FILES[name:match("^[^.]*")] and try(stat, path, { nofollow = true })
      if entry and entry.type == "directory" then
        local ours = inside or starts(name, prefix)
        found[#found + 1] = ours and path or nil
        walk(path, left - 1, ours)
      end
    end
  end
  for _, hierarchy in ipairs(where and { { mount = where } } or cgroup_layout().hierarchies) do
    walk(hierarchy.mount, depth or 6, false)
  end
  return found
end

--- Lets the groups with a prefix go on: on v1 not even SIGKILL reaches what is frozen.
---@param prefix string
function M.thaw(prefix)
  for _, path in ipairs(M.groups(prefix)) do
    for file, word in pairs { ["freezer.state"] = "THAWED", ["cgroup.freeze"] = "0" } do
      if stat(path .. "/" .. file) then
        try(write_file, path .. "/" .. file, word)
      end
    end
  end
end

local function end_groups(prefix, problems)
  local until_ = clock("monotonic") + PATIENCE
  local left
  repeat
    left = M.groups(prefix)
    for at = #left, 1, -1 do
      for pid in (try(read_file, left[at] .. "/cgroup.procs") or ""):gmatch("%d+") do
        try(kill, math.tointeger(tonumber(pid)), "kill")
      end
      try(remove, left[at], { directory = true, missing = true })
    end
    if #left > 0 then
      poll({}, { timeout = "10ms" })
    end
  until #left == 0 or clock("monotonic") > until_
  for _, path in ipairs(left) do
    problems[#problems + 1] = ("the control group %s could not be removed"):format(path)
  end
end

--- The mounts of a stage, the innermost first.
---@return string[]
function M.mounts(record)
  local found = {}
  for _, row in ipairs(mountinfo() or {}) do
    local inside = row.mount_point == record.dir or starts(row.mount_point, record.dir .. "/")
    if inside or row.mount_point:find(record.token, 1, true) then
      table.insert(found, 1, row.mount_point)
    end
  end
  return found
end

--- Removes what carries the stage's prefix, its directory, and at last its record.
---@param record table
---@return string[] problems what is still there, and why
function M.sweep(record)
  local problems = {}
  for _, name in ipairs(try(list_dir, state_dir() .. "/containers") or {}) do
    if starts(name, record.prefix) then
      local box = try(require("container").get, name)
      local _, err = nil, nil
      if box then
        _, err = try(box.delete, box, { force = true })
      end
      problems[#problems + 1] = err and ("the container %s: %s"):format(name, err.message)
    end
  end
  end_groups(record.prefix, problems)
  for _, name in ipairs(try(netns_list) or {}) do
    name = type(name) == "table" and name.name or name
    if starts(name, record.prefix) then
      local _, err = try(netns_delete, name, { host = true })
      problems[#problems + 1] = err and ("the network namespace %s: %s"):format(name, err.message)
    end
  end
  for _, link in ipairs(try(links) or {}) do
    if starts(link.name, record.prefix) then
      local _, err = try(link_delete, link.name, { host = true })
      if err and err.errno ~= "ENODEV" and err.errno ~= "ENOENT" then
        problems[#problems + 1] = ("the link %s: %s"):format(link.name, err.message)
      end
    end
  end
  for _, path in ipairs(M.mounts(record)) do
    local _, err = try(umount, path, { detach = true, host = true })
    problems[#problems + 1] = err and ("the mount %s: %s"):format(path, err.message)
  end
  local _, err = try(remove, record.dir, { recursive = true, missing = true })
  problems[#problems + 1] = err and ("the directory %s: %s"):format(record.dir, err.message)
  if #problems == 0 then
    try(remove, file_of(record), { missing = true })
    -- The last one takes the directory of the records along.
    try(remove, records_dir(), { directory = true, missing = true })
  end
  return problems
end

local function is_mark(mark)
  return type(mark) == "table"
    and math.type(mark.pid) == "integer"
    and math.type(mark.starttime) == "integer"
end

--- Whether a record is one that a stage has written. It says what is killed, unmounted and removed
--- by the beginning of its name: with an empty prefix that would be everything there is.
local function is_record(record)
  if
    type(record) ~= "table"
    or type(record.token) ~= "string"
    or not record.token:find "^%w+$"
    or #record.token < 16
    or record.prefix ~= "s" .. record.token:sub(1, 5)
    or type(record.dir) ~= "string"
    or not record.dir:find "^/.*/crun%-lua%-%x+$"
    or type(record.sessions) ~= "table"
    or not is_mark(record.owner)
    or record.keeper ~= nil and not is_mark(record.keeper)
  then
    return false
  end
  for _, mark in ipairs(record.sessions) do
    if not is_mark(mark) then
      return false
    end
  end
  return true
end

--- Removes what stages have left whose program and keeper are dead.
---@return string[] removed
function M.gc()
  local told = {}
  for _, name in ipairs(try(list_dir, records_dir()) or {}) do
    local path = records_dir() .. "/" .. name
    local record = name:find("%.json$") and try(json_decode, try(read_file, path) or "")
    if not is_record(record) then
      if name:find("%.json$") then
        told[#told + 1] = ("a scenario's record that cannot be read: %s"):format(path)
        try(remove, path, { missing = true })
      end
    elseif not lives(record.owner) and not lives(record.keeper) then
      M.thaw(record.prefix)
      end_sessions(record)
      local problems = M.sweep(record)
      if #problems == 0 then
        try(remove, path, { missing = true })
      end
      told[#told + 1] = ("what a scenario has left: %s"):format(record.prefix)
      for _, text in ipairs(problems) do
        told[#told + 1] = text
      end
    end
  end
  try(remove, records_dir(), { directory = true, missing = true })
  return told
end

return M
