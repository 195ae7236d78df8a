#!/usr/bin/env crun-lua
-- Shows exercise 4: a container runtime. A command runs in a root and in namespaces of its own,
-- with a limit, an address and a way out; nothing is left when it is over, however that comes
-- about.
--
--   crun-lua runtime.lua run [--memory SIZE] NAME ROOTFS COMMAND [ARGUMENTS…]
--   crun-lua runtime.lua create --bundle DIR NAME; then start, state, delete NAME, kill NAME SIGNAL

local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "uts" }
if proc_status().uid.effective ~= 0 then
  table.insert(KINDS, "user")
end
local SIGNALS = { forward = { "hup", "int", "quit", "term", "usr1", "usr2", "winch" } }

local function fail(message, status)
  io.stderr:write("runtime.lua: ", tostring(message), "\n")
  os.exit(status or 1)
end

--- Course: every box gets 172.18.0.2, so the second breaks the first; no route leads out; and
--- "veth-NAME-peer" has more than the 15 characters that a device's name may have. Here the kernel
--- hands out: a device's name is there once, and its number says which addresses go with it.
local function connect(child)
  for slot = 0, 16383 do
    local ends = { peer_ns = child, up = true, host = true }
    ends.address = ("10.89.%d.%d/30"):format(slot // 64, slot % 64 * 4 + 1)
    ends.peer_address = ("10.89.%d.%d/30"):format(slot // 64, slot % 64 * 4 + 2)
    local wire, err = try(veth, "box" .. slot, "eth0", ends)
    if wire then
      route_add("default", { via = ends.address:match("^[^/]+"), ns = child, host = true })
      -- The kernel deletes it with the box's namespace, whoever is alive then.
      return wire:keep()
    elseif err.errno ~= "EEXIST" then
      error(err, 0)
    end
  end
  fail("no address is left")
end

--- Course: groups, devices and named namespaces stay for ever, and the next run with that name
--- fails. Nobody cleans up after his own SIGKILL, so another process does. It waits for the end of
--- a pipe that only this program and the box's first process can write to.
local function guard(group)
  local life, paths = pipe(), {}
  for _, path in pairs(group.paths) do
    paths[#paths + 1] = path
  end
  group:keep()
  local guardian = fork(function()
    -- What a terminal sends to the whole of a group is not meant for this one.
    setsid()
    close_fds { life.read }
    life.read:read()
    cgroup_open(paths):remove { host = true }
  end)
  life.read:close()
  return defer(function()
    life.write:close()
    guardian:wait()
  end)
end

--- What the first process of the box does before the command; the namespaces are new, and as yet
--- they show what the old ones do.
local function furnish(name, rootfs)
  sethostname(name)
  loopback_up()
  -- Course: chroot moves a pointer of one process and no mount, so root gets out with a second one.
  -- pivot_root moves the mount itself, and the old root is gone. The mount that it needs is a bind.
  local root = rootfs_open(rootfs, { bind = true })
  root:proc()
  root:dev()
  root:pivot()
end

--- Runs the command, and answers its status.
local function first_process(command)
  command.env = { PATH = "/bin:/usr/bin:/sbin:/usr/sbin", HOME = "/", TERM = os.getenv("TERM") }
  -- Course: the command itself is process 1. A program that knows nothing of that never collects
  -- others' children, and signals that it has no handler for do not reach it.
  local program = spawn(function()
    exec(command)
  end)
  return program:reap(SIGNALS).code
end

local function run(options, name, rootfs, command)
  local group
  -- Course: "512M" is understood; "1G" and "268435456" end in an UnboundLocalError.
  group = options.memory and cgroup_set(name, { memory = options.memory, journal = false })
  local guardian <close> = group and guard(group)
  -- Course: the box gets this very terminal, and could type into it (TIOCSTI) once it is over.
  local terminal <close> = is_tty(0) and is_tty(1) and pty() or nil
  local child <close> = spawn({
    unshare = KINDS,
    cgroup = group or nil,
    parent = connect,
    die_with_parent = true,
  }, function()
    if terminal then
      terminal_attach(terminal)
    end
    furnish(name, rootfs)
    return first_process(command)
  end)
  if terminal then
    terminal:relay { process = child }
  end
  -- Course: subprocess.run(cmd) throws the status away, and 0 is answered whatever has happened.
  return child:wait(SIGNALS).code
end

local STATE = (os.getenv("XDG_RUNTIME_DIR") or "/run") .. "/lab-runtime/"

--- What is known of a box, with the status that the kernel says: created, running or stopped.
local function known(name)
  local text = read_file(STATE .. name .. "/state.json")
  local state = text and json_decode(text) or fail(name .. ": no such container")
  local now = try(proc_stat, state.pid)
  -- A number may be another process's by now, and one that has ended waits for its parent.
  if not now or now.starttime ~= state.starttime or now.state == "Z" then
    state.status = "stopped"
  end
  return state
end

local function save(state)
  write_file(STATE .. state.id .. "/state.json", json_encode(state), { atomic = true })
end

local function expect(name, action, ...)
  local state = known(name)
  for _, status in ipairs { ... } do
    if state.status == status then
      return state
    end
  end
  fail(("%s is %s: it cannot be %s"):format(name, state.status, action))
end

local COMMANDS = {}

--- Makes the box. Its first process is ready, and waits at a gate until `start` opens it.
function COMMANDS.create(options, name)
  local bundle = options.bundle or "."
  local config = json_decode(read_file(bundle .. "/config.json") or fail(bundle .. ": no bundle"))
  local rootfs, command = config.root.path, config.process.args
  rootfs = rootfs:find("^/") and rootfs or bundle .. "/" .. rootfs
  mkdir(STATE, { parents = true, mode = "0700" })
  mkdir(STATE .. name, { mode = "0700" })
  mkfifo(STATE .. name .. "/gate")
  local gate = open(STATE .. name .. "/gate", { read = true, write = true })
  local ready = pipe()
  local child = spawn({ unshare = KINDS, parent = connect }, function()
    setsid()
    furnish(config.hostname or name, rootfs)
    ready.write:write("ready")
    ready.write:close()
    gate:read(1)
    return first_process(command)
  end)
  ready.write:close()
  if ready.read:read() ~= "ready" then
    remove(STATE .. name, { recursive = true })
    child:wait()
  end
  local state = { ociVersion = "1.0.2", id = name, status = "created", pid = child.pid }
  state.bundle, state.starttime = bundle, proc_stat(child).starttime
  save(state)
  child:keep()
end

function COMMANDS.start(_, name)
  local state = expect(name, "started", "created")
  state.status = "running"
  save(state)
  local gate <close> = open(STATE .. name .. "/gate", { write = true })
  gate:write("!")
end

function COMMANDS.state(_, name)
  print(json_encode(known(name), { pretty = true }))
end

function COMMANDS.kill(_, name, signal)
  local state = expect(name, "killed", "created", "running")
  signal = (signal or "term"):lower():gsub("^sig", "")
  kill(state.pid, math.tointeger(tonumber(signal)) or signal)
end

function COMMANDS.delete(_, name)
  expect(name, "deleted", "stopped")
  remove(STATE .. name, { recursive = true })
end

local verb, words, options = arg[1], table.move(arg, 2, #arg, 1, {}), {}
while words[1] and words[1]:find("^%-%-") do
  options[words[1]:sub(3)] = words[2]
  words = table.move(words, 3, #words, 1, {})
end
if verb == "run" and words[3] then
  os.exit(run(options, words[1], words[2], table.move(words, 3, #words, 1, {})))
end
if COMMANDS[verb] and words[1] then
  COMMANDS[verb](options, words[1], words[2])
  os.exit(0)
end
if not verb then
  os.exit(require("lab.ex4.judge").run(arg[0]))
end
fail("run [--memory SIZE] NAME ROOTFS COMMAND [ARGUMENTS…] is expected", 2)
