--- Paths as a process means them: from its root and working directory, through links, to the file
--- that the kernel finds. What is granted later is granted to files, not to names of links.
---
--- ```lua
--- local paths = require "learn.paths"
---
--- local view = paths.of(proc_stat().pid)
--- assert(view:find("/usr/../etc/passwd") == "/etc/passwd")
--- assert(view:find("/no/such/file") == "/no/such/file")
--- assert(paths.interpreters("/bin/sh")[1]:find("ld"))
--- ```
local M = {}

-- What the kernel follows at most (path_resolution(7)).
local LINKS = 40

---@class learn.View
---@field pid integer
---@field root string how its root is reached from here
local View = {}
View.__index = View

--- How a process sees files.
---@param pid integer
---@return learn.View
function M.of(pid)
  return setmetatable({ pid = pid, root = ("/proc/%d/root"):format(pid) }, View)
end

local function parts_of(path)
  local parts = {}
  for part in path:gmatch "[^/]+" do
    parts[#parts + 1] = part
  end
  return parts
end

--- The directory that a descriptor or AT_FDCWD stands for; nil for what has no path.
---@param dirfd integer|string?
---@return string?
function View:base(dirfd)
  local link = (dirfd == nil or dirfd == "AT_FDCWD") and "cwd" or "fd/" .. tostring(dirfd)
  local found = try(readlink, ("/proc/%d/%s"):format(self.pid, link))
  if found and found:sub(1, 1) == "/" and not found:find " %(deleted%)$" then
    return found
  end
end

--- The file that a path leads to. What is not there keeps the rest of its name; nil for what is no
--- file of a file system, such as a pipe behind /dev/stdin.
---@param path string
---@param dirfd? integer|string
---@param given? { nofollow?: boolean } the last component may be a link, and is meant itself
---@return string?
function View:find(path, dirfd, given)
  if path:sub(1, 1) ~= "/" then
    local base = self:base(dirfd)
    if not base then
      return nil
    end
    path = base .. "/" .. path
  end
  local open, done, links = parts_of(path), {}, 0
  while #open > 0 do
    local part = table.remove(open, 1)
    if part == ".." then
      done[#done] = nil
    elseif part ~= "." then
      done[#done + 1] = part
      if #done == 2 and done[1] == "proc" and (part == "self" or part == "thread-self") then
        done[2] = tostring(self.pid)
      end
      local last = #open == 0
      local link = not (last and given and given.nofollow)
        and try(readlink, self.root .. "/" .. table.concat(done, "/"))
      if link then
        links = links + 1
        if links > LINKS then
          return nil
        elseif link:sub(1, 1) == "/" then
          done = {}
        else
          done[#done] = nil
          if done[1] == "proc" and link:find "^%a+:%[" then
            return nil
          end
        end
        local more = parts_of(link)
        open = table.move(open, 1, #open, #more + 1, more)
      end
    end
  end
  return "/" .. table.concat(done, "/")
end

--- What stands there, as the process sees it.
---@param path string what `find` answered
---@return table?
function View:stat(path)
  -- Its number in its own namespace is another; here it has this one.
  local own = ("/proc/%d"):format(self.pid)
  local from = (path == own or path:sub(1, #own + 1) == own .. "/") and "" or self.root
  return (try(stat, from .. path, { nofollow = true }))
end

--- The directory of a path.
---@param path string
---@return string
function M.parent(path)
  return path:match "^(.+)/[^/]+$" or "/"
end

--- Numbers of processes and terminals are others in each run: their directory stands for them.
---@param path string
---@return string
function M.general(path)
  if path:find "^/proc/%d+" then
    return "/proc"
  elseif path:find "^/dev/pts/%d+$" then
    return "/dev/pts"
  end
  return path
end

-- Offsets in the header of an ELF file of 64 and of 32 bits (elf(5)).
local FORMS = {
  ["\2"] = { size = "I8", phoff = 33, phentsize = 55, offset = 8, filesz = 32 },
  ["\1"] = { size = "I4", phoff = 29, phentsize = 43, offset = 4, filesz = 16 },
}
local PT_INTERP = 3

--- The loader that an ELF file names.
local function loader_of(file, head)
  local form, order = FORMS[head:sub(5, 5)], head:sub(6, 6) == "\2" and ">" or "<"
  if not form or #head < 64 then
    return nil
  end
  local phoff = string.unpack(order .. form.size, head, form.phoff)
  local size, count = string.unpack(order .. "I2I2", head, form.phentsize)
  for index = 0, math.min(count, 64) - 1 do
    file:seek("set", phoff + index * size)
    local row = file:read(size)
    if not row or #row < form.filesz + 8 then
      return nil
    elseif string.unpack(order .. "I4", row) == PT_INTERP then
      file:seek("set", (string.unpack(order .. form.size, row, form.offset + 1)))
      local length = string.unpack(order .. form.size, row, form.filesz + 1)
      return (file:read(math.min(length, 4096)) or ""):match "^[^%z]+"
    end
  end
end

--- What the kernel opens with a program without being asked by a call: the interpreter of a script,
--- and the loader, each with its own.
---@param path string as it is reached from here
---@return string[] names as they stand in the file
function M.interpreters(path)
  local found, file = {}, io.open(path, "rb")
  if not file then
    return found
  end
  local head = file:read(256) or ""
  local script = head:match "^#![ \t]*([^ \t\n]+)"
  if script then
    found[1] = script
  elseif head:sub(1, 4) == "\127ELF" then
    found[1] = loader_of(file, head)
  end
  file:close()
  return found
end

return M
