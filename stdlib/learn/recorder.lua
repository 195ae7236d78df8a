--- What a run does, written down call by call while the kernel makes the calls.
---
--- A recorder answers nothing but "go on": what it has read of the caller's memory may have changed
--- by the time the kernel reads it. For a record that does no harm; it is no place to forbid
--- something. What no filter can see is refused, so that programs take the way that can be seen.
---
--- ```lua
--- local recorder = require("learn.recorder").new()
--- local supervise = require "supervise"
---
--- local notify = { ["*"] = function(req) recorder:note(req) end }
--- supervise.run({ notify = notify, before = recorder:starter() }, { "cat", "/etc/hostname" })
--- assert(recorder.calls.read and recorder.files["/etc/hostname"].read)
--- ```
local calls = require "learn.calls"
local paths = require "learn.paths"
local rights = require "learn.rights"
local uses = require "learn.uses"

local M = {}

---@class learn.Recorder
---@field calls table<string, table<string, integer>> by call and by what of its arguments counts
---@field files table<string, table<string, boolean>> by path: what was done with it
---@field ports { bind: table<integer, boolean>, connect: table<integer, boolean> }
---@field caps table<string, boolean>
---@field start table<string, boolean> calls between the filter and the program
---@field outside table<string, boolean> what it used of processes that are not recorded
---@field unseen table<string, integer> calls that were refused because nobody could see into them
local Recorder = {}
Recorder.__index = Recorder

---@return learn.Recorder
function M.new()
  return setmetatable({
    calls = {},
    files = {},
    ports = { bind = {}, connect = {} },
    caps = {},
    start = {},
    unseen = {},
    outside = {},
    routes = false,
  }, Recorder)
end

--- The arguments of a call by name, and its registers as `raw`. What cannot be read is nil: the
--- kernel will refuse it, or has it by then.
---@param req supervise.Request
---@return table
function M.arguments(req)
  local args = { raw = req.raw }
  if req.name == "openat2" then
    local how = try(req.read, req, req.raw[3], 8)
    args.how_flags = how and #how == 8 and string.unpack("=i8", how) or 0
  end
  return setmetatable(args, {
    __index = function(_, key)
      return (try(function()
        return req.args[key]
      end))
    end,
  })
end

local FIELDS = { "uid", "gid", "groups", "cap_eff_names" }

--- Who makes the call, with the capabilities that it has.
local function caller(pid)
  local status = try(proc_status, pid, { fields = FIELDS })
  if not status then
    return { uid = 0, gid = 0, groups = {}, has = {} }
  end
  local has = {}
  for _, name in ipairs(status.cap_eff_names or {}) do
    has[name] = true
  end
  local uid, gid = status.uid, status.gid
  return {
    uid = uid.effective,
    gid = gid.effective,
    uids = { uid.real, uid.effective, uid.saved },
    gids = { gid.real, gid.effective, gid.saved },
    groups = status.groups,
    has = has,
  }
end

--- Whether a buffer begins with a message of rtnetlink that changes something (netlink(7)).
local function changes_routes(req, address, length)
  local head = address ~= 0 and length >= 16 and try(req.read, req, address, 16)
  if not head or #head < 16 then
    return false
  end
  local size, kind = string.unpack("=I4I2", head)
  -- Messages come in fours: new, delete, get, set (rtnetlink(7)).
  return size >= 16 and size <= length and kind >= 16 and kind < 200 and kind % 4 ~= 2
end

local function sends_changes(req, name)
  if name == "sendto" then
    return changes_routes(req, req.raw[2], req.raw[3])
  end
  -- struct msghdr: name, its length, the vector of buffers.
  local header = try(req.read, req, req.raw[2], 32)
  local vector = header and #header == 32 and string.unpack("=i8", header, 17) or 0
  local first = vector ~= 0 and try(req.read, req, vector, 16)
  if first and #first == 16 then
    local base, length = string.unpack("=i8i8", first)
    return changes_routes(req, base, length)
  end
end

local CHANGES = {
  chmod = "pathname",
  chown = "pathname",
  fchmodat = "pathname",
  fchmodat2 = "pathname",
  fchownat = "pathname",
  lchown = "pathname",
  utimensat = "pathname",
  fchmod = "fd",
  fchown = "fd",
}

function Recorder:need(cap, who)
  if cap and who.has[cap] then
    self.caps[cap] = true
  end
end

-- dac_override grants what dac_read_search does, and one that has only the former needs that.
function Recorder:need_file(file, use, who)
  local cap = file and rights.file(file, use, who)
  if cap == "dac_read_search" and not who.has[cap] then
    cap = "dac_override"
  end
  self:need(cap, who)
end

--- The capabilities that a call of somebody who has some needed.
function Recorder:note_rights(req, args, list, view)
  local who = caller(req.pid)
  if not next(who.has) then
    return
  end
  local found = try(rights.of, req.name, args, who) or {}
  for _, cap in ipairs(found) do
    self:need(cap, who)
  end
  if
    self.routes
    and (req.name == "sendto" or req.name == "sendmsg")
    and sends_changes(req, req.name)
  then
    self:need("net_admin", who)
  end
  local how = CHANGES[req.name]
  if how then
    local path = how == "fd" and view:base(args.fd)
      or args[how] and view:find(args[how], args.dirfd)
    local file = path and view:stat(path)
    self:need(file and rights.change(req.name, file, args, who) or nil, who)
  end
  for _, one in ipairs(list) do
    if one.path and not one.missing then
      local file = one.stat or view:stat(one.path)
      local use = one.use == "make" and "write" or one.use == "list" and "read" or one.use
      use = use == "device" and (one.writes and "write" or "read") or use
      self:need_file(file, use, who)
      self:need_file(view:stat(paths.parent(one.path)), "search", who)
    end
  end
end

--- Writes down what is done with files and ports.
function Recorder:note_uses(list)
  for _, one in ipairs(list) do
    if one.port then
      self.ports[one.use][one.port] = true
    elseif not one.missing then
      local path = paths.general(one.path)
      local use = path ~= one.path and one.use == "exec" and "read" or one.use
      if path == "/proc" and use == "list" then
        use = "read"
      end
      self.files[path] = self.files[path] or {}
      self.files[path][use] = true
    end
  end
end

local MORE = { sendto = true, sendmsg = true, tgkill = true, tkill = true }

--- Whether a call could need a capability at all: to ask who makes it costs a file of /proc.
local function may_need(name)
  return CHANGES[name] or rights.known(name) or MORE[name]
end

--- Whether a signal goes to a process that is not under the recording.
local function signals_outside(name, args)
  local pid = (name == "kill" or name == "tgkill" or name == "tkill") and args.raw[1]
  local target = pid and pid > 0 and pid < 0x80000000 and try(proc_status, pid)
  return target and target.seccomp ~= 2
end

--- Writes down what of processes outside is used.
function Recorder:note_outside(name, args)
  local to = name == "connect" and args.addr or nil
  if to and to.abstract then
    self.outside.abstract_unix_socket = true
  elseif signals_outside(name, args) then
    self.outside.signal = true
  end
end

--- Writes a call down, and lets it go on.
---@param req supervise.Request
function Recorder:note(req)
  local name = req.name
  if calls.UNSEEN[name] then
    self.unseen[name] = (self.unseen[name] or 0) + 1
    return req:errno "ENOSYS"
  end
  local key = calls.key(name, req.raw)
  local known = self.calls[name] or {}
  self.calls[name] = known
  known[key] = (known[key] or 0) + 1
  local used = uses.CALLS[name] ~= nil
  if used or may_need(name) then
    local view, args = paths.of(req.pid), M.arguments(req)
    local list = used and try(uses.of, name, args, view) or {}
    self:note_uses(list)
    self:note_outside(name, args)
    if name == "socket" and args.domain == "netlink" then
      self.routes = true
    end
    self:note_rights(req, args, list, view)
  end
  req:allow()
end

--- What writes down the calls of the start itself; the last of them begins the program.
---@return fun(req: supervise.Request)
function Recorder:starter()
  return function(req)
    self.start[req.name] = true
    if req.name == "execve" then
      local view, args = paths.of(req.pid), M.arguments(req)
      self:note_uses(try(uses.of, req.name, args, view) or {})
    end
  end
end

return M
