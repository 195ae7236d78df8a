--- Faults of the processes themselves: signals that the first process does not take, children that
--- nobody collects, descriptors that lead out, restarts.
---
--- ```lua
--- local rules = require "inspect.findings.process"
---
--- assert(rules[1].id == "ended" and rules[1].remedy)
--- ```

local function has(list, word)
  for _, item in ipairs(list or {}) do
    if item == word then
      return true
    end
  end
  return false
end

--- The names and numbers of some processes, as many as fit into a line.
local function some(list)
  local words = {}
  for index, one in ipairs(list) do
    if index > 4 then
      words[#words + 1] = "…"
      break
    end
    words[#words + 1] = ("%d (%s)"):format(one.pid, one.name)
  end
  return table.concat(words, ", ")
end

local function zombies(facts)
  local found = {}
  for _, one in ipairs(facts.processes.list) do
    if one.zombie and one.pid ~= facts.pid then
      found[#found + 1] = one
    end
  end
  return found
end

--- Who should have collected them.
local function parent_of(facts, one)
  for _, other in ipairs(facts.processes.list) do
    if other.pid == one.ppid then
      return ("%d (%s)"):format(other.pid, other.name)
    end
  end
  return ("%d, outside"):format(one.ppid)
end

local SIGSYS = 31

return {
  {
    id = "ended",
    level = "error",
    needs = { "process" },
    see = "wait(2)",
    why = "it holds nothing any more but its number and how it ended",
    remedy = "its parent must call wait; or end the parent, then the first process collects it",
    find = function(facts)
      if facts.process.zombie then
        return ("it has ended, and its parent %d has not collected it"):format(facts.process.ppid)
      end
    end,
  },
  {
    id = "stopped",
    level = "warning",
    needs = { "process" },
    see = "signal(7)",
    why = "it does nothing until it is continued",
    remedy = "kill -CONT, or let the debugger that stopped it go on",
    find = function(facts)
      if facts.process.state == "stopped" or facts.process.state == "tracing stop" then
        return "it is stopped"
      end
    end,
  },
  {
    id = "pid1-ignores-term",
    level = "warning",
    needs = { "processes", "namespaces" },
    see = "pid_namespaces(7), kill(2)",
    why = "the kernel discards signals that the first process of a pid namespace has no handler "
      .. "for; stopping waits for its timeout and then kills",
    remedy = "give it a handler (in a shell: trap 'exit 0' TERM), or run it below a small init "
      .. "that passes signals on (tini, catatonit)",
    find = function(facts)
      local signals = facts.processes.init_signals
      local shared = facts.namespaces.pid and facts.namespaces.pid.shared
      -- A blocked signal is fetched by sigwait or a signalfd, as small inits do it.
      if not signals or shared ~= false or has(signals.caught, "term") then
        return nil
      elseif has(signals.ignored, "term") then
        return ("the first process, %d, ignores SIGTERM"):format(facts.processes.init)
      elseif not has(signals.blocked, "term") then
        return ("the first process, %d, has no handler for SIGTERM"):format(facts.processes.init)
      end
    end,
  },
  {
    id = "zombies",
    level = "warning",
    needs = { "processes" },
    see = "wait(2), pid_namespaces(7)",
    why = "each keeps its number and counts against the limit of processes; the first process of "
      .. "a pid namespace inherits all orphans and owes them a wait",
    remedy = "let the parent call wait, or run a first process that reaps (tini, catatonit)",
    find = function(facts)
      local found = zombies(facts)
      if #found > 0 then
        local parent = parent_of(facts, found[1])
        local text = "%d ended and not collected: %s; the parent is %s"
        return text:format(#found, some(found), parent)
      end
    end,
  },
  {
    id = "seccomp-killed",
    level = "error",
    needs = { "processes" },
    see = "seccomp(2)",
    why = "its filter's action for a call is to kill, not to answer an error",
    remedy = "look for 'type=1326' and syscall= in the kernel log (dmesg, journalctl -k, ausearch "
      .. '-m SECCOMP); allow that call, or let the filter answer EPERM (default = "errno")',
    find = function(facts)
      local record = facts.container and facts.container.exit
      if record and record.signal == "sys" then
        return "the container's process was killed by SIGSYS"
      end
      for _, one in ipairs(facts.processes.list) do
        if one.exit and one.exit.signal & 127 == SIGSYS then
          return ("%d (%s) was killed by SIGSYS"):format(one.pid, one.name)
        end
      end
    end,
  },
  {
    id = "restart-loop",
    level = "error",
    needs = { "container" },
    see = "crun-lua ps",
    why = "each run ends soon after its start; only the log says why",
    remedy = "read its log; where it was killed for memory raise the limit, where the command "
      .. "fails run it by hand",
    find = function(facts)
      local record = facts.container
      local restarts = record.restarts or 0
      if restarts >= 3 or (record.status == "restarting" and restarts > 0) then
        local last = record.exit or {}
        local how = last.oom and "killed for memory" or last.signal and "signal " .. last.signal
        how = how or last.code and ("status %d"):format(last.code) or "an unknown end"
        return ("it was restarted %d times, the last time after %s"):format(restarts, how)
      end
    end,
  },
  {
    id = "host-directory-fd",
    level = "error",
    needs = { "fds" },
    see = "CVE-2024-21626",
    why = "a directory that is not below its root is a way out: /proc/self/fd/N/.. is the host's",
    remedy = "close it before the command starts (exec does, except preserve_fds), and start in a "
      .. "working directory inside of the root",
    find = function(facts)
      local found = {}
      for _, one in ipairs(facts.fds.outside or {}) do
        local number = one.fd == "cwd" and "the working directory" or "descriptor " .. one.fd
        found[#found + 1] = {
          what = ("%s is the directory %s of another mount namespace"):format(
            number,
            tostring(one.target)
          ),
        }
      end
      return found
    end,
  },
  {
    id = "low-nofile",
    level = "warning",
    needs = { "limits" },
    see = "getrlimit(2)",
    why = "a server that cannot open a descriptor (EMFILE) refuses connections",
    remedy = "raise it before the start: rlimit { nofile = 65536 }, or rlimits in the profile",
    find = function(facts)
      local soft = facts.limits.nofile and facts.limits.nofile.soft
      local count = facts.fds and facts.fds.count or 0
      if type(soft) ~= "number" then
        return nil
      elseif count >= soft * 0.8 then
        return ("%d of the %d descriptors that it may open are taken"):format(count, soft)
      elseif soft < 256 then
        return ("it may open %d descriptors"):format(soft)
      end
    end,
  },
}
