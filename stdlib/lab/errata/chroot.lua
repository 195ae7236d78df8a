--- Erratum: chroot as the isolation of the file system. Whoever is root in it, or in its user
--- namespace, walks out; no pivot_root is anywhere in the course.
local boxes = require "lab.ex5.boxes"

--- A process whose root is made by `enter`; it needs no program of that root.
local function box(enter)
  local given = { unshare = { "user", "mnt" }, die_with_parent = true, stdin = "null" }
  return (boxes.stayer(given, enter))
end

return {
  id = "chroot",
  title = "chroot isolates, says the course",
  text = [[
All containers of the course are started by chroot. Hand over a process (`pid`) in a mount
namespace of its own whose root is the directory $dir/root, and that cannot leave it: whoever
enters its mount namespace stands in that very root, and the old one is mounted nowhere. (The
directory has nothing in it but a file: the process has to go on without starting a program of
it.)]],
  needs = { "userns" },
  answers = { pid = "the process whose root is the directory" },
  setup = function(t)
    chmod(t.dir, "0777")
    mkdir(t.dir .. "/root", { mode = "0777" })
    write_file(t.dir .. "/root/token", t.token)
  end,
  observe = {
    "ls -l /proc/$pid/root/",
    "cat /proc/$pid/mountinfo",
    "nsenter -t $pid -U -m --preserve-credentials ls /",
  },
  action = function(t)
    local dir = t.dir .. "/root"
    t:answer {
      pid = box(function()
        mount(dir, dir, { bind = true })
        pivot_root(dir)
        chdir("/")
      end),
    }
  end,
  checks = {
    {
      "it has mounts of its own",
      function(t)
        t:ns_differs(t:pid "pid", "mnt")
      end,
    },
    {
      "its root is the directory",
      function(t)
        local pid = t:pid "pid"
        local found = t:read(("/proc/%d/root/token"):format(pid))
        local see = ("ls /proc/%d/root/"):format(pid)
        t:eq(found or "no such file", t.token, "the file token in its root", see)
      end,
    },
    {
      "it is the root of the whole namespace",
      function(t)
        -- setns(2) puts whoever enters into the root of the namespace, and so out of any chroot.
        local pid = t:pid "pid"
        local found = t:inside(pid, { "mnt" }, function()
          return stat("/token") and "the directory" or "another root: the jail was left by setns"
        end, { user = true })
        local what = "where one stands who enters its mount namespace"
        t:eq(found, "the directory", what, ("nsenter -t %d -m ls /"):format(pid))
      end,
    },
    {
      "the old root is mounted nowhere in it",
      function(t)
        local pid = t:pid "pid"
        local host = t:mount_at(proc_stat().pid, "/")
        for _, row in ipairs(t:mounts(pid)) do
          local same = row.major == host.major and row.minor == host.minor and row.root == host.root
          if same then
            t:fail {
              what = "the host's root is still there",
              expected = "no mount of it",
              found = "mounted at " .. row.mount_point,
              see = ("cat /proc/%d/mountinfo"):format(pid),
            }
          end
        end
      end,
    },
  },
  hints = {
    "chroot changes where one process's paths begin. What does it change for the mount namespace?",
    "pivot_root(2) makes a mount the root of the namespace; a bind of the directory on itself "
      .. "is one.",
    "Bind the directory onto itself, pivot into it, let go of the old root, and stay.",
  },
  decoys = {
    {
      "the course's chroot",
      function(t)
        local dir = t.dir .. "/root"
        t:answer {
          pid = box(function()
            chroot(dir)
            chdir("/")
          end),
        }
      end,
      says = "where one stands who enters its mount namespace",
      course = true,
    },
    {
      "pivoted, with the host's root bound inside",
      function(t)
        local dir = t.dir .. "/root"
        t:answer {
          pid = box(function()
            mount(dir, dir, { bind = true })
            mkdir(dir .. "/host")
            mount("/", dir .. "/host", { rbind = true })
            pivot_root(dir)
            chdir("/")
          end),
        }
      end,
      says = "the host's root is still there",
    },
  },
  lesson = [[
A chroot is a starting point for paths, not a wall: setns(2) to one's own mount namespace, or a
directory that was kept open, leads out. After pivot_root and an unmount there is nothing to lead
to.]],
}
