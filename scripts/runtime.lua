#!/usr/bin/env crun-lua
-- Shows a small container runtime: a command runs in a container made of an image, with limits.
--
-- The image is a tar file of a root, a directory, an OCI image layout or a docker-archive; "host"
-- is the host's own system directories, read-only. What the container writes goes with it. Exit
-- status, signals, standard input and the terminal are the command's; orphans are collected. Any
-- number may run at once, and on a bridge each has an address and a name that the others can ask.
--
--   crun-lua scripts/runtime.lua box alpine.tar.gz /bin/sh
--   crun-lua scripts/runtime.lua --memory 1G --network bridge web host python3 -m http.server

local USAGE = [[
usage: crun-lua scripts/runtime.lua [OPTIONS] NAME IMAGE [COMMAND ARGUMENTS…]

  --memory SIZE     "64M", "1G"; without it 512M, where this user may limit it
  --cpu SHARE       "50%" of one processor; without it 100%, where this user may limit it
  --network MODE    none (without it), bridge, host, pasta
  --profile NAME    default (without it), minimal, strict, web, build
]]

--- Says what is wrong and ends: status 2 where the command line is, with the usage.
local function fail(err, status)
  local text = type(err) == "table" and err.message or tostring(err)
  local hint = type(err) == "table" and err.hint and "\n  hint: " .. err.hint or ""
  io.stderr:write("runtime.lua: ", text, hint, "\n", status == 2 and "\n" .. USAGE or "")
  os.exit(status)
end

local container = require "container"
local rootfs = require "rootfs"

local given, limits, index = {}, {}, 1
while arg[index] and arg[index]:sub(1, 1) == "-" do
  local option, value = arg[index]:match("^%-%-(%l+)$"), arg[index + 1]
  if option == "help" then
    print(USAGE)
    os.exit(0)
  elseif option == "memory" or option == "cpu" then
    limits[option] = value
  elseif option == "network" or option == "profile" then
    given[option] = value
  else
    fail(arg[index] .. ": not an option", 2)
  end
  index = value and index + 2 or fail(arg[index] .. ": its value is missing", 2)
end
local name, image = arg[index], arg[index + 1]
if not name or not image then
  fail("a name and an image are expected", 2)
end

-- What was asked for must be had; the usual limits are set where this user may set them.
local usual = { memory = "512M", cpu = "100%", pids = 1024 }
for _, controller in ipairs(cgroup_may()) do
  limits[controller] = limits[controller] or usual[controller]
end

local source, wrong = try(rootfs.parse, image)
if source and source.kind == "directory" then
  -- It stays as it is: an overlay takes the changes.
  source, wrong = try(rootfs.overlay, { lower = image })
end
given.name, given.rootfs, given.limits, given.init = name, source, limits, true
given.tty = is_tty(0) and is_tty(1) or nil
local box, refused = try(container.new, given)
if wrong or refused then
  fail(wrong or refused, 2)
end
local command = table.move(arg, index + 2, #arg, 1, {})
local result, err = try(box.run, box, #command > 0 and command or nil)
if err then
  fail(err, 1)
elseif result.oom then
  io.stderr:write("runtime.lua: at its memory limit the kernel killed a process of ", name, "\n")
end
os.exit(result.code)
