#!/usr/bin/env crun-lua
-- Shows what a container is made of, from outside: which namespaces it has of its own, who lives in
-- it, what it may take and takes, what it may do, and what looks wrong.
--
--   crun-lua scripts/debug.lua PID
--
-- Each part is what the usual shell commands would show, and holds where they do not: the group is
-- found on cgroup v2 too (`grep memory /proc/PID/cgroup` finds nothing there), capabilities have
-- names, the addresses are read inside of the network namespace, and names that a process gave
-- itself cannot write on the terminal. `crun-lua inspect PID` shows the rest.

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
  local row = spaces[kind]
  print(("%-7s %d  %s"):format(kind, row.inode, row.shared and "the host's" or "its own"))
end

heading("Who lives in it?  (pstree -p; the second number is the one inside)")
for _, one in ipairs(readable(facts.processes) and facts.processes.list or {}) do
  print(("%7d %7d  %s%s"):format(one.pid, one.inside, ("  "):rep(one.depth), text.clean(one.name)))
end

heading("Where are its cables?  (nsenter -t PID -n ip address)")
for _, link in ipairs(readable(facts.network) and facts.network.links or {}) do
  local peer = link.peer and not link.peer.unreadable and "  ↔ " .. link.peer.name or ""
  local words = {}
  for index, row in ipairs(link.addresses or {}) do
    words[index] = row.address
  end
  print(link.name, link.up and "up" or "down", table.concat(words, " ") .. peer)
end

heading("What may it take?  (cat the files of /proc/PID/cgroup's groups)")
if readable(facts.cgroup) and readable(facts.cgroup.usage) then
  local memory, limit = facts.cgroup.usage.memory or {}, facts.cgroup.effective.memory
  print("memory", units.size(memory.usage), "of", limit and units.size(limit.limit) or "no limit")
end

heading("What may it do?  (capsh --decode, grep Seccomp /proc/PID/status)")
if readable(facts.security) then
  print("effective", table.concat(facts.security.capabilities.effective.names, " "))
  print("seccomp", facts.security.seccomp.mode, facts.security.seccomp.filters)
end

heading("What looks wrong?")
local lines = require("inspect.report").findings(inspect.findings(facts), { width = 80 })
print(#lines > 0 and table.concat(lines, "\n") or "nothing")
