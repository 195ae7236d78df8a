#!/usr/bin/env crun-lua
-- Shows exercise 3: a hardened container, judged from outside by what the kernel says of it. Each
-- line that mends the course's solution says what was wrong with it.
--
--   crun-lua scripts/solutions/3_hardening.lua             as it should be
--   crun-lua scripts/solutions/3_hardening.lua --course    as the course does it, judged the same
--
-- As root or, in a user namespace, as anybody; --course needs root. The status is 0 only when every
-- row holds.

local check = require "hardening.check"
local container = require "container"
local hardening = require "hardening"

local USAGE = "usage: crun-lua scripts/solutions/3_hardening.lua [--course]\n"

local NAME = ("solution-3-%d"):format(proc_stat().pid)
local PROFILE = hardening.resolve "strict"

-- How each step is done: as it should be, and as the course does it.
local RIGHT, COURSE = {}, {}

-- Course: `useradd -r container-user` writes to the host's /etc/passwd, once for each run, and
-- nothing takes it back. A number is enough: "strict" is 65534:65534.
RIGHT.user = PROFILE.user

--- The filter as it would be loaded.
function RIGHT.filter()
  return hardening.prepare(PROFILE, { root = true }).filter
end

-- Course: this text is written to a file that nothing reads. Loaded it would forbid execve itself,
-- so not even the shell could start, and mmap and openat, without which no library is loaded.
function COURSE.filter()
  return seccomp_load_json [[{
    "defaultAction": "SCMP_ACT_ERRNO",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [
      {"names": ["read", "write", "exit", "exit_group"], "action": "SCMP_ACT_ALLOW"}
    ]
  }]]
end

--- A container that runs a command: a process, and what closes it.
function RIGHT.start(command)
  local box = container.new { name = NAME, rootfs = "host", profile = PROFILE, command = command }
  box:create()
  box:start()
  return box, box:status().pid
end

function RIGHT.wait(box)
  return ("status %d"):format(box:wait().code)
end

--- The course's directory: a shell and what it is linked with. In a private place; its fixed name
--- in /tmp could have been made by anybody before.
local function course_root(dir)
  for _, file in ipairs(program_files { "sh" }) do
    local parent = file.path:match("^(.+)/")
    if parent and not stat(dir .. parent) then
      mkdir(dir .. parent, { parents = true })
    end
    if file.target then
      symlink(file.target, dir .. file.path)
    else
      copy_file(file.source, dir .. file.path)
    end
  end
  if not stat(dir .. "/bin") then
    symlink("usr/bin", dir .. "/bin")
  end
  -- So that the judge can look at all: the course has no /proc, and its mount fails unseen below.
  chmod(dir, "0755")
  return dir
end

--- What `unshare … capsh --drop=all --user=… --chroot=$ROOTFS -- -c …` does, in its order.
function COURSE.start(command, root)
  local kinds = { "pid", "net", "mnt", "uts", "ipc" }
  local child = spawn({ unshare = kinds, die_with_parent = true, stdin = "null" }, function()
    -- Course: chroot and no pivot_root. The host's root stays mounted in the namespace.
    chroot(root)
    caps_set { bounding = {} }
    setuser("65534:65534", { groups = {} })
    drop_caps { keep = {} }
    -- Course: no no_new_privs, no filter, no read-only root, no limits.
    -- Course: `mount -t proc proc /proc 2>/dev/null || true` is refused, for every capability is
    -- gone, and the refusal is thrown away.
    try(mount, "proc", "/proc", { type = "proc" })
    exec(command)
  end)
  child:started()
  return child, child.pid
end

function COURSE.wait(child)
  return ("status %d"):format(child:wait().code)
end

local function mount_at(pid, path)
  local found
  for _, row in ipairs(mountinfo(pid) or {}) do
    found = row.mount_point == path and row or found
  end
  return found
end

local function lists(list, word)
  for _, other in ipairs(list or {}) do
    if other == word then
      return true
    end
  end
  return false
end

--- The first of the paths that tell of the host and that this kernel has.
local function telling()
  for _, path in ipairs { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi" } do
    if stat(path) then
      return path
    end
  end
end

--- What the kernel says of a process in the box.
local function look(pid, row)
  local status = proc_status(pid)
  row("user", 65534, status.uid.effective)
  local caps = #status.cap_bnd_names + #status.cap_prm_names
  row("capabilities that can be had", 0, caps)
  row("no_new_privs", 1, status.no_new_privs)
  row("seccomp mode", 2, status.seccomp)
  local root = mount_at(pid, "/")
  local found = not root and "a directory of the host's: chroot" or "a mount of its own"
  row("root", "a mount of its own", found)
  row("root is read-only", "ro", root and lists(root.mount_options, "ro") and "ro" or "rw")
  local proc = mount_at(pid, "/proc")
  row("/proc is its own", "proc", proc and proc.fs_type or "not mounted")
  local path = telling()
  local over = path and mount_at(pid, path)
  if path then
    row(path .. " is masked", "by a mount", over and "by a mount" or "no")
  end
  local mine, theirs, shared = proc_ns(), proc_ns(pid), {}
  for _, kind in ipairs { "cgroup", "ipc", "mnt", "net", "pid", "uts" } do
    shared[#shared + 1] = mine[kind] == theirs[kind] and kind or nil
  end
  row("namespaces of the host", "none", #shared == 0 and "none" or table.concat(shared, " "))
end

local function judge(how)
  local rows, row = check.report()
  local place <close> = temp_dir()
  local root = how == COURSE and course_root(place.path)
  local execve = how.filter():decide "execve"
  row("the filter lets a program start", "allow", execve.action)

  -- Course: `capsh … -- -c` runs /bin/bash, and the directory has /bin/sh: it ends here, with
  -- "execve '/bin/bash' failed!". The rest is what would have been, with the right shell.
  local shell = how == COURSE and "/bin/bash" or "/bin/sh"
  local started, err = try(how.start, { shell, "-c", "exit 42" }, root)
  if started then
    local ended <close> = started
    row("a program runs", "status 42", how.wait(started))
  else
    row("a program runs", "status 42", ("%s: %s"):format(shell, err.errno or err.message))
  end
  local box, pid = how.start({ "/bin/sh", "-c", "while :; do read x || kill -STOP $$; done" }, root)
  local closing <close> = box
  look(pid, row)
  return rows
end

if #arg > 1 or arg[1] and arg[1] ~= "--course" then
  io.stderr:write("3_hardening.lua: ", arg[2] or arg[1], ": not an option\n\n", USAGE)
  os.exit(2)
end
os.exit(check.print(judge(arg[1] and COURSE or RIGHT)) == 0 and 0 or 1)
