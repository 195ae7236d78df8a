--- Which processes live in the pid namespace of a process, as a tree, with the numbers that they
--- have here and inside.
---
--- ```lua
--- local processes = require "inspect.processes"
---
--- local child <close> = spawn({ unshare = { "user", "pid" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local found = processes.read(child.pid)
--- assert(found.init == child.pid and found.list[1].inside == 1)
--- ```
local part = require "inspect.part"

local M = {}

local MOST = 4096

--- One process, short.
local function row(status, level)
  return {
    pid = status.pid,
    ppid = status.ppid,
    inside = status.ns_pid and status.ns_pid[level],
    pids = status.ns_pid,
    name = status.name,
    state = status.state_name or status.state,
    threads = status.threads,
    zombie = status.state == "Z" or nil,
  }
end

--- Every process that is visible from here, by number.
local function all(from)
  local found = {}
  for _, pid in ipairs(pids(from)) do
    local status = part.known(part.read(proc_status, pid, from))
    if status then
      found[pid] = status
    end
  end
  return found
end

--- The numbers of those that are in the namespace, or in one below it. Of another user's processes
--- the namespace cannot be read; there the depth tells, when the parent is a member.
local function members(found, inode, level, from)
  local is_member = {}
  local function judge(pid)
    if is_member[pid] == nil and found[pid] then
      is_member[pid] = false
      local spaces = part.known(part.read(proc_ns, pid, from))
      local depth = found[pid].ns_pid and #found[pid].ns_pid or 1
      local ppid = found[pid].ppid
      if spaces then
        is_member[pid] = spaces.pid == inode or depth > level and judge(ppid) or false
      else
        is_member[pid] = depth >= level and judge(ppid) or false
      end
    end
    return is_member[pid]
  end
  for pid in pairs(found) do
    judge(pid)
  end
  return is_member
end

--- The members in the order of the tree: parents before children, by number.
local function in_order(found, is_member, level)
  local children, tops = {}, {}
  for pid, status in pairs(found) do
    if is_member[pid] then
      local above = is_member[status.ppid] and status.ppid
      local list = above and (children[above] or {}) or tops
      list[#list + 1] = pid
      if above then
        children[above] = list
      end
    end
  end
  local list = json_array {}
  local function add(pid, depth)
    if #list < MOST then
      local one = row(found[pid], level)
      one.depth = depth
      list[#list + 1] = one
    end
    table.sort(children[pid] or {})
    for _, child in ipairs(children[pid] or {}) do
      add(child, depth + 1)
    end
  end
  table.sort(tops)
  for _, pid in ipairs(tops) do
    add(pid, 0)
  end
  return list
end

--- The process and what descends from it: what is shown where it has the host's pid namespace.
local function descendants(found, pid)
  local is_member = { [pid] = true }
  local function judge(one)
    if is_member[one] == nil then
      is_member[one] = false
      is_member[one] = found[one] ~= nil and judge(found[one].ppid) or false
    end
    return is_member[one]
  end
  for one in pairs(found) do
    judge(one)
  end
  return is_member
end

--- `{ list, init, level, whole }`: `init` is the number here of the namespace's first process,
--- `level` how deep the namespace lies, `whole` whether the list is all of the namespace.
---@param pid integer
---@param shared? boolean the pid namespace is the host's: only the process and its children
---@param from? table where the readers read
---@return table
function M.read(pid, shared, from)
  local found = all(from)
  local own = found[pid]
  if not own then
    return part.unreadable("ESRCH")
  end
  local level = own.ns_pid and #own.ns_pid or 1
  local spaces = part.known(part.read(proc_ns, pid, from))
  local is_member
  if shared or not spaces then
    is_member = descendants(found, pid)
  else
    is_member = members(found, spaces.pid, level, from)
  end
  local answer = {
    list = in_order(found, is_member, level),
    level = level,
    whole = not shared and spaces ~= nil,
  }
  for _, one in ipairs(answer.list) do
    if one.inside == 1 and #one.pids == level then
      answer.init = one.pid
      local signals = found[one.pid]
      answer.init_signals = {
        ignored = signals.sig_ign_names,
        caught = signals.sig_cgt_names,
        blocked = signals.sig_blk_names,
      }
    end
  end
  return answer
end

--- Of the zombies in the list those that are still there: one that its parent was about to collect
--- is no fault. How each has ended is told where the kernel lets this user know.
---@param facts table what `read` answered
---@param from? table where the readers read
function M.settle_zombies(facts, from)
  for _, one in ipairs(facts.list) do
    if one.zombie then
      local now = part.known(part.read(proc_stat, one.pid, from))
      one.zombie = now and now.state == "Z" or nil
      if one.zombie and now.exit_code > 0 then
        one.exit = { signal = now.exit_code & 127, code = now.exit_code >> 8 }
      end
    end
  end
end

return M
