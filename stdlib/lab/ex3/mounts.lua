--- Exercise 3, mounts and user: a root that cannot be written, what is hidden, and who one is.
---
--- ```lua
--- assert(require("lab.ex3.mounts").id == "mounts")
--- ```
local boxes = require "lab.ex3.boxes"

-- What tells of the host; a kernel has some of them.
local TELLING = { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi" }

local function lists(list, word)
  for _, other in ipairs(list or {}) do
    if other == word then
      return true
    end
  end
  return false
end

local function mounts_of(pid)
  return ("cat /proc/%d/mountinfo"):format(pid)
end

--- The id that the process has in its own user namespace.
local function uid_inside(pid)
  local uid = proc_status(pid).uid.effective
  for _, range in ipairs(uid_map(pid) or {}) do
    if uid >= range.outside and uid < range.outside + range.count then
      return uid - range.outside + range.inside
    end
  end
  return 65534
end

--- Root by name only: the one id of an ordinary user's namespace, with no capability to be had.
local function only_in_name(pid)
  local status, map = proc_status(pid), uid_map(pid) or {}
  local one = #map == 1 and map[1].count == 1
  return one and status.uid.effective ~= 0 and #status.cap_bnd_names == 0
end

--- A box without something: the profile "strict" with a change.
local function strict(changes)
  local profile = { "strict" }
  for key, value in pairs(changes or {}) do
    profile[key] = value
  end
  return profile
end

return {
  id = "mounts",
  title = "A root that cannot be written, and nobody who could",
  needs = { "namespaces" },
  text = [[
Start a box with a root of its own that is mounted read-only (no chroot: a pivot), a /proc of its
own whose /proc/sys cannot be written and in which what tells of the host is masked, with
no_new_privs set, as a user who is not root in there either. Hand over a process of it.]],
  answers = { pid = "a process in the box" },
  action = function(t)
    t:answer { pid = boxes.sleeping(t, "strict") }
  end,
  observe = {
    "cat /proc/$pid/mountinfo",
    "grep -E 'Uid|NoNewPrivs' /proc/$pid/status",
    "nsenter -t $pid -m touch /x",
  },
  checks = {
    {
      "its root is a mount of its own",
      function(t)
        local pid = t:pid "pid"
        t:ns_differs(pid, "mnt")
        local root = t:mount_at(pid, "/")
        if not root then
          t:fail {
            what = "its root is no mount",
            expected = "a pivot: a mount at /",
            found = "a directory below another root: chroot",
            see = mounts_of(pid),
          }
        end
        local mine
        for _, row in ipairs(mountinfo()) do
          mine = row.mount_point == "/" and row or mine
        end
        local same = mine.major == root.major
          and mine.minor == root.minor
          and mine.root == root.root
        t:ok(not same, "its root is the host's", mounts_of(pid))
      end,
    },
    {
      "nobody can write to it",
      function(t)
        local pid = t:pid "pid"
        local root = t:mount_at(pid, "/")
        local see = mounts_of(pid)
        t:ok(
          lists(root.mount_options, "ro"),
          "the root can be written: no ro among its options",
          see
        )
        t:refused(pid, { "EROFS", "EACCES" }, "a file in the root", function()
          write_file("/" .. t.prefix, "")
          remove("/" .. t.prefix)
          return true
        end, ("nsenter -t %d -m touch /%s"):format(pid, t.prefix))
      end,
    },
    {
      "its /proc is its own, and protected",
      function(t)
        local pid = t:pid "pid"
        local proc = t:mount_at(pid, "/proc")
        t:eq(proc and proc.fs_type, "proc", "what is mounted at its /proc", mounts_of(pid))
        local sys = t:mount_at(pid, "/proc/sys")
        t:ok(sys and lists(sys.mount_options, "ro"), "/proc/sys can be written", mounts_of(pid))
      end,
    },
    {
      "what tells of the host is masked",
      function(t)
        local pid = t:pid "pid"
        for _, path in ipairs(TELLING) do
          local see = ("nsenter -t %d -m head -c 16 %s"):format(pid, path)
          t:ok(not stat(path) or t:mount_at(pid, path), path .. " is not masked", see)
        end
      end,
    },
    {
      "no program can give it rights",
      function(t)
        local pid = t:pid "pid"
        local see = ("grep NoNewPrivs /proc/%d/status"):format(pid)
        t:eq(t:status(pid).no_new_privs, 1, "NoNewPrivs of the process", see)
      end,
    },
    {
      "it is not root, in there either",
      function(t)
        local pid = t:pid "pid"
        local uid = only_in_name(pid) and "nobody outside" or uid_inside(pid)
        t:ne(uid, 0, "its user inside", ("grep Uid /proc/%d/status"):format(pid))
      end,
    },
  },
  hints = {
    "chroot changes where one process looks; the mounts stay. What changes the mounts themselves?",
    "Read-only is a property of a mount, and each mount below the root has its own. Masking is one"
      .. " more mount, over the file.",
    "rootfs handles have proc, mask, readonly and pivot; container.new does it all by a profile.",
  },
  decoys = {
    {
      "the course's hardened container: chroot, and a mount of /proc that fails unseen",
      function(t)
        t:answer { pid = boxes.course(t) }
      end,
      says = "chroot",
      course = true,
      needs = { "root" },
    },
    {
      "a root that can be written",
      function(t)
        t:answer { pid = boxes.sleeping(t, strict { readonly_root = false }) }
      end,
      says = "the root can be written",
    },
    {
      "nothing is masked",
      function(t)
        local none = {}
        for index, path in ipairs(require("hardening").resolve("strict").masked) do
          none[index] = "-" .. path
        end
        t:answer { pid = boxes.sleeping(t, strict { masked = none }) }
      end,
      says = "is not masked",
    },
    {
      "root inside",
      function(t)
        t:answer { pid = boxes.sleeping(t, strict { user = "0:0" }) }
      end,
      says = "its user inside",
      needs = { "root" },
    },
    {
      "new namespaces on the host's root",
      function(t)
        local box = boxes.spawn({ "mnt", "pid" }, function()
          exec { "sleep", "600" }
        end)
        t:answer { pid = box }
      end,
      says = "its root is the host's",
    },
  },
  lesson = [[
The course calls chroot, and a process with CAP_SYS_CHROOT walks out of it again. Its mount of
/proc is tried when every capability is gone: it fails, and `2>/dev/null || true` makes sure that
nobody sees it. What is to be mounted is mounted first; rights are given up last.]],
}
