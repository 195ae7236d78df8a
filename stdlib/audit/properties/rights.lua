--- Rights: the user, capabilities, and what could give more of them.
---
--- ```lua
--- local properties = require "audit.properties.rights"
---
--- assert(properties[1].id == "not-root")
--- ```
local judge = require "audit.judge"

-- By capability: the weight, what it is enough for, and who misses it. Those that are not named
-- share the last row.
local GROUPS = {
  {
    "sys_admin",
    { "sys_admin" },
    8,
    "it mounts, and most of the kernel's doors open to it",
    "mounts, quotas and namespaces inside must be prepared outside",
  },
  {
    "sys_module",
    { "sys_module", "sys_rawio", "sys_boot" },
    6,
    "it changes the running kernel, its memory or its ports",
    "drivers are loaded by the host",
  },
  {
    "sys_ptrace",
    { "sys_ptrace", "checkpoint_restore" },
    5,
    "it reads and changes the memory of any process that it sees",
    "debuggers work on processes of the same user only",
  },
  {
    "dac_read_search",
    { "dac_read_search" },
    5,
    "it opens any file of a mounted file system by its number (the shocker exploit)",
    "backup programs need it",
  },
  {
    "bpf",
    { "bpf", "perfmon" },
    4,
    "it loads programs into the kernel, and reads its memory",
    "tracing tools run on the host",
  },
  {
    "mknod",
    { "mknod" },
    3,
    "it makes device nodes, such as of the host's disks",
    "device nodes come from outside",
  },
  { "mac", { "mac_admin", "mac_override" }, 3, "it changes what security modules enforce", "none" },
  {
    "files",
    { "chown", "dac_override", "fowner", "fsetid", "setfcap", "linux_immutable" },
    3,
    "on a directory of the host it is the owner of every file",
    "package managers need chown, dac_override and fowner",
  },
  {
    "ids",
    { "setuid", "setgid", "setpcap" },
    2,
    "it becomes any user",
    "servers that start as root and change their user must start as that user",
  },
  {
    "net_admin",
    { "net_admin" },
    3,
    "it changes addresses, routes and rules of its network",
    "addresses and rules are made from outside",
  },
  {
    "net_raw",
    { "net_raw" },
    2,
    "it forges packets of its neighbours (CVE-2020-14386)",
    "ping needs net.ipv4.ping_group_range in place of it",
  },
  {
    "sys_time",
    { "sys_time", "wake_alarm" },
    2,
    "it sets the machine's clock",
    "a time server runs on the host",
  },
  {
    "others",
    {
      "audit_control",
      "audit_read",
      "audit_write",
      "block_suspend",
      "ipc_lock",
      "ipc_owner",
      "kill",
      "lease",
      "net_bind_service",
      "net_broadcast",
      "sys_chroot",
      "sys_nice",
      "sys_pacct",
      "sys_resource",
      "sys_tty_config",
      "syslog",
    },
    1,
    "each is a part of root's rights",
    "ports below 1024: net.ipv4.ip_unprivileged_port_start",
  },
}

-- In a user namespace of its own a capability reaches what belongs to the namespace, and the
-- faults of the kernel that only it gets to.
local INSIDE = 0.3

-- What could come back: the bounding set alone, where a file could give it.
local LATENT = 0.4

local function common(names, set)
  local both = {}
  for _, name in ipairs(names) do
    both[#both + 1] = set[name] and name or nil
  end
  return both
end

local function judge_group(names, enough)
  return function(facts)
    local security, missing = judge.section(facts, "security")
    if not security then
      return missing
    elseif not security.capabilities then
      return judge.unknown()
    end
    local sets = security.capabilities
    local held = common(names, judge.set(sets.permitted and sets.permitted.names))
    local bounding = common(names, judge.set(sets.bounding and sets.bounding.names))
    local inside = judge.own(facts, "user") and INSIDE or 1
    local where = inside < 1 and ", in its own user namespace" or ""
    if #held > 0 then
      -- One of several rights is nearly as good as all of them.
      local share = 0.6 + 0.4 * #held / #names
      local now = ("it has %s: %s%s"):format(table.concat(held, ", "), enough, where)
      return judge.partly(now, share * inside)
    elseif #bounding > 0 and not security.no_new_privs then
      local now = "not held, and a set-user-id file gives it back: %s%s"
      return judge.partly(now:format(table.concat(bounding, ", "), where), LATENT * inside)
    elseif #bounding > 0 then
      return judge.yes "not held; in the bounding set, which no_new_privs makes harmless"
    end
    return judge.yes "gone"
  end
end

local properties = {
  {
    id = "not-root",
    name = "not root",
    weight = 6,
    remedy = 'setuser, or user = "65534:65534" (OCI: process.user), or a user namespace',
    cost = "what it writes must belong to that user; ports below 1024 are closed",
    see = "credentials(7)",
    judge = function(facts)
      local security, missing = judge.section(facts, "security")
      if not security then
        return missing
      end
      local uid = security.user.uid and security.user.uid.effective
      if not uid then
        return judge.unknown()
      elseif uid ~= 0 then
        return judge.yes(("the user %d"):format(uid))
      end
      local own = judge.own(facts, "user")
      if own == nil then
        return judge.unknown "root, and whose is not known"
      end
      return own and judge.partly("root of its own user namespace", 0.2)
        or judge.no "the host's root"
    end,
  },
  {
    id = "groups",
    name = "supplementary groups",
    weight = 2,
    remedy = "setuser(…, { groups = {} }) (OCI: process.user.additionalGids)",
    cost = "files that a group opens to it are closed",
    see = "setgroups(2), CVE-2022-36109",
    judge = function(facts)
      local security, missing = judge.section(facts, "security")
      if not security or not security.user.groups then
        return missing or judge.unknown()
      elseif judge.own(facts, "user") then
        return judge.none "they are of its own user namespace, or it could not shed them"
      end
      local groups = security.user.groups
      if #groups == 0 then
        return judge.yes "none"
      end
      local low, uid = {}, security.user.uid and security.user.uid.effective
      for _, gid in ipairs(groups) do
        low[#low + 1] = gid == 0 and uid ~= 0 and gid or nil
      end
      if #low > 0 then
        return judge.no "it is in root's group without being root"
      end
      return judge.partly("it is in the groups " .. table.concat(groups, ", "), 0.3)
    end,
  },
  {
    id = "no-new-privs",
    name = "no new privileges",
    weight = 5,
    remedy = "no_new_privs() before exec (OCI: process.noNewPrivileges)",
    cost = "sudo, su, ping and other set-user-id programs do not work inside",
    see = "prctl(2), PR_SET_NO_NEW_PRIVS",
    judge = judge.finding("no-new-privs-off", "no program that it starts gets more rights", 1),
  },
  {
    id = "setuid-files",
    name = "set-user-id files",
    weight = 3,
    remedy = "no_new_privs, a nosuid root, or remove them: find / -perm /6000",
    cost = "sudo, su and passwd do not work inside",
    see = "execve(2)",
    judge = function(facts)
      local security, missing = judge.section(facts, "security")
      if not security then
        return missing
      elseif security.no_new_privs then
        return judge.yes "no_new_privs makes them plain programs"
      elseif not judge.section(facts, "setuid") then
        return select(2, judge.section(facts, "setuid"))
      elseif #facts.setuid == 0 then
        return judge.yes "none was found where programs are"
      end
      local now = "%d give their owner's rights, such as %s"
      return judge.no(now:format(#facts.setuid, facts.setuid[1]))
    end,
  },
  {
    id = "ambient",
    name = "ambient capabilities",
    weight = 2,
    remedy = "caps_ambient { clear = true } unless a program that is not root needs just these",
    cost = "none where the program does not need them",
    see = "capabilities(7)",
    judge = judge.finding("ambient-capabilities", "none: what it starts inherits nothing"),
  },
}

for _, group in ipairs(GROUPS) do
  local id, names, weight, enough, cost = table.unpack(group)
  local shown = math.min(2, #names)
  properties[#properties + 1] = {
    id = "cap-" .. id,
    name = "without "
      .. (id == "others" and "other capabilities" or table.concat(names, ", ", 1, shown)),
    weight = weight,
    remedy = "drop_caps { keep = { … } }, which takes the bounding set too (OCI: capabilities)",
    cost = cost,
    see = "capabilities(7)",
    judge = judge_group(names, enough),
  }
end

properties[#properties + 1] = {
  id = "label",
  name = "security module",
  weight = 4,
  remedy = 'apparmor("PROFILE") or selinux("LABEL") before exec, with a profile that is loaded',
  cost = "the profile must fit the program",
  see = "apparmor(7), selinux(8)",
  judge = function(facts)
    local security, missing = judge.section(facts, "security")
    if not security then
      return missing
    end
    local lsm = security.lsm
    if not lsm or lsm.unreadable then
      return judge.unknown()
    end
    local active = judge.set(lsm.active)
    if not (active.apparmor or active.selinux or lsm.wanted) then
      return judge.none "neither AppArmor nor SELinux is active here"
    end
    local label = lsm.selinux or lsm.apparmor
    if not label or label == "" or label:find("^unconfined") or label:find(":unconfined_t:") then
      return judge.no "it is unconfined"
    end
    return judge.yes(label)
  end,
}

properties[#properties + 1] = {
  id = "landlock",
  name = "Landlock",
  weight = 3,
  remedy = "landlock { … }, or a profile with it: strict, agent, or one that was learnt",
  cost = "paths and ports must be listed",
  see = "landlock(7)",
  judge = function(facts)
    if facts.landlock == nil then
      return judge.unknown "the kernel shows nobody's rules from outside"
    end
    if type(facts.landlock) == "table" then
      return judge.none(facts.landlock.none)
    end
    return facts.landlock and judge.yes(facts.landlock) or judge.no "no rules"
  end,
}

return properties
