--- What a call does with files and ports: what Landlock will be asked about it.
---
--- Looking (stat, access, readlink) and changing attributes (chmod, utimensat) are not among it:
--- the kernel asks Landlock nothing for these.
---
--- ```lua
--- local paths = require "learn.paths"
--- local uses = require "learn.uses"
---
--- local view = paths.of(proc_stat().pid)
--- local args = { dirfd = "AT_FDCWD", pathname = "/etc/hostname", raw = { 0, 0, 0, 0, 0, 0 } }
--- local found = uses.of("openat", args, view)
--- assert(found[1].path == "/etc/hostname" and found[1].use == "read")
--- assert(#uses.of("stat", { pathname = "/etc/hostname" }, view) == 0)
--- ```
local paths = require "learn.paths"

local M = {}

---@class learn.Use
---@field path? string
---@field port? integer
---@field use "read"|"write"|"list"|"exec"|"make"|"device"|"bind"|"connect"
---@field missing? boolean there is no such file: the kernel answers that, and nothing is granted

-- Flags of open(2) as Linux numbers them for all but a few old architectures.
local O_ACCMODE, O_CREAT, O_TRUNC, O_PATH, O_NOFOLLOW = 3, 0x40, 0x200, 0x200000, 0x20000

--- Of an open: what is done with the file, or with its directory where it is made.
local function opened(view, path, dirfd, flags)
  if not path or flags & O_PATH ~= 0 then
    return {}
  end
  local found = view:find(path, dirfd, { nofollow = flags & O_NOFOLLOW ~= 0 })
  if not found then
    return {}
  end
  local file = view:stat(found)
  local ways = flags & O_ACCMODE
  if not file then
    if flags & O_CREAT ~= 0 then
      return { { path = paths.parent(found), use = "make", file = found } }
    end
    return { { path = found, use = "read", missing = true } }
  elseif file.type == "directory" then
    return { { path = found, use = "list", stat = file } }
  elseif file.type == "char" or file.type == "block" then
    return { { path = found, use = "device", stat = file, writes = ways ~= 0 } }
  elseif ways ~= 0 or flags & O_TRUNC ~= 0 then
    return { { path = found, use = "write", stat = file } }
  end
  return { { path = found, use = "read", stat = file } }
end

local READERS = {}

function READERS.open(args, view)
  return opened(view, args.pathname, nil, args.raw[2])
end

function READERS.openat(args, view)
  return opened(view, args.pathname, args.dirfd, args.raw[3])
end

function READERS.openat2(args, view)
  -- The flags are the first word of `how`, which the caller of this has read.
  return opened(view, args.pathname, args.dirfd, args.how_flags or 0)
end

function READERS.creat(args, view)
  return opened(view, args.pathname, nil, 1 | O_CREAT | O_TRUNC)
end

local AT_EMPTY_PATH = 0x1000

--- A program, and what the kernel opens along with it.
local function executed(view, path, dirfd)
  local list, next_name, base = {}, path, dirfd
  for _ = 1, 5 do
    local found = next_name and view:find(next_name, base)
    local file = found and view:stat(found)
    if not file or file.type ~= "file" then
      if #list == 0 and found then
        list[1] = { path = found, use = "exec", missing = true }
      end
      break
    end
    list[#list + 1] = { path = found, use = "exec", stat = file }
    next_name, base = paths.interpreters(view.root .. found)[1], nil
  end
  return list
end

function READERS.execve(args, view)
  return executed(view, args.pathname)
end

function READERS.execveat(args, view)
  local flags = args.raw[5]
  if args.pathname == "" and flags & AT_EMPTY_PATH ~= 0 then
    local found = view:base(args.dirfd)
    return found and executed(view, found) or {}
  end
  return executed(view, args.pathname, args.dirfd)
end

--- Names that are made or removed: a matter of their directories.
local function names(...)
  local pairs_of = { ... }
  return function(args, view)
    local list = {}
    for index = 1, #pairs_of, 2 do
      local name = args[pairs_of[index + 1]]
      local found = name and view:find(name, args[pairs_of[index]], { nofollow = true })
      if found then
        list[#list + 1] = { path = paths.parent(found), use = "make", file = found }
      end
    end
    return list
  end
end

READERS.link = names("", "oldpath", "", "newpath")
READERS.linkat = names("olddirfd", "oldpath", "newdirfd", "newpath")
READERS.mkdir = names("", "pathname")
READERS.mkdirat = names("dirfd", "pathname")
READERS.mknod = names("", "pathname")
READERS.mknodat = names("dirfd", "pathname")
READERS.rename = names("", "oldpath", "", "newpath")
READERS.renameat = names("olddirfd", "oldpath", "newdirfd", "newpath")
READERS.renameat2 = READERS.renameat
READERS.rmdir = names("", "pathname")
READERS.symlink = names("", "linkpath")
READERS.symlinkat = names("newdirfd", "linkpath")
READERS.unlink = names("", "pathname")
READERS.unlinkat = names("dirfd", "pathname")

function READERS.truncate(args, view)
  local found = args.path and view:find(args.path)
  return found and { { path = found, use = "write", stat = view:stat(found) } } or {}
end

local function address(use)
  return function(args, view)
    local to = args.addr or {}
    if to.port and (to.family == "inet" or to.family == "inet6") then
      -- Landlock judges TCP alone; of a datagram socket the port is told, and granted to no harm.
      return { { port = to.port, use = use } }
    elseif use == "bind" and to.path and to.path ~= "" then
      local found = view:find(to.path, nil, { nofollow = true })
      return found and { { path = paths.parent(found), use = "make", file = found } } or {}
    end
    return {}
  end
end

READERS.bind = address "bind"
READERS.connect = address "connect"

--- The calls that Landlock may judge.
---@return table<string, function>
M.CALLS = READERS

--- What a call does with files and ports.
---@param name string
---@param args table as `supervise` decodes them, with `raw`
---@param view learn.View
---@return learn.Use[]
function M.of(name, args, view)
  local reader = READERS[name]
  return reader and reader(args, view) or {}
end

return M
