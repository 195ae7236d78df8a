--- Faults of namespaces and of the maps between ids.
---
--- ```lua
--- local rules = require "inspect.findings.namespaces"
---
--- assert(#rules > 0 and rules[1].see)
--- ```

local ISOLATING = { "ipc", "mnt", "net", "pid", "uts" }

return {
  {
    id = "no-uid-map",
    level = "error",
    needs = { "namespaces", "ids" },
    see = "user_namespaces(7)",
    why = "every id is the overflow id 65534 inside: all files belong to nobody, and no id can be "
      .. "switched to",
    remedy = "write /proc/PID/uid_map from outside before the process goes on (id_map; spawn and "
      .. 'unshare do it unless told "none"), or run newuidmap',
    find = function(facts)
      local user = facts.namespaces.user
      if user and user.shared == false and #facts.ids.uid == 0 then
        return "its user namespace has no uid_map"
      end
    end,
  },
  {
    id = "no-gid-map",
    level = "warning",
    needs = { "namespaces", "ids" },
    see = "user_namespaces(7)",
    why = "every group is the overflow id 65534 inside",
    remedy = "write deny to /proc/PID/setgroups, then /proc/PID/gid_map; or run newgidmap",
    find = function(facts)
      local user = facts.namespaces.user
      if user and user.shared == false and #facts.ids.uid > 0 and #facts.ids.gid == 0 then
        return "its user namespace has a uid_map and no gid_map"
      end
    end,
  },
  {
    id = "host-namespaces",
    level = "warning",
    needs = { "namespaces" },
    see = "namespaces(7)",
    why = "what it does in there reaches the host: net its ports and devices, pid its processes, "
      .. "ipc its shared memory, mnt its mounts, uts its name",
    remedy = "add the kinds to unshare, unless the container is meant to work on the host",
    find = function(facts)
      local shared = {}
      for _, kind in ipairs(facts.contained and ISOLATING or {}) do
        local row = facts.namespaces[kind]
        if row and row.shared then
          shared[#shared + 1] = kind
        end
      end
      if #shared > 0 then
        return "it shares the host's namespaces: " .. table.concat(shared, ", ")
      end
    end,
  },
  {
    id = "host-cgroup-namespace",
    level = "note",
    needs = { "namespaces" },
    see = "cgroup_namespaces(7)",
    why = "it sees in /proc/self/cgroup where it stands on the host",
    remedy = 'add "cgroup" to unshare',
    find = function(facts)
      local row = facts.namespaces.cgroup
      if facts.contained and row and row.shared then
        return "it has the host's cgroup namespace"
      end
    end,
  },
  {
    id = "not-contained",
    level = "note",
    needs = { "namespaces" },
    see = "namespaces(7)",
    why = "the faults of containers are not looked for",
    remedy = "ask for the number of a process in the container: crun-lua ps lists them",
    find = function(facts)
      local user = facts.namespaces.user
      if not facts.contained and user and user.shared then
        return "it has the host's mounts, processes and users: it is in no container"
      end
    end,
  },
  {
    id = "children-elsewhere",
    level = "note",
    needs = { "namespaces" },
    see = "pid_namespaces(7)",
    why = "unshare and setns move only future children into a pid or time namespace; when the "
      .. "first of them has ended, no more can be made (fork: ENOMEM)",
    remedy = "fork after it: spawn does both in one call",
    find = function(facts)
      for _, kind in ipairs { "pid", "time" } do
        local row = facts.namespaces[kind]
        if row and row.for_children then
          return ("its children will be in another %s namespace than it is"):format(kind)
        end
      end
    end,
  },
}
