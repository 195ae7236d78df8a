#!/usr/bin/env crun-lua
-- Shows what a container is made of, from outside: its own namespaces, who lives in it, what it
-- takes, what it may do, what looks wrong; and where the usual commands fail: the group is found on
-- cgroup v2, addresses are read inside of the network namespace. `crun-lua inspect PID` shows more.

local inspect = require "inspect"
local text = require "view.text"
local units = require "view.units"

local pid = math.tointeger(tonumber(arg[1] or ""))
if not pid or arg[2] then
  io.stderr:write("usage: crun-lua scripts/debug.lua PID\n")
  os.exit(2)
end
local facts, err = try(inspect.process, pid)
if not facts then
  io.stderr:write("debug.lua: ", err.message, "\n  hint: ", err.hint or "", "\n")
  os.exit(1)
end

local function heading(words)
  print(("\n== %s"):format(words))
end

local function row(name, words)
  print(("%-12s %s"):format(text.clean(name), text.clean(words)))
end

--- What could not be read says why; the rest goes on.
local function readable(part)
  if part.unreadable then
    print(("unreadable: %s; %s"):format(part.unreadable, part.hint))
  end
  return not part.unreadable
end

print(("process %d  %s"):format(pid, text.clean(facts.process.name)))

heading("Which namespaces are its own?  (ls -l /proc/PID/ns)")
local spaces = readable(facts.namespaces) and facts.namespaces or {}
for _, kind in ipairs(require("options").keys(spaces)) do
  local space = spaces[kind]
  row(kind, space.inode .. (space.shared and "  the host's" or "  its own"))
end

heading("Who lives in it?  (pstree -p; the second number is the one inside)")
for _, one in ipairs(readable(facts.processes) and facts.processes.list or {}) do
  print(("%7d %7d  %s%s"):format(one.pid, one.inside, ("  "):rep(one.depth), text.clean(one.name)))
end

heading("Where are its cables?  (nsenter -t PID -n ip address)")
for _, link in ipairs(readable(facts.network) and facts.network.links or {}) do
  local words = { link.up and "up" or link.up == false and "down" or "?" }
  for _, one in ipairs(link.addresses or {}) do
    words[#words + 1] = one.address
  end
  if link.peer and not link.peer.unreadable then
    words[#words + 1] = "↔ " .. link.peer.name
  end
  row(link.name, table.concat(words, " "))
end

heading("What may it take?  (cat the files of /proc/PID/cgroup's groups)")
if readable(facts.cgroup) and readable(facts.cgroup.usage) then
  local memory, limit = facts.cgroup.usage.memory or {}, facts.cgroup.effective.memory
  local used = memory.usage and units.size(memory.usage) or "what is not counted" -- v2's root
  row("memory", used .. " of " .. (limit and units.size(limit.limit) or "all"))
end

heading("What may it do?  (capsh --decode, grep Seccomp /proc/PID/status)")
if readable(facts.security) then
  local names = facts.security.capabilities.effective.names
  row("may", #names > 0 and table.concat(names, " ") or "no capability")
  row("seccomp", facts.security.seccomp.mode)
end

heading("What looks wrong?")
local lines = require("inspect.report").findings(inspect.findings(facts), { width = 80 })
print(#lines > 0 and table.concat(lines, "\n") or "nothing")
