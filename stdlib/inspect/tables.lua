--- The facts of a process as rows of tables, section by section: what a report draws.
---
--- ```lua
--- local tables = require "inspect.tables"
---
--- local rows = tables.ids { uid = { { inside = 0, outside = 1000, count = 1 } }, gid = {} }
--- assert(rows[1].what == "user" and rows[1].outside == 1000)
--- ```
local namespaces = require "inspect.namespaces"
local units = require "view.units"

local M = {}

M.SOURCES = {
  netlink = "from inside of the namespace",
  joined = "by a child that entered its user and network namespace",
  proc = "from /proc/PID/net, which has neither addresses nor states: run this as root",
}

function M.namespaces(spaces)
  local rows = {}
  for _, known in ipairs(namespaces.KINDS) do
    local row = spaces[known.kind]
    if row then
      local host = "–"
      if row.shared ~= nil then
        local shade = row.shared and "yellow" or "green"
        host = { text = row.shared and "host" or "own", colour = shade }
      end
      rows[#rows + 1] = { kind = known.kind, inode = row.inode, host = host, holds = known.holds }
    end
  end
  return rows
end

function M.processes(found)
  local rows = {}
  for index, one in ipairs(found.list) do
    rows[index] = {
      pid = one.pid,
      inside = one.inside,
      state = one.zombie and { text = "zombie", colour = "red" } or one.state,
      name = ("  "):rep(one.depth) .. one.name,
    }
  end
  return rows
end

function M.mounts(found)
  local rows = {}
  for _, one in ipairs(found.list) do
    if not one.hidden then
      local what = one.source == "none" and "" or one.source or ""
      rows[#rows + 1] = {
        point = one.point,
        type = one.type,
        what = one.root ~= "/" and what .. "[" .. one.root .. "]" or what,
        attributes = #one.attributes > 0 and table.concat(one.attributes, ",") or nil,
        propagation = one.propagation,
        remark = one.masked and "masked" or one.over and "over another" or "",
      }
    end
  end
  return rows
end

--- Where the other end of a cable is, in words.
local function peer_words(peer)
  if not peer then
    return nil
  elseif peer.unreadable then
    return "not found"
  elseif peer.here then
    return peer.name .. " (here)"
  end
  local where = peer.host and "the host" or ("process %d"):format(peer.pid)
  local master = peer.master and ", port of " .. peer.master or ""
  return ("%s on %s%s%s"):format(peer.name, where, master, peer.up and "" or ", down")
end

function M.links(found)
  local rows = {}
  for index, link in ipairs(found.links) do
    local words = {}
    for _, row in ipairs(link.addresses or {}) do
      words[#words + 1] = row.address
    end
    local state = link.up and link.state or "down"
    rows[index] = {
      name = link.name,
      kind = link.kind,
      state = link.up ~= nil and { text = state, colour = not link.up and "red" or nil } or nil,
      mtu = link.mtu,
      addresses = #words > 0 and table.concat(words, " ") or nil,
      peer = peer_words(link.peer),
    }
  end
  return rows
end

function M.routes(found)
  local rows = {}
  for index, route in ipairs(found.routes) do
    rows[index] = { to = route.to, via = route.via or "(on the link)", dev = route.dev }
  end
  return rows
end

function M.memberships(found)
  local rows = {}
  for index, row in ipairs(found.memberships) do
    local names = table.concat(row.controllers, ",")
    rows[index] = {
      version = row.version,
      controllers = names ~= "" and names or "(all)",
      path = row.path,
    }
  end
  return rows
end

--- `used of limit (file's place)`.
local function against(used, limit, show)
  local text = used and show(used) or "?"
  if limit then
    return ("%s of %s, set at %s"):format(text, show(limit.limit), limit.at)
  end
  return text .. ", no limit"
end

function M.usage(found)
  local usage = found.usage
  if not usage or usage.unreadable then
    return { { "layout", found.layout }, { "usage", usage } }
  end
  local memory, cpu, processes = usage.memory or {}, usage.cpu or {}, usage.pids or {}
  local limit = found.effective
  local oom = found.events and found.events.memory and found.events.memory.oom_kill
  local rate = limit.cpu
    and ("%s of one, set at %s"):format(units.percent(limit.cpu.limit), limit.cpu.at)
  return {
    { "layout", found.layout },
    { "memory", against(memory.usage, limit.memory, units.size) },
    { "most memory", units.size(memory.peak) },
    { "killed for memory", oom },
    { "processes", against(processes.current, limit.pids, tostring) },
    { "processor", cpu.usage_usec and units.time(cpu.usage_usec / 1e6) },
    { "processor limit", rate or "no limit" },
    {
      "throttled",
      cpu.nr_periods and ("%d of %d periods"):format(cpu.nr_throttled or 0, cpu.nr_periods),
    },
  }
end

local function names(set)
  if #set.names > 30 then
    return ("%s (%d capabilities)"):format(set.mask, #set.names)
  end
  return #set.names > 0 and ("%s: %s"):format(set.mask, table.concat(set.names, " ")) or "none"
end

function M.security(found)
  local user, lsm = found.user, found.lsm or {}
  local filter = found.seccomp.mode
  if filter == "filter" then
    -- The kernel does not tell what a filter answers; which of the two it was shows in the log.
    filter = ("%s filters; a refused call is an error, or SIGSYS and a line in the log"):format(
      found.seccomp.filters or "?"
    )
  end
  local rows = {
    { "user", ("%d:%d"):format(user.uid.effective, user.gid.effective) },
    { "groups", #user.groups > 0 and table.concat(user.groups, " ") or "none" },
  }
  for _, set in ipairs { "effective", "permitted", "inheritable", "ambient", "bounding" } do
    rows[#rows + 1] = { set, names(found.capabilities[set]) }
  end
  rows[#rows + 1] = { "seccomp", filter }
  rows[#rows + 1] = { "no_new_privs", found.no_new_privs and "on" or "off" }
  if not lsm.unreadable then
    rows[#rows + 1] = { "AppArmor", lsm.apparmor or "not active" }
    rows[#rows + 1] = { "SELinux", lsm.selinux or "not active" }
  end
  return rows
end

function M.ids(found)
  local rows = {}
  for _, what in ipairs { "uid", "gid" } do
    for _, range in ipairs(found[what]) do
      rows[#rows + 1] = {
        what = what == "uid" and "user" or "group",
        inside = range.inside,
        outside = range.outside,
        count = range.count,
      }
    end
  end
  return rows
end

function M.limits(found)
  local rows, sorted = {}, require("options").keys(found)
  for index, name in ipairs(sorted) do
    local one = found[name]
    rows[index] = { name = name, soft = one.soft, hard = one.hard, units = one.units or "" }
  end
  return rows
end

function M.fds(found)
  local words = {}
  for _, kind in ipairs(require("options").keys(found.kinds)) do
    words[#words + 1] = ("%d %s"):format(found.kinds[kind], kind)
  end
  local outside, leads = {}, found.outside
  for index, one in ipairs(leads and not leads.unreadable and leads or {}) do
    outside[index] = ("%s → %s"):format(one.fd, tostring(one.target))
  end
  return {
    { "open", ("%d: %s"):format(found.count, table.concat(words, ", ")) },
    { "directory", found.cwd },
    { "leading out", #outside > 0 and table.concat(outside, ", ") or "none" },
  }
end

return M
