--- A root that is mounted noexec: no program on it can be started, whatever its permission bits.
--- The repair is a lesson of its own, since whoever enters that root can start nothing there
--- either.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

--- Puts a program and its libraries into a directory, as copies: bind mounts would be mounts of
--- their own, without noexec.
local function furnish(dir)
  for _, file in ipairs(program_files { "true" }) do
    local parent = file.path:match("^(.+)/")
    if parent then
      mkdir(dir .. parent, { parents = true })
    end
    if file.target then
      symlink(file.target, dir .. file.path)
    else
      copy_file(file.source, dir .. file.path)
    end
  end
end

--- The program's path in the box.
local function program()
  for _, file in ipairs(program_files { "true" }) do
    if file.path:find("/true$") and not file.target then
      return file.path
    end
  end
  return "/usr/bin/true"
end

return fault {
  id = "denied",
  title = "Permission denied, and every bit is set",
  symptom = [[
In the box of process given.pid no program can be started: execve answers EACCES ("Permission
denied") to root itself, for files with mode 0755. The box is not to be replaced, nor its root
moved.]],
  cause = "noexec",
  choices = {
    { "noexec", "its root is mounted so that nothing on it may be executed" },
    {
      "mode",
      "the files have no execute bit",
      why = "stat /proc/PID/root/usr/bin/true: mode 0755",
    },
    {
      "loader",
      "the dynamic loader is missing",
      why = 'that is ENOENT ("No such file or directory"), not EACCES',
    },
    {
      "seccomp",
      "a filter refuses execve",
      why = "Seccomp in its status is 0: there is no filter",
    },
  },
  needs = { "userns" },
  setup = function(t)
    local dir = t.dir .. "/root"
    mkdir(dir)
    local given = { unshare = { "user", "mnt" }, die_with_parent = true, stdin = "null" }
    t:give {
      pid = (boxes.stayer(given, function()
        mount("root", dir, { type = "tmpfs", noexec = true })
        furnish(dir)
        pivot_root(dir)
        chdir("/")
      end)),
    }
  end,
  repair = function(t)
    boxes.enter(t.given.pid, { "user", "mnt" }, function()
      mount_setattr("/", { noexec = false })
    end)
  end,
  observe = {
    "cat /proc/$pid/mountinfo",
    "ls -l /proc/$pid/root/usr/bin",
    "nsenter -t $pid -U -m --preserve-credentials /usr/bin/true",
    "grep Seccomp: /proc/$pid/status",
  },
  checks = {
    {
      "its root is not mounted noexec",
      function(t)
        local root = t:mount_at(t.given.pid, "/")
        t:ok(root, "the box has no root that is a mount")
        local found = table.concat(root.mount_options, ",")
        local is_noexec = ("," .. found .. ","):find(",noexec,", 1, true)
        t:eq(
          is_noexec and found or "no noexec",
          "no noexec",
          "the options of the mount at / in the box",
          ("cat /proc/%d/mountinfo"):format(t.given.pid)
        )
      end,
    },
    {
      "a program of it can be started",
      function(t)
        local code = t:inside(t.given.pid, { "mnt" }, function()
          local child <close> = spawn(function()
            exec { program() }
          end)
          return child:wait().code
        end, { user = true })
        t:eq(code, 0, "the status of " .. program() .. " in the box")
      end,
    },
  },
  hints = {
    "EACCES on execve has two reasons: the file's bits, or what the file lies on.",
    "mountinfo shows each mount's options. nsenter goes in and then starts a program, which is "
      .. "refused there.",
    "A process that runs already can enter with setns(2) and change the attribute of the mount "
      .. "at /.",
  },
  decoys = {
    {
      "more execute bits",
      function(t)
        chmod(("/proc/%d/root%s"):format(t.given.pid, program()), "0777")
      end,
      says = "noexec",
    },
    {
      "remounted with another option, and noexec stays",
      function(t)
        boxes.enter(t.given.pid, { "user", "mnt" }, function()
          mount_setattr("/", { nodev = true })
        end)
      end,
      says = "noexec",
    },
  },
  lesson = [[
noexec is a property of the mount, and execve answers EACCES for it as for a missing bit. /tmp is
mounted so on many machines: a root that is unpacked there does not start. `nsenter … mount -o
remount,exec /` cannot help, since nsenter would have to start `mount` from that root.]],
}
