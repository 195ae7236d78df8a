--- `/dev` of a container: the devices that each one has, those of `linux.devices`, and the links.
---
--- Nodes are made in the directory that was opened once, so a link in an image's `/dev` leads none
--- of them away (CVE-2026-41579). Where nodes cannot be made, in a user namespace or without
--- CAP_MKNOD, the host's own node of the same number is shown instead.
---
--- ```lua
--- local devices = require "oci.devices"
---
--- local plan = devices.plan { linux = { devices = {
---   { path = "/dev/fuse", type = "c", major = 10, minor = 229, fileMode = 438 },
--- } } }
--- assert(#plan.nodes == 7 and plan.nodes[7].name == "fuse")
--- ```
local mounts = require "oci.mounts"
local options = require "options"

local M = {}

-- OCI runtime spec, "Default Devices".
local DEFAULT = {
  { "null", 1, 3 },
  { "zero", 1, 5 },
  { "full", 1, 7 },
  { "random", 1, 8 },
  { "urandom", 1, 9 },
  { "tty", 5, 0 },
}

-- In this order, which is runc's.
local LINKS = {
  { "fd", "/proc/self/fd" },
  { "stdin", "/proc/self/fd/0" },
  { "stdout", "/proc/self/fd/1" },
  { "stderr", "/proc/self/fd/2" },
}

-- A link of a user's is not replaced; the multiplexer must be that of the container's terminals.
local PTMX = "pts/ptmx"

local TYPES = { c = "c", u = "c", b = "b", p = "p" }

--- One node as `rootfs:mknod` takes it.
local function node(device)
  local kind = TYPES[device.type]
  local path = mounts.normal(device.path)
  local made = { path = path, name = path:match("^/dev/([^/]+)$"), what = { type = kind } }
  local what = made.what
  what.mode = ("%o"):format((device.fileMode or 438) & 4095)
  -- Who makes it has these already.
  what.uid = device.uid ~= 0 and device.uid or nil
  what.gid = device.gid ~= 0 and device.gid or nil
  if kind ~= "p" then
    what.major, what.minor, what.host = device.major, device.minor, path
    if not (what.major and what.minor) then
      options.fail("device", path .. ": a device needs major and minor")
    end
  end
  return made
end

--- What is made in `/dev`, decided in the parent.
---@param spec table
---@return { nodes: table[] }
function M.plan(spec)
  local nodes, named = {}, {}
  local given = spec.linux and spec.linux.devices or {}
  for _, device in ipairs(given) do
    named[mounts.normal(device.path)] = true
  end
  for _, one in ipairs(DEFAULT) do
    local path = "/dev/" .. one[1]
    if not named[path] then
      nodes[#nodes + 1] = {
        path = path,
        name = one[1],
        what = { type = "c", major = one[2], minor = one[3], mode = "666", host = path },
      }
    end
  end
  for _, device in ipairs(given) do
    nodes[#nodes + 1] = node(device)
  end
  return { nodes = nodes }
end

local function make_node(root, dev, one)
  local parent = not one.name and one.path:match("^(.+)/[^/]+$")
  if parent and not root:exists(parent) then
    root:mkdir(parent, { parents = true })
  end
  local _, err = try(root.mknod, one.name and dev or root, one.name or one.path, one.what)
  if not err then
    return
  end
  local text = err.errno == "EEXIST" and "another file is there already" or err.message
  options.fail("device", ("%s cannot be made: %s"):format(one.path, text), err.hint, err)
end

--- A link, unless something has that name.
local function link(dev, name, text)
  local _, err = try(dev.symlink, dev, text, name)
  if err and err.errno ~= "EEXIST" then
    error(err, 0)
  end
  return not err
end

--- The place for the container's terminal: an image's link there would have it shown anywhere
--- (CVE-2025-52565), and later the root may be read-only.
local function console_place(dev)
  local found = dev:stat("console", { nofollow = true })
  if found and found.type == "symlink" then
    dev:unlink("console")
    found = nil
  end
  if not found then
    dev:write("console", "", { mode = "600", exclusive = true })
  end
end

--- Makes devices and links, in the child, when everything is mounted.
---@param root any a rootfs handle
---@param plan { nodes: table[], proc: boolean, console: boolean }
---@param opened? any a handle of /dev
function M.make(root, plan, opened)
  local dev <close> = opened or root:subdir("/dev")
  for _, one in ipairs(plan.nodes) do
    make_node(root, dev, one)
  end
  if plan.proc or root:exists("/proc/self/fd") then
    for _, one in ipairs(LINKS) do
      link(dev, one[1], one[2])
    end
  end
  if not link(dev, "ptmx", PTMX) and dev:readlink("ptmx") ~= PTMX then
    dev:unlink("ptmx")
    dev:symlink(PTMX, "ptmx")
  end
  if plan.console then
    console_place(dev)
  end
end

return M
