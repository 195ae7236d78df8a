--- What must not change while a hostile root is worked on: a tree of the host's, the mounts, the
--- kernel's settings, and this program's own file.
---
--- Everything is recorded first and compared later, whatever is said to have happened meanwhile: a
--- call that "was refused" and has made a directory all the same is an escape. The tree's times lie
--- in the past, so that any change of a file shows in them within the same second.
---
--- ```lua
--- local canary = require "test.hostile.canary"
---
--- local dir <close> = temp_dir()
--- local watch = canary.plant(dir.path .. "/canary")
--- assert(#watch:complaints() == 0)
--- write_file(dir.path .. "/canary/new", "")
--- assert(watch:complaints()[1] == "tree: new: it is new")
--- ```
local tar = require "test.tar"

local M = {}

--- What the secret files of the tree hold: whoever prints it has read the host's.
M.SECRET = "the host's own and nobody else's\n"

-- A kind of file for everything that a change could be made to. The names are those that the rig's
-- calls use, so that a call which has left the root finds something to harm.
local MEMBERS = {
  { name = "./", type = "directory", mode = 493 },
  { name = "secret", data = M.SECRET, mode = 416 },
  { name = "passwd", data = M.SECRET, mode = 420 },
  { name = "tool", data = "#!/bin/sh\n", mode = 2541 },
  { name = "link", type = "symlink", link = "secret" },
  { name = "pipe", type = "fifo" },
  { name = "null", type = "char", major = 1, minor = 3, mode = 438 },
  { name = "empty/", type = "directory", mode = 448 },
  { name = "sub/", type = "directory", mode = 493 },
  { name = "sub/secret", data = M.SECRET, mode = 384 },
}

-- Settings that the kernel changes by itself, or that answer each reader anew.
local RESTLESS = {
  ["kernel/ns_last_pid"] = true,
  ["kernel/random/uuid"] = true,
  ["kernel/random/boot_id"] = true,
  ["kernel/tainted"] = true,
}

-- Below these: what a script can set, of the machine or of the namespaces that the watch stands in.
local SETTINGS = { "kernel", "vm", "fs", "net/core", "net/unix", "net/ipv4" }

local function walk(path, name, visit)
  for _, entry in ipairs(list_dir(path)) do
    local below = name == "" and entry or name .. "/" .. entry
    local found = stat(path .. "/" .. entry, { nofollow = true })
    if found then
      visit(path .. "/" .. entry, below, found)
      if found.type == "directory" then
        walk(path .. "/" .. entry, below, visit)
      end
    end
  end
end

local function described(path, found)
  local row = {}
  for _, field in ipairs { "type", "mode", "uid", "gid", "size", "ino", "dev", "nlink", "mtime" } do
    row[field] = found[field]
  end
  row.size = found.type ~= "directory" and found.size or nil
  if found.type == "file" then
    row.content = read_file(path)
    local caps = file_caps_get(path)
    row.xattr = caps and json_encode(caps) or nil
  elseif found.type == "symlink" then
    row.content = readlink(path)
  end
  return row
end

local function tree(path)
  local rows = {}
  if stat(path, { nofollow = true }) then
    rows["."] = described(path, stat(path, { nofollow = true }))
    walk(path, "", function(file, name, found)
      rows[name] = described(file, found)
    end)
  end
  return rows
end

--- A thousand small files: two programs read them in a fraction of the time that Lua takes.
local function settings()
  local command = { "find" }
  for _, top in ipairs(SETTINGS) do
    command[#command + 1] = "/proc/sys/" .. top
  end
  local rest = { "-type", "f", "-perm", "-0600", "-exec", "grep", "-Hs", "", "{}", "+" }
  table.move(rest, 1, #rest, #command + 1, command)
  local rows = {}
  for name, text in capture(command).stdout:gmatch("/proc/sys/([^\n:]+):([^\n]*)") do
    if not RESTLESS[name] then
      rows[name] = { content = (rows[name] and rows[name].content .. "\n" or "") .. text }
    end
  end
  if not rows["kernel/core_pattern"] then
    error("the kernel's settings cannot be read: are find and grep there?", 0)
  end
  return rows
end

local function mounts()
  local rows = {}
  for line in read_file("/proc/self/mountinfo"):gmatch("[^\n]+") do
    rows[line] = {}
  end
  return rows
end

local function program(path)
  local found = stat(path)
  if not found then
    return {}
  end
  -- The Lua of a debug build would take a second for what sha256sum does in a tenth.
  local sum = capture { "sha256sum", path }.stdout:match("^%x+")
  return { program = { ino = found.ino, mode = found.mode, size = found.size, content = sum } }
end

local PARTS = { tree = tree, mounts = mounts, sysctl = settings, program = program }

local function record(watch, parts)
  local rows = {}
  for _, part in ipairs(parts) do
    rows[part] = PARTS[part](part == "program" and watch.program or watch.path)
  end
  return rows
end

--- What has changed of one thing: a word a field.
local function difference(before, now)
  local changed = {}
  for _, row in ipairs { before, now } do
    for field in pairs(row) do
      changed[field] = before[field] ~= now[field] or nil
    end
  end
  local words = {}
  for field in pairs(changed) do
    words[#words + 1] = field
  end
  table.sort(words)
  return #words > 0 and table.concat(words, ", ") .. " changed" or nil
end

local function compare(what, before, now, out)
  for name, row in pairs(before) do
    local text = not now[name] and "it is gone" or difference(row, now[name])
    if text then
      out[#out + 1] = ("%s: %s: %s"):format(what, name, text)
    end
  end
  for name in pairs(now) do
    if not before[name] then
      out[#out + 1] = ("%s: %s: it is new"):format(what, name)
    end
  end
end

--- A record of everything, and the comparison with it.
---@class test.hostile.Watch
---@field path string the tree
---@field program string this program's own file
---@field parts string[]
---@field before table<string, table<string, table>>
local Watch = {}
Watch.__index = Watch

--- What is not as it was: a sentence each, none where all is.
---@param parts? string[] of what: "tree" alone is quick enough to be asked after every call
---@return string[]
function Watch:complaints(parts)
  parts = parts or self.parts
  local out, now = {}, record(self, parts)
  for _, part in ipairs(parts) do
    compare(part, self.before[part], now[part], out)
  end
  table.sort(out)
  return out
end

--- Fails where anything has changed.
---@param what string after what
---@param parts? string[] as for `complaints`
function Watch:check(what, parts)
  local found = self:complaints(parts)
  if #found > 0 then
    error(("%s: an escape: %s"):format(what, table.concat(found, "; ")), 0)
  end
end

--- Records everything from here on.
---@param path string the tree
---@param own? string this program's own file
---@param parts? string[] of what: "tree", "mounts", "sysctl", "program"; all
---@return test.hostile.Watch
function M.watch(path, own, parts)
  own = own or os.getenv("CRUN_LUA_TEST_PROGRAM") or readlink("/proc/self/exe")
  parts = parts or { "tree", "mounts", "sysctl", "program" }
  local watch = setmetatable({ path = path, program = own, parts = parts }, Watch)
  watch.before = record(watch, parts)
  return watch
end

--- Makes the tree and records everything. Its devices and owners are there for root only.
---@param path string what is not there yet
---@param own? string this program's own file
---@param parts? string[] as for `watch`
---@return test.hostile.Watch
function M.plant(path, own, parts)
  mkdir(path)
  local is_root = proc_status().uid.effective == 0
  local members = {}
  for _, member in ipairs(MEMBERS) do
    if is_root or member.type ~= "char" then
      members[#members + 1] = member
    end
  end
  write_file(path .. ".tar", tar.archive(members))
  local root <close> = rootfs_open(path)
  root:unpack(path .. ".tar", { devices = true, setuid = "keep" })
  remove(path .. ".tar")
  if is_root then
    file_caps_set(path .. "/passwd", { permitted = { "net_raw" }, effective = true })
  end
  return M.watch(path, own, parts)
end

--- What is wrong with the descriptors that a program has: it must see its three streams alone.
---@param listing string names as `ls /proc/PID/fd` prints them
---@return string[]
function M.fd_complaints(listing)
  local out, seen = {}, {}
  for name in listing:gmatch("%S+") do
    seen[name] = true
    if not name:match("^[012]$") then
      out[#out + 1] = ("fd %s: the program sees it"):format(name)
    end
  end
  for _, name in ipairs { "0", "1", "2" } do
    if not seen[name] then
      out[#out + 1] = ("fd %s: it was not listed"):format(name)
    end
  end
  return out
end

return M
