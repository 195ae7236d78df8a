#!/usr/bin/env crun-lua
-- A small container runtime: runs a command in a container made of an image, with limits.
--
-- The image is a tar file of a root, a directory, an OCI image layout or a docker-archive; "host"
-- shows the host's own system directories, read-only. Several may run at once, each with an address
-- of its own; what one of them writes goes with it.
--
--   crun-lua scripts/runtime.lua web alpine.tar /bin/sh
--   crun-lua scripts/runtime.lua --network bridge web host python3 -m http.server

local container = require "container"
local rootfs = require "rootfs"

local USAGE = [[
usage: crun-lua scripts/runtime.lua [OPTIONS] NAME IMAGE [COMMAND ARGUMENTS…]

  --network MODE    none (default), bridge, host, pasta
  --memory SIZE     512M where this user may limit it
  --cpu SHARE       of one processor: 100%
  --profile NAME    default; or minimal, strict, web, build
  --tty             a terminal of its own
]]

local function usage(text)
  io.stderr:write(text and "runtime.lua: " .. text .. "\n\n" or "", USAGE)
  os.exit(text and 2 or 0)
end

local given, index = { limits = {} }, 1
while arg[index] and arg[index]:sub(1, 2) == "--" do
  local option, value = arg[index]:sub(3), arg[index + 1]
  if option == "help" then
    usage()
  elseif option == "tty" then
    given.tty = true
    index = index - 1
  elseif option == "network" or option == "profile" then
    given[option] = value
  elseif option == "memory" or option == "cpu" then
    given.limits[option] = value
  else
    usage(arg[index] .. ": not an option")
  end
  index = index + 2
end
local name, image = arg[index], arg[index + 1]
if not image then
  usage("a name and an image are expected")
end

-- The usual limits, where this user may set them; what was asked for must be had.
local usual = { memory = "512M", cpu = "100%" }
for _, controller in ipairs(cgroup_may()) do
  given.limits[controller] = given.limits[controller] or usual[controller]
end

-- A directory is not changed: what the container writes lies above it, and goes with it.
local source = rootfs.parse(image)
if source.kind == "directory" then
  source = rootfs.overlay { lower = image }
end

given.name, given.rootfs = name, source
local box <close> = container.new(given)
local command = table.move(arg, index + 2, #arg, 1, {})
local result = box:run(#command > 0 and command or nil)
if result.oom then
  io.stderr:write("runtime.lua: ", name, " went beyond its memory and was killed\n")
end
os.exit(result.code)
