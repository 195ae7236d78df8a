--- Bundles and an OCI runtime for tests: a root with busybox, a configuration that a case changes,
--- and the program called as engines call it.
---
--- ```lua
--- local oci = require "test.oci"
---
--- local spec = oci.spec { "true" }
--- assert(spec.process.args[1] == "true" and spec.linux.namespaces[1].type == "pid")
--- ```
local M = {}

local PROGRAM = os.getenv("CRUN_LUA_TEST_PROGRAM") or "/proc/self/exe"
local STDLIB = os.getenv("CRUN_LUA_TEST_STDLIB")

--- What the root's busybox is called by.
local APPLETS = {
  "cat",
  "chmod",
  "echo",
  "env",
  "false",
  "grep",
  "head",
  "hostname",
  "id",
  "kill",
  "ls",
  "nice",
  "printf",
  "ps",
  "pwd",
  "readlink",
  "sed",
  "seq",
  "sh",
  "sleep",
  "stty",
  "test",
  "touch",
  "tr",
  "true",
  "tty",
  "ulimit",
  "uname",
  "wc",
  "yes",
  "dd",
  "mkdir",
  "rm",
  "trap",
}

local NAMESPACES = { "pid", "network", "ipc", "uts", "mount", "cgroup" }

local MOUNTS = {
  { destination = "/proc", type = "proc", source = "proc" },
  { destination = "/dev", type = "tmpfs", source = "tmpfs", options = { "nosuid", "mode=755" } },
  {
    destination = "/dev/pts",
    type = "devpts",
    source = "devpts",
    options = { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" },
  },
}

--- The configuration of a container that runs a command, as engines write it.
---@param args string[]
---@return table
function M.spec(args)
  local caps = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT" }
  local spec = {
    ociVersion = "1.2.0",
    process = {
      user = { uid = 0, gid = 0 },
      args = args,
      env = { "PATH=/bin", "TERM=xterm" },
      cwd = "/",
      capabilities = { bounding = caps, effective = caps, permitted = caps },
      noNewPrivileges = true,
    },
    root = { path = "rootfs", readonly = true },
    hostname = "box",
    mounts = {},
    linux = { namespaces = {}, resources = { devices = { { allow = false, access = "rwm" } } } },
  }
  for index, kind in ipairs(NAMESPACES) do
    spec.linux.namespaces[index] = { type = kind }
  end
  table.move(MOUNTS, 1, #MOUNTS, 1, spec.mounts)
  return spec
end

local function busybox()
  for _, path in ipairs { "/bin/busybox", "/usr/bin/busybox" } do
    if stat(path) then
      return path
    end
  end
end

local Bench = {}
Bench.__index = Bench

-- Other runtimes, which a case may be tried against: how the command line begins. Debian's crun
-- starts nothing where cgroup v2 stands beside v1: it is shown v2 alone, and makes no group.
local PEERS = {
  runc = { "runc" },
  crun = {
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    'mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null; exec crun --cgroup-manager=disabled "$@"',
    "crun",
  },
}

--- A need of tests that are of one version of a program alone: `test.need("version", oci.version)`,
--- and then "version:crun 1.8.1".
---@param wanted string
---@return string? reason
function M.version(wanted)
  local name, version = wanted:match("^(%S+) (%S+)$")
  local missing = require("needs").unmet("program:" .. name)
  if missing then
    return missing
  end
  local said = capture({ name, "--version" }).stdout
  return not said:find(version, 1, true) and ("%s is not %s"):format(name, version) or nil
end

local function is_delegated()
  return read_file("/proc/self/mountinfo"):find(" cgroup2 [^\n]*nsdelegate") ~= nil
end

--- A bundle and a state directory of a case's own. Closing it removes every container in it.
---@param peer? "crun"|"runc" another runtime in the program's place
---@return table bench
function M.bench(peer)
  local dir = temp_dir()
  local root = dir.path .. "/rootfs"
  for _, name in ipairs { "bin", "proc", "dev", "sys", "tmp", "etc" } do
    mkdir(root .. "/" .. name, { parents = true })
  end
  chmod(root .. "/tmp", "1777")
  chmod(dir.path, "0755")
  copy_file(busybox(), root .. "/bin/busybox")
  for _, name in ipairs(APPLETS) do
    symlink("busybox", root .. "/bin/" .. name)
  end
  return setmetatable({
    dir = dir,
    path = dir.path,
    rootfs = root,
    state = dir.path .. "/state",
    group = dir.path:match("[^/]+$"),
    peer = PEERS[peer],
    delegated = is_delegated(),
  }, Bench)
end

--- Writes the configuration. The control group is the bench's own, whatever others call theirs.
---@param spec table
function Bench:write(spec)
  spec.linux.cgroupsPath = spec.linux.cgroupsPath or self.group
  write_file(self.path .. "/config.json", json_encode(spec))
end

--- The command line of the program.
function Bench:words(words)
  local line = table.move(self.peer or { PROGRAM }, 1, #(self.peer or { 1 }), 1, {})
  if STDLIB and not self.peer then
    table.move({ "--stdlib", STDLIB }, 1, 2, 2, line)
  end
  table.move({ "--root", self.state }, 1, 2, #line + 1, line)
  return table.move(words, 1, #words, #line + 1, line)
end

--- Calls the program.
---@param words string[]
---@param how? table as `capture` takes it
function Bench:call(words, how)
  how = how or { timeout = "60s" }
  -- crun gives its streams to the container's user, be it the host's null device: a pipe then.
  how.stdin = how.stdin or self.peer and ""
  return capture(self:words(words), how)
end

--- Calls the program with descriptors that a container may keep: what it says goes to a file.
---@return integer code
---@return string said
function Bench:detached(words)
  local path = self.path .. "/said"
  local child <close> = spawn({ stdin = "null", stdout = path, stderr = path }, function()
    exec(self:words(words))
  end)
  local code = child:wait().code
  return code, read_file(path)
end

--- What `state` answers.
function Bench:status(id)
  local result = self:call { "state", id }
  return result.code == 0 and json_decode(result.stdout) or nil
end

--- Has `crun-lua gc` take back what killed programs have left in their journals.
---@return table result
function Bench:gc()
  return capture({ PROGRAM, "gc" }, { timeout = "60s" })
end

function Bench:close()
  for _, name in ipairs(stat(self.state) and list_dir(self.state) or {}) do
    if name:sub(1, 1) ~= "." then
      self:call { "delete", "--force", name }
    end
  end
  self.dir:close()
  -- A peer that mounts cgroup v2 in the host's namespace changes the options of each mount of it.
  if self.delegated and not is_delegated() then
    assert(self.peer, "the options of cgroup v2 have changed")
    capture { "mount", "-o", "remount,nsdelegate", "/sys/fs/cgroup" }
  end
end

Bench.__close = Bench.close

return M
