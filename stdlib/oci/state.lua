--- What is written down of every OCI container, so that each command finds it.
---
--- A container is a directory below the root that callers name with `--root`. It appears under its
--- id by one rename, with its state in it, and each later state replaces the one before by a rename
--- as well: whoever is killed at any moment leaves a whole record, and `owner` and `pid` in it tell
--- the next command who still lives.
---
--- ```text
--- ROOT/ID/state.json    the record (see `oci.Record`)
--- ROOT/ID/config.json   the configuration as it was at create: later changes have no effect
--- ROOT/ID/lock          held while a command changes the container
--- ROOT/ID/go            a pipe: the container waits for a byte from `start`; gone once it has come
--- ROOT/ID/answer        a pipe: what became of the start
--- ROOT/.new/PID-START-ID   one that is being made, or forgotten: not there between times
--- ```
---
--- ```lua
--- local state = require "oci.state"
---
--- local root <close> = temp_dir()
--- assert(#state.list(root.path) == 0)
--- local _, err = try(state.get, root.path, "nobody")
--- assert(err.message:find('container "nobody" does not exist', 1, true))
--- ```
local options = require "options"
local owner = require "container.owner"

local M = {}

local ID = "^[%w_+-][%w_+.-]*$"
local MAX_ID = 1024

--- Fails where an id cannot be the name of a directory.
---@param id any
function M.check_id(id)
  if type(id) ~= "string" or id == "" then
    options.fail("oci", "container id cannot be empty")
  elseif not id:match(ID) or #id > MAX_ID or id == "." or id == ".." then
    options.fail(
      "oci",
      ("invalid container id %q"):format(id),
      "letters, digits, '_', '+', '-' and '.'"
    )
  end
end

--- The directory of a container.
---@param root string
---@param id string
---@return string
function M.dir(root, id)
  M.check_id(id)
  return root .. "/" .. id
end

M.alive = owner.alive

--- The first process as a handle that stays with it whatever its number becomes; nil where it has
--- ended. Where no handle can be had for any other reason, that is an error: a container that lives
--- is not to be told of, or removed, as one that has stopped.
---@param record oci.Record
---@return any?
function M.process(record)
  local process, err
  if record.pid then
    process, err = try(process_open, record.pid)
  end
  if err and M.alive(record) then
    error(err, 0)
  elseif process and not M.alive(record) then
    process:close()
    return nil
  end
  return process
end

local function encode(record)
  return json_encode(record)
end

--- Whether its processes stand still. Asked of the kernel: others than `pause` can do that.
local function is_paused(record)
  if not record.cgroup then
    return false
  end
  local frozen = try(function()
    local group = require("oci.cgroup").open(record.cgroup)
    return group:frozen()
  end)
  return frozen == true
end

--- What the file says, corrected by who still lives.
local function judge(root, record)
  if M.alive(record) then
    if record.status == "creating" then
      -- Without its maker it never goes on: it ends by itself, and belongs to the next command.
      record.lost = not M.alive(record.maker) or nil
    elseif record.status == "created" and not stat(M.dir(root, record.id) .. "/go") then
      record.status = "running"
    end
    if record.status == "running" and is_paused(record) then
      record.status = "paused"
    end
  elseif record.status == "creating" and M.alive(record.maker) then
    return record
  else
    record.lost = record.status == "creating" or nil
    record.status = "stopped"
  end
  return record
end

--- The record of a container, or nil where there is none of this id.
---@param root string
---@param id string
---@return oci.Record?
function M.find(root, id)
  local dir = M.dir(root, id)
  local text = read_file(dir .. "/state.json")
  if not text and not stat(dir) then
    return nil
  end
  local records = require "oci.record"
  if not text then
    return records.damaged(id, "state.json is missing")
  end
  local record = records.read(text, id)
  if not record then
    return records.damaged(id, "state.json is not a container's state")
  end
  record = judge(root, record)
  if record.lost and read_file(dir .. "/state.json") ~= text then
    -- Its maker wrote its last word, and ended, between the reading and the asking.
    return M.find(root, id)
  end
  return record
end

--- The record of a container, with its status as it is now.
---@param root string
---@param id string
---@return oci.Record
function M.get(root, id)
  local record = M.find(root, id)
  if not record then
    options.fail("oci", ("container %q does not exist"):format(id))
  end
  return record
end

--- The records of all containers, by id.
---@param root string
---@return oci.Record[]
function M.list(root)
  local list = {}
  for _, name in ipairs(stat(root) and list_dir(root) or {}) do
    if name:match(ID) and not name:match("^%.") then
      list[#list + 1] = M.find(root, name)
    end
  end
  return list
end

--- Removes what was being made, or forgotten, by processes that were killed meanwhile.
---@param root string
function M.sweep(root)
  local dir = root .. "/.new"
  for _, name in ipairs(try(list_dir, dir) or {}) do
    local pid, start = name:match("^(%d+)%-(%d+)%-")
    if not M.alive { pid = math.tointeger(tonumber(pid)), starttime = tonumber(start) } then
      try(remove, dir .. "/" .. name, { recursive = true })
    end
  end
  try(remove, dir, { directory = true })
end

--- A directory's path that is this process's alone, in a directory that is there; and whether
--- that one was there before, so that others may have left something in it.
local function fresh(root, id)
  local self = owner.self()
  local _, err = try(mkdir, root .. "/.new", { mode = "0700" })
  if err and err.errno ~= "EEXIST" then
    mkdir(root .. "/.new", { parents = true, mode = "0700" })
  end
  return ("%s/.new/%d-%d-%s"):format(root, self.pid, self.starttime, id), err ~= nil
end

--- A new directory with the first record and the configuration in it, and its lock.
local function first(root, id, record, config)
  local new, shared = fresh(root, id)
  record.maker, record.status = owner.self(), "creating"
  local _, err = try(mkdir, new, { mode = "0700" })
  if err and err.errno == "ENOENT" then
    -- Somebody was done, and has removed the empty directory around it.
    return first(root, id, record, config)
  elseif err then
    error(err, 0)
  end
  if shared then
    M.sweep(root)
  end
  write_file(new .. "/config.json", config or "{}", { mode = "0600" })
  write_file(new .. "/state.json", encode(record), { mode = "0600" })
  return new, file_lock(new .. "/lock")
end

local function tidy(root)
  try(remove, root .. "/.new", { directory = true })
end

--- Makes a container's directory, with the configuration in it. Where the id is taken by one that
--- never came to be, because its maker was killed, that one is removed first.
---@param root string
---@param id string
---@param record oci.Record
---@param config? string the text of config.json
---@return any lock held by this process until it closes it
function M.create(root, id, record, config)
  M.check_id(id)
  local new, lock = first(root, id, record, config)
  local _, err = try(rename, new, M.dir(root, id), { noreplace = true })
  if not err then
    tidy(root)
    return lock
  end
  lock:close()
  remove(new, { recursive = true })
  tidy(root)
  local other = (err.errno == "EEXIST" or err.errno == "ENOTEMPTY") and M.find(root, id)
  if not other then
    error(err, 0)
  elseif not other.lost then
    options.fail("oci", ("container with given ID already exists: %q"):format(id))
  end
  require("oci.delete").whole(root, other)
  return M.create(root, id, record, config)
end

--- Writes a changed record, beside the one before and over it by a rename: the directory is
--- nobody else's, and who writes holds its lock, so the name beside it can be always the same.
---@param root string
---@param record oci.Record
function M.save(root, record)
  local file = M.dir(root, record.id) .. "/state.json"
  write_file(file .. ".new", encode(record), { mode = "0600" })
  rename(file .. ".new", file)
end

--- The configuration as it was at create.
---@param root string
---@param id string
---@return table
function M.config(root, id)
  local path = M.dir(root, id) .. "/config.json"
  local config, err = try(json_decode, read_file(path) or "")
  if type(config) ~= "table" then
    options.fail("oci", ("%s is damaged: %s"):format(path, err and err.message or "no object"))
  end
  return config
end

--- Takes the lock of a container: nobody else starts, creates or deletes it meanwhile.
---@param root string
---@param id string
---@return any file_lock
function M.lock(root, id)
  M.get(root, id)
  local lock = file_lock(M.dir(root, id) .. "/lock", { wait = "10s" })
  if not lock then
    options.fail("oci", ("container %q is being changed by another process"):format(id))
  end
  return lock
end

--- Removes a container's directory: by the names that are in all of them, and where more is there,
--- by looking.
local function remove_whole(dir)
  local _, err = try(function()
    for _, name in ipairs { "config.json", "lock", "state.json" } do
      remove(dir .. "/" .. name)
    end
    remove(dir, { directory = true })
  end)
  if err then
    remove(dir, { recursive = true })
  end
end

--- Forgets a container. The name goes first, by a rename, so that nobody meets half of it. Where
--- the file system is full there is no room for the directory that it would go to, and a container
--- must be removed there all the same: then it goes file by file.
---@param root string
---@param id string
function M.forget(root, id)
  local dir = M.dir(root, id)
  local gone, full = try(function()
    return (fresh(root, id))
  end)
  if full then
    if full.errno ~= "ENOSPC" and full.errno ~= "EDQUOT" then
      error(full, 0)
    end
    return stat(dir) and remove_whole(dir)
  end
  local _, err = try(rename, dir, gone)
  if err and err.errno == "ENOENT" then
    return stat(dir) and M.forget(root, id) or tidy(root)
  elseif err then
    error(err, 0)
  end
  remove_whole(gone)
  local _, shared = try(remove, root .. "/.new", { directory = true })
  if shared then
    M.sweep(root)
  end
end

--- The state as the specification has it, for hooks, seccomp agents and `state`.
---@param record oci.Record
---@param status? string another than the record's: what a hook is told
---@return table
function M.public(record, status)
  status = status or record.status
  return {
    ociVersion = record.ociVersion,
    id = record.id,
    status = status,
    -- The number of one that has ended is nobody's, or another's.
    pid = status ~= "stopped" and record.pid or nil,
    bundle = record.bundle,
    annotations = record.annotations,
  }
end

return M
