--- The words of `mounts[].options`: flags, what holds for all that is below, propagation, and data.
---
--- A word is the kernel's or mount(8)'s. One that says the opposite of an earlier one wins, as the
--- last does there. A word that nobody knows belongs to the file system.
---
--- ```lua
--- local words = require "oci.mounts.options"
---
--- local parsed = words.parse { "rbind", "ro", "rnosuid", "rslave", "size=1M" }
--- assert(parsed.bind and parsed.recursive and parsed.flags.readonly and parsed.all.nosuid)
--- assert(parsed.propagation[1].word == "slave" and parsed.data == "size=1M")
--- ```
local M = {}

--- What the words of one mount say.
---@class oci.MountWords
---@field bind boolean
---@field recursive boolean of a bind: with what is mounted below the source
---@field remount boolean
---@field flags table<string, boolean> of the uppermost mount
---@field all table<string, boolean> of all that is mounted below as well
---@field propagation { word: string, recursive: boolean }[]
---@field id_map? string "idmap" or "ridmap"
---@field copy_up boolean
---@field data? string what the file system is told

-- Each word: the primitives' flag, and whether it is turned on or off.
local FLAGS = {
  ro = { "readonly", true },
  rw = { "readonly", false },
  nosuid = { "nosuid", true },
  suid = { "nosuid", false },
  nodev = { "nodev", true },
  dev = { "nodev", false },
  noexec = { "noexec", true },
  exec = { "noexec", false },
  nosymfollow = { "nosymfollow", true },
  symfollow = { "nosymfollow", false },
  nodiratime = { "nodiratime", true },
  diratime = { "nodiratime", false },
  noatime = { "noatime", true },
  atime = { "noatime", false },
  relatime = { "relatime", true },
  norelatime = { "relatime", false },
  strictatime = { "strictatime", true },
  nostrictatime = { "strictatime", false },
}

-- Those of the file system itself, which no single mount has.
local OF_FILE_SYSTEM = {
  sync = { "sync", true },
  async = { "sync", false },
  dirsync = { "dirsync", true },
  lazytime = { "lazytime", true },
  nolazytime = { "lazytime", false },
  mand = { "mand", true },
  nomand = { "mand", false },
  iversion = { "iversion", true },
  noiversion = { "iversion", false },
  silent = { "silent", true },
  loud = { "silent", false },
}

local PROPAGATION = { private = true, shared = true, slave = true, unbindable = true }

-- When access times are written is one setting with three values.
local ATIME = { noatime = true, relatime = true, strictatime = true }

local function set(flags, name, on)
  if ATIME[name] then
    for other in pairs(ATIME) do
      if on or flags[other] == false then
        flags[other] = nil
      end
    end
    -- Turning one of them off leaves another one alone that was turned on.
    if not on and (flags.noatime or flags.relatime or flags.strictatime) and not flags[name] then
      return
    end
  end
  flags[name] = on
end

local function bind(parsed, word)
  if word == "bind" or word == "rbind" then
    parsed.bind, parsed.recursive = true, word == "rbind"
    return true
  elseif word == "remount" then
    parsed.remount = true
    return true
  elseif word == "idmap" or word == "ridmap" then
    parsed.id_map = word
    return true
  elseif word == "tmpcopyup" then
    parsed.copy_up = true
    return true
  end
  return word == "defaults" or word == ""
end

--- One word that is a flag or a propagation; nil where it is neither.
local function flag(parsed, word)
  local known = FLAGS[word] or OF_FILE_SYSTEM[word]
  if known then
    set(parsed.flags, known[1], known[2])
    return true
  end
  if PROPAGATION[word] then
    parsed.propagation[#parsed.propagation + 1] = { word = word, recursive = false }
    return true
  end
  local below = word:match("^r(.+)")
  if FLAGS[below] then
    set(parsed.all, FLAGS[below][1], FLAGS[below][2])
    return true
  elseif PROPAGATION[below] then
    parsed.propagation[#parsed.propagation + 1] = { word = below, recursive = true }
    return true
  end
end

--- What a mount's options say.
---@param words? string[]
---@return oci.MountWords
function M.parse(words)
  local parsed = { flags = {}, all = {}, propagation = {} }
  local data = {}
  for _, word in ipairs(words or {}) do
    if not bind(parsed, word) and not flag(parsed, word) then
      data[#data + 1] = word
    end
  end
  parsed.data = #data > 0 and table.concat(data, ",") or nil
  return parsed
end

--- Every word that is understood, sorted: what `features` lists.
---@return string[]
function M.known()
  local list = { "bind", "rbind", "remount", "idmap", "ridmap", "tmpcopyup", "defaults" }
  for word in pairs(FLAGS) do
    list[#list + 1] = word
    list[#list + 1] = "r" .. word
  end
  for word in pairs(OF_FILE_SYSTEM) do
    list[#list + 1] = word
  end
  for word in pairs(PROPAGATION) do
    list[#list + 1] = word
    list[#list + 1] = "r" .. word
  end
  table.sort(list)
  return list
end

--- The flags that are turned on: a new file system has none that could be taken away.
---@param parsed oci.MountWords
---@return table<string, boolean>
function M.turned_on(parsed)
  local on = {}
  for name, value in pairs(parsed.flags) do
    on[name] = value or nil
  end
  for name, value in pairs(parsed.all) do
    -- Nothing is mounted below a new file system: what holds for all of it holds for it.
    if ATIME[name] and value then
      on.noatime, on.relatime, on.strictatime = nil, nil, nil
    end
    on[name] = value or nil
  end
  return on
end

--- The flags of one mount alone, without those of its file system.
---@param parsed oci.MountWords
---@return table<string, boolean>
function M.of_mount(parsed)
  local flags = {}
  for name, value in pairs(parsed.flags) do
    if not OF_FILE_SYSTEM[name] then
      flags[name] = value
    end
  end
  return flags
end

return M
