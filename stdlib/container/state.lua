--- What is written down of every container, so that any process can find, enter, stop or delete it.
---
--- A container is a directory below the state directory. It appears under its name by one rename,
--- with its state in it, and each later state replaces the one before by a rename as well: so a
--- reader never meets half of anything, whenever the writer is killed.
---
--- ```text
--- containers/NAME/state.json     the record (see `container.Record`), and its version
--- containers/NAME/config.json    what it was made of, for exec, start and delete by others
--- containers/NAME/running        locked by the owner until the container has ended for good
--- containers/NAME/log            the output of a detached container
--- containers/.new-PID-START-NAME one that is being made
--- ```
---
--- Its owner is the process that made it and that waits for it: a script, or the monitor of a
--- detached container. An owner that is dead can clean up nothing, so whoever comes next does.
---
--- ```lua
--- local state = require "container.state"
---
--- assert(state.get("nobody") == nil)
--- for _, record in ipairs(state.list()) do
---   print(record.name, record.status)
--- end
--- ```
local options = require "options"
local owner = require "container.owner"

local M = {}

--- The form of the record that this program writes, and the newest that it reads.
M.VERSION = 1

---@class container.Record
---@field name string
---@field status "created"|"running"|"paused"|"restarting"|"stopped"|"damaged"
---@field pid? integer the first process, by the host's number; nil where it does not run
---@field starttime? integer when that process started, in ticks since boot: tells numbers apart
---@field owner { pid: integer, starttime: integer }
---@field created number seconds since 1970; so are started and finished
---@field started? number
---@field finished? number
---@field command? string[]
---@field rootfs string
---@field profile string
---@field namespaces string[] those that are its own
---@field cgroup? string the group's path, from the root of its hierarchies
---@field network? table
---@field health? "starting"|"healthy"|"unhealthy"
---@field exit? { code: integer, signal: string?, oom: boolean? }
---@field restarts integer
---@field labels? table<string, string>

local NAME = "^[%w][%w_.-]*$"
local MAX_NAME = 64

-- Where the containers are, as asked for once: each question makes the directory anew.
local place

local function base()
  place = place or state_dir() .. "/containers"
  return place
end

--- The directory of all containers; made where it is missing.
function M.base()
  if not stat(base()) then
    try(mkdir, base(), { mode = "0700" })
  end
  return base()
end

---@param name string
---@return string path of the container's directory
function M.dir(name)
  return base() .. "/" .. name
end

--- Fails where a name cannot be a directory, a host name and a part of a device's name at once.
---@param op string
---@param name any
function M.check_name(op, name)
  options.expect(op, "name", name, "string")
  if not name:match(NAME) or #name > MAX_NAME then
    local hint = ("letters, digits, '_', '.' and '-', a letter or digit first, at most %d"):format(
      MAX_NAME
    )
    options.fail(op, ("name: %q is no container's name"):format(name), hint)
  end
end

-- This process, and whether another one lives.
M.self, M.forked, M.alive = owner.self, owner.forked, owner.alive

--- Replaces a file at once: a reader sees the old text or the new one.
local function replace(path, text)
  write_file(path, text, { mode = "0600", atomic = true })
end

local function encode(record)
  local copy = { version = M.VERSION }
  for key, value in pairs(record) do
    copy[key] = value
  end
  return json_encode(copy)
end

--- What cannot be read is told in the record itself: other containers go on, and this one can
--- still be deleted.
local function damaged(name, message, hint)
  return {
    name = name,
    status = "damaged",
    rootfs = "?",
    profile = "?",
    created = 0,
    restarts = 0,
    owner = {},
    namespaces = {},
    error = { message = message, hint = hint },
  }
end

local function well_formed(record, name)
  return type(record) == "table"
    and record.name == name
    and type(record.status) == "string"
    and type(record.owner) == "table"
    and math.type(record.owner.pid) == "integer"
end

--- What the file says, corrected by who still lives.
local function judge(record)
  record.lost, record.ending = nil, nil
  if record.status == "stopped" then
    -- A script's goes with the script; a detached one stays, but without what it still holds.
    local held = not record.detached or record.remove or record.release or record.image
    if held and not M.alive(record.owner) then
      record.lost = true
    end
    return record
  end
  if not M.alive(record) then
    record.pid, record.starttime = nil, nil
    local owned = M.alive(record.owner)
    -- Between two runs, or not there yet: the owner's word holds.
    if not owned or record.status == "running" or record.status == "paused" then
      record.status = "stopped"
      record.ending = owned or nil
    end
    record.lost = not owned or nil
  elseif not M.alive(record.owner) then
    record.lost = true
  end
  if record.status == "running" and stat(M.dir(record.name) .. "/paused") then
    record.status = "paused"
  end
  return record
end

--- The record of a container; nil where there is none of this name.
---@param name string
---@return container.Record?
function M.get(name)
  M.check_name("container.get", name)
  local path = M.dir(name) .. "/state.json"
  local text = read_file(path)
  if not text then
    return stat(M.dir(name)) and damaged(name, path .. " is missing", "delete the container") or nil
  end
  local record, err = try(json_decode, text)
  if not well_formed(record, name) then
    local why = err and err.message or "it is not a container's state"
    return damaged(name, ("%s is damaged: %s"):format(path, why), "delete the container by force")
  elseif math.type(record.version) ~= "integer" or record.version > M.VERSION then
    local message = ("%s is of version %s; this program reads up to %d"):format(
      path,
      tostring(record.version),
      M.VERSION
    )
    return damaged(name, message, "use the newer crun-lua that made this container")
  end
  record = judge(record)
  if record.lost and read_file(path) ~= text then
    -- Its owner wrote its last word, and ended, between the reading and the asking.
    return M.get(name)
  end
  return record
end

--- The records of all containers, by name.
---@return container.Record[]
function M.list()
  local list = {}
  for _, name in ipairs(stat(base()) and list_dir(base()) or {}) do
    if name:match(NAME) then
      list[#list + 1] = M.get(name)
    end
  end
  table.sort(list, function(a, b)
    return a.name < b.name
  end)
  return list
end

--- Fails with who has a name.
local function taken(name)
  local other = M.get(name)
  local status = other and other.status or "there"
  local hint = ("delete it first: container.get(%q):delete(%s)"):format(
    name,
    (status == "stopped") and "" or "{ force = true }"
  )
  options.fail("container.create", ("a container %q is %s"):format(name, status), hint)
end

--- Fails where a name is taken now.
---@param name string
function M.check_free(name)
  if stat(M.dir(name)) then
    taken(name)
  end
end

--- Makes a container's directory. Where the name is taken by one that nobody owns and that has
--- ended, it stays taken: its log and its status are somebody's.
---@param record container.Record
---@param config table plain; what the container is made of
---@return any file_lock held by this process, the owner, until the container has ended for good
function M.create(record, config)
  local self = M.self()
  local fresh = ("%s/.new-%d-%d-%s"):format(M.base(), self.pid, self.starttime, record.name)
  mkdir(fresh, { mode = "0700" })
  local running
  local _, err = try(function()
    local text = require("container.profiles").encode(config)
    write_file(fresh .. "/config.json", text, { mode = "0600" })
    write_file(fresh .. "/state.json", encode(record), { mode = "0600" })
    -- Taken before anybody can ask for it.
    running = file_lock(fresh .. "/running")
    rename(fresh, M.dir(record.name), { noreplace = true })
  end)
  if not err then
    return running
  elseif running then
    running:close()
  end
  try(remove, fresh, { recursive = true })
  if err.errno ~= "EEXIST" and err.errno ~= "ENOTEMPTY" then
    error(err, 0)
  end
  taken(record.name)
end

--- Writes a changed record.
---@param record container.Record
function M.save(record)
  replace(M.dir(record.name) .. "/state.json", encode(record))
end

--- What the container was made of.
---@param name string
---@return table
function M.config(name)
  local path = M.dir(name) .. "/config.json"
  local text = read_file(path)
  local config, err = try(json_decode, text or "")
  if type(config) ~= "table" then
    local message = ("%s is damaged: %s"):format(path, err and err.message or "it is missing")
    options.fail("container.get", message, "delete the container by force")
  end
  return config
end

--- Becomes the owner of a container that has ended.
---@param name string
---@return any file_lock
function M.take_over(name)
  local lock = file_lock(M.dir(name) .. "/running", { wait = false })
  local record = lock and M.get(name)
  if not record or record.status ~= "stopped" then
    if lock then
      lock:close()
    end
    local what = record and record.status or "owned by another process"
    options.fail("container.start", ("%s is %s"):format(name, what))
  end
  try(remove, M.dir(name) .. "/stopping")
  return lock
end

--- Takes the lock of a container's owners, to clean up behind one that is dead.
---@param name string
---@return any? file_lock nil where the container is gone, or somebody keeps the lock
function M.lock(name)
  return (try(file_lock, M.dir(name) .. "/running", { wait = "10s" }))
end

--- Waits until the owner has let go, or is dead.
---@param name string
---@param timeout? any a duration
---@return boolean ended false where the time was over first
function M.wait(name, timeout)
  local path = M.dir(name) .. "/running"
  if not stat(path) then
    return true
  end
  local lock <close> = file_lock(path, { shared = true, wait = timeout == nil and true or timeout })
  return lock ~= nil
end

--- Says that the container is to stay down: the owner does not start it again.
---@param name string
function M.mark_stopping(name)
  write_file(M.dir(name) .. "/stopping", "", { mode = "0600" })
end

---@param name string
---@return boolean
function M.is_stopping(name)
  return stat(M.dir(name) .. "/stopping") ~= nil
end

--- Removes a directory that only this program writes to: its files by name, and whatever else may
--- be in it with the care that this takes.
local function clear(dir)
  local _, err = try(function()
    for _, name in ipairs(list_dir(dir)) do
      remove(dir .. "/" .. name)
    end
    remove(dir, { directory = true })
  end)
  if err then
    remove(dir, { recursive = true, missing = true })
  end
end

--- Forgets a container. The name goes first, by a rename, so that nobody meets half of it.
---@param name string
function M.forget(name)
  local self = M.self()
  local gone = ("%s/.new-%d-%d-%s"):format(M.base(), self.pid, self.starttime, name)
  local _, err = try(rename, M.dir(name), gone)
  -- An earlier try may have come so far.
  if err and err.errno ~= "ENOENT" then
    error(err, 0)
  end
  clear(gone)
end

--- Removes what processes left that were killed while they made or forgot a container.
---@return string[] names
function M.sweep()
  local removed = {}
  for _, entry in ipairs(stat(base()) and list_dir(base()) or {}) do
    local pid, start, name = entry:match("^%.new%-(%d+)%-(%d+)%-(.+)$")
    local maker = pid and { pid = math.tointeger(tonumber(pid)), starttime = tonumber(start) }
    if maker and not M.alive(maker) then
      local _, err = try(remove, base() .. "/" .. entry, { recursive = true })
      -- Another sweep may be at it, and then it is its.
      if err and err.errno ~= "ENOENT" then
        error(err, 0)
      end
      removed[#removed + 1] = name
    end
  end
  return removed
end

return M
