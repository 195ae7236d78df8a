--- What a process sees mounted: what lies over what, what is hidden, masked, read-only, shared with
--- the host; and whether its /proc is that of its own pid namespace.
---
--- ```lua
--- local mounts = require "inspect.mounts"
---
--- local list = mounts.arrange(mountinfo())
--- assert(mounts.top(list, "/proc/self/status").type == "proc")
--- assert(not mounts.top(list, "/").hidden)
--- ```
local part = require "inspect.part"

local M = {}

-- What every runtime hides of /proc; sysrq-trigger is only write-protected.
M.SECRET = { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sysrq-trigger" }

local ATTRIBUTES = { ro = true, nosuid = true, nodev = true, noexec = true, nosymfollow = true }

--- The directories above a path, from "/" on, as they begin it: "/a/b" has "/" and "/a/".
local function is_below(path, above)
  return above == "/" or path == above or path:sub(1, #above + 1) == above .. "/"
end

local function propagation(entry)
  local words = {}
  if entry.shared then
    words[#words + 1] = "shared:" .. entry.shared
  end
  if entry.master then
    words[#words + 1] = "slave:" .. entry.master
  end
  if entry.unbindable then
    words[#words + 1] = "unbindable"
  end
  return #words > 0 and table.concat(words, " ") or "private"
end

--- Whether the mount is there to hide something of the kernel's: an empty read-only directory, or
--- the null device over a file, as every runtime does it.
local function is_mask(entry)
  local point = entry.mount_point
  if not (point:find("^/proc/.") or point:find("^/sys/.")) then
    return false
  end
  local null = entry.root:match("([^/]*)$") == "null" and entry.fs_type:find("tmpfs")
  local flags = "," .. table.concat(entry.mount_options, ",") .. ","
  -- Version 1 of the control groups has its hierarchies in such a directory.
  local readonly = flags:find(",ro,", 1, true) and point ~= "/sys/fs/cgroup"
  local empty = entry.fs_type == "tmpfs"
    and (entry.super_options:find("nr_inodes=[12],") or entry.super_options:find("^ro") or readonly)
  return (null or empty) and true or false
end

local function row(entry)
  local attributes, readonly = json_array {}, entry.super_options:find("^ro%f[%W]") ~= nil
  for _, word in ipairs(entry.mount_options) do
    if ATTRIBUTES[word] then
      attributes[#attributes + 1] = word
      readonly = readonly or word == "ro"
    end
  end
  return {
    id = entry.mount_id,
    parent = entry.parent_id,
    point = entry.mount_point,
    type = entry.fs_type,
    source = entry.source,
    root = entry.root,
    device = ("%d:%d"):format(entry.major, entry.minor),
    attributes = attributes,
    readonly = readonly,
    options = entry.super_options,
    propagation = propagation(entry),
    peers = entry.shared,
    masked = is_mask(entry) or nil,
  }
end

--- Says of each mount what covers it. A mount at the same point, whose parent it is, lies over it;
--- a later one on a directory above hides it; and what is mounted on a hidden one is hidden too.
local function hide(list)
  local by_id, below = {}, {}
  for _, one in ipairs(list) do
    by_id[one.id] = one
    below[one.parent] = below[one.parent] or {}
    table.insert(below[one.parent], one)
  end
  for _, one in ipairs(list) do
    for _, child in ipairs(below[one.id] or {}) do
      if child.point == one.point and child ~= one then
        one.covered_by, child.over = child.id, one.id
      end
    end
    for _, other in ipairs(below[one.parent] or {}) do
      if other ~= one and other.point ~= one.point and is_below(one.point, other.point) then
        one.covered_by = one.covered_by or other.id
      end
    end
  end
  local function judge(one, depth)
    if one.hidden == nil then
      one.hidden = one.covered_by ~= nil
      local above = by_id[one.parent]
      if not one.hidden and above and above ~= one and depth < 64 then
        one.hidden = judge(above, depth + 1) and above.point ~= one.point
          or (above.hidden and above.covered_by ~= one.id)
      end
    end
    return one.hidden
  end
  for _, one in ipairs(list) do
    judge(one, 0)
  end
end

--- The rows of `mountinfo` as a list with what lies over what.
---@param entries table[]
---@return table[]
function M.arrange(entries)
  local list = json_array {}
  for index, entry in ipairs(entries) do
    list[index] = row(entry)
  end
  hide(list)
  return list
end

--- The mount that a path lies on.
---@param list table[]
---@param path string
---@return table?
function M.top(list, path)
  local best
  for _, one in ipairs(list) do
    if not one.hidden and is_below(path, one.point) and (not best or #one.point >= #best.point) then
      best = one
    end
  end
  return best
end

--- The mounts as a tree: each with its `depth`, parents before children, by path. What is hidden is
--- left out, and counted.
---@param list table[] what `arrange` answered
---@return { mount: table, depth: integer, last: boolean, above: boolean[] }[] rows `above` tells of
--- each level whether the branch goes on below
---@return integer hidden
function M.tree(list)
  local by_id, below, tops, hidden = {}, {}, {}, 0
  for _, one in ipairs(list) do
    by_id[one.id] = one
    hidden = hidden + (one.hidden and 1 or 0)
  end
  --- What a mount is seen below: what lies over a hidden one stands in its place.
  local function seen_above(one)
    for _ = 1, 64 do
      local above = one.parent ~= one.id and by_id[one.parent]
      if not above or not above.hidden then
        return above
      end
      one = above
    end
  end
  for _, one in ipairs(list) do
    local above = not one.hidden and seen_above(one)
    if above then
      below[above.id] = below[above.id] or {}
      table.insert(below[above.id], one)
    elseif not one.hidden then
      tops[#tops + 1] = one
    end
  end
  local rows = {}
  -- A list of its own in place of the stack: mounts can lie deeper than Lua's calls.
  local open = { { list = tops, next = 1, above = {} } }
  local function by_path(a, b)
    return a.point == b.point and a.id < b.id or a.point < b.point
  end
  table.sort(tops, by_path)
  while #open > 0 do
    local level = open[#open]
    local one = level.list[level.next]
    if not one then
      open[#open] = nil
    else
      level.next = level.next + 1
      local last = level.list[level.next] == nil
      rows[#rows + 1] = { mount = one, depth = #open - 1, last = last, above = level.above }
      if below[one.id] then
        table.sort(below[one.id], by_path)
        -- Nobody draws more levels than these, and copies of long lists take time.
        local above = level.above
        if #above < 32 then
          above = table.move(above, 1, #above, 1, {})
          above[#above + 1] = not last
        end
        open[#open + 1] = { list = below[one.id], next = 1, above = above }
      end
    end
  end
  return rows, hidden
end

--- What is drawn before a row of `tree`, in the caller's signs: `line` where an outer branch goes
--- on, `gap` where it has ended, `fork` or `last` before the row itself.
---@param one { depth: integer, last: boolean, above: boolean[] }
---@param signs { line: string, gap: string, fork: string, last: string }
---@param deepest integer further levels share the last column
---@return string
function M.branch(one, signs, deepest)
  local out = {}
  for level = 2, math.min(one.depth, deepest) do
    out[#out + 1] = one.above[level] and signs.line or signs.gap
  end
  if one.depth > 0 then
    out[#out + 1] = one.last and signs.last or signs.fork
  end
  return table.concat(out)
end

--- Whether the proc file system at /proc is that of the process's own pid namespace. Each of
--- them shows the numbers of the namespace that it was mounted in, whoever reads it. So the number
--- that the process has inside must stand for it there, with its start time.
local function proc_state(pid, list, own_pid)
  local top = M.top(list, "/proc")
  if not top or top.type ~= "proc" or top.root ~= "/" or top.point ~= "/proc" then
    return "missing"
  elseif not own_pid then
    return "own"
  end
  local host = M.top(M.arrange(mountinfo() or {}), "/proc")
  if host and host.type == "proc" and host.device == top.device then
    return "stale"
  end
  local status, stat = proc_status(pid), proc_stat(pid)
  if not (status and stat and status.ns_pid) then
    return "unknown"
  end
  local inside = ("/proc/%d/stat"):format(status.ns_pid[#status.ns_pid])
  local found = part.child({}, function()
    local root = rootfs_open(("/proc/%d/root"):format(pid))
    local text = root:read(inside) or ""
    -- Field 22; the name before it may have blanks and brackets in it.
    local start = text:match(".*%)%s+(.*)$")
    local fields = {}
    for word in (start or ""):gmatch("%S+") do
      fields[#fields + 1] = word
    end
    return fields[20] or ""
  end)
  if type(found) ~= "string" then
    return "unknown"
  end
  return found == tostring(stat.starttime) and "own" or "stale"
end

-- Where engines listen; /var/run is a link to /run.
local ENGINES = {
  "/run/docker.sock",
  "/run/containerd/containerd.sock",
  "/run/podman/podman.sock",
  "/run/crio/crio.sock",
  "/run/buildkit/buildkitd.sock",
}

--- The sockets of container engines that can be reached there.
local function engine_sockets(pid)
  return part.child({}, function()
    local root = rootfs_open(("/proc/%d/root"):format(pid))
    local found = json_array {}
    for _, path in ipairs(ENGINES) do
      local file = root:stat(path)
      if file and file.type == "socket" then
        table.insert(found, path)
      end
    end
    return found
  end)
end

--- The block devices that have a node in the /dev of the process.
local function block_devices(pid, list)
  return part.child({}, function()
    local root = rootfs_open(("/proc/%d/root"):format(pid))
    local found = json_array {}
    for _, name in ipairs(root:exists("/dev") and root:list("/dev") or {}) do
      local file = root:stat("/dev/" .. name, { nofollow = true })
      if file and file.type == "block" then
        table.insert(found, "/dev/" .. name)
      end
    end
    for _, one in ipairs(list) do
      if not one.hidden and one.root ~= "/" and one.type:find("tmpfs") then
        local file = root:stat(one.point, { nofollow = true })
        if file and file.type == "block" and one.point:match("^(.*)/") ~= "/dev" then
          table.insert(found, one.point)
        end
      end
    end
    return found
  end)
end

--- Which of the paths this kernel has.
local function present(paths)
  local found = {}
  for _, path in ipairs(paths) do
    found[path] = stat(path) ~= nil
  end
  return found
end

--- The mount points whose peers are in the host's mount namespace too, or in that of this program:
--- what is mounted on one side appears on the other.
local function leaks(list, host)
  local peers, found = {}, json_array {}
  for _, mounts in ipairs { host, M.arrange(mountinfo() or {}) } do
    for _, one in ipairs(mounts) do
      if one.peers then
        peers[one.peers] = true
      end
    end
  end
  for _, one in ipairs(list) do
    if one.peers and peers[one.peers] then
      table.insert(found, one.point)
    end
  end
  return found
end

--- The places that show the host's root file system as a whole.
local function host_roots(list, host)
  local top = M.top(host, "/")
  local found = json_array {}
  for _, one in ipairs(list) do
    if top and not one.hidden and one.device == top.device and one.root == top.root then
      table.insert(found, { point = one.point, readonly = one.readonly })
    end
  end
  return found
end

--- `{ list, proc, devices, leaks, host_roots }`; the last two only where the process has a mount
--- namespace of its own.
---@param pid integer
---@param reference? inspect.Reference nil where a recorded tree is read
---@param spaces? table what `inspect.namespaces` answered
---@param from? table where the readers read
---@return table
function M.read(pid, reference, spaces, from)
  local entries = mountinfo(pid, from)
  if not entries then
    return part.unreadable("ESRCH")
  end
  local answer = { list = M.arrange(entries) }
  local own_pid = spaces and spaces.pid and spaces.pid.shared == false
  if reference then
    answer.proc = proc_state(pid, answer.list, own_pid)
    answer.devices = block_devices(pid, answer.list)
    answer.sockets = engine_sockets(pid)
    answer.secret = present(M.SECRET)
  end
  local host = reference and part.known(part.read(mountinfo, reference.pid))
  if host and spaces and spaces.mnt and spaces.mnt.shared == false then
    local arranged = M.arrange(host)
    answer.leaks = leaks(answer.list, arranged)
    answer.host_roots = host_roots(answer.list, arranged)
  end
  return answer
end

return M
