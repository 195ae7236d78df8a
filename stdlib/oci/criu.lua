--- What `checkpoint` and `restore` have in common: the program criu(8), its options, and what it
--- says where it fails.
---
--- criu saves what is the container's own. What came from outside is named when it is saved, and is
--- given again under the same name when it is restored: bind mounts, files behind which a path is
--- masked, and a network namespace of somebody else's.
---
--- ```lua
--- local criu = require "oci.criu"
---
--- local spec = { mounts = { { destination = "/data", source = "/srv", options = { "rbind" } } } }
--- assert(criu.externals(spec, "/b")[1].source == "/srv")
--- assert(criu.options({ shell_job = true })[2] == "--shell-job")
--- ```
local options = require "options"

local M = {}

-- The options that criu has under the same names.
local FLAGS = {
  "tcp-established",
  "ext-unix-sk",
  "shell-job",
  "file-locks",
  "auto-dedup",
  "lazy-pages",
}

--- The part of criu's command line that is the same for both.
---@param given table
---@return string[]
function M.options(given)
  local words = { "--manage-cgroups=" .. (given.manage_cgroups_mode or "soft") }
  for _, name in ipairs(FLAGS) do
    words[#words + 1] = given[name:gsub("-", "_")] and "--" .. name or nil
  end
  for _, kind in ipairs(given.empty_ns or {}) do
    if kind ~= "network" then
      options.fail("criu", ("--empty-ns: expected network, got %q"):format(kind))
    end
    table.move({ "--empty-ns", "net" }, 1, 2, #words + 1, words)
  end
  return words
end

local function is_bind(mount)
  for _, option in ipairs(mount.options or {}) do
    if option == "bind" or option == "rbind" then
      return true
    end
  end
  return mount.type == "bind"
end

--- What of a configuration lies outside of the container: the path in it, and on the host.
---@param spec table
---@param bundle string
---@return { destination: string, source: string }[]
function M.externals(spec, bundle)
  local list = {}
  for _, mount in ipairs(spec.mounts or {}) do
    if is_bind(mount) then
      local source = mount.source
      source = source:sub(1, 1) == "/" and source or bundle .. "/" .. source
      list[#list + 1] = { destination = mount.destination, source = source }
    end
  end
  return list
end

--- The network namespace that a container was given by its path, if any.
---@param spec table
---@return string?
function M.network(spec)
  for _, namespace in ipairs(spec.linux and spec.linux.namespaces or {}) do
    if namespace.type == "network" then
      return namespace.path
    end
  end
end

local function absolute(path)
  return path:sub(1, 1) == "/" and path or readlink("/proc/self/cwd") .. "/" .. path
end

-- What no image is, and what criu makes neither.
local REFUSED = { symlink = true, fifo = true, char = true, block = true }

--- Fails where a directory of images has what criu must not meet. The images may come from
--- elsewhere: through a link criu would read a file of the host's, or write its log into one
--- (CVE-2026-53489); a pipe it would wait for.
---@param dir string
function M.check(dir)
  for _, name in ipairs(stat(dir) and list_dir(dir) or {}) do
    local kind = stat(dir .. "/" .. name, { nofollow = true }).type
    -- The one link that is criu's own: to the images that these are the changes of.
    local earlier = stat(dir .. "/" .. name)
    earlier = name == "parent" and earlier and earlier.type == "directory"
    if REFUSED[kind] and not earlier then
      local what = ("%s/%s is a %s, and no image of criu's"):format(dir, name, kind)
      options.fail("criu", what, "use images that you have made, in a directory of their own")
    end
  end
end

--- Where the images are and where criu works.
---@param given table the options
---@return string images
---@return string work
function M.places(given)
  local images = absolute(given.image_path or "checkpoint")
  local work = given.work_path and absolute(given.work_path) or images
  M.check(images)
  M.check(work)
  return images, work
end

--- The program's path, or why there is none.
---@param global oci.Global
---@return string
function M.program(global)
  local name = global.criu or "criu"
  local dirs = name:find("/", 1, true) and { "" } or {}
  for dir in (os.getenv("PATH") or "/usr/sbin:/usr/bin:/sbin:/bin"):gmatch("[^:]+") do
    dirs[#dirs + 1] = not name:find("/", 1, true) and dir .. "/" or nil
  end
  for _, dir in ipairs(dirs) do
    local found = stat(dir .. name)
    if found and found.type == "file" then
      return dir .. name
    end
  end
  local hint = "checkpoint and restore need criu: install it, or name it with --criu"
  local message = name == "criu" and "criu: executable file not found in $PATH"
    or ("criu: %s: no such file or directory"):format(name)
  options.fail("criu", message, hint)
end

--- How cgroup v2 is mounted here, if it is.
local function cgroup2()
  for _, entry in ipairs(mountinfo()) do
    if entry.fs_type == "cgroup2" and entry.root == "/" then
      return entry
    end
  end
end

--- Mounts with the options that were there before; those of the mount itself stay what they are.
local function remount(before)
  local wanted = { remount = true, host = true }
  wanted.data = before.super_options:gsub("^r[wo],?", "")
  for _, flag in ipairs(before.mount_options) do
    if flag ~= "rw" then
      wanted[flag] = true
    end
  end
  mount(nil, before.mount_point, wanted)
end

--- Runs criu by `body`, and gives the machine back what criu changes: it mounts cgroup v2 a second
--- time, plainly, and the options are those of the file system. Without `nsdelegate` a namespace of
--- groups would hold nobody below the group that it was given (cgroups(7)).
---
--- ```lua
--- local criu = require "oci.criu"
---
--- assert(criu.run(function()
---   return capture { "true" }
--- end).code == 0)
--- ```
---@param body fun(): table
---@return table # what the body answers
function M.run(body)
  local before = cgroup2()
  local result, err = try(body)
  local now = cgroup2()
  if before and now and now.super_options ~= before.super_options then
    remount(before)
  end
  if err then
    error(err, 0)
  end
  return result
end

--- Why criu has failed: the first error in its log; those that follow are its consequences.
local function reason(path)
  for line in (read_file(path) or ""):gmatch("[^\n]+") do
    local found = line:match("Error %b(): (.*)$")
    if found then
      return found
    end
  end
end

--- Raises what criu has failed with.
---@param what string "dump" or "restore"
---@param result { code: integer, stderr?: string }
---@param log string the path of its log
function M.failed(what, result, log)
  local why = reason(log) or (result.stderr or ""):match("([^\n]+)\n*$")
  why = why or ("status %d"):format(result.code)
  options.fail("criu", ("criu failed: %s: %s"):format(what, why), "its log is " .. log)
end

return M
