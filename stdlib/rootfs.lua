--- Roots of containers: what a container sees as "/", from where it comes, and how it is mounted.
---
--- A source is parsed once, prepared in the parent (the slow part: looking up, unpacking), and
--- mounted in the child, in its own mount namespace. Source and prepared are plain tables.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local prepared = rootfs.prepare(rootfs.parse("host"), { name = "box", root = true })
--- local child <close> = spawn({ unshare = { "user", "mnt", "pid" } }, function()
---   local root = rootfs.mount(prepared)
---   root:pivot()
---   exec { "/bin/true" }
--- end)
--- assert(child:wait().code == 0)
--- rootfs.release(prepared)
--- ```
local options = require "options"
local paths = require "rootfs.paths"

local M = {}

--- Where a root comes from. The fields beside `kind` are the constructor's options.
---@class rootfs.Source
---@field kind string "host", "directory", "tar", "image", "overlay", "copy" or "debootstrap"

--- What the child mounts.
---@class rootfs.Prepared
---@field kind string
---@field config? table what an image says of command, env, user, workdir, volumes, stop_signal

--- What prepares and mounts each kind; loaded when it is used.
local MODULES = {
  host = "rootfs.host",
  directory = "rootfs.directory",
  tar = "rootfs.archive",
  image = "rootfs.archive",
  overlay = "rootfs.overlay",
  copy = "rootfs.copy",
  debootstrap = "rootfs.debootstrap",
}

local KNOWN = {
  host = { opt = "boolean", setuid = "boolean", size = "string" },
  directory = { path = "string", readonly = "boolean" },
  tar = { path = "string", size = "string" },
  image = { path = "string", ref = "string", size = "string" },
  overlay = { lower = { "string", "table" }, upper = "string", size = "string" },
  copy = { root = "string", files = "table", copy = "boolean", size = "string" },
  debootstrap = {
    suite = "string",
    mirror = "string",
    variant = "string",
    packages = "list",
    size = "string",
  },
}

--- A copy of a constructor's options, checked, with its kind.
local function source(kind, given)
  local made = { kind = kind }
  for key, value in pairs(options.check("rootfs." .. kind, given, KNOWN[kind])) do
    made[key] = value
  end
  return made
end

local function need(made, name, example)
  if not made[name] then
    options.fail("rootfs." .. made.kind, ("option '%s' is missing"):format(name), example)
  end
  return made
end

--- The host's system directories, read-only, with an /etc, /tmp and /var of the container's own.
---
--- ```lua
--- local container = require "container"
--- local rootfs = require "rootfs"
---
--- local box <close> = container.new { rootfs = rootfs.host { size = "64M" } }
--- assert(box:run { "/bin/true" }.code == 0)
--- ```
---@param given? { opt: boolean?, setuid: boolean?, size: string? } opt: /opt as well; setuid:
--- set-user-ID programs keep their bit; size: how much may be written, "1G"
---@return rootfs.Source
function M.host(given)
  return source("host", given)
end

--- A directory itself: what the container changes stays.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- assert(rootfs.directory("/srv", { readonly = true }).path == "/srv")
--- ```
---@param path string
---@param given? { readonly: boolean? }
---@return rootfs.Source
function M.directory(path, given)
  local made = source("directory", given)
  made.path = paths.absolute("rootfs.directory", path)
  return made
end

--- A tar file (plain, gzip or zstd), unpacked for each container anew; nothing stays.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local function of(path)
---   return rootfs.tar(path, { size = "1G" })
--- end
--- assert(not try(of, "/nowhere.tar.gz"))
--- ```
---@param path string
---@param given? { size: string? } how much the root may hold, "1G"
---@return rootfs.Source
function M.tar(path, given)
  local made = source("tar", given)
  made.path = paths.absolute("rootfs.tar", path)
  return made
end

--- An OCI image layout (a directory, or a tar file of it) or a docker-archive.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local function of(path)
---   return rootfs.image(path, { ref = "latest" })
--- end
--- assert(not try(of, "/nowhere"))
--- ```
---@param path string
---@param given? { ref: string?, size: string? } ref: which image of several, "name:tag"
---@return rootfs.Source
function M.image(path, given)
  local made = source("image", given)
  made.path = paths.absolute("rootfs.image", path)
  return made
end

--- Programs of the host with the libraries they need, and nothing else. The list part names them.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local source = rootfs.copy { "sh", files = { ["/etc/motd"] = "hello\n" } }
--- assert(source.kind == "copy" and source.programs[1] == "sh")
--- ```
---@param given table programs; `root` they are taken from; `files` from path to text; `copy`
--- copies instead of a read-only bind; `size`
---@return rootfs.Source
function M.copy(given)
  local programs, named = {}, {}
  for key, value in pairs(type(given) == "table" and given or { given }) do
    if math.type(key) == "integer" then
      options.expect("rootfs.copy", "program", value, "string")
      programs[key] = value
    else
      named[key] = value
    end
  end
  if #programs == 0 then
    options.fail("rootfs.copy", "no program is named", 'rootfs.copy { "/bin/sh" }')
  end
  local made = source("copy", named)
  made.programs = programs
  for path, text in pairs(made.files or {}) do
    if type(path) ~= "string" or path:sub(1, 1) ~= "/" or type(text) ~= "string" then
      options.fail("rootfs.copy", "files: expected a table from absolute path to text")
    end
  end
  return made
end

--- A minimal Debian, made once by mmdebstrap or debootstrap and kept; changes do not stay.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- assert(rootfs.debootstrap({ suite = "bookworm", packages = { "curl" } }).variant == nil)
--- ```
---@param given table suite ("bookworm"), mirror (the machine's own without it), variant
--- ("minbase"), packages (a list), size (how much may be changed, "1G")
---@return rootfs.Source
function M.debootstrap(given)
  return need(source("debootstrap", given), "suite", 'suite = "bookworm"')
end

--- Directories that are not changed, and one above that takes the changes.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- assert(#rootfs.overlay({ lower = { "/srv", "/opt" }, upper = "/var/tmp" }).lower == 2)
--- ```
---@param given { lower: any, upper: string?, size: string? } lower: a root or a list, the
--- uppermost first; upper: a directory that keeps the changes, which else go with the container
---@return rootfs.Source
function M.overlay(given)
  local made = need(source("overlay", given), "lower", 'lower = "/path/of/a/root"')
  local lower = made.lower
  local list = (type(lower) == "string" or lower.kind) and { lower } or lower
  if #list == 0 then
    options.fail("rootfs.overlay", "lower: no directory is named")
  end
  made.lower = {}
  for index, value in ipairs(list) do
    local one = M.parse(value)
    if one.kind == "host" or one.kind == "copy" or one.kind == "overlay" then
      local what = ("lower: a root of kind '%s' has no directory of its own"):format(one.kind)
      options.fail("rootfs.overlay", what, "name a directory, an image, a tar file or a Debian")
    end
    made.lower[index] = one
  end
  made.upper = made.upper and paths.absolute("rootfs.overlay", made.upper)
  return made
end

--- What a user wrote for a root: "host", a path, or what a constructor made.
---@param value any
---@return rootfs.Source
function M.parse(value)
  if type(value) == "table" then
    if not MODULES[value.kind] then
      local hint =
        "use a constructor: rootfs.copy { … }, rootfs.overlay { … }, rootfs.image(path)"
      options.fail("rootfs", "a table without a known kind", hint)
    end
    return value
  end
  if type(value) ~= "string" or value == "" then
    options.fail("rootfs", 'expected "host", a path, or what a constructor made')
  end
  if value == "host" then
    return M.host()
  end
  return M[paths.kind(value)](value)
end

--- Does what is slow, in the parent.
---@param from rootfs.Source
---@param context? { name: string?, root: boolean?, userns: boolean?, later: boolean? } the
--- container, whether it is made by root, whether in a user namespace; later: what only one
--- container may have is not taken before `hold`
---@return rootfs.Prepared plain: it crosses into the child and into a file
function M.prepare(from, context)
  return require(MODULES[from.kind]).prepare(from, context or {})
end

--- Takes what only one container may have, where `prepare` was told that it comes later: when what
--- there will be to release has been written down.
---
--- ```lua
--- local rootfs = require "rootfs"
---
--- local how = { name = "hold", root = true, later = true }
--- local prepared = rootfs.prepare(rootfs.parse("host"), how)
--- rootfs.hold(prepared)
--- rootfs.release(prepared)
--- ```
---@param prepared rootfs.Prepared
function M.hold(prepared)
  local hold = require(MODULES[prepared.kind]).hold
  if hold then
    hold(prepared)
  end
end

--- Mounts the root, in the child, in its own mount namespace. Nothing of the host is changed.
---@param prepared rootfs.Prepared
---@param others? table<string, any> by path: files that the caller puts there itself
---@return any root a rootfs handle, ready for mkdir, mount and pivot
function M.mount(prepared, others)
  return require(MODULES[prepared.kind]).mount(prepared, others)
end

--- Undoes what `prepare` made for this container alone.
---@param prepared rootfs.Prepared
function M.release(prepared)
  local release = require(MODULES[prepared.kind]).release
  if release then
    release(prepared)
  end
end

return M
