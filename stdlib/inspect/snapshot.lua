--- One plain table of what exists at a moment: the processes, the namespaces they are in and whose
--- those are, what is mounted in each, how networks are wired, rights, filters, control groups.
---
--- Every picture is drawn from it, in a terminal and on a page, so a recorded one draws the same
--- anywhere, and JSON is for free. `read` takes one; `merge` joins several of the same run into
--- what existed while it ran.
---
--- ```lua
--- local snapshot = require "inspect.snapshot"
---
--- local child <close> = spawn({ unshare = { "user", "uts" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local found = snapshot.read { child.pid }
--- assert(found.processes[1].pid == child.pid)
--- assert(json_decode(json_encode(found)).version == snapshot.VERSION)
--- ```
local calls = require "inspect.calls"
local namespaces = require "inspect.namespaces"
local options = require "options"
local order = require "inspect.order"
local part = require "inspect.part"
local rights = require "inspect.rights"

local M = {}

-- Of the table's form; a program that reads one refuses what it does not know.
M.VERSION = 1

-- So many processes are read; a page or a terminal shows no more.
local MOST = 512

-- Without the lists of names, which take most of the time.
local FIELDS = {
  "name",
  "state",
  "ppid",
  "ns_pid",
  "uid",
  "gid",
  "threads",
  "cap_eff",
  "cap_prm",
  "cap_inh",
  "cap_bnd",
  "cap_amb",
  "seccomp",
  "seccomp_filters",
  "no_new_privs",
  "vm_rss",
}

local MODES = { [0] = "disabled", [1] = "strict", [2] = "filter" }

--- The words of command lines, which lie in the memory of processes that nobody trusts: one child
--- reads them all, and can be killed while it waits.
local function commands(list)
  local found = part.child({}, function()
    local answer = {}
    for _, pid in ipairs(list) do
      local text = try(read_file, ("/proc/%d/cmdline"):format(pid)) or ""
      answer[tostring(pid)] = text:sub(1, 4096):gsub("%z+$", ""):gsub("%z", " ")
    end
    return answer
  end)
  return part.known(found) or {}
end

local function memberships(pid)
  local rows = json_array {}
  for index, row in ipairs(part.known(part.read(proc_cgroup, pid)) or {}) do
    rows[index] = { controllers = json_array(row.controllers), path = row.path }
  end
  return rows
end

--- One process; nil where it has ended meanwhile.
local function process(pid)
  local status = part.known(part.read(proc_status, pid, { fields = FIELDS }))
  local stat = part.known(part.read(proc_stat, pid))
  if not status or not stat then
    return nil
  end
  local inside = status.ns_pid or { pid }
  return {
    pid = pid,
    ppid = stat.ppid,
    start = stat.starttime,
    inside = inside[#inside],
    pids = json_array(inside),
    name = status.name,
    state = status.state_name or status.state or stat.state,
    zombie = stat.state == "Z" or nil,
    threads = status.threads,
    memory = status.vm_rss and status.vm_rss * 1024 or nil,
    user = { uid = status.uid.effective, gid = status.gid.effective },
    capabilities = {
      effective = status.cap_eff,
      permitted = status.cap_prm,
      inheritable = status.cap_inh,
      bounding = status.cap_bnd,
      ambient = status.cap_amb,
    },
    seccomp = { mode = MODES[status.seccomp or 0], filters = status.seccomp_filters },
    no_new_privs = status.no_new_privs == 1,
    namespaces = part.read(proc_ns, pid),
    cgroups = memberships(pid),
  }
end

--- The targets and all that descends from them.
local function family(targets)
  local children, seen, list = {}, {}, {}
  for _, pid in ipairs(pids()) do
    local stat = part.known(part.read(proc_stat, pid))
    if stat then
      children[stat.ppid] = children[stat.ppid] or {}
      table.insert(children[stat.ppid], pid)
    end
  end
  local function add(pid)
    if not seen[pid] and #list < MOST then
      seen[pid] = true
      list[#list + 1] = pid
      for _, child in ipairs(children[pid] or {}) do
        add(child)
      end
    end
  end
  for _, pid in ipairs(targets) do
    add(pid)
  end
  return list
end

--- The host name of a uts namespace: asked by a child that enters it.
local function hostname(row)
  local spaces, own = row.namespaces, proc_ns()
  local join = { uts = row.pid }
  if spaces.user ~= own.user then
    join.user = row.pid
  end
  local found = part.child({ join = join }, function()
    return sysctl_get("kernel.hostname") or ""
  end)
  return type(found) == "string" and found or nil
end

--- What the kernel tells of a namespace beyond its number.
local function describe(space, row, detail)
  space.owner, space.owner_id = detail.user, detail.user and "user" .. detail.user
  space.owner_uid = detail.owner_uid
  space.parent, space.parent_id = detail.parent, detail.parent and space.kind .. detail.parent
  if space.kind == "uts" and not space.host then
    space.hostname = hostname(row)
  elseif space.kind == "user" and not space.host then
    local uids, gids =
      part.known(part.read(uid_map, row.pid)), part.known(part.read(gid_map, row.pid))
    space.ids = uids and { uid = json_array(uids), gid = json_array(gids or {}) } or nil
  end
end

--- The namespaces that processes are in, each once, with who is in it.
local function spaces_of(rows, reference)
  local list, by_key = json_array {}, {}
  for _, row in ipairs(rows) do
    local inodes, detail = part.known(row.namespaces) or {}, nil
    for _, known in ipairs(namespaces.KINDS) do
      local kind, inode = known.kind, inodes[known.kind]
      local space = inode and by_key[kind .. inode]
      if inode and not space then
        detail = detail or part.known(part.read(ns_list, row.pid)) or {}
        space = { id = kind .. inode, kind = kind, inode = inode, members = json_array {} }
        space.host = inode == reference.inodes[kind]
        describe(space, row, detail[kind] or {})
        by_key[kind .. inode] = space
        list[#list + 1] = space
      end
      if space then
        table.insert(space.members, row.pid)
      end
    end
  end
  return list
end

--- The first living process of each namespace of a kind, those of the host left out where there
--- are others.
local function one_of_each(spaces, kind, by_pid)
  local found, host = {}, nil
  for _, space in ipairs(spaces) do
    local row = space.kind == kind and by_pid[space.members[1]]
    if row and not row.zombie then
      if space.host then
        host = space
      else
        found[#found + 1] = space
      end
    end
  end
  return #found > 0 and found or { host }
end

local function mounts_of(spaces, by_pid)
  local list = json_array {}
  for _, space in ipairs(one_of_each(spaces, "mnt", by_pid)) do
    local pid = space.members[1]
    local entries = part.read(mountinfo, pid)
    local row = { id = space.id, inode = space.inode, host = space.host, pid = pid }
    if entries.unreadable then
      row.unreadable, row.hint = entries.unreadable, entries.hint
    else
      row.list = require("inspect.mounts").arrange(entries)
    end
    list[#list + 1] = row
  end
  return list
end

local function networks_of(spaces, by_pid)
  local list = json_array {}
  for _, space in ipairs(one_of_each(spaces, "net", by_pid)) do
    local found = part.read(require("inspect.network").read, space.members[1])
    found.id, found.inode, found.host = space.id, space.inode, space.host
    found.pid = space.members[1]
    list[#list + 1] = found
  end
  return list
end

--- The groups that processes are in, each once.
local function groups_of(rows)
  local list, by_key = json_array {}, {}
  for _, row in ipairs(rows) do
    local paths = {}
    for index, one in ipairs(row.cgroups) do
      paths[index] = one.path
    end
    local key = table.concat(paths, " ")
    local group = by_key[key]
    if not group and #paths > 0 and not row.zombie then
      group = part.read(require("inspect.cgroup").read, row.pid)
      group.key, group.members = key, json_array {}
      table.sort(paths, function(a, b)
        return #a > #b
      end)
      group.path = paths[1]
      by_key[key], list[#list + 1] = group, group
    end
    if group then
      table.insert(group.members, row.pid)
    end
  end
  return list
end

---@class inspect.SnapshotOptions
---@field subject? table what it is a snapshot of, for headings: { kind, name, … }
---@field parts? string[] only these of "mounts", "networks", "seccomp", "cgroups"; all

local PARTS = { mounts = mounts_of, networks = networks_of }

--- Takes a snapshot of processes and of all that descend from them.
---@param targets integer[] numbers of processes
---@param given? inspect.SnapshotOptions
---@return table
function M.read(targets, given)
  given = options.check("inspect.snapshot", given, { subject = "table", parts = "list" })
  options.expect("inspect.snapshot", "targets", targets, "list")
  local wanted = {}
  for _, name in ipairs(given.parts or { "mounts", "networks", "seccomp", "cgroups" }) do
    wanted[name] = true
  end
  local reference, rows, by_pid = namespaces.reference(), {}, {}
  for _, pid in ipairs(family(targets)) do
    rows[#rows + 1] = process(pid)
  end
  rows = order(rows)
  local numbers = {}
  for index, row in ipairs(rows) do
    by_pid[row.pid], numbers[index] = row, row.pid
  end
  local texts = commands(numbers)
  for _, row in ipairs(rows) do
    row.command = texts[tostring(row.pid)]
  end
  local answer = {
    version = M.VERSION,
    taken = clock("realtime"),
    kernel = sysctl_get("kernel.osrelease"),
    hostname = sysctl_get("kernel.hostname"),
    subject = given.subject,
    reference = reference,
    processes = rows,
    namespaces = spaces_of(rows, reference),
    rights = rights.words(),
  }
  for name, body in pairs(PARTS) do
    answer[name] = wanted[name] and body(answer.namespaces, by_pid) or json_array {}
  end
  answer.cgroups = wanted.cgroups and groups_of(rows) or json_array {}
  answer.seccomp = wanted.seccomp and calls.of(rows) or json_array {}
  return part.plain(answer)
end

--- Joins a later snapshot to an earlier one: what was there at either moment, as it was last seen.
---@param first? table changed, and answered; nil answers the second
---@param second table
---@return table
function M.merge(first, second)
  return first and require("inspect.merge")(first, second) or second
end

return M
