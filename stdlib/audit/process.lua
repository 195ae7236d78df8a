--- The facts of a running process for the audit: those of `inspect`, and what only a judgement of
--- its confinement asks for.
---
--- Everything that could hang, or that a process inside could arrange, is read by children that
--- are not waited for long (`inspect.part`).
---
--- ```lua
--- local process = require "audit.process"
---
--- local facts = process.read(proc_stat().pid)
--- assert(facts.namespaces.pid.shared and facts.calls.count > 300)
--- ```
local inspect = require "inspect"
local part = require "inspect.part"

local M = {}

-- What lets a call through. A call that is notified or traced is somebody's who judges it.
local OPEN = { allow = true, log = true }

--- Which calls the filters let through, at least with some arguments.
local function calls_of(pid, mode)
  if mode == "strict" then
    return { reach = { read = true, write = true }, open = 4, count = 400 }
  end
  -- A parent may not trace its own child, so another child asks.
  local map = part.child({}, function()
    return seccomp_map(pid)
  end)
  if not part.known(map) then
    return map
  end
  local reach, open = {}, 0
  for _, call in ipairs(map.calls or {}) do
    for _, answer in ipairs(call.answers) do
      if OPEN[answer.action] and not reach[call.name] then
        reach[call.name], open = true, open + 1
      end
    end
  end
  return { reach = reach, open = open, count = #(map.calls or {}) }
end

local PSEUDO = {
  cgroup = true,
  cgroup2 = true,
  devpts = true,
  mqueue = true,
  proc = true,
  sysfs = true,
}

-- What an engine has made for its container, such as its root, lies on the host as well: below its
-- storage. That is no directory of the host's that somebody has mounted.
local STORAGE = {
  "/containers/storage/",
  "/docker/containers/",
  "/docker/overlay2/",
  "/containerd/",
  "/kubelet/pods/",
  "/crun%-lua/",
  "/overlay%-containers/",
}

local function is_storage(path)
  for _, pattern in ipairs(STORAGE) do
    if path:find(pattern) then
      return true
    end
  end
  return path:find("^/run/user/%d+/containers") ~= nil or path:find("^/run/containers") ~= nil
end

--- Where a mount's root stands on the host, by the mount of the host with the same file system.
local function on_host(one, host)
  local best
  for _, other in ipairs(host) do
    if other.device == one.device and not other.hidden then
      local root = other.root == "/" and "" or other.root
      if one.root == other.root or one.root:sub(1, #root + 1) == root .. "/" then
        if not best or #other.root > #best.root then
          best = other
        end
      end
    end
  end
  if not best then
    return nil
  end
  local rest = one.root:sub(best.root == "/" and 1 or #best.root + 1)
  local path = (best.point == "/" and "" or best.point) .. (rest == "/" and "" or rest)
  return path == "" and "/" or path
end

--- The parts of the host's file systems that the process has mounted: `{ host, point, readonly }`.
local function host_paths(facts, reference)
  local host = part.read(mountinfo, reference.pid)
  if not part.known(host) then
    return host
  end
  local arranged, found = require("inspect.mounts").arrange(host), json_array {}
  for _, one in ipairs(facts.mounts.list) do
    local device = one.type:find("tmpfs") and one.root ~= "/"
    if not one.hidden and not one.masked and not PSEUDO[one.type] and not device then
      local path = on_host(one, arranged)
      if path and not is_storage(path) then
        table.insert(found, {
          host = path,
          point = one.point,
          readonly = one.readonly,
          attributes = one.attributes,
        })
      end
    end
  end
  return found
end

--- What version 1's controller lets the group open. On version 2 it is a program of the kernel's.
local function device_rules(facts)
  local group = part.known(facts.cgroup)
  for _, row in ipairs(group and group.memberships or {}) do
    if row.controllers[1] == "devices" and row.dir then
      local text = part.read(read_file, row.dir .. "/devices.list")
      if not part.known(text) then
        return text
      end
      return { all = text:find("^a ") ~= nil }
    end
  end
  return part.unreadable("ENODATA", "on version 2 the rules are a program of the kernel's")
end

-- Where programs are; a whole tree would take minutes.
local PROGRAMS = {
  "/bin",
  "/sbin",
  "/usr/bin",
  "/usr/sbin",
  "/usr/local/bin",
  "/usr/local/sbin",
  "/usr/lib/openssh",
  "/usr/lib/dbus-1.0",
  "/usr/libexec",
  "/opt/bin",
}
local SETID = tonumber("6000", 8)

--- Set-user-id and set-group-id programs that it reaches, on mounts that let them work.
local function setuid_files(pid, list)
  local mounts = require "inspect.mounts"
  return part.child({}, function()
    local root = rootfs_open(("/proc/%d/root"):format(pid))
    local found, seen = json_array {}, {}
    for _, dir in ipairs(PROGRAMS) do
      local known = root:stat(dir, { nofollow = true })
      local top = mounts.top(list, dir)
      local works = not top or not table.concat(top.attributes, " "):find("nosuid")
      if known and known.type == "directory" and works and not seen[known.ino] then
        seen[known.ino] = true
        for _, name in ipairs(root:list(dir)) do
          local file = root:stat(dir .. "/" .. name, { nofollow = true })
          if file and file.type == "file" and file.mode & SETID ~= 0 then
            table.insert(found, dir .. "/" .. name)
          end
        end
      end
    end
    return found
  end)
end

--- Whether others of its user may trace it: its files in /proc belong to root where not.
local function is_dumpable(pid, security)
  local uid = security.user.uid and security.user.uid.effective
  local file = uid and uid ~= 0 and part.known(part.read(stat, ("/proc/%d/environ"):format(pid)))
  if file then
    return file.uid == uid
  end
end

--- What `inspect.process` answers, with `calls`, `host_paths`, `device_rules`, `setuid` and
--- `dumpable`.
---@param process any
---@param record? table the record of the container
---@return table
function M.read(process, record)
  local facts = inspect.process(process, { container = record })
  local security, mounts = part.known(facts.security), part.known(facts.mounts)
  facts.silent = {}
  if security then
    if security.seccomp.mode ~= "disabled" then
      facts.calls = calls_of(facts.pid, security.seccomp.mode)
    else
      -- All of them, of which nobody keeps a list here.
      facts.calls = { reach = {}, open = 400, count = 400 }
    end
    facts.dumpable = is_dumpable(facts.pid, security)
  end
  if mounts then
    facts.host_paths = host_paths(facts, facts.reference or { pid = 1 })
    facts.setuid = setuid_files(facts.pid, mounts.list)
  end
  facts.device_rules = device_rules(facts)
  return facts
end

return M
