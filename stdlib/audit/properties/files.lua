--- Files: mounts that reach the host, parts of the kernel's file systems that lie open, devices,
--- sockets of engines, descriptors.
---
--- Who shares the host's mount namespace sees all of it: each row is a "no" then, but for those
--- that only mean something between two namespaces.
---
--- ```lua
--- local properties = require "audit.properties.files"
---
--- assert(properties[1].judge({ mounts = { list = {} }, namespaces = {} }).answer == "unknown")
--- ```
local judge = require "audit.judge"
local mounts = require "inspect.mounts"

-- Parts of a host from which it can be taken over, or from which secrets can be read.
local SENSITIVE = {
  "/boot",
  "/dev",
  "/etc",
  "/home",
  "/proc",
  "/root",
  "/run",
  "/sys",
  "/var/lib/containerd",
  "/var/lib/containers",
  "/var/lib/docker",
  "/var/lib/kubelet",
  "/var/log",
  "/var/run",
}

-- Programs, and what they look up: to read them tells nothing.
local PROGRAMS = {
  "/bin",
  "/lib",
  "/lib32",
  "/lib64",
  "/libx32",
  "/sbin",
  "/usr",
  "/etc/alternatives",
  "/etc/ca-certificates",
  "/etc/ld.so.cache",
  "/etc/mime.types",
  "/etc/ssl/certs",
}

local function below(path, list)
  for _, above in ipairs(list) do
    if path == above or path:sub(1, #above + 1) == above .. "/" then
      return above
    end
  end
end

--- A judge for what only counts in a mount namespace of its own; a shared one answers `shared`.
local function inside(shared, body)
  return function(facts)
    local own = judge.own(facts, "mnt")
    if own == nil then
      return judge.unknown()
    elseif not own then
      return shared
    end
    local _, missing = judge.section(facts, "mounts")
    return missing or body(facts)
  end
end

local HOSTS = judge.no "the host's own mounts"

--- What a mounted directory of the host costs.
local function share_of(one)
  if one.host == "/" then
    return one.readonly and 0.6 or 1
  elseif below(one.host, PROGRAMS) then
    return one.readonly and 0 or 1
  elseif below(one.host, SENSITIVE) then
    return one.readonly and 0.3 or 1
  end
  return one.readonly and 0 or 0.3
end

local properties = {
  {
    id = "own-root",
    name = "a root of its own",
    weight = 8,
    remedy = "a root of its own, and pivot into it; single directories of the host, read-only",
    cost = "the files that a program needs must be in it",
    see = "pivot_root(2)",
    judge = inside(HOSTS, judge.finding("host-root", "the host's root is not mounted")),
  },
  {
    id = "read-only-root",
    name = "read-only root",
    weight = 4,
    remedy = 'rootfs:readonly("/"), and a tmpfs for /tmp and /run (OCI: root.readonly)',
    cost = "what is to be written needs a volume or a tmpfs",
    see = "mount_setattr(2)",
    judge = inside(HOSTS, function(facts)
      local top = mounts.top(facts.mounts.list, "/")
      if not top then
        return judge.unknown()
      end
      return top.readonly and judge.yes "it cannot be written" or judge.no "it can be written"
    end),
  },
  {
    id = "host-paths",
    name = "directories of the host",
    weight = 6,
    remedy = "mount less of it, and read-only",
    cost = "the program must do with a copy, or a volume made for it",
    see = "mount(8)",
    judge = inside(HOSTS, function(facts)
      local paths, missing = judge.section(facts, "host_paths")
      if not paths then
        return missing
      end
      local worst, lost = nil, 0
      for _, one in ipairs(paths) do
        local share = share_of(one)
        if share > lost then
          worst, lost = one, share
        end
      end
      if not worst then
        return judge.yes(#paths > 0 and "none that would hurt" or "none")
      end
      local now = "%s of the host%s, at %s"
      return judge.partly(
        now:format(worst.host, worst.readonly and "" or ", writable", worst.point),
        lost
      )
    end),
  },
  {
    id = "engine-socket",
    name = "no engine's socket",
    weight = 10,
    door = true,
    remedy = "do not mount it; a builder, or a proxy that allows only what is needed",
    cost = "the job cannot start containers",
    see = "docs of the engine: protecting its socket",
    judge = judge.finding("runtime-socket", "none can be reached"),
  },
  {
    id = "propagation",
    name = "mounts stay inside",
    weight = 5,
    remedy = 'propagation = "private" or "slave" (OCI: rootfsPropagation)',
    cost = "what the host mounts later does not appear inside (slave: it does)",
    see = "mount_namespaces(7)",
    judge = inside(
      judge.none "it has no mounts of its own",
      judge.finding("shared-propagation", "what it mounts is its own")
    ),
  },
  {
    id = "block-devices",
    name = "no disks",
    weight = 5,
    remedy = "a /dev of its own, with null, zero, full, random, urandom and tty",
    cost = "none",
    see = "mknod(2)",
    judge = inside(HOSTS, judge.finding("disk-devices", "no node of a block device")),
  },
  {
    id = "device-rules",
    name = "devices are listed",
    weight = 4,
    remedy = 'devices = "default" of the control group (OCI: linux.resources.devices)',
    cost = "a device that is needed must be named",
    see = "cgroups(7), devices controller",
    judge = function(facts)
      local rules, missing = judge.section(facts, "device_rules")
      if not rules then
        return missing
      elseif not rules.all then
        return judge.yes(rules.now or "its control group lets it open some only")
      elseif judge.own(facts, "user") then
        return judge.partly("all, and in its user namespace it can make no node", 0.3)
      end
      return judge.no "its control group lets it open all"
    end,
  },
  {
    id = "proc-sys",
    name = "/proc/sys is read-only",
    weight = 5,
    remedy = 'rootfs:readonly("/proc/sys") (OCI: readonlyPaths)',
    cost = "sysctls are set from outside",
    see = "proc_sys(5)",
    judge = inside(HOSTS, judge.finding("writable-proc-sys", "it cannot change them for all")),
  },
  {
    id = "proc-masked",
    name = "/proc hides the machine",
    weight = 3,
    remedy = "mask kcore, keys and timer_list (OCI: maskedPaths)",
    cost = "none",
    see = "proc(5)",
    judge = inside(HOSTS, judge.finding("proc-unmasked", "what tells of the machine is hidden")),
  },
  {
    id = "sys",
    name = "/sys is read-only",
    weight = 3,
    remedy = "mount sysfs read-only, mask /sys/firmware",
    cost = "tools that configure devices do not work inside",
    see = "sysfs(5)",
    judge = inside(HOSTS, function(facts)
      local open
      for _, one in ipairs(facts.mounts.list) do
        if one.type == "sysfs" and not one.hidden and not one.readonly then
          open = one
        end
      end
      if not open then
        return judge.yes "not mounted writable"
      elseif judge.own(facts, "user") then
        return judge.partly("writable, by a root that is nobody there", 0.2)
      end
      return judge.no("writable at " .. open.point)
    end),
  },
  {
    id = "cgroupfs",
    name = "control groups are read-only",
    weight = 5,
    remedy = "mount them read-only, or not at all",
    cost = "systemd and engines inside need a delegated group of version 2",
    see = "cgroups(7), CVE-2022-0492",
    judge = inside(HOSTS, judge.finding("writable-cgroupfs", "it cannot change its own limits")),
  },
  {
    id = "nosuid",
    name = "nosuid and nodev volumes",
    weight = 2,
    remedy = "nosuid and nodev on every directory of the host that is mounted",
    cost = "none for data",
    see = "mount(8)",
    judge = inside(judge.none "it has no mounts of its own", function(facts)
      local paths, missing = judge.section(facts, "host_paths")
      if not paths then
        return missing
      elseif #paths == 0 then
        return judge.none "no directory of the host is mounted"
      end
      for _, one in ipairs(paths) do
        local has = judge.set(one.attributes)
        if one.directory ~= false and not (has.nosuid and has.nodev) then
          return judge.no(("%s has not both"):format(one.point))
        end
      end
      return judge.yes "all of them"
    end),
  },
  {
    id = "descriptors",
    name = "no way out by a descriptor",
    weight = 6,
    door = true,
    remedy = "close it before the command starts, and start in a directory of the root",
    cost = "none",
    see = "CVE-2024-21626",
    judge = inside(
      judge.none "it sees the host's files anyway",
      judge.finding("host-directory-fd", "no directory of outside is open")
    ),
  },
}

return properties
