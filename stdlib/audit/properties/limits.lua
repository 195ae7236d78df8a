--- Limits: what one process may take away from all others, and what it leaves behind.
---
--- ```lua
--- local properties = require "audit.properties.limits"
---
--- local facts = { cgroup = { effective = { memory = { limit = 1 << 20, at = "/x" } } } }
--- assert(properties[1].judge(facts).answer == "yes")
--- facts.cgroup.effective.memory = nil
--- assert(properties[1].judge(facts).answer == "no")
--- ```
local judge = require "audit.judge"
local units = require "view.units"

local function limit(id, weight, without, cost, show)
  return {
    id = id,
    name = "limit of " .. id,
    weight = weight,
    remedy = ("%s in the container's limits, or cgroup_set (OCI: linux.resources.%s)"):format(
      id,
      id
    ),
    cost = cost,
    see = "cgroups(7)",
    judge = function(facts)
      local group, missing = judge.section(facts, "cgroup")
      if not group then
        return missing
      elseif not group.effective then
        return judge.unknown()
      end
      local found = group.effective[id]
      if not found then
        return judge.no("none: " .. without)
      end
      return judge.yes(show(found.limit))
    end,
  }
end

return {
  limit(
    "memory",
    4,
    "it can make the kernel end other processes",
    "it is ended at the limit",
    units.size
  ),
  limit("pids", 4, "a fork bomb takes the machine along", "forks fail at the limit", tostring),
  limit("cpu", 2, "it can use all processors", "it is slowed down at the limit", function(share)
    return ("%d%% of a processor"):format(math.floor(share * 100 + 0.5))
  end),
  {
    id = "core",
    name = "no core files",
    weight = 1,
    remedy = "rlimit { core = 0 } (OCI: process.rlimits)",
    cost = "crashes must be looked into otherwise",
    see = "core(5)",
    judge = function(facts)
      local limits, missing = judge.section(facts, "limits")
      if not limits then
        return missing
      end
      local core = limits.core
      if core and core.hard == 0 then
        return judge.yes "none, and it cannot ask for more"
      elseif core and core.soft == 0 then
        return judge.partly("none, until it raises its limit", 0.3)
      end
      return judge.no "a crash writes its memory to a file, or hands it to a program of the host"
    end,
  },
  {
    id = "dumpable",
    name = "memory is its own",
    weight = 1,
    remedy = "dumpable(false) before exec, or a file that only root reads",
    cost = "debuggers of the same user cannot look",
    see = "PR_SET_DUMPABLE(2const)",
    judge = function(facts)
      if facts.dumpable == nil then
        return judge.unknown "it tells only where the user is not root"
      end
      return facts.dumpable and judge.no "other processes of its user may trace it"
        or judge.yes "nobody but root may trace it"
    end,
  },
}
