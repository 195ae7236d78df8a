--- Which namespaces a process is in, whose they are, and which it shares: with the host, and with
--- another process. Two processes are in the same namespace where the inode numbers are equal
--- (namespaces(7)).
---
--- ```lua
--- local namespaces = require "inspect.namespaces"
---
--- local child <close> = spawn({ unshare = { "user", "uts" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local found = namespaces.read(child.pid, namespaces.reference())
--- assert(found.uts.shared == false and found.net.shared == true)
--- ```
local part = require "inspect.part"

local M = {}

--- All kinds, and what each of them holds apart.
M.KINDS = {
  { kind = "cgroup", holds = "what it sees as the root of the control groups" },
  { kind = "ipc", holds = "System V queues and shared memory, POSIX queues" },
  { kind = "mnt", holds = "which file systems are mounted where" },
  { kind = "net", holds = "network devices, addresses, routes, ports" },
  { kind = "pid", holds = "process numbers, and which processes it sees" },
  { kind = "time", holds = "the boot and monotonic clocks" },
  { kind = "user", holds = "user and group numbers, and what root may" },
  { kind = "uts", holds = "the host name" },
}

---@class inspect.Reference
---@field who "init"|"self" whose namespaces count as the host's
---@field pid integer
---@field inodes table<string, integer>

--- Whose namespaces count as the host's: those of the first process, and of this one where the
--- first is not open to this user.
---@return inspect.Reference
function M.reference()
  local init = part.known(part.read(proc_ns, 1))
  if init then
    return { who = "init", pid = 1, inodes = init }
  end
  return { who = "self", pid = proc_stat().pid, inodes = proc_ns() }
end

--- A row a kind: `{ inode, shared, host, owner_uid, user, parent, for_children }`; `shared` is
--- whether the host has the same, and nil where there is no host to compare with (a recorded tree);
--- `for_children` is there where children will be in another, "empty" where none has been yet.
---@param pid integer
---@param reference? inspect.Reference
---@param from? table where the readers read
---@return table
function M.read(pid, reference, from)
  local inodes = proc_ns(pid, from)
  if not inodes then
    return part.unreadable("ESRCH")
  end
  -- Who made it, and what lies above: asked of the kernel, so not of a recorded tree.
  local detail = not from and part.known(part.read(ns_list, pid)) or {}
  local rows = {}
  for _, known in ipairs(M.KINDS) do
    local kind = known.kind
    if inodes[kind] then
      local row = detail[kind] or {}
      row.inode = inodes[kind]
      if reference then
        row.host = reference.inodes[kind]
        row.shared = row.inode == row.host
      end
      local coming = inodes[kind .. "_for_children"]
      row.for_children = coming ~= row.inode and coming or nil
      if kind == "pid" and not coming and inodes.time_for_children then
        -- One that has no first process yet has no name in /proc either.
        row.for_children = "empty"
      end
      rows[kind] = row
    end
  end
  return rows
end

--- The kinds of namespaces that a process of a snapshot does not share with the host.
---@param row table
---@param reference? inspect.Reference
---@return string[]
function M.own_kinds(row, reference)
  local out, host = {}, reference and reference.inodes or {}
  local own = part.known(row.namespaces) or {}
  for _, known in ipairs(M.KINDS) do
    local kind = known.kind
    out[#out + 1] = own[kind] and host[kind] and own[kind] ~= host[kind] and kind or nil
  end
  return out
end

--- Two processes side by side: `{ pids, kinds, same, different }`; a row of kinds is
--- `{ kind, first, second, same }`.
---@param first integer
---@param second integer
---@return table
function M.compare(first, second)
  local a, b = proc_ns(first), proc_ns(second)
  local answer = {
    pids = { first, second },
    kinds = json_array {},
    same = json_array {},
    different = json_array {},
  }
  for _, known in ipairs(M.KINDS) do
    local kind = known.kind
    if a and b and a[kind] and b[kind] then
      local same = a[kind] == b[kind]
      table.insert(answer.kinds, { kind = kind, first = a[kind], second = b[kind], same = same })
      table.insert(same and answer.same or answer.different, kind)
    end
  end
  return answer
end

return M
