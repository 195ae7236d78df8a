--- A learnt profile: what was done in some runs. It is made of what a recorder has seen, and of
--- other profiles; `learn.file` writes and reads it, `learn.grants` makes locks of it.
---
--- ```lua
--- local profile = require "learn.profile"
---
--- local made = profile.empty { "true" }
--- made.calls = { "exit_group", "read" }
--- local other = profile.empty { "false" }
--- assert(#profile.merge({ made, other }).calls == 2)
--- ```

local M = {}

-- Of the file's form.
M.FORMAT = 1

---@class learn.Profile
---@field format integer
---@field summary string
---@field commands string[] what was run
---@field runs integer
---@field caps_by "inference"|"bisection"|"none" how the capabilities were found
---@field caps string[]
---@field calls string[] calls that are allowed whatever their arguments
---@field arguments table<string, string[]> calls that are allowed with these arguments only
---@field start string[] calls that only the start of a program needs
---@field files { list: string[], ro: string[], rw: string[], exec: string[] }
---@field ports { bind: integer[], connect: integer[] } TCP
---@field scope ("abstract_unix_socket"|"signal")[] what it did not use of processes outside
---@field mounts { tmpfs: string[], volumes: string[] } what must be there to be written
---@field unseen string[] calls that answer ENOSYS, because nobody could see into them

--- A profile of nothing.
---@param command? string[]
---@return learn.Profile
function M.empty(command)
  local words = command and table.concat(command, " ") or nil
  return {
    format = M.FORMAT,
    summary = "learnt from: " .. (words or "nothing"),
    commands = { words },
    runs = command and 1 or 0,
    caps_by = "none",
    caps = {},
    calls = {},
    arguments = {},
    start = {},
    files = { list = {}, ro = {}, rw = {}, exec = {} },
    ports = { bind = {}, connect = {} },
    scope = { "abstract_unix_socket", "signal" },
    mounts = { tmpfs = {}, volumes = {} },
    unseen = {},
  }
end

local function sorted(set)
  local list = {}
  for item in pairs(set) do
    list[#list + 1] = item
  end
  table.sort(list)
  return list
end

local function is_below(path, above)
  return above == "/" or path == above or path:sub(1, #above + 1) == above .. "/"
end

--- Whether a path is another, or lies below it.
M.is_below = is_below

local function any_above(path, list)
  for _, above in ipairs(list) do
    if is_below(path, above) then
      return true
    end
  end
  return false
end

local function outermost(list)
  local kept = {}
  for _, path in ipairs(list) do
    if not any_above(path, kept) then
      kept[#kept + 1] = path
    end
  end
  return kept
end

--- The paths of a list that no path of the others holds.
---@param list string[]
---@param ... string[]
---@return string[]
function M.not_granted(list, ...)
  local kept = {}
  for _, path in ipairs(list) do
    local granted = false
    for _, others in ipairs { ... } do
      granted = granted or any_above(path, others)
    end
    kept[#kept + 1] = not granted and path or nil
  end
  return kept
end

--- Lists of paths without what another list grants already.
local function pruned(files)
  local made = { rw = outermost(files.rw), exec = outermost(files.exec) }
  made.ro = outermost(M.not_granted(files.ro, made.rw, made.exec))
  made.list = outermost(M.not_granted(files.list, made.rw, made.ro, made.exec))
  return made
end

-- Where every container has something of its own to write.
local SCRATCH = { "/tmp", "/var/tmp", "/run", "/dev/shm" }
local KERNEL = { "/dev", "/proc", "/sys" }

--- What a container whose root is read-only must have mounted.
local function mounts_of(files)
  local tmpfs, volumes = {}, {}
  for _, path in ipairs(files.rw) do
    local scratch
    for _, one in ipairs(SCRATCH) do
      scratch = scratch or is_below(path, one) and one
    end
    if scratch then
      tmpfs[scratch] = true
    elseif not any_above(path, KERNEL) then
      volumes[path] = true
    end
  end
  return { tmpfs = sorted(tmpfs), volumes = sorted(volumes) }
end

local function without(list, set)
  local kept = {}
  for _, item in ipairs(list) do
    kept[#kept + 1] = not set[item] and item or nil
  end
  return kept
end

-- By use: the list that grants it. A device is written to as well: its ioctls need that.
local LISTS =
  { read = "ro", list = "list", write = "rw", make = "rw", device = "rw", exec = "exec" }

--- What a recorder has seen, as a profile.
---@param seen learn.Recorder
---@param command string[]
---@return learn.Profile
function M.from(seen, command)
  local made = M.empty(command)
  local whole = {}
  for name, keys in pairs(seen.calls) do
    for key in pairs(keys) do
      if key == "" then
        whole[name] = true
      else
        made.arguments[name] = made.arguments[name] or {}
        table.insert(made.arguments[name], key)
      end
    end
  end
  for _, keys in pairs(made.arguments) do
    table.sort(keys)
  end
  made.calls, made.start, made.caps = sorted(whole), sorted(seen.start), sorted(seen.caps)
  local files = { list = {}, ro = {}, rw = {}, exec = {} }
  for path, done in pairs(seen.files) do
    for use in pairs(done) do
      files[LISTS[use]][path] = true
    end
  end
  for name, set in pairs(files) do
    files[name] = sorted(set)
  end
  made.files = pruned(files)
  made.mounts = mounts_of(made.files)
  made.ports = { bind = sorted(seen.ports.bind), connect = sorted(seen.ports.connect) }
  made.unseen = sorted(seen.unseen)
  made.scope = without(made.scope, seen.outside)
  return made
end

local function any_equal(item, list)
  for _, other in ipairs(list) do
    if other == item then
      return true
    end
  end
  return false
end

--- What is in any of some lists, sorted.
---@param ... string[]
---@return string[]
function M.union(...)
  local set = {}
  for _, list in ipairs { ... } do
    for _, item in ipairs(list) do
      set[item] = true
    end
  end
  return sorted(set)
end

local RANKS = { none = 0, bisection = 1, inference = 2 }

--- One profile that grants what any of some grants.
---@param list learn.Profile[]
---@return learn.Profile
function M.merge(list)
  local made = M.empty()
  local files = { list = {}, ro = {}, rw = {}, exec = {} }
  for _, one in ipairs(list) do
    for _, key in ipairs { "caps", "calls", "start", "unseen", "commands" } do
      made[key] = M.union(made[key], one[key])
    end
    for name, keys in pairs(one.arguments) do
      made.arguments[name] = M.union(made.arguments[name] or {}, keys)
    end
    for _, key in ipairs { "list", "ro", "rw", "exec" } do
      files[key] = M.union(files[key], one.files[key] or {})
    end
    for _, key in ipairs { "bind", "connect" } do
      made.ports[key] = M.union(made.ports[key], one.ports[key] or {})
    end
    made.mounts.tmpfs = M.union(made.mounts.tmpfs, one.mounts.tmpfs or {})
    made.mounts.volumes = M.union(made.mounts.volumes, one.mounts.volumes or {})
    local left = {}
    for _, item in ipairs(made.scope) do
      left[item] = not any_equal(item, one.scope)
    end
    made.scope = without(made.scope, left)
    made.runs = made.runs + one.runs
    -- The weakest word holds for all of it.
    made.caps_by = RANKS[one.caps_by] > RANKS[made.caps_by] and one.caps_by or made.caps_by
  end
  made.files = pruned(files)
  made.summary = ("learnt from %d runs of: %s"):format(made.runs, table.concat(made.commands, "; "))
  return made
end

return M
