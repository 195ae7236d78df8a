--- Which policy files there are, and whether they may be believed.
---
--- A policy decides what root starts, so nobody but root may have a say in its text: not by owning
--- the file or a directory on the way to it, not by being allowed to write one, not by a symlink.
--- A file is opened once. What is judged and what is read is that descriptor; the way that leads
--- to it is judged by the kernel's own name for it, in which there are no symlinks.
---
--- ```lua
--- local files = require "oci.policy.files"
---
--- local dir <close> = temp_dir()
--- mkdir(dir.path .. "/mine")
--- write_file(dir.path .. "/mine/a.lua", "return { validate = print }")
--- assert(files.read(dir.path .. "/mine/a.lua").source:find("validate", 1, true))
---
--- chmod(dir.path .. "/mine/a.lua", "0666")
--- local _, err = try(files.read, dir.path .. "/mine/a.lua")
--- assert(err.message:find("others may write", 1, true))
--- ```
local options = require "options"
local planned = require "planned"

local M = {}

--- Where an administrator puts policies.
M.DIRECTORY = "/etc/crun-lua/policy.d"
--- What is longer is no policy.
local LONGEST = 1 << 20

local WRITABLE = 18 -- 022: by the group, by others
local STICKY = 512 -- 01000: who does not own an entry cannot replace it

---@class oci.policy.File
---@field path string as its user knows it
---@field source string
---@field planned? boolean this is a plan: the file was not opened, but read by its path

local function refuse(path, reason, hint)
  options.fail("policy", ("%s: %s"):format(path, reason), hint)
end

--- Who root is: in a user namespace that does not map the host's root, whoever owns `/`.
local function trusted_owners()
  local owners = { [0] = true, [proc_status(nil, { fields = { "uid" } }).uid.effective] = true }
  local map = uid_map()
  if not (map and map[1] and map[1].outside == 0 and map[1].count == 4294967295) then
    owners[stat("/").uid] = true
  end
  return owners
end

--- Fails where somebody else owns a file or may write it.
local function judge(path, facts, owners, sticky_is_fine)
  if not facts then
    refuse(path, "it is gone")
  elseif not owners[facts.uid] then
    refuse(
      path,
      ("user %d owns it: a policy and its directory belong to root"):format(facts.uid),
      ("chown root %s"):format(path)
    )
  elseif facts.mode & WRITABLE ~= 0 and not (sticky_is_fine and facts.mode & STICKY ~= 0) then
    refuse(
      path,
      ("its group or others may write it (mode %04o)"):format(facts.mode & 4095),
      ("chmod go-w %s"):format(path)
    )
  end
end

--- Judges the directories that lead to a path without symlinks. Above the policy's own directory
--- the sticky bit is enough: nobody else can replace what is ours in it.
local function judge_way(real, is_nearest, owners)
  local dir = real:match "^(.*)/[^/]*$"
  while dir do
    local name = dir == "" and "/" or dir
    judge(name, stat(name, { nofollow = true }), owners, not is_nearest)
    is_nearest = false
    dir = dir ~= "" and dir:match "^(.*)/[^/]*$" or nil
  end
end

--- The kernel's name for an open file, and the path that led to it. A plan opens nothing: there the
--- path has to do for both.
local function names_of(fd, path)
  if planned(fd.number) then
    return path, path
  end
  local name = "/proc/self/fd/" .. fd.number
  return name, readlink(name)
end

--- Opens what is judged with all that leads to it. Answers the handle, its name, and what it is.
local function open_judged(path, from, owners)
  local fd, err = try(open, from, { nonblock = true })
  if not fd then
    return nil, err
  end
  local name, real = names_of(fd, path)
  local facts = stat(name)
  judge(path, facts, owners)
  judge_way(real, facts.type ~= "directory", owners)
  return fd, name, facts
end

--- Opens a directory. Answers nil where there is none.
local function open_directory(path, owners)
  local dir, name, facts = open_judged(path, path, owners)
  if not dir and name.errno == "ENOENT" then
    return nil
  elseif not dir then
    error(name, 0)
  elseif facts.type ~= "directory" then
    refuse(path, "it is no directory")
  end
  return dir, name
end

--- Reads an entry of an open directory.
local function read_entry(dir_name, entry, path, owners)
  local file <close>, name, facts = open_judged(path, dir_name .. "/" .. entry, owners)
  if not file then
    refuse(path, name.errno == "ENOENT" and "no such file or directory" or name.message)
  elseif facts.type ~= "file" then
    refuse(path, ("it is no file but of type %s"):format(facts.type))
  elseif facts.size > LONGEST then
    refuse(path, ("it is longer than %d bytes"):format(LONGEST))
  end
  local is_planned = name == path
  local source = is_planned and read_file(path) or file:read()
  return { path = path, source = source, planned = is_planned or nil }
end

--- Reads one policy file, once it has been judged.
---@param path string
---@return oci.policy.File
function M.read(path)
  local owners = trusted_owners()
  local parent, name = path:match "^(.*)/([^/]+)$"
  local dir <close>, at = open_directory(parent == "" and "/" or parent or ".", owners)
  if not dir then
    refuse(path, "no such file or directory")
  end
  return read_entry(at, name or path, path, owners)
end

--- Reads the policies of a directory, in the order of their names; none where it does not exist.
---@param path string
---@return oci.policy.File[]
function M.directory(path)
  local list = {}
  -- Most machines have no policies: for them this is one failing call.
  local facts = stat(path)
  if not facts or planned(facts) then
    return list
  end
  local owners = trusted_owners()
  local dir <close>, at = open_directory(path, owners)
  for _, name in ipairs(dir and list_dir(at) or {}) do
    if name:find "^[^.].*%.lua$" then
      list[#list + 1] = read_entry(at, name, path .. "/" .. name, owners)
    end
  end
  return list
end

return M
