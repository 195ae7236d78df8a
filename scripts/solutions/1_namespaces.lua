#!/usr/bin/env crun-lua
-- Shows exercise 1: a process in a namespace of every kind, a proof of each, three ways for two
-- boxes to talk, and how a namespace ends and is kept. Each proof is what the kernel says, not what
-- a program prints; each line that mends the course's solution says what was wrong with it.
--
--   crun-lua scripts/solutions/1_namespaces.lua               makes all of it, and proves it
--   crun-lua scripts/solutions/1_namespaces.lua --judge PID   the proofs, of a box made otherwise
--
-- It needs root and busybox. The status is 0 only when every proof holds.

-- Course: "the six types". The kernel knows eight; cgroup and time are left out there, in its
-- command, in its second question and in its checklist. `ls /proc/self/ns` is the list.
local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" }

local PORT = 7107
local failures = 0

local function tell(name, ok, found)
  failures = failures + (ok and 0 or 1)
  print(("%s %-7s %s"):format(ok and "✓" or "✗", name, found))
end

--- What a function answers in namespaces of another process; a text, or nil.
local function within(pid, kinds, body)
  local join = {}
  for _, kind in ipairs(kinds) do
    join[kind] = pid
  end
  local child <close> = spawn({ join = join, stdout = "pipe" }, function()
    io.stdout:write(tostring(body()))
  end)
  return child:output().stdout
end

local function mount_at(pid, path)
  local found
  for _, row in ipairs(mountinfo(pid) or {}) do
    found = row.mount_point == path and row or found
  end
  return found
end

-- The proofs. Each answers whether it holds, and what was found.

local PROOFS = {}

function PROOFS.kinds(pid)
  local mine, theirs, shared = proc_ns(), proc_ns(pid), {}
  for _, kind in ipairs(KINDS) do
    shared[#shared + 1] = mine[kind] == theirs[kind] and kind or nil
  end
  local all = "all " .. #KINDS .. " are its own"
  return #shared == 0, #shared == 0 and all or "shared with you: " .. table.concat(shared, " ")
end

function PROOFS.uts(pid)
  local name = within(pid, { "uts" }, function()
    return sysctl_get("kernel.hostname")
  end)
  local here = sysctl_get("kernel.hostname")
  return name ~= here, ("its name is %s, yours is %s"):format(name, here)
end

function PROOFS.mnt(pid)
  local row = mount_at(pid, "/tmp")
  local its_own = row and row.fs_type == "tmpfs" and not row.shared
  for _, mine in ipairs(mountinfo()) do
    its_own = its_own and mine.mount_id ~= row.mount_id
  end
  return its_own, its_own and "a tmpfs on /tmp that only it sees" or "no /tmp of its own"
end

-- Course: it only asks that "ip link" shows lo. It is down in a new namespace, and so 127.0.0.1
-- does not answer there: programs that talk to themselves fail in the course's box.
function PROOFS.net(pid)
  for _, link in ipairs(links { ns = pid }) do
    if link.name == "lo" then
      return link.up, link.up and "its lo is its own, and up" or "its lo is down"
    end
  end
end

-- Course: "ipcs shows no IPC objects" proves nothing, for there are none outside either. A limit
-- that is one number inside and another outside is a proof.
function PROOFS.ipc(pid)
  local inside = within(pid, { "ipc" }, function()
    return sysctl_get("kernel.msgmax")
  end)
  local outside = sysctl_get("kernel.msgmax")
  return inside ~= outside, ("msgmax is %s inside, %s outside"):format(inside, outside)
end

-- Course: without a new proc mount "ps aux" shows every process of the host, since /proc shows the
-- pid namespace that it was mounted for. Process 1 in the box's /proc has to be the box's own.
function PROOFS.pid(pid)
  local numbers = proc_status(pid).ns_pid
  if numbers[#numbers] ~= 1 then
    return false, ("its number inside is %d"):format(numbers[#numbers])
  end
  -- What is refused there is the host's process 1, which has rights that not even root has to have.
  local first = try(readlink, ("/proc/%d/root/proc/1/ns/pid"):format(pid))
  local fresh = first == readlink(("/proc/%d/ns/pid"):format(pid))
  return fresh, fresh and "it is process 1, in its /proc as well" or "its /proc is the host's"
end

function PROOFS.user(pid)
  local row = (uid_map(pid) or {})[1]
  local me = proc_status().uid.effective
  local map = row and ("%d %d %d"):format(row.inside, row.outside, row.count)
  return map == ("0 %d 1"):format(me), "uid_map: " .. (map or "empty")
end

function PROOFS.cgroup(pid)
  local paths = within(pid, { "cgroup" }, function()
    local own = {}
    for _, row in ipairs(proc_cgroup(pid)) do
      own[row.path] = true
    end
    return next(own) == "/" and next(own, "/") == nil
  end)
  local its_own = proc_ns(pid).cgroup ~= proc_ns().cgroup
  return its_own and paths == "true", its_own and "its group is / to itself" or "the host's"
end

function PROOFS.time(pid)
  local inside = within(pid, { "time" }, function()
    return math.floor(clock("boottime"))
  end)
  local ahead = math.tointeger(tonumber(inside) - math.floor(clock("boottime"))) or 0
  return ahead > 3600, ("up since %d hours before the machine"):format(ahead // 3600)
end

local ORDER = { "kinds", "uts", "mnt", "net", "ipc", "pid", "user", "cgroup", "time" }

local function judge(pid)
  for _, name in ipairs(ORDER) do
    local ok, holds, found = pcall(PROOFS[name], pid)
    tell(name, ok and holds, ok and found or tostring(holds))
  end
end

-- The box.

local function box(body, stdin)
  return spawn({
    unshare = KINDS,
    time_offsets = { boottime = "24h" },
    die_with_parent = true,
    stdin = stdin,
    stdout = "null",
  }, function()
    sethostname("inside")
    mount("proc", "/proc", { type = "proc" })
    mount("tmpfs", "/tmp", { type = "tmpfs" })
    sysctl("kernel.msgmax", 4242)
    loopback_up()
    return body and body() or exec { "sleep", "60" }
  end)
end

-- Three ways to talk. Course: it asks for communication and has none of it.

--- The ports of a box's first TCP connection. A server that listens on IPv6 takes IPv4 as well, and
--- stands in tcp6 then.
local function connection(pid)
  for _, family in ipairs { "tcp", "tcp6" } do
    for _, row in ipairs(proc_net(pid, family)) do
      if row.st == "established" then
        return ("%d %d"):format(row.local_port, row.rem_port), row.rem_port .. " " .. row.local_port
      end
    end
  end
end

local function talk_over_a_wire(a)
  local serve = { "busybox", "nc", "-l", "-p", tostring(PORT) }
  local b <close> = box(function()
    exec(serve)
  end, "pipe")
  b:started()
  -- One end in each box; the host has neither, and needs no address.
  veth("wire0", "wire0", {
    ns = a,
    peer_ns = b,
    address = "10.91.0.1/30",
    peer_address = "10.91.0.2/30",
    up = true,
    host = true,
  }):keep()
  local caller <close> = spawn({ join = { net = a } }, function()
    local wire
    repeat
      wire = try(tcp_connect, "10.91.0.2", PORT)
    until wire or poll({}, { timeout = "20ms" })[1]
    wire:write("over a wire")
    poll({}, { timeout = "20s" })
  end)
  for _ = 1, 200 do
    poll({}, { timeout = "20ms" })
    local mine, mirrored = connection(a.pid)
    if mine and connection(b.pid) == mirrored then
      caller:kill("kill")
      return true, "the same TCP connection stands in both boxes"
    end
  end
  return false, "no connection stands in both"
end

local function talk_through_a_file(a)
  local dir <close> = temp_dir()
  local path = dir.path .. "/socket"
  local listener <close> = socket_listen(path)
  -- The file is found through a mount that both see, here /proc/PID/root; the network namespace of
  -- the one who asks does not matter to a socket with a path.
  local b <close> = spawn({ join = { net = a } }, function()
    socket_connect(path):write("through a file")
  end)
  local theirs <close> = listener:accept { timeout = "10s" }
  local heard = theirs:read(64, { timeout = "10s" })
  b:wait()
  local found = "two network namespaces, and a socket's file: " .. tostring(heard)
  return heard == "through a file", found
end

local function talk_by_inheritance()
  local p = pipe()
  local b <close> = box(function()
    p.write:write("inherited")
    poll({}, { timeout = "20s" })
  end)
  local heard = p.read:read(64, { timeout = "10s" })
  local mine, same = {}, false
  for _, row in ipairs(proc_fds()) do
    mine[row.target] = row.target:find("^pipe:") and true or nil
  end
  for _, row in ipairs(proc_fds(b.pid)) do
    same = same or mine[row.target]
  end
  return same and heard == "inherited", "one pipe on both sides: " .. tostring(heard)
end

-- Birth and death. Course: "monitor creation and destruction" has no solution at all.

local function living(inode)
  for _, pid in ipairs(pids()) do
    -- A process may end meanwhile, and some are closed to readers.
    local of = try(proc_ns, pid)
    if of and of.uts == inode then
      return true
    end
  end
end

local function death()
  local short <close> = box()
  short:started()
  local inode = proc_ns(short.pid).uts
  local born = living(inode)
  short:kill("kill")
  short:wait()
  return born and not living(inode), ("uts:[%d] ended with its last process"):format(inode)
end

local function pin()
  -- A pin is a mount: in a mount namespace of its own nothing of it can stay.
  local child <close> = spawn({ unshare = { "mnt", "uts" } }, function()
    local dir <close> = temp_dir()
    local kept <close> = ns_pin("uts", dir.path .. "/uts")
    local inode = proc_ns().uts
    unshare { "uts" }
    local row = mount_at(nil, kept.path)
    return row.root == ("uts:[%d]"):format(inode) and not living(inode) and 0 or 1
  end)
  return child:wait().code == 0, "without a process, a mount of type nsfs keeps one"
end

if arg[1] == "--judge" and math.tointeger(tonumber(arg[2])) and proc_ns(tonumber(arg[2])) then
  judge(math.tointeger(tonumber(arg[2])))
elseif arg[1] then
  io.stderr:write("usage: crun-lua scripts/solutions/1_namespaces.lua [--judge PID]\n")
  os.exit(2)
else
  local made <close> = box()
  made:started()
  judge(made.pid)
  tell("wire", talk_over_a_wire(made))
  tell("file", talk_through_a_file(made))
  tell("inherit", talk_by_inheritance())
  tell("death", death())
  tell("pin", pin())
end
os.exit(failures == 0)
