--- The kernel: its version, and the calls that containers are made with.
---
--- ```lua
--- local rows = {}
--- require "doctor.kernel"(function(row) rows[#rows + 1] = row end)
--- assert(rows[1].name == "/proc" and rows[1].ok)
--- ```
local probe = require "doctor.probe"

--- Calls for which there is no other try than their use; spawn and rootfs have a way without each.
local BY_VERSION = {
  { name = "clone3", since = "5.3", meaning = "all namespaces of a child in one call" },
  { name = "openat2", since = "5.6", meaning = "paths that cannot leave a root, in one call" },
  { name = "CLONE_INTO_CGROUP", since = "5.7", meaning = "a child that starts in its v2 group" },
  { name = "cgroup.kill", since = "5.14", meaning = "a v2 group killed in one write" },
}

local function mounted_proc()
  local status = try(proc_status)
  return status ~= nil
end

local function id_mapped(body)
  return probe.inside({ "mnt" }, function()
    local ids = { { inside = 0, outside = 0, count = 1 } }
    local other <close> = spawn({
      unshare = { "user" },
      id_map = { uid = ids, gid = ids },
    }, function()
      exec { "sleep", "20" }
    end)
    other:started()
    body(other)
  end)
end

---@param add fun(row: doctor.Row)
return function(add)
  add {
    name = "/proc",
    ok = mounted_proc(),
    required = true,
    meaning = "the program and all containers read the kernel's state there",
    remedy = "mount -t proc proc /proc",
  }
  local version = sysctl_get("kernel.osrelease") or "?"
  local is_new = probe.kernel("5.12")
  add {
    name = "Linux 5.12",
    ok = is_new,
    found = version,
    meaning = "mounts by descriptor, which paths cannot fool",
    reason = not is_new and version .. " has them not all; older, as strict ways are used" or nil,
    remedy = "a newer kernel",
  }
  local ok, reason = probe.attempt({}, function()
    local _self <close> = process_open(proc_stat().pid)
  end)
  add {
    name = "pidfd",
    ok = ok,
    required = true,
    meaning = "processes that are waited for and signalled without mistaking them",
    reason = reason,
    remedy = "Linux 5.3, and a seccomp filter around this program that allows pidfd_open",
  }
  for _, call in ipairs(BY_VERSION) do
    local since = probe.kernel(call.since)
    add {
      name = call.name,
      ok = since,
      found = since and "by the kernel's version" or nil,
      meaning = call.meaning,
      reason = not since and "the kernel is older than " .. call.since or nil,
      remedy = "nothing: a slower way is used",
    }
  end
  ok, reason = probe.inside({ "mnt" }, function()
    local _tree <close> = open_tree("/", { readonly = true, recursive = true })
  end)
  add {
    name = "mount API",
    ok = ok,
    meaning = "open_tree, mount_setattr, move_mount: read-only at once, for all below",
    reason = reason,
    remedy = "Linux 5.12, and a seccomp filter around this program that allows them",
  }
  ok, reason = id_mapped(function(other)
    mount("tmpfs", "/tmp", { type = "tmpfs" })
    local _tree <close> = open_tree("/tmp", { id_map = other })
  end)
  add {
    name = "id-mapped tmpfs",
    ok = ok,
    meaning = "files whose owners are seen through a user namespace, without chown",
    reason = reason,
    remedy = "Linux 6.3, as root; directories can be copied and given to the ids instead",
  }
  ok, reason = id_mapped(function(other)
    -- With all that is below: a user namespace may not uncover what lies under its mounts.
    local _tree <close> = open_tree("/", { id_map = other, recursive = not probe.is_root() })
  end)
  add {
    name = "id-mapped root",
    ok = ok,
    meaning = "the same for directories of the root file system",
    reason = reason,
    remedy = "root's rights, and a file system that can do it (ext4, xfs, btrfs; not overlay)",
  }
end
