--- Faults of control groups: limits that were reached, limits that cannot be set, and none at all.
---
--- ```lua
--- local rules = require "inspect.findings.cgroup"
---
--- assert(rules[1].id == "oom-kill")
--- ```
local units = require "view.units"

local function usage(facts, kind)
  local found = facts.cgroup.usage
  return type(found) == "table" and not found.unreadable and found[kind] or {}
end

local function event(facts, kind, name)
  local found = facts.cgroup.events and facts.cgroup.events[kind]
  return found and found[name] or 0
end

--- Whether the group is one of its own: what the root group counts is the machine's.
local function own_group(facts)
  local deep = false
  for _, row in ipairs(facts.cgroup.memberships) do
    deep = deep or row.path ~= "/"
  end
  return deep
end

local function limit_of(facts, kind)
  return facts.cgroup.effective[kind]
end

return {
  {
    id = "oom-kill",
    level = "error",
    needs = { "cgroup" },
    see = "cgroups(7), memory.events",
    why = "the kernel ends a process of the group when the limit leaves no other way: a SIGKILL, "
      .. "without a word in the program's own log",
    remedy = "raise memory, or find what takes it (cgroup:stats().memory); dmesg names the process",
    find = function(facts)
      local count = event(facts, "memory", "oom_kill")
      if own_group(facts) and count > 0 then
        local limit = limit_of(facts, "memory")
        local text = "%d processes of the group were killed for memory%s"
        return text:format(count, limit and " (limit " .. units.size(limit.limit) .. ")" or "")
      end
    end,
  },
  {
    id = "memory-limit",
    level = "warning",
    needs = { "cgroup" },
    see = "cgroups(7), memory.events",
    why = "before it kills, the kernel takes pages back again and again: everything gets slow",
    remedy = "raise memory (cgroup:set), or let the program take less",
    find = function(facts)
      local limit = limit_of(facts, "memory")
      local used = usage(facts, "memory").usage
      if not limit or not own_group(facts) then
        return nil
      end
      local hits = math.max(event(facts, "memory", "max"), usage(facts, "memory").failcnt or 0)
      if used and used >= limit.limit * 0.9 then
        return ("%s of %s of memory are taken"):format(units.size(used), units.size(limit.limit))
      elseif hits > 0 then
        local text = "it met its memory limit of %s %d times"
        return { what = text:format(units.size(limit.limit), hits), level = "note" }
      end
    end,
  },
  {
    id = "pids-limit",
    level = "error",
    needs = { "cgroup" },
    see = "cgroups(7), pids.max",
    why = 'fork and clone answer EAGAIN: shells say "Resource temporarily unavailable"',
    remedy = "raise pids, or find what starts so many; threads count too",
    find = function(facts)
      local limit = limit_of(facts, "pids")
      local current = usage(facts, "pids").current
      local hits = event(facts, "pids", "max")
      if not limit or not own_group(facts) then
        return nil
      elseif hits > 0 then
        return ("%d forks failed at the limit of %d processes"):format(hits, limit.limit)
      elseif current and current >= limit.limit then
        return ("all %d processes that it may have are taken"):format(limit.limit)
      end
    end,
  },
  {
    id = "cpu-throttled",
    level = "warning",
    needs = { "cgroup" },
    see = "cgroups(7), cpu.stat",
    why = "when the quota of a period is used up, all threads stand still until the next: answers "
      .. "come late though the machine is idle",
    remedy = "raise cpu, or use cpu_weight, which only counts when processors are short",
    find = function(facts)
      local cpu = usage(facts, "cpu")
      local periods, throttled = cpu.nr_periods or 0, cpu.nr_throttled or 0
      if own_group(facts) and throttled >= 5 and throttled > periods * 0.1 then
        local text = "it was stopped in %d of %d periods, for %s together"
        return text:format(throttled, periods, units.time((cpu.throttled_usec or 0) / 1e6))
      end
    end,
  },
  {
    id = "frozen",
    level = "warning",
    needs = { "cgroup" },
    see = "cgroups(7), cgroup.freeze",
    why = "nothing in it runs, and signals other than SIGKILL wait",
    remedy = "cgroup:thaw(), or the engine's unpause",
    find = function(facts)
      if facts.cgroup.events and facts.cgroup.events.frozen == true then
        return "its control group is frozen"
      end
    end,
  },
  {
    id = "controller-off",
    level = "warning",
    needs = { "cgroup" },
    see = "cgroups(7), cgroup.subtree_control",
    why = "the group has none of the controller's files: a limit cannot be set (ENOENT)",
    remedy = "write +CONTROLLER to cgroup.subtree_control of that group and of all above it; below "
      .. "systemd ask for Delegate=yes",
    find = function(facts)
      local unified = facts.contained and facts.cgroup.unified
      if not unified or unified.root then
        return nil
      end
      local found = {}
      for _, controller in ipairs { "memory", "pids", "cpu" } do
        local at = unified.missing[controller]
        if at then
          found[#found + 1] = ("%s (not in %s/cgroup.subtree_control)"):format(controller, at)
        end
      end
      if #found > 0 then
        -- Without shares of the processor a container is poorer; without the others the host is.
        local is_poor = unified.missing.memory or unified.missing.pids
        return {
          what = "its group lacks controllers: " .. table.concat(found, ", "),
          level = not is_poor and "note" or nil,
        }
      end
    end,
  },
  {
    id = "inner-node",
    level = "warning",
    needs = { "cgroup" },
    see = "cgroups(7), no internal processes",
    why = "a version 2 group with processes cannot hand controllers to the groups below it: "
      .. "writing cgroup.subtree_control is EBUSY, and their limits cannot be set",
    remedy = "move the processes into a group of their own below (a leaf), then enable controllers",
    find = function(facts)
      local unified = facts.cgroup.unified
      if unified and not unified.root and unified.members > 0 and #unified.children > 0 then
        if #unified.subtree_control == 0 and unified.type ~= "threaded" then
          local text = "%s has %d processes and the groups below it: %s"
          return text:format(
            unified.dir,
            unified.members,
            table.concat(unified.children, ", ", 1, math.min(#unified.children, 5))
          )
        end
      end
    end,
  },
  {
    id = "no-limits",
    level = "note",
    needs = { "cgroup" },
    see = "cgroups(7)",
    why = "one container can take the whole machine: its memory, or all process numbers",
    remedy = 'cgroup_set(NAME, { memory = "512M", pids = 256 }) and spawn { cgroup = … }',
    find = function(facts)
      local missing = {}
      for _, kind in ipairs(facts.contained and { "memory", "pids" } or {}) do
        if not limit_of(facts, kind) then
          missing[#missing + 1] = kind
        end
      end
      if #missing > 0 then
        return "no limit of " .. table.concat(missing, " and ")
      end
    end,
  },
}
