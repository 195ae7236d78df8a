--- What the filters of processes answer to each system call, and the calls in groups for a map.
---
--- The filters are read back from the kernel (`seccomp_map`), so the map is of what holds, and
--- not of what somebody has asked for. A call stands in the first group that has it; the groups
--- are those that `seccomp` takes, under the same names.
---
--- ```lua
--- local calls = require "inspect.calls"
---
--- local groups = calls.groups({ "read", "write", "mount", "no_such_call" })
--- assert(groups[1].group == "@mount" and groups[1].names[1] == "mount")
--- assert(groups[#groups].group == "other")
--- ```
local part = require "inspect.part"

local M = {}

-- The rarer a group, the earlier it takes its calls.
M.GROUPS = {
  "@module",
  "@reboot",
  "@swap",
  "@raw-io",
  "@cpu-emulation",
  "@debug",
  "@keyring",
  "@pkey",
  "@mount",
  "@sandbox",
  "@clock",
  "@obsolete",
  "@setuid",
  "@chown",
  "@xattr",
  "@aio",
  "@io-event",
  "@network-io",
  "@sysv-ipc",
  "@message-queue",
  "@ipc",
  "@signal",
  "@timer",
  "@clock-read",
  "@scheduling",
  "@resources",
  "@memlock",
  "@memory",
  "@sync",
  "@process-group",
  "@process",
  "@threads",
  "@credentials",
  "@descriptors",
  "@basic-io",
  "@file-system",
}

--- The names in groups: `{ group, names }` each, empty ones left out; the rest is "other".
---@param names string[]
---@return { group: string, names: string[] }[]
function M.groups(names)
  local left, out = {}, {}
  for _, name in ipairs(names) do
    left[name] = true
  end
  for _, group in ipairs(M.GROUPS) do
    local found = {}
    for _, name in ipairs(try(seccomp_groups, group) or {}) do
      if left[name] then
        found[#found + 1], left[name] = name, nil
      end
    end
    if #found > 0 then
      out[#out + 1] = { group = group, names = found }
    end
  end
  local rest = {}
  for _, name in ipairs(names) do
    rest[#rest + 1] = left[name] and name or nil
  end
  if #rest > 0 then
    out[#out + 1] = { group = "other", names = rest }
  end
  return out
end

--- The mark of a row: ● allowed, ○ depends on the arguments, × refused.
---@param row table of `seccomp_map`'s calls
---@return "●"|"○"|"×"
function M.mark(row)
  if #row.answers > 1 then
    return "○"
  end
  local action = row.answers[1] and row.answers[1].action
  return (action == "allow" or action == "log") and "●" or "×"
end

--- What the filters answer to a call, in words.
---@param row table
---@return string
function M.rule(row)
  local words = {}
  for index, answer in ipairs(row.answers) do
    words[index] = answer.errno and answer.action .. " " .. answer.errno or answer.action
  end
  if #words == 0 then
    return "not known"
  end
  return #words == 1 and words[1] or "by its arguments: " .. table.concat(words, " or ")
end

--- How many calls of a map have each mark.
---@param map table
---@return table<string, integer>
function M.count(map)
  local count = { ["●"] = 0, ["○"] = 0, ["×"] = 0 }
  for _, row in ipairs(map.calls) do
    local mark = M.mark(row)
    count[mark] = count[mark] + 1
  end
  return count
end

--- The maps of processes that have filters, equal ones once: `{ pids, filters, architecture,
--- calls }`, or `{ pids, unreadable, hint }`.
---@param processes table[] rows of a snapshot
---@return table[]
function M.of(processes)
  local filtered = json_array {}
  for _, one in ipairs(processes) do
    if one.seccomp.mode == "filter" and not one.zombie then
      filtered[#filtered + 1] = one.pid
    end
  end
  if #filtered == 0 then
    return filtered
  end
  -- Another process than their parent has to trace them.
  local found = part.child({}, function()
    local list, by_digest, known = json_array {}, {}, {}
    for _, pid in ipairs(filtered) do
      local map = part.read(seccomp_map, pid, { known = known })
      local key = map.digest or map.unreadable
      if not by_digest[key] then
        map.pids, by_digest[key], list[#list + 1] = json_array {}, map, map
        known[#known + 1] = map.digest
      end
      table.insert(by_digest[key].pids, pid)
    end
    return list
  end)
  if found.unreadable then
    found.pids = filtered
    return json_array { found }
  end
  return found
end

return M
