--- Shared propagation: what a box mounts appears on its host. The host is one of the lab's own,
--- since the mount would otherwise be yours.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

--- The mount that a process sees at a path; the last of several.
local function top(t, pid, path)
  return t:mount_at(pid, path)
end

return fault {
  id = "leak",
  title = "A mount that travels",
  symptom = [[
A box (given.pid) has mounted a volume on $dir/srv/data, for itself. Its host (given.host), which
has a mount namespace of its own, sees the volume as well. The box shall keep it; on the host it
shall be gone, and nothing that the box mounts below $dir/srv later shall appear there.]],
  cause = "shared",
  choices = {
    { "shared", "the mount below which it was mounted is shared with the host" },
    {
      "same-namespace",
      "the box has the host's mount namespace",
      why = "their mnt namespaces have two inodes",
    },
    {
      "bind",
      "the host has bound the volume itself",
      why = "nobody has: the row came by itself when the box mounted",
    },
    {
      "root-shared",
      "the box has the host's root directory",
      why = "it has, and with private mounts the host would still not see what it mounts",
    },
  },
  needs = { "userns" },
  setup = function(t)
    local dir = t.dir .. "/srv"
    mkdir(dir)
    local given = { unshare = { "user", "mnt" }, die_with_parent = true, stdin = "null" }
    local host, said = boxes.stayer(given, function()
      mount("srv", dir, { type = "tmpfs" })
      mount(nil, dir, { shared = true })
      mkdir(dir .. "/data")
      local box = boxes.sleeper({ "mnt" }, function()
        mount("volume", dir .. "/data", { type = "tmpfs" })
        write_file(dir .. "/data/token", t.token)
      end, { propagation = "unchanged" })
      return { box = box }
    end)
    t:give { host = host, pid = said.box }
  end,
  repair = function(t)
    boxes.enter(t.given.pid, { "user", "mnt" }, function()
      mount(nil, t.dir .. "/srv", { private = true, recursive = true })
    end)
    boxes.enter(t.given.host, { "user", "mnt" }, function()
      umount(t.dir .. "/srv/data")
    end)
  end,
  observe = {
    "grep srv /proc/$pid/mountinfo",
    "grep srv /proc/$host/mountinfo",
    "readlink /proc/$pid/ns/mnt /proc/$host/ns/mnt",
  },
  checks = {
    {
      "the box still has its volume",
      function(t)
        local see = ("grep srv /proc/%d/mountinfo"):format(t.given.pid)
        t:ok(top(t, t.given.pid, t.dir .. "/srv/data"), "the volume is gone from the box too", see)
        local found = t:read(("/proc/%d/root%s/srv/data/token"):format(t.given.pid, t.dir))
        t:eq(found, t.token, "the file in the volume, as the box sees it")
      end,
    },
    {
      "what the box mounts does not travel to the host",
      function(t)
        local path = t.dir .. "/srv"
        local box, host = top(t, t.given.pid, path), top(t, t.given.host, path)
        local see = ("grep srv /proc/%d/mountinfo /proc/%d/mountinfo"):format(
          t.given.pid,
          t.given.host
        )
        local group = box and box.shared
        local peers = group and host and (host.shared == group or host.master == group)
        t:eq(
          peers and "peers: shared:" .. group or "not peers",
          "not peers",
          ("%s in the box and %s on the host"):format(path, path),
          see
        )
      end,
    },
    {
      "the host does not have the volume",
      function(t)
        t:eq(
          top(t, t.given.host, t.dir .. "/srv/data") and "still mounted" or "nothing",
          "nothing",
          ("what the host has at %s/srv/data"):format(t.dir),
          ("grep srv /proc/%d/mountinfo"):format(t.given.host)
        )
      end,
    },
  },
  hints = {
    "The optional fields in mountinfo, before the dash, tell which mounts are peers of each other.",
    "Peers pass on mounts, and unmounts as well: cut the connection before you take something "
      .. "away.",
    "Make the box's copy private (or a slave), from inside of the box; then unmount on the host.",
  },
  decoys = {
    {
      "unmounted on the host while the two are still peers",
      function(t)
        boxes.enter(t.given.host, { "user", "mnt" }, function()
          umount(t.dir .. "/srv/data")
        end)
      end,
      says = "gone from the box too",
    },
    {
      "made private, and what had travelled is left on the host",
      function(t)
        boxes.enter(t.given.pid, { "user", "mnt" }, function()
          mount(nil, t.dir .. "/srv", { private = true, recursive = true })
        end)
      end,
      says = "still mounted",
    },
    {
      "the volume alone is made private, not what it is mounted on",
      function(t)
        boxes.enter(t.given.pid, { "user", "mnt" }, function()
          mount(nil, t.dir .. "/srv/data", { private = true })
        end)
      end,
      says = "peers: shared:",
    },
  },
  lesson = [[
A new mount namespace is a copy whose mounts stay peers of the originals where those are shared,
and on most machines `/` is. `mount --make-rprivate /` (or rslave) belongs right after unshare(2);
unmounting travels the same way as mounting.]],
}
