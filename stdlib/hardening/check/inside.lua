--- What a hardened box proves of itself: the kernel's answers inside, each forbidden thing tried,
--- and the limits strained. `hardening.check` makes the report of it.
---
--- ```lua
--- local inside = require "hardening.check.inside"
---
--- -- Where this user could set no limit, there is nothing to strain.
--- assert(inside.strain { limits = { pids = 64, memory = "64M" }, allowed = {} } == 0)
--- ```
local M = {}

--- The answers by which the kernel, or a missing name in the box, refuses.
local REFUSALS = {
  EACCES = true,
  EINVAL = true,
  ENOENT = true,
  ENOSYS = true,
  EPERM = true,
  EROFS = true,
}

--- What io.open says for the same errors.
local ERRNO_OF = {
  ["No such file or directory"] = "ENOENT",
  ["Operation not permitted"] = "EPERM",
  ["Permission denied"] = "EACCES",
  ["Read-only file system"] = "EROFS",
}

--- Prints every open descriptor from 3 on; opens none to find out.
local FIND_DESCRIPTORS = [[
fd=3
while [ $fd -lt 256 ]; do
  [ ! -e /proc/self/fd/$fd ] || printf ' %s' $fd
  fd=$((fd + 1))
done]]

--- The errno of a call that must fail, or that it was done. A child tries, so that what is not
--- refused does not change the box.
local function attempt(body, ...)
  local arguments = table.pack(...)
  local child <close> = fork(function()
    body(table.unpack(arguments, 1, arguments.n))
  end)
  local ok, err = pcall(child.wait, child)
  if ok then
    return "it was done"
  end
  return type(err) == "table" and err.errno or tostring(err)
end

--- The errno of opening a file. Where it is not refused, nothing is changed by having asked: a file
--- is not cut, and one that was not there goes again.
local function attempt_open(path, mode)
  local there = try(stat, path)
  local file, reason = io.open(path, mode)
  if file then
    file:close()
    if not there then
      try(remove, path)
    end
    return "it was opened"
  end
  reason = reason:gsub("^.*: ", "")
  return ERRNO_OF[reason] or reason
end

--- Whether a path can be read and has nothing in it: a masked file or directory.
local function is_empty(path)
  local text = try(read_file, path)
  local names = try(list_dir, path)
  return text == "" or (names and #names == 0) or (not stat(path))
end

--- The properties as they are seen from inside, when everything is in force.
---@param wanted hardening.Wanted
---@param row fun(name: string, wanted: any, found: any, holds: boolean?) adds one to the report
function M.properties(wanted, row)
  local status = proc_status()

  local function forbidden(name, found)
    row("refused: " .. name, "an error", found, REFUSALS[found] or false)
  end

  row("first process", "pid 1", "pid " .. status.pid)
  row("host name", wanted.name, sysctl_get("kernel.hostname"))
  row(
    "user, group, other groups",
    ("%d, %d, none"):format(wanted.uid, wanted.gid),
    ("%d, %d, %s"):format(
      status.uid.effective,
      status.gid.effective,
      #status.groups == 0 and "none" or table.concat(status.groups, " ")
    )
  )
  for _, set in ipairs { "inh", "prm", "eff", "bnd", "amb" } do
    row("capabilities, Cap" .. set, ("0"):rep(16), status["cap_" .. set])
  end
  row("no_new_privs", 1, status.no_new_privs)
  row("seccomp mode", 2, status.seccomp)

  for _, path in ipairs { "/new", "/etc/passwd", "/bin/new", "/dev/new" } do
    forbidden("write " .. path, attempt_open(path, "a"))
  end
  write_file("/tmp/mine", "#!/bin/sh\nexit 0\n", { mode = "0755" })
  row("private /tmp", "mine", table.concat(list_dir("/tmp"), " "))
  forbidden(
    "exec a file of /tmp",
    attempt(function()
      local child <close> = spawn(function()
        exec { "/tmp/mine" }
      end)
      child:wait()
    end)
  )
  remove("/tmp/mine")

  for _, path in ipairs { "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern" } do
    forbidden("write " .. path, attempt_open(path, "r+"))
  end
  for _, path in ipairs { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi" } do
    row("masked: " .. path, "empty", is_empty(path) and "empty" or "readable")
  end

  forbidden("make a message queue (Landlock)", attempt_open("/dev/mqueue/new", "a"))
  forbidden("mount", attempt(mount, "none", "/tmp", { type = "tmpfs" }))
  forbidden("unshare a user namespace", attempt(unshare, { "user" }))
  forbidden("become root", attempt(setuser, "0:0"))
  forbidden("chroot", attempt(chroot, "/tmp"))
  forbidden("set the host name", attempt(sethostname, "other"))
  forbidden("join a session keyring", attempt(session_keyring, "mine"))

  local names = {}
  for _, device in ipairs(proc_net(nil, "dev")) do
    names[#names + 1] = device.interface
  end
  row("network devices", "lo", table.concat(names, " "))

  local inherited = capture { "/bin/sh", "-c", FIND_DESCRIPTORS }
  row("descriptors a program gets", "0 1 2", "0 1 2" .. inherited.stdout)

  local child <close> = spawn(function()
    exec { "/bin/sh", "-c", "exit 42" }
  end)
  row("a program runs", "status 42", "status " .. child:wait().code)
end

--- Takes what the limits must refuse: processes and memory.
---@param wanted hardening.Wanted
---@return integer children that could be started at once
function M.strain(wanted)
  local count = 0
  if wanted.allowed.pids then
    local children = {}
    for _ = 1, wanted.limits.pids + 8 do
      local hold = pipe()
      local child = try(spawn, function()
        hold.write:close()
        hold.read:read()
      end)
      if not child then
        break
      end
      count = count + 1
      children[count] = { child = child, hold = hold }
    end
    for _, entry in ipairs(children) do
      entry.hold.write:close()
      entry.child:close()
      entry.hold.read:close()
    end
  end
  if wanted.allowed.memory then
    local hog <close> = spawn(function()
      local blocks = {}
      while #blocks < 1 << 20 do
        table.insert(blocks, ("x"):rep(1 << 20) .. #blocks)
      end
    end)
    try(hog.wait, hog)
  end
  return count
end

--- Takes all of the processor, until the parent ends the box.
function M.burn()
  for _ = 1, 4 do
    fork(function()
      while true do
      end
    end)
  end
  while true do
  end
end

return M
