--- What a process in a box would try, and which layers of the box refuse it: the matrix of the red
--- team.
---
--- A layer is told from what the kernel says of the process: `cap`, a capability that is missing;
--- `seccomp`, a filter that does not let the call through; `mount`, what is read-only, masked or
--- nosuid; `nnp`, no_new_privs; `ns`, a namespace in which the victim does not exist; `user`, an
--- ordinary user where the file is root's.
---
--- ```lua
--- local attacks = require "lab.ex3.attacks"
---
--- assert(attacks.NAMES[1] == "chroot" and attacks.WHAT.chroot)
--- ```
local grid = require "view.table"
local options = require "options"

local M = {}

M.NAMES = { "chroot", "mknod", "mount", "setuid", "ptrace", "keyctl", "userns", "sysctl" }

M.LAYERS = { "cap", "seccomp", "mount", "nnp", "ns", "user" }

M.WHAT = {
  chroot = "chroot out of a chroot",
  mknod = "make a device node of the host's disk",
  mount = "mount something over what protects",
  setuid = "become root by a set-user-ID program",
  ptrace = "look into a process of the host",
  keyctl = "read keys of the host's keyrings",
  userns = "get every capability in a user namespace of its own",
  sysctl = "set what the host runs when a program crashes (core_pattern), or press its SysRq",
}

-- The capability that an attack needs, and the calls of which it needs one.
local CAPS = { chroot = "sys_chroot", mknod = "mknod", mount = "sys_admin" }
local CALLS = {
  chroot = { "chroot" },
  mknod = { "mknod", "mknodat" },
  mount = { "mount", "fsmount", "move_mount" },
  ptrace = { "ptrace", "process_vm_readv", "process_vm_writev" },
  keyctl = { "keyctl", "add_key", "request_key" },
  userns = { "unshare" },
}

local SYSCTLS = { "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger" }

local function lists(list, word)
  for _, other in ipairs(list or {}) do
    if other == word then
      return true
    end
  end
  return false
end

--- The calls that filters refuse whatever their arguments; none where there is no filter.
local function refused_calls(pid, status)
  local refused = {}
  if status.seccomp ~= 2 then
    return refused
  end
  for _, row in ipairs(seccomp_map(pid).calls) do
    local open = false
    for _, answer in ipairs(row.answers) do
      open = open or answer.action == "allow" or answer.action == "log"
    end
    refused[row.name] = not open
  end
  return refused
end

local function all_refused(names, refused)
  for _, name in ipairs(names) do
    -- A call that this architecture does not have is in no list.
    if refused[name] == false then
      return false
    end
  end
  return next(refused) ~= nil
end

--- The mount that a path is on.
local function mount_of(mounts, path)
  local found
  for _, row in ipairs(mounts) do
    local at = row.mount_point
    local below = at == "/" or path == at or path:sub(1, #at + 1) == at .. "/"
    if below and (not found or #at >= #found.mount_point) then
      found = row
    end
  end
  return found
end

local function sysctl_by_mount(mounts)
  for _, path in ipairs(SYSCTLS) do
    local row = stat(path) and mount_of(mounts, path)
    local covered = row and (row.fs_type ~= "proc" or lists(row.mount_options, "ro"))
    if stat(path) and not covered then
      return false
    end
  end
  return true
end

local function all_nosuid(mounts)
  for _, row in ipairs(mounts) do
    if not lists(row.mount_options, "nosuid") and row.fs_type ~= "proc" then
      local device = row.fs_type == "devtmpfs" or row.mount_point:find("^/proc/") ~= nil
      if not device then
        return false
      end
    end
  end
  return #mounts > 0
end

--- Which layers refuse which attack.
---@param pid integer a process in the box
---@return table<string, table<string, boolean>> by attack, by layer
function M.matrix(pid)
  local status, mounts = proc_status(pid), try(mountinfo, pid)
  if not status or not mounts then
    options.fail(
      "lab.ex3.attacks",
      ("the process %d does not run"):format(pid),
      "see ps -p " .. pid
    )
  end
  local refused = refused_calls(pid, status)
  local found = {}
  for _, name in ipairs(M.NAMES) do
    local layers = {}
    if CAPS[name] then
      local bounded = lists(status.cap_bnd_names, CAPS[name])
      layers.cap = not bounded and not lists(status.cap_prm_names, CAPS[name]) or nil
    end
    if CALLS[name] then
      layers.seccomp = all_refused(CALLS[name], refused) or nil
    end
    found[name] = layers
  end
  found.setuid.nnp = status.no_new_privs == 1 or nil
  found.setuid.cap = #status.cap_bnd_names == 0 or nil
  found.setuid.mount = all_nosuid(mounts) or nil
  found.ptrace.ns = (proc_ns(pid) or {}).pid ~= proc_ns().pid or nil
  found.sysctl.mount = sysctl_by_mount(mounts) or nil
  found.sysctl.user = status.uid.effective ~= 0 and #status.cap_prm_names == 0 or nil
  return found
end

--- The layers of an attack, in the order of `LAYERS`.
---@param layers table<string, boolean>
---@return string[]
function M.words(layers)
  local words = {}
  for _, layer in ipairs(M.LAYERS) do
    words[#words + 1] = layers[layer] and layer or nil
  end
  return words
end

--- Prints the matrix of a process.
---@param pid integer
function M.print(pid)
  local matrix, rows = M.matrix(pid), {}
  for index, name in ipairs(M.NAMES) do
    local row = { name }
    for _, layer in ipairs(M.LAYERS) do
      row[#row + 1] = matrix[name][layer] and "refuses" or "·"
    end
    row[#row + 1] = M.WHAT[name]
    rows[index] = row
  end
  local columns = { { title = "ATTACK" } }
  for _, layer in ipairs(M.LAYERS) do
    columns[#columns + 1] = { title = layer:upper() }
  end
  columns[#columns + 1] = { title = "WHAT" }
  for index, column in ipairs(columns) do
    column.key = index
  end
  grid.print(rows, { columns = columns })
end

return M
