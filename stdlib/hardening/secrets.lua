--- Secrets in the directories that a container is shown: patterns become paths, which are masked.
---
--- A pattern is `~/path` (in the user's home), `/path`, or a name or some last components of a path
--- anywhere below a volume: `.env`, `*.pem`, `.docker/config.json`. `*` and `?` do not cross a `/`.
--- `!pattern` is an exception, whatever else matches.
---
--- The search goes through each volume once, before the container starts, and follows no symlink: a
--- link that matches has its target masked, where that is shown at all. A file with several hard
--- links is masked under each name. A directory that cannot be read is masked as a whole. There is
--- a bound of 200,000 names (`secrets_limit`), 1,000 secrets and 64 levels; past it the search
--- fails, and nothing is started. What comes to be while the container runs is not found.
--- Directories that match `unsearched`, such as `node_modules`, are not gone into.
---
--- ```lua
--- local secrets = require "hardening.secrets"
---
--- local dir <close> = temp_dir()
--- write_file(dir.path .. "/.env", "TOKEN=1")
--- local volumes = { { source = dir.path, target = "/work" } }
--- local found = secrets.find(volumes, { ".env", "~/.ssh" }, { home = "/nowhere" })
--- assert(#found == 1 and found[1] == "/work/.env")
--- ```
local globs = require "hardening.globs"
local options = require "options"

local M = {}

local OP = "hardening.prepare"
local NAMES, HITS, DEPTH = 200000, 1000, 64

local any, below, real = globs.any, globs.below, globs.real

local Search = {}
Search.__index = Search

--- Hides a path of the host in each volume that shows it; whether there is one.
function Search:hide(path)
  local shown = false
  for _, volume in ipairs(self.volumes) do
    local rest = below(path, volume.real)
    shown = shown or rest ~= nil
    if rest and not self.hidden[volume.target .. rest] then
      self.hidden[volume.target .. rest] = true
      self.found[#self.found + 1] = volume.target .. rest
    end
  end
  if #self.found > HITS then
    local what = ("secrets: more than %d were found"):format(HITS)
    options.fail(OP, what, "narrow the patterns, or show smaller directories")
  end
  return shown
end

--- A file of several names is remembered: the other names are looked for afterwards.
function Search:remember(known)
  if known and known.type ~= "directory" and known.nlink > 1 then
    self.twins[("%d:%d"):format(known.dev, known.ino)] = true
  end
end

function Search:spend(names, path)
  self.left = self.left - names
  if self.left < 0 then
    local what = ("secrets: %s: more than %d names to look at"):format(path, self.limit)
    local hint = "raise secrets_limit, or show a smaller directory (agent: home = false)"
    options.fail(OP, what, hint)
  end
end

--- The names of a directory; nil where there is none to be read.
function Search:names(path, depth)
  if depth > DEPTH then
    options.fail(OP, ("secrets: %s: deeper than %d directories"):format(path, DEPTH))
  end
  local names, err = try(list_dir, path == "" and "/" or path)
  if not names then
    -- It may have gone in between. Whoever owns it could open it from inside, so it is hidden.
    if err.errno ~= "ENOENT" and err.errno ~= "ENOTDIR" then
      self:hide(path)
    end
    return {}
  end
  self:spend(#names, path)
  return names
end

--- A path that is a secret, or what the link leads to. A link in a project leads where its author
--- likes: out of what is shown nothing is looked at.
function Search:take(path, depth, trusted)
  if try(readlink, path) then
    path = real(path)
  end
  if not path or not self:hide(path) and not trusted then
    return
  end
  local known = try(stat, path, { nofollow = true })
  self:remember(known)
  if known and known.type == "directory" then
    self:inside(path, depth + 1)
  end
end

--- Files in a hidden directory that may have names outside of it.
function Search:inside(path, depth)
  for _, name in ipairs(self:names(path, depth)) do
    local whole = path .. "/" .. name
    local known = try(stat, whole, { nofollow = true })
    self:remember(known)
    if known and known.type == "directory" then
      self:inside(whole, depth + 1)
    end
  end
end

-- File systems that count a directory's subdirectories in its links (find(1), -noleaf).
-- On others the number says nothing: 1 on btrfs, anything behind FUSE.
local COUNTS = { ext2 = true, ext3 = true, ext4 = true, tmpfs = true, xfs = true }

--- The devices of such file systems, as stat(2) numbers them.
local function counting()
  local devices = {}
  for _, mount in ipairs(mountinfo()) do
    if COUNTS[mount.fs_type] then
      local major, minor = mount.major, mount.minor
      local low = (major & 0xfff) << 8 | minor & 0xff
      devices[(major & ~0xfff) << 32 | low | (minor & ~0xff) << 12] = true
    end
  end
  return devices
end

--- How many subdirectories there are to be found; more than there can be where it is not known.
function Search:subdirectories(known)
  return self.counts[known.dev] and known.nlink >= 2 and known.nlink - 2 or math.huge
end

function Search:matches(path, name)
  local sorted = self.sorted
  if not (sorted.names[name] or any(sorted.globs, path)) then
    return false
  end
  return not any(sorted.exceptions, path)
end

--- Whether a directory is not gone into: what package managers have fetched from everybody.
function Search:is_unsearched(path, name)
  local sorted = self.unsearched
  return sorted.names[name] or sorted.at[path] or any(sorted.globs, path)
end

--- Looks at every name below a directory. `skip` is where another volume lies over this one. Most
--- directories have none in them; where that is known, their names are not asked what they are.
function Search:walk(path, known, depth, visit, skip)
  local left = self:subdirectories(known)
  for _, name in ipairs(self:names(path, depth)) do
    local whole = path .. "/" .. name
    local seen = skip[whole] or visit(self, whole, name, depth)
    local inner = left > 0 and try(stat, whole, { nofollow = true })
    if inner and inner.type == "directory" then
      left = left - 1
      if not seen and not self:is_unsearched(whole, name) then
        self:walk(whole, inner, depth + 1, visit, skip)
      end
    end
  end
end

--- Paths of a volume that a later one lies over: they are looked at there.
local function covered(volumes, index)
  local skip = {}
  for later = index + 1, #volumes do
    local rest = below(volumes[later].target, volumes[index].target)
    if rest and rest ~= "" then
      skip[volumes[index].real .. rest] = true
    end
  end
  return skip
end

local function each(search, visit)
  for index, volume in ipairs(search.volumes) do
    local known = stat(volume.real == "" and "/" or volume.real)
    if known and known.type == "directory" then
      search:walk(volume.real, known, 1, visit, covered(search.volumes, index))
    else
      visit(search, volume.real, volume.real:match("[^/]*$"), 1)
    end
  end
end

local function by_name(search, path, name, depth)
  if search:matches(path, name) then
    search:take(path, depth)
    return true
  end
end

local function by_inode(search, path)
  local known = try(stat, path, { nofollow = true })
  if known and search.twins[("%d:%d"):format(known.dev, known.ino)] then
    search:hide(path)
  end
  return known and known.type ~= "directory"
end

--- Those patterns that say where: on the host, and at the same path inside.
local function by_place(search)
  for _, place in ipairs(search.sorted.places) do
    local dir, name = place:match("^(.*)/([^/]+)$")
    local names = name:find("[*?]") and try(list_dir, dir == "" and "/" or dir) or { name }
    for _, one in ipairs(names) do
      local path = dir .. "/" .. one
      if one:find(globs.pattern_of(name)) and not any(search.sorted.exceptions, path) then
        if not search.hidden[path] and try(stat, path, { nofollow = true }) then
          local where = real(dir)
          search:take((where or dir) .. "/" .. one, 1, true)
        end
      end
    end
  end
end

--- The paths inside the container that must be masked.
---@param volumes { source: string, target: string }[] what the container is shown
---@param patterns string[]
---@param how { home: string?, limit: integer?, unsearched: string[]? } home: what `~` is
---@return string[] sorted
function M.find(volumes, patterns, how)
  if #patterns == 0 or #volumes == 0 then
    return {}
  end
  local shown = {}
  for _, volume in ipairs(volumes) do
    local where = real(volume.source)
    -- A source that is missing is an error where it is mounted.
    local target = volume.target:gsub("/+$", "")
    shown[#shown + 1] = where and { real = where, target = target } or nil
  end
  local limit = how.limit or NAMES
  local search = setmetatable({
    sorted = globs.sort(patterns, how.home),
    volumes = shown,
    hidden = {},
    found = {},
    twins = {},
    unsearched = globs.sort(how.unsearched or {}, how.home),
    counts = counting(),
    left = limit,
    limit = limit,
  }, Search)
  by_place(search)
  each(search, by_name)
  if next(search.twins) then
    search.left = limit
    each(search, by_inode)
  end
  table.sort(search.found)
  return search.found
end

return M
