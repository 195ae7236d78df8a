--- Namespaces: what a process shares with the host, and what root inside is outside.
---
--- ```lua
--- local properties = require "audit.properties.isolation"
---
--- assert(properties[1].judge({ namespaces = { mnt = { shared = false } } }).answer == "yes")
--- ```
local judge = require "audit.judge"

-- By kind: the weight, what a shared one lets see, and what one of its own costs.
local KINDS = {
  {
    "mnt",
    8,
    "it sees and changes the host's mounts",
    "its files must be prepared: a root of its own, and each directory that is shared",
    '"mnt" in unshare (OCI: a namespace of type mount)',
  },
  {
    "pid",
    6,
    "it sees the host's processes, and with the same user signals and traces them",
    "its first process must collect orphans and handle signals; supervision by pid file ends",
    '"pid" in unshare, and a /proc of its own (OCI: a namespace of type pid)',
  },
  {
    "net",
    6,
    "it reaches all that listens on localhost, abstract sockets of engines too (CVE-2020-15257)",
    "ports must be published, and addresses translated",
    '"net" in unshare, or network = "none" or "bridge"',
  },
  {
    "ipc",
    3,
    "shared memory and queues of the host's processes are open to it",
    "programs that share memory with the host cannot",
    '"ipc" in unshare',
  },
  { "uts", 1, "it can rename the host, with the right to", "none", '"uts" in unshare' },
  {
    "cgroup",
    2,
    "it reads where in the host's tree of groups it is",
    "none; monitoring inside sees its group as the root",
    '"cgroup" in unshare',
  },
}

-- Where the man page has another name than the kernel's file.
local PAGES = { mnt = "mount", net = "network" }

local properties = {}

for _, known in ipairs(KINDS) do
  local kind, weight, shared, cost, remedy = table.unpack(known)
  properties[#properties + 1] = {
    id = kind,
    name = kind .. " namespace",
    weight = weight,
    remedy = remedy,
    cost = cost,
    see = (PAGES[kind] or kind) .. "_namespaces(7)",
    judge = function(facts)
      local spaces, missing = judge.section(facts, "namespaces")
      if not spaces then
        return missing
      end
      local row = spaces[kind]
      if not row then
        return judge.none "this kernel has no such namespace"
      elseif row.shared == nil then
        return judge.unknown "nobody to compare it with"
      elseif row.shared then
        return judge.no("the host's: " .. shared)
      end
      return judge.yes(row.joined and "another's, joined: " .. row.joined or "its own")
    end,
  }
end

--- Whether an id inside stands for this id of the host.
local function host_id(facts, id)
  for _, range in ipairs((facts.ids and facts.ids.uid) or {}) do
    if id >= range.outside and id < range.outside + range.count then
      return true
    end
  end
  return false
end

properties[#properties + 1] = {
  id = "user",
  name = "user namespace",
  weight = 6,
  remedy = '"user" in unshare, with an id_map (OCI: a namespace of type user, uidMappings)',
  cost = "files on volumes belong to other ids (idmapped mounts mend it); no device nodes",
  see = "user_namespaces(7)",
  judge = function(facts)
    local own = judge.own(facts, "user")
    local security = judge.section(facts, "security")
    local uid = security and security.user.uid and security.user.uid.effective
    if own == nil then
      return judge.unknown()
    elseif own then
      return judge.yes "its own: its capabilities count for what belongs to it"
    elseif uid and uid ~= 0 then
      return judge.partly(("the host's, as the user %d"):format(uid), 0.5)
    end
    return judge.no "the host's: what it breaks out with is root's"
  end,
}

properties[#properties + 1] = {
  id = "id-map",
  name = "ids outside",
  weight = 5,
  remedy = "map a range of subordinate ids (/etc/subuid) that no user of the host has",
  cost = "files on volumes belong to other ids",
  see = "user_namespaces(7), newuidmap(1)",
  judge = function(facts)
    if judge.own(facts, "user") ~= true then
      return judge.none "it has no user namespace of its own"
    end
    local ids, missing = judge.section(facts, "ids")
    if not ids then
      return missing
    elseif host_id(facts, 0) then
      return judge.no "an id inside is the host's root"
    end
    local first = ids.uid[1]
    return judge.yes(
      first and ("0 inside is no root: %d outside"):format(first.outside) or "nobody"
    )
  end,
}

properties[#properties + 1] = {
  id = "proc-of-others",
  name = "/proc is its own",
  weight = 3,
  remedy = "mount proc anew inside, after the fork",
  cost = "none",
  see = "pid_namespaces(7)",
  judge = function(facts)
    if judge.own(facts, "pid") == false then
      return judge.none "it shares the host's processes"
    end
    return judge.finding("stale-proc", "it shows its own processes")(facts)
  end,
}

return properties
