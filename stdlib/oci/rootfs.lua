--- The root file system of an OCI container: everything between the bundle's directory and the root
--- that the program sees.
---
--- `prepare` decides in the parent and opens what only the parent can; `furnish` mounts in the
--- child, in its mount namespace; the createContainer hooks run; `enter` hides and protects what
--- the configuration names and makes it the root. What is in a root is hostile: nothing is done by
--- a path of the host that goes through it.
---
--- ```lua
--- local rootfs = require "oci.rootfs"
---
--- local bundle <close> = temp_dir()
--- mkdir(bundle.path .. "/rootfs")
--- local spec = {
---   root = { path = "rootfs", readonly = true },
---   mounts = { { destination = "/dev", type = "tmpfs", source = "tmpfs" } },
---   linux = { namespaces = { { type = "mount" } }, maskedPaths = { "/dev/zero" } },
--- }
--- local plan = rootfs.prepare(spec, { bundle = bundle.path, id = "example" })
--- local how = { unshare = { "mnt" }, propagation = plan.propagation }
--- local child <close> = spawn(how, function()
---   local root = rootfs.furnish(plan)
---   rootfs.enter(plan, root)
---   assert(stat("/dev/zero").minor == 3 and not stat("/etc"))
--- end)
--- assert(child:wait().code == 0)
--- ```
local devices = require "oci.devices"
local making = require "oci.mounts.make"
local mounts = require "oci.mounts"
local options = require "options"

local M = {}

--- What the parent has decided.
---@class oci.RootPlan
---@field path string the root's directory on the host
---@field propagation string for `spawn`: how the new mount namespace hangs together with the host's
---@field mounts oci.Mount[]
---@field devices? table nil where /dev is the host's
---@field masked string[]
---@field readonly_paths string[]
---@field readonly boolean
---@field no_pivot? boolean
---@field after? { word: string, recursive: boolean } the root's propagation at the end
---@field check_dev? boolean
---@field joined boolean

--- The directory of the root, which must be one.
local function directory(spec, ctx)
  local path = spec.root and spec.root.path
  if not path or path == "" then
    options.fail("rootfs", "root.path is missing")
  end
  path = path:sub(1, 1) == "/" and path or ctx.bundle .. "/" .. path
  local found = stat(path)
  if not found then
    options.fail("rootfs", ("rootfs %s: no such file or directory"):format(path))
  elseif found.type ~= "directory" then
    options.fail("rootfs", ("rootfs %s is not a directory"):format(path))
  elseif path:match("^/[/.]*$") then
    options.fail(
      "rootfs",
      "the host's own root cannot be a container's",
      "name a directory below it"
    )
  end
  return path
end

--- Which namespaces are the container's own, new or by path: those with rights to mount anew. And
--- whether the mounts are made in one that is there already.
local function own_namespaces(linux)
  local own, joined = {}, false
  for _, namespace in ipairs(linux.namespaces or {}) do
    own[namespace.type] = true
    joined = joined or namespace.type == "mount" and (namespace.path or "") ~= ""
  end
  return own, joined
end

--- How the root is shared: "rslave" as a word and whether it goes down.
local function root_propagation(linux)
  local text = linux.rootfsPropagation
  if not text or text == "" then
    return nil
  end
  local recursive, word = text:match("^(r?)(%l+)$")
  if word == "private" or word == "slave" or word == "shared" or word == "unbindable" then
    return { word = word, recursive = recursive == "r" }
  end
  options.fail("rootfs", ("linux.rootfsPropagation: no propagation is called %q"):format(text))
end

--- How the new mount namespace hangs together with the host's. Peers of the host's mounts are
--- opened by the parent: nothing of the namespace itself may be one, lest a container's root appear
--- on the host. What comes on the host later reaches slaves alone; without volumes there are none.
local function namespace_propagation(spec, plan)
  if plan.after then
    return plan.after.word == "private" and "private" or "slave"
  end
  local alone = not (spec.hooks and next(spec.hooks))
  for _, entry in ipairs(plan.mounts) do
    alone = alone and entry.kind ~= "bind" and entry.kind ~= "tree"
  end
  return alone and "private" or "slave"
end

--- Whether /dev is what the host has there: then nothing is made in it.
local function has_host_dev(list)
  local last
  for _, entry in ipairs(list) do
    last = entry.target == "/dev" and entry or last
  end
  return last and (last.kind == "bind" or last.kind == "tree"), last ~= nil
end

--- Decides, opens and refuses, in the parent.
---@param spec table
---@param ctx table { bundle, id, userns, rootless, cgroup, terminal, no_pivot }
---@return oci.RootPlan
function M.prepare(spec, ctx)
  local linux = spec.linux or {}
  local own, joined = own_namespaces(linux)
  local plan = {
    joined = joined,
    path = directory(spec, ctx),
    masked = linux.maskedPaths or {},
    readonly_paths = linux.readonlyPaths or {},
    readonly = spec.root.readonly or false,
    no_pivot = ctx.no_pivot,
    after = root_propagation(linux),
  }
  plan.mounts = mounts.plan(spec, {
    bundle = ctx.bundle,
    root = plan.path,
    own = own,
    userns = ctx.userns,
    cgroup = ctx.cgroup,
    label_word = (spec.annotations or {})["run.oci.mount_context_type"],
    label = linux.mountLabel and require("oci.label").active("selinux", linux.mountLabel),
  })
  plan.propagation = namespace_propagation(spec, plan)
  local host_dev, has_dev = has_host_dev(plan.mounts)
  if not host_dev then
    plan.devices = devices.plan(spec)
    plan.devices.console = ctx.terminal
    plan.check_dev = not has_dev
    for _, entry in ipairs(plan.mounts) do
      plan.devices.proc = plan.devices.proc or entry.target == "/proc"
    end
  end
  return plan
end

--- The root as a mount of its own; private, so that nothing which is done in it reaches the host.
local function open_root(plan)
  local after = plan.after
  if after and after.word == "shared" or plan.joined then
    mount(nil, "/", { slave = true, recursive = true })
  end
  local word = after and after.word == "slave" and "slave" or "private"
  if plan.propagation == "private" and not plan.joined then
    -- So is whatever it is cloned from.
    word = nil
  end
  return rootfs_open(plan.path, { bind = true, recursive = true, propagation = word })
end

--- Makes sure that no link stands where something will be made by name.
local function check_directory(root, path)
  local found = root:stat(path, { nofollow = true })
  if not found then
    root:mkdir(path)
  elseif found.type ~= "directory" then
    local hint = "an image with a link there takes the runtime to the host (CVE-2026-41579)"
    options.fail("rootfs", ("%s of the root is a %s"):format(path, found.type), hint)
  end
end

--- Mounts everything, in the child, up to the point where hooks of the container run.
---@param plan oci.RootPlan
---@return any root a rootfs handle
function M.furnish(plan)
  -- What is made has the mode that is said; the program's own mask is set later.
  umask("0")
  local root = open_root(plan)
  local dev = making.make(root, plan.mounts)
  if plan.check_dev then
    check_directory(root, "/dev")
  end
  if plan.devices then
    devices.make(root, plan.devices, dev)
  end
  return root
end

--- Hides and protects, and goes in.
---@param plan oci.RootPlan
---@param root any what `furnish` answered
function M.enter(plan, root)
  for _, path in ipairs(plan.readonly_paths) do
    root:readonly(path)
  end
  for _, path in ipairs(plan.masked) do
    root:mask(path)
  end
  for _, entry in ipairs(plan.mounts) do
    if entry.late then
      root:remount(entry.target, { readonly = true })
    end
  end
  root:pivot { no_pivot = plan.no_pivot or nil }
  local after = plan.after
  if after and (after.word ~= "private" or after.recursive) then
    mount(nil, "/", { propagation = after.word, recursive = after.recursive })
  end
  if plan.readonly then
    root:readonly("/")
  end
end

--- Closes in the parent what was opened for the child, which has its own copies by then: a volume
--- would stay in use for as long as the runtime waits in the foreground.
---@param plan oci.RootPlan
function M.release(plan)
  for _, entry in ipairs(plan.mounts) do
    if entry.tree then
      entry.tree:close()
    end
  end
  for _, one in ipairs(plan.mounts.id_maps) do
    one.namespace:close()
  end
end

return M
