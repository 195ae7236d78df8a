--- File systems and device nodes that containers want.
---
--- ```lua
--- local rows = {}
--- require "doctor.filesystems"(function(row) rows[#rows + 1] = row end)
--- assert(rows[1].name == "proc")
--- ```
local probe = require "doctor.probe"

--- An overlay of two directories on a tmpfs, in a mount namespace that ends with the child.
local function overlay()
  mount("tmpfs", "/tmp", { type = "tmpfs", data = "size=1M" })
  for _, name in ipairs { "lower", "upper", "work", "merged" } do
    mkdir("/tmp/" .. name)
  end
  write_file("/tmp/lower/file", "x")
  mount("overlay", "/tmp/merged", {
    type = "overlay",
    lower = { "/tmp/lower" },
    upper = "/tmp/upper",
    work = "/tmp/work",
  })
  assert(read_file("/tmp/merged/file") == "x")
end

local function device(add, path, module, meaning, remedy)
  local file = try(stat, path)
  local there = file ~= nil and file.type == "char"
  local opened, reason = there, nil
  -- Opening a node whose driver is a file would load it.
  if there and probe.module(module) ~= "module" then
    local handle, message = io.open(path, "r+")
    opened = handle ~= nil
    reason = message and message:match("([^:]+)$"):gsub("^%s+", "")
    if handle then
      handle:close()
    end
  end
  if reason == "Permission denied" then
    remedy = "give this user the right to open it: a group, an ACL or a udev rule"
  end
  add {
    name = path,
    ok = opened,
    meaning = meaning,
    reason = not there and "there is no such device" or reason,
    remedy = remedy,
  }
end

---@param add fun(row: doctor.Row)
return function(add)
  local ok, reason = probe.inside({ "pid", "mnt" }, function()
    mount("proc", "/proc", { type = "proc" })
  end)
  add {
    name = "proc",
    ok = ok,
    required = true,
    meaning = "a /proc of the container's own",
    reason = reason,
    remedy = "in a container a user namespace gets one only where its own /proc is not masked: "
      .. "run this with --security-opt unmask=all (Podman), or on the host",
  }
  ok, reason = probe.inside({ "mnt" }, function()
    mount("tmpfs", "/tmp", { type = "tmpfs", data = "size=1M" })
  end)
  add {
    name = "tmpfs",
    ok = ok,
    required = true,
    meaning = "roots, /tmp and /dev that are gone with the container",
    reason = reason,
    remedy = "a kernel with CONFIG_TMPFS",
  }
  local found
  ok, reason, found = probe.gently({ "overlay" }, { "mnt" }, overlay)
  add {
    name = "overlay",
    ok = ok,
    found = found,
    meaning = "images that many containers share, each with its own changes",
    reason = reason,
    remedy = "modprobe overlay; for ordinary users Linux 5.11. Without it images are copied",
  }
  if probe.is_root() then
    local userns
    if probe.module("overlay") == "module" then
      ok, reason, userns = true, nil, found
    else
      ok, reason = probe.attempt({ unshare = { "user", "mnt" } }, overlay)
    end
    add {
      name = "overlay, without root",
      ok = ok,
      found = userns,
      meaning = "the same in a user namespace",
      reason = reason,
      remedy = "Linux 5.11",
    }
  end
  device(
    add,
    "/dev/fuse",
    "fuse",
    "file systems that a program serves (fuse-overlayfs)",
    "modprobe fuse; in a container: --device /dev/fuse"
  )
  device(
    add,
    "/dev/net/tun",
    "tun",
    "networks without root: pasta, slirp4netns",
    "modprobe tun; in a container: --device /dev/net/tun"
  )
end
