--- `crun-lua spec`: writes a config.json to start from, with what runc's has in it.
---
--- The inheritable and the ambient set are empty: with capabilities in them, whoever calls a
--- program with file capabilities gets more than the permitted set says (CVE-2022-29162). What is
--- known to tell of the host, or to change it, is masked or read-only.
---
--- ```lua
--- local spec = require "oci.command.spec"
---
--- local bundle <close> = temp_dir()
--- local call = { name = "spec", options = { bundle = bundle.path }, operands = {}, global = {} }
--- assert(spec(call) == 0)
--- local config = require("oci.config").load(bundle.path)
--- assert(config.process.args[1] == "sh")
--- ```
local CAPS = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" }

local function caps()
  return { table.unpack(CAPS) }
end

local function process()
  return {
    terminal = true,
    user = { uid = 0, gid = 0 },
    args = { "sh" },
    env = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "TERM=xterm",
    },
    cwd = "/",
    capabilities = {
      bounding = caps(),
      permitted = caps(),
      effective = caps(),
      inheritable = json_array {},
      ambient = json_array {},
    },
    rlimits = { { type = "RLIMIT_NOFILE", hard = 1024, soft = 1024 } },
    noNewPrivileges = true,
  }
end

--- Where, what, from where, and the options as one text.
local MOUNTS = {
  { "/proc", "proc", "proc" },
  { "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k" },
  { "/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5" },
  { "/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k" },
  { "/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev" },
  { "/sys", "sysfs", "sysfs", "nosuid noexec nodev ro" },
  { "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid noexec nodev relatime ro" },
}

-- The host's /sys: a new one belongs to a network namespace, which users without rights here share.
local HOST_SYS = { "/sys", "none", "/sys", "rbind nosuid noexec nodev ro" }

local function mount(row, rootless)
  row = rootless and row[1] == "/sys" and HOST_SYS or row
  local made = { destination = row[1], type = row[2], source = row[3] }
  for option in (row[4] or ""):gmatch "%S+" do
    -- A user's namespace maps one id, and 5 is another.
    if not (rootless and option:find "^[ug]id=") then
      made.options = made.options or {}
      table.insert(made.options, option)
    end
  end
  return made
end

local MASKED = {
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/sys/firmware",
  "/proc/scsi",
  "/sys/devices/virtual/tpm",
}

local READ_ONLY = {
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
}

local function namespaces(...)
  local list = {}
  for _, kind in ipairs { ... } do
    list[#list + 1] = { type = kind }
  end
  return list
end

local function linux(rootless)
  local made = { maskedPaths = MASKED, readonlyPaths = READ_ONLY }
  made.namespaces = rootless and namespaces("pid", "ipc", "uts", "mount")
    or namespaces("pid", "network", "ipc", "uts", "mount")
  if cgroup_layout().kind == "v2" then
    table.insert(made.namespaces, { type = "cgroup" })
  end
  if rootless then
    local ids = proc_status(nil, { fields = { "uid", "gid" } })
    table.insert(made.namespaces, { type = "user" })
    made.uidMappings = { { containerID = 0, hostID = ids.uid.effective, size = 1 } }
    made.gidMappings = { { containerID = 0, hostID = ids.gid.effective, size = 1 } }
    return made
  end
  made.resources = { devices = { { allow = false, access = "rwm" } } }
  return made
end

local function default(rootless)
  local mounts = {}
  for index, row in ipairs(MOUNTS) do
    mounts[index] = mount(row, rootless)
  end
  return {
    ociVersion = require("oci.version").spec,
    root = { path = "rootfs", readonly = true },
    process = process(),
    hostname = "crun-lua",
    mounts = mounts,
    linux = linux(rootless),
  }
end

---@param call oci.Call
---@return integer status
return function(call)
  local options = require "options"
  if call.operands[1] then
    options.fail("spec", ("spec takes no operand, got %q"):format(call.operands[1]))
  end
  local file = call.options.file or "config.json"
  local path = file:sub(1, 1) == "/" and file or (call.options.bundle or ".") .. "/" .. file
  local text = json_encode(default(call.options.rootless), { pretty = true })
  local _, err = try(write_file, path, text, { exclusive = true, mode = "0644" })
  if err and err.errno == "EEXIST" then
    options.fail("spec", ("%s: file exists"):format(path), "remove it first")
  elseif err then
    error(err, 0)
  end
  return 0
end
