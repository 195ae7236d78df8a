--- Faults of what is mounted: a stale /proc, mounts that reach the host, and parts of the host that
--- lie open.
---
--- ```lua
--- local rules = require "inspect.findings.mounts"
---
--- assert(rules[1].id == "stale-proc")
--- ```
local mounts = require "inspect.mounts"

local SOCKETS = {
  ["docker.sock"] = true,
  ["containerd.sock"] = true,
  ["podman.sock"] = true,
  ["crio.sock"] = true,
  ["cri-dockerd.sock"] = true,
  ["dockershim.sock"] = true,
  ["buildkitd.sock"] = true,
}

local function own(facts, kind)
  local row = facts.namespaces[kind]
  return row ~= nil and row.shared == false
end

--- Root inside is root outside: what belongs to the host's root can be written.
local function is_host_root(facts)
  return facts.namespaces.user ~= nil and facts.namespaces.user.shared == true
end

local function may_write(facts)
  local user = facts.security and facts.security.user
  return not user or not user.uid or user.uid.effective == 0
end

local function points(list)
  local words = {}
  for index, one in ipairs(list) do
    words[index] = type(one) == "table" and one.point or one
    if index == 5 and #list > 5 then
      words[index + 1] = ("and %d more"):format(#list - 5)
      break
    end
  end
  return table.concat(words, ", ")
end

return {
  {
    id = "stale-proc",
    level = "error",
    needs = { "mounts", "namespaces" },
    see = "pid_namespaces(7)",
    why = "a new pid namespace does not change what is mounted: ps and /proc/self there speak of "
      .. "other processes",
    remedy = 'mount("proc", "/proc", { type = "proc" }) inside, after the fork, in a mount '
      .. "namespace of its own (unshare --mount-proc)",
    find = function(facts)
      if facts.mounts.proc == "stale" then
        return "/proc is that of another pid namespace"
      end
    end,
  },
  {
    id = "no-proc",
    level = "warning",
    needs = { "mounts", "namespaces" },
    see = "proc(5)",
    why = "ps, and programs that look at /proc/self, fail",
    remedy = "rootfs:proc(), or a mount of type proc at /proc",
    find = function(facts)
      if facts.mounts.proc == "missing" and own(facts, "mnt") then
        return "no proc file system is mounted at /proc"
      end
    end,
  },
  {
    id = "shared-propagation",
    level = "error",
    needs = { "mounts" },
    see = "mount_namespaces(7)",
    why = "what is mounted there appears on the host as well, and stays when the container ends",
    remedy = 'mount(nil, "/", { propagation = "private", recursive = true }) (or "slave") first; '
      .. "spawn and unshare do it",
    find = function(facts)
      local leaks = facts.mounts.leaks
      if leaks and #leaks > 0 then
        return ("%d mounts are shared with the host: %s"):format(#leaks, points(leaks))
      end
    end,
  },
  {
    id = "host-root",
    level = "error",
    needs = { "mounts" },
    see = "pivot_root(2)",
    why = "all files of the host are there; with root's rights they can be changed",
    remedy = "give it a root of its own and pivot into it (rootfs:pivot); mount single directories "
      .. "of the host, read-only",
    find = function(facts)
      local open, closed = {}, {}
      for _, one in ipairs(facts.mounts.host_roots or {}) do
        table.insert(one.readonly and closed or open, one)
      end
      if #open > 0 then
        return "the host's root file system is mounted, writable, at " .. points(open)
      elseif #closed > 0 then
        return {
          what = "the host's root file system is mounted, read-only, at " .. points(closed),
          level = "warning",
        }
      end
    end,
  },
  {
    id = "runtime-socket",
    level = "error",
    needs = { "mounts" },
    see = "docs of the engine: protecting its socket",
    why = "whoever writes to it starts containers with any rights: it is root on the host",
    remedy = "do not mount it; give the job a builder, or a proxy that allows only what it needs",
    find = function(facts)
      if not facts.contained then
        return nil
      end
      local found, sockets = {}, facts.mounts.sockets or {}
      for _, path in ipairs(sockets) do
        found[#found + 1] = path
      end
      for _, one in ipairs(facts.mounts.list) do
        local name, source = one.point:match("([^/]*)$"), one.root:match("([^/]*)$")
        if not one.hidden and (SOCKETS[name] or SOCKETS[source]) then
          found[#found + 1] = one
        end
      end
      if #found > 0 then
        return "the socket of a container engine can be reached at " .. points(found)
      end
    end,
  },
  {
    id = "disk-devices",
    level = "error",
    needs = { "mounts", "namespaces" },
    see = "mknod(2), cgroups(7)",
    why = "whoever opens a disk reads and writes the host's files below the file system",
    remedy = "give it a /dev of its own (rootfs:dev), take CAP_MKNOD, and let the devices "
      .. "controller forbid the rest",
    find = function(facts)
      local devices = facts.mounts.devices
      if own(facts, "mnt") and type(devices) == "table" and not devices.unreadable then
        if #devices > 0 then
          local level = (not is_host_root(facts) or not may_write(facts)) and "warning" or nil
          return { what = "it has nodes of block devices: " .. points(devices), level = level }
        end
      end
    end,
  },
  {
    id = "noexec-root",
    level = "error",
    needs = { "mounts", "namespaces" },
    see = "mount(8)",
    why = "no program on it can be started: execve answers EACCES, whatever its permission bits",
    remedy = 'mount_setattr("/", …) without noexec, or keep the root on a file system that is not '
      .. "mounted noexec (/tmp often is)",
    find = function(facts)
      local root = own(facts, "mnt") and mounts.top(facts.mounts.list, "/")
      if root and table.concat(root.attributes, " "):find("noexec") then
        return "its root is mounted noexec"
      end
    end,
  },
  {
    id = "writable-proc-sys",
    level = "error",
    needs = { "mounts", "namespaces" },
    see = "proc_sys(5)",
    why = "with root's rights it changes the kernel's parameters for all, such as core_pattern, "
      .. "which the host then runs",
    remedy = 'rootfs:readonly("/proc/sys") (OCI: readonlyPaths), or a user namespace',
    find = function(facts)
      local top = mounts.top(facts.mounts.list, "/proc/sys")
      if own(facts, "mnt") and is_host_root(facts) and top and top.type == "proc" then
        if not top.readonly and not top.masked then
          local level = not may_write(facts) and "warning" or nil
          return { what = "/proc/sys is writable", level = level }
        end
      end
    end,
  },
  {
    id = "proc-unmasked",
    level = "warning",
    needs = { "mounts", "namespaces" },
    see = "proc(5)",
    why = "they show the memory, keys and timers of the whole machine, or act on it",
    remedy = "rootfs:mask each, rootfs:readonly for sysrq-trigger "
      .. "(OCI: maskedPaths, readonlyPaths)",
    find = function(facts)
      local found = {}
      if own(facts, "mnt") and own(facts, "pid") and is_host_root(facts) then
        for _, path in ipairs(mounts.SECRET) do
          local top = mounts.top(facts.mounts.list, path)
          local is_there = facts.mounts.secret == nil or facts.mounts.secret[path]
          local is_open = top and top.point == "/proc" and top.type == "proc" and not top.readonly
          found[#found + 1] = is_there and is_open and path or nil
        end
      end
      if #found > 0 then
        return "not hidden: " .. points(found)
      end
    end,
  },
  {
    id = "writable-cgroupfs",
    level = "error",
    needs = { "mounts", "namespaces" },
    see = "cgroups(7), CVE-2022-0492",
    why = "it changes its own limits, and on version 1 with root's rights a release_agent runs a "
      .. "program on the host",
    remedy = "mount it read-only, or not at all; delegate a version 2 group in a user namespace "
      .. "where it must make groups",
    find = function(facts)
      local found, is_v1 = {}, false
      for _, one in ipairs(own(facts, "mnt") and facts.mounts.list or {}) do
        if one.type:find("^cgroup2?$") and not one.readonly and not one.hidden then
          found[#found + 1] = one
          is_v1 = is_v1 or one.type == "cgroup"
        end
      end
      if #found > 0 and is_host_root(facts) then
        local level = (not is_v1 or not may_write(facts)) and "warning" or nil
        return { what = "control groups are writable at " .. points(found), level = level }
      end
    end,
  },
}
