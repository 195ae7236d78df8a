--- Ten points for a box: each is something that the kernel says of one of its processes.
---
--- ```lua
--- local score = require "lab.ex3.score"
---
--- local points, rows = score.of(proc_stat().pid)
--- assert(points <= #rows and #rows == 10)
--- score.print(proc_stat().pid)
--- ```
local grid = require "view.table"
local options = require "options"

local M = {}

-- What tells of the host, and what a profile hides; a kernel has some of them.
local TELLING = { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi" }

local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "uts" }

-- Docker's default has as many.
local FEW = 14

local function mount_at(mounts, path)
  local found
  for _, row in ipairs(mounts) do
    found = row.mount_point == path and row or found
  end
  return found
end

local function lists(list, word)
  for _, other in ipairs(list or {}) do
    if other == word then
      return true
    end
  end
  return false
end

local function readonly(mounts, path)
  local row = mount_at(mounts, path)
  return row ~= nil and lists(row.mount_options, "ro")
end

--- Whether what is mounted at "/" is another file system, or another part of one, than ours.
local function own_root(mounts)
  local theirs, mine = mount_at(mounts, "/"), mount_at(mountinfo(), "/")
  if not theirs or not mine then
    return false
  end
  return theirs.major ~= mine.major or theirs.minor ~= mine.minor or theirs.root ~= mine.root
end

local function namespaces(pid)
  local mine, theirs = proc_ns(), proc_ns(pid) or {}
  for _, kind in ipairs(KINDS) do
    if theirs[kind] == mine[kind] then
      return false
    end
  end
  return true
end

local function masked(mounts)
  for _, path in ipairs(TELLING) do
    if stat(path) then
      return mount_at(mounts, path) ~= nil
    end
  end
  return true
end

---@class lab.Point
---@field name string
---@field holds boolean
---@field see string

--- The points of a process.
---@param pid integer
---@return integer points
---@return lab.Point[] rows
function M.of(pid)
  local status, mounts = proc_status(pid), try(mountinfo, pid)
  if not status or not mounts then
    options.fail("lab.ex3.score", ("the process %d does not run"):format(pid), "see ps -p " .. pid)
  end
  local rows, points = {}, 0
  local function row(name, holds, see)
    rows[#rows + 1] = { name = name, holds = holds and true or false, see = see:gsub("PID", pid) }
    points = points + (holds and 1 or 0)
  end
  local bounding, permitted = status.cap_bnd_names, status.cap_prm_names
  local of_status = "grep -E 'Uid|Cap|NoNewPrivs|Seccomp' /proc/PID/status"
  row("it is not root on the host", status.uid.effective ~= 0, of_status)
  local few = #bounding <= FEW and not lists(bounding, "sys_admin")
  row("no more capabilities than Docker's default", few, of_status)
  row("no capability at all", #bounding + #permitted == 0, of_status)
  row("no_new_privs", status.no_new_privs == 1, of_status)
  row("a seccomp filter", status.seccomp == 2, of_status)
  row("six namespaces of its own", namespaces(pid), "ls -l /proc/PID/ns")
  row("a root of its own, no chroot", own_root(mounts), "grep ' / ' /proc/PID/mountinfo")
  row("a read-only root", readonly(mounts, "/"), "grep ' / ' /proc/PID/mountinfo")
  row(
    "/proc/sys cannot be written",
    readonly(mounts, "/proc/sys"),
    "grep /proc /proc/PID/mountinfo"
  )
  row("what tells of the host is masked", masked(mounts), "grep /proc /proc/PID/mountinfo")
  return points, rows
end

--- The names of the points that a process does not have.
---@param rows lab.Point[]
---@return string[]
function M.lacking(rows)
  local names = {}
  for _, row in ipairs(rows) do
    names[#names + 1] = not row.holds and row.name or nil
  end
  return names
end

--- Prints the points of a process as a table.
---@param pid integer
function M.print(pid)
  local points, rows = M.of(pid)
  local shown = {}
  for index, row in ipairs(rows) do
    shown[index] = { row.holds and "✓" or "✗", row.name, row.see }
  end
  grid.print(shown, { columns = { {}, {}, {} }, header = false })
  print(("%d of %d"):format(points, #rows))
end

return M
