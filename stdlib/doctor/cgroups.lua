--- Control groups: the layout, and which limits this user may set. Nothing is made here; whether a
--- group can be made is a question of who owns the directories.
---
--- ```lua
--- local rows = {}
--- require "doctor.cgroups"(function(row) rows[#rows + 1] = row end)
--- assert(rows[1].name == "layout")
--- ```
local WANTED = {
  { name = "memory", meaning = "limits of memory, and kills where they are passed" },
  { name = "pids", meaning = "limits of processes: no fork bombs" },
  { name = "cpu", meaning = "shares and quotas of the processors" },
  { name = "cpuset", meaning = "which processors" },
  { name = "io", meaning = "limits and shares of disks" },
  { name = "devices", meaning = "which device nodes work" },
}

local REMEDY_USER = "systemd-run --user --scope -p Delegate=yes crun-lua …; for cpu and io also "
  .. "Delegate= in user@.service (systemd.resource-control(5))"
local REMEDY_ROOT = "mount the hierarchy, or have the group above hand the controller down "
  .. "(cgroup.subtree_control)"

---@param add fun(row: doctor.Row)
return function(add)
  local layout, err = try(cgroup_layout)
  local kind = layout and layout.kind or "none"
  add {
    name = "layout",
    ok = kind ~= "none",
    found = kind,
    meaning = kind == "v2" and "one tree for all controllers"
      or "limits, counters, freezing; version 2 also delegates to users",
    reason = kind == "none" and (err and err.message or "no hierarchy is mounted") or nil,
    remedy = "mount -t cgroup2 cgroup2 /sys/fs/cgroup, or run this where it is mounted",
  }
  local may = {}
  for _, controller in ipairs(try(cgroup_may) or {}) do
    may[controller] = true
  end
  local is_root = proc_status().uid.effective == 0
  for _, wanted in ipairs(WANTED) do
    add {
      name = wanted.name,
      ok = may[wanted.name] == true,
      meaning = wanted.meaning,
      reason = not may[wanted.name] and "this user may not set it below its own group" or nil,
      remedy = is_root and REMEDY_ROOT or REMEDY_USER,
    }
  end
  local pressure = try(stat, "/proc/pressure/memory") ~= nil
  add {
    name = "pressure",
    ok = pressure,
    meaning = "how long work waited for memory, processors, disks (PSI)",
    reason = not pressure and "there is no /proc/pressure" or nil,
    remedy = "boot with psi=1",
  }
end
