--- What the network remembers outside of any process, so that any process can give it back.
---
--- Bridges, tables and addresses belong to several containers, so no process's journal may hold
--- them. They have records here instead, and the order is always: the record, then the thing; and
--- back: the thing, then the record. A program that is killed between two system calls leaves a
--- record too many, never a thing without one.
---
--- ```text
--- network/lock                            held by whoever reads and then writes
--- network/INODE/                          one directory for each network namespace that is a host
--- network/INODE/attachments/ID.json       one container's connection, with its owner
--- network/INODE/bridges/NAME/bridge.json  a bridge: its networks, and whether it was made here
--- network/INODE/bridges/NAME/hosts        names of its containers, mounted as their /etc/hosts
--- network/INODE/bridges/NAME/leases/…     a file an address
--- network/INODE/ports/…                   a file a published port
--- ```
---
--- ```lua
--- local state = require "network.state"
---
--- local me = state.me()
--- assert(state.alive(me) and not state.alive({ pid = me.pid, starttime = me.starttime + 1 }))
--- ```
local options = require "options"
local owner = require "container.owner"
local planned = require "planned"

local M = {}

--- The version of the records; a higher one is left to whoever wrote it.
M.VERSION = 1

---@class network.Owner
---@field pid integer
---@field starttime integer in clock ticks since boot: no later process with the number has it

--- The calling process, as a record names it.
---@return network.Owner
function M.me()
  local stat = proc_stat()
  return { pid = stat.pid, starttime = stat.starttime }
end

--- A process as a record names it; nil where it is gone, and in a plan.
---@param pid integer
---@return network.Owner?
function M.owner(pid)
  local stat = not planned(pid) and proc_stat(pid)
  return stat and { pid = pid, starttime = stat.starttime } or nil
end

--- Whether a process still runs. A dead one whose parent has not asked yet does not, nor one that
--- the kernel is taking apart.
---@param one? network.Owner
---@return boolean
function M.alive(one)
  return owner.alive(one)
end

--- Whether somebody still answers for a record: who made it, or the container's first process.
---@param record { owner: network.Owner, process?: network.Owner }
---@return boolean
function M.held(record)
  return M.alive(record.owner) or M.alive(record.process)
end

local base

--- The directory of all networks.
---@return string
function M.base()
  base = base or state_dir() .. "/network"
  return base
end

--- Runs a function while no other program is in here. Never call it from inside itself.
---@param body function
---@return any # what the function answers
function M.locked(body)
  mkdir(M.base(), { parents = true, mode = "0700" })
  -- The file stays: a lock whose file is removed can be held twice.
  local lock <close> = file_lock(M.base() .. "/lock")
  assert(lock)
  return body()
end

--- The directory of one host.
---@param scope integer|string the inode of its network namespace
function M.dir(scope)
  return ("%s/%s"):format(M.base(), scope)
end

--- Reads a record; nil where there is none.
---@param path string
---@return table?
function M.read(path)
  local text = read_file(path)
  if not text then
    return nil
  end
  local record, err = try(json_decode, text)
  if type(record) ~= "table" then
    local hint = "no container is lost; remove the file when none uses it"
    options.fail("network", path .. ": the record cannot be read", hint, err)
  elseif math.type(record.version) == "integer" and record.version > M.VERSION then
    local hint = "use the newer program for what it has made"
    options.fail("network", path .. ": the record is of a newer version", hint)
  end
  return record
end

--- Writes a record in one step: others see the old one or the new one, whole. What a program was
--- writing when it was killed is removed by `network.gc`.
---@param path string
---@param record table
function M.write(path, record)
  local fresh = path .. ".new"
  record.version = M.VERSION
  local _, err = try(function()
    write_file(fresh, json_encode(record), { mode = "0600" })
    rename(fresh, path)
  end)
  if err then
    remove(fresh, { missing = true })
    error(err, 0)
  end
end

--- The records in a directory; none where it does not exist. What a program was writing when it was
--- killed is no record.
---@param path string
---@return string[]
function M.list(path)
  local names = {}
  for _, name in ipairs(try(list_dir, path) or {}) do
    if not name:find("%.new$") then
      names[#names + 1] = name
    end
  end
  return names
end

--- The file of a container's connection.
---@param scope integer|string
---@param id string
function M.attachment(scope, id)
  return ("%s/attachments/%s.json"):format(M.dir(scope), id)
end

local count = 0

--- A name for what belongs to one connection: short, because a device's name has 15 bytes.
---@return string # ten hexadecimal digits
function M.fresh_id()
  count = count + 1
  local me = M.me()
  local now = clock("monotonic")
  return sha256(("%d %d %d %s"):format(me.pid, me.starttime, count, now)):sub(1, 10)
end

--- Removes directories that have become empty, from the innermost to that of all networks' host.
---@param scope integer|string
function M.tidy(scope)
  local dir = M.dir(scope)
  for _, name in ipairs { "/attachments", "/bridges", "/ports", "" } do
    -- One that still holds something stays.
    try(remove, dir .. name, { directory = true })
  end
end

--- The namespace of a host that a record belongs to, to work in; nil where nobody has it any
--- more, and then its devices and tables have gone with it.
---@param scope integer|string its inode
---@return any? namespace a handle
function M.enter(scope)
  local wanted = math.tointeger(tonumber(scope))
  local function is(path)
    local found = try(ns_open, path, "net")
    if found and found.inode == wanted then
      return found
    elseif found then
      found:close()
    end
  end
  local found = is("/proc/self/ns/net")
  if found then
    return found
  end
  for _, name in ipairs(netns_list()) do
    found = found or is("/run/netns/" .. name)
  end
  for _, pid in ipairs(found and {} or pids()) do
    local kinds = try(proc_ns, pid)
    if kinds and kinds.net == wanted then
      found = found or is(("/proc/%d/ns/net"):format(pid))
    end
  end
  return found
end

return M
