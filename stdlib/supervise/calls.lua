--- What the arguments of a system call mean: their names in the man page, and how to read them.
---
--- ```lua
--- local calls = require "supervise.calls"
---
--- assert(calls.NAMES.mkdirat == "dirfd:fd pathname:path mode:mode")
--- assert(calls.signature("mkdirat")[2].name == "pathname")
--- ```
---
--- A call that is not listed has its six arguments as numbers. What stands behind an address is
--- read from the caller's memory when it is asked for, once.
local M = {}

--- By call: `name:kind` for each argument. Kinds: fd, path, mode, open (flags of open), domain,
--- socket (a socket's type), sockaddr (the length is the argument after it), int (signed, 32 bits),
--- argv (texts behind addresses), address, and number for all else.
M.NAMES = {
  access = "pathname:path mode:int",
  bind = "sockfd:fd addr:sockaddr addrlen:int",
  chdir = "path:path",
  chmod = "pathname:path mode:mode",
  chown = "pathname:path owner:int group:int",
  chroot = "path:path",
  clone = "flags:number stack:address",
  close = "fd:fd",
  connect = "sockfd:fd addr:sockaddr addrlen:int",
  creat = "pathname:path mode:mode",
  delete_module = "name:path flags:number",
  execve = "pathname:path argv:argv envp:argv",
  execveat = "dirfd:fd pathname:path argv:argv envp:argv flags:number",
  faccessat = "dirfd:fd pathname:path mode:int",
  faccessat2 = "dirfd:fd pathname:path mode:int flags:number",
  fchdir = "fd:fd",
  fchmod = "fd:fd mode:mode",
  fchmodat = "dirfd:fd pathname:path mode:mode",
  fchmodat2 = "dirfd:fd pathname:path mode:mode flags:number",
  fchown = "fd:fd owner:int group:int",
  fchownat = "dirfd:fd pathname:path owner:int group:int flags:number",
  finit_module = "fd:fd param_values:path flags:number",
  getcwd = "buf:address size:number",
  ioctl = "fd:fd request:number argp:address",
  kill = "pid:int sig:int",
  lchown = "pathname:path owner:int group:int",
  link = "oldpath:path newpath:path",
  linkat = "olddirfd:fd oldpath:path newdirfd:fd newpath:path flags:number",
  listen = "sockfd:fd backlog:int",
  lstat = "pathname:path statbuf:address",
  mkdir = "pathname:path mode:mode",
  mkdirat = "dirfd:fd pathname:path mode:mode",
  mknod = "pathname:path mode:mode dev:number",
  mknodat = "dirfd:fd pathname:path mode:mode dev:number",
  mount = "source:path target:path filesystemtype:path mountflags:number data:address",
  newfstatat = "dirfd:fd pathname:path statbuf:address flags:number",
  open = "pathname:path flags:open mode:mode",
  openat = "dirfd:fd pathname:path flags:open mode:mode",
  openat2 = "dirfd:fd pathname:path how:address size:number",
  prctl = "option:int arg2:number arg3:number arg4:number arg5:number",
  ptrace = "request:int pid:int addr:address data:address",
  read = "fd:fd buf:address count:number",
  readlink = "pathname:path buf:address bufsiz:number",
  readlinkat = "dirfd:fd pathname:path buf:address bufsiz:number",
  removexattr = "path:path name:path",
  rename = "oldpath:path newpath:path",
  renameat = "olddirfd:fd oldpath:path newdirfd:fd newpath:path",
  renameat2 = "olddirfd:fd oldpath:path newdirfd:fd newpath:path flags:number",
  rmdir = "pathname:path",
  sendto = "sockfd:fd buf:address len:number flags:number dest_addr:sockaddr addrlen:int",
  sethostname = "name:path len:number",
  setns = "fd:fd nstype:number",
  setxattr = "path:path name:path value:address size:number flags:number",
  socket = "domain:domain type:socket protocol:int",
  stat = "pathname:path statbuf:address",
  statfs = "path:path buf:address",
  statx = "dirfd:fd pathname:path flags:number mask:number statxbuf:address",
  symlink = "target:path linkpath:path",
  symlinkat = "target:path newdirfd:fd linkpath:path",
  truncate = "path:path length:number",
  umount2 = "target:path flags:number",
  uname = "buf:address",
  unlink = "pathname:path",
  unlinkat = "dirfd:fd pathname:path flags:number",
  unshare = "flags:number",
  utimensat = "dirfd:fd pathname:path times:address flags:number",
  write = "fd:fd buf:address count:number",
}

local signatures = {}

--- The arguments of a call in their order; an empty list where it is not listed.
---@param name string
---@return { name: string, kind: string }[]
function M.signature(name)
  local known = signatures[name]
  if not known then
    known = {}
    for argument, kind in (M.NAMES[name] or ""):gmatch "([%w_]+):(%w+)" do
      known[#known + 1] = { name = argument, kind = kind }
    end
    signatures[name] = known
  end
  return known
end

-- An argument of 32 bits leaves the upper half of its register undefined.
local function signed(value)
  value = value & 0xffffffff
  return value < 0x80000000 and value or value - 0x100000000
end

local AT_FDCWD = -100
local DOMAINS = { [1] = "unix", [2] = "inet", [10] = "inet6", [16] = "netlink", [17] = "packet" }
local TYPES = { [1] = "stream", [2] = "dgram", [3] = "raw", [5] = "seqpacket", [10] = "packet" }

-- Flags of open(2), as every architecture that has openat2(2) numbers them, but for those that
-- differ: `directory`, `nofollow`, `direct` and `largefile` are not told.
local OPEN = { [0x40] = "creat", [0x80] = "excl", [0x200] = "trunc", [0x400] = "append" }
local WAYS = { [0] = "rdonly", "wronly", "rdwr", "path" }

local function inet6(bytes)
  local words = { string.unpack(">I2I2I2I2I2I2I2I2", bytes) }
  local text = {}
  for index = 1, 8 do
    text[index] = ("%x"):format(words[index])
  end
  local joined = ":" .. table.concat(text, ":") .. ":"
  -- The longest run of zeros is left out (RFC 5952).
  for length = 8, 2, -1 do
    local from, to = joined:find(":" .. ("0:"):rep(length), 1, true)
    if from then
      joined = joined:sub(1, from) .. ":" .. joined:sub(to + 1)
      break
    end
  end
  return (joined:gsub("^:([^:])", "%1"):gsub("([^:]):$", "%1"))
end

--- An address of a socket as a table: `{ family, address, port, bytes }`, `{ family = "unix",
--- path }` or `{ family = "unix", abstract }`.
---@param bytes string `struct sockaddr` in the caller's memory
---@return table
function M.sockaddr(bytes)
  if #bytes < 2 then
    return { family = "none" }
  end
  local number = string.unpack("=I2", bytes)
  local family = DOMAINS[number] or number
  if family == "inet" and #bytes >= 8 then
    local port, a, b, c, d = string.unpack(">I2BBBB", bytes, 3)
    return {
      family = family,
      address = ("%d.%d.%d.%d"):format(a, b, c, d),
      port = port,
      bytes = bytes:sub(5, 8),
    }
  elseif family == "inet6" and #bytes >= 24 then
    return {
      family = family,
      address = inet6(bytes:sub(9, 24)),
      port = string.unpack(">I2", bytes, 3),
      bytes = bytes:sub(9, 24),
    }
  elseif family == "unix" then
    local path = bytes:sub(3)
    if path:byte() == 0 then
      return { family = family, abstract = path:sub(2) }
    end
    return { family = family, path = path:match "^[^\0]*" }
  end
  return { family = family }
end

-- At most so many texts of a list of arguments are read, and bytes of an address of a socket.
local MOST, LONGEST = 256, 128

local readers = {}

function readers.fd(_, value)
  value = signed(value)
  return value == AT_FDCWD and "AT_FDCWD" or value
end

function readers.int(_, value)
  return signed(value)
end

function readers.mode(_, value)
  return ("%04o"):format(value & 0xfff)
end

function readers.path(request, value)
  if value ~= 0 then
    return request:text(value)
  end
end

function readers.domain(_, value)
  return DOMAINS[signed(value)] or signed(value)
end

function readers.socket(_, value)
  return TYPES[value & 0xf] or value & 0xf
end

function readers.open(_, value)
  local words = { WAYS[value & 3] }
  for bit, word in pairs(OPEN) do
    if value & bit ~= 0 then
      words[#words + 1] = word
    end
  end
  table.sort(words)
  return words
end

function readers.sockaddr(request, value, length)
  if value ~= 0 then
    return M.sockaddr(request:read(value, math.max(0, math.min(signed(length), LONGEST))))
  end
end

function readers.argv(request, value)
  local list = {}
  while value ~= 0 and #list < MOST do
    local pointer = request:read(value, 8)
    local address = #pointer == 8 and string.unpack("=i8", pointer) or 0
    if address == 0 then
      break
    end
    list[#list + 1] = request:text(address, { longest = "64K" })
    value = value + 8
  end
  return list
end

--- The arguments of a request: by their place and by their name. Addresses are followed when they
--- are asked for; what could not be read raises then.
---@param request any a `seccomp_request`
---@return table
function M.args(request)
  local raw, signature = request.args, M.signature(request.name)
  local places = {}
  for index, argument in ipairs(signature) do
    places[argument.name] = index
  end
  return setmetatable({}, {
    __index = function(self, key)
      local index = places[key] or key
      local value = raw[index]
      if value == nil then
        return nil
      end
      local argument = signature[index]
      local reader = argument and readers[argument.kind]
      if reader then
        value = reader(request, value, raw[index + 1])
      end
      rawset(self, index, value)
      if argument then
        rawset(self, argument.name, value)
      end
      return value
    end,
    __len = function()
      return #signature > 0 and #signature or 6
    end,
  })
end

return M
