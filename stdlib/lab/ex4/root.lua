--- Level 2: a root that cannot be left.
---
--- ```lua
--- assert(require("lab.ex4.root").id == "root")
--- ```
local level = require "lab.ex4.level"

--- What somebody sees who has got out of the command's root: setns(2) into a mount namespace goes
--- to the namespace's root, wherever the process's own has been moved to.
local function beyond(pid, marker)
  -- Read out here: in there /proc is of another pid namespace, and knows no "self" for the child.
  local rows = mountinfo(pid) or {}
  local child <close> = spawn({ join = { mnt = pid }, stdout = "pipe" }, function()
    local seen = stat(marker) and marker
    for _, row in ipairs(rows) do
      local at = row.mount_point == "/" and "" or row.mount_point
      for _, path in ipairs { at .. marker, at .. marker:gsub("^/run", "") } do
        seen = seen or try(stat, path) and path
      end
    end
    io.stdout:write(seen or "")
  end)
  return child:output().stdout
end

local function look(t)
  return level.on_host(t, function(place)
    local marker = "/run/" .. t.token
    write_file(marker, "the host's\n")
    local run = place:run { "/bin/sh", "-c", "ls /; echo ready; sleep 30; :", t.token }
    if not run:hear("ready", 8) then
      return { text = run.text }
    end
    local pid = place:find(t.token, 2) or run.pid
    local proc = 0
    for _, row in ipairs(mountinfo(pid) or {}) do
      proc = row.mount_point == "/proc" and row.fs_type == "proc" and 1 or proc
    end
    local mounted = stat(("/proc/%d/root/proc/1"):format(pid)) ~= nil
    return {
      text = run.text,
      inside = try(read_file, ("/proc/%d/root/etc/token"):format(pid)) == t.token,
      beyond = beyond(pid, marker),
      shared = readlink(("/proc/%d/ns/mnt"):format(pid)) == readlink("/proc/self/ns/mnt"),
      proc = proc == 1 and mounted,
    }
  end)
end

return level.step {
  id = "root",
  title = "A root of its own",
  after = { "pid1" },
  text = [[
A process that is root leaves a chroot as it likes. Let the runtime make ROOTFS the root of the
box's mount namespace, so that nothing of the old root can be reached, whatever the command may
do. Its /proc stays its own.]],
  checks = {
    {
      "the command's root is ROOTFS",
      function(t)
        local found = look(t)
        if not found.inside then
          t:fail {
            what = "ls / in the box shows the files of ROOTFS",
            expected = "bin, dev, etc, proc, …",
            found = found.text ~= "" and found.text:gsub("\n", " ") or level.complaint(t),
            see = "ls /proc/PID/root/",
          }
        end
      end,
    },
    {
      "who breaks out of it still sees nothing of the host",
      function(t)
        local found = look(t)
        t:eq(
          found.shared,
          false,
          "the mount namespace is still the host's",
          "readlink /proc/PID/ns/mnt"
        )
        if found.beyond ~= "" then
          t:fail {
            what = "the old root is still there: a file of the host's was reached",
            expected = "nothing of it in the box's mount namespace",
            found = found.beyond,
            see = "nsenter -t PID -m ls /",
          }
        end
      end,
    },
    {
      "its /proc is a proc mount still",
      function(t)
        t:eq(look(t).proc, true, "a mount of type proc at /proc", "cat /proc/PID/mountinfo")
      end,
    },
  },
  hints = {
    "chroot moves a pointer of one process. What holds the mounts, of which / is one?",
    "pivot_root(2) makes a mount the root and puts the old one somewhere, from where it can "
      .. "be unmounted. It wants a mount: a directory becomes one when it is bound onto itself.",
    "rootfs_open(rootfs, { bind = true }) is such a mount with a handle; its methods proc(), "
      .. "dev() and pivot() do the rest, in this order.",
  },
  decoys = {
    {
      "the course's own: chroot",
      level.without("root"),
      says = "the old root is still there",
      course = true,
    },
    {
      "the old root is kept in a directory",
      level.instead(
        "  root:pivot()\n",
        '  root:mkdir("/old", { parents = true })\n'
          .. '  pivot_root(rootfs, { put_old = rootfs .. "/old" })\n'
      ),
      says = "the old root is still there",
    },
    {
      "proc is forgotten",
      level.instead("  root:proc()\n", ""),
      says = "a mount of type proc at /proc",
    },
  },
  observe = {
    "crun-lua $runtime run box $rootfs /bin/sh -c 'mkdir -p /tmp/x; chroot /tmp/x'",
    "crun-lua --explain $runtime run box $rootfs /bin/sh",
  },
  lesson = [[
The check went in by setns(2), which leads to the root of the mount namespace and not to that of
a process. After chroot this is the host's root: two namespaces' worth of work, and all files
are there. After pivot_root it is the box's, and there is no other. Programs in the box find the
same way with chroot("x") and chdir("../../.."), as long as they may call chroot.]],
}
