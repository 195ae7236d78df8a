--- What a process may do: user, capabilities by set, system call filters, no_new_privs, the labels
--- of security modules, resource limits.
---
--- ```lua
--- local security = require "inspect.security"
---
--- local found = security.read(proc_stat().pid)
--- assert(found.seccomp.mode and found.capabilities.effective.mask)
--- ```
local part = require "inspect.part"

local M = {}

local SETS = {
  { name = "effective", field = "cap_eff" },
  { name = "permitted", field = "cap_prm" },
  { name = "inheritable", field = "cap_inh" },
  { name = "bounding", field = "cap_bnd" },
  { name = "ambient", field = "cap_amb" },
}

local MODES = { [0] = "disabled", [1] = "strict", [2] = "filter" }

--- Whether a mask has every bit that another has.
local function has_all(mask, other)
  local a, b = tonumber(mask, 16), tonumber(other, 16)
  return a & b == b
end

local function capabilities(status)
  local answer = {}
  for _, set in ipairs(SETS) do
    answer[set.name] = {
      mask = status[set.field],
      names = json_array(status[set.field .. "_names"] or {}),
    }
  end
  return answer
end

--- `{ user, capabilities, full_bounding, seccomp, no_new_privs, lsm, userns_root }`.
--- `full_bounding` is whether the bounding set has all that this program's own has.
---@param pid integer
---@param from? table where the readers read
---@return table
function M.read(pid, from)
  local status = proc_status(pid, from)
  if not status then
    return part.unreadable("ESRCH")
  end
  local own = proc_status()
  local answer = {
    user = { uid = status.uid, gid = status.gid, groups = json_array(status.groups) },
    capabilities = capabilities(status),
    seccomp = { mode = MODES[status.seccomp or 0], filters = status.seccomp_filters },
    no_new_privs = status.no_new_privs == 1,
    umask = status.umask,
  }
  if status.cap_bnd and own.cap_bnd then
    answer.full_bounding = has_all(status.cap_bnd, own.cap_bnd) and #own.cap_bnd_names > 0
  end
  if not from then
    answer.lsm = part.read(lsm_status, pid)
    answer.actions_logged = part.known(part.read(sysctl_get, "kernel.seccomp.actions_logged"))
  end
  return answer
end

--- `{ uid, gid, setgroups }`: how the ids of the process's user namespace map to those here.
---@param pid integer
---@param from? table where the readers read
---@return table
function M.ids(pid, from)
  local uids, gids = uid_map(pid, from), gid_map(pid, from)
  if not uids or not gids then
    return part.unreadable("ESRCH")
  end
  local answer = { uid = json_array(uids), gid = json_array(gids) }
  if not from then
    local text = part.known(part.read(read_file, ("/proc/%d/setgroups"):format(pid)))
    answer.setgroups = text and text:match("%a+")
  end
  return answer
end

--- Resource limits as `proc_limits` has them.
---@param pid integer
---@param from? table where the readers read
---@return table
function M.limits(pid, from)
  return proc_limits(pid, from) or part.unreadable("ESRCH")
end

return M
